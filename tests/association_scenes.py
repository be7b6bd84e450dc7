"""Scenes for the tests of associate: random ones, planted crowds, and ones made by hand."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np

from heatpose import ops, reference
from heatpose.demo import planted_crowd
from heatpose.ops import AssociateOptions, Association, Peaks
from heatpose.skeletons import COCO18

LIMBS = [(0, 1), (1, 2), (0, 2), (3, 4), (2, 3), (1, 4)]
CHANNELS = [(0, 1), (3, 2), (4, 5), (6, 7), (8, 9), (10, 11)]

OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "classic": {"classic_conflicts": True},
    "one sample": {"samples": 1},
    "two samples": {"samples": 2},
    "many samples": {"samples": 256},
    "no endpoint": {"endpoint": False},
    "one sample, no endpoint": {"endpoint": False, "samples": 1},
    "half up": {"rounding": "half_up"},
    "adaptive": {"adaptive": True},
    "point threshold": {"point_threshold": -0.2},
    "no ratio": {"point_ratio": 0.0},
    "negative ratio": {"point_ratio": -1.0},
    "ratio 0.6": {"point_ratio": 0.6},
    "mean of counted": {"mean_of_counted": True, "point_ratio": 0.4},
    "norm offset": {"norm_offset": 1e-5},
    "long norm offset": {"norm_offset": 3.0},
    "min norm": {"min_norm": 30.0},
    "no length penalty": {"length_penalty": False},
    "near pairs": {"near_score": 0.06},
    "everyone": {"min_parts": 0, "min_score": -5.0},
    "few": {"min_parts": 4, "min_score": 0.5},
    "global": {"matching": "global"},
    "global by peaks": {"matching": "global", "peak_weight": 10.0},
    "global by pairs": {"matching": "global", "peak_weight": 0.0},
    "openpose": dataclasses.asdict(AssociateOptions.for_global()),
}  # fmt: skip


def random_scene(
    seed: int,
    *,
    lead: tuple[int, ...] = (),
    keypoints: int = 5,
    max_peaks: int = 6,
    canvas: tuple[int, int] = (45, 61),
    cells: tuple[int, int] = (6, 8),
) -> tuple[Peaks, np.ndarray]:
    """Random peaks, some counts zero, and fields strong enough that many pairs are accepted."""
    rng = np.random.default_rng(seed)
    shape = (*lead, keypoints, max_peaks)
    points = rng.integers(0, canvas[::-1], (*shape, 2)).astype(np.int32)
    counts = rng.integers(0, max_peaks + 1, (*lead, keypoints)).astype(np.int32)
    scores = rng.uniform(0.1, 1.0, shape).astype(np.float32)
    fields = rng.uniform(-0.5, 1.0, (*lead, 12, *cells)).astype(np.float32)
    return Peaks(points, scores, counts, np.zeros(counts.shape, np.bool_)), fields


def compare(
    peaks: Peaks,
    pafs: Any,
    canvas: tuple[int, int],
    *,
    limbs: Any = LIMBS,
    channels: Any = CHANNELS,
    options: AssociateOptions | None = None,
    **geometry: Any,
) -> Association:
    """Assert that op and reference agree, integers exactly; give the op's answer."""
    got = ops.associate(peaks, pafs, limbs, channels, canvas, options=options, **geometry)
    want = reference.associate(peaks, pafs, limbs, channels, canvas, options=options, **geometry)
    for name, mine, theirs in zip(got._fields, got, want, strict=True):
        assert mine.shape == theirs.shape, name
        if theirs.dtype.kind == "f":
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=2e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(mine, theirs, err_msg=name)
    return got


def crowd(people: int, *, seed: int = 0, noise: float = 0.02, **sizes: Any) -> tuple[Any, Any]:
    canvas = sizes.pop("canvas", (184, 328))
    heatmaps, pafs, _ = planted_crowd(people, canvas=canvas, seed=seed, noise=noise, **sizes)
    return ops.peaks_from_cells(heatmaps[:18], canvas, sigma=1.0, threshold=0.15), pafs


COCO: dict[str, Any] = {
    "limbs": COCO18.limbs,
    "channels": COCO18.paf_channels,
    "starts": [i not in COCO18.non_starting_limbs for i in range(len(COCO18.limbs))],
}


class Scene:
    """Peaks of five keypoints on a canvas of 40x40 cells of one pixel, joined by painted fields."""

    def __init__(self, counts: tuple[int, ...]) -> None:
        rng = np.random.default_rng(sum(counts))
        self.counts = np.array(counts, np.int32)
        self.xy = np.zeros((len(counts), max(counts), 2), np.int32)
        for keypoint, count in enumerate(counts):
            for i in range(count):
                # Columns of keypoints, rows of people: segments of one limb meet in no sample.
                self.xy[keypoint, i] = (8 * keypoint + rng.integers(0, 2), 9 * i + 2)
        self.scores = rng.uniform(0.5, 1.0, self.xy.shape[:2]).astype(np.float32)
        self.fields = np.zeros((12, 40, 40), np.float32)

    def join(self, limb: int, a: int, b: int, strength: float) -> Scene:
        """Paint a limb's field from peak a to peak b; the pair's score is ``strength``."""
        start = self.xy[LIMBS[limb][0], a].astype(float)
        end = self.xy[LIMBS[limb][1], b].astype(float)
        unit = (end - start) / np.hypot(*(end - start))
        for x, y in np.rint(np.linspace(start, end, 10)).astype(int):
            self.fields[list(CHANNELS[limb]), y, x] = strength * unit
        return self

    def decode(self, **options: Any) -> Association:
        settings = AssociateOptions(
            **{"min_parts": 0, "min_score": -9.0, "length_penalty": False, **options}
        )
        peaks = Peaks(self.xy, self.scores, self.counts, self.counts > 99)
        return compare(peaks, self.fields, (40, 40), stride=1, options=settings)

    def people(self, **options: Any) -> list[list[int]]:
        found = self.decode(**options)
        rows: list[list[int]] = found.people[: found.counts].tolist()
        return rows


def shared_peaks(people: np.ndarray) -> int:
    """How many peaks are in more than one of the people [P, K]."""
    holders = Counter((k, int(p)) for row in people for k, p in enumerate(row) if p >= 0)
    return sum(count > 1 for count in holders.values())
