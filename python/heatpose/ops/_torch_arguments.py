"""The arguments of the public ops as a torch schema can hold them, there and back.

Dynamo traces the way there, so that it is plain Python.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from heatpose import ops
from heatpose.ops._images import pixel_type
from heatpose.ops._traceable import TRACEABLE
from heatpose.ops.prepare_image import scaled_size

OPTIONS = tuple(field.name for field in dataclasses.fields(ops.AssociateOptions))
PEAKS = ("peaks_xy", "peaks_scores", "peaks_counts")
"""What of the peaks associate reads."""
_DEFAULTS = ops.AssociateOptions()


def _same(name: str, value: Any) -> Any:
    return value


def _tensor(name: str, value: Any) -> torch.Tensor:
    if isinstance(value, np.ndarray):
        value = torch.as_tensor(value)  # Dynamo's, which is a tensor already
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} must be a NumPy array or a torch tensor, got {type(value)}")
    return value.detach() if value.requires_grad else value


def _tensors(name: str, value: Any) -> list[torch.Tensor]:
    stack = value if isinstance(value, (list, tuple)) else [value]
    if len(stack) == 0:
        raise ValueError(f"{name} must hold at least one scale, got none")
    return [_tensor(name, one) for one in stack]


def _list(name: str, value: Any) -> list[Any]:
    """A setting that lies in the graph as numbers, so that they must be known while tracing."""
    array = isinstance(value, np.ndarray)
    if isinstance(value, torch.Tensor) or (array and torch.compiler.is_dynamo_compiling()):
        raise TypeError(
            f"{name} must be a list or a tuple of numbers where torch traces the program, "
            f"got an array: give {name}.tolist() from outside"
        )
    return list(value.tolist() if array else value)


def _pairs(name: str, value: Any) -> list[int]:
    pairs = _list(name, value)
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"{name} must be whole numbers of shape [L, 2], got {value!r}")
    return [number for pair in pairs for number in pair]


def _three(name: str, value: Any) -> list[float]:
    return [value] * 3 if isinstance(value, (int, float)) else _list(name, value)


def _two_names(name: str, value: Any) -> list[str]:
    return [value] * 2 if isinstance(value, str) else list(value)


def _unflat(value: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(value[::2], value[1::2], strict=True))


class _Rule(NamedTuple):
    """How one kind of parameter lies in a schema: its type, the way there and the way back."""

    kind: str
    encode: Callable[[str, Any], Any] = _same
    decode: Callable[[Any], Any] = lambda value: value


# By the annotation of a parameter, as it is written.
RULES = {
    "bool": _Rule("bool"),
    "float": _Rule("float"),
    "float | None": _Rule("float?"),
    "int": _Rule("int"),
    "int | None": _Rule("int?"),
    "str": _Rule("str"),
    "Any": _Rule("str", pixel_type),
    "Array": _Rule("Tensor", _tensor),
    "Array | None": _Rule("Tensor?", _tensor),
    "Array | Sequence[Array]": _Rule("Tensor[]", _tensors),
    "Size": _Rule("SymInt[]", _list, tuple),
    "Sequence[int]": _Rule("SymInt[]", _list, tuple),
    "Sequence[int] | None": _Rule("SymInt[]?", _list, tuple),
    "Sequence[float] | None": _Rule("float[]?", _list),
    "str | tuple[str, str]": _Rule("str[]", _two_names, tuple),
    "float | Sequence[float]": _Rule("float[]", _three),
    "Sequence[tuple[int, int]] | npt.NDArray[Any]": _Rule("int[]", _pairs, _unflat),
    "Sequence[bool] | npt.NDArray[Any] | None": _Rule("bool[]?", _list),
    # The way in is _contents, which needs the maps as well.
    "Size | Sequence[Size | None] | None": _Rule("SymInt[]?", decode=_unflat),
}


class _Parameter(NamedTuple):
    """What a public op says of one of its parameters."""

    name: str
    default: Any
    annotation: str
    keyword: bool


def _parameters(op: Callable[..., Any]) -> tuple[_Parameter, ...]:
    return tuple(
        _Parameter(p.name, p.default, p.annotation, p.kind is p.KEYWORD_ONLY)
        for p in inspect.signature(op).parameters.values()
    )


PARAMETERS = {name: _parameters(op) for name, op in TRACEABLE.items()}


def bind(name: str, args: tuple[Any, ...], settings: dict[str, Any]) -> dict[str, Any]:
    """All arguments of a public op by name, but ``out``, which must not be given."""
    parameters = PARAMETERS[name]
    positional = [p.name for p in parameters if not p.keyword]
    if len(args) > len(positional):
        raise TypeError(f"{name}() takes {len(positional)} positional arguments, got {len(args)}")
    given = dict(zip(positional, args, strict=False))
    for key, value in settings.items():
        if key in given or not any(p.name == key for p in parameters):
            raise TypeError(f"{name}() got {key!r} twice, or has no argument of that name")
        given[key] = value
    for p in parameters:
        if p.name not in given:
            if p.default is inspect.Parameter.empty:
                raise TypeError(f"{name}() misses the argument {p.name!r}")
            given[p.name] = p.default
    if given.pop("out", None) is not None:
        raise TypeError(
            f"out cannot be given to {name} where torch traces the program: leave it out"
        )
    return given


def encode(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """From the arguments of a public op to those of its schema."""
    encoded: dict[str, Any] = {}
    for p in PARAMETERS[name]:
        if p.name == "out":
            continue
        value = given[p.name]
        if p.name == "peaks":
            if not isinstance(value, ops.Peaks):
                raise TypeError(f"peaks must be heatpose.ops.Peaks, got {type(value)}")
            for key, field in zip(PEAKS, value, strict=False):
                encoded[key] = _tensor(key, field)
        elif p.name == "options":
            options = _DEFAULTS if value is None else value
            if not isinstance(options, ops.AssociateOptions):
                raise TypeError(f"options must be AssociateOptions, got {type(options)}")
            for key in OPTIONS:
                encoded[key] = getattr(options, key)
        elif value is None:
            encoded[p.name] = None
        elif p.name == "content":
            encoded[p.name] = _contents(value, _maps(given), given["stride"])
        else:
            encoded[p.name] = RULES[p.annotation].encode(p.name, value)
    return encoded


def _maps(given: Mapping[str, Any]) -> list[Any]:
    maps = given["pafs"] if "pafs" in given else given["maps"]
    return list(maps) if isinstance(maps, (list, tuple)) else [maps]


def _contents(content: Any, maps: list[Any], stride: int) -> list[int]:
    """One size per scale, with the whole map for None."""
    sizes = _list("content", content)
    if not any(size is None or isinstance(size, (list, tuple)) for size in sizes):
        sizes = [sizes] * len(maps)
    if len(sizes) != len(maps):
        raise ValueError(f"content must have one size per scale ({len(maps)}), got {len(sizes)}")
    flat = []
    for size, cells in zip(sizes, maps, strict=True):
        pair = [n * stride for n in cells.shape[-2:]] if size is None else _list("content", size)
        if len(pair) != 2:
            raise ValueError(f"content must be (height, width), got {size!r}")
        flat += pair
    return flat


def decode(name: str, encoded: dict[str, Any]) -> dict[str, Any]:
    """From the arguments of a schema to those of the public op."""
    given: dict[str, Any] = {}
    for p in PARAMETERS[name]:
        if p.name == "peaks":
            xy, scores, counts = (encoded[key] for key in PEAKS)
            given["peaks"] = ops.Peaks(xy, scores, counts, overflow=None)
        elif p.name == "options":
            given["options"] = ops.AssociateOptions(**{key: encoded[key] for key in OPTIONS})
        elif p.name != "out":
            value = encoded[p.name]
            given[p.name] = None if value is None else RULES[p.annotation].decode(value)
    return given


def like(given: Mapping[str, Any]) -> Any:
    """The array whose kind and device the answer has."""
    for name in ("pafs", "maps", "heatmaps", "image", "scores", "partners"):
        if name in given:
            return given[name][0] if isinstance(given[name], (list, tuple)) else given[name]
    raise AssertionError("an op has maps, heatmaps, pafs, an image, scores or partners")


def content(image: Any, size: Any, scale: Any) -> tuple[int, int]:
    """The height and width of the photo in the input of prepare_image."""
    if (size is None) == (scale is None):
        given = "none" if size is None else "both"
        raise ValueError(f"exactly one of size and scale must be given, got {given}")
    if size is not None:
        height, width = size
        return height, width
    return scaled_size(image.shape[0], image.shape[1], scale)
