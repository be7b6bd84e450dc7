"""People: what a decoder returns."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest

from heatpose.results import People, Person
from heatpose.skeletons import COCO17, COCO18, HAND21, Skeleton


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
