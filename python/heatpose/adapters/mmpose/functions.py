"""The functions of ``mmpose.codecs.utils`` that find and refine the maxima of heatmaps."""

from __future__ import annotations

from typing import Any

import numpy as np

from heatpose import ops
from heatpose.adapters._top_down import (
    Float32,
    Floats,
    as_maps,
    as_points,
    blur_of,
    modulate_in_place,
    on_host,
)
from heatpose.ops import Array


def get_heatmap_maximum(heatmaps: Array) -> tuple[Float32, Float32]:
    """Find the maxima of heatmaps.

    Args:
        heatmaps: Real numbers [K, H, W] or [B, K, H, W], computed in float32. NaN is no maximum.

    Returns:
        locs: float32 [K, 2] or [B, K, 2], (x, y) in cells, (-1, -1) where the maximum is not
            above 0.
        vals: float32 [K] or [B, K].

    Raises:
        TypeError: no array of real numbers.
        ValueError: another rank, or maps without cells.
    """
    maps = as_maps("heatmaps", heatmaps, (3, 4))
    coords, scores = ops.decode_heatmaps(maps, method="none", invalid="minus_one")
    return on_host(coords), on_host(scores)


def refine_keypoints(keypoints: Floats, heatmaps: Array) -> Floats:
    """Move keypoints a quarter of a cell towards the larger neighbours, each axis for itself.

    Args:
        keypoints: float [N, K, D], (x, y) in cells first; written to.
        heatmaps: Real numbers [K, H, W], shared by all N.

    Returns:
        ``keypoints``. A keypoint outside its map stays.

    Raises:
        TypeError: an array is of another type.
        ValueError: shapes do not fit each other, or maps have no cells.
    """
    return _refine(keypoints, heatmaps, method="quarter", quarter_border="per_axis")


def refine_keypoints_dark(keypoints: Floats, heatmaps: Array, blur_kernel_size: int) -> Floats:
    """Refine keypoints with DARK. ``heatmaps`` are left as they were; there they are blurred.

    Args:
        keypoints: As for :func:`refine_keypoints`.
        heatmaps: As for :func:`refine_keypoints`.
        blur_kernel_size: Odd, OpenCV's size of the blur.

    Returns:
        ``keypoints``. A keypoint outside its map, or within two cells of its border, stays.

    Raises:
        TypeError: an array is of another type.
        ValueError: shapes do not fit each other, maps have no cells, or the kernel is even.
    """
    blur = blur_of("blur_kernel_size", blur_kernel_size)
    return _refine(keypoints, heatmaps, method="dark", **blur)


def refine_keypoints_dark_udp(keypoints: Floats, heatmaps: Array, blur_kernel_size: int) -> Floats:
    """Refine keypoints with DARK-UDP. ``heatmaps`` are left as they were; there they are blurred.

    Args:
        keypoints: As for :func:`refine_keypoints`.
        heatmaps: As for :func:`refine_keypoints`.
        blur_kernel_size: Odd, OpenCV's size of the blur.

    Returns:
        ``keypoints``. A keypoint outside its map stays; there it moves by what other maps hold.

    Raises:
        TypeError: an array is of another type.
        ValueError: shapes do not fit each other, maps have no cells, or the kernel is even.
    """
    blur = blur_of("blur_kernel_size", blur_kernel_size)
    return _refine(keypoints, heatmaps, method="dark_udp", **blur)


def _refine(keypoints: Floats, heatmaps: Array, **settings: Any) -> Floats:
    maps = as_maps("heatmaps", heatmaps, (3,))
    as_points("keypoints", keypoints, (-1, len(maps)))
    for one in keypoints:  # the maps are shared: a batch of copies would be no faster
        places = one[:, :2].astype(np.float32)
        one[:, :2] = on_host(ops.decode_heatmaps(maps, places=places, **settings).coords)
    return keypoints


def gaussian_blur(heatmaps: Any, kernel: int = 11) -> Any:
    """Blur maps in a frame of zeros, scaled back to their maxima.

    Args:
        heatmaps: Real numbers [K, H, W], a NumPy array that is written to. Computed in float32.
        kernel: Odd, OpenCV's size of the blur.

    Returns:
        ``heatmaps``. As there, a map whose blurred maximum is 0 becomes NaN.

    Raises:
        TypeError: no NumPy array of real numbers.
        ValueError: another rank, maps without cells, or an even kernel.
    """
    return modulate_in_place(heatmaps, kernel, 3)


def batch_heatmap_nms(batch_heatmaps: Any, kernel_size: int = 5) -> Any:
    """Set to 0 what is below the maximum of the window around it.

    Args:
        batch_heatmaps: Float tensor [B, K, H, W].
        kernel_size: Odd side of the window.

    Returns:
        A tensor like ``batch_heatmaps``.

    Raises:
        TypeError: no tensor, or the kernel is no whole number.
        ValueError: an even kernel, or another rank.
    """
    import torch

    if not isinstance(batch_heatmaps, torch.Tensor):
        kind = type(batch_heatmaps).__name__
        raise TypeError(f"batch_heatmaps must be a tensor, got {kind}")
    if isinstance(kernel_size, bool) or not isinstance(kernel_size, int):
        raise TypeError(f"kernel_size must be a whole number, got {kernel_size!r}")
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"kernel_size must be odd and above 0, got {kernel_size}")
    if batch_heatmaps.ndim != 4:
        shape = tuple(batch_heatmaps.shape)
        raise ValueError(f"batch_heatmaps must have 4 dimensions, got shape {shape}")
    highest = torch.nn.functional.max_pool2d(
        batch_heatmaps, kernel_size, stride=1, padding=kernel_size // 2
    )
    return batch_heatmaps * (batch_heatmaps == highest).to(batch_heatmaps.dtype)
