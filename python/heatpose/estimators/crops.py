"""From boxes of a photo to the crops of a top-down network, and from its cells back."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from heatpose import ops
from heatpose.networks import CropSpec

Float64 = npt.NDArray[np.float64]

# Of a box that is resized by weights for each of its rows and columns: far beyond any photo.
_MAX_BOX_PIXELS = 1 << 28


class CropPlaces(NamedTuple):
    """Where the crops of N boxes lie in their photo.

    Attributes:
        boxes: float64 [N, 4], (x1, y1, x2, y2), what the network sees: the boxes widened to its
            aspect ratio and by the padding.
        photo_from_crop: float64 [N, 2, 3], photo (x, y) from crop (x, y, 1).
        photo_from_cells: float64 [N, 2, 3], photo (x, y) from the cells of the maps.
        mirrored: bool [N], whether the crop is the photo's mirror image.
    """

    boxes: Float64
    photo_from_crop: Float64
    photo_from_cells: Float64
    mirrored: npt.NDArray[np.bool_]


def place_crops(
    boxes: npt.NDArray[Any],
    spec: CropSpec,
    cells: tuple[int, int],
    *,
    padding: float,
    udp: bool,
    mirrored: npt.NDArray[np.bool_],
) -> CropPlaces:
    """Widen boxes as the top-down systems do, and give the maps to and from their crops.

    A box is enlarged about its centre, first on one side to the aspect ratio of the crop, then on
    both by ``padding``. A mirrored crop shows the photo's mirror image; its cells are still mapped
    to where they belong in the photo.

    Args:
        boxes: [N, 4], (x1, y1, x2, y2) in pixels of the photo, x2 > x1 and y2 > y1.
        spec: What the network expects.
        cells: (h, w) of the network's maps.
        padding: Factor on both sides of the boxes.
        udp: Use the UDP map in place of the classic one; see :func:`heatpose.ops.crop_matrices`.
        mirrored: bool [N].

    Source: ``_box2cs`` of Simple Baselines (Xiao et al., 2018) and its descendants.
    """
    low, high = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    center, size = (low + high) / 2, high - low
    aspect = spec.width / spec.height
    width = np.maximum(size[:, 0], size[:, 1] * aspect)
    size = padding * np.stack([width, width / aspect], axis=1)
    if spec.antialias:
        center, size = _whole_pixels(center, size)
    maps = ops.crop_matrices(
        center, size, (spec.height, spec.width), cells=cells, pixel_std=1.0, udp=udp
    )
    photo_from_crop, photo_from_cells = maps
    if spec.pixel_areas:
        for matrices in maps:
            steps = matrices[:, (0, 1), (0, 1)]
            matrices[:, :, 2] += (steps - 1) / 2
    if mirrored.any():
        flip = np.array([[-1.0, 0.0, spec.width - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        crop, back = _square(photo_from_crop[mirrored]), _square(photo_from_cells[mirrored])
        photo_from_cells[mirrored] = (crop @ flip @ np.linalg.solve(crop, back))[:, :2]
        photo_from_crop[mirrored] = (crop @ flip)[:, :2]
    seen = np.concatenate([center - size / 2, center + size / 2], axis=1)
    return CropPlaces(seen, photo_from_crop, photo_from_cells, mirrored)


def cut_crops(photo: Any, places: CropPlaces, rows: slice, spec: CropSpec, out: Tensor) -> None:
    """Cut some crops out of a photo into ``out``, normalised.

    Args:
        photo: uint8 [H, W, 3] BGR, an array or a tensor where ``out`` lies.
        places: Of all crops of the photo.
        rows: Which of them.
        spec: What the network expects.
        out: float32 or float16 [rows, 3, h, w] to write to, contiguous.
    """
    swap = spec.colour == "rgb"
    if spec.antialias:
        _cut_antialiased(photo, places, rows, spec, out)
        return
    ops.warp_crops(
        photo,
        places.photo_from_crop[rows],
        (spec.height, spec.width),
        mean=spec.mean,
        std=spec.std,
        swap_rgb=swap,
        dtype=str(out.dtype).removeprefix("torch."),
        out=out.numpy() if isinstance(photo, np.ndarray) else out,
    )


def _cut_antialiased(
    photo: Any, places: CropPlaces, rows: slice, spec: CropSpec, out: Tensor
) -> None:
    """Crops by the triangle filter of Pillow, to its grey levels; see ``antialiasing_weights``.

    What leaves the photo is black. The boxes are whole pixels already.
    """
    pixels = torch.as_tensor(photo)
    boxes = np.rint(places.boxes[rows]).astype(np.int64)
    mean, std = (torch.tensor(v, device=out.device).view(3, 1, 1) for v in (spec.mean, spec.std))
    for crop, (x1, y1, x2, y2), mirrored in zip(out, boxes, places.mirrored[rows], strict=True):
        # Black adds nothing: only what lies in the photo is read, with its columns of the weights.
        inside = pixels[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)]
        top, left = max(-y1, 0), max(-x1, 0)
        across, down = (
            torch.from_numpy(antialiasing_weights(*sizes)).to(pixels.device)
            for sizes in ((x2 - x1, spec.width), (y2 - y1, spec.height))
        )
        across = across[:, left : left + inside.shape[1]]
        down = down[:, top : top + inside.shape[0]]
        if mirrored:
            across = across.flip(0)
        if spec.colour == "rgb":
            inside = inside.flip(2)
        grey = inside.permute(2, 0, 1).double()
        grey = _rounded(down @ _rounded(grey @ across.T))
        crop.copy_((grey / 255 - mean) / std)


@lru_cache(maxsize=8)  # megabytes each for large boxes
def antialiasing_weights(size: int, resized: int) -> Float64:
    """Weights [resized, size] that resize one axis as Pillow's ``BILINEAR`` does.

    A triangle about each pixel's centre, as wide as the pixel is in the picture (at least one
    pixel to each side), its weights rounded to 2^-22: with these, sums of grey levels are exact in
    float64, and round to the grey levels that Pillow gives.

    Args:
        size: Pixels of the picture along the axis.
        resized: Pixels of the resized picture.
    """
    scale = size / resized
    reach = max(scale, 1.0)
    centers = (np.arange(resized)[:, None] + 0.5) * scale
    weights = (1 - np.abs(np.arange(size) + 0.5 - centers) / reach).clip(0)
    weights /= weights.sum(axis=1, keepdims=True)
    rounded: Float64 = np.floor(weights * 2**22 + 0.5) / 2**22
    return rounded


def _rounded(grey: Tensor) -> Tensor:
    return (grey + 0.5).floor()


def _whole_pixels(center: Float64, size: Float64) -> tuple[Float64, Float64]:
    """Boxes with their sides rounded to whole pixels, at least one, and then their corners."""
    sides = np.rint(size).clip(1)
    if (sides.prod(axis=1) > _MAX_BOX_PIXELS).any():
        raise ValueError(
            f"boxes must cover at most {_MAX_BOX_PIXELS} pixels for this network, "
            f"got one of {sides.max(axis=0)[0]:g}x{sides.max(axis=0)[1]:g}"
        )
    return np.rint(center - sides / 2) + sides / 2, sides


def _square(matrices: Float64) -> Float64:
    """[N, 3, 3] from [N, 2, 3]."""
    answer = np.zeros((len(matrices), 3, 3))
    answer[:, :2] = matrices
    answer[:, 2, 2] = 1
    return answer
