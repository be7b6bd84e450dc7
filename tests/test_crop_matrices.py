"""The maps between photo, crop and cells, against the three-point and UDP constructions."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from heatpose import ops

RNG = np.random.default_rng(0)
CENTERS = RNG.uniform(0, 500, (7, 2))
SCALES = RNG.uniform(0.3, 3, (7, 2))
ANGLES = RNG.uniform(-180, 180, 7)
SIZE = (384, 288)


def three_points(center: np.ndarray, width: float, degrees: float) -> np.ndarray:
    """Centre, top middle, and the corner that completes the square: photo from crop."""
    angle = np.radians(degrees)
    up = np.array([np.sin(angle), -np.cos(angle)]) * width / 2
    side = np.array([up[1], -up[0]])
    photo = np.stack([center, center + up, center + up + side])
    middle, half = np.array([SIZE[1] / 2, SIZE[0] / 2]), SIZE[1] / 2
    crop = middle + np.array([[0, 0], [0, -half], [-half, -half]])
    return cv2.getAffineTransform(crop.astype(np.float32), photo.astype(np.float32))


def apply(matrix: np.ndarray, x: float, y: float) -> np.ndarray:
    return matrix @ np.array([x, y, 1.0])


def test_classic_map_is_the_three_point_affine() -> None:
    got = ops.crop_matrices(CENTERS, SCALES, SIZE, rotation=ANGLES).photo_from_crop
    for matrix, center, scale, angle in zip(got, CENTERS, SCALES, ANGLES, strict=True):
        want = three_points(center, scale[0] * 200, angle)
        np.testing.assert_allclose(matrix, want, rtol=1e-5, atol=2e-4)


def test_udp_map_is_the_inverse_of_the_published_one() -> None:
    got = ops.crop_matrices(CENTERS, SCALES, SIZE, rotation=ANGLES, udp=True).photo_from_crop
    for matrix, center, scale, angle in zip(got, CENTERS, SCALES * 200, ANGLES, strict=True):
        # crop = (size - 1) / box * (R (photo - centre) + box / 2)
        cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        turn = np.array([[cos, -sin], [sin, cos]])
        for photo in (center, np.zeros(2), np.array([300.0, 20.0])):
            steps = np.array([SIZE[1] - 1, SIZE[0] - 1])
            crop = steps / scale * (turn @ (photo - center) + scale / 2)
            np.testing.assert_allclose(apply(matrix, *crop), photo, atol=1e-9)


@pytest.mark.parametrize("udp", [False, True])
def test_cells_spread_over_the_box(udp: bool) -> None:
    got = ops.crop_matrices(CENTERS, SCALES, SIZE, udp=udp).photo_from_cells
    last = 1 if udp else 0
    for matrix, center, scale in zip(got, CENTERS, SCALES * 200, strict=True):
        np.testing.assert_allclose(apply(matrix, 0, 0), center - scale / 2)
        np.testing.assert_allclose(apply(matrix, 72 - last, 96 - last), center + scale / 2)


@pytest.mark.parametrize("rotation", [0.0, 25.0])
def test_a_cell_lies_where_its_crop_pixels_lie(rotation: float) -> None:
    """Classic: cell x stands for crop pixel 4 x, where the box has the crop's aspect."""
    scales = SCALES[:, :1] * (0.75, 1.0)
    maps = ops.crop_matrices(CENTERS, scales, SIZE, cells=(96, 72), rotation=rotation)
    crop = maps.photo_from_crop @ np.array([40.0, 80.0, 1.0])
    np.testing.assert_allclose(maps.photo_from_cells @ np.array([10.0, 20.0, 1.0]), crop)


def test_squares_pixels_and_torch() -> None:
    torch = pytest.importorskip("torch")
    want = ops.crop_matrices(CENTERS, np.repeat(SCALES[:, :1], 2, axis=1), SIZE)
    got = ops.crop_matrices(
        torch.from_numpy(CENTERS), torch.from_numpy(SCALES[:, 0] * 200), SIZE, pixel_std=1
    )
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_allclose(mine, theirs)


def test_tensors_that_require_grad() -> None:
    torch = pytest.importorskip("torch")
    centers, scales, angles = (
        torch.from_numpy(each.astype(np.float32)).requires_grad_()
        for each in (CENTERS, SCALES, ANGLES)
    )
    got = ops.crop_matrices(centers, scales, SIZE, rotation=angles)
    want = ops.crop_matrices(*(t.detach().numpy() for t in (centers, scales)), SIZE,
                             rotation=angles.detach().numpy())  # fmt: skip
    for mine, theirs in zip(got, want, strict=True):
        assert isinstance(mine, np.ndarray)
        np.testing.assert_array_equal(mine, theirs)


def test_no_boxes() -> None:
    maps = ops.crop_matrices(np.empty((0, 2)), np.empty((0, 2)), SIZE)
    assert maps.photo_from_crop.shape == maps.photo_from_cells.shape == (0, 2, 3)


BAD: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "one centre": (ValueError, r"centers must have shape \[N, 2\], got \(2,\)",
                   {"centers": CENTERS[0]}),
    "nan": (ValueError, "centers must be finite", {"centers": CENTERS * np.nan}),
    "words": (TypeError, "scales must be numbers", {"scales": ["a"] * 7}),
    "numbers in words": (TypeError, "scales must be numbers", {"scales": ["1"] * 7}),
    "masked": (TypeError, "centers must be an array without a mask",
               {"centers": np.ma.masked_array(CENTERS)}),
    "too few": (ValueError, r"scales must have shape \[7, 2\] or \[7\]", {"scales": SCALES[:3]}),
    "flat": (ValueError, "scales must be greater than 0", {"scales": SCALES * 0}),
    "angles": (ValueError, "rotation must be one number", {"rotation": ANGLES[:2]}),
    "size": (ValueError, "size must be", {"size": (4,)}),
    "cells": (ValueError, "cells must be", {"cells": (0, 4)}),
    "pixel_std": (ValueError, "pixel_std must be a finite", {"pixel_std": 0}),
    "udp of one": (ValueError, "must be at least 2 for UDP", {"size": (1, 8), "udp": True}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    error, message, arguments = BAD[case]
    arguments = {"centers": CENTERS, "scales": SCALES, "size": SIZE, **arguments}
    with pytest.raises(error, match=message):
        ops.crop_matrices(**arguments)
