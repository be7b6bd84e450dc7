"""The adapter of DarkPose: against whole maps blurred by OpenCV, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adapter_crops import (
    blurred_by_opencv,
    bumps,
    compare_crops,
    config,
    dark_by_opencv,
    one_pixel_per_cell,
)
from adapter_table import Crowds
from heatpose.adapters.darkpose import gaussian_blur, get_final_preds, get_max_preds, taylor


@pytest.mark.parametrize("kernel", [3, 5, 7, 9, 11, 17])
@pytest.mark.parametrize("noise", [0.0, 0.02, 0.3])
def test_final_predictions_on_crowds_of_crops(kernel: int, noise: float) -> None:
    maps = bumps((8, 5, 24, 32), noise=noise)
    rng = np.random.default_rng(1)
    center, scale = rng.uniform(50, 500, (8, 2)), rng.uniform(0.5, 3, (8, 2))
    given = maps.copy()
    preds, values = get_final_preds(config(kernel), maps, center, scale)
    np.testing.assert_array_equal(maps, given)
    side = scale[:, None, :1] * 200 - 1  # the width alone, along both axes
    cells = dark_by_opencv(maps, kernel, dtype=np.float64)
    want = (cells - [15.5, 11.5]) * side / 31 + center[:, None]
    # float64 there as well: only the photo's pixels, up to 1000, are rounded to float32.
    np.testing.assert_allclose(preds, want, rtol=0, atol=1e-3 if noise < 0.3 else 1e-2)
    np.testing.assert_array_equal(values[..., 0], maps.max(axis=(-2, -1)))


@pytest.mark.parametrize("kernel", [11, 17])
def test_crowds_of_crops(kernel: int) -> None:
    compare_crops(
        Crowds("darkpose", f"the program's steps, with OpenCV, kernel {kernel}"),
        one_pixel_per_cell(lambda *args: get_final_preds(config(kernel), *args), 1),
        lambda maps, dtype: dark_by_opencv(maps, kernel, dtype=np.float64),
        1e-3,
    )


def test_its_steps_are_those_of_its_parts() -> None:
    maps = bumps((2, 3, 20, 24))
    coords, _ = get_max_preds(maps)
    blurred = gaussian_blur(maps.astype(np.float64), 11)
    for plane in np.ndindex(2, 3):
        taylor(np.log(np.maximum(blurred[plane], 1e-10)), coords[plane])
    center, scale = np.tile([11.5, 9.5], (2, 1)), np.full((2, 2), 24 / 200)
    want, _ = get_final_preds(config(11), maps, center, scale)
    np.testing.assert_allclose(coords, want, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blur_is_written_back_and_returned(dtype: type[Any]) -> None:
    maps = bumps((2, 3, 20, 24), noise=0.2).astype(dtype)
    for kernel in (1, 3, 7, 11):
        given = maps.copy()
        assert gaussian_blur(given, kernel) is given and given.dtype == dtype
        want = [[blurred_by_opencv(m, kernel) for m in one] for one in maps]
        np.testing.assert_allclose(given, want, rtol=1e-4, atol=2e-6)


def test_taylor_moves_only_inside_and_where_there_is_a_curve() -> None:
    ys, xs = np.mgrid[:9, :9]
    logs = -((xs - 4.3) ** 2 + (ys - 3.8) ** 2) / 8
    coord = np.array([4.0, 4.0])
    assert taylor(logs, coord) is coord
    np.testing.assert_allclose(coord, [4.3, 3.8], atol=1e-9)
    assert taylor(logs, np.array([1.0, 4.0])).tolist() == [1, 4]
    assert taylor(np.zeros((9, 9)), np.array([4.0, 4.0])).tolist() == [4, 4]
    logs[4, 5] = -np.inf
    assert taylor(logs, np.array([4.0, 4.0])).tolist() == [4, 4]


def test_tensors_come_back_as_numpy() -> None:
    torch = pytest.importorskip("torch")
    maps = bumps((2, 3, 20, 24))
    args = np.full((2, 2), 50.0), np.full((2, 2), 1.0)
    want = get_final_preds(config(), maps, *args)
    half = get_final_preds(config(), torch.from_numpy(maps).bfloat16(), *args)
    for a, b in zip(get_final_preds(config(), torch.from_numpy(maps), *args), want, strict=True):
        np.testing.assert_array_equal(a, b)
    assert isinstance(half[0], np.ndarray) and half[0].dtype == np.float32


def test_a_map_one_cell_high_is_fine_and_one_cell_wide_has_no_pixels_per_cell() -> None:
    ones = np.ones((1, 2))
    assert get_final_preds(config(), np.ones((1, 1, 1, 5)), ones, ones)[0].shape == (1, 1, 2)
    with pytest.raises(ValueError, match=r"size must be at least \(1, 2\)"):
        get_final_preds(config(), np.ones((1, 1, 5, 1)), ones, ones)


@pytest.mark.parametrize("kernel", [0, 10, -3, 1025])
def test_an_even_kernel_is_an_error(kernel: int) -> None:
    maps, ones = bumps((1, 1, 9, 9)), np.ones((1, 2))
    with pytest.raises(ValueError, match=r"config\.TEST\.BLUR_KERNEL must be odd"):
        get_final_preds(config(kernel), maps, ones, ones)
    with pytest.raises(ValueError, match="kernel must be odd"):
        gaussian_blur(maps, kernel)


def test_blur_refuses_what_it_cannot_write_to() -> None:
    with pytest.raises(TypeError, match="heatmaps must be a NumPy array, got list"):
        gaussian_blur([[1.0]], 3)
    with pytest.raises(TypeError, match="kernel must be a whole number"):
        gaussian_blur(bumps((1, 1, 9, 9)), 3.0)  # type: ignore[arg-type]
