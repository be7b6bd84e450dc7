"""JSON: OpenPose's, COCO's and our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heatpose import formats
from heatpose.results import Hand, Hands, People
from heatpose.skeletons import (
    AIC14,
    BODY25,
    BY_NAME,
    COCO17,
    COCO18,
    FACE70,
    HAND21,
    WHOLEBODY133,
    Skeleton,
)

ALL = list(BY_NAME.values())


def crowd(skeleton: Skeleton, count: int = 2) -> People:
    rng = np.random.default_rng(1)
    keypoints = rng.uniform(0, 100, (count, skeleton.num_keypoints, 2)).astype(np.float32)
    scores = rng.uniform(0.1, 1, keypoints.shape[:2]).astype(np.float32)
    keypoints[:, 2] = np.nan
    scores[:, 2] = 0
    return People(
        keypoints, scores, np.arange(count, 0, -1).astype(np.float32), skeleton, (120, 160)
    )


def hands_of(people: People | None, **changes: Any) -> Hands:
    """Two hands of the second person, a left one of the first, an empty one and two of nobody."""
    rng = np.random.default_rng(3)
    keypoints = rng.uniform(0, 100, (6, 21, 2)).astype(np.float32)
    scores = rng.uniform(0.1, 1, (6, 21)).astype(np.float32)
    keypoints[:, 5], scores[:, 5] = np.nan, 0
    keypoints[3], scores[3] = np.nan, 0
    boxes = rng.uniform(0, 50, (6, 4)).astype(np.float32) + np.array([0, 0, 60, 60], np.float32)
    fields: dict[str, Any] = {
        "keypoints": keypoints,
        "scores": scores,
        "hand_scores": np.array([0.5, 0.75, 0.25, 0, 0.375, 0.625], np.float32),
        "boxes": boxes,
        "sides": ("left", "right", "left", "right", "left", None),
        "persons": np.array([1, 1, 0, 0, -1, -1]),
        "skeleton": HAND21,
        "canvas": (120, 160),
        "people": people,
    }
    return Hands(**(fields | changes))


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


def strict(path: Path) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in a file")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.mark.parametrize("skeleton", ALL, ids=lambda skeleton: skeleton.name)
@pytest.mark.parametrize("format", formats.FORMATS)
def test_files_are_strict_json(tmp_path: Path, skeleton: Skeleton, format: formats.Format) -> None:
    path = tmp_path / "people.json"
    crowd(skeleton).save_json(path, format=format)
    strict(path)
    People.empty(skeleton, (3, 4)).save_json(path, format)
    strict(path)
    assert [file.name for file in tmp_path.iterdir()] == ["people.json"]


@pytest.mark.parametrize("skeleton", ALL, ids=lambda skeleton: skeleton.name)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_own_format_comes_back(tmp_path: Path, skeleton: Skeleton, count: int) -> None:
    people = crowd(skeleton, count)
    people.save_json(tmp_path / "people.json")
    back = formats.read_json(tmp_path / "people.json")
    assert (back.skeleton, back.canvas) == (people.skeleton, people.canvas)
    np.testing.assert_allclose(back.keypoints, people.keypoints, atol=0.0006)
    np.testing.assert_allclose(back.scores, people.scores, atol=1e-6)
    np.testing.assert_array_equal(back.person_scores, people.person_scores)


def test_own_format_names_everything() -> None:
    document = crowd(COCO18, 1).to_dict()
    assert document["format"] == "heatpose"
    assert document["version"] == 1
    assert document["skeleton"] == "coco18"
    assert document["keypoint_names"][1] == "neck"
    assert document["canvas"] == {"height": 120, "width": 160}
    (person,) = document["people"]
    assert person["score"] == 1
    assert person["keypoints"][2] is None
    assert len(person["keypoints"][0]) == 3
    assert len(person["box"]) == 4


def test_a_person_without_keypoints_has_no_box() -> None:
    nothing = np.full((1, 17, 2), np.nan, np.float32)
    scores = np.zeros((1, 17), np.float32)
    people = People(nothing, scores, np.ones(1, np.float32), COCO17, (9, 9))
    (person,) = people.to_dict()["people"]
    assert person == {"score": 1.0, "box": None, "keypoints": [None] * 17}


def test_own_format_takes_a_skeleton_of_ones_own(tmp_path: Path) -> None:
    mine = Skeleton(name="mine", keypoints=("a", "b", "c"), limbs=((0, 1),))
    crowd(mine).save_json(tmp_path / "mine.json")
    with pytest.raises(ValueError, match="unknown skeleton 'mine'"):
        formats.read_json(tmp_path / "mine.json")
    assert formats.read_json(tmp_path / "mine.json", skeleton=mine).skeleton is mine
    with pytest.raises(ValueError, match="keypoint_names are not those of coco18"):
        formats.read_json(tmp_path / "mine.json", skeleton=COCO18)


def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be heatpose JSON"):
        formats.from_heatpose({"people": []})
    with pytest.raises(ValueError, match="version 1, got 2"):
        formats.from_heatpose({"format": "heatpose", "version": 2})
    (tmp_path / "no.json").write_text("{")
    with pytest.raises(ValueError, match=r"no\.json is not JSON"):
        formats.read_json(tmp_path / "no.json")


def test_openpose_document() -> None:
    people = crowd(BODY25)
    document = formats.to_openpose(people)
    assert document["version"] == 1.3
    first = document["people"][0]
    assert first["person_id"] == [-1]
    pose = np.array(first["pose_keypoints_2d"]).reshape(25, 3)
    np.testing.assert_array_equal(pose[2], 0)
    np.testing.assert_allclose(pose[0, :2], people.keypoints[0, 0], atol=0.0006)
    np.testing.assert_allclose(pose[0, 2], people.scores[0, 0], atol=1e-6)
    empty = {f"{part}_2d" for part in ("face_keypoints", "hand_left_keypoints")}
    assert all(first[key] == [] for key in empty)
    back = formats.from_openpose(document, skeleton=BODY25, canvas=people.canvas)
    assert len(back) == 2
    np.testing.assert_array_equal(np.sort(back.visible.sum(axis=1)), [24, 24])


def test_openpose_document_of_another_size_is_refused() -> None:
    document = formats.to_openpose(crowd(COCO18))
    with pytest.raises(ValueError, match="3 x 25 values for body25, got 54"):
        formats.from_openpose(document, skeleton=BODY25, canvas=(1, 1))


def test_openpose_spreads_hands_and_whole_bodies() -> None:
    (hand,) = formats.to_openpose(crowd(HAND21, 1))["people"]
    assert len(hand["hand_right_keypoints_2d"]) == 63
    assert hand["pose_keypoints_2d"] == []
    (whole,) = formats.to_openpose(crowd(WHOLEBODY133, 1))["people"]
    sizes = {key: len(value) for key, value in whole.items() if key.endswith("_2d")}
    assert sizes == {
        "pose_keypoints_2d": 69,
        "face_keypoints_2d": 204,
        "hand_left_keypoints_2d": 63,
        "hand_right_keypoints_2d": 63,
    }


@pytest.mark.parametrize("skeleton", [COCO17, COCO18, BODY25], ids=lambda skeleton: skeleton.name)
def test_coco_results_have_coco_order(skeleton: Skeleton) -> None:
    people = crowd(skeleton)
    results = formats.to_coco(people, image_id=42)
    assert [entry["score"] for entry in results] == [2, 1]
    assert {entry["image_id"] for entry in results} == {42}
    assert {entry["category_id"] for entry in results} == {1}
    points = np.array(results[0]["keypoints"]).reshape(17, 3)
    for name, point in zip(COCO17.keypoints, points, strict=True):
        want = people[0][name]
        np.testing.assert_allclose(point[:2], np.nan_to_num(want), atol=0.0006)
        assert (point[2] == 0) == np.isnan(want).any()


def test_coco_results_of_other_skeletons() -> None:
    (aic,) = formats.to_coco(crowd(AIC14, 1), image_id="p1")
    assert len(aic["keypoints"]) == 3 * 14
    assert aic["image_id"] == "p1"
    (whole,) = formats.to_coco(crowd(WHOLEBODY133, 1), image_id=0)
    parts = ("keypoints", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts")
    assert [len(whole[part]) // 3 for part in parts] == [17, 6, 68, 21, 21]


def test_numbers_are_short() -> None:
    keypoints = np.full((1, 17, 2), 1 / 3, np.float32)
    people = People(
        keypoints,
        np.full((1, 17), 2 / 3, np.float32),
        np.ones(1, np.float32),
        COCO17,
        (9, 9),
    )
    assert people.to_dict()["people"][0]["keypoints"][0] == [0.333, 0.333, 0.666667]


def test_nan_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        formats.write_json(tmp_path / "bad.json", {"score": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "people.json"
    path.write_text("old")

    def fail(self: Path, target: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        crowd(COCO17).save_json(path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["people.json"]


def test_unknown_format_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="heatpose, openpose, coco, got 'xml'"):
        crowd(COCO17).save_json(tmp_path / "x", format="xml")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="no folder"):
        crowd(COCO17).save_json(tmp_path / "none" / "x.json")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        crowd(COCO17).save_json(tmp_path)


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
