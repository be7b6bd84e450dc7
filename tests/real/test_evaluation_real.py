"""The numbers of the public tools, from files of predictions and real annotations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from heatpose.datasets.samples import Annotation, Sample
from heatpose.evaluation import (
    evaluate_coco,
    evaluate_keypoints,
    oks,
    true_keypoints,
)
from heatpose.skeletons import AIC14, COCO17, HAND21, WHOLEBODY133, Skeleton
from heatpose.skeletons.wholebody import BODY, FACE, FEET, LEFT_HAND, RIGHT_HAND

BODIES = {
    "coco17": (COCO17, "body/coco/test_coco.json"),
    "coco_wholebody": (WHOLEBODY133, "body/coco/test_coco_wholebody.json"),
    "aic14": (AIC14, "body/aic/test_aic.json"),
}
# The tool's name of a part, ours, its field in the files, and its keypoints.
WHOLE = slice(0, 133)
PARTS = {
    "body": ("body", ("keypoints",), BODY),
    "foot": ("feet", ("foot_kpts",), FEET),
    "face": ("face", ("face_kpts",), FACE),
    "lefthand": ("left_hand", ("lefthand_kpts",), LEFT_HAND),
    "righthand": ("right_hand", ("righthand_kpts",), RIGHT_HAND),
    "wholebody": (
        "whole",
        ("keypoints", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts"),
        WHOLE,
    ),
}
RUNS = [
    (name, mode, sigma)
    for name in BODIES
    for mode in ("noise", "dropped", "messy")
    for sigma in (0.5, 2, 5, 10)
]
HANDS = ("freihand", "onehand10k", "panoptic", "rhd")


@pytest.fixture(scope="module")
def hand(shared_data: Path) -> Path:
    return shared_data / "hand"


@pytest.fixture(scope="module")
def goldens(hand: Path) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = json.loads((hand / "eval/body_goldens.json").read_text())["runs"]
    assert len(runs) == len(RUNS)
    return runs


def run_of(runs: list[dict[str, Any]], name: str, mode: str, sigma: float) -> dict[str, Any]:
    (run,) = (
        run for run in runs if (run["dataset"], run["mode"], run["sigma_px"]) == (name, mode, sigma)
    )
    return run


@pytest.mark.parametrize(("name", "mode", "sigma"), RUNS)
def test_precision_and_recall_are_those_of_the_tools(
    hand: Path, goldens: list[dict[str, Any]], name: str, mode: str, sigma: float
) -> None:
    run = run_of(goldens, name, mode, sigma)
    skeleton, annotations = BODIES[name]
    predictions = hand / "eval" / run["predictions"]
    report = evaluate_coco(predictions, hand / annotations, skeleton)
    compared = 0
    for tool in ("pycocotools", "xtcocotools", "xtcocotools_use_area_false"):
        wanted = run.get(tool, {})
        for part, numbers in {"": wanted}.items() if "AP" in wanted else wanted.items():
            ours = report.scores if not part else report[PARTS[part][0]]
            for key, value in numbers.items():
                assert ours.numbers()[key] == pytest.approx(value, abs=1e-6), (tool, part, key)
                compared += 1
    assert compared == {"coco17": 20, "coco_wholebody": 60, "aic14": 10}[name]


@pytest.mark.parametrize(("name", "mode", "sigma"), RUNS)
def test_similarities_are_those_of_the_tools(
    hand: Path, goldens: list[dict[str, Any]], name: str, mode: str, sigma: float
) -> None:
    run = run_of(goldens, name, mode, sigma)
    skeleton, annotations = BODIES[name]
    truth = json.loads((hand / annotations).read_text())["annotations"]
    found = json.loads((hand / "eval" / run["predictions"]).read_text())
    compared = 0
    for part, fields, place, images in matrices(run):
        sigmas = skeleton.oks_sigmas[place] if place else skeleton.oks_sigmas
        for image_id, matrix in images.items():
            people = [a for a in truth if str(a["image_id"]) == image_id]
            guesses = [p for p in found if str(p["image_id"]) == image_id]
            guesses.sort(key=lambda one: -one["score"])
            if not guesses:
                assert matrix == []
                continue
            seen = points_of(guesses, fields)
            if name != "coco17":
                seen = seen[(seen[..., 2] > 0).any(axis=1)]
            points = points_of(people, fields)
            boxes = np.array([a["bbox"] for a in people], float)
            areas = [a["area"] if name != "aic14" else box[2] * box[3] * 0.53
                     for a, box in zip(people, boxes, strict=True)]  # fmt: skip
            boxes[:, 2:] += boxes[:, :2]
            got = oks(
                seen[..., :2], points[..., :2], points[..., 2] > 0, areas,
                sigmas=sigmas, boxes=boxes,
            )  # fmt: skip
            np.testing.assert_allclose(got, np.array(matrix), rtol=0, atol=1e-9, err_msg=part)
            compared += got.size
    assert compared > 10


def matrices(
    run: dict[str, Any],
) -> Iterator[tuple[str, tuple[str, ...], slice | None, dict[str, Any]]]:
    """Part, its fields, its keypoints, and the matrices by image id."""
    if run["dataset"] == "coco_wholebody":
        for part, images in run["xtcocotools_oks"].items():
            yield part, PARTS[part][1], PARTS[part][2], images
    else:
        tool = "pycocotools_oks" if run["dataset"] == "coco17" else "xtcocotools_oks"
        yield "", ("keypoints",), None, run[tool]


def points_of(entries: list[dict[str, Any]], fields: tuple[str, ...]) -> NDArray[np.float64]:
    rows = [[value for field in fields for value in entry[field]] for entry in entries]
    return np.array(rows, np.float64).reshape(len(rows), -1, 3)


def samples_of(
    document: dict[str, Any], run: dict[str, Any], skeleton: Skeleton = HAND21
) -> list[Sample]:
    """One sample per hand, in the order of the run, with the boxes that the tool used."""
    by_id = {entry["id"]: entry for entry in document["annotations"]}
    samples = []
    for key, box in zip(run["annotation_ids"], run["bboxes_xyxy"], strict=True):
        entry = by_id[key]
        points = np.array(entry["keypoints"], np.float32).reshape(skeleton.num_keypoints, 3)
        known = points[:, 2] > 0
        xy = np.where(known[:, None], points[:, :2], np.float32(np.nan))
        extra = {name: entry[name] for name in ("head_size",) if name in entry}
        annotation = Annotation(xy, known.astype(np.uint8), np.float32(box), extra=extra, id=key)
        samples.append(Sample(Path(f"{key}.jpg"), entry["image_id"], (annotation,)))
    return samples


@pytest.mark.parametrize("name", HANDS)
def test_distances_are_those_of_the_tool(hand: Path, name: str) -> None:
    runs = json.loads((hand / "eval/hand_goldens.json").read_text())["runs"]
    document = json.loads((hand / f"hands/{name}/test_{name}.json").read_text())
    compared = 0
    for run in (run for run in runs if run["dataset"] == name):
        samples = samples_of(document, run)
        found = np.array(run["predictions"])
        report = evaluate_keypoints(found, samples, HAND21)
        wanted = {
            "PCK@0.2": run["PCK02"],
            "PCK@0.05": run["PCK0.05"],
            "PCK@0.1": run["PCK0.1"],
            "PCK@0.5": run["PCK0.5"],
            "AUC": run["AUC_norm30_20thr"],
            "EPE": run["EPE_px"],
            "NME": run["NME_bbox"],
        }
        got = report.numbers()
        for key, value in wanted.items():
            assert got[key] == pytest.approx(value, abs=1e-4), (run["mode"], key)
        per_keypoint = np.array(run["PCK02_per_keypoint"], np.float64)
        per_keypoint[per_keypoint < 0] = np.nan
        np.testing.assert_allclose(report.pck[2].per_keypoint, per_keypoint, atol=1e-6)
        assert (report.pck[2].counts > 0).sum() == run["PCK02_valid_keypoints"]
        if "PCKh02" in run:
            heads = evaluate_keypoints(found, samples, HAND21, size="head", thresholds=(0.2,))
            assert heads.pck[0].mean == pytest.approx(run["PCKh02"], abs=1e-4)
            compared += 1
        compared += 1
    assert compared == (14 if name == "panoptic" else 7)


def test_boxes_are_cut_to_the_photo(hand: Path) -> None:
    document = json.loads((hand / "hands/onehand10k/test_onehand10k.json").read_text())
    runs = json.loads((hand / "eval/hand_goldens.json").read_text())["runs"]
    run = next(run for run in runs if run["dataset"] == "onehand10k")
    sample = samples_of(document, run)[0]
    cut = Sample(sample.path, sample.image_id, sample.annotations, size=(200, 100))
    assert true_keypoints([cut], HAND21).boxes.tolist() == [[63, 92, 99, 199]]
