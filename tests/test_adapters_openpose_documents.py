"""Documents that OpenPose would not write, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from heatpose.adapters.openpose import from_json, read_json

KEYPOINTS = [1.0, 2.0, 0.5] * 25


def document(person: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"version": 1.3, "people": [{"pose_keypoints_2d": KEYPOINTS, **(person or {})}], **more}


BAD = {
    "no id": (document({"person_id": []}), "person_id must hold one whole number"),
    "two ids": (document({"person_id": [1, 2]}), "person_id must hold one whole number"),
    "null id": (document({"person_id": None}), "person_id must hold one whole number"),
    "null": (document({"pose_keypoints_2d": None}), "pose_keypoints_2d must be a list of numbers"),
    "words": (document({"pose_keypoints_2d": ["a"] * 75}), "pose_keypoints_2d must be a list of"),
    "nulls": (document({"pose_keypoints_2d": [None] * 75}), "pose_keypoints_2d must be a list of"),
    "length": (document({"pose_keypoints_2d": KEYPOINTS[:-1]}), "must hold 3 x 24 numbers, got 74"),
    "face": (document({"face_keypoints_2d": [1.0, 2.0]}), "face must hold 3 x 70 numbers, got 2"),
    "lists": (document(part_candidates=[{}, {}]), "part_candidates must be a list of one object"),
    "parts": (document(part_candidates=[{"neck": []}]), "part_candidates must be named by numbers"),
    "peaks": (document(part_candidates=[{"0": [1.0, 2.0]}]), "part_candidates 0 must hold 3"),
    "text": (document(part_candidates=[{"0": "abc"}]), "0 must be a list of numbers"),
}


@pytest.mark.parametrize(("given", "message"), BAD.values(), ids=BAD)
def test_broken_documents(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        from_json(given)
    path = tmp_path / "photo_keypoints.json"
    path.write_text(json.dumps(given))
    with pytest.raises(ValueError, match=rf"photo_keypoints\.json: .*{message}"):
        read_json(path)


def test_ids_of_all_versions() -> None:
    for person, number in (({}, -1), ({"person_id": [-1]}, -1), ({"person_id": 7}, 7)):
        assert from_json(document(person)).poseIds.tolist() == [number]
