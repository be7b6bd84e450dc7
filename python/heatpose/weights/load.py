"""Weight files into networks, strictly, and without running code from the file."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

_NAMES_SHOWN = 5  # per kind of mismatch: a wrong file can miss hundreds


def load_state_dict(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read the tensors of a weight file, on the CPU.

    The kind is told by the content, not by the extension: safetensors, or a file of ``torch.save``
    (a state dict, or a checkpoint that holds one under ``state_dict``). The latter is read with
    PyTorch's restricted unpickler, which makes tensors and plain containers and runs nothing. The
    prefix ``module.`` of data-parallel training is removed.

    Args:
        path: The file.

    Returns:
        Tensors by name, as named in the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is neither kind, is damaged, holds other things than tensors, or
            would need code to be run.
    """
    path = Path(path)
    if not path.is_file():
        reason = "is a folder, not a weight file" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"weights: {path} {reason}")
    content = _read_safetensors(path) if _is_safetensors(path) else _read_torch(path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        raise ValueError(f"weights: {path} holds no state dict (found {_describe(content)})")
    strangers = [name for name, value in content.items() if not isinstance(value, Tensor)]
    if strangers:
        raise ValueError(
            f"weights: {path} is not a plain state dict: not tensors are {_some(strangers)}"
        )
    return {str(name).removeprefix("module."): tensor for name, tensor in content.items()}


def load_into(network: nn.Module, state_dict: Mapping[str, Tensor]) -> None:
    """Put tensors into a network, all of them or none.

    Args:
        network: The network; if it has ``normalise_keys`` its other key layouts are accepted too.
        state_dict: Tensors by name, of the network's shapes; other float types are converted.

    Raises:
        ValueError: names are missing or unknown, or shapes differ. The network is then unchanged.
    """
    normalise_keys = getattr(network, "normalise_keys", dict)
    found: dict[str, Tensor] = normalise_keys(state_dict)
    wanted = network.state_dict()
    shapes = [
        f"{name} {tuple(found[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in wanted
        if name in found and found[name].shape != wanted[name].shape
    ]
    problems = [
        f"{len(names)} {what}: {_some(names)}"
        for what, names in (
            ("missing", [name for name in wanted if name not in found]),
            ("unknown", [name for name in found if name not in wanted]),
            ("of another shape", shapes),
        )
        if names
    ]
    if problems:
        raise ValueError(
            f"the weights do not fit {type(network).__name__} ({len(wanted)} tensors): "
            + "; ".join(problems)
        )
    network.load_state_dict(found)


def load_weights(network: nn.Module, path: str | os.PathLike[str]) -> None:
    """Read a weight file into a network: ``load_state_dict``, then ``load_into``.

    Args:
        network: The network to fill; its device and dtype stay.
        path: The file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a weight file, or of another network; the message names the file.
    """
    state_dict = load_state_dict(path)
    try:
        load_into(network, state_dict)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _is_safetensors(path: Path) -> bool:
    """Whether the file starts as safetensors do: the length of a JSON header, then the header."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def _starts_as_torch_saves(path: Path) -> bool:
    """Whether the file starts as a zip archive, or as the pickles of PyTorch before 1.6."""
    with path.open("rb") as file:
        return file.read(4).startswith((b"PK\x03\x04", b"\x80\x02"))


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise ValueError(f"weights: {path} is a damaged safetensors file ({error})") from error


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # random bytes raise almost anything in the unpickler
        # UnpicklingError is raised for refused content and for bytes that are no pickle at all.
        if isinstance(error, pickle.UnpicklingError) or not _starts_as_torch_saves(path):
            raise ValueError(
                f"weights: {path} is neither safetensors nor a PyTorch file of plain tensors; "
                "files that need code to be run are not opened"
            ) from error
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"weights: {path} is a damaged PyTorch file ({reason})") from error


def _some(names: Iterable[object]) -> str:
    shown = [str(name) for name in names]
    more = len(shown) - _NAMES_SHOWN
    return ", ".join(shown[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _describe(content: object) -> str:
    return "nothing" if isinstance(content, Mapping) else type(content).__name__
