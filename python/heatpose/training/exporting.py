"""Networks for other programs: ONNX, torch.export and TorchScript, checked as they are written."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from heatpose.files import write_atomically
from heatpose.networks import NETWORKS, CropSpec, network_for
from heatpose.training.weight_files import read_weights, save_weights
from heatpose.weights import fetch, find_model, load_into, models
from heatpose.weights.convert import read_checkpoint

SUFFIXES = (".onnx", ".pt2", ".pt", ".safetensors")
"""What :func:`export` writes."""

_OPSET = 17
_TOLERANCE = 1e-3  # of maps of about 0..1; other orders of summation differ by far less


class Exported(NamedTuple):
    """What was written.

    Attributes:
        path: The file.
        error: Greatest difference between its answers and the network's.
        dynamic: Whether it takes any number of images of any size; else the size of the example.
        size: (height, width) of the example in pixels.
    """

    path: Path
    error: float
    dynamic: bool
    size: tuple[int, int]


def load_network(model: str | os.PathLike[str], *, accept_licence: bool = False) -> nn.Module:
    """A network by the name of a published checkpoint, or by its weight file.

    A file may also be a checkpoint of ``heatpose train``.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file belongs to no known network, or the name to a detector's program.
        LicenceNotAccepted: the checkpoint's terms are not accepted.
    """
    if str(model) in models():
        known = find_model(str(model))
        if known.architecture not in NETWORKS:
            raise ValueError(f"{model} is a detector ({known.architecture}), an ONNX file already")
        network: nn.Module = NETWORKS[known.architecture](**known.arguments)
        load_into(network, read_checkpoint(fetch(str(model), accept_licence=accept_licence)))
        return network
    state_dict = read_weights(model)
    network = network_for(state_dict)
    load_into(network, state_dict)
    return network


def export(
    network: nn.Module,
    out: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    half: bool = False,
) -> Exported:
    """Write a network, and compare what the file answers with what the network answers.

    Args:
        network: With an ``input_spec`` or a ``crop_spec``. The caller normalises its input.
        out: A file that ends with ``.onnx`` (opset 17; images [N, 3, H, W] to heatmaps and perhaps
            pafs), ``.pt2`` (torch.export), ``.pt`` (TorchScript, traced) or ``.safetensors`` (the
            weights alone, for heatpose).
        size: (height, width) of the example in pixels. Default: the crop's, or 256 x 320.
        half: Of safetensors: whether weights are written as float16.

    Returns:
        What was written. Number and size of images are free where the exporter can do it.

    Raises:
        ImportError: onnxruntime is missing.
        ValueError: another ending, or the file answers something else than the network.
    """
    path = Path(out)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"out must end with one of {', '.join(SUFFIXES)}, got {path.name!r}")
    network = network.eval().cpu().float()
    spec = getattr(network, "crop_spec", None)
    if size is None:
        size = (spec.height, spec.width) if isinstance(spec, CropSpec) else (256, 320)
    if path.suffix == ".safetensors":
        return _export_weights(network, path, size, half)
    writers = {".onnx": _onnx, ".pt2": _torch_export, ".pt": _torch_script}
    for dynamic in (True, False):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                data = writers[path.suffix](
                    network, _example(1 if not dynamic else 2, size), dynamic
                )
                error = max(
                    _difference(network, _runner(path.suffix, data), images)
                    for images in _tries(size, dynamic)
                )
            if error <= _TOLERANCE:
                break
        except ImportError:
            raise
        except Exception as problem:
            # Exporters fail in as many ways as there are operators; a fixed size asks less of them.
            if not dynamic:
                raise ValueError(f"{path.name}: {str(problem).splitlines()[-1][:300]}") from problem
    if not error <= _TOLERANCE:
        raise ValueError(
            f"{path.name} would answer something else than the network: they differ by {error:.2g}"
        )
    write_atomically(path, data)
    return Exported(path, error, dynamic, size)


def _example(count: int, size: tuple[int, int]) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, *size, generator=generator) - 0.5


def _tries(size: tuple[int, int], dynamic: bool) -> list[Tensor]:
    if not dynamic:
        return [_example(1, size)]
    return [_example(1, size), _example(3, (size[0] + 64, size[1] - 32 or size[1]))]


def _names(network: nn.Module, images: Tensor) -> list[str]:
    with torch.no_grad():
        return ["heatmaps", "pafs"] if isinstance(network(images), tuple) else ["heatmaps"]


def _onnx(network: nn.Module, images: Tensor, dynamic: bool) -> bytes:
    names = _names(network, images)
    axes = {"images": {0: "n", 2: "height", 3: "width"}}
    axes.update({name: {0: "n", 2: "rows", 3: "columns"} for name in names})
    stream = io.BytesIO()
    # The exporter without onnxscript, which is no dependency of ours.
    write: Any = torch.onnx.export
    write(
        network,
        (images,),
        stream,
        dynamo=False,
        input_names=["images"],
        output_names=names,
        dynamic_axes=axes if dynamic else None,
        opset_version=_OPSET,
    )
    return stream.getvalue()


def _torch_export(network: nn.Module, images: Tensor, dynamic: bool) -> bytes:
    free = torch.export.Dim.AUTO
    shapes = ({0: free, 2: free, 3: free},) if dynamic else None
    stream = io.BytesIO()
    export_program: Any = torch.export.export
    program = export_program(network, (images,), dynamic_shapes=shapes)
    torch.export.save(program, stream)
    return stream.getvalue()


def _torch_script(network: nn.Module, images: Tensor, dynamic: bool) -> bytes:
    stream = io.BytesIO()
    with torch.no_grad():
        torch.jit.save(torch.jit.trace(network, images), stream)  # type: ignore[no-untyped-call]
    return stream.getvalue()


def _runner(suffix: str, data: bytes) -> Any:
    if suffix == ".onnx":
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError(f"{error}: pip install 'heatpose[detect]'") from error
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        return lambda images: [
            torch.from_numpy(answer) for answer in session.run(None, {"images": images.numpy()})
        ]
    if suffix == ".pt2":
        return torch.export.load(io.BytesIO(data)).module()
    return torch.jit.load(io.BytesIO(data))  # type: ignore[no-untyped-call]


@torch.no_grad()
def _difference(network: nn.Module, runner: Any, images: Tensor) -> float:
    wanted, got = (
        answer if isinstance(answer, (tuple, list)) else [answer]
        for answer in (network(images), runner(images))
    )
    pairs = zip(wanted, got, strict=True)
    return max(float((want - have).abs().max()) for want, have in pairs)


def _export_weights(network: nn.Module, path: Path, size: tuple[int, int], half: bool) -> Exported:
    images = _example(1, size)
    with torch.no_grad():
        wanted = network(images)
    save_weights(network.state_dict(), path, half=half)
    load_into(network, read_checkpoint(path))
    error = _difference(lambda _: wanted, network, images)  # type: ignore[arg-type]
    return Exported(path, error, True, size)
