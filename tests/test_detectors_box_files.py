"""Boxes from JSON files, and the photos that they belong to."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

from heatpose.detectors import boxes_of, read_boxes


def write(folder: Path, content: Any) -> Path:
    path = folder / "boxes.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_rows_by_photo(tmp_path: Path) -> None:
    content = {"a.jpg": [[1, 2, 3, 4.5], [5, 6, 70, 80, 0.25]], "./sub/b.jpg": []}
    table = read_boxes(write(tmp_path, content))
    assert list(table) == ["a.jpg", "sub/b.jpg"]
    assert table["a.jpg"].boxes.tolist() == [[1, 2, 3, 4.5], [5, 6, 70, 80]]
    assert table["a.jpg"].scores.tolist() == [1, 0.25]
    assert table["a.jpg"].sides == (None, None)
    assert not table["a.jpg"].padded
    assert len(table["sub/b.jpg"]) == 0


def test_entries_with_score_and_side(tmp_path: Path) -> None:
    first = {"box": [1, 2, 3, 4], "score": 0.5, "side": "left", "keypoints": []}
    content = {"a.jpg": [first, {"box": [5, 6, 7, 8], "side": None}, [1, 1, 2, 2]]}
    table = read_boxes(write(tmp_path, content), padded=True)
    assert table["a.jpg"].boxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [1, 1, 2, 2]]
    assert table["a.jpg"].scores.tolist() == [0.5, 1, 1]
    assert table["a.jpg"].sides == ("left", None, None)
    assert table["a.jpg"].padded


RESULTS = [
    {"image_id": 785, "category_id": 1, "bbox": [10, 20, 30, 40], "score": 0.5},
    {"image_id": 40083, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.75},
    {"image_id": 785, "category_id": 3, "bbox": [0.5, 0, 1, 1], "iscrowd": 0},
    {"file_name": "x/c.png", "category_id": 1, "bbox": [1, 2, 3, 4]},
]


def test_results_of_coco(tmp_path: Path) -> None:
    table = read_boxes(write(tmp_path, RESULTS))
    assert list(table) == ["785", "40083", "x/c.png"]
    assert table["785"].boxes.tolist() == [[10, 20, 40, 60], [0.5, 0, 1.5, 1]]
    assert table["785"].scores.tolist() == [0.5, 1]
    people = read_boxes(write(tmp_path, RESULTS), categories={1})
    assert people["785"].boxes.tolist() == [[10, 20, 40, 60]]
    assert read_boxes(write(tmp_path, RESULTS), categories=[9]) == {}
    assert read_boxes(write(tmp_path, [])) == {}


def test_a_whole_annotation_file_of_coco(tmp_path: Path) -> None:
    images = [{"id": 785, "file_name": "val/a.jpg"}, {"id": 4, "file_name": "none.jpg"}]
    table = read_boxes(write(tmp_path, {"images": images, "annotations": RESULTS, "info": {}}))
    assert list(table) == ["val/a.jpg", "none.jpg", "40083", "x/c.png"]
    assert table["val/a.jpg"].boxes[0].tolist() == [10, 20, 40, 60]
    assert len(table["none.jpg"]) == 0


@pytest.mark.parametrize(
    ("photo", "key"),
    [
        ("a/b/photo.jpg", "a/b/photo.jpg"),
        ("/data/b/photo.jpg", "b/photo.jpg"),
        ("photo.jpg", "photo.jpg"),
        ("elsewhere/photo.jpg", "photo.jpg"),
        ("a/stem.png", "stem"),
        ("val2017/000000000785.jpg", "785"),
        ("COCO_val2014_000000000785.jpg", "785"),
        ("785.png", "785"),
        ("000000000012.jpg", "000000000012"),
        ("000000000013.jpg", "000000000013.jpg"),
    ],
)
def test_a_photo_is_found_by_the_longest_of_its_names(photo: str, key: str) -> None:
    keys = ["a/b/photo.jpg", "b/photo.jpg", "photo.jpg", "photo", "stem", "785", "12", "13"]
    table = {name: i for i, name in enumerate([*keys, "000000000012", "000000000013.jpg"])}
    for path in (photo, PurePosixPath(photo)):
        assert boxes_of(path, table) == table[key]  # type: ignore[arg-type,comparison-overlap]


@pytest.mark.parametrize(
    "photo", ["other.jpg", "img_785.jpg", "photo.jpg/x", "COCO_val2014_000000000786.jpg", "", "/"]
)
def test_a_photo_that_is_not_there_has_none(photo: str) -> None:
    assert boxes_of(photo, {"photo.jpg": 1, "785": 2}) is None  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not a JSON file of boxes"),
        ("{", "is not a JSON file of boxes"),
        ("[" * 100_000, "is not a JSON file of boxes"),
        ('{"a.jpg": [], "a.jpg": []}', "'a.jpg' stands twice"),
        ({"a.jpg": [], "./a.jpg": []}, "a.jpg stands there twice"),
        (3, "must hold an object or a list, got 3"),
        ({"a.jpg": {}}, "a.jpg must be a list, got {}"),
        ({"a.jpg": [1, 2, 3, 4]}, r"a.jpg\[0\] must be numbers: .*; got 1"),
        ({"a.jpg": [[0, 0, 1, 1], [1, 2, 3]]}, r"a.jpg\[1\] must be numbers: .*\[1, 2, 3\]"),
        ({"a.jpg": [[0, 0, 1, 1, 1, 1]]}, r"a.jpg\[0\] must be numbers"),
        ({"a.jpg": [[0, 0, 1, True]]}, r"a.jpg\[0\] must be numbers"),
        ({"a.jpg": [[0, 0, 1, "1"]]}, r"a.jpg\[0\] must be numbers"),
        ('{"a.jpg": [[0, 0, 1, NaN]]}', r"a.jpg\[0\] must be numbers"),
        ('{"a.jpg": [[0, 0, 1, 1e999]]}', r"a.jpg\[0\] must be numbers"),
        ({"a.jpg": [[0, 0, 1, 10**400]]}, r"a.jpg\[0\] must be numbers"),
        ({"a.jpg": [[5, 0, 1, 1]]}, r"a.jpg\[0\] must have an area, got x 5 to 1, y 0 to 1"),
        ({"a.jpg": [[1e9, 0, 1e9 + 1, 1]]}, r"a.jpg\[0\] must have an area"),
        ({"a.jpg": [{"score": 1}]}, r"a.jpg\[0\] must hold a box"),
        ({"a.jpg": [{"box": [1, 2]}]}, r"a.jpg\[0\].box must be numbers: x1, y1, x2, y2; got"),
        ({"a.jpg": [{"box": [1, 2, 3, 4], "score": "x"}]}, r"a.jpg\[0\].score must be"),
        ({"a.jpg": [{"box": [1, 2, 3, 4], "side": "up"}]}, r"a.jpg\[0\].side must be .*'up'"),
        ({"a.jpg": [{"box": [1, 2, 3, 4], "side": []}]}, r"a.jpg\[0\].side must be"),
        ([*RESULTS, {"image_id": 1}], r"entry 4 must be an object with a bbox"),
        ([[1, 2, 3, 4]], "entry 0 must be an object with a bbox"),
        ([{"bbox": [1, 2, 3, 4]}], "entry 0 must hold an image_id or a file_name"),
        ([{"image_id": 1.5, "bbox": [1, 2, 3, 4]}], "entry 0.image_id must be a whole number"),
        ([{"image_id": 1, "bbox": [1, 2, 0, 4]}], "entry 0 must have an area"),
        ([{"image_id": 1, "bbox": [1, 2, 3]}], "entry 0.bbox must be numbers: x, y, width, h"),
        ({"images": [], "annotations": [7]}, r"annotations\[0\] must be an object"),
        ({"images": [{"id": 1}], "annotations": []}, r"images\[0\] must hold a file_name"),
        ({"images": {}, "annotations": []}, "images must be a list, got {}"),
    ],
)
def test_errors_name_the_file_and_the_place(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_boxes(write(tmp_path, content))
    assert "boxes.json" in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "photo.json"
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)))
    with pytest.raises(ValueError, match=r"photo.json is not a JSON file of boxes"):
        read_boxes(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"boxes: .*none.json does not exist"):
        read_boxes(tmp_path / "none.json")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        read_boxes(tmp_path)


def test_many_boxes_stay_in_their_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 100, (5000, 2))
    entries = [
        {"image_id": i % 7, "bbox": [x, y, 1, 1], "score": i / 5000}
        for i, (x, y) in enumerate(corners.tolist())
    ]
    table = read_boxes(write(tmp_path, entries))
    np.testing.assert_allclose(table["3"].boxes[:, :2], corners[3::7], rtol=1e-6)
