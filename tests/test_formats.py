"""JSON: OpenPose's, COCO's and our own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from format_scenes import crowd, strict
from heatpose import formats
from heatpose.results import People
from heatpose.skeletons import (
    AIC14,
    BODY25,
    BY_NAME,
    COCO17,
    COCO18,
    HAND21,
    WHOLEBODY133,
    Skeleton,
)

ALL = list(BY_NAME.values())


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
