"""KeypointDecoder: which crops and keypoints come back, in which order and frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import heatpose as hp
from heatpose import ops
from heatpose.skeletons import COCO17, HAND21, WHOLEBODY133


def planted(batch: int, skeleton: hp.Skeleton, size: tuple[int, int]) -> tuple[Any, Any]:
    """Heatmaps [B, K, h, w] of Gaussians whose height falls with the crop, and their centres."""
    rng = np.random.default_rng(0)
    height, width = size
    count = skeleton.num_keypoints
    ys, xs = np.mgrid[:height, :width]
    centers = rng.uniform(12, [width - 13, height - 13], (batch, count, 2))
    x, y = (centers[..., i, None, None] for i in range(2))
    peak = np.linspace(1.0, 0.5, batch)[:, None, None, None]
    maps = peak * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 8)
    return maps.astype(np.float32), centers


@pytest.mark.parametrize(("skeleton", "size"), [(HAND21, (64, 64)), (WHOLEBODY133, (96, 72))])
def test_planted_keypoints_come_back_in_cells(skeleton: hp.Skeleton, size: Any) -> None:
    maps, centers = planted(3, skeleton, size)
    people = hp.KeypointDecoder(skeleton)(maps)
    assert people.canvas == size and people.skeleton is skeleton
    np.testing.assert_allclose(people.keypoints, centers, atol=2e-3)
    assert people.visible.all()


def test_centre_and_scale_place_keypoints_in_the_photo() -> None:
    maps, centers = planted(2, COCO17, (64, 48))
    boxes = {"centers": np.array([[300.0, 200.0], [70.0, 80.0]]), "scales": np.array([1.2, 1.6])}
    decoder = hp.KeypointDecoder(COCO17, convention="mmpose_udp", method="dark_udp")
    people = decoder(maps, canvas=(480, 640), **boxes)
    sides = boxes["scales"] * 200
    want = centers / [47, 63] * sides + boxes["centers"][:, None] - sides / 2
    np.testing.assert_allclose(people.keypoints, want, atol=0.02)
    matrices = ops.crop_transform(size=(64, 48), convention="mmpose_udp", **boxes)
    again = decoder(maps, canvas=(480, 640), transform=matrices)
    np.testing.assert_array_equal(again.keypoints, people.keypoints)
    single = decoder(maps[1], canvas=(480, 640), centers=[[70, 80]], scales=boxes["scales"])
    np.testing.assert_allclose(single.keypoints[0], people.keypoints[1], atol=1e-4)


def test_the_kernel_follows_the_rows_of_the_map() -> None:
    for size, kernel in [((95, 100), 11), ((96, 72), 17)]:
        maps = planted(1, COCO17, size)[0] + np.random.default_rng(1).normal(0, 0.02, size)
        maps = maps.astype(np.float32)
        want = ops.decode_heatmaps(maps, kernel=kernel).coords
        np.testing.assert_array_equal(hp.KeypointDecoder(COCO17)(maps).keypoints, want)


def test_people_come_best_first_and_crops_in_order() -> None:
    maps, _ = planted(3, HAND21, (32, 32))
    decoder = hp.KeypointDecoder(HAND21)
    crops = decoder.crops(maps, box_scores=[0.1, 0.9, 0.5])
    people = decoder(maps, box_scores=[0.1, 0.9, 0.5])
    assert (np.diff(people.person_scores) <= 0).all()
    np.testing.assert_array_equal(people.keypoints, crops.keypoints[[1, 2, 0]])
    np.testing.assert_allclose(
        crops.person_scores, crops.scores.mean(axis=1) * [0.1, 0.9, 0.5], rtol=1e-6
    )


def test_maps_without_a_positive_finite_maximum_are_missing_keypoints() -> None:
    maps, _ = planted(1, HAND21, (32, 32))
    maps[0, 0], maps[0, 1], maps[0, 2] = 0.0, np.nan, -1.0
    maps[0, 3, 5, 5] = np.inf
    maps[0, 4, 5, 5] = np.nan
    people = hp.KeypointDecoder(HAND21)(maps)
    assert np.flatnonzero(~people.visible[0]).tolist() == [0, 1, 2, 3]
    assert np.isclose(people.person_scores[0], people.scores[0, 4:].mean())


def test_threshold_and_nobody() -> None:
    maps, _ = planted(2, HAND21, (32, 32))
    people = hp.KeypointDecoder(HAND21, threshold=2.0)(maps)
    assert not people.visible.any() and people.person_scores.tolist() == [0, 0]
    assert len(hp.KeypointDecoder(HAND21)(maps[:0])) == 0
    assert not hp.KeypointDecoder(HAND21)(maps[..., :0]).visible.any()


def test_torch_maps_of_any_precision() -> None:
    torch = pytest.importorskip("torch")
    maps, centers = planted(2, HAND21, (64, 64))
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        tensor = torch.from_numpy(maps).to(dtype).requires_grad_()
        people = hp.KeypointDecoder(HAND21)(tensor)
        np.testing.assert_allclose(people.keypoints, centers, atol=0.1)


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


BAD = {
    "channels": (ValueError, r"heatmaps must have 21 channels for .*, got shape \(17, 8, 8\)",
                 {"heatmaps": zeros(17, 8, 8)}),
    "rank": (ValueError, "3 or 4 dimensions", {"heatmaps": zeros(21, 8)}),
    "list": (TypeError, "heatmaps must be a NumPy array", {"heatmaps": [[0.0]]}),
    "no canvas": (ValueError, "canvas, the", {"centers": (0, 0), "scales": 1}),
    "half a box": (ValueError, "centers and scales must come together",
                   {"centers": (0, 0), "canvas": (9, 9)}),
    "both": (ValueError, "transform must be left out",
             {"centers": (0, 0), "scales": 1, "transform": zeros(2, 3), "canvas": (9, 9)}),
    "box scores": (ValueError, r"box_scores must be 1 finite numbers, got shape \(2,\)",
                   {"box_scores": [1, 2]}),
    "box scores of words": (TypeError, "box_scores must be numbers", {"box_scores": ["high"]}),
    "box scores of numbers in words": (TypeError, "box_scores must be numbers",
                                       {"box_scores": ["1"]}),
    "nan box scores": (ValueError, "box_scores must be finite", {"box_scores": [np.nan]}),
    "huge box scores": (ValueError, "box_scores must be within float32's", {"box_scores": [1e39]}),
    "negative scale": (ValueError, "scales must be greater than 0",
                       {"centers": (0, 0), "scales": -1, "canvas": (9, 9)}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    error, message, arguments = BAD[case]
    arguments = {"heatmaps": zeros(1, 21, 8, 8), **arguments}
    with pytest.raises(error, match=message):
        hp.KeypointDecoder(HAND21)(**arguments)


def test_bad_settings() -> None:
    with pytest.raises(TypeError, match="skeleton must be a heatpose Skeleton, got str"):
        hp.KeypointDecoder("hand")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="threshold must be a finite number, at least 0"):
        hp.KeypointDecoder(HAND21, threshold=-1)
    for threshold in ("0.1", None, b"1"):
        with pytest.raises(TypeError, match="threshold must be a number"):
            hp.KeypointDecoder(HAND21, threshold=threshold)  # type: ignore[arg-type]
    for threshold in (np.nan, np.inf, 1e39):
        with pytest.raises(ValueError, match="threshold must be"):
            hp.KeypointDecoder(HAND21, threshold=threshold)
    with pytest.raises(ValueError, match="kernel must be between 1 and 1023, got 0"):
        hp.KeypointDecoder(HAND21, kernel=0)(zeros(21, 8, 8))
    with pytest.raises(ValueError, match="kernel must be odd"):
        hp.KeypointDecoder(HAND21, kernel=4)(zeros(21, 8, 8))
