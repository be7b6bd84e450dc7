"""People: what a decoder returns; boxes: what a detector returns."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest

from heatpose.results import Boxes, People, Person
from heatpose.skeletons import COCO17, COCO18, HAND21, WHOLEBODY133, Skeleton


def crowd(count: int = 3, *, skeleton: Skeleton = COCO18) -> People:
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0, 100, (count, skeleton.num_keypoints, 2)).astype(np.float32)
    scores = rng.uniform(0.1, 1, keypoints.shape[:2]).astype(np.float32)
    keypoints[:, 3] = np.nan
    scores[:, 3] = 0
    return People(
        keypoints, scores, np.arange(count, 0, -1).astype(np.float32), skeleton, (120, 160)
    )


def fields(**changes: Any) -> dict[str, Any]:
    people = crowd()
    start = {f.name: getattr(people, f.name) for f in dataclasses.fields(People)}
    return start | changes


def test_a_person_is_a_row() -> None:
    people = crowd()
    person = people[1]
    assert isinstance(person, Person)
    np.testing.assert_array_equal(person.keypoints, people.keypoints[1])
    np.testing.assert_array_equal(person.scores, people.scores[1])
    assert person.score == 2
    assert (person.skeleton, person.canvas) == (people.skeleton, people.canvas)
    np.testing.assert_array_equal(people[-1].keypoints, people.keypoints[2])
    np.testing.assert_array_equal(people[np.int64(1)].keypoints, person.keypoints)
    assert [p.score for p in people] == [3, 2, 1]
    np.testing.assert_array_equal(person["neck"], people.keypoints[1, 1])
    assert np.isnan(person["right_elbow"]).all()


def test_slices_and_masks_give_fewer_people() -> None:
    people = crowd()
    assert isinstance(people[:2], People)
    np.testing.assert_array_equal(people[1:].person_scores, [2, 1])
    np.testing.assert_array_equal(people[people.person_scores > 1.5].person_scores, [3, 2])
    assert len(people[3:]) == 0
    with pytest.raises(IndexError, match="person 3 of 3"):
        people[3]
    for wrong in ("0", [0, 1], np.array([0, 1]), True):
        with pytest.raises(TypeError, match="int, slice or bool mask"):
            people[wrong]  # type: ignore[index]


def test_visible_is_where_keypoints_are() -> None:
    visible = crowd().visible
    assert visible.shape == (3, 18)
    assert not visible[:, 3].any()
    assert visible.sum() == 3 * 17


def test_boxes_are_tight_and_ignore_missing_keypoints() -> None:
    people = crowd()
    rest = np.delete(people.keypoints, 3, axis=1)
    want = np.concatenate([rest.min(axis=1), rest.max(axis=1)], axis=1)
    np.testing.assert_array_equal(people.boxes, want)
    assert people.boxes.dtype == np.float32
    np.testing.assert_array_equal(people[0].box, want[0])


def test_a_person_without_keypoints_has_a_box_of_nan() -> None:
    keypoints = np.full((1, 17, 2), np.nan, np.float32)
    people = People(
        keypoints, np.zeros((1, 17), np.float32), np.zeros(1, np.float32), COCO17, (5, 5)
    )
    assert np.isnan(people.boxes).all()
    assert people.boxes.shape == (1, 4)
    assert np.isnan(people[0].box).all()


def test_nobody() -> None:
    people = People.empty(HAND21, (480, 640))
    assert len(people) == 0
    assert list(people) == []
    assert people.keypoints.shape == (0, 21, 2)
    assert people.boxes.shape == (0, 4)
    assert people.visible.shape == (0, 21)
    assert people.canvas == (480, 640)


def test_arrays_are_read_only_copies() -> None:
    given = fields()
    given["scores"] = given["scores"].copy()
    people = People(**given)
    for array in (people.keypoints, people.scores, people.person_scores):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    given["scores"][:] = 7
    assert people.scores.max() <= 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        people.canvas = (1, 1)  # type: ignore[misc]


def test_non_contiguous_arrays_are_taken() -> None:
    keypoints = fields()["keypoints"].transpose(2, 0, 1).copy().transpose(1, 2, 0)
    assert not keypoints.flags.c_contiguous
    assert People(**fields(keypoints=keypoints)).keypoints.flags.c_contiguous


def test_copies_and_repr() -> None:
    people = copy.deepcopy(crowd(5))
    assert repr(people) == "People(5 x coco18 on 160x120 px, person_scores=[5, 4, 3, 2, ...])"
    assert repr(People.empty(COCO17, (2, 3))) == "People(0 x coco17 on 3x2 px, person_scores=[])"


ZEROS = np.zeros((3, 18), np.float32)
POINTS = np.zeros((3, 18, 2), np.float32)
HALF_MISSING = np.array([0, np.nan], np.float32)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"keypoints": POINTS.tolist()}, TypeError, "keypoints must be a NumPy array, got list"),
        ({"keypoints": POINTS.astype(float)}, TypeError, "keypoints must be float32, got float64"),
        ({"scores": ZEROS.astype(int)}, TypeError, "scores must be float32, got int64"),
        ({"skeleton": "coco18"}, TypeError, "skeleton must be a Skeleton, got str"),
        ({"keypoints": POINTS[:, :17]}, ValueError, r"keypoints must be \[P, 18, 2\], got"),
        ({"keypoints": POINTS[0]}, ValueError, r"keypoints must be \[P, 18, 2\], got \[18, 2\]"),
        ({"scores": ZEROS[:2]}, ValueError, r"scores must be \[3, 18\], got \[2, 18\]"),
        ({"person_scores": ZEROS[:, :1]}, ValueError, r"person_scores must be \[3\]"),
        ({"person_scores": np.array([1, 2, 3], np.float32)}, ValueError, "descending"),
        ({"person_scores": np.array([3, np.nan, 1], np.float32)}, ValueError, "finite"),
        ({"canvas": (0, 5)}, ValueError, "canvas must be"),
        ({"canvas": (2.5, 5)}, ValueError, r"canvas must be .* got \(2.5, 5\)"),
        ({"canvas": (1, 2, 3)}, ValueError, "canvas must be"),
        ({"scores": ZEROS + 1}, ValueError, "scores must be 0 where the keypoint is missing"),
        ({"scores": ZEROS + np.inf}, ValueError, "scores must be finite"),
        ({"keypoints": POINTS + np.inf}, ValueError, "keypoints must be finite"),
        ({"keypoints": POINTS + HALF_MISSING}, ValueError, "x and y, or in neither"),
    ],
)
def test_wrong_fields_are_named(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        People(**fields(**changes))


def test_parts_of_people_are_views() -> None:
    people = crowd(skeleton=WHOLEBODY133)
    sizes = {name: people.part(name).keypoints.shape[1] for name, _ in WHOLEBODY133.parts}
    assert sizes == {"body": 17, "feet": 6, "face": 68, "left_hand": 21, "right_hand": 21}
    hand = people.part("left_hand")
    np.testing.assert_array_equal(hand.keypoints, people.keypoints[:, 91:112])
    np.testing.assert_array_equal(hand.scores, people.scores[:, 91:112])
    assert np.shares_memory(hand.keypoints, people.keypoints)
    assert not hand.keypoints.flags.writeable
    assert not hand.scores.flags.writeable
    assert People.empty(WHOLEBODY133, (2, 2)).part("face").keypoints.shape == (0, 68, 2)
    keypoints, scores = people.part("feet")
    assert keypoints.shape == (3, 6, 2) and scores.shape == (3, 6)


def test_unknown_parts_of_people_are_named() -> None:
    with pytest.raises(ValueError, match="coco18 has no part 'face'; its parts: none"):
        crowd().part("face")
    with pytest.raises(ValueError, match="hand21 has no part 'face'; its parts: hand"):
        crowd(skeleton=HAND21).part("face")


CORNERS = np.array([[0, 0, 10, 20], [-5, 2, 7.5, 9]], np.float32)


def test_boxes_have_defaults() -> None:
    boxes = Boxes(CORNERS)
    assert len(boxes) == 2
    np.testing.assert_array_equal(boxes.boxes, CORNERS)
    assert boxes.scores is not None and boxes.scores.dtype == np.float32
    np.testing.assert_array_equal(boxes.scores, [1, 1])
    assert boxes.sides == (None, None)
    assert boxes.persons is not None and boxes.persons.dtype == np.int64
    np.testing.assert_array_equal(boxes.persons, [-1, -1])
    assert boxes.people is None
    assert boxes.padded is False


def test_boxes_keep_what_they_are_given() -> None:
    people = crowd()
    scores = np.array([0.25, 0.5], np.float32)
    boxes = Boxes(CORNERS, scores, ["left", None], [2, -1], people, padded=True)  # type: ignore[arg-type]
    np.testing.assert_array_equal(boxes.scores, scores)  # type: ignore[arg-type]
    assert boxes.sides == ("left", None)
    assert boxes.persons is not None
    assert boxes.persons.tolist() == [2, -1]
    assert boxes.people is people
    assert boxes.padded is True


def test_boxes_are_read_only_copies() -> None:
    given = CORNERS.copy()
    boxes = Boxes(given, persons=np.array([0, 1]))
    given[:] = 7
    np.testing.assert_array_equal(boxes.boxes, CORNERS)
    for array in (boxes.boxes, boxes.scores, boxes.persons):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        boxes.padded = True  # type: ignore[misc]


def test_no_boxes() -> None:
    for persons in (None, [], np.empty(0)):
        none = Boxes(np.empty((0, 4), np.float32), persons=persons)  # type: ignore[arg-type]
        assert len(none) == 0
        assert none.sides == ()
        assert none.persons is not None
        assert none.persons.dtype == np.int64
    assert repr(none) == "Boxes(0: [], padded=False)"


def test_boxes_tell_what_they_hold() -> None:
    assert repr(Boxes(CORNERS)) == (
        "Boxes(2: [[0.0, 0.0, 10.0, 20.0], [-5.0, 2.0, 7.5, 9.0]], padded=False)"
    )
    assert repr(Boxes(CORNERS.repeat(3, axis=0), padded=True)).endswith(", ...], padded=True)")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"boxes": CORNERS.tolist()}, TypeError, "boxes must be a NumPy array, got list"),
        ({"boxes": CORNERS.astype(int)}, TypeError, "boxes must be float32, got int64"),
        ({"boxes": CORNERS[0]}, ValueError, r"boxes must be \[N, 4\], got \[4\]"),
        ({"boxes": CORNERS[:, :3]}, ValueError, r"boxes must be \[N, 4\], got \[2, 3\]"),
        ({"boxes": CORNERS * np.float32(np.nan)}, ValueError, "boxes must be finite"),
        ({"boxes": CORNERS + np.float32(np.inf)}, ValueError, "boxes must be finite"),
        ({"boxes": CORNERS[:, [2, 3, 0, 1]]}, ValueError, r"x2 > x1 and y2 > y1, got .* at row 0"),
        (
            {"boxes": np.array([[0, 0, 1, 1], [0, 3, 1, 3]], np.float32)},
            ValueError,
            r"got \[0.0, 3.0, 1.0, 3.0\] at row 1",
        ),
        ({"scores": [1, 1]}, TypeError, "scores must be a NumPy array, got list"),
        ({"scores": np.ones(3, np.float32)}, ValueError, r"scores must be \[2\], got \[3\]"),
        ({"scores": np.array([1, np.nan], np.float32)}, ValueError, "scores must be finite"),
        ({"sides": ("left",)}, ValueError, "sides must be 2, one for each box, got 1"),
        ({"sides": ("left", "Right")}, ValueError, "'left', 'right' or None, got 'Right'"),
        ({"persons": [0.0, 1.0]}, TypeError, "persons must be whole numbers, got float64"),
        ({"persons": [True, False]}, TypeError, "persons must be whole numbers, got bool"),
        ({"persons": [0]}, ValueError, r"persons must be \[2\], got \[1\]"),
        ({"persons": [0, -2]}, ValueError, "persons must be at least -1, got -2"),
        ({"people": ["me"]}, TypeError, "people must be People or None, got list"),
        (
            {"persons": [0, 3], "people": crowd()},
            ValueError,
            "persons must be -1 or rows of the 3 people, got 3",
        ),
    ],
)
def test_wrong_boxes_are_named(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Boxes(**({"boxes": CORNERS} | changes))
