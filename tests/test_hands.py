"""Hands: what a hand estimator returns."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest

from heatpose.results import Hand, Hands, People
from heatpose.skeletons import COCO17, HAND21, Skeleton


def crowd(count: int = 2, canvas: tuple[int, int] = (120, 160)) -> People:
    points = np.full((count, 17, 2), 5, np.float32)
    scores = np.ones((count, 17), np.float32)
    return People(points, scores, np.ones(count, np.float32), COCO17, canvas)


def fields(**changes: Any) -> dict[str, Any]:
    """Four hands: both of person 1, nobody's, and a left one of person 0 without a keypoint."""
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0, 100, (4, 21, 2)).astype(np.float32)
    scores = rng.uniform(0.1, 1, (4, 21)).astype(np.float32)
    keypoints[:, 3], scores[:, 3] = np.nan, 0
    keypoints[3], scores[3] = np.nan, 0
    start = {
        "keypoints": keypoints,
        "scores": scores,
        "hand_scores": np.array([0.5, 0.75, 0.25, 0], np.float32),
        "boxes": np.array([[10, 20, 30, 40]] * 4, np.float32),
        "sides": ("right", "left", None, "left"),
        "persons": np.array([1, 1, -1, 0]),
        "skeleton": HAND21,
        "canvas": (120, 160),
        "people": crowd(),
    }
    return start | changes


def hands(**changes: Any) -> Hands:
    return Hands(**fields(**changes))


def test_a_hand_is_a_row() -> None:
    all_hands = hands()
    hand = all_hands[1]
    assert isinstance(hand, Hand)
    np.testing.assert_array_equal(hand.keypoints, all_hands.keypoints[1])
    np.testing.assert_array_equal(hand.scores, all_hands.scores[1])
    np.testing.assert_array_equal(hand.box, all_hands.boxes[1])
    assert (hand.score, hand.side, hand.person) == (0.75, "left", 1)
    assert type(hand.person) is int
    assert (hand.skeleton, hand.canvas) == (HAND21, (120, 160))
    np.testing.assert_array_equal(hand["thumb_4"], all_hands.keypoints[1, 4])
    assert np.isnan(hand["thumb_3"]).all()
    with pytest.raises(ValueError, match="hand21 has no keypoint 'toe'"):
        hand["toe"]
    assert hand.visible.sum() == 20


def test_hands_stay_in_the_order_of_their_boxes() -> None:
    all_hands = hands()
    assert [hand.score for hand in all_hands] == [0.5, 0.75, 0.25, 0]
    assert [hand.side for hand in all_hands] == ["right", "left", None, "left"]
    assert [hand.person for hand in all_hands] == [1, 1, -1, 0]
    assert all_hands[-1].person == all_hands[np.int64(3)].person == 0


def test_hands_are_picked_by_number() -> None:
    all_hands = hands()
    for index in (4, -5):
        with pytest.raises(IndexError, match=f"hand {index} of 4"):
            all_hands[index]
    for wrong in ("0", slice(2), True, np.array([True] * 4), 1.0):
        with pytest.raises(TypeError, match="hands are picked by int"):
            all_hands[wrong]  # type: ignore[index]


def test_hands_of_a_person() -> None:
    all_hands = hands()
    assert [hand.side for hand in all_hands.of(1)] == ["right", "left"]
    assert [hand.score for hand in all_hands.of(1, "left")] == [0.75]
    assert [hand.score for hand in all_hands.of(0)] == [0]
    assert all_hands.of(0, "right") == []
    assert all_hands.of(7) == []
    assert [hand.score for hand in all_hands.of(-1)] == [0.25]


def test_keypoint_boxes_are_tight() -> None:
    all_hands = hands()
    rest = np.delete(all_hands.keypoints[:3], 3, axis=1)
    want = np.concatenate([rest.min(axis=1), rest.max(axis=1)], axis=1)
    np.testing.assert_array_equal(all_hands.keypoint_boxes[:3], want)
    assert np.isnan(all_hands.keypoint_boxes[3]).all()
    assert all_hands.keypoint_boxes.dtype == np.float32


def test_visible_is_where_keypoints_are() -> None:
    visible = hands().visible
    assert visible.shape == (4, 21)
    assert visible.sum(axis=1).tolist() == [20, 20, 20, 0]


def test_no_hands() -> None:
    for people in (None, crowd()):
        none = Hands.empty(HAND21, (120, 160), people)
        assert len(none) == 0
        assert list(none) == []
        assert none.keypoints.shape == (0, 21, 2)
        assert none.keypoint_boxes.shape == none.boxes.shape == (0, 4)
        assert none.persons.dtype == np.int64
        assert none.sides == ()
        assert none.people is people
        assert len(none.as_people()) == 0
        assert none.of(0) == []
        assert repr(none) == "Hands(0 on 160x120 px: none)"


def test_people_of_hands_are_the_found_ones_best_first() -> None:
    people = hands().as_people()
    assert people.person_scores.tolist() == [0.75, 0.5, 0.25]
    assert (people.skeleton, people.canvas) == (HAND21, (120, 160))
    np.testing.assert_array_equal(people.keypoints, hands().keypoints[[1, 0, 2]])
    np.testing.assert_array_equal(people.scores, hands().scores[[1, 0, 2]])
    equal = hands(hand_scores=np.full(4, 0.5, np.float32)).as_people()
    np.testing.assert_array_equal(equal.keypoints, hands().keypoints[:3])


def test_arrays_are_read_only_copies() -> None:
    given = fields()
    all_hands = Hands(**given)
    for name in ("keypoints", "scores", "hand_scores", "boxes", "persons"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(all_hands, name)[0] = 0
        given[name][:] = 7
        assert not (getattr(all_hands, name) == 7).all()
    with pytest.raises(ValueError, match="read-only"):
        all_hands[0].keypoints[:] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        all_hands.canvas = (1, 1)  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        all_hands[0].side = "left"  # type: ignore[misc]


def test_lists_of_sides_and_persons_are_taken() -> None:
    all_hands = hands(sides=["left"] * 4, persons=[0, 1, -1, -1], canvas=[120, 160])
    assert all_hands.sides == ("left",) * 4
    assert all_hands.persons.tolist() == [0, 1, -1, -1]
    assert all_hands.canvas == (120, 160)


def test_persons_may_be_known_without_the_people() -> None:
    assert hands(people=None, persons=[9, 1, -1, 0])[0].person == 9


def test_copies_and_repr() -> None:
    all_hands = copy.deepcopy(hands())
    assert repr(all_hands) == "Hands(4 on 160x120 px: right of 1, left of 1, ?, left of 0)"
    assert "side='left', person=1" in repr(all_hands[1])
    assert "skeleton" not in repr(all_hands[1])


def test_hands_of_another_skeleton() -> None:
    claw = Skeleton(name="claw", keypoints=("palm", "tip"), limbs=((0, 1),))
    given = fields()
    two = {name: given[name][:, :2] for name in ("keypoints", "scores")}
    assert hands(skeleton=claw, **two).keypoints.shape == (4, 2, 2)


POINTS = np.zeros((4, 21, 2), np.float32)
ZEROS = np.zeros((4, 21), np.float32)
HALF_MISSING = np.array([0, np.nan], np.float32)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"skeleton": "hand21"}, TypeError, "skeleton must be a Skeleton, got str"),
        ({"keypoints": POINTS.tolist()}, TypeError, "keypoints must be a NumPy array, got list"),
        ({"keypoints": POINTS.astype(float)}, TypeError, "keypoints must be float32, got float64"),
        ({"scores": ZEROS.astype(int)}, TypeError, "scores must be float32, got int64"),
        ({"hand_scores": [0] * 4}, TypeError, "hand_scores must be a NumPy array, got list"),
        ({"boxes": ZEROS[:, :4].astype(int)}, TypeError, "boxes must be float32, got int64"),
        ({"persons": [0.5] * 4}, TypeError, "persons must be whole numbers, got float64"),
        ({"people": "me"}, TypeError, "people must be People or None, got str"),
        ({"keypoints": POINTS[:, :20]}, ValueError, r"keypoints must be \[H, 21, 2\], got"),
        ({"keypoints": POINTS[0]}, ValueError, r"keypoints must be \[H, 21, 2\], got \[21, 2\]"),
        ({"scores": ZEROS[:3]}, ValueError, r"scores must be \[4, 21\], got \[3, 21\]"),
        ({"hand_scores": ZEROS[0]}, ValueError, r"hand_scores must be \[4\], got \[21\]"),
        ({"boxes": ZEROS[:, :3]}, ValueError, r"boxes must be \[4, 4\], got \[4, 3\]"),
        ({"sides": ("left",)}, ValueError, "sides must be 4, one for each box, got 1"),
        ({"sides": ("left", "right", "up", None)}, ValueError, "or None, got 'up'"),
        ({"persons": [0, 1, 2, 0]}, ValueError, "rows of the 2 people, got 2"),
        ({"persons": [0, 1, -2, 0]}, ValueError, "rows of the 2 people, got -2"),
        ({"persons": [0]}, ValueError, r"persons must be \[4\], got \[1\]"),
        ({"canvas": (120, 0)}, ValueError, "canvas must be"),
        ({"canvas": (120, 160.5)}, ValueError, "canvas must be"),
        ({"canvas": (160, 120)}, ValueError, r"the people's, \(120, 160\), got \(160, 120\)"),
        ({"scores": ZEROS + 1}, ValueError, "scores must be 0 where the keypoint is missing"),
        ({"scores": ZEROS + np.inf}, ValueError, "scores must be finite"),
        ({"keypoints": POINTS + np.inf}, ValueError, "keypoints must be finite"),
        ({"keypoints": POINTS + HALF_MISSING}, ValueError, "x and y, or in neither"),
        ({"hand_scores": ZEROS[:, 0] + np.nan}, ValueError, "hand_scores must be finite"),
        ({"boxes": ZEROS[:, :4] + np.nan}, ValueError, "boxes must be finite"),
    ],
)
def test_wrong_fields_are_named(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        hands(**changes)
