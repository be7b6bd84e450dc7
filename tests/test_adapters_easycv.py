"""The adapter of EasyCV: every way of post-processing against OpenCV on whole maps."""

from __future__ import annotations

import warnings
from typing import Any

import cv2
import numpy as np
import pytest

from adapter_crops import (
    blurred_by_opencv,
    bumps,
    combined_by_opencv,
    compare_crops,
    dark_by_opencv,
    dark_udp_by,
    maxima_by_numpy,
    quarter_by_numpy,
)
from adapter_table import Crowds
from heatpose.adapters import easycv

RNG = np.random.default_rng(7)
CENTER, SCALE = RNG.uniform(50, 500, (6, 2)), RNG.uniform(0.5, 3, (6, 2))


def in_photo(cells: np.ndarray, size: tuple[int, int], less: int = 0) -> np.ndarray:
    """Cells of the six crops in the photo; ``size`` is (h, w)."""
    sides = SCALE[:, None] * 200
    return cells * sides / (np.array(size[::-1]) - less) + CENTER[:, None] - sides / 2


def mirrored(kernel: int) -> Any:
    return lambda heatmap: cv2.GaussianBlur(heatmap, (kernel, kernel), 0)


@pytest.fixture(params=[0.02, 0.2])
def maps(request: pytest.FixtureRequest) -> np.ndarray:
    return bumps((6, 5, 20, 16), noise=request.param)


@pytest.mark.parametrize("post_process", [None, "default", "other"])
def test_cells_and_quarters(maps: np.ndarray, post_process: Any) -> None:
    preds, values = easycv.keypoints_from_heatmaps(maps, CENTER, SCALE, post_process=post_process)
    cells = maxima_by_numpy(maps, -1)
    if post_process is not None:
        cells = quarter_by_numpy(maps, cells)
    np.testing.assert_allclose(preds, in_photo(cells, (20, 16)), atol=1e-3)
    np.testing.assert_array_equal(values[..., 0], maps.max(axis=(-2, -1)))


@pytest.mark.parametrize("kernel", [3, 11, 17])
def test_unbiased(maps: np.ndarray, kernel: int) -> None:
    preds, _ = easycv.keypoints_from_heatmaps(
        maps, CENTER, SCALE, post_process="unbiased", kernel=kernel
    )
    want = in_photo(dark_by_opencv(maps, kernel, -1), (20, 16))
    np.testing.assert_allclose(preds, want, rtol=0, atol=2e-2)


@pytest.mark.parametrize("kernel", [3, 5, 7, 9, 11, 17])
def test_udp(maps: np.ndarray, kernel: int) -> None:
    want = dark_udp_by(mirrored(kernel), maps)
    coords, _ = easycv.get_max_preds(maps)
    given = maps.copy()
    assert easycv.post_dark_udp(coords, maps, kernel) is coords
    np.testing.assert_array_equal(maps, given)
    np.testing.assert_allclose(coords, want, rtol=1e-3, atol=1e-3)
    preds, values = easycv.keypoints_from_heatmaps(
        maps, CENTER, SCALE, kernel=kernel, use_udp=True, target_type="gaussianheatmap"
    )
    np.testing.assert_allclose(preds, in_photo(coords, (20, 16), 1), rtol=1e-5, atol=1e-3)
    np.testing.assert_array_equal(values[..., 0], maps.max(axis=(-2, -1)))


def test_udp_of_people_that_share_maps() -> None:
    maps = bumps((1, 5, 20, 16))
    coords = RNG.integers(0, 16, (3, 5, 2)).astype(np.float32)
    got = easycv.post_dark_udp(coords.copy(), maps, 11)
    want = easycv.post_dark_udp(coords, maps.repeat(3, axis=0), 11)
    np.testing.assert_array_equal(got, want)
    with pytest.raises(ValueError, match="batch_heatmaps must be 1 or as many as coords"):
        easycv.post_dark_udp(coords, maps.repeat(2, axis=0), 11)


@pytest.mark.parametrize("kernel", [3, 11])
@pytest.mark.parametrize("shape", [(6, 9, 20, 16), (6, 3, 1, 7), (6, 6, 5, 4)], ids=str)
def test_combined(shape: tuple[int, ...], kernel: int) -> None:
    combined = bumps(shape, noise=0.1) - np.float32(0.2)
    combined[2, 0] = -1
    cells = combined_by_opencv(combined, 0.0546875 * shape[2], 2 * kernel + 1, kernel)
    less = 1 if shape[2] > 1 else 0
    if not less:  # no pixels per cell, which EasyCV divides by
        with pytest.raises(ValueError, match="size must be at least"):
            easycv.keypoints_from_heatmaps(
                combined, CENTER, SCALE, use_udp=True, target_type="CombinedTarget"
            )
        return
    preds, values = easycv.keypoints_from_heatmaps(
        combined, CENTER, SCALE, kernel=kernel, use_udp=True, target_type="CombinedTarget"
    )
    np.testing.assert_allclose(preds, in_photo(cells, shape[2:], 1), atol=2e-3)
    size = (2 * kernel + 1,) * 2
    smooth = [[cv2.GaussianBlur(m, size, 0).max() for m in one[::3]] for one in combined]
    np.testing.assert_allclose(values[..., 0], smooth, rtol=1e-5)


def test_megvii(maps: np.ndarray) -> None:
    smooth = np.array([[blurred_by_opencv(m, 11) for m in one] for one in maps])
    cells = quarter_by_numpy(smooth, maxima_by_numpy(smooth, -1), more=0.5)
    preds, values = easycv.keypoints_from_heatmaps(maps, CENTER, SCALE, post_process="megvii")
    np.testing.assert_allclose(preds, in_photo(cells, (20, 16)), atol=1e-3)
    np.testing.assert_allclose(values[..., 0], maps.max(axis=(-2, -1)) / 255 + 0.5, rtol=1e-5)


def smoothed(maps: np.ndarray, dtype: type[Any]) -> np.ndarray:
    return np.array([[blurred_by_opencv(one, 11, dtype) for one in crop] for crop in maps])


def by_megvii(maps: np.ndarray, dtype: type[Any]) -> np.ndarray:
    smooth = smoothed(maps, dtype)
    return quarter_by_numpy(smooth, maxima_by_numpy(smooth, -1), more=0.5)


CROWDS: dict[str, tuple[dict[str, Any], Any, float]] = {
    "quarter": (
        {"post_process": "default"},
        lambda maps, dtype: quarter_by_numpy(maps, maxima_by_numpy(maps, -1)),
        1e-5,
    ),
    "DARK 11": (
        {"post_process": "unbiased"},
        lambda maps, dtype: dark_by_opencv(maps, 11, -1, dtype),
        1e-3,
    ),
    "DARK-UDP 11": (
        {"use_udp": True, "target_type": "GaussianHeatmap"},
        lambda maps, dtype: dark_udp_by(mirrored(11), maps),
        1e-3,
    ),
    "megvii": ({"post_process": "megvii"}, by_megvii, 1e-5),
}


@pytest.mark.parametrize("way", CROWDS)
def test_crowds_of_crops(way: str) -> None:
    settings, theirs, allowed = CROWDS[way]
    # UDP's corners are in the middle of cells: a crop of one pixel per cell is one cell smaller.
    less = int(settings.get("use_udp", False))

    def ours(maps: np.ndarray) -> np.ndarray:
        cells = np.array(maps.shape[:-3:-1])
        crops = (len(maps), 1)
        side = cells - less
        center, scale = np.tile(side / 2, crops), np.tile(side / 200, crops)
        answer = easycv.keypoints_from_heatmaps(maps, center, scale, kernel=11, **settings)
        return np.asarray(answer[0], np.float64)

    row = Crowds("easycv", f"the program's steps, with OpenCV: {way}")
    compare_crops(row, ours, theirs, allowed)


OLD = [(True, True, "unbiased"), (True, False, "default"), (False, False, None),
       ("default", True, "unbiased")]  # fmt: skip


@pytest.mark.parametrize(("post_process", "unbiased", "means"), OLD)
def test_old_names_warn_and_work(post_process: Any, unbiased: bool, means: Any) -> None:
    maps = bumps((6, 5, 20, 16))
    with pytest.warns(DeprecationWarning, match="is the old way to say"):
        got = easycv.keypoints_from_heatmaps(
            maps, CENTER, SCALE, unbiased=unbiased, post_process=post_process
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        want = easycv.keypoints_from_heatmaps(maps, CENTER, SCALE, post_process=means)
    np.testing.assert_array_equal(got[0], want[0])


def test_its_parts() -> None:
    maps = bumps((2, 3, 20, 16))
    smooth = easycv.gaussian_blur(maps.copy())
    coords, _ = easycv.get_max_preds(maps)
    for plane in np.ndindex(2, 3):
        easycv.taylor(np.log(np.maximum(smooth[plane], 1e-10)), coords[plane])
    np.testing.assert_allclose(coords, dark_by_opencv(maps, 11, -1), atol=1e-3)


def test_decoding_as_a_head_does() -> None:
    maps = bumps((6, 5, 20, 16))
    metas: list[dict[str, Any]] = [
        {"center": c, "scale": s, "image_id": i, "bbox_id": 10 + i, "bbox_score": [0.5]}
        for i, (c, s) in enumerate(zip(CENTER, SCALE, strict=True))
    ]
    settings = {"post_process": "unbiased", "modulate_kernel": 17}
    result = easycv.decode_heatmap(maps, metas, settings)
    preds, values = easycv.keypoints_from_heatmaps(
        maps,
        CENTER.astype(np.float32),
        SCALE.astype(np.float32),
        post_process="unbiased",
        kernel=17,
    )
    np.testing.assert_array_equal(result["preds"], np.concatenate([preds, values], axis=-1))
    boxes = [[*c, *s, np.prod(s * 200), 0.5] for c, s in zip(CENTER, SCALE, strict=True)]
    np.testing.assert_allclose(result["boxes"], boxes, rtol=1e-5)
    assert result["image_ids"] == list(range(6)) and result["bbox_ids"] == list(range(10, 16))
    assert result["preds"].dtype == result["boxes"].dtype == np.float32
    bare = [{key: m[key] for key in ("center", "scale", "image_id")} for m in metas]
    result = easycv.decode_heatmap(maps, bare, {})
    assert result["bbox_ids"] is None and (result["boxes"][:, 5] == 1).all()
    with pytest.raises(ValueError, match="img_metas must hold a crop"):
        easycv.decode_heatmap(maps[:0], [], {})


BAD: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "unbiased none": (ValueError, "unbiased excludes post_process=None",
                      {"unbiased": True, "post_process": None}),
    "unbiased megvii": (ValueError, "unbiased excludes post_process='megvii'",
                        {"unbiased": True, "post_process": "megvii"}),
    "udp megvii": (ValueError, "use_udp excludes post_process='megvii'",
                   {"use_udp": True, "post_process": "megvii"}),
    "number": (TypeError, "post_process must be a word or None", {"post_process": 3}),
    "target": (ValueError, "target_type must be GaussianHeatmap or CombinedTarget",
               {"use_udp": True, "target_type": "Heatmap"}),
    "thirds": (ValueError, "heatmaps must hold 3 maps per keypoint, got 5 maps",
               {"use_udp": True, "target_type": "CombinedTarget"}),
    "kernel": (ValueError, "kernel must be odd", {"use_udp": True, "kernel": 4}),
}  # fmt: skip


@pytest.mark.parametrize(("error", "message", "settings"), BAD.values(), ids=BAD)
def test_bad_input(error: type[Exception], message: str, settings: dict[str, Any]) -> None:
    with pytest.raises(error, match=message):
        easycv.keypoints_from_heatmaps(bumps((6, 5, 20, 16)), CENTER, SCALE, **settings)
