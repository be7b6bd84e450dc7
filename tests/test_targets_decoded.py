"""Targets are what decoders read: planted people come back from them."""

from __future__ import annotations

import numpy as np
import pytest

import heatpose as hp
from heatpose.datasets.targets import (
    AI_CHALLENGER_TARGETS,
    OPENPOSE_TARGETS,
    TargetOptions,
    body_targets,
    cells_from_crop,
    heatmap_targets,
)
from heatpose.skeletons import AIC14, COCO18, HAND21, Skeleton

STANDING = {
    "nose": (0, -2.8), "neck": (0, -2), "head_top": (0, -3.4),
    "right_shoulder": (-0.8, -1.9), "right_elbow": (-1.2, -0.8), "right_wrist": (-1.4, 0.2),
    "left_shoulder": (0.8, -1.9), "left_elbow": (1.3, -0.9), "left_wrist": (1.6, 0.1),
    "right_hip": (-0.5, 0.3), "right_knee": (-0.6, 1.9), "right_ankle": (-0.7, 3.4),
    "left_hip": (0.5, 0.3), "left_knee": (0.65, 1.9), "left_ankle": (0.75, 3.4),
    "right_eye": (-0.35, -3.1), "left_eye": (0.35, -3.1),
    "right_ear": (-0.7, -2.9), "left_ear": (0.7, -2.9),
}  # fmt: skip


def crowd(skeleton: Skeleton, seed: int) -> np.ndarray:
    """Five people side by side, each of another size, in a photo of 368 x 656 pixels."""
    rng = np.random.default_rng(seed)
    pose = np.array([STANDING[name] for name in skeleton.keypoints])
    middles = np.stack([[75 + 125 * i for i in range(5)], rng.uniform(175, 190, 5)], axis=1)
    sizes = rng.uniform(28, 44, (5, 1, 1))
    return middles[:, None] + sizes * (pose + rng.uniform(-0.1, 0.1, (5, len(pose), 2)))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("skeleton", "options"),
    [(COCO18, TargetOptions()), (COCO18, OPENPOSE_TARGETS), (AIC14, AI_CHALLENGER_TARGETS)],
    ids=["plain", "openpose", "ai-challenger"],
)
def test_people_come_back_within_a_cell(
    skeleton: Skeleton, options: TargetOptions, seed: int
) -> None:
    planted = crowd(skeleton, seed)
    known = np.ones(planted.shape[:2], bool)
    targets = body_targets(planted, known, skeleton, (368, 656), options)
    found = hp.BodyDecoder(skeleton)(targets.heatmaps, targets.pafs, canvas=(368, 656))
    assert len(found) == 5
    order = np.argsort(found.keypoints[:, skeleton.index("neck"), 0])
    away = np.hypot(*np.moveaxis(found.keypoints[order] - planted, -1, 0))
    assert np.nanmax(away) < 8 and not np.isnan(away).any()
    assert np.median(away) < 1.5  # pixels, a fifth of a cell: the centre was not rounded


@pytest.mark.parametrize("sigma", [2.0, 3.0])
def test_dark_finds_unbiased_keypoints_within_a_hundredth_of_a_cell(sigma: float) -> None:
    rng = np.random.default_rng(0)
    planted = rng.uniform((40, 40), (215, 215), (6, 21, 2))
    cells = cells_from_crop(planted, (256, 256), (64, 64), grid="classic")
    maps = np.stack([
        heatmap_targets(one[None], np.ones((1, 21), bool), (64, 64), sigma) for one in cells
    ])  # fmt: skip
    found = hp.KeypointDecoder(HAND21, method="dark").crops(maps)
    assert np.abs(found.keypoints - cells).max() < 0.01
    assert found.scores.min() > 0.9


def test_rounded_keypoints_come_back_at_their_cell() -> None:
    cells = np.random.default_rng(1).uniform(8, 55, (21, 2))
    maps = heatmap_targets(cells[None], np.ones((1, 21), bool), (64, 64), 2.0, unbiased=False)
    found = hp.KeypointDecoder(HAND21, method="none").crops(maps)
    np.testing.assert_array_equal(found.keypoints[0], np.floor(cells + 0.5))
    assert (found.scores == 1).all()
