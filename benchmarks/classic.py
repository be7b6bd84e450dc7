"""What the classic Python programs do after a body network: canvas-size maps, SciPy, Python loops.

Written for the benchmarks, as fast as that approach honestly gets: one cv2.resize per step for all
channels, NumPy for the peaks, one vectorised dot product per pair of peaks.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from heatpose.skeletons import Skeleton

Maps = np.ndarray


def upsample(maps: Maps, canvas: tuple[int, int], content: tuple[int, int], stride: int) -> Maps:
    """[C, h, w] to [H, W, C]: cubic by the stride, crop, cubic to the canvas."""
    image = np.ascontiguousarray(maps.transpose(1, 2, 0))
    # cv2 resizes at most 4 channels at once in its fast path; 57 in one call is still the best.
    large = cv2.resize(image, None, fx=stride, fy=stride, interpolation=cv2.INTER_CUBIC)
    cut = np.ascontiguousarray(large[: content[0], : content[1]])
    return cv2.resize(cut, canvas[::-1], interpolation=cv2.INTER_CUBIC)


def average(stack: Sequence[Maps], canvas: tuple[int, int], stride: int = 8) -> Maps:
    total = 0.0
    for maps in stack:
        content = (maps.shape[1] * stride, maps.shape[2] * stride)
        total = total + upsample(maps, canvas, content, stride) / np.float32(len(stack))
    return np.asarray(total)


def find_peaks(heat: Maps, keypoints: int, threshold: float = 0.1) -> list[np.ndarray]:
    """Per keypoint [n, 3] of (x, y, score)."""
    peaks = []
    for channel in range(keypoints):
        raw = heat[:, :, channel]
        smooth = gaussian_filter(raw, sigma=3)
        framed = np.pad(smooth, 1)
        beaten = np.maximum.reduce(
            [framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:]]
        )
        y, x = np.nonzero((smooth >= beaten) & (smooth > threshold))
        peaks.append(np.stack([x, y, raw[y, x]], axis=1))
    return peaks


def match(
    a: np.ndarray, b: np.ndarray, field: Maps, height: int, threshold: float = 0.05
) -> list[tuple[int, int, float]]:
    """Pairs of a limb, best first, each peak once."""
    candidates = []
    for i in range(len(a)):
        for j in range(len(b)):
            step = b[j, :2] - a[i, :2]
            norm = max(1e-3, float(np.hypot(*step)))
            x = np.round(np.linspace(a[i, 0], b[j, 0], 10)).astype(int)
            y = np.round(np.linspace(a[i, 1], b[j, 1], 10)).astype(int)
            along = field[y, x] @ (step / norm)
            score = along.mean() + min(0.5 * height / norm - 1, 0)
            if (along > threshold).sum() > 8 and score > 0:
                candidates.append((i, j, float(score)))
    candidates.sort(key=lambda pair: -pair[2])
    taken: list[tuple[int, int, float]] = []
    for i, j, score in candidates:
        if all(i != p and j != q for p, q, _ in taken):
            taken.append((i, j, score))
    return taken


def decode_body(
    heatmaps: Sequence[Maps], pafs: Sequence[Maps], canvas: tuple[int, int], skeleton: Skeleton
) -> tuple[list[np.ndarray], np.ndarray]:
    """Peaks per keypoint, and people [P, K] of peak indices (-1 where missing)."""
    heat, fields = average(heatmaps, canvas), average(pafs, canvas)
    peaks = find_peaks(heat, skeleton.num_keypoints)
    people: list[np.ndarray] = []
    scores: list[float] = []
    for limb, (a, b) in enumerate(skeleton.limbs):
        channels = list(skeleton.paf_channels[limb])
        for i, j, score in match(peaks[a], peaks[b], fields[:, :, channels], canvas[0]):
            found = [n for n, row in enumerate(people) if row[a] == i or row[b] == j]
            if len(found) == 1:
                row = people[found[0]]
                if row[b] != j:
                    row[b] = j
                    scores[found[0]] += peaks[b][j, 2] + score
            elif len(found) == 2:
                first, second = people[found[0]], people[found[1]]
                if not ((first >= 0) & (second >= 0)).any():
                    people[found[0]] = np.maximum(first, second)
                    scores[found[0]] += scores.pop(found[1]) + score
                    people.pop(found[1])
                else:
                    first[b] = j
                    scores[found[0]] += peaks[b][j, 2] + score
            elif not found and limb not in skeleton.non_starting_limbs:
                row = np.full(skeleton.num_keypoints, -1)
                row[a], row[b] = i, j
                people.append(row)
                scores.append(peaks[a][i, 2] + peaks[b][j, 2] + score)
    kept = [
        row
        for row, score in zip(people, scores, strict=True)
        if (row >= 0).sum() >= 4 and score / (row >= 0).sum() >= 0.4
    ]
    return peaks, np.array(kept).reshape(-1, skeleton.num_keypoints)


def decode_hand(stack: Sequence[Maps], canvas: tuple[int, int]) -> np.ndarray:
    """[K, 2] of (x, y), -1 where missing: SciPy's smoothing, OpenCV's components."""
    maps = average(stack, canvas)
    places = np.full((maps.shape[2], 2), -1)
    for channel in range(maps.shape[2]):
        raw = maps[:, :, channel]
        mask = (gaussian_filter(raw, sigma=3) > 0.05).astype(np.uint8)
        count, labels = cv2.connectedComponents(mask, connectivity=8)
        if count == 1:
            continue
        sums = np.bincount(labels.ravel(), raw.ravel())
        inside = np.where(labels == 1 + sums[1:].argmax(), raw, -np.inf)
        y, x = np.unravel_index(inside.argmax(), raw.shape)
        places[channel] = x, y
    return places
