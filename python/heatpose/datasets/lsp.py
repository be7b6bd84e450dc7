"""Reading Leeds Sports Pose Extended: one person a photo, 14 joints."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from heatpose.datasets.entries import NO_PHOTO, PathLike, read_json
from heatpose.datasets.problems import OnProblem, ProblemLog
from heatpose.datasets.samples import Annotation, KeypointDataset, Sample
from heatpose.results.checks import tight_boxes
from heatpose.skeletons import COCO18, Skeleton

_JOINTS = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
    "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
    "neck", "head_top",
)  # fmt: skip
_ARRAYS = ("joints_xy", "labelled", "image_wh", "files")


def read_lsp(
    joints: PathLike,
    photos: PathLike,
    split: Literal["train", "val"] | None = None,
    *,
    skeleton: Skeleton = COCO18,
    on_problem: OnProblem = "skip",
    name: str | None = None,
) -> KeypointDataset:
    """Read LSP-Extended from ``joints.npz``.

    The file holds ``joints_xy`` [N, 14, 2], ``labelled`` [N, 14], ``image_wh`` [N, 2], ``files``
    [N] and perhaps ``joint_names``. Joints outside their photo are taken for mistakes: they are
    noted and not labelled. Hidden joints are not marked in this dataset: what is labelled counts as
    visible.

    Args:
        joints: The ``.npz`` file. ``split.json`` beside it lists the photos of each split.
        photos: The folder of the photos, or the one above ``train`` and ``val``.
        split: ``"train"`` or ``"val"``; ``None`` takes every row of the file.
        skeleton: Whose keypoints to fill, by name: ``COCO18`` gets 13 of 18 (the neck as labelled
            by hand), ``AIC14`` all 14.
        on_problem: What to do with joints and photos that cannot be used.
        name: Of the dataset; default ``lsp`` and the split.

    Returns:
        A dataset with one annotation a photo, its box tight around all labelled joints. Other
        people in the photos are not labelled, and nobody knows where they are.

    Raises:
        FileNotFoundError: no such file or folder, or no ``split.json``.
        ValueError: not such a file, an unknown split, a skeleton without any of the joints, nothing
            to use, or the first problem where ``on_problem`` is ``"raise"``.

    Source: Johnson and Everingham, "Learning Effective Human Pose Estimation from Inaccurate
    Annotation", CVPR 2011.
    """
    log = ProblemLog(on_problem)
    arrays = _load(Path(joints))
    columns = [_JOINTS.index(key) if key in _JOINTS else -1 for key in skeleton.keypoints]
    if max(columns) < 0:
        raise ValueError(f"skeleton {skeleton.name} has none of the joints of LSP")
    there = np.array(columns) >= 0
    folder = Path(photos)
    if not folder.is_dir():
        raise FileNotFoundError(f"no such folder of photos: {folder}")
    rows = {str(file): row for row, file in enumerate(arrays["files"])}
    samples = []
    for file in rows if split is None else _split(Path(joints), split):
        row = rows.get(file)
        if row is None:
            log(f"{joints}, {file}", "photo without a row of joints")
            continue
        path = _find(folder, file, split)
        if path is None:
            log(str(folder / file), NO_PHOTO)
            continue
        xy, labelled = _usable(arrays, row, file, log)
        # Around all joints, also those that the skeleton does not have: the head is there as well.
        box = tight_boxes(np.where(labelled[:, None], xy, np.nan)[None])[0]
        xy, labelled = xy[columns], labelled[columns] & there
        if not labelled.any():
            log(f"{joints}, {file}", "annotation without keypoints")
            continue
        keypoints = np.where(labelled[:, None], xy, np.nan).astype(np.float32)
        width, height = (int(side) for side in arrays["image_wh"][row])
        person = Annotation(keypoints, np.where(labelled, 2, 0).astype(np.uint8), box, id=file)
        samples.append(Sample(path, file, (person,), (height, width)))
    dataset = KeypointDataset(
        name or ("lsp" if split is None else f"lsp-{split}"), skeleton, samples, log.found
    )
    if not samples:
        raise ValueError(f"nothing to use is left of {dataset.summary()}")
    return dataset


def _usable(
    arrays: dict[str, NDArray[Any]], row: int, file: str, log: ProblemLog
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Places of the 14 joints, and which of them are labelled inside the photo."""
    xy = arrays["joints_xy"][row]
    labelled = arrays["labelled"][row].astype(bool)
    inside = (np.isfinite(xy) & (xy >= 0) & (xy < arrays["image_wh"][row])).all(axis=1)
    for joint in np.flatnonzero(labelled & ~inside):
        x, y = xy[joint]
        log(f"{file}, {_JOINTS[joint]} at ({x:.1f}, {y:.1f})", "joint outside its photo")
    return xy, labelled & inside


def _load(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise FileNotFoundError(f"no such file of joints: {path}")
    try:
        # Opened here: NumPy leaves files open that turn out to be damaged.
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a file of NumPy arrays: {error}") from None
    missing = [key for key in _ARRAYS if key not in arrays]
    if missing:
        raise ValueError(f"{path} must hold the arrays {', '.join(_ARRAYS)}, has no {missing[0]!r}")
    count = len(arrays["files"])
    shapes = {"joints_xy": (count, 14, 2), "labelled": (count, 14), "image_wh": (count, 2)}
    for key, shape in shapes.items():
        if arrays[key].shape != shape:
            raise ValueError(f"{path}: {key} must be {list(shape)}, got {list(arrays[key].shape)}")
    names = [str(key) for key in arrays.get("joint_names", ())]
    ours = [key.replace("right_", "r_").replace("left_", "l_") for key in _JOINTS]
    if names and names != ours:
        raise ValueError(f"{path}: joint_names must be {ours}, got {names}")
    return arrays


def _split(joints: Path, split: str) -> list[str]:
    path = joints.parent / "split.json"
    content = read_json(path)
    names = content.get(split) if isinstance(content, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path} has no list of photos for split {split!r}")
    return names


def _find(folder: Path, file: str, split: str | None) -> Path | None:
    for sub in (split,) if split else ("train", "val"):
        if (folder / sub / file).is_file():
            return folder / sub / file
    return folder / file if (folder / file).is_file() else None
