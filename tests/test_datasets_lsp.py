"""The reader of Leeds Sports Pose Extended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataset_files import photo, write_json
from heatpose import datasets
from heatpose.skeletons import AIC14, COCO18, HAND21

NAMES = [
    "r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle", "r_wrist", "r_elbow", "r_shoulder",
    "l_shoulder", "l_elbow", "l_wrist", "neck", "head_top",
]  # fmt: skip
FILES = ["im1.jpg", "im2.jpg", "im3.jpg"]


@pytest.fixture
def lsp(tmp_path: Path) -> Path:
    """Three photos, joint j of photo n at (2 j + n, j + n)."""
    for file in FILES[:2]:
        photo(tmp_path / "train" / file)
    photo(tmp_path / "val" / FILES[2])
    write_json(tmp_path / "split.json", {"train": FILES[:2], "val": FILES[2:], "rule": "any"})
    write(tmp_path)
    return tmp_path


def write(folder: Path, **changed: Any) -> Path:
    joints = np.arange(14)[None, :, None] * [2, 1] + np.arange(3)[:, None, None]
    arrays = {
        "joints_xy": joints.astype(np.float32),
        "labelled": np.ones((3, 14), np.uint8),
        "image_wh": np.full((3, 2), [60, 40], np.int32),
        "files": np.array(FILES),
        "joint_names": np.array(NAMES),
        **changed,
    }
    np.savez(folder / "joints.npz", **arrays)
    return folder / "joints.npz"


def test_joints_come_by_name(lsp: Path) -> None:
    dataset = datasets.read_lsp(lsp / "joints.npz", lsp, "train", on_problem="raise")
    assert (dataset.name, dataset.skeleton, len(dataset)) == ("lsp-train", COCO18, 2)
    (one,) = dataset[1].annotations
    assert (dataset[1].path, dataset[1].size) == (lsp / "train" / "im2.jpg", (40, 60))
    # The table of the data's description.
    of_lsp = [-1, 12, 8, 7, 6, 9, 10, 11, 2, 1, 0, 3, 4, 5, -1, -1, -1, -1]
    for k, joint in enumerate(of_lsp):
        assert one.visibility[k] == (0 if joint < 0 else 2)
        if joint >= 0:
            assert one.keypoints[k].tolist() == [2 * joint + 1, joint + 1]
    # Around the head as well, which COCO-18 does not have.
    assert one.box is not None and one.box.tolist() == [1, 1, 27, 14]
    assert np.flatnonzero(dataset.labelled_share == 0).tolist() == [0, 14, 15, 16, 17]


def test_all_joints_are_ai_challengers(lsp: Path) -> None:
    dataset = datasets.read_lsp(lsp / "joints.npz", lsp, skeleton=AIC14)
    assert [sample.path.parent.name for sample in dataset] == ["train", "train", "val"]
    (one,) = dataset[0].annotations
    of_lsp = [8, 7, 6, 9, 10, 11, 2, 1, 0, 3, 4, 5, 13, 12]
    assert one.keypoints[:, 1].tolist() == of_lsp
    with pytest.raises(ValueError, match="hand21 has none of the joints"):
        datasets.read_lsp(lsp / "joints.npz", lsp, skeleton=HAND21)


def test_joints_outside_and_photos_missing_are_named(lsp: Path) -> None:
    with np.load(lsp / "joints.npz") as file:
        joints, labelled = file["joints_xy"], file["labelled"]
    joints[0, 1] = [60, 5]
    joints[0, 2], labelled[0, 2] = [-5, 0], 0
    labelled[2] = 0
    write(lsp, joints_xy=joints, labelled=labelled)
    (lsp / "train" / "im2.jpg").unlink()
    dataset = datasets.read_lsp(lsp / "joints.npz", lsp)
    assert [(p.where, p.what) for p in dataset.problems] == [
        ("im1.jpg, right_knee at (60.0, 5.0)", "joint outside its photo"),
        (str(lsp / "im2.jpg"), "no such photo"),
        (f"{lsp / 'joints.npz'}, im3.jpg", "annotation without keypoints"),
    ]
    (one,) = dataset[0].annotations
    knee, hip = COCO18.index("right_knee"), COCO18.index("right_hip")
    assert not one.visibility[[knee, hip]].any() and np.isnan(one.keypoints[[knee, hip]]).all()
    with pytest.raises(ValueError, match="right_knee"):
        datasets.read_lsp(lsp / "joints.npz", lsp, on_problem="raise")


def test_other_files_are_refused(lsp: Path) -> None:
    joints = lsp / "joints.npz"
    with pytest.raises(ValueError, match="no list of photos for split 'test'"):
        datasets.read_lsp(joints, lsp, "test")  # type: ignore[arg-type]
    joints.write_bytes(joints.read_bytes()[:200])
    with pytest.raises(ValueError, match="not a file of NumPy arrays"):
        datasets.read_lsp(joints, lsp)
    write(lsp, joint_names=np.array(NAMES[::-1]))
    with pytest.raises(ValueError, match="joint_names must be"):
        datasets.read_lsp(joints, lsp)
    write(lsp, labelled=np.ones((3, 13)))
    with pytest.raises(ValueError, match=r"labelled must be \[3, 14\], got \[3, 13\]"):
        datasets.read_lsp(joints, lsp)
    np.savez(joints, files=np.array(FILES))
    with pytest.raises(ValueError, match="has no 'joints_xy'"):
        datasets.read_lsp(joints, lsp)
    with pytest.raises(FileNotFoundError, match="no such file of joints"):
        datasets.read_lsp(lsp / "none.npz", lsp)
