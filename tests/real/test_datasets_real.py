"""Readers of datasets on samples of the real ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from heatpose import datasets
from heatpose.datasets import Annotation, KeypointDataset
from heatpose.skeletons import AIC14, COCO17, COCO18, HAND21, WHOLEBODY133

# Labelled shares in the 10,000 photos of LSP-Extended, in the order of its joints.
LSP_SHARES = {
    "right_ankle": 0.891, "right_knee": 0.918, "right_hip": 0.847, "left_hip": 0.828,
    "left_knee": 0.912, "left_ankle": 0.895, "right_wrist": 0.891, "right_elbow": 0.888,
    "right_shoulder": 0.875, "left_shoulder": 0.860, "left_elbow": 0.872, "left_wrist": 0.880,
    "neck": 0.810, "head_top": 0.955,
}  # fmt: skip


def annotations(dataset: KeypointDataset) -> list[Annotation]:
    return [annotation for sample in dataset for annotation in sample.annotations]


@pytest.fixture(scope="module")
def bodies(shared_data: Path) -> Path:
    return shared_data / "hand" / "body"


def test_coco(bodies: Path) -> None:
    folder = bodies / "coco"
    dataset = datasets.read_coco(folder / "test_coco.json", folder, on_problem="raise")
    assert dataset.skeleton is COCO17
    assert [len(sample.annotations) for sample in dataset] == [1, 2, 5]
    assert [len(sample.unlabelled) for sample in dataset] == [0, 1, 0]
    written = {
        entry["id"]: entry
        for entry in json.loads((folder / "test_coco.json").read_text())["annotations"]
    }
    for annotation in annotations(dataset):
        triples = np.reshape(written[annotation.id]["keypoints"], (17, 3))
        np.testing.assert_array_equal(annotation.visibility, triples[:, 2])
        np.testing.assert_array_equal(
            annotation.keypoints[annotation.labelled], triples[annotation.labelled, :2]
        )
        assert annotation.extra["num_keypoints"] == written[annotation.id]["num_keypoints"]
        assert annotation.area == written[annotation.id]["area"]
    checked = datasets.check_photos(dataset, on_problem="raise")
    assert [sample.size for sample in checked] == [sample.size for sample in dataset]


def test_coco_wholebody(bodies: Path) -> None:
    folder = bodies / "coco"
    file = folder / "test_coco_wholebody.json"
    dataset = datasets.read_coco_wholebody(file, folder, on_problem="raise")
    people = annotations(dataset)
    assert dataset.skeleton is WHOLEBODY133 and len(people) == 8
    for person in people:
        for part, flag in {
            "feet": "foot_valid",
            "face": "face_valid",
            "left_hand": "lefthand_valid",
            "right_hand": "righthand_valid",
        }.items():
            assert person.labelled[WHOLEBODY133.part(part)].any() == person.extra[flag]
        # The wrist of a hand is near the body's, however the file orders its parts.
        for side in ("left", "right"):
            hand = person.keypoints[WHOLEBODY133.index(f"{side}_hand_wrist")]
            body = person.keypoints[WHOLEBODY133.index(f"{side}_wrist")]
            if not np.isnan([hand, body]).any():
                assert np.linalg.norm(hand - body) < 0.15 * np.sqrt(person.area or 0)
    hands = annotations(datasets.read_coco_wholebody_hands(file, folder, on_problem="raise"))
    assert sorted(hand.side or "" for hand in hands) == ["left"] * 3 + ["right"] * 4
    whole = {person.id: person for person in people}
    for hand in hands:
        person = whole[int(str(hand.id).split("-")[0])]
        there = person.keypoints[WHOLEBODY133.part(f"{hand.side}_hand")]
        np.testing.assert_array_equal(hand.keypoints, there)
        centre = np.nanmean(hand.keypoints, axis=0)
        assert hand.box is not None
        assert ((centre > hand.box[:2]) & (centre < hand.box[2:])).all()


def test_ai_challenger(bodies: Path) -> None:
    folder = bodies / "aic"
    dataset = datasets.read_aic(folder / "test_aic.json", folder, on_problem="raise")
    people = annotations(dataset)
    assert dataset.skeleton is AIC14
    assert [person.extra["num_keypoints"] for person in people] == [8, 14, 11, 14, 14, 14]
    # The legs of the man behind the table are hidden, those of the players are not.
    ankle = AIC14.index("right_ankle")
    assert [int(person.visibility[ankle]) for person in people] == [0, 1, 0, 2, 2, 1]
    datasets.check_photos(dataset, on_problem="raise")


@pytest.mark.parametrize(
    ("kind", "sides", "labelled"),
    [
        ("freihand", ["right"] * 4, [21] * 4),
        ("onehand10k", [None] * 3, [20, 7, 15]),
        ("panoptic", ["left", "right"], [21, 21]),
        ("rhd", ["left", "right"], [21, 21]),
    ],
)
def test_hands(
    shared_data: Path, kind: datasets.HandSet, sides: list[str | None], labelled: list[int]
) -> None:
    folder = shared_data / "hand" / "hands" / kind
    dataset = datasets.read_hands(folder / f"test_{kind}.json", folder, kind, on_problem="raise")
    hands = annotations(dataset)
    assert dataset.skeleton is HAND21
    assert [hand.side for hand in hands] == sides
    assert [int(hand.labelled.sum()) for hand in hands] == labelled
    datasets.check_photos(dataset, on_problem="raise")
    # Fingers run from the palm to the tip: a limb is far shorter than the way back would be.
    for hand in hands:
        steps = [np.linalg.norm(hand.keypoints[b] - hand.keypoints[a]) for a, b in HAND21.limbs]
        tips = [np.linalg.norm(hand.keypoints[4 * f + 4] - hand.keypoints[0]) for f in range(5)]
        if not np.isnan([*steps, *tips]).any():
            assert sum(steps) < 2.2 * sum(tips)


def test_lsp(shared_data: Path) -> None:
    folder = shared_data / "lsp"
    train = datasets.read_lsp(folder / "joints.npz", folder, "train")
    val = datasets.read_lsp(folder / "joints.npz", folder, "val")
    assert (len(train), len(val)) == (4000, 500)
    assert not {s.path.name for s in train} & {s.path.name for s in val}
    assert not val.problems and len(train.problems) == 5
    assert {problem.what for problem in train.problems} == {"joint outside its photo"}
    for k, name in enumerate(COCO18.keypoints):
        # The validation photos are drawn at random, the training photos by their labels.
        assert abs(val.labelled_share[k] - LSP_SHARES.get(name, 0)) < 0.045, name
        assert (train.labelled_share[k] > 0.95) == (name in LSP_SHARES)
    all_joints = datasets.read_lsp(folder / "joints.npz", folder, "train", skeleton=AIC14)
    assert min(int(one.labelled.sum()) for one in annotations(all_joints)) >= 12
    checked = datasets.check_photos(val[:50], on_problem="raise")
    assert [s.size for s in checked] == [s.size for s in val[:50]]


def test_the_cache_of_lsp(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "lsp"
    val = datasets.read_lsp(folder / "joints.npz", folder, "val")[:20]
    assert isinstance(val, KeypointDataset)
    cached = datasets.cache_photos(val, tmp_path, 160, on_problem="raise")
    for large, small in zip(val, cached, strict=True):
        assert small.size is not None and max(small.size) <= 160 and large.size is not None
        assert abs(small.scale[0] - small.size[1] / large.size[1]) < 1e-9
    datasets.check_photos(cached, on_problem="raise")
