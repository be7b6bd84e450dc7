"""The published ways from the cells of a crop back to the photo."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heatpose import ops

CORNERS = np.array([[0.0, 0.0], [15.0, 11.0]])


@pytest.mark.parametrize(
    ("convention", "first", "last"),
    [("microsoft", (50, 85), (90 - 40 / 16, 112.5)), ("mmpose", (50, 70), (87.5, 125)),
     ("mmpose_udp", (50, 70), (90, 130)), ("darkpose", (50.5, 85.7), (89.5, 114.3))],
)  # fmt: skip
def test_crop_transform_conventions(convention: str, first: Any, last: Any) -> None:
    matrix = ops.crop_transform((70, 100), (0.2, 0.3), (12, 16), convention=convention)
    got = CORNERS @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(got, [first, last])


def test_crop_transform_batches_and_units() -> None:
    centers = np.array([[70.0, 100.0], [0.0, 0.0]])
    batch = ops.crop_transform(centers, 0.2, (12, 16))
    assert batch.shape == (2, 2, 3)
    np.testing.assert_array_equal(batch[0], ops.crop_transform(centers[0], (0.2, 0.2), (12, 16)))
    np.testing.assert_array_equal(batch, ops.crop_transform(centers, 40, (12, 16), pixel_std=1))


def test_crop_transform_takes_tensors_that_require_grad() -> None:
    torch = pytest.importorskip("torch")
    centers = torch.tensor([[70.0, 100.0], [0.0, 0.0]], requires_grad=True)
    scales = torch.tensor([0.25, 0.5], dtype=torch.bfloat16, requires_grad=True)
    got = ops.crop_transform(centers, scales, (12, 16))
    want = ops.crop_transform(centers.tolist(), scales.tolist(), (12, 16))
    np.testing.assert_array_equal(got, want)


def test_crop_transform_of_another_type() -> None:
    for words in (["a", "b"], ["1", "2"], [None, None], (True, False), [[1, 2], [3]]):
        with pytest.raises(TypeError, match="centers must be numbers"):
            ops.crop_transform(words, 1.0, (8, 8))


def test_the_two_ways_back_agree_where_they_say_so() -> None:
    centers, scales = [[70.0, 100.0], [3.0, 4.0]], [[0.2, 0.3], [1.0, 2.0]]
    for udp, convention in [(False, "mmpose"), (True, "mmpose_udp")]:
        want = ops.crop_matrices(centers, scales, (48, 64), cells=(12, 16), udp=udp)
        got = ops.crop_transform(centers, scales, (12, 16), convention=convention)
        np.testing.assert_allclose(got, want.photo_from_cells, atol=1e-12)


BAD_CROP = {
    "word": ("convention must be one of microsoft", {"convention": "openpose"}),
    "centers": (r"centers must have shape \(2,\) or \(B, 2\), got \(3,\)", {"centers": (1, 2, 3)}),
    "nan": ("scales must be finite", {"scales": np.nan}),
    "batches": ("one batch size", {"centers": np.zeros((2, 2)), "scales": np.ones((3, 2))}),
    "one cell": (r"size must be at least \(2, 2\)", {"size": (5, 1), "convention": "mmpose_udp"}),
    "no cells": ("size must be", {"size": (5, 0)}),
    "negative": ("scales must be greater than 0", {"scales": (1, -1)}),
    "flat": ("scales must be greater than 0", {"scales": 0}),
    "pixel_std": ("pixel_std must be a finite number", {"pixel_std": 0}),
}


@pytest.mark.parametrize("case", BAD_CROP)
def test_crop_transform_bad_input(case: str) -> None:
    message, arguments = BAD_CROP[case]
    arguments = {"centers": (0, 0), "scales": 1.0, "size": (8, 8), **arguments}
    with pytest.raises(ValueError, match=message):
        ops.crop_transform(**arguments)


@pytest.mark.parametrize("convention", ["microsoft", "darkpose"])
def test_conventions_of_the_width_alone_take_maps_one_cell_high(convention: str) -> None:
    matrix = ops.crop_transform([50, 60], [0.5, 9.0], (1, 11), convention=convention)
    pixels = 100 / 11 if convention == "microsoft" else 99 / 10
    middle = [5.5, 0.5] if convention == "microsoft" else [5, 0]
    np.testing.assert_allclose(matrix @ [*middle, 1], [50, 60])
    np.testing.assert_allclose(matrix[:, :2], np.eye(2) * pixels)
    with pytest.raises(ValueError, match=r"size must be at least \(2, 2\)"):
        ops.crop_transform([50, 60], [0.5, 9.0], (1, 11), convention="mmpose_udp")
