"""Every network, with random weights, through its estimator on a real photo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from heatpose.estimators import BodyEstimator, FaceEstimator, HandEstimator, WholeBodyEstimator
from heatpose.networks import (
    NETWORKS,
    HandUNet,
    HRNet,
    HRNetV2,
    LiteHRNet,
    OpenPoseFace,
    OpenPoseHand,
    SimpleBaseline,
)

BOXES = np.float32([[240, 40, 440, 420], [10, 20, 100, 250], [500, 100, 700, 300]])
Make = Callable[[], nn.Module]
# Small inputs for the bottom-up networks: their answers are noise anyway.
CASES: dict[str, tuple[Make, Any, dict[str, Any]]] = {
    **{
        name: (NETWORKS[name], BodyEstimator, {"box": 96})
        for name in ("mobilenet-v2-small", "vgg19", "body25", "aic14", "heatpose-lite")
    },
    "hrnet-w32-17": (lambda: HRNet(32, 17), BodyEstimator, {}),
    "simple-baseline-50-17": (lambda: SimpleBaseline(50, 17), BodyEstimator, {}),
    "hrnet-w48-133": (
        lambda: HRNet(48, 133, crop_size=(384, 288)), WholeBodyEstimator, {"flip_test": False}
    ),
    "openpose-hand": (OpenPoseHand, HandEstimator, {"scales": (0.25, 0.5)}),
    "openpose-face": (OpenPoseFace, FaceEstimator, {"scales": (0.25,)}),
    "hrnetv2-w18-21": (HRNetV2, HandEstimator, {}),
    "lite-hrnet": (LiteHRNet, HandEstimator, {}),
    "simple-baseline-18-21-224": (
        lambda: SimpleBaseline(18, 21, crop_size=(224, 224)), HandEstimator, {}
    ),
    "hand-unet": (HandUNet, HandEstimator, {}),
}  # fmt: skip


@pytest.fixture(scope="module")
def photo(shared_data: Path) -> Path:
    return shared_data / "hand" / "body" / "coco" / "000000000785.jpg"


def test_every_network_has_a_case() -> None:
    assert {type(make()).__name__ for make, _, _ in CASES.values()} == {
        network.__name__ for network in NETWORKS.values()
    }


@pytest.mark.parametrize("name", CASES)
def test_random_weights_give_whole_answers_twice_the_same(photo: Path, name: str) -> None:
    make, estimator_class, settings = CASES[name]
    torch.manual_seed(0)
    network = make()
    estimator = estimator_class(network, device="cpu", **settings)
    top_down = estimator_class is not BodyEstimator or hasattr(network, "crop_spec")
    boxes = {"boxes": BOXES} if top_down else {}
    first, second = (estimator(photo, **boxes) for _ in range(2))
    count = estimator.skeleton.num_keypoints
    assert first.keypoints.shape[1:] == (count, 2)
    assert first.scores.shape[1:] == (count,)
    assert first.canvas == (425, 640)
    if top_down:
        assert len(first) == len(BOXES)
    np.testing.assert_array_equal(first.keypoints, second.keypoints)
    np.testing.assert_array_equal(first.scores, second.scores)
    missing = np.isnan(first.keypoints).any(axis=-1)
    assert np.isfinite(first.scores).all()
    assert not first.scores[missing].any()
    assert (first.scores[~missing] >= 0).all()
