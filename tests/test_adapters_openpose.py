"""In place of the C++ OpenPose: its rules step by step in NumPy, its arrays, its files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import heatpose as hp
from adapter_crowds import crowds
from adapter_table import Crowds
from heatpose import demo, formats, reference
from heatpose.adapters import openpose
from heatpose.adapters.openpose import Datum, decode_body, from_json, read_json, to_json, write_json
from heatpose.adapters.openpose.decode import _kept
from heatpose.ops import AssociateOptions, Peaks
from heatpose.results import Hands, People
from heatpose.skeletons import BODY25, COCO18, HAND21

CANVAS, CELLS, INPUT = (240, 320), (23, 31), (184, 248)


def maps(people: int = 3, seed: int = 1, noise: float = 0.01) -> tuple[Any, Any]:
    heatmaps, pafs, _ = demo.planted_crowd(
        people, cells=CELLS, canvas=CANVAS, seed=seed, noise=noise
    )
    return heatmaps, pafs


# ---- decoding ----------------------------------------------------------------------------------


def strict_maxima(plane: Any, threshold: float) -> list[tuple[int, int]]:
    """(x, y) of pixels above all eight neighbours, where beyond the edge is 0."""
    framed = np.pad(plane, 1)
    beaten = [
        framed[1 + dy : framed.shape[0] - 1 + dy, 1 + dx : framed.shape[1] - 1 + dx]
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
        if (dy, dx) != (0, 0)
    ]
    y, x = np.nonzero((plane > np.max(beaten, axis=0)) & (plane > threshold))
    return list(zip(x.tolist(), y.tolist(), strict=True))


def centroid(plane: Any, x: int, y: int) -> tuple[float, float]:
    rows, columns = (slice(max(c - 3, 0), c + 4) for c in (y, x))
    weights = np.maximum(plane[rows, columns], 0)
    ys, xs = np.mgrid[
        rows.start : rows.start + weights.shape[0], columns.start : columns.start + weights.shape[1]
    ]
    return (weights * xs).sum() / weights.sum(), (weights * ys).sum() / weights.sum()


def by_steps(heatmaps: Any, pafs: Any, *, threshold: float, ratio: float) -> tuple[Any, Any, Any]:
    """Candidates, keypoints and scores in float64."""
    planes = reference.resize_average(heatmaps[:18], INPUT)
    scale = np.array([CANVAS[1] / INPUT[1], CANVAS[0] / INPUT[0]])
    xy, scores = np.zeros((18, 127, 2)), np.zeros((18, 127))
    counts = np.zeros(18, np.int32)
    for part, plane in enumerate(planes):
        for i, (x, y) in enumerate(strict_maxima(plane, threshold)):
            xy[part, i] = np.array(centroid(plane, x, y)) + 0.5 / scale
            scores[part, i] = plane[y, x]
            counts[part] = i + 1
    options = AssociateOptions.for_global(
        point_ratio=ratio, near_score=threshold + 1e-6, min_parts=3, min_score=0.4
    )
    groups = reference.associate(
        Peaks(xy.astype(np.float32), scores.astype(np.float32), counts, counts > 127),
        pafs,
        COCO18.limbs,
        COCO18.paf_channels,
        INPUT,
        options=options,
    )
    points = np.concatenate([xy * scale, scores[..., None]], axis=-1)
    index = groups.people[: int(groups.counts)]
    keypoints = np.where((index >= 0)[..., None], points[np.arange(18), index], 0)
    candidates = [points[k, : counts[k]] for k in range(18)]
    return candidates, keypoints, groups.scores[: len(index)] / (18 + 19)


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize(("people", "seed"), [(1, 0), (4, 1), (9, 2)])
def test_the_steps_of_the_program(people: int, seed: int, maximize: bool) -> None:
    heatmaps, pafs = maps(people, seed)
    found = decode_body(
        heatmaps[None],
        pafs[None],
        CANVAS,
        skeleton=COCO18,
        maximize_positives=maximize,
        part_candidates=True,
    )
    threshold, ratio = (0.02, 0.75) if maximize else (0.05, 0.95)
    candidates, keypoints, scores = by_steps(heatmaps, pafs, threshold=threshold, ratio=ratio)
    for got, want in zip(found.poseCandidates, candidates, strict=True):
        np.testing.assert_allclose(got, want, atol=2e-3)
    assert found.poseKeypoints.dtype == np.float32
    assert found.poseKeypoints.shape == keypoints.shape and len(keypoints) >= people
    np.testing.assert_allclose(found.poseKeypoints, keypoints, atol=2e-3)
    np.testing.assert_allclose(found.poseScores, scores, atol=1e-4)


def shortest_limb(person: Any) -> float:
    """In pixels; of the limbs that a person has."""
    ends = person[np.array(COCO18.limbs)]
    both = (ends[..., 2] > 0).all(axis=1)
    return float(np.hypot(*(ends[both, 0, :2] - ends[both, 1, :2]).T).min(initial=np.inf))


def test_crowds_by_the_steps_of_the_program() -> None:
    """At a cut edge parts can lie in one place: a limb's direction is then in the last digits."""
    row = Crowds("openpose", "the C++ program's steps, in NumPy")
    for _, heatmaps, pafs in crowds():
        found = decode_body(heatmaps, pafs, CANVAS, skeleton=COCO18)
        _, keypoints, scores = by_steps(heatmaps, pafs, threshold=0.05, ratio=0.95)
        equal, reason = found.poseKeypoints.shape == keypoints.shape, ""
        if equal and np.allclose(found.poseKeypoints, keypoints, rtol=0, atol=2e-3):
            differ = np.abs(found.poseScores - scores) > 1e-4
            equal = not differ.any()
            if (np.abs(found.poseScores - scores) < 1e-2).all() and all(
                shortest_limb(person) < 0.1 for person in keypoints[differ]
            ):
                reason = "by a score below 0.01, of limbs below 0.1 pixels"
        else:
            equal = False
        row.add(len(keypoints), equal, reason)
    row.check()


def test_the_middle_of_a_pixel_is_half() -> None:
    heatmaps, pafs, truth = demo.planted_crowd(3, cells=CELLS, canvas=CANVAS, seed=1, noise=0)
    found = decode_body(heatmaps, pafs, CANVAS, skeleton=COCO18)
    errors = []
    for person in found.poseKeypoints:
        seen = person[:, 2] > 0
        away = [np.nanmean(person[seen, :2] - planted[seen], axis=0) for planted in truth]
        errors.append(min(away, key=lambda one: float(np.nan_to_num(np.abs(one).sum(), nan=1e9))))
    np.testing.assert_allclose(np.mean(errors, axis=0), 0.5, atol=0.35)


def test_nobody() -> None:
    found = decode_body(np.zeros((26, *CELLS)), np.zeros((52, *CELLS)), CANVAS)
    assert found.poseKeypoints.shape == (0, 25, 3)
    assert found.poseScores.shape == found.poseIds.shape == (0,)
    assert to_json(found)["people"] == []


def test_tensors_padding_and_scales() -> None:
    heatmaps, pafs = maps()
    tensors = [torch.from_numpy(one)[None] for one in (heatmaps, pafs)]
    wanted = decode_body(heatmaps, pafs, CANVAS, skeleton=COCO18)
    same = decode_body(*tensors, np.zeros((*CANVAS, 3), np.uint8), skeleton=COCO18)
    np.testing.assert_array_equal(same.poseKeypoints, wanted.poseKeypoints)
    padded = [np.pad(one, ((0, 0), (0, 2), (0, 1)), mode="edge") for one in (heatmaps, pafs)]
    cut = decode_body(*padded, CANVAS, pads=(0, 0, 16, 8), skeleton=COCO18)
    np.testing.assert_allclose(cut.poseKeypoints, wanted.poseKeypoints, atol=0.6)
    small, _, _ = demo.planted_crowd(3, cells=(16, 21), canvas=CANVAS, seed=1, noise=0.01)
    small_pafs = demo.planted_crowd(3, cells=(16, 21), canvas=CANVAS, seed=1, noise=0.01)[1]
    both = decode_body([heatmaps, small], [pafs, small_pafs], CANVAS, skeleton=COCO18)
    assert len(both.poseKeypoints) == 3


def test_feet_do_not_count_unless_nothing_else_is_there() -> None:
    index = np.full((3, 25), -1)
    index[0, [19, 20, 14, 13]] = 0  # two parts and two of the feet
    index[1, [1, 2, 3]] = 0
    index[2, [19, 20, 21, 14]] = 0
    parts = np.array([4, 3, 4])
    totals = np.array([4.0, 1.19, 4.0])
    assert _kept(index, totals, parts, False).tolist() == [False, False, False]
    totals[1] = 1.21
    assert _kept(index, totals, parts, False).tolist() == [False, True, False]
    assert _kept(index, totals, parts, True).tolist() == [True, True, True]


def test_wrong_maps() -> None:
    with pytest.raises(ValueError, match="heatmaps must have shape"):
        decode_body(np.zeros((19, 4, 4)), np.zeros((52, 4, 4)), (9, 9))
    with pytest.raises(ValueError, match="pafs must have shape"):
        decode_body(np.zeros((26, 4, 4)), np.zeros((38, 4, 4)), (9, 9))


# ---- arrays ------------------------------------------------------------------------------------


def two_people() -> Datum:
    points = np.random.default_rng(0).uniform(1, 99, (2, 25, 3)).astype(np.float32)
    points[..., 2] /= 100
    points[0, 3] = points[1, 24] = 0
    hands = (np.ones((2, 21, 3), np.float32), np.zeros((2, 21, 3), np.float32))
    return Datum(points, handKeypoints=hands, poseIds=np.array([7, -1]))


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"poseKeypoints must be \[2, K, 3\]"):
        Datum(np.zeros((2, 25, 2), np.float32))
    with pytest.raises(ValueError, match="faceKeypoints must be"):
        Datum(np.zeros((2, 25, 3)), faceKeypoints=np.zeros((1, 70, 3), np.float32))
    with pytest.raises(ValueError, match="poseIds must have shape"):
        Datum(np.zeros((2, 25, 3)), poseIds=np.zeros(3, np.int64))


def test_from_results_and_back() -> None:
    heatmaps, pafs = maps()
    people: People = hp.BodyDecoder(COCO18)(heatmaps, pafs, CANVAS)
    keypoints = np.full((4, 21, 2), 5, np.float32)
    keypoints[3] = np.nan
    scores = np.array([0.5, 0.9, 0.7, 0.0], np.float32)
    hands = Hands(
        keypoints + np.arange(4, dtype=np.float32)[:, None, None],
        np.repeat(scores[:, None], 21, 1),
        scores,
        np.array([[0, 0, 9, 9]] * 4, np.float32),
        ("left", "left", None, "right"),
        np.array([1, 1, 0, 2]),
        HAND21,
        CANVAS,
        people,
    )
    datum = Datum.from_results(people, hands)
    back = datum.people(COCO18, CANVAS)
    np.testing.assert_array_equal(back.keypoints, people.keypoints)
    np.testing.assert_array_equal(back.scores, people.scores)
    left, right = datum.handKeypoints
    assert left.shape == (3, 21, 3) and not right.any()
    assert (left[1] == (6, 6, np.float32(0.9))).all() and not left[[0, 2]].any()
    with pytest.raises(ValueError, match="body25 has 25 keypoints, poseKeypoints 18"):
        datum.people(BODY25, CANVAS)


# ---- files -------------------------------------------------------------------------------------


def test_a_file_there_and_back(tmp_path: Path) -> None:
    datum = two_people()
    datum.poseCandidates = [datum.poseKeypoints[:, k] for k in range(25)]
    path = openpose.keypoints_path(tmp_path, "frame_000000000001")
    assert path.name == "frame_000000000001_keypoints.json"
    write_json(path, datum, part_candidates=True)
    back = read_json(path)
    np.testing.assert_allclose(back.poseKeypoints, datum.poseKeypoints, rtol=1e-5)
    np.testing.assert_array_equal(back.poseKeypoints == 0, datum.poseKeypoints == 0)
    np.testing.assert_array_equal(back.handKeypoints[0], datum.handKeypoints[0])
    assert back.faceKeypoints.shape == (0, 70, 3)
    assert back.poseIds.tolist() == [7, -1]
    for got, want in zip(back.poseCandidates, datum.poseCandidates, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5)


def test_the_document_is_that_of_the_program() -> None:
    document = to_json(two_people())
    assert document["version"] == 1.3 and list(document) == ["version", "people"]
    assert list(document["people"][0]) == [
        "person_id",
        "pose_keypoints_2d",
        "face_keypoints_2d",
        "hand_left_keypoints_2d",
        "hand_right_keypoints_2d",
        "pose_keypoints_3d",
        "face_keypoints_3d",
        "hand_left_keypoints_3d",
        "hand_right_keypoints_3d",
    ]
    numbers = document["people"][0]["pose_keypoints_2d"]
    assert len(numbers) == 75 and numbers[9:12] == [0, 0, 0]
    assert all(number == float(f"{number:.6g}") for number in numbers)
    assert document["people"][0]["face_keypoints_2d"] == []
    # What heatpose's own reader of the format makes of it.
    people = formats.from_openpose(document, skeleton=BODY25, canvas=(100, 100))
    np.testing.assert_allclose(
        people.keypoints, two_people().people(BODY25, (100, 100)).keypoints, rtol=1e-5
    )


@pytest.mark.parametrize("name", ["pose_keypoints", "pose_keypoints_2d"])
def test_files_of_older_versions(name: str) -> None:
    sample = [582.349, 507.866, 0.845918, 0, 0, 0]
    document = {
        "version": 1.1,
        "people": [{name: sample}, {name: []}],
        "part_candidates": [{"10": [1, 2, 0.5], "9": [], "0": [296.994, 258.976, 0.845918] * 2}],
    }
    found = from_json(document)
    np.testing.assert_allclose(found.poseKeypoints[0], np.reshape(sample, (2, 3)))
    assert not found.poseKeypoints[1].any()
    assert found.poseIds.tolist() == [-1, -1]
    assert [len(part) for part in found.poseCandidates] == [2, 0, 1]


def test_hands_without_a_body() -> None:
    entry = {"pose_keypoints_2d": [], "hand_right_keypoints_2d": [4.0] * 63}
    found = from_json({"version": 1.3, "people": [entry]})
    assert found.poseKeypoints.shape == (1, 25, 3) and not found.poseKeypoints.any()
    assert found.handKeypoints[1].shape == (1, 21, 3) and (found.handKeypoints[1] == 4).all()


@pytest.mark.parametrize(("scale", "low", "high"), [(3, 0, 1), (4, -1, 1)])
def test_scaled_coordinates(scale: int, low: float, high: float) -> None:
    points = np.zeros((1, 18, 3), np.float32)
    points[0, :2] = [[0, 0, 0.5], [199, 99, 0.5]]
    document = to_json(Datum(points), keypoint_scale=scale, size=(100, 200))
    numbers = document["people"][0]["pose_keypoints_2d"]
    assert numbers[:6] == [low, low, 0.5, high, high, 0.5]
    assert not any(numbers[6:])  # missing ones stay three zeros
    with pytest.raises(ValueError, match="size must be given"):
        to_json(Datum(points), keypoint_scale=scale)


def test_what_cannot_be_written_or_read(tmp_path: Path) -> None:
    datum = two_people()
    with pytest.raises(ValueError, match="keypoint_scale must be between 0 and 4, got 5"):
        to_json(datum, keypoint_scale=5)
    datum.poseKeypoints[0, 0, 0] = np.nan
    path = tmp_path / "a.json"
    with pytest.raises(ValueError, match="must be finite"):
        write_json(path, datum)
    assert not path.exists()
    for document, message in (
        ([], "none of OpenPose's"),
        ({"people": 3}, "none of OpenPose's"),
        ({"people": [{"pose_keypoints_2d": [1] * 54}, {"pose_keypoints_2d": [1] * 75}]}, "equal"),
        ({"people": [{"pose_keypoints_2d": [1, 2]}]}, "3 x 25 numbers, got 2"),
    ):
        path.write_text(json.dumps(document))
        with pytest.raises(ValueError, match=rf"a\.json: .*{message}"):
            read_json(path)
    path.write_text("{")
    with pytest.raises(ValueError, match=r"a\.json"):
        read_json(path)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none.json")


def test_importing_it_loads_no_torch() -> None:
    code = "import sys, heatpose.adapters.openpose; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
