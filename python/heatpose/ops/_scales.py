"""The scales of a search, as several ops take them: maps, content, stride and weights, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from heatpose.native import core
from heatpose.ops._arrays import (
    Array,
    as_float32,
    as_maps,
    choice,
    dtype_name,
    finite,
    flat_planes,
    size_pair,
    whole,
)
from heatpose.ops._spaces import CudaCall, Space

INTERPOLATIONS = ("nearest", "linear", "cubic", "area", "lanczos4")
BORDERS = ("reflect", "mirror", "nearest", "constant", "wrap")

Size = tuple[int, int]


class Scales(NamedTuple):
    """Checked scales: what the native ops take, and how to answer.

    Attributes:
        native: Per scale (maps, stride, (content_h, content_w), weight). Maps are float32 [P, h, w]
            on the CPU; [C, h, w] or [N, C, h, w] of any cell type, as they lie, on a CUDA device.
        lead: Leading shape of the maps, e.g. (C,) or (N, C); P is its product.
        canvas: (H, W) in pixels.
        space: Where the maps lie.
    """

    native: list[tuple[Any, int, Size, float]]
    lead: tuple[int, ...]
    canvas: Size
    space: Space

    def call(
        self,
        op: str,
        interpolation: tuple[int, int],
        taps: tuple[float, ...] = (),
        border: int = 0,
    ) -> CudaCall | None:
        """The argument ``cuda`` of a native op: on a CUDA device, with the op's tables."""
        if not self.space.cuda:
            return None
        geometries = tuple(
            (*maps.shape[-2:], stride, content, weight)
            for maps, stride, content, weight in self.native
        )

        def make() -> Any:
            return core.scale_tables(
                op,
                geometries,
                canvas_height=self.canvas[0],
                canvas_width=self.canvas[1],
                enlarge=interpolation[0],
                resize=interpolation[1],
                taps=taps,
                border=border,
            )

        key = (op, geometries, self.canvas, interpolation, taps, border)
        return self.space.call(self.space.table(key, make))


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

    native: list[tuple[Any, int, Size, float]] = []
    lead: tuple[int, ...] = ()
    space: Any = None
    for i, (one, size, share) in enumerate(zip(stack, contents, shares, strict=True)):
        label = f"{name}[{i}]" if several else name
        array, place = as_maps(label, one, ndim=(3, 4))
        shape = tuple(array.shape)
        height, width = shape[-2:]
        if height == 0 or width == 0:
            raise ValueError(f"{label} must have at least one cell, got shape {shape}")
        if i == 0:
            lead, space = shape[:-2], place
        elif shape[:-2] != lead:
            raise ValueError(
                f"{label} must have the leading shape {lead} of {name}[0], got {shape}"
            )
        elif place.name != space.name:
            raise ValueError(f"{label} must be on {space.name} like {name}[0], got {place.name}")
        most = (height * stride, width * stride)
        if size is None:
            size = most
        elif not (size[0] <= most[0] and size[1] <= most[1]):
            raise ValueError(
                f"content must be at most {most} for {label} of shape {shape} and "
                f"stride {stride}, got {size}"
            )
        native.append((array if place.cuda else flat_planes(array), stride, size, share))
    if len({dtype_name(array) for array, *_ in native}) > 1:
        with space.queue():
            native = [(as_float32(array), *rest) for array, *rest in native]
    return Scales(native, lead, canvas, space)


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
