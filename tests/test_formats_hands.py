"""JSON of hands: whose they are, and which side, in every format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from format_scenes import crowd, hands_of, strict
from heatpose import formats
from heatpose.results import Hand, Hands, People
from heatpose.skeletons import (
    BODY25,
    COCO17,
    COCO18,
    FACE70,
    HAND21,
    WHOLEBODY133,
    Skeleton,
)


def triplets(values: list[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array(values).reshape(-1, 3)


def same_hand(values: list[float], hand: Hand) -> bool:
    """Whether x, y, score triplets are those of a hand, with zeros where a keypoint is missing."""
    points = triplets(values)
    want = np.concatenate([np.nan_to_num(hand.keypoints), hand.scores[:, None]], axis=1)
    return points.shape == want.shape and bool(np.abs(points - want).max() < 0.0006)


def assert_same_hands(back: Hands, hands: Hands) -> None:
    np.testing.assert_allclose(back.keypoints, hands.keypoints, atol=0.0006)
    np.testing.assert_allclose(back.scores, hands.scores, atol=1e-6)
    np.testing.assert_array_equal(back.hand_scores, hands.hand_scores)
    np.testing.assert_allclose(back.boxes, hands.boxes, atol=0.0006)
    np.testing.assert_array_equal(back.persons, hands.persons)
    assert (back.sides, back.skeleton, back.canvas) == (hands.sides, hands.skeleton, hands.canvas)
    assert (back.people is None) == (hands.people is None)


@pytest.mark.parametrize("skeleton", [None, COCO18, WHOLEBODY133], ids=str)
@pytest.mark.parametrize("format", formats.FORMATS)
def test_files_of_hands_are_strict_json(
    tmp_path: Path, skeleton: Skeleton | None, format: formats.Format
) -> None:
    path = tmp_path / "hands.json"
    people = None if skeleton is None else crowd(skeleton)
    hands_of(people).save_json(path, format=format)
    strict(path)
    Hands.empty(HAND21, (120, 160), people).save_json(path, format)
    strict(path)


@pytest.mark.parametrize("skeleton", [COCO18, WHOLEBODY133], ids=lambda skeleton: skeleton.name)
def test_hands_come_back_with_their_people(tmp_path: Path, skeleton: Skeleton) -> None:
    hands = hands_of(crowd(skeleton))
    hands.save_json(tmp_path / "hands.json")
    back = formats.read_json(tmp_path / "hands.json", Hands)
    assert_same_hands(back, hands)
    assert back.people is not None and hands.people is not None
    np.testing.assert_allclose(back.people.keypoints, hands.people.keypoints, atol=0.0006)
    np.testing.assert_array_equal(back.people.person_scores, hands.people.person_scores)
    assert isinstance(formats.from_heatpose(hands.to_dict()), Hands)


@pytest.mark.parametrize("people", [None, People.empty(COCO17, (120, 160))], ids=["none", "empty"])
def test_hands_come_back_without_people(people: People | None) -> None:
    nobody = np.full(6, -1)
    for hands in (hands_of(people, persons=nobody), Hands.empty(HAND21, (120, 160), people)):
        document = hands.to_dict()
        assert ("people" in document) == (people is not None)
        assert_same_hands(formats.from_heatpose(document, Hands), hands)


def test_the_document_of_hands_names_everything() -> None:
    people = crowd(COCO18)
    document = hands_of(people).to_dict()
    assert {key: document[key] for key in people.to_dict()} == people.to_dict()
    assert document["version"] == 1
    assert document["hand_skeleton"] == "hand21"
    assert document["hand_keypoint_names"] == list(HAND21.keypoints)
    first, *_, last = document["hands"]
    assert (first["side"], first["person"], first["score"]) == ("left", 1, 0.5)
    assert (last["side"], last["person"], last["score"]) == (None, None, 0.625)
    assert len(first["box"]) == 4
    assert first["keypoints"][5] is None
    assert len(first["keypoints"][0]) == 3
    assert document["hands"][3]["keypoints"] == [None] * 21


def test_documents_of_people_have_not_changed() -> None:
    """What the first version wrote, field for field."""
    tiny = Skeleton(name="tiny", keypoints=("a", "b"), limbs=())
    keypoints = np.array([[[1, 2], [np.nan, np.nan]]], np.float32)
    scores = np.array([[0.5, 0]], np.float32)
    people = People(keypoints, scores, np.ones(1, np.float32), tiny, (3, 4))
    old = {
        "format": "heatpose",
        "version": 1,
        "skeleton": "tiny",
        "keypoint_names": ["a", "b"],
        "canvas": {"height": 3, "width": 4},
        "people": [
            {"score": 1.0, "box": [1.0, 2.0, 1.0, 2.0], "keypoints": [[1.0, 2.0, 0.5], None]}
        ],
    }
    assert people.to_dict() == old
    assert list(people.to_dict()) == list(old)
    back = formats.from_heatpose(old, People, skeleton=tiny)
    np.testing.assert_array_equal(back.keypoints, keypoints)


def test_a_kind_that_a_document_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="must be of People, but it holds hands"):
        formats.from_heatpose(hands_of(None).to_dict(), People)
    with pytest.raises(ValueError, match="must be of Hands, but it holds people and no hands"):
        formats.from_heatpose(crowd(COCO17).to_dict(), Hands)
    with pytest.raises(TypeError, match="kind must be People, Hands or None, got 'people'"):
        formats.from_heatpose(crowd(COCO17).to_dict(), "people")  # type: ignore[call-overload]


def test_hands_follow_people_that_a_file_holds_in_another_order() -> None:
    hands = hands_of(crowd(COCO18))
    document = hands.to_dict()
    document["people"].reverse()
    for hand in document["hands"]:
        if hand["person"] is not None:
            hand["person"] = 1 - hand["person"]
    assert_same_hands(formats.from_heatpose(document, Hands), hands)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"person": 2}, "persons must be -1 or rows of the 2 people, got 2"),
        ({"side": "both"}, "sides must be 'left', 'right' or None, got 'both'"),
        ({"keypoints": [None] * 20}, "hand 0 must have 21 keypoints, got 20"),
        ({"keypoints": [[1, 2]] * 21}, r"hand 0 must have \[x, y, score\] or null, got \[1, 2\]"),
    ],
)
def test_hands_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    document = hands_of(crowd(COCO18)).to_dict()
    document["hands"][0] |= change
    with pytest.raises(ValueError, match=message):
        formats.from_heatpose(document)


@pytest.mark.parametrize("field", ["skeleton", "keypoint_names", "canvas", "hand_skeleton"])
def test_missing_fields_are_named(field: str) -> None:
    document = hands_of(crowd(COCO18)).to_dict()
    del document[field]
    with pytest.raises(ValueError, match=f"document must have '{field}', which is missing"):
        formats.from_heatpose(document)


def test_hands_of_a_skeleton_of_ones_own() -> None:
    claw = Skeleton(name="claw", keypoints=("palm", "tip"), limbs=((0, 1),))
    document = Hands.empty(claw, (9, 9)).to_dict()
    with pytest.raises(ValueError, match="unknown skeleton 'claw': pass hand_skeleton="):
        formats.from_heatpose(document)
    assert formats.from_heatpose(document, Hands, hand_skeleton=claw).skeleton is claw
    with pytest.raises(ValueError, match="hand_keypoint_names are not those of hand21"):
        formats.from_heatpose(document, hand_skeleton=HAND21)


@pytest.mark.parametrize("skeleton", [BODY25, WHOLEBODY133], ids=lambda skeleton: skeleton.name)
def test_openpose_puts_hands_to_their_person(skeleton: Skeleton) -> None:
    people = crowd(skeleton)
    hands = hands_of(people)
    plain = formats.to_openpose(people)["people"]
    best, second, *own = formats.to_openpose(hands)["people"]
    assert [best["pose_keypoints_2d"], second["pose_keypoints_2d"]] == [
        person["pose_keypoints_2d"] for person in plain
    ]
    assert best["face_keypoints_2d"] == plain[0]["face_keypoints_2d"]
    assert same_hand(best["hand_left_keypoints_2d"], hands[2])
    assert best["hand_right_keypoints_2d"] == [0] * 63
    assert same_hand(second["hand_left_keypoints_2d"], hands[0])
    assert same_hand(second["hand_right_keypoints_2d"], hands[1])
    # Best first; the unknown side counts as right.
    assert [entry["pose_keypoints_2d"] for entry in own] == [[], []]
    assert same_hand(own[0]["hand_right_keypoints_2d"], hands[5])
    assert own[0]["hand_left_keypoints_2d"] == []
    assert same_hand(own[1]["hand_left_keypoints_2d"], hands[4])
    back = formats.from_openpose(
        formats.to_openpose(hands_of(crowd(BODY25))), skeleton=BODY25, canvas=(120, 160)
    )
    assert len(back) == 2


def test_openpose_hands_without_people_say_their_side() -> None:
    hands = hands_of(None)
    entries = formats.to_openpose(hands)["people"]
    assert len(entries) == 5  # the hand without a keypoint is left out
    keys = [[side for side in ("left", "right") if e[f"hand_{side}_keypoints_2d"]] for e in entries]
    assert keys == [["right"], ["right"], ["left"], ["left"], ["left"]]
    assert same_hand(entries[0]["hand_right_keypoints_2d"], hands[1])


def test_no_hand_is_lost_where_a_side_is_taken() -> None:
    """Two left hands and an unknown one beside a better right one: the rest stand alone."""
    hands = hands_of(
        crowd(COCO17),
        persons=np.array([0, 0, 0, 0, 0, 0]),
        sides=("left", "right", "left", "right", None, None),
        hand_scores=np.array([0.5, 0.25, 0.75, 0, 0.375, 0.625], np.float32),
    )
    first, _, *own = formats.to_openpose(hands)["people"]
    assert same_hand(first["hand_left_keypoints_2d"], hands[2])
    assert same_hand(first["hand_right_keypoints_2d"], hands[1])
    assert same_hand(own[0]["hand_right_keypoints_2d"], hands[5])
    assert same_hand(own[1]["hand_left_keypoints_2d"], hands[0])
    assert same_hand(own[2]["hand_right_keypoints_2d"], hands[4])
    assert len(own) == 3
    assert [entry["score"] for entry in formats.to_coco(hands, image_id=1)] == [
        2, 1, 0.625, 0.5, 0.375,
    ]  # fmt: skip


def test_openpose_faces_have_their_place() -> None:
    (face,) = formats.to_openpose(crowd(FACE70, 1))["people"]
    assert len(face["face_keypoints_2d"]) == 3 * 70
    assert face["pose_keypoints_2d"] == face["hand_right_keypoints_2d"] == []


@pytest.mark.parametrize("skeleton", [COCO18, WHOLEBODY133], ids=lambda skeleton: skeleton.name)
def test_coco_results_of_hands_with_people(skeleton: Skeleton) -> None:
    people = crowd(skeleton)
    hands = hands_of(people)
    plain = formats.to_coco(people, image_id=7)
    results = formats.to_coco(hands, image_id=7)
    for entry, before in zip(results, plain, strict=False):
        mine = {"lefthand_kpts", "righthand_kpts"}
        assert {k: v for k, v in entry.items() if k not in mine} == {
            k: v for k, v in before.items() if k not in mine
        }
    assert same_hand(results[0]["lefthand_kpts"], hands[2])
    assert results[0]["righthand_kpts"] == [0] * 63
    assert same_hand(results[1]["lefthand_kpts"], hands[0])
    assert same_hand(results[1]["righthand_kpts"], hands[1])
    assert [entry["score"] for entry in results[2:]] == [0.625, 0.375]
    assert same_hand(results[2]["righthand_kpts"], hands[5])
    assert results[3]["keypoints"] == [0] * 51
    assert {tuple(sorted(entry)) for entry in results} == {tuple(sorted(results[0]))}
    assert {len(entry["keypoints"]) for entry in results} == {51}


def test_coco_results_of_hands_alone() -> None:
    hands = hands_of(None)
    results = formats.to_coco(hands, image_id="a")
    assert [entry["score"] for entry in results] == [0.75, 0.625, 0.5, 0.375, 0.25]
    assert same_hand(results[0]["keypoints"], hands[1])
    assert set(results[0]) == {"image_id", "category_id", "keypoints", "score"}


def test_what_is_no_result_is_refused() -> None:
    with pytest.raises(TypeError, match="result must be People or Hands, got list"):
        formats.encode([])  # type: ignore[arg-type]


@pytest.mark.parametrize("junk", [None, 1, 1.5, "x", [], {}, [1], pytest.param(10**400, id="huge")])
def test_values_of_another_type_are_value_errors(junk: Any) -> None:
    """Whatever a file says in place of a value, the answer is a result or a ValueError."""

    def places(value: Any) -> Iterator[tuple[Any, Any]]:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in list(items):
            yield value, key
            if isinstance(item, (dict, list)):
                yield from places(item)

    document = json.loads(json.dumps(hands_of(crowd(COCO17)).to_dict()))
    refused = 0
    for holder, key in list(places(document)):
        before, holder[key] = holder[key], junk
        try:
            formats.from_heatpose(document)
        except ValueError:
            refused += 1
        holder[key] = before
    assert refused > 20
    formats.from_heatpose(document)
