"""Boxes from real poses and real box files, against what people annotated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from heatpose import media
from heatpose.detectors import (
    HandBoxes,
    PersonBoxes,
    boxes_of,
    hand_boxes,
    person_boxes,
    read_boxes,
)
from heatpose.estimators import BodyEstimator
from heatpose.results import People
from heatpose.skeletons import COCO17

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def coco(shared_data: Path) -> Path:
    return shared_data / "hand" / "body" / "coco"


@pytest.fixture(scope="module")
def annotations(coco: Path) -> dict[str, Any]:
    """The annotated people with keypoints, by the photo's file name, and the photos' sizes."""
    content = json.loads((coco / "test_coco_wholebody.json").read_text())
    found: dict[str, Any] = {}
    for image in content["images"]:
        people = [
            one
            for one in content["annotations"]
            if one["image_id"] == image["id"] and one["num_keypoints"]
        ]
        found[image["file_name"]] = (people, (image["height"], image["width"]))
    return found


@pytest.fixture(scope="module")
def estimator(shared_data: Path) -> BodyEstimator:
    weights = shared_data / "body" / "model" / "openpose_mobilenet_v2_small.safetensors"
    return BodyEstimator("auto", weights=weights, device="cpu")


def annotated_people(people: list[dict[str, Any]], canvas: tuple[int, int]) -> People:
    """The annotated keypoints as if they had been estimated."""
    marks = np.array([one["keypoints"] for one in people], np.float32).reshape(-1, 17, 3)
    there = marks[..., 2] > 0
    keypoints = np.where(there[..., None], marks[..., :2], np.float32(np.nan))
    return People(
        keypoints, there.astype(np.float32), np.ones(len(people), np.float32), COCO17, canvas
    )


def corners(box: Any) -> Floats:
    x, y, width, height = box
    return np.array([x, y, x + width, y + height], np.float64)


def overlap(a: Any, b: Any) -> float:
    """Intersection over union of two boxes."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = float(np.clip(sides, 0, None).prod())
    return shared / (float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - shared)


def test_boxes_of_annotated_people_are_those_that_annotators_drew(
    annotations: dict[str, Any],
) -> None:
    for margin, least in ((0.0, 0.6), (0.1, 0.82)):
        overlaps = [
            overlap(box, corners(person["bbox"]))
            for people, canvas in annotations.values()
            for box, person in zip(
                person_boxes(annotated_people(people, canvas), margin=margin).boxes,
                people,
                strict=True,
            )
        ]
        print(f"margin {margin}: mean IoU {np.mean(overlaps):.3f}, least {min(overlaps):.3f}")
        assert len(overlaps) == 8
        assert np.mean(overlaps) > least
    assert min(overlaps) > 0.65


def test_boxes_of_annotated_hands_hold_the_hands(annotations: dict[str, Any]) -> None:
    covered = []
    for people, canvas in annotations.values():
        found = hand_boxes(annotated_people(people, canvas), min_side=0)
        for box, side, person in zip(found.boxes, found.sides, found.persons, strict=True):
            points = np.array(people[person][f"{side}hand_kpts"], np.float64).reshape(-1, 3)
            if people[person][f"{side}hand_valid"]:
                points = points[points[:, 2] > 0, :2]
                inside = ((points >= box[:2]) & (points <= box[2:])).all(axis=1)
                covered.append(inside.mean())
    print(f"of {len(covered)} annotated hands, keypoints in their box: {np.round(covered, 2)}")
    assert len(covered) >= 5
    assert np.mean(covered) > 0.9


def test_boxes_of_estimated_people_lie_on_the_annotated_ones(
    coco: Path, annotations: dict[str, Any], estimator: BodyEstimator
) -> None:
    name = "000000000785.jpg"
    image = media.read_image(coco / name)
    (person,), _ = annotations[name]
    people = PersonBoxes(estimator)(image)
    hands = HandBoxes(estimator)(image)
    best = overlap(people.boxes[0], corners(person["bbox"]))
    print(f"{len(people)} people, IoU {best:.3f}; hands: {hands}, {hands.sides}")
    assert best > 0.7
    marks = np.array(person["keypoints"], np.float64).reshape(17, 3)
    owned = [i for i, owner in enumerate(hands.persons) if owner == 0]
    assert [hands.sides[i] for i in owned] == ["left", "right"]
    for i in owned:  # the left hand is not annotated, both wrists are
        wrist = marks[COCO17.index(f"{hands.sides[i]}_wrist"), :2]
        assert (wrist >= hands.boxes[i, :2]).all() and (wrist <= hands.boxes[i, 2:]).all()


def test_box_files_of_coco_are_read(coco: Path, annotations: dict[str, Any]) -> None:
    detected = read_boxes(coco / "test_coco_det_AP_H_56.json", categories=[1])
    drawn = read_boxes(coco / "test_coco.json")
    assert sum(map(len, detected.values())) == 85
    for name, (people, _) in annotations.items():
        boxes = boxes_of(coco / name, drawn)
        assert boxes is not None
        found = boxes_of(coco / name, detected)
        if found is None:  # not all photos of the annotations are in the detections
            continue
        for person in people:
            best = max(overlap(box, corners(person["bbox"])) for box in found.boxes)
            assert best > 0.5, name
