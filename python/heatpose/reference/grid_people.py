"""People from peaks on the network's own grid, in plain NumPy.

Float32, unlike the rest of the reference: which cell a point falls into is part of the rule.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Limbs = Sequence[tuple[int, int]] | npt.NDArray[Any]


def refine_peaks(xy: Ints, counts: Ints, maps: npt.NDArray[Any], *, window: int = 5) -> Floats:
    """See :func:`heatpose.ops.refine_peaks`."""
    places = np.zeros(xy.shape, np.float32)
    height, width = maps.shape[-2:]
    reach = window // 2
    for plane in np.ndindex(*counts.shape):
        values = maps[plane].astype(np.float32)
        for i, (x, y) in enumerate(xy[plane][: counts[plane]].tolist()):
            if not (0 <= x < width and 0 <= y < height):
                continue
            sums = np.zeros(3, np.float32)  # of x, of y and of the weights
            for row in range(y - reach, y + reach + 1):
                for column in range(x - reach, x + reach + 1):
                    weight = values[_mirrored(row, height), _mirrored(column, width)]
                    sums += weight * np.array([column, row, 1], np.float32)
            with np.errstate(divide="ignore", invalid="ignore"):
                centre = sums[:2] / sums[2] + np.float32(0.5)
            places[plane][i] = centre / np.array([width, height], np.float32)
    return places


def _mirrored(index: int, size: int) -> int:
    """The index that stands for one outside: d c b | a b c d | c b a."""
    if size == 1:
        return 0
    index %= 2 * size - 2
    return index if index < size else 2 * size - 2 - index


def score_pairs(
    places: Floats,
    counts: Ints,
    pafs: npt.NDArray[Any],
    limbs: Limbs,
    paf_channels: Limbs,
    *,
    samples: int = 7,
) -> Floats:
    """See :func:`heatpose.ops.score_pairs`."""
    lead, most = counts.shape[:-1], places.shape[-2]
    scores = np.zeros((*lead, len(limbs), most, most), np.float32)
    size = np.array(pafs.shape[:-3:-1], np.float32)  # width, height
    for image in np.ndindex(*lead):
        fields = pafs[image].astype(np.float32)
        for limb, ((a, b), channels) in enumerate(zip(limbs, paf_channels, strict=True)):
            field = fields[list(channels)]
            for i in range(counts[image][a]):
                for j in range(counts[image][b]):
                    ends = places[image][a, i] * size, places[image][b, j] * size
                    scores[image][limb, i, j] = _mean_along(field, *ends, samples)
    return scores


def _mean_along(field: Floats, start: Floats, end: Floats, samples: int) -> np.float32:
    """Mean of a field [2, H, W] along the way from one place to another, in cells."""
    height, width = field.shape[1:]
    step = end - start
    total = np.float32(0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        length = np.sqrt(step[0] * step[0] + step[1] * step[1])
        unit = step / np.float32(float(length) + 1e-5)
        for i in range(samples):
            share = np.float32(i) / np.float32(samples - 1)
            x, y = start + share * step
            if -1 < x < width and -1 < y < height:
                dots = field[:, int(y), int(x)] * unit
                total += dots[1] + dots[0]
    mean: np.float32 = total / np.float32(samples)
    return mean


def assign_pairs(scores: Floats, counts: Ints, limbs: Limbs, *, threshold: float = 0.1) -> Ints:
    """See :func:`heatpose.ops.assign_pairs`."""
    lead, most = counts.shape[:-1], scores.shape[-1]
    partners = np.full((*lead, len(limbs), 2, most), -1, np.int32)
    for image in np.ndindex(*lead):
        for limb, (a, b) in enumerate(limbs):
            own = scores[image][limb, : counts[image][a], : counts[image][b]]
            costs = -np.where(np.isfinite(own), own, 0).astype(np.float64)
            turned = costs.shape[0] > costs.shape[1]
            for row, column in _assign(costs.T if turned else costs):
                i, j = (column, row) if turned else (row, column)
                if np.isfinite(own[i, j]) and own[i, j] > np.float32(threshold):
                    partners[image][limb, 0, i] = j
                    partners[image][limb, 1, j] = i
    return partners


def _assign(costs: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Every row to a column of its own, with the least sum, by shortest augmenting paths.

    Column 0 stands for the row that is being assigned; the others count from 1.
    """
    rows, columns = costs.shape
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    row_of, way = np.zeros(columns + 1, np.intp), np.zeros(columns + 1, np.intp)
    for row in range(1, rows + 1):
        row_of[0] = row
        distance = np.full(columns + 1, np.inf)
        reached = np.zeros(columns + 1, np.bool_)
        column = 0
        while row_of[column] != 0 or column == 0:
            reached[column] = True
            start = row_of[column]
            free = np.flatnonzero(~reached)
            new = costs[start - 1, free - 1] - row_price[start] - column_price[free]
            nearer = new < distance[free]
            distance[free[nearer]] = new[nearer]
            way[free[nearer]] = column
            column = int(free[np.argmin(distance[free])])
            step = distance[column]
            row_price[row_of[reached]] += step
            column_price[reached] -= step
            distance[~reached] -= step
        while column != 0:
            row_of[column] = row_of[way[column]]
            column = int(way[column])
    return [(int(row_of[j]) - 1, j - 1) for j in range(1, columns + 1) if row_of[j]]


def connect_peaks(
    partners: Ints, counts: Ints, limbs: Limbs, *, max_people: int = 100
) -> tuple[Ints, Ints]:
    """See :func:`heatpose.ops.connect_peaks`: (people, counts)."""
    lead, (keypoints, most) = counts.shape[:-1], (counts.shape[-1], partners.shape[-1])
    people = np.full((*lead, max_people, keypoints), -1, np.int32)
    person_counts = np.zeros(lead, np.int32)
    for image in np.ndindex(*lead):
        visited: set[tuple[int, int]] = set()
        found: list[dict[int, int]] = []
        for start in ((k, i) for k in range(keypoints) for i in range(counts[image][k])):
            if start in visited or len(found) == max_people:
                continue
            person: dict[int, int] = {}
            queue = deque([start])
            while queue:
                node = queue.popleft()
                if node in visited:
                    continue
                visited.add(node)
                keypoint, peak = node
                person[keypoint] = peak
                for limb, (a, b) in enumerate(limbs):
                    for side, (own, other) in enumerate(((a, b), (b, a))):
                        partner = int(partners[image][limb, side, peak])
                        if own == keypoint and 0 <= partner < most:
                            queue.append((other, partner))
            found.append(person)
        person_counts[image] = len(found)
        for row, person in enumerate(found):
            people[image][row, list(person)] = list(person.values())
    return people, person_counts
