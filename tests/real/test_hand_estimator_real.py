"""The whole way of a hand: photo, crop, the published small network, decoding, photo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from heatpose import media
from heatpose.estimators import HandEstimator
from heatpose.estimators.crops import cut_crops, place_crops
from heatpose.networks import HandUNet
from heatpose.results import Boxes
from heatpose.weights import load_weights

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def hand(shared_data: Path) -> Path:
    return shared_data / "hand"


@pytest.fixture(scope="module")
def network(hand: Path) -> HandUNet:
    network = HandUNet()
    load_weights(network, hand / "handnet" / "handnet.safetensors")
    return network


@pytest.fixture(scope="module")
def cases(hand: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((hand / "handnet" / "cases.json").read_text())["cases"]
    assert len(found) == 11
    return found


@pytest.fixture(scope="module")
def annotations(hand: Path, cases: list[dict[str, Any]]) -> list[Floats]:
    """[21, 3] of x, y and whether the keypoint is annotated, for each case."""
    answer = []
    for case in cases:
        name = case["dataset"]
        document = json.loads((hand / "hands" / name / f"test_{name}.json").read_text())
        (found,) = (a for a in document["annotations"] if a["id"] == case["annotation_id"])
        answer.append(np.array(found["keypoints"], np.float64).reshape(21, 3))
    return answer


def box_of(case: dict[str, Any]) -> Boxes:
    x, y, side = (case[key] for key in ("crop_x0", "crop_y0", "crop_side"))
    hand = "left" if case["input_mirrored"] else "right"
    return Boxes(np.float32([[x, y, x + side, y + side]]), sides=(hand,), padded=True)


def test_the_crops_are_those_that_the_network_was_fed(
    hand: Path, network: HandUNet, cases: list[dict[str, Any]]
) -> None:
    with np.load(hand / "handnet" / "inputs_u8.npz") as file:
        fed = file["images"]
    spec = network.crop_spec
    for case, want in zip(cases, fed, strict=True):
        mirrored = np.array([case["input_mirrored"]])
        places = place_crops(
            box_of(case).boxes, spec, spec.maps_size, padding=1.0, udp=False, mirrored=mirrored
        )
        crop = torch.empty(1, 3, spec.height, spec.width)
        cut_crops(media.read_image(hand / case["photo"]), places, slice(0, 1), spec, crop)
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (spec.mean, spec.std))
        grey = ((crop[0] * std + mean) * 255).round().permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(grey, want, err_msg=case["case"])


def errors_of(
    estimator: HandEstimator, hand: Path, cases: list[dict[str, Any]], annotations: list[Floats]
) -> Floats:
    """Mean distance in photo pixels of each case from its annotation."""
    means = []
    for case, annotated in zip(cases, annotations, strict=True):
        hands = estimator(hand / case["photo"], boxes=box_of(case))
        seen = annotated[:, 2] > 0
        # Annotations count from the photo's edge, keypoints from the middle of its first pixel.
        off = hands.keypoints[0, seen] + 0.5 - annotated[seen, :2]
        means.append(np.linalg.norm(off, axis=1).mean())
    return np.array(means)


def test_the_errors_of_the_recorded_network_come_back(
    hand: Path, network: HandUNet, cases: list[dict[str, Any]], annotations: list[Floats]
) -> None:
    got = errors_of(HandEstimator(network, method="none"), hand, cases, annotations)
    want = np.array([case["error"]["argmax"]["mean_px_photo"] for case in cases])
    print(f"largest difference {np.abs(got - want).max():.3f} px")
    np.testing.assert_allclose(got, want, atol=0.1)


def test_dark_is_at_least_as_good_as_the_maximum_in_the_mean(
    hand: Path, network: HandUNet, cases: list[dict[str, Any]], annotations: list[Floats]
) -> None:
    maximum, dark = (
        errors_of(HandEstimator(network, method=method), hand, cases, annotations).mean()
        for method in ("none", "dark")
    )
    print(f"mean error: argmax {maximum:.3f} px, DARK {dark:.3f} px")
    assert dark <= maximum


def test_all_hands_of_all_photos_at_once_answer_as_one_by_one(
    hand: Path, network: HandUNet, cases: list[dict[str, Any]]
) -> None:
    estimator = HandEstimator(network, batch_size=4)
    photos, boxes = [hand / case["photo"] for case in cases], [box_of(case) for case in cases]
    for case, photo, box, together in zip(
        cases, photos, boxes, estimator(photos, boxes=boxes), strict=True
    ):
        alone = estimator(photo, boxes=box)
        np.testing.assert_allclose(
            together.keypoints, alone.keypoints, atol=0.01, err_msg=case["case"]
        )
        np.testing.assert_allclose(together.scores, alone.scores, rtol=1e-4)
        assert together.sides == alone.sides
