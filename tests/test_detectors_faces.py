"""Boxes of faces from poses: each case of OpenPose's rule, computed by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from heatpose.detectors import FaceBoxes, WholeImage, face_boxes
from heatpose.results import People
from heatpose.skeletons import (
    AIC14,
    BODY25,
    COCO17,
    COCO18,
    FACE70,
    HAND21,
    WHOLEBODY133,
    Skeleton,
)

Points = dict[str, tuple[float, float]]

NECK: Points = {"neck": (100, 200), "nose": (100, 140)}
EYES: Points = {"left_eye": (112, 130), "right_eye": (88, 130)}
EARS: Points = {"left_ear": (125, 135), "right_ear": (75, 135)}
LEFT: Points = {"left_eye": (112, 130), "left_ear": (130, 140)}
HEAD = NECK | EYES | EARS


def people_of(*persons: Points, skeleton: Skeleton = COCO18, score: float = 0.5) -> People:
    """People of the named keypoints only, all of one score."""
    keypoints = np.full((len(persons), skeleton.num_keypoints, 2), np.nan, np.float32)
    for person, points in enumerate(persons):
        for name, point in points.items():
            keypoints[person, skeleton.index(name)] = point
    scores = np.where(np.isnan(keypoints[..., 0]), 0, score).astype(np.float32)
    order = np.arange(len(persons), 0, -1).astype(np.float32)
    return People(keypoints, scores, order, skeleton, (480, 640))


def square(points: Points, **options: Any) -> tuple[float, float, float] | None:
    """Centre and side of the one box, None without."""
    found = face_boxes(people_of(points), **options).boxes.astype(np.float64)
    if not len(found):
        return None
    ((x1, y1, x2, y2),) = found
    assert x2 - x1 == pytest.approx(y2 - y1, rel=1e-5)
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1


PROFILE_SIDE = 0.85 * (math.dist((100, 140), (112, 130)) + 30 + 60)


@pytest.mark.parametrize(
    ("points", "want"),
    [
        pytest.param(NECK, (100, 170, 120), id="neck and nose"),
        pytest.param(EYES, (100, 130, 72), id="eyes"),
        pytest.param(EARS, (100, 135, 100), id="ears"),
        pytest.param(EYES | EARS, (100, 132.5, 86), id="eyes and ears"),
        pytest.param(HEAD, (100, 145, (120 + 72 + 100) / 3), id="all"),
        pytest.param(NECK | LEFT, (114, 410 / 3, PROFILE_SIDE), id="profile"),
        pytest.param(
            NECK | {"right_eye": (88, 130), "right_ear": (70, 140)},
            (86, 410 / 3, PROFILE_SIDE),
            id="profile of the right",
        ),
        # An ear of the other side: no profile, and no pair of eyes.
        pytest.param(
            NECK | LEFT | {"right_ear": (75, 135)},
            (101.25, 153.75, (120 + 2 * math.dist((130, 140), (75, 135))) / 2),
            id="three of four",
        ),
        pytest.param(NECK | {"left_eye": (112, 130)}, (100, 170, 120), id="one eye"),
        # The profile needs the neck.
        pytest.param(LEFT | {"nose": (100, 140)}, None, id="one side alone"),
        pytest.param({"nose": (100, 140), "left_hip": (50, 50)}, None, id="a nose alone"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_each_case_of_the_rule(points: Points, want: tuple[float, float, float] | None) -> None:
    assert square(points) == (want if want is None else pytest.approx(want, rel=1e-5))


def test_keypoints_count_only_above_the_least_score() -> None:
    people = people_of(HEAD, score=0.25)
    assert len(face_boxes(people)) == 0
    assert len(face_boxes(people, min_score=0.2499)) == 1
    # A doubtful other side makes a profile.
    scores = people_of(HEAD).scores.copy()
    scores[0, [COCO18.index("right_eye"), COCO18.index("right_ear")]] = 0.2
    doubtful = People(people.keypoints, scores, people.person_scores, COCO18, (480, 640))
    want = face_boxes(people_of(NECK | {k: HEAD[k] for k in ("left_eye", "left_ear")}))
    np.testing.assert_array_equal(face_boxes(doubtful).boxes, want.boxes)


@pytest.mark.parametrize("skeleton", [COCO18, BODY25, COCO17, WHOLEBODY133])
def test_faces_come_in_the_order_of_the_people_whatever_the_skeleton(skeleton: Skeleton) -> None:
    head = dict(HEAD)
    if "neck" not in skeleton.keypoints:  # the middle of the shoulders is the same place
        del head["neck"]
        head |= {"left_shoulder": (140, 210), "right_shoulder": (60, 190)}
    moved = {name: (x + 200, y) for name, (x, y) in head.items()}
    people = people_of(moved, {"left_hip": (9, 9)}, head, skeleton=skeleton)
    found = face_boxes(people)
    assert found.persons.tolist() == [0, 2]
    assert found.people is people
    assert found.padded
    assert found.sides == (None, None)
    assert found.scores.tolist() == [1, 1]
    side = (120 + 72 + 100) / 3
    box = np.array([100 - side / 2, 145 - side / 2, 100 + side / 2, 145 + side / 2])
    shift = np.array([200, 0, 200, 0])
    np.testing.assert_allclose(found.boxes, [box + shift, box], rtol=1e-5)


def test_a_skeleton_with_a_neck_does_not_take_the_shoulders_for_it() -> None:
    points = {"nose": (100, 140), "left_shoulder": (140, 210), "right_shoulder": (60, 190)}
    assert square(points) is None
    assert len(face_boxes(people_of(points, skeleton=COCO17))) == 1
    del points["left_shoulder"]
    assert len(face_boxes(people_of(points, skeleton=COCO17))) == 0


def test_small_faces_have_no_box() -> None:
    points: Points = {"left_eye": (6, 5), "right_eye": (0, 5)}
    assert square(points) is None
    assert square(points, min_side=18) == pytest.approx((3, 5, 18))
    on_one_place: Points = {"left_eye": (5, 5), "right_eye": (5, 5)}
    assert square(on_one_place, min_side=0) is None
    assert square(on_one_place, min_side=-1) is None


def test_boxes_may_leave_the_photo() -> None:
    x, y, side = square({"left_ear": (30, 5), "right_ear": (0, 5)}) or (0, 0, 0)
    assert (x - side / 2, y - side / 2) == pytest.approx((-15, -25))


def test_nobody_has_no_face() -> None:
    found = face_boxes(People.empty(COCO18, (10, 10)))
    assert found.boxes.shape == (0, 4)
    assert found.padded


@pytest.mark.parametrize("skeleton", [AIC14, HAND21, FACE70])
def test_a_skeleton_without_a_head_has_no_faces(skeleton: Skeleton) -> None:
    with pytest.raises(ValueError, match=f"skeleton {skeleton.name} has none of these"):
        face_boxes(People.empty(skeleton, (10, 10)))


def test_the_detector_asks_the_body_estimator_and_passes_its_settings_on() -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    people = people_of(HEAD, {"left_eye": (6, 5), "right_eye": (0, 5)})
    seen: list[npt.NDArray[np.uint8]] = []

    def body(photo: npt.NDArray[np.uint8]) -> People:
        seen.append(photo)
        return people

    np.testing.assert_array_equal(FaceBoxes(body)(image).boxes, face_boxes(people).boxes)
    assert seen[0] is image
    assert FaceBoxes(body, min_side=18)(image).persons.tolist() == [0, 1]
    assert len(FaceBoxes(body, min_score=0.6)(image)) == 0


def test_wrong_things_are_told_by_name() -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    strange: Any = people_of(HEAD)
    with pytest.raises(TypeError, match="body must make people of a photo, got People"):
        FaceBoxes(strange)
    boxes: Any = WholeImage()
    with pytest.raises(TypeError, match="people must be People, got Boxes"):
        FaceBoxes(boxes)(image)
    body: Any = print
    with pytest.raises(ValueError, match="min_score must be finite, got nan"):
        FaceBoxes(body, min_score=math.nan)
    with pytest.raises(ValueError, match="min_side must be finite, got inf"):
        FaceBoxes(body, min_side=math.inf)
