"""Readers of annotations in COCO's layout, and AI Challenger's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataset_files import coco_file, image, person, photo, triples, write_json
from heatpose import datasets
from heatpose.skeletons import AIC14, BODY25, COCO17, COCO18, FACE70, HAND21, WHOLEBODY133


def test_datasets_load_neither_torch_nor_pycocotools() -> None:
    code = (
        "import sys, heatpose.datasets; "
        "sys.exit(any(m in sys.modules for m in ('torch', 'pycocotools', 'lightning')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_person_of_coco(tmp_path: Path) -> None:
    keypoints = triples(17, start=3)
    keypoints[3:6] = [0, 0, 0]
    keypoints[8] = 1
    file = coco_file(tmp_path, [person(7, keypoints=keypoints)])
    dataset = datasets.read_coco(file, tmp_path, on_problem="raise")
    assert (dataset.name, dataset.skeleton, len(dataset)) == ("file", COCO17, 1)
    sample = dataset[0]
    assert (sample.path, sample.image_id, sample.size) == (tmp_path / "1.jpg", 1, (40, 60))
    (one,) = sample.annotations
    assert one.keypoints.dtype == np.float32 and one.visibility.dtype == np.uint8
    assert one.visibility.tolist() == [2, 0, 1, *[2] * 14]
    assert np.isnan(one.keypoints[1]).all()
    np.testing.assert_array_equal(one.keypoints[[0, 16]], [[3, 3], [19, 35]])
    assert one.box is not None and one.box.tolist() == [5, 6, 25, 36]
    assert (one.area, one.crowd, one.id) == (250.5, False, 7)
    assert one.extra["num_keypoints"] == 16
    np.testing.assert_array_equal(dataset.labelled_share, [1, 0, *[1] * 15])


def test_crowds_and_people_without_keypoints_are_regions(tmp_path: Path) -> None:
    crowd = person(2, iscrowd=1, keypoints=[0] * 51, bbox=[1, 2, 3, 4])
    nobody = person(3, keypoints=[0] * 51, bbox=[10, 10, 5, 5])
    labelled_crowd = person(4, iscrowd=1, bbox=[30, 10, 5, 5])
    file = coco_file(tmp_path, [person(1), crowd, nobody, labelled_crowd])
    (sample,) = datasets.read_coco(file, tmp_path, on_problem="raise")
    assert [one.id for one in sample.annotations] == [1, 4]
    assert [one.crowd for one in sample.annotations] == [False, True]
    boxes = [box.tolist() for box in sample.unlabelled]
    assert boxes == [[1, 2, 4, 6], [10, 10, 15, 15], [30, 10, 35, 15]]


def test_photos_without_people_come_only_when_asked_for(tmp_path: Path) -> None:
    file = coco_file(tmp_path, [person(1)], [image(1), image(2)])
    assert [s.image_id for s in datasets.read_coco(file, tmp_path)] == [1]
    kept = datasets.read_coco(file, tmp_path, keep_empty=True)
    assert [s.image_id for s in kept] == [1, 2]


BAD_PEOPLE = {
    "annotation without keypoints": {"keypoints": "absent"},
    "keypoints of another skeleton (42 numbers, not 51)": {"keypoints": triples(14)},
    "keypoints that are not numbers": {"keypoints": ["x"] * 51},
    "keypoints that are not finite": {"keypoints": [float("nan"), 1.0, 2] * 17},
    "keypoints with a visibility that is not 0, 1 or 2": {"keypoints": triples(17, v=3)},
}


@pytest.mark.parametrize("what", BAD_PEOPLE)
def test_a_bad_entry_is_named_and_its_box_is_a_region(tmp_path: Path, what: str) -> None:
    file = coco_file(tmp_path, [person(1), person(2, **BAD_PEOPLE[what])])
    dataset = datasets.read_coco(file, tmp_path)
    assert [one.id for one in dataset[0].annotations] == [1]
    assert [box.tolist() for box in dataset[0].unlabelled] == [[5, 6, 25, 36]]
    assert [problem.what for problem in dataset.problems] == [what]
    assert dataset.problems[0].where == "file, annotation 2 of 1.jpg"
    with pytest.raises(ValueError, match=r"annotation 2 of 1\.jpg"):
        datasets.read_coco(file, tmp_path, on_problem="raise")


def test_other_bad_entries_are_named(tmp_path: Path) -> None:
    images = [image(1), image(2), image(3), {"id": 4}, image(1), "x"]
    people: list[Any] = [
        person(1),
        person(2, image_id=99),
        person(3, image_id=[]),
        "x",
        person(5, bbox=[1, 2, 0, 3]),
        person(6, bbox=[1, 2, 3]),
        person(7, image_id=3),
    ]
    file = coco_file(tmp_path, people, images)
    (tmp_path / "3.jpg").unlink()
    dataset = datasets.read_coco(file, tmp_path)
    assert {one.id for sample in dataset for one in sample.annotations} == {1, 5, 6}
    assert [(p.where, p.what) for p in dataset.problems] == [
        ("file.json, images[3]", "photo entry without id or file name"),
        ("file.json, images[4]", "photo entry with the id of another"),
        ("file.json, images[5]", "photo entry without id or file name"),
        ("file.json, annotations[1]", "annotation of no photo in the file"),
        ("file.json, annotations[2]", "annotation of no photo in the file"),
        ("file.json, annotations[3]", "annotation of no photo in the file"),
        ("file, annotation 5 of 1.jpg", "box without area"),
        ("file, annotation 6 of 1.jpg", "box that is not four numbers"),
        (str(tmp_path / "3.jpg"), "no such photo"),
    ]
    assert [one.box is None for one in dataset[0].annotations] == [False, True, True]
    lines = dataset.summary(examples=2).splitlines()
    assert lines[0].endswith(
        "1 photos, 3 annotations of coco17, 0 regions without labels, 9 problems"
    )
    assert lines[1] == (
        "  3 x annotation of no photo in the file: "
        "file.json, annotations[1], file.json, annotations[2], ..."
    )


def test_files_that_are_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file of annotations"):
        datasets.read_coco(tmp_path / "none.json", tmp_path)
    half = tmp_path / "half.json"
    half.write_text(json.dumps({"images": [], "annotations": []})[:20])
    with pytest.raises(ValueError, match="not a whole JSON file"):
        datasets.read_coco(half, tmp_path)
    with pytest.raises(ValueError, match="list 'annotations'"):
        datasets.read_coco(write_json(tmp_path / "a.json", {"images": []}), tmp_path)
    file = coco_file(tmp_path, [person(1)])
    with pytest.raises(FileNotFoundError, match="no such folder of photos"):
        datasets.read_coco(file, tmp_path / "nowhere")
    with pytest.raises(ValueError, match="on_problem must be"):
        datasets.read_coco(file, tmp_path, on_problem="ignore")  # type: ignore[arg-type]
    (tmp_path / "1.jpg").unlink()
    with pytest.raises(ValueError, match=r"nothing to use is left of file(.|\n)*1 x no such photo"):
        datasets.read_coco(file, tmp_path)


def test_another_skeleton_is_refused_at_once(tmp_path: Path) -> None:
    content = json.loads(coco_file(tmp_path, [person(1)]).read_text())
    content["categories"] = [{"id": 1, "name": "person", "keypoints": list(AIC14.keypoints)}]
    file = write_json(tmp_path / "aic.json", content)
    with pytest.raises(ValueError, match="14 keypoints for 'person', but coco17 has 17"):
        datasets.read_coco(file, tmp_path)
    content["categories"][0]["keypoints"] = list(reversed(COCO17.keypoints))
    with pytest.raises(ValueError, match="coco17 in another order"):
        datasets.read_coco(write_json(file, content), tmp_path)


def test_other_categories_are_left_out(tmp_path: Path) -> None:
    dog = person(2, category_id=18, keypoints="absent")
    content = json.loads(coco_file(tmp_path, [person(1), dog]).read_text())
    content["categories"] = [
        {"id": 1, "name": "person", "keypoints": list(COCO17.keypoints)},
        {"id": 18, "name": "dog"},
    ]
    file = write_json(tmp_path / "file.json", content)
    (sample,) = datasets.read_coco(file, tmp_path, on_problem="raise")
    assert [one.id for one in sample.annotations] == [1] and not sample.unlabelled


def whole_person(number: int, **more: Any) -> dict[str, Any]:
    parts = {
        "foot_kpts": triples(6, start=100),
        "face_kpts": triples(68, v=1, start=200),
        "lefthand_kpts": triples(21, v=1, start=300),
        "righthand_kpts": triples(21, v=1, start=400),
        **{f"{part}_valid": True for part in ("foot", "face", "lefthand", "righthand")},
        "lefthand_box": [300, 300, 20, 40],
        "righthand_box": [400, 400, 21, 41],
    }
    return person(number, **{**parts, **more})


def test_whole_bodies_are_laid_out_part_by_part(tmp_path: Path) -> None:
    right = triples(21, v=1, start=400)
    right[2] = 0.04  # COCO-WholeBody's hands have a confidence there
    file = coco_file(tmp_path, [whole_person(1, face_valid=False, righthand_kpts=right)])
    (sample,) = datasets.read_coco_wholebody(file, tmp_path, on_problem="raise")
    (one,) = sample.annotations
    starts = {
        part: one.keypoints[WHOLEBODY133.part(part)][0].tolist()
        for part, _ in WHOLEBODY133.parts
        if part != "face"
    }
    assert starts == {
        "body": [0, 0],
        "feet": [100, 100],
        "left_hand": [300, 300],
        "right_hand": [400, 400],
    }
    face = WHOLEBODY133.part("face")
    assert np.isnan(one.keypoints[face]).all() and not one.visibility[face].any()
    assert set(one.visibility[WHOLEBODY133.part("right_hand")].tolist()) == {1}
    assert dict(one.extra) == {
        "num_keypoints": 17,
        "foot_valid": True,
        "face_valid": False,
        "lefthand_valid": True,
        "righthand_valid": True,
    }


def test_hands_of_whole_bodies_have_sides_and_boxes(tmp_path: Path) -> None:
    only_left = whole_person(2, righthand_valid=False)
    unlabelled = whole_person(3, lefthand_kpts=[0] * 63, righthand_kpts=triples(20))
    file = coco_file(tmp_path, [whole_person(1), only_left, unlabelled])
    dataset = datasets.read_coco_wholebody_hands(file, tmp_path)
    hands = dataset[0].annotations
    assert dataset.skeleton is HAND21 and dataset.name == "file-hands"
    assert [(hand.id, hand.side) for hand in hands] == [
        ("1-left", "left"),
        ("1-right", "right"),
        ("2-left", "left"),
    ]
    assert hands[1].keypoints[0].tolist() == [400, 400]
    assert hands[1].box is not None and hands[1].box.tolist() == [400, 400, 421, 441]
    assert hands[1].area == 21 * 41
    assert [p.what for p in dataset.problems] == [
        "righthand_kpts of another skeleton (60 numbers, not 63)"
    ]


def test_ai_challenger_as_published(tmp_path: Path) -> None:
    photo(tmp_path / "ab.jpg")
    points = triples(14, v=1)
    points[2], points[5] = 2, 3
    published = [
        {
            "image_id": "ab",
            "human_annotations": {
                "human1": [1, 2, 11, 22],
                "human2": [3, 3, 9, 9],
                "human3": [0] * 4,
            },
            "keypoint_annotations": {
                "human1": points,
                "human2": triples(14, v=3),
                "human4": points,
            },
        },
        {"image_id": "ab"},
        {},
    ]
    dataset = datasets.read_aic(write_json(tmp_path / "aic.json", published), tmp_path)
    (sample,) = dataset
    one, boxless = sample.annotations
    assert (one.id, boxless.id, boxless.box) == ("ab/human1", "ab/human4", None)
    assert one.box is not None and one.box.tolist() == [1, 2, 11, 22]
    assert one.visibility.tolist() == [1, 0, *[2] * 12]
    assert np.isnan(one.keypoints[1]).all()
    assert one.area is None
    assert [box.tolist() for box in sample.unlabelled] == [[3, 3, 9, 9]]
    assert [(p.where, p.what) for p in dataset.problems] == [
        ("aic.json[1], ab", "photo entry without boxes or keypoints"),
        ("aic.json[2]", "photo entry without id or file name"),
        ("aic, annotation ab/human3 of ab.jpg", "annotation without keypoints"),
    ]


def test_ai_challenger_in_cocos_layout(tmp_path: Path) -> None:
    entry = person(4, keypoints=triples(14, v=1), area="absent", iscrowd="absent")
    file = coco_file(tmp_path, [entry])
    dataset = datasets.read_aic(file, tmp_path, on_problem="raise")
    (one,) = dataset[0].annotations
    assert dataset.skeleton is AIC14
    assert set(one.visibility.tolist()) == {1} and one.area is None and not one.crowd


def test_fingers_of_rhd_are_turned_round(tmp_path: Path) -> None:
    nested = [[k, 2 * k, 1] for k in range(21)]
    entry = person(1, keypoints=nested, hand_type="left")
    file = coco_file(tmp_path, [entry])
    (one,) = datasets.read_hands(file, tmp_path, "rhd", on_problem="raise")[0].annotations
    # The file has the wrist, then each finger from its tip.
    order = [0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17]
    assert one.keypoints[:, 0].tolist() == order
    assert one.side == "left"
    (plain,) = datasets.read_hands(file, tmp_path, "onehand10k")[0].annotations
    assert plain.keypoints[:, 0].tolist() == list(range(21)) and plain.side is None


def test_boxes_and_sides_of_hands(tmp_path: Path) -> None:
    entry = person(1, keypoints=triples(21, v=1, start=2), head_size=140)
    file = coco_file(tmp_path, [entry])
    box = {}
    for rule in ("file", "keypoints", "photo", None):
        (one,) = datasets.read_hands(file, tmp_path, "freihand", box=rule)[0].annotations
        assert one.box is not None and one.side == "right"
        box[rule] = one.box.tolist()
    assert box == {
        "file": [5, 6, 25, 36],
        "keypoints": [2, 2, 22, 42],
        "photo": [0, 0, 60, 40],
        None: [0, 0, 60, 40],
    }
    names = [image(1, file_name=name) for name in ("5_l.jpg", "5_r.jpg", "5.jpg")]
    for number, given in enumerate(names):
        given["id"] = number
    people = [{**entry, "image_id": number} for number in range(3)]
    panoptic = datasets.read_hands(coco_file(tmp_path, people, names), tmp_path, "panoptic")
    hands = [sample.annotations[0] for sample in panoptic]
    assert [hand.side for hand in hands] == ["left", "right", None]
    assert hands[0].extra["head_size"] == 140
    with pytest.raises(ValueError, match="kind must be one of freihand"):
        datasets.read_hands(file, tmp_path, "nyu")  # type: ignore[arg-type]


def test_other_skeletons_by_the_names_of_keypoints(tmp_path: Path) -> None:
    keypoints = triples(17)
    keypoints[3 * COCO17.index("left_hip") + 2] = 0
    keypoints[3 * COCO17.index("right_shoulder") + 2] = 1
    only_eyes = [0] * 51
    only_eyes[3:6] = [4, 5, 2]
    file = coco_file(tmp_path, [person(1, keypoints=keypoints), person(2, keypoints=only_eyes)])
    people = datasets.read_coco(file, tmp_path)
    one = datasets.as_skeleton(people, COCO18)[0].annotations[0]
    original = people[0].annotations[0]
    for k, name in enumerate(COCO18.keypoints):
        if name != "neck":
            np.testing.assert_array_equal(one.keypoints[k], original.keypoints[COCO17.index(name)])
    shoulders = [COCO17.index("left_shoulder"), COCO17.index("right_shoulder")]
    np.testing.assert_allclose(one.keypoints[1], original.keypoints[shoulders].mean(0))
    assert one.visibility[1] == 1
    body = datasets.as_skeleton(people, BODY25)[0].annotations[0]
    assert body.visibility[BODY25.index("mid_hip")] == 0
    assert not body.visibility[19:].any()
    challenger = datasets.as_skeleton(people, AIC14)
    assert [a.id for a in challenger[0].annotations] == [1]
    assert [box.tolist() for box in challenger[0].unlabelled] == [[5, 6, 25, 36]]
    with pytest.raises(ValueError, match="no keypoint in common"):
        datasets.as_skeleton(people, FACE70)


def test_slices_are_datasets(tmp_path: Path) -> None:
    people = [person(n, image_id=n) for n in (1, 2, 3)]
    file = coco_file(tmp_path, people, [image(n) for n in (1, 2, 3)])
    dataset = datasets.read_coco(file, tmp_path, name="mine")
    part = dataset[1:]
    assert isinstance(part, datasets.KeypointDataset)
    assert (part.name, [s.image_id for s in part], part[-1].image_id) == ("mine", [2, 3], 3)
    assert repr(part) == "KeypointDataset('mine', coco17, 2 photos)"
