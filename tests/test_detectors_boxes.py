"""Boxes without a network of their own: from poses, given by the caller, the whole photo."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from heatpose.detectors import (
    GivenBoxes,
    HandBoxes,
    PersonBoxes,
    WholeImage,
    as_boxes,
    hand_boxes,
    person_boxes,
)
from heatpose.results import Boxes, People
from heatpose.skeletons import AIC14, BODY25, COCO17, COCO18, HAND21, WHOLEBODY133, Skeleton

Points = dict[str, tuple[float, float]]


def people_of(
    *persons: Points, skeleton: Skeleton = COCO18, canvas: tuple[int, int] = (480, 640)
) -> People:
    """People of the named keypoints only, all of score 0.5."""
    keypoints = np.full((len(persons), skeleton.num_keypoints, 2), np.nan, np.float32)
    for person, points in enumerate(persons):
        for name, point in points.items():
            keypoints[person, skeleton.index(name)] = point
    scores = np.where(np.isnan(keypoints[..., 0]), 0, 0.5).astype(np.float32)
    order = np.arange(len(persons), 0, -1).astype(np.float32)
    return People(keypoints, scores, order, skeleton, canvas)


def arm(side: str, shoulder: Any, elbow: Any, wrist: Any) -> Points:
    return {f"{side}_shoulder": shoulder, f"{side}_elbow": elbow, f"{side}_wrist": wrist}


def test_import_is_light() -> None:
    program = "import sys, heatpose.detectors; print({'torch', 'onnxruntime'} & set(sys.modules))"
    command = [sys.executable, "-c", program]
    got = subprocess.run(command, capture_output=True, text=True, check=True)
    assert got.stdout.strip() == "set()"


# Hands


def test_a_hand_lies_a_third_of_the_forearm_beyond_the_wrist() -> None:
    found = hand_boxes(people_of(arm("left", (300, 100), (300, 200), (300, 300))))
    side = 1.5 * 100  # the forearm: 100 > 0.9 * 100
    x, y = 300 - side / 2, 333 - side / 2
    np.testing.assert_allclose(found.boxes, [[x, y, x + side, y + side]], rtol=1e-6)
    assert found.sides == ("left",)
    assert found.persons.tolist() == [0]
    assert found.scores.tolist() == [1]
    assert found.padded


def test_a_short_forearm_takes_the_upper_arm() -> None:
    found = hand_boxes(people_of(arm("right", (300, 100), (300, 200), (300, 220))))
    np.testing.assert_allclose(found.boxes[0, 2:] - found.boxes[0, :2], 1.5 * 0.9 * 100, rtol=1e-5)
    assert found.sides == ("right",)


@pytest.mark.parametrize("skeleton", [COCO17, COCO18, BODY25, AIC14, WHOLEBODY133])
def test_hands_come_person_by_person_left_first_whatever_the_skeleton(skeleton: Skeleton) -> None:
    both = arm("right", (100, 100), (100, 150), (100, 200)) | arm(
        "left", (200, 100), (200, 150), (200, 200)
    )
    half = arm("right", (300, 100), (300, 150), (300, 200)) | {"left_wrist": (400, 100)}
    people = people_of(both, {"left_wrist": (9, 9)}, half, skeleton=skeleton)
    found = hand_boxes(people)
    assert found.sides == ("left", "right", "right")
    assert found.persons.tolist() == [0, 0, 2]
    assert found.people is people
    np.testing.assert_allclose(found.boxes[:, [0, 2]].mean(axis=1), [200, 100, 300])


@pytest.mark.parametrize("missing", ["left_shoulder", "left_elbow", "left_wrist"])
def test_every_joint_of_the_arm_is_needed(missing: str) -> None:
    points = arm("left", (300, 100), (300, 200), (300, 300))
    del points[missing]
    assert len(hand_boxes(people_of(points))) == 0


def test_joints_below_the_least_score_count_as_missing() -> None:
    people = people_of(arm("left", (300, 100), (300, 200), (300, 300)))
    assert len(hand_boxes(people, min_score=0.5)) == 1
    assert len(hand_boxes(people, min_score=0.51)) == 0


def test_openpose_itself_neither_clamps_nor_drops_small_hands() -> None:
    people = people_of(
        arm("left", (20, 100), (20, 60), (20, 10)), arm("right", (50, 50), (50, 54), (50, 58))
    )
    found = hand_boxes(people, min_score=0.03, clamp=False, min_side=0)
    x, y, side = 20 - 37.5, 10 - 0.33 * 50 - 37.5, 75
    small = [50 - 3, 58 + 0.33 * 4 - 3, 50 + 3, 58 + 0.33 * 4 + 3]
    np.testing.assert_allclose(found.boxes, [[x, y, x + side, y + side], small], rtol=1e-5)
    clamped = hand_boxes(people)
    np.testing.assert_allclose(clamped.boxes, [[0, 0, 75, 75]])


def test_an_arm_of_no_length_has_no_hand() -> None:
    people = people_of(arm("left", (30, 30), (30, 30), (30, 30)))
    for options in ({}, {"min_side": 0}, {"clamp": False, "min_side": -1}):
        assert len(hand_boxes(people, **options)) == 0
    beyond = people_of(arm("left", (900, 30), (900, 60), (900, 90)))  # right of the photo
    assert len(hand_boxes(beyond, min_side=-1000)) == 0


def test_a_skeleton_without_arms_has_no_hands() -> None:
    with pytest.raises(ValueError, match="hand21 has no left_shoulder and no left_elbow and no"):
        hand_boxes(People.empty(HAND21, (10, 10)))


def paddlehub_rule(people: People) -> list[list[Any]]:
    """The rule of the Python ports of OpenPose as they are written: x, y, w, is_left."""
    image_height, image_width = people.canvas
    boxes = []
    for person in people.keypoints.astype(float):
        for is_left, (s, e, w) in ((True, (5, 6, 7)), (False, (2, 3, 4))):
            (x1, y1), (x2, y2), (x3, y3) = person[s], person[e], person[w]
            if any(math.isnan(x) for x in (x1, x2, x3)):
                continue
            x = x3 + 0.33 * (x3 - x2)
            y = y3 + 0.33 * (y3 - y2)
            wrist_elbow = math.sqrt((x3 - x2) ** 2 + (y3 - y2) ** 2)
            elbow_shoulder = math.sqrt((x2 - x1) ** 2 + (y2 - y1) ** 2)
            width = 1.5 * max(wrist_elbow, 0.9 * elbow_shoulder)
            x -= width / 2
            y -= width / 2
            if x < 0:
                x = 0
            if y < 0:
                y = 0
            width1 = width
            width2 = width
            if x + width > image_width:
                width1 = image_width - x
            if y + width > image_height:
                width2 = image_height - y
            width = min(width1, width2)
            if width >= 20:
                boxes.append([int(x), int(y), int(width), is_left])
    return boxes


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    whole=st.booleans(),
)
def test_the_truncated_rule_is_that_of_the_ports(
    seed: int, height: int, width: int, whole: bool
) -> None:
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(-40, 340, (4, 18, 2)).astype(np.float32)
    keypoints[2:] = rng.uniform(0, (width, height), (2, 18, 2))  # some within the photo
    if whole:
        keypoints = np.rint(keypoints)
    keypoints[rng.random((4, 18)) < 0.1] = np.nan
    scores = np.where(np.isnan(keypoints[..., 0]), 0, 1).astype(np.float32)
    people = People(keypoints, scores, np.zeros(4, np.float32), COCO18, (height, width))
    found = hand_boxes(people, truncate=True)
    got = [
        [box[0], box[1], box[2] - box[0], side == "left"]
        for box, side in zip(found.boxes.tolist(), found.sides, strict=True)
    ]
    assert got == paddlehub_rule(people)
    fine = hand_boxes(people).boxes
    np.testing.assert_array_equal(np.trunc(fine[:, :2]), found.boxes[:, :2])
    assert (np.abs(fine - found.boxes) < 2).all()
    assert (fine[:, 2:] <= (width + 1e-4, height + 1e-4)).all() and (fine >= 0).all()


# People


def test_a_person_is_a_tenth_larger_than_the_keypoints() -> None:
    people = people_of({"nose": (100, 100), "left_hip": (140, 300), "neck": (120, 150)})
    found = person_boxes(people)
    np.testing.assert_allclose(found.boxes, [[80, 80, 160, 320]])
    np.testing.assert_allclose(found.scores, [0.5])
    assert found.persons.tolist() == [0]
    assert found.people is people
    assert (found.sides, found.padded) == ((None,), False)
    np.testing.assert_allclose(person_boxes(people, margin=0).boxes, people.boxes)


def test_boxes_of_people_end_at_the_photo() -> None:
    people = people_of({"nose": (5, 5), "left_hip": (630, 470), "neck": (-20, 150)})
    np.testing.assert_allclose(person_boxes(people).boxes, [[0, 0, 640, 480]])


def test_people_of_few_keypoints_get_no_box() -> None:
    three = {"nose": (100, 100), "left_hip": (140, 300), "neck": (120, 150)}
    people = people_of({"nose": (3, 3)}, three, {}, {"nose": (3, 3), "neck": (9, 40)})
    assert person_boxes(people).persons.tolist() == [1]
    assert person_boxes(people, min_keypoints=2).persons.tolist() == [1, 3]
    # One keypoint has no extent, and gets no box whatever the margin.
    assert person_boxes(people, min_keypoints=1).persons.tolist() == [1, 3]


def test_keypoints_on_a_line_have_a_box() -> None:
    people = people_of({"nose": (50, 50), "neck": (50, 100), "left_hip": (50, 150)})
    np.testing.assert_allclose(person_boxes(people).boxes, [[40, 40, 60, 160]])
    assert len(person_boxes(people, margin=0)) == 0


def test_people_outside_the_photo_get_no_box() -> None:
    people = people_of({"nose": (700, 50), "neck": (720, 100), "left_hip": (710, 150)})
    assert len(person_boxes(people)) == 0


# Both


@pytest.mark.parametrize(
    ("rule", "detector"), [(hand_boxes, HandBoxes), (person_boxes, PersonBoxes)]
)
def test_the_detectors_ask_the_body_estimator(rule: Any, detector: Any) -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    people = people_of(arm("left", (300, 100), (300, 200), (300, 300)))
    seen = []

    def body(photo: npt.NDArray[np.uint8]) -> People:
        seen.append(photo)
        return people

    found = detector(body)(image)
    assert seen[0] is image
    np.testing.assert_array_equal(found.boxes, rule(people).boxes)
    assert len(found) == 1
    assert len(detector(lambda photo: People.empty(COCO18, (480, 640)))(image)) == 0
    with pytest.raises(TypeError, match="body must make people of a photo, got People"):
        detector(people)
    with pytest.raises(TypeError, match="people must be People, got Boxes"):
        detector(lambda photo: WholeImage()(photo))(image)
    with pytest.raises(TypeError, match="people must be People, got list"):
        rule([])


def test_the_detectors_pass_their_settings_on() -> None:
    people = people_of(arm("left", (20.5, 100), (20.5, 60), (20.5, 10)))
    hand = HandBoxes(lambda _: people, clamp=False, truncate=True, min_side=30)
    image = np.zeros((480, 640, 3), np.uint8)
    want = hand_boxes(people, clamp=False, truncate=True, min_side=30)
    np.testing.assert_array_equal(hand(image).boxes, want.boxes)
    assert want.boxes[0, 0] == -17
    wide = PersonBoxes(lambda _: people, margin=0.5, min_keypoints=1)
    np.testing.assert_array_equal(wide(image).boxes, person_boxes(people, margin=0.5).boxes)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (HandBoxes, {"min_score": np.nan}, "min_score must be finite"),
        (HandBoxes, {"min_side": np.inf}, "min_side must be finite"),
        (PersonBoxes, {"margin": -0.1}, "margin must be a number from 0"),
        (PersonBoxes, {"margin": np.nan}, "margin must be a number from 0"),
        (PersonBoxes, {"min_keypoints": 0}, "min_keypoints must be at least 1"),
    ],
)
def test_wrong_settings_are_told_before_the_first_photo(
    make: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make(print, **options)


# Given boxes and the whole photo

ROWS = [[1, 2, 30, 40], [5, 6, 7, 8]]


@pytest.mark.parametrize(
    "given_boxes",
    [
        ROWS,
        tuple(map(tuple, ROWS)),
        np.array(ROWS),
        np.array(ROWS, np.float64),
        np.array(ROWS, np.uint8),
        np.array(ROWS, np.float16)[::1],
        torch.tensor(ROWS, dtype=torch.float32, requires_grad=True),
    ],
)
def test_numbers_become_boxes(given_boxes: Any) -> None:
    found = as_boxes(given_boxes)
    np.testing.assert_array_equal(found.boxes, ROWS)
    assert (found.scores.tolist(), found.padded) == ([1, 1], False)
    single = as_boxes(given_boxes[0], padded=True)
    np.testing.assert_array_equal(single.boxes, ROWS[:1])
    assert single.padded


@pytest.mark.parametrize("nothing", [[], (), np.empty((0, 4)), np.empty(0, np.float32)])
def test_no_boxes_are_boxes_too(nothing: Any) -> None:
    assert as_boxes(nothing).boxes.shape == (0, 4)


def test_boxes_stay_as_they_are() -> None:
    boxes = Boxes(np.array(ROWS, np.float32), padded=True)
    assert as_boxes(boxes) is boxes
    assert GivenBoxes(boxes)(np.zeros((4, 4, 3), np.uint8)) is boxes
    fixed = GivenBoxes(ROWS[0], padded=True)
    assert fixed(np.zeros((4, 4, 3), np.uint8)).padded


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ([[1, 2, 3]], ValueError, r"crops must be \[N, 4\] or \[4\], .* got \[1, 3\]"),
        ([1, 2, 3, 4, 5], ValueError, r"got \[5\]"),
        ([[[1, 2, 3, 4]]], ValueError, r"got \[1, 1, 4\]"),
        (np.empty((2, 0, 4)), ValueError, r"got \[2, 0, 4\]"),
        ([[1, 2, 3, 4], [1, 2]], ValueError, "crops must be"),
        (["a", "b", "c", "d"], TypeError, "crops must be numbers, got <U1"),
        ([True, False, True, True], TypeError, "crops must be numbers, got bool"),
        (None, TypeError, "crops must be numbers, got object"),
        ([1, 2, 3, 4j], TypeError, "crops must be numbers, got complex"),
        ([[1, 2, 3, np.nan]], ValueError, "crops: boxes must be finite"),
        ([[0, 0, 1e300, 4]], ValueError, "crops: boxes must be finite"),
        ([[0, 0, 4, 4], [5, 0, 4, 4]], ValueError, "crops: boxes must be .* at row 1"),
    ],
)
def test_other_things_are_no_boxes(wrong: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        as_boxes(wrong, name="crops")


@pytest.mark.parametrize(("height", "width"), [(1, 1), (480, 640), (7, 3)])
def test_the_whole_photo_is_one_box(height: int, width: int) -> None:
    found = WholeImage()(np.zeros((height, width, 3), np.uint8))
    assert found.boxes.tolist() == [[0, 0, width, height]]
    assert found.padded
    assert WholeImage() == WholeImage()
    with pytest.raises(TypeError, match="image must be"):
        WholeImage()([[0]])  # type: ignore[arg-type]
