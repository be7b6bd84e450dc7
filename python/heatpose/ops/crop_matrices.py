"""The affine maps between a photo, the crop of a box, and the cells of the crop's heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from heatpose.ops._arrays import Array, as_float64, finite, flag, size_pair

Float64 = npt.NDArray[np.float64]


class CropMatrices(NamedTuple):
    """Maps to photo pixels, float64 [N, 2, 3]: ``photo (x, y) = matrix @ (x, y, 1)``.

    Attributes:
        photo_from_crop: From crop pixels; what :func:`warp_crops` takes.
        photo_from_cells: From heatmap cells; what brings decoded keypoints back to the photo.
    """

    photo_from_crop: Float64
    photo_from_cells: Float64


def crop_matrices(
    centers: Array,
    scales: Array,
    size: Sequence[int],
    *,
    cells: Sequence[int] | None = None,
    rotation: Any = 0.0,
    pixel_std: float = 200.0,
    udp: bool = False,
) -> CropMatrices:
    """Maps of boxes given by centre and scale, as the top-down systems define them.

    The classic map (three-point affine of Simple Baselines, DarkPose, mmpose, EasyCV) brings the
    crop's ``(w, h) / 2`` to the box's centre and enlarges both axes by ``box width / w``; cells are
    spread over the box by ``box / cells``, each axis its own. The UDP map (Huang et al., 2020,
    arXiv:1911.07524) brings ``(size - 1) / 2`` to the centre and spreads ``size - 1`` steps over
    the box, crop and cells alike.

    For who warps the crops too: it gives both maps of one box, of one rule, turned boxes included.
    Where another program made the crops and its own way back from the cells has to be repeated,
    see :func:`crop_transform`, which takes boxes in the same words.

    Args:
        centers: float [N, 2], (x, y) of the boxes' centres in photo pixels.
        scales: float [N, 2], (width, height) of the boxes in units of ``pixel_std`` photo pixels;
            [N] for squares.
        size: (h, w) of the crop in pixels.
        cells: (h, w) of its heatmaps. Default: a quarter of ``size``.
        rotation: Degrees, one number or [N]. The classic map turns the *box* by it, so a positive
            one makes the crop's up point to the photo's right; the UDP map turns the *photo's
            content* by it, which is the other way round. (The systems differ so.)
        pixel_std: Photo pixels per unit of ``scales``; 1 when they are pixels already.
        udp: Use the UDP map.

    Returns:
        CropMatrices, always NumPy. Torch tensors are taken, also those that require grad, but no
        gradient flows.

    Raises:
        TypeError: an argument is of another type.
        ValueError: a shape is wrong, a number is not finite, a scale is not above 0, or a size of
            1 has no steps for UDP.
    """
    udp = flag("udp", udp)
    center, scale = as_float64("centers", centers), as_float64("scales", scales)
    if center.ndim != 2 or center.shape[1] != 2:
        raise ValueError(f"centers must have shape [N, 2], got {center.shape}")
    count = len(center)
    if scale.shape == (count,):
        scale = np.repeat(scale[:, None], 2, axis=1)
    if scale.shape != (count, 2):
        raise ValueError(f"scales must have shape [{count}, 2] or [{count}], got {scale.shape}")
    if not (scale > 0).all():
        raise ValueError("scales must be greater than 0")
    angle = as_float64("rotation", rotation)
    if angle.shape not in ((), (count,)):
        raise ValueError(f"rotation must be one number or have shape [{count}], got {angle.shape}")
    height, width = size_pair("size", size)
    rows, columns = (
        (-(-height // 4), -(-width // 4)) if cells is None else size_pair("cells", cells)
    )
    crop_steps, cell_steps = np.array([width, height]), np.array([columns, rows])
    if udp:
        crop_steps, cell_steps = crop_steps - 1, cell_steps - 1
        if min(*crop_steps, *cell_steps) < 1:
            raise ValueError(f"size and cells must be at least 2 for UDP, got {size!r}, {cells!r}")

    box = scale * finite("pixel_std", pixel_std, above=0)
    turn = np.radians(np.broadcast_to(angle, (count,))) * (-1 if udp else 1)
    crop_step = box / crop_steps
    if not udp:
        crop_step = crop_step[:, :1].repeat(2, axis=1)
    return CropMatrices(
        _around(center, crop_step, turn, crop_steps / 2),
        _around(center, box / cell_steps, turn, cell_steps / 2),
    )


def _around(center: Float64, step: Float64, turn: Float64, middle: Float64) -> Float64:
    """The map that scales by ``step``, then turns, and brings ``middle`` to ``center``."""
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.empty((len(center), 2, 3))
    matrix[:, 0, :2] = np.stack([cos, -sin], axis=1) * step
    matrix[:, 1, :2] = np.stack([sin, cos], axis=1) * step
    matrix[:, :, 2] = center - matrix[:, :, :2] @ middle
    return matrix
