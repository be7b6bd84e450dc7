"""Weight files into networks, strictly, and without running code from the file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor, nn

from heatpose.networks import NETWORKS, network_name
from heatpose.weights.safe_pickle import Inert
from heatpose.weights.torch_files import is_torch_file, read_torch_file

_NAMES_SHOWN = 5  # per kind of mismatch: a wrong file can miss hundreds


def load_state_dict(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read the tensors of a weight file, on the CPU.

    The kind is told by the content, not by the extension: safetensors, or a file of ``torch.save``
    (a state dict, or a checkpoint that holds one under ``state_dict``). Nothing of the file is run,
    and what lies beside the state dict is not made (see ``weights/safe_pickle.py``). The prefix
    ``module.`` of data-parallel training is removed.

    Args:
        path: The file.

    Returns:
        Tensors by name, as named in the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the path is a folder; the file is neither kind, is damaged, has no state dict,
            has other things than tensors in it, or two tensors of one name without the prefix.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"weights: {path} does not exist")
    content = _read(path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        raise ValueError(f"weights: {path} holds no state dict (found {_describe(content)})")
    strangers = [
        f"{name} ({_describe(value)})"
        for name, value in content.items()
        if not isinstance(value, Tensor)
    ]
    if strangers:
        raise ValueError(
            f"weights: {path} is not a plain state dict: not tensors are {_some(strangers)}"
        )
    named = {str(name).removeprefix("module."): tensor for name, tensor in content.items()}
    if len(named) < len(content):
        raise ValueError(
            f"weights: {path} has tensors whose names differ by the prefix module. alone"
        )
    return named


def load_into(network: nn.Module, state_dict: Mapping[str, Tensor]) -> None:
    """Put tensors into a network, all of them or none.

    Args:
        network: The network; if it has ``normalise_keys`` its other key layouts are accepted too.
        state_dict: Tensors by name, of the network's shapes; other float types are converted.

    Raises:
        ValueError: names are missing or unknown, or shapes differ; the message names the first of
            each, and the network that they are of, if it is another one of ``NETWORKS``. The
            network is then unchanged.
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
            + "; ".join([*problems, *_look_alike(network, state_dict)])
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


def _read(path: Path) -> object:
    if path.is_dir():
        raise ValueError(f"weights: {path} is a folder, not a weight file")
    with path.open("rb") as file:
        start = file.read(512)
    try:
        # A safetensors file starts with the length of a JSON header, then the header.
        if start[8:9] == b"{":
            return safetensors.torch.load_file(path)
        if is_torch_file(start):
            return read_torch_file(path)
    except safetensors.SafetensorError as error:
        raise ValueError(f"weights: {path} is a damaged safetensors file ({error})") from error
    except ValueError as error:
        raise ValueError(f"weights: {error}") from error
    raise ValueError(
        f"weights: {path} is neither safetensors nor a PyTorch file{_what_else(start)}"
    )


def _what_else(start: bytes) -> str:
    """What a file is that often lies where weights should, as the end of a sentence."""
    text = start.lstrip().lower()
    if not start:
        return ", it is empty"
    if text.startswith((b"<!doctype html", b"<html")):
        return ", it is a web page: the download was answered with one"
    if text.startswith(b"version https://git-lfs"):
        return ", it is the note of Git LFS in its place: fetch the file itself"
    return ""


def _look_alike(network: nn.Module, state_dict: Mapping[str, Tensor]) -> list[str]:
    name = network_name(state_dict)
    if name is None or NETWORKS[name] is type(network):
        return []
    return [f"these look like the weights of {name}"]


def _some(names: Iterable[object]) -> str:
    shown = [str(name) for name in names]
    more = len(shown) - _NAMES_SHOWN
    return ", ".join(shown[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _describe(value: object) -> str:
    if isinstance(value, Inert):
        return f"an object of {value.name}, which is not made, as files run no code here"
    return "nothing" if isinstance(value, Mapping) and not value else type(value).__name__
