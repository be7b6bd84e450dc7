"""The C++ OpenPose's grouping in plain loops, written from its description alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from heatpose import demo
from heatpose.adapters.openpose import decode_body
from heatpose.skeletons import COCO18

cv2 = pytest.importorskip("cv2")

CANVAS, CELLS = (184, 248), (23, 31)
"""The photo is the network's input, so that places need no scaling."""
PEAK, POINT, RATIO = 0.05, 0.05, 0.95
MIN_PARTS, MIN_SCORE = 3, 0.4


def enlarged(maps: np.ndarray) -> np.ndarray:
    return np.stack([cv2.resize(m, CANVAS[::-1], interpolation=cv2.INTER_CUBIC) for m in maps])


def peaks_of(plane: np.ndarray) -> list[tuple[float, float, float]]:
    """(x, y, score): above all eight neighbours, moved to the centroid of 7 x 7 pixels."""
    height, width = plane.shape
    found = []
    for y, x in np.argwhere(plane > PEAK).tolist():
        around = [
            plane[v, u] if 0 <= v < height and 0 <= u < width else 0.0
            for v in (y - 1, y, y + 1)
            for u in (x - 1, x, x + 1)
            if (v, u) != (y, x)
        ]
        if not all(plane[y, x] > value for value in around):
            continue
        sums = [0.0, 0.0, 0.0]
        for v in range(max(y - 3, 0), min(y + 4, height)):
            for u in range(max(x - 3, 0), min(x + 4, width)):
                weight = max(float(plane[v, u]), 0.0)
                sums = [sums[0] + weight, sums[1] + weight * u, sums[2] + weight * v]
        found.append((sums[1] / sums[0] + 0.5, sums[2] / sums[0] + 0.5, float(plane[y, x])))
    return found


def pair_score(a: Any, b: Any, field_x: np.ndarray, field_y: np.ndarray) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy)
    if length < 1e-6:
        return 0.0
    count = max(5, min(25, int(math.sqrt(5 * max(abs(dx), abs(dy))) + 0.5)))
    total, counted = 0.0, 0
    for step in range(count):
        x = min(int(a[0] + step * dx / count + 0.5), field_x.shape[1] - 1)
        y = min(int(a[1] + step * dy / count + 0.5), field_x.shape[0] - 1)
        along = (dx * float(field_x[y, x]) + dy * float(field_y[y, x])) / length
        if along > POINT:
            total, counted = total + along, counted + 1
    if counted / count > RATIO:
        return total / counted
    return PEAK + 1e-6 if length < math.sqrt(field_x.size) / 150 else 0.0


def people_of(heatmaps: np.ndarray, pafs: np.ndarray) -> list[tuple[dict[int, Any], float]]:
    """For each person its peaks by part, and the sum of scores."""
    peaks = [peaks_of(plane) for plane in heatmaps[:18]]
    pairs = []
    for limb, ((a, b), (cx, cy)) in enumerate(zip(COCO18.limbs, COCO18.paf_channels, strict=True)):
        for i, one in enumerate(peaks[a]):
            for j, other in enumerate(peaks[b]):
                score = pair_score(one, other, pafs[cx], pafs[cy])
                if score > 0:
                    rank = score + 0.1 * (one[2] + other[2])
                    pairs.append((-rank, limb, i, j, score))
    people: list[dict[str, Any]] = []
    for _, limb, i, j, score in sorted(pairs):
        a, b = COCO18.limbs[limb]
        has_a = [p for p in people if p["peaks"].get(a) == i]
        has_b = [p for p in people if p["peaks"].get(b) == j]
        if not has_a and not has_b:
            sums = score + peaks[a][i][2] + peaks[b][j][2]
            people.append({"peaks": {a: i, b: j}, "score": sums})
        elif has_a and not has_b:
            if b not in has_a[0]["peaks"]:
                has_a[0]["peaks"][b] = j
                has_a[0]["score"] += score + peaks[b][j][2]
        elif has_b and not has_a:
            if a not in has_b[0]["peaks"]:
                has_b[0]["peaks"][a] = i
                has_b[0]["score"] += score + peaks[a][i][2]
        elif has_a[0] is has_b[0]:
            has_a[0]["score"] += score
        elif not set(has_a[0]["peaks"]) & set(has_b[0]["peaks"]):
            first, second = sorted((has_a[0], has_b[0]), key=people.index)
            first["peaks"].update(second["peaks"])
            first["score"] += second["score"] + score
            people.remove(second)
    kept = []
    for person in people:
        parts = len(person["peaks"])
        if parts >= MIN_PARTS and person["score"] / parts >= MIN_SCORE:
            kept.append(({k: peaks[k][i] for k, i in person["peaks"].items()}, person["score"]))
    return kept


@pytest.mark.parametrize(("people", "seed", "noise"), [(2, 0, 0.01), (6, 1, 0.01), (9, 5, 0.02)])
def test_people_are_those_of_the_loops(people: int, seed: int, noise: float) -> None:
    heatmaps, pafs, _ = demo.planted_crowd(
        people, cells=CELLS, canvas=CANVAS, seed=seed, noise=noise
    )
    wanted = people_of(enlarged(heatmaps), enlarged(pafs))
    found = decode_body(heatmaps, pafs, CANVAS, skeleton=COCO18)
    assert len(found.poseKeypoints) == len(wanted) >= people // 2
    for rows, total, (peaks, score) in zip(
        found.poseKeypoints, found.poseScores, wanted, strict=True
    ):
        assert np.flatnonzero(rows[:, 2] > 0).tolist() == sorted(peaks)
        for part, peak in peaks.items():
            np.testing.assert_allclose(rows[part], peak, rtol=0, atol=2e-3)
        assert total == pytest.approx(score / (18 + 19), abs=1e-4)
