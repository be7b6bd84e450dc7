"""The adapter of Simple Baselines: its rules, map by map, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from adapter_crops import (
    bumps,
    compare_crops,
    config,
    maxima_by_numpy,
    one_pixel_per_cell,
    quarter_by_numpy,
)
from adapter_table import Crowds
from heatpose.adapters.simple_baselines import get_final_preds, get_max_preds


def quarter(maps: np.ndarray) -> np.ndarray:
    return quarter_by_numpy(maps, maxima_by_numpy(maps, 0))


def test_crowds_of_crops() -> None:
    compare_crops(
        Crowds("simple_baselines", "the program's steps, in NumPy"),
        one_pixel_per_cell(lambda *args: get_final_preds(config(), *args)),
        lambda maps, dtype: quarter(maps),
        1e-5,  # of the affine map in float32
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_maxima(dtype: type[Any]) -> None:
    maps = (bumps((3, 5, 20, 16), noise=0.3) - np.float32(0.5)).astype(dtype)
    preds, values = get_max_preds(maps)
    np.testing.assert_array_equal(preds, maxima_by_numpy(maps, 0))
    np.testing.assert_array_equal(values[..., 0], maps.max(axis=(-2, -1)).astype(np.float32))
    assert preds.dtype == values.dtype == np.float32 and values.shape == (3, 5, 1)


def test_whole_numbers_are_maps_too() -> None:
    maps = np.zeros((1, 1, 4, 5), np.uint8)
    maps[0, 0, 2, 3] = 200
    preds, values = get_max_preds(maps)
    assert preds.tolist() == [[[3, 2]]] and values.tolist() == [[[200]]]


@pytest.mark.parametrize("post_process", [True, False])
def test_the_way_to_the_photo(post_process: bool) -> None:
    maps = bumps((4, 6, 20, 16), noise=0.3)
    rng = np.random.default_rng(1)
    center, scale = rng.uniform(50, 500, (4, 2)), rng.uniform(0.5, 3, (4, 2))
    preds, _ = get_final_preds(config(post_process=post_process), maps, center, scale)
    cells = quarter(maps) if post_process else maxima_by_numpy(maps, 0)
    side = scale[:, None, :1] * 200  # the width alone, along both axes
    want = (cells - [8, 10]) * side / 16 + center[:, None]
    np.testing.assert_allclose(preds, want, atol=1e-3)


def test_one_number_per_crop_is_a_square_and_lists_are_welcome() -> None:
    maps = bumps((2, 3, 16, 16))
    center = [[10.0, 20.0], [30.0, 40.0]]
    got = get_final_preds(config(), maps, center, [1.0, 2.0])[0]
    want = get_final_preds(config(), maps, center, [[1.0, 1.0], [2.0, 2.0]])[0]
    np.testing.assert_array_equal(got, want)


def test_nan_is_no_maximum() -> None:
    maps = bumps((1, 1, 16, 16), noise=0)
    want, _ = get_max_preds(maps)
    maps[0, 0, 0, 0] = np.nan
    preds, values = get_max_preds(maps)
    np.testing.assert_array_equal(preds, want)
    assert np.isfinite(values).all()


def test_tensors_come_back_as_numpy() -> None:
    torch = pytest.importorskip("torch")
    maps = bumps((2, 3, 16, 16))
    center, scale = np.full((2, 2), 50.0), np.full((2, 2), 1.0)
    want = get_final_preds(config(), maps, center, scale)
    for given in (torch.from_numpy(maps), torch.from_numpy(maps).double()):
        got = get_final_preds(config(), given, torch.from_numpy(center), scale)
        for a, b in zip(got, want, strict=True):
            assert isinstance(a, np.ndarray)
            np.testing.assert_array_equal(a, b)


def test_no_crops_no_answers() -> None:
    maps = np.zeros((0, 5, 8, 8), np.float32)
    preds, values = get_final_preds(config(), maps, np.zeros((0, 2)), np.zeros((0, 2)))
    assert preds.shape == (0, 5, 2) and values.shape == (0, 5, 1)


GOOD = np.zeros((2, 3, 8, 8), np.float32)
ONES = np.ones((2, 2))
BAD = {
    "list": (TypeError, "batch_heatmaps must be a NumPy array", ([[1.0]], ONES, ONES)),
    "complex": (TypeError, "must be real numbers", (GOOD.astype(complex), ONES, ONES)),
    "rank": (ValueError, "must have 4 dimensions", (GOOD[0], ONES, ONES)),
    "no cells": (ValueError, "must have cells", (GOOD[:, :, :0], ONES, ONES)),
    "few centres": (ValueError, r"center must have shape \(2, 2\)", (GOOD, ONES[:1], ONES)),
    "scale shape": (ValueError, "scale must have shape", (GOOD, ONES, np.ones((2, 3)))),
    "scale zero": (ValueError, "scales must be greater than 0", (GOOD, ONES, 0 * ONES)),
    "centre nan": (ValueError, "centers must be finite", (GOOD, ONES * np.nan, ONES)),
    "centre words": (TypeError, "center must be numbers", (GOOD, [["a", "b"]] * 2, ONES)),
}


@pytest.mark.parametrize(("error", "message", "args"), BAD.values(), ids=BAD)
def test_bad_input(error: type[Exception], message: str, args: Any) -> None:
    with pytest.raises(error, match=message):
        get_final_preds(config(), *args)


@pytest.mark.parametrize(
    "name", ["simple_baselines", "darkpose", "mmpose", "easycv", "transformers"]
)
def test_an_adapter_imports_neither_torch_nor_opencv_nor_what_it_replaces(name: str) -> None:
    program = (
        f"import sys, heatpose.adapters.{name}\n"
        f"print([m for m in ('torch', 'cv2', {name!r}, 'mmengine') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr
