"""Heatmaps of single persons, hands or faces (one crop each) to keypoints."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from heatpose.native import core
from heatpose.ops._arrays import (
    Array,
    as_float64,
    as_float64_there,
    borrow,
    borrow_beside,
    choice,
    finite,
    flag,
    on_device,
    size_pair,
    whole,
)
from heatpose.ops._outputs import out_array
from heatpose.ops._scales import BORDERS
from heatpose.ops._spaces import HostSpace, Space, TorchSpace
from heatpose.ops._taps import read_taps
from heatpose.ops._traceable import traceable

METHODS = ("none", "quarter", "dark", "dark_udp")
QUARTER_BORDERS = ("joint", "per_axis")
INVALID = ("zero", "minus_one")
_MOST_TAPS = 65  # that lie in the kernel's parameters on a device
CONVENTIONS = ("microsoft", "mmpose", "mmpose_udp", "darkpose")

Matrices = npt.NDArray[np.float64]


class DecodedHeatmaps(NamedTuple):
    """One keypoint per heatmap.

    Attributes:
        coords: float32 [..., K, 2], (x, y) in cells, or in the photo's pixels with a transform.
        scores: float32 [..., K], the maximum of each map, in the maps' own units. Minus infinity
            where a map holds no number (every cell NaN, or no cells at all). Given places do not
            change them.
    """

    coords: Any
    scores: Any


@traceable
def decode_heatmaps(
    heatmaps: Array,
    *,
    method: str = "dark",
    kernel: int = 11,
    taps: Sequence[float] | None = None,
    border: str = "constant",
    rescale: bool = True,
    invalid: str = "zero",
    quarter_border: str = "joint",
    places: Array | None = None,
    transform: Array | None = None,
    out: tuple[Array, Array] | None = None,
) -> DecodedHeatmaps:
    """Find one keypoint per heatmap, between the cells.

    The place is the map's first maximum in row order. NaN counts as minus infinity, so it is never
    a coordinate. Where the maximum is not above zero, the place is the one that ``invalid`` names.
    Where it is plus infinity, DARK does not refine.

    The maps are read once. float16 and bfloat16 are read as they lie, without a float32 copy.

    Args:
        heatmaps: float32, float16 or bfloat16 [B, K, h, w] or [K, h, w].
        method: "none": the cell itself. "quarter": a quarter of a cell towards the larger
            neighbour. "dark": a Newton step on the log of the Gaussian-blurred map, with
            differences over one and two cells, at least two cells from the border. "dark_udp": the
            same with unit differences, values clamped to [1e-3, 50], at any place.
        kernel: Cells under the blur of the DARK methods, odd; its sigma is
            ``0.3 * ((kernel - 1) / 2 - 1) + 0.8``. Published models use 11 on 64 x 64 and 17 on
            96 x 72 maps. OpenCV's blur, and what is built on it, has other weights for kernels
            below 11: small tables instead of that sigma; give them as ``taps``.
        taps: Weights of that blur along each axis, in place of the Gaussian: odd count up to 65,
            symmetric, not negative. They are scaled to sum to 1, and ``kernel`` is not looked at.
        border: What the blur reads outside a map, in the words of :func:`gaussian_smooth`:
            "constant" (zeros), "reflect", "mirror" (OpenCV's own, BORDER_REFLECT_101), "nearest" or
            "wrap".
        rescale: Scale the blurred map so that its maximum is that of the map, as DARK does. It
            changes an answer only where a value is clamped. Needs ``border="constant"``; must be
            False with another one.
        invalid: "zero" for (0, 0), as in simple baselines and DarkPose, or "minus_one" for
            (-1, -1), as in mmpose.
        quarter_border: Where the quarter shift moves. "joint" (simple baselines): both axes where
            ``1 < x < w - 1`` and ``1 < y < h - 1``. "per_axis" (mmpose): x where
            ``1 < x < w - 1`` and ``y > 0``, y where ``1 < y < h - 1`` and ``x > 0``.
        places: [B, K, 2] (or [K, 2]), float32, float64 or whole numbers: (x, y) in cells, to be
            refined in place of the maxima. The step is that of the cell a place lies in, cut to
            whole numbers, and is added to the place, whatever the map's maximum is. A place
            outside the map stays as it is. On a CUDA device float32.
        transform: float32 or float64 [2, 3], or [B, 2, 3]: affine map from cells to the photo; see
            :func:`crop_transform`. Applied to invalid places as well. Default: stay in cells.
            For maps on a CUDA device it may lie on the host or on the device; there its numbers
            are not checked.
        out: (coords, scores) to write to: float32, C-contiguous, shaped as returned. They must
            overlap neither ``heatmaps`` nor each other.

    Returns:
        DecodedHeatmaps (coords, scores), as NumPy arrays or torch tensors like ``heatmaps``.

    Raises:
        TypeError: an array is of another type.
        ValueError: a shape or setting is wrong, or the transform is not finite.

    Source: "dark" is Zhang et al., 2020 (arXiv:1910.06278); "dark_udp" is Huang et al., 2020
    (arXiv:1911.07524); "quarter" is Newell et al., 2016, and Xiao et al., 2018 (arXiv:1804.06208).
    """
    maps, space = borrow_maps("heatmaps", heatmaps)
    shape = tuple(maps.shape)
    half = None if taps is None else _half_taps(taps)
    settings = {
        "method": choice("method", method, METHODS),
        "kernel": odd("kernel", kernel) if half is None else 2 * len(half) - 1,
        "taps": half,
        "border": choice("border", border, BORDERS),
        "rescale": flag("rescale", rescale),
        "quarter_border": choice("quarter_border", quarter_border, QUARTER_BORDERS),
        "invalid": (0.0, -1.0)[choice("invalid", invalid, INVALID)],
    }
    if rescale and border != "constant":
        raise ValueError(f"rescale must be False with border={border!r}, or the border 'constant'")
    batch = shape[0] if len(shape) == 4 else 1
    starts = None if places is None else _places(places, shape, space)
    matrices = None if transform is None else _matrices(transform, batch, len(shape) == 4, space)
    if out is not None and not (isinstance(out, tuple) and len(out) == 2):
        raise TypeError(f"out must be a tuple (coords, scores), got {type(out).__name__}")
    with space.queue():
        reads = [("heatmaps", maps), ("places", starts), ("transform", matrices)]
        coords, given_coords = out_array(
            "out[0]", out and out[0], (*shape[:-2], 2), space, reads=reads
        )
        reads.append(("out[0]", coords))
        scores, given_scores = out_array("out[1]", out and out[1], shape[:-2], space, reads=reads)
        core.decode_heatmaps(
            maps.reshape((batch, *shape[-3:])),
            None if starts is None else starts.reshape((batch, shape[-3], 2)),
            matrices,
            coords.reshape((batch, shape[-3], 2)),
            scores.reshape((batch, shape[-3])),
            **settings,
            cuda=space.call(),
        )
    return DecodedHeatmaps(given_coords, given_scores)


def borrow_maps(name: str, value: Array) -> tuple[Any, Space]:
    """View maps [.., K, h, w] for the native op: C-contiguous, in their own element type.

    NumPy has no bfloat16, so that such a torch tensor goes to the native side itself.
    """
    torch = sys.modules.get("torch")
    maps: Any
    space: Space
    if (
        torch is not None
        and isinstance(value, torch.Tensor)
        and (value.dtype, value.layout) == (torch.bfloat16, torch.strided)
        and value.device.type == "cpu"
        and not HostSpace().cuda
    ):
        maps, space = value.detach().resolve_neg(), HostSpace(torch.from_numpy)
        if maps.data_ptr() % maps.element_size():
            maps = maps.clone()
        maps = maps.contiguous()
    else:
        maps, space = borrow(name, value)
        if isinstance(maps, np.ndarray) and maps.dtype.name == "bfloat16":
            maps = maps.astype(np.float32)  # ml_dtypes' array, which the native side does not know
        maps = space.contiguous(maps)
    if maps.ndim not in (3, 4):
        raise ValueError(f"{name} must have 3 or 4 dimensions, got shape {tuple(maps.shape)}")
    return maps, space


def odd(name: str, value: int) -> int:
    """Check an odd number of cells, 1 to 1023."""
    number = whole(name, value, low=1, high=1023)
    if number % 2 == 0:
        raise ValueError(f"{name} must be odd, got {number}")
    return number


def _half_taps(taps: Sequence[float]) -> npt.NDArray[np.float64]:
    """The weights of a blur from its centre outwards, scaled to sum to 1 on both sides."""
    weights = np.array(read_taps(None, taps=taps), np.float64)
    if len(weights) > _MOST_TAPS:
        raise ValueError(f"taps must be at most {_MOST_TAPS} weights, got {len(weights)}")
    if not np.allclose(weights, weights[::-1], rtol=1e-6, atol=0):
        raise ValueError("taps must be symmetric")
    if weights.min() < 0 or not weights.sum() > 0:
        raise ValueError(f"taps must not be negative, nor all be 0, got {weights.tolist()}")
    half: npt.NDArray[np.float64] = (weights / weights.sum())[len(weights) // 2 :]
    return np.ascontiguousarray(half)


def _places(places: Array, shape: tuple[int, ...], space: Space) -> Any:
    """Places as float32 [.., K, 2] where the maps lie."""
    if on_device(places):
        array: Any = borrow_beside("places", places, space, dtypes=("float32",))
        array = space.contiguous(array)
    else:
        array, kept = borrow("places", places, dtypes=("float32", "float64", "int64", "int32"))
        if isinstance(kept, TorchSpace):
            array = array.numpy()
        with np.errstate(over="ignore"):
            array = np.asarray(array, np.float32)
    if tuple(array.shape) != (*shape[:-2], 2):
        raise ValueError(f"places must have shape {(*shape[:-2], 2)}, got {tuple(array.shape)}")
    return space.put(array) if isinstance(array, np.ndarray) else array


def _matrices(transform: Array, batch: int, batched: bool, space: Space) -> Any:
    """A transform as float64 [B, 2, 3] where the maps lie, checked unless it lies on a device."""
    array: Any = transform
    if not on_device(transform):
        array, kept = borrow("transform", transform, dtypes=("float32", "float64"))
        if isinstance(kept, TorchSpace):
            array = array.numpy()
        array = np.asarray(array, np.float64)
    shapes = [(2, 3), (batch, 2, 3)] if batched else [(2, 3)]
    if tuple(array.shape) not in shapes:
        expected = " or ".join(str(shape) for shape in shapes)
        raise ValueError(f"transform must have shape {expected}, got {tuple(array.shape)}")
    if isinstance(array, np.ndarray):
        if not np.isfinite(array).all():
            raise ValueError("transform must be finite")
        return space.put(np.broadcast_to(array, (batch, 2, 3)))
    array = as_float64_there("transform", array, space)
    return space.contiguous(array.expand(batch, 2, 3))


def crop_transform(
    centers: Array,
    scales: Array,
    size: Sequence[int],
    *,
    convention: str = "mmpose",
    pixel_std: float = 200.0,
) -> Matrices:
    """Affine maps from the cells of a crop's heatmap to the photo, from centre and scale.

    For heatmaps whose crops another program warped: this repeats the way back from the cells as
    four published systems write it, unturned. Who warps the crops with :func:`warp_crops` takes
    ``photo_from_cells`` of :func:`crop_matrices` instead, which belongs to the same box as its
    ``photo_from_crop``; of the rules below, it is "mmpose" or, with ``udp``, "mmpose_udp".

    What one cell is in the photo differs between the published systems. With sides
    ``(sx, sy) = scales * pixel_std`` of the crop and a map of ``(h, w)`` cells:

    ==========  =================  =================  ==========================
    convention  pixels per cell x  pixels per cell y  the centre lies at cell
    ==========  =================  =================  ==========================
    microsoft   sx / w             sx / w             (w / 2, h / 2)
    mmpose      sx / w             sy / h             (w / 2, h / 2)
    mmpose_udp  sx / (w - 1)       sy / (h - 1)       ((w - 1) / 2, (h - 1) / 2)
    darkpose    (sx-1) / (w-1)     (sx-1) / (w-1)     ((w - 1) / 2, (h - 1) / 2)
    ==========  =================  =================  ==========================

    Args:
        centers: [2] or [B, 2], (x, y) of the crops' centres in photo pixels.
        scales: A number, [2] or [B, 2]: (width, height) of the crops in units of ``pixel_std``
            photo pixels.
        size: (h, w) of the heatmap in cells.
        convention: One of the table. No rotation in any of them.
        pixel_std: Photo pixels per unit of ``scales``; 1 when they are pixels already.

    Returns:
        float64 [2, 3], or [B, 2, 3] when ``centers`` or ``scales`` is batched; always NumPy.

    Raises:
        TypeError: an argument is of another type.
        ValueError: a shape or setting is wrong, a number is not finite, a scale is not above 0, or
            a convention that divides by ``w - 1`` meets a map one cell wide ("mmpose_udp": or
            one cell high).
    """
    which = choice("convention", convention, CONVENTIONS)
    height, width = size_pair("size", size)
    middles, sides = _pairs("centers", centers), _pairs("scales", scales)
    if not (sides > 0).all():
        raise ValueError("scales must be greater than 0")
    sides = sides * finite("pixel_std", pixel_std, above=0.0)
    middles, sides = _same_batch(middles, sides)
    classic = CONVENTIONS[which] in ("microsoft", "mmpose")
    by_width = CONVENTIONS[which] in ("microsoft", "darkpose")
    steps = np.array([width, height], np.float64) - (not classic)
    needed = steps[:1] if by_width else steps
    if not needed.all():
        least = (1, 2) if by_width else (2, 2)
        raise ValueError(f"size must be at least {least} for {convention!r}, got {tuple(size)}")
    if CONVENTIONS[which] == "darkpose":
        sides = sides - 1.0
    pixels = (sides[..., : len(needed)] / needed) * np.ones(2)
    matrices = np.zeros((*pixels.shape[:-1], 2, 3))
    matrices[..., 0, 0], matrices[..., 1, 1] = pixels[..., 0], pixels[..., 1]
    matrices[..., 2] = middles - pixels * steps / 2
    return matrices


def _pairs(name: str, value: Array) -> Matrices:
    array = as_float64(name, value)
    if array.ndim == 0 and name == "scales":
        array = np.array([array, array], np.float64)
    if array.ndim not in (1, 2) or array.shape[-1] != 2:
        raise ValueError(f"{name} must have shape (2,) or (B, 2), got {array.shape}")
    return array


def _same_batch(middles: Matrices, sides: Matrices) -> tuple[Matrices, Matrices]:
    if middles.ndim == sides.ndim == 2 and middles.shape != sides.shape:
        raise ValueError(
            f"centers and scales must have one batch size, got {middles.shape} and {sides.shape}"
        )
    shape = max(middles.shape, sides.shape, key=len)
    return np.broadcast_to(middles, shape), np.broadcast_to(sides, shape)
