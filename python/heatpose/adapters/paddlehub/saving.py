"""A module's network as files: ONNX for other programs, its weights for ``load_checkpoint``."""

from __future__ import annotations

import copy
import io
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from heatpose.files import write_atomically

_OPSET = 17
_TOLERANCE = 1e-3
# (images, height, width) of the pictures that the file is tried with: none is the traced one.
_TRACED, _TRIED = (1, 64, 80), ((1, 64, 80), (2, 96, 72))


def save_network(
    network: nn.Module, save_dir: str | os.PathLike[str], name: str, outputs: Mapping[str, int]
) -> tuple[Path, Path]:
    """Write ``<name>.onnx`` and ``<name>.safetensors`` to a folder, which is made.

    Args:
        network: Maps [N, 3, H, W] to maps, told by their channels.
        save_dir: The folder.
        name: Of the files.
        outputs: Name and channels of the outputs of the ONNX file, in its order.

    Returns:
        Both files.

    Raises:
        FileExistsError: the folder's name is that of a file.
        ImportError: onnxruntime, which checks the file, is missing.
        ValueError: the network cannot be exported, or the file answers something else; then nothing
            is written.
    """
    own = _InOrder(copy.deepcopy(network).cpu().float().eval(), tuple(outputs.values()))
    try:
        data = _onnx(own, tuple(outputs))
        _check(data, own, tuple(outputs))
    except ImportError:
        raise
    except Exception as error:  # exporters fail in as many ways as there are networks
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{name} cannot be exported: {reason}") from error
    tensors = {key: value.detach().cpu().clone() for key, value in network.state_dict().items()}
    folder = Path(save_dir)
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / f"{name}.onnx", folder / f"{name}.safetensors"
    for path, content in zip(files, (data, safetensors.torch.save(tensors)), strict=True):
        write_atomically(path, content)
    return files


class _InOrder(nn.Module):
    """A network whose outputs come in the order of their channels."""

    def __init__(self, network: nn.Module, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.network = network
        self.channels = channels

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        answers = self.network(image)
        several = [answers] if isinstance(answers, Tensor) else list(answers)
        by_channels = {int(maps.shape[1]): maps for maps in several}
        for count in self.channels:
            if count not in by_channels:
                raise ValueError(
                    f"the network must give maps of {count} channels, got {list(by_channels)}"
                )
        return tuple(by_channels[count] for count in self.channels)


def _images(count: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.rand(count, 3, height, width, generator=generator) - 0.5


def _onnx(network: nn.Module, outputs: tuple[str, ...]) -> bytes:
    axes = {"image": {0: "n", 2: "height", 3: "width"}}
    axes |= {name: {0: "n", 2: "rows", 3: "columns"} for name in outputs}
    stream = io.BytesIO()
    write: Any = torch.onnx.export
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        write(
            network,
            (_images(*_TRACED),),
            stream,
            dynamo=False,
            input_names=["image"],
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=_OPSET,
        )
    return stream.getvalue()


def _check(data: bytes, network: nn.Module, outputs: tuple[str, ...]) -> None:
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(f"{error}: pip install 'heatpose[detect]'") from error
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for size in _TRIED:
        images = _images(*size)
        found = session.run(list(outputs), {"image": images.numpy()})
        with torch.no_grad():
            wanted = network(images)
        for name, got, want in zip(outputs, found, wanted, strict=True):
            away = float((torch.from_numpy(got) - want).abs().max())
            if not away <= _TOLERANCE:
                raise ValueError(f"its {name} would differ from the network's by {away:.2g}")
