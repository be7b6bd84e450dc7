"""Maps that a teacher network gave for a whole photo, moved with the photo."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from heatpose.datasets.augment_scene import Float64, Placement
from heatpose.ops._arrays import size_pair
from heatpose.skeletons import Skeleton

Float32 = NDArray[np.float32]


def move_maps(
    heatmaps: Float32,
    pafs: Float32,
    placement: Placement,
    skeleton: Skeleton,
    *,
    photo: tuple[int, int],
    cells: tuple[int, int],
) -> tuple[Float32, Float32]:
    """Heatmaps and PAFs of a photo, as they are for an input laid over it.

    Channels swap where the input is a mirror image, and PAF vectors turn with the photo. What is
    outside the photo is background. The width of the Gaussians and limbs grows and shrinks with
    the photo, unlike that of drawn targets: where the input is another size than the teacher's by
    more than about a third, decode the teacher's people once and draw their targets.

    Args:
        heatmaps: [K, h, w] or [K + 1, h, w] with the background last, over the whole photo.
        pafs: [2 L, h, w] in the skeleton's channels.
        placement: Where the input lies in the photo.
        skeleton: With PAF channels.
        photo: (H, W) of the photo that the placement refers to.
        cells: (h, w) of the moved maps, over the whole input.

    Returns:
        float32 heatmaps, clipped to 0..1, and PAFs, of ``cells``. Interpolation is cubic.

    Raises:
        ValueError: the maps do not fit the skeleton or each other.
    """
    count = skeleton.num_keypoints
    if heatmaps.shape[0] not in (count, count + 1) or pafs.shape[0] != skeleton.num_pafs:
        raise ValueError(
            f"maps of {skeleton.name} must have {count} or {count + 1} heatmaps and "
            f"{skeleton.num_pafs} pafs, got {heatmaps.shape[0]} and {pafs.shape[0]}"
        )
    if heatmaps.shape[1:] != pafs.shape[1:]:
        raise ValueError(f"maps must share a size, got {heatmaps.shape} and {pafs.shape}")
    rows, columns = size_pair("cells", cells)
    cells_in = _pixels_from_cells(photo, heatmaps.shape[1:])
    cells_out = _pixels_from_cells(placement.size, (rows, columns))
    across = np.linalg.inv(cells_in) @ _square(placement.photo_from_crop) @ cells_out
    moved = np.zeros((len(heatmaps) + len(pafs), rows, columns), np.float32)
    for before, after in zip((*heatmaps, *pafs), moved, strict=True):
        after[:] = cv2.warpAffine(
            np.asarray(before, np.float32),
            across[:2],
            (columns, rows),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        )
    heat, fields = moved[: len(heatmaps)], moved[len(heatmaps) :]
    if len(heatmaps) > count:
        ones = cv2.warpAffine(
            np.ones(heatmaps.shape[1:], np.float32),
            across[:2],
            (columns, rows),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        )
        heat[count] += 1 - np.asarray(ones)
    np.clip(heat, 0, 1, out=heat)

    turn = placement.crop_from_photo[:, :2]
    turn = turn / np.sqrt(abs(np.linalg.det(turn)))
    x, y = (list(axis) for axis in zip(*skeleton.paf_channels, strict=True))
    turned = np.einsum("ab,blhw->alhw", turn, fields[[x, y]])
    if placement.mirrored:
        heat[:count] = heat[list(skeleton.flip)]
        other, sign = mirrored_limbs(skeleton)
        turned = turned[:, other] * sign[:, None, None]
    fields[x], fields[y] = turned
    return heat, fields


def mirrored_limbs(skeleton: Skeleton) -> tuple[NDArray[np.intp], Float32]:
    """Which limb each limb is in a mirror image, [L], and -1 where it runs the other way.

    Raises:
        ValueError: a limb has no counterpart.
    """
    rows, signs = [], []
    for a, b in skeleton.limbs:
        pair = (skeleton.flip[a], skeleton.flip[b])
        forwards = pair in skeleton.limbs
        if not forwards and pair[::-1] not in skeleton.limbs:
            raise ValueError(f"{skeleton.name} has no mirror image of limb {(a, b)}")
        rows.append(skeleton.limbs.index(pair if forwards else pair[::-1]))
        signs.append(1.0 if forwards else -1.0)
    return np.array(rows), np.array(signs, np.float32)


def _pixels_from_cells(pixels: tuple[int, int], cells: tuple[int, ...]) -> Float64:
    """Pixels from cells that cover them all, [3, 3], both (x, y)."""
    down, across = pixels[0] / cells[0], pixels[1] / cells[1]
    return np.array(
        [[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5], [0, 0, 1]], np.float64
    )


def _square(matrix: Float64) -> Float64:
    return np.concatenate([matrix, [[0, 0, 1]]])
