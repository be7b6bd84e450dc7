"""What the adapters of top-down projects share: their arrays in and out, and OpenCV's blur."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose import ops
from heatpose.adapters._arrays import real_numbers
from heatpose.ops import Array
from heatpose.ops._arrays import as_float32

Floats = npt.NDArray[np.floating[Any]]
Float32 = npt.NDArray[np.float32]


def as_maps(name: str, value: Array, ndim: Sequence[int] = (4,)) -> Any:
    """Heatmaps as the ops read them; see :func:`real_numbers`.

    Raises:
        TypeError: value is no array of real numbers.
        ValueError: it has another rank, or maps without cells, of which there is no maximum.
    """
    value = real_numbers(name, value)
    shape = tuple(value.shape)
    if len(shape) not in ndim:
        expected = " or ".join(str(n) for n in ndim)
        raise ValueError(f"{name} must have {expected} dimensions, got shape {shape}")
    if 0 in shape[-2:]:
        raise ValueError(f"{name} must have cells, got shape {shape}")
    return value


def as_points(name: str, value: Any, shape: tuple[int, ...]) -> Floats:
    """Check an array of float points [N, K, D], D at least 2, that will be written to.

    Args:
        name: Name of the argument, for errors.
        value: The array.
        shape: (N, K) that it must have; -1 for any.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        kind = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        raise TypeError(f"{name} must be a NumPy array of floats, got {kind}")
    fits = value.ndim == 3 and value.shape[-1] >= 2
    if not fits or any(n not in (-1, m) for n, m in zip(shape, value.shape, strict=False)):
        raise ValueError(f"{name} must have shape {(*shape, 2)}, got {value.shape}")
    return value


def on_host(array: Any) -> npt.NDArray[Any]:
    """An array or a tensor as a NumPy array, bfloat16 as float32."""
    if isinstance(array, np.ndarray):
        return array
    if not hasattr(array, "cpu"):  # of another library: CuPy's brings itself to the host
        return np.asarray(array.get() if hasattr(array, "get") else np.from_dlpack(array))
    array = array.detach().cpu()
    host: npt.NDArray[Any] = (array.float() if "bfloat16" in str(array.dtype) else array).numpy()
    return host


@functools.lru_cache(maxsize=64)
def opencv_taps(kernel: int) -> tuple[float, ...]:
    """The weights of ``cv2.GaussianBlur(..., (kernel, kernel), 0)``.

    For small kernels (up to 7 or 9, depending on its version) OpenCV has tables of its own instead
    of the Gaussian that belongs to the size: 3 is [1, 2, 1] / 4.
    """
    from cv2 import getGaussianKernel

    return tuple(getGaussianKernel(kernel, 0).ravel().tolist())


def blur_of(name: str, kernel: int) -> dict[str, Any]:
    """The settings of :func:`heatpose.ops.decode_heatmaps` for OpenCV's blur of a kernel size."""
    checked = odd_kernel(name, kernel)
    return {"kernel": checked} if checked > 9 else {"taps": opencv_taps(checked)}


def odd_kernel(name: str, kernel: int) -> int:
    """Check a kernel size: odd, 1 to 1023."""
    if isinstance(kernel, bool) or not isinstance(kernel, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number, got {kernel!r}")
    if kernel % 2 == 0 or not 1 <= kernel <= 1023:
        raise ValueError(f"{name} must be odd, from 1 to 1023, got {kernel}")
    return int(kernel)


def modulated(maps: Any, kernel: int) -> Any:
    """Maps blurred as OpenCV does in a frame of zeros, each scaled back to its old maximum.

    float32, where the maps lie. Like the originals, a map whose blurred maximum is 0 becomes NaN.
    """
    taps = opencv_taps(odd_kernel("kernel", kernel))
    blurred = ops.gaussian_smooth(maps, taps=taps, border="constant")
    with np.errstate(all="ignore"):
        return blurred * (as_float32(_maxima_of(maps)) / _maxima_of(blurred))


def _maxima_of(maps: Any) -> Any:
    if isinstance(maps, np.ndarray):
        return maps.max(axis=(-2, -1), keepdims=True)
    return maps.amax(dim=(-2, -1), keepdim=True)


def modulate_in_place(heatmaps: Any, kernel: int, ndim: int) -> Any:
    """:func:`modulated`, written back to the caller's array, which is returned."""
    if not isinstance(heatmaps, np.ndarray):
        raise TypeError(f"heatmaps must be a NumPy array, got {type(heatmaps).__name__}")
    maps = as_maps("heatmaps", heatmaps, (ndim,))
    if heatmaps.size:
        heatmaps[...] = modulated(maps, kernel)
    return heatmaps


def crops_to_photo(
    maps: Any, center: Array, scale: Array, convention: str
) -> npt.NDArray[np.float64]:
    """Affine maps [N, 2, 3] from the cells of N crops to the photo.

    Args:
        maps: [N, K, h, w].
        center: [N, 2]; more rows than N are left alone.
        scale: [N, 2], or [N] for square crops.
        convention: See :func:`heatpose.ops.crop_transform`.
    """
    count, (height, width) = len(maps), maps.shape[-2:]
    centers, scales = (_rows(n, v, count) for n, v in (("center", center), ("scale", scale)))
    if scales.ndim == 1:
        scales = np.stack([scales, scales], axis=-1)
    return ops.crop_transform(centers, scales, (height, width), convention=convention)


def _rows(name: str, value: Any, count: int) -> npt.NDArray[np.float64]:
    try:
        rows = np.asarray(on_host(value) if hasattr(value, "cpu") else value, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be numbers of shape ({count}, 2)") from None
    single = name == "scale" and rows.ndim == 1
    if not (single or (rows.ndim == 2 and rows.shape[1] == 2)) or len(rows) < count:
        raise ValueError(f"{name} must have shape ({count}, 2), got {rows.shape}")
    return rows[:count]


def final_predictions(
    maps: Any, center: Array, scale: Array, convention: str, **settings: Any
) -> tuple[Float32, Float32]:
    """Keypoints of N crops in the photo [N, K, 2], and the maxima of the maps [N, K, 1]."""
    transform = crops_to_photo(maps, center, scale, convention)
    coords, scores = ops.decode_heatmaps(maps, transform=transform, **settings)
    return on_host(coords), on_host(scores)[..., None]


def maxima(maps: Any, invalid: str) -> tuple[Float32, Float32]:
    """The cells of the maxima [N, K, 2] and their values [N, K, 1]."""
    coords, scores = ops.decode_heatmaps(maps, method="none", invalid=invalid)
    return on_host(coords), on_host(scores)[..., None]


def setting_of(config: Any, name: str) -> Any:
    """The ``TEST`` setting of a program's configuration.

    Raises:
        TypeError: it has none of the name.
    """
    try:
        return getattr(config.TEST, name)
    except AttributeError:
        raise TypeError(f"config must have TEST.{name}, got {config!r}") from None


def refine_in_place(coords: Floats, batch_heatmaps: Array, **settings: Any) -> Floats:
    """DARK-UDP at given places.

    Args:
        coords: float [N, K, 2], (x, y) in cells; written to, and returned.
        batch_heatmaps: Real numbers [B, K, h, w], B = N, or 1 for maps that all N share.
        **settings: The blur, as :func:`heatpose.ops.decode_heatmaps` has it.
    """
    maps = as_maps("batch_heatmaps", batch_heatmaps)
    as_points("coords", coords, (-1, maps.shape[1]))
    if len(maps) not in (1, len(coords)):
        raise ValueError(
            f"batch_heatmaps must be 1 or as many as coords ({len(coords)}), got {len(maps)}"
        )
    pairs = [(coords, maps)] if len(maps) == len(coords) else [(c[None], maps) for c in coords]
    for points, cells in pairs:
        places = points[..., :2].astype(np.float32)
        decoded = ops.decode_heatmaps(cells, method="dark_udp", places=places, **settings)
        points[..., :2] = on_host(decoded.coords)
    return coords


def taylor_step(logs: Any, coord: Any) -> Any:
    """DARK's step on a map [H, W] of logarithms, added to ``coord`` (x, y), which is returned.

    Raises:
        TypeError: the map or ``coord`` holds no numbers.
        ValueError: one of them has another shape, or ``coord`` is not finite.
    """
    from heatpose.reference.decode_heatmaps import dark_step

    logs, place = np.asarray(logs), np.asarray(coord)
    if logs.dtype.kind not in "fiu" or place.dtype.kind not in "fiu":
        raise TypeError(
            f"the map and coord must be numbers, got {logs.dtype} and {type(coord).__name__}"
        )
    if logs.ndim != 2 or logs.size == 0:
        raise ValueError(f"the map must have shape (H, W) with cells, got {logs.shape}")
    if place.shape != (2,) or not np.isfinite(place).all():
        raise ValueError(f"coord must be (x, y), finite, got {coord!r}")
    height, width = logs.shape[:2]
    x, y = int(coord[0]), int(coord[1])
    if 1 < x < width - 2 and 1 < y < height - 2:
        with np.errstate(all="ignore"):  # infinite logarithms make a step that is not taken
            step = dark_step(logs, x, y)
        if np.isfinite(step).all():
            coord += np.asarray(step)
    return coord
