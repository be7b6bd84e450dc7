"""How lightweight-human-pose-estimation.pytorch works: padded copies, Python loops, limb by limb.

Written for the benchmarks: NumPy where the program uses NumPy, loops where it loops.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from heatpose.skeletons import COCO18

Maps = np.ndarray


def extract_keypoints(heatmap: Maps, all_keypoints: list[Any], total: int) -> int:
    high = np.where(heatmap < 0.1, 0, heatmap)
    middle = np.pad(high, [(1, 1), (1, 1)])
    shifts = [((1, 1), (0, 2)), ((1, 1), (2, 0)), ((0, 2), (1, 1)), ((2, 0), (1, 1))]
    is_peak = np.ones(middle.shape, bool)
    for shift in shifts:
        is_peak &= middle > np.pad(high, shift)
    y, x = np.nonzero(is_peak[1:-1, 1:-1])
    peaks = sorted(zip(x, y, strict=True), key=lambda place: place[0])
    gone = np.zeros(len(peaks), bool)
    found: list[Any] = []
    for i, (px, py) in enumerate(peaks):
        if gone[i]:
            continue
        for j in range(i + 1, len(peaks)):
            if math.sqrt((px - peaks[j][0]) ** 2 + (py - peaks[j][1]) ** 2) < 6:
                gone[j] = True
        found.append((px, py, heatmap[py, px], total + len(found)))
    all_keypoints.append(found)
    return len(found)


def group_keypoints(keypoints: list[list[Any]], pafs: Maps) -> tuple[Maps, Maps]:
    flat = np.array([item for part in keypoints for item in part])
    parts = [np.array(part, np.float32) for part in keypoints]
    people: list[Maps] = []
    for limb, ((a, b), channels) in enumerate(zip(COCO18.limbs, COCO18.paf_channels, strict=True)):
        if len(parts[a]) == 0 or len(parts[b]) == 0:
            continue
        ids_a, ids_b, scores = _connections(parts[a], parts[b], pafs[:, :, list(channels)])
        for one, other, score in zip(ids_a, ids_b, scores, strict=True):
            if limb >= 17:
                for person in people:
                    if person[a] == one and person[b] == -1:
                        person[b] = other
                    elif person[b] == other and person[a] == -1:
                        person[a] = one
                continue
            taken = False
            for person in people if limb else []:
                if person[a] == one:
                    person[b], taken = other, True
                    person[-1] += 1
                    person[-2] += flat[other, 2] + score
            if not taken:
                person = np.full(20, -1.0)
                person[a], person[b], person[-1] = one, other, 2
                person[-2] = flat[[one, other], 2].sum() + score
                people.append(person)
    kept = [p for p in people if p[-1] >= 3 and p[-2] / p[-1] >= 0.2]
    return np.asarray(kept), flat


def _connections(ones: Maps, others: Maps, field: Maps) -> tuple[Maps, Maps, Maps]:
    """Ids and scores of a limb's connections, all pairs of it at once."""
    count = len(ones)
    starts = np.broadcast_to(ones[None, :, :2], (len(others), count, 2)).reshape(-1, 1, 2)
    ways = (others[:, None, :2] - ones[None, :, :2]).reshape(-1, 1, 2)
    grid = np.arange(10, dtype=np.float32).reshape(1, -1, 1)
    points = (1 / 9 * ways * grid + starts).round().astype(np.int32)
    samples = field[points[..., 1].ravel(), points[..., 0].ravel()].reshape(-1, 10, 2)
    norms = np.linalg.norm(ways, axis=-1, keepdims=True)
    dots = (samples * (ways / (norms + 1e-6))).sum(axis=-1)
    passed = dots > 0.05
    number = passed.sum(axis=1)
    scores = (dots * passed).sum(axis=1) / (number + 1e-6)
    good = np.flatnonzero((scores > 0) & (number / 10 > 0.8))
    second, first = np.divmod(good, count)
    first, second, scores = _best_first(first, second, scores[good])
    return ones[first, 3].astype(int), others[second, 3].astype(int), scores


def _best_first(first: Maps, second: Maps, scores: Maps) -> tuple[Maps, Maps, Maps]:
    """Of connections that share an end the best, in the order of NumPy's default sort, reversed."""
    kept: list[int] = []
    ends: tuple[list[int], list[int]] = ([], [])
    for row in scores.argsort()[::-1]:
        if first[row] in ends[0] or second[row] in ends[1]:
            continue
        kept.append(row)
        ends[0].append(first[row])
        ends[1].append(second[row])
    rows = np.array(kept, np.intp)
    return first[rows], second[rows], scores[rows]
