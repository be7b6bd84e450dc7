"""The scales of a search, as several ops take them: maps, content, stride and weights, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from heatpose.ops._arrays import Array, Float32, Wrap, as_float32, choice, finite, size_pair, whole
from heatpose.ops._arrays import flat_planes as _flat

INTERPOLATIONS = ("nearest", "linear", "cubic", "area", "lanczos4")
BORDERS = ("reflect", "mirror", "nearest", "constant", "wrap")

Size = tuple[int, int]


class Scales(NamedTuple):
    """Checked scales: what the native ops take, and how to answer.

    Attributes:
        native: Per scale (maps float32 [P, h, w], stride, (content_h, content_w), weight).
        lead: Leading shape of the maps, e.g. (C,) or (N, C); P is its product.
        canvas: (H, W) in pixels.
        wrap: Turns a NumPy answer into the kind of the maps.
    """

    native: list[tuple[Float32, int, Size, float]]
    lead: tuple[int, ...]
    canvas: Size
    wrap: Wrap


def read_scales(
    name: str,
    maps: Array | Sequence[Array],
    canvas: Size,
    *,
    content: Size | Sequence[Size | None] | None,
    stride: int,
    weights: Sequence[float] | None,
) -> Scales:
    """Check the maps of one or several scales and how they lie on the canvas.

    Args:
        name: Name of the maps argument, for errors.
        maps: float32, float16 or bfloat16 [C, h, w] or [N, C, h, w], or a sequence of such, one per
            scale, with the same leading shape and their own (h, w).
        canvas: (H, W) in pixels.
        content: (height, width) in network-input pixels that the photo covered, at most
            (h * stride, w * stride); one per scale. None: the whole map.
        stride: Network-input pixels per cell.
        weights: Share of each scale in the average. None: 1 / S each.

    Raises:
        TypeError: maps are no arrays, or of another element type.
        ValueError: shapes, sizes or weights do not fit.
    """
    several = isinstance(maps, (list, tuple))
    stack: Sequence[Array] = maps if several else [maps]
    if not stack:
        raise ValueError(f"{name} must hold at least one scale, got none")
    canvas = size_pair("canvas", canvas)
    stride = whole("stride", stride, low=1, high=1024)
    contents = _contents(content, len(stack))
    shares = _weights(weights, len(stack))

    native: list[tuple[Float32, int, Size, float]] = []
    lead: tuple[int, ...] = ()
    wrap: Any = None
    for i, (one, size, share) in enumerate(zip(stack, contents, shares, strict=True)):
        label = f"{name}[{i}]" if several else name
        array, wrap_one = as_float32(label, one, ndim=(3, 4))
        height, width = array.shape[-2:]
        if height == 0 or width == 0:
            raise ValueError(f"{label} must have at least one cell, got shape {array.shape}")
        if i == 0:
            lead, wrap = array.shape[:-2], wrap_one
        elif array.shape[:-2] != lead:
            raise ValueError(
                f"{label} must have the leading shape {lead} of {name}[0], got {array.shape}"
            )
        most = (height * stride, width * stride)
        if size is None:
            size = most
        elif not (size[0] <= most[0] and size[1] <= most[1]):
            raise ValueError(
                f"content must be at most {most} for {label} of shape {array.shape} and "
                f"stride {stride}, got {size}"
            )
        native.append((_flat(array), stride, size, share))
    return Scales(native, lead, canvas, wrap)


def _contents(content: Size | Sequence[Size | None] | None, count: int) -> list[Size | None]:
    if content is None:
        return [None] * count
    items: list[Any] = _listed("content", content, "(height, width), or one per scale")
    if not any(item is None or hasattr(item, "__len__") for item in items):
        return [size_pair("content", items)] * count
    if len(items) != count:
        raise ValueError(f"content must have one size per scale ({count}), got {len(items)}")
    return [None if item is None else size_pair("content", item) for item in items]


def _weights(weights: Sequence[float] | None, count: int) -> list[float]:
    if weights is None:
        return [1.0 / count] * count
    items = _listed("weights", weights, "one number per scale")
    if len(items) != count:
        raise ValueError(f"weights must have one number per scale ({count}), got {len(items)}")
    return [finite(f"weights[{i}]", weight) for i, weight in enumerate(items)]


def _listed(name: str, value: Any, expected: str) -> list[Any]:
    try:
        return list(value)
    except TypeError:
        raise TypeError(f"{name} must be {expected}, got {value!r}") from None


def read_interpolation(interpolation: str | tuple[str, str]) -> tuple[int, int]:
    """Check an interpolation, or a pair (enlarge by stride, resize to the canvas)."""
    pair = (interpolation, interpolation) if isinstance(interpolation, str) else interpolation
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        raise ValueError(f"interpolation must be a name or a pair of names, got {interpolation!r}")
    first, second = (choice("interpolation", name, INTERPOLATIONS) for name in pair)
    return first, second
