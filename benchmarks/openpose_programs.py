"""The Python programs after OpenPose, in the way they work: canvas-size maps, loops, lists.

Written for the comparisons: one map after the other through SciPy, one pair of peaks after the
other, a list of ten samples for each. pytorch-openpose, PaddleHub's modules and controlnet_aux
differ in the settings of ``Program``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter, label

from heatpose.skeletons import COCO18

Size = tuple[int, int]
Peaks = list[list[tuple[int, int, float, int]]]


class ThirdMatchError(Exception):
    """The programs raise an IndexError where a pair fits three people."""


@dataclass(frozen=True)
class Program:
    """What the programs differ in.

    Attributes:
        as_written: The heatmap average doubles what is there at each scale.
        added_norm: 1e-5 is added to lengths, where otherwise 0.001 is their least.
        by_channel: Maps are resized one by one, with AREA where they shrink and LANCZOS4 where they
            grow, in place of CUBIC.
    """

    as_written: bool = False
    added_norm: bool = False
    by_channel: bool = False


def resize(program: Program, image: np.ndarray, size: Size) -> np.ndarray:
    """[h, w, C] to [H, W, C]."""
    if not program.by_channel:
        return cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC)
    way = cv2.INTER_AREA if sum(size) < sum(image.shape[:2]) else cv2.INTER_LANCZOS4
    planes = [
        cv2.resize(np.ascontiguousarray(image[:, :, c]), size[::-1], interpolation=way)
        for c in range(image.shape[2])
    ]
    return np.stack(planes, axis=2)


def enlarge(
    program: Program, maps: np.ndarray, content: Size, canvas: Size, stride: int = 8
) -> np.ndarray:
    """[C, h, w] of one scale to [H, W, C]."""
    image = np.ascontiguousarray(maps.transpose(1, 2, 0))
    large = resize(program, image, (stride * maps.shape[1], stride * maps.shape[2]))
    return resize(program, np.ascontiguousarray(large[: content[0], : content[1]]), canvas)


def average(
    program: Program, stack: Sequence[np.ndarray], contents: Sequence[Size], canvas: Size
) -> np.ndarray:
    """[H, W, C], the proper mean of the scales."""
    total = np.zeros((*canvas, stack[0].shape[0]))
    for maps, content in zip(stack, contents, strict=True):
        total += enlarge(program, maps, content, canvas) / len(stack)
    return total


def average_heatmaps(
    program: Program, stack: Sequence[np.ndarray], contents: Sequence[Size], canvas: Size
) -> np.ndarray:
    if not program.as_written:
        return average(program, stack, contents, canvas)
    total = np.zeros((*canvas, stack[0].shape[0]))
    for maps, content in zip(stack, contents, strict=True):
        total += total + enlarge(program, maps, content, canvas) / len(stack)
    return total


def find_peaks(heat: np.ndarray, threshold: float = 0.1) -> Peaks:
    everything: Peaks = []
    count = 0
    for part in range(18):
        raw = heat[:, :, part]
        smooth = gaussian_filter(raw, sigma=3)
        beaten = []
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            other = np.roll(smooth, step, axis)
            edge = 0 if step > 0 else -1
            other[edge if axis == 0 else (slice(None), edge)] = 0
            beaten.append(smooth >= other)
        mask = np.logical_and.reduce((*beaten, smooth > threshold))
        places = list(zip(np.nonzero(mask)[1], np.nonzero(mask)[0], strict=True))
        everything.append([(x, y, raw[y, x], count + i) for i, (x, y) in enumerate(places)])
        count += len(places)
    return everything


def connect(program: Program, peaks: Peaks, fields: np.ndarray, height: int) -> list[Any]:
    """Per limb rows (id a, id b, score, i, j), or None without candidates."""
    found = []
    for (a, b), channels in zip(COCO18.limbs, COCO18.paf_channels, strict=True):
        field = fields[:, :, list(channels)]
        if not peaks[a] or not peaks[b]:
            found.append(None)
            continue
        candidates = []
        for i, start in enumerate(peaks[a]):
            for j, end in enumerate(peaks[b]):
                step = np.subtract(end[:2], start[:2])
                norm = math.sqrt(step[0] * step[0] + step[1] * step[1])
                norm = norm + 1e-5 if program.added_norm else max(0.001, norm)
                step = np.divide(step, norm)
                points = list(
                    zip(
                        np.linspace(start[0], end[0], num=10),
                        np.linspace(start[1], end[1], num=10),
                        strict=True,
                    )
                )
                across = np.array([field[int(round(y)), int(round(x)), 0] for x, y in points])  # noqa: RUF046
                down = np.array([field[int(round(y)), int(round(x)), 1] for x, y in points])  # noqa: RUF046
                along = np.multiply(across, step[0]) + np.multiply(down, step[1])
                score = sum(along) / len(along) + min(0.5 * height / norm - 1, 0)
                if len(np.nonzero(along > 0.05)[0]) > 0.8 * len(along) and score > 0:
                    candidates.append((i, j, score))
        candidates.sort(key=lambda pair: pair[2], reverse=True)
        rows = np.zeros((0, 5))
        for i, j, score in candidates:
            if i not in rows[:, 3] and j not in rows[:, 4]:
                rows = np.vstack([rows, [peaks[a][i][3], peaks[b][j][3], score, i, j]])
                if len(rows) >= min(len(peaks[a]), len(peaks[b])):
                    break
        found.append(rows)
    return found


def assemble(peaks: Peaks, connections: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """candidate and subset."""
    subset = -np.ones((0, 20))
    candidate = np.array([peak for part in peaks for peak in part], dtype=float)
    for limb, ((a, b), rows) in enumerate(zip(COCO18.limbs, connections, strict=True)):
        for id_a, id_b, score, *_ in () if rows is None else rows:
            fits = [n for n in range(len(subset)) if subset[n][a] == id_a or subset[n][b] == id_b]
            if len(fits) > 2:
                raise ThirdMatchError
            if not fits:
                if limb < 17:
                    row = -np.ones(20)
                    row[a], row[b], row[-1] = id_a, id_b, 2
                    row[-2] = candidate[[int(id_a), int(id_b)], 2].sum() + score
                    subset = np.vstack([subset, row])
                continue
            first = subset[fits[0]]
            if len(fits) == 2:
                second = subset[fits[1]]
                if not ((first[:-2] >= 0) & (second[:-2] >= 0)).any():
                    first[:-2] += second[:-2] + 1
                    first[-2:] += second[-2:]
                    first[-2] += score
                    subset = np.delete(subset, fits[1], 0)
                    continue
            elif first[b] == id_b:
                continue
            first[b] = id_b
            first[-1] += 1
            first[-2] += candidate[int(id_b), 2] + score
    few = [n for n, row in enumerate(subset) if row[-1] < 4 or row[-2] / row[-1] < 0.4]
    return candidate, np.delete(subset, few, axis=0)


def decode_body(
    program: Program,
    heatmaps: Sequence[np.ndarray],
    pafs: Sequence[np.ndarray],
    canvas: Size,
    contents: Sequence[Size] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """candidate and subset from [19, h, w] and [38, h, w] of every scale."""
    contents = contents or [(8 * one.shape[1], 8 * one.shape[2]) for one in heatmaps]
    heat = average_heatmaps(program, heatmaps, contents, canvas)
    fields = average(program, pafs, contents, canvas)
    peaks = find_peaks(heat)
    return assemble(peaks, connect(program, peaks, fields, canvas[0]))


def hand_places(maps: np.ndarray, threshold: float = 0.05) -> np.ndarray:
    """[21, 2] from [H, W, C]."""
    places = []
    for part in range(21):
        raw = maps[:, :, part]
        mask = gaussian_filter(raw, sigma=3) > threshold
        if not mask.any():
            places.append([0, 0])
            continue
        labels, count = label(mask, structure=np.ones((3, 3)))
        best = int(np.argmax([np.sum(raw[labels == i]) for i in range(1, count + 1)])) + 1
        inside = np.where(labels == best, raw, 0)
        y, x = np.unravel_index(inside.argmax(), raw.shape)
        places.append([x, y])
    return np.array(places)


def decode_hand(program: Program, heatmaps: Sequence[np.ndarray], canvas: Size) -> np.ndarray:
    """[21, 2] from [22, h, w] of every scale."""
    contents = [(8 * one.shape[1], 8 * one.shape[2]) for one in heatmaps]
    return hand_places(average(program, heatmaps, contents, canvas))
