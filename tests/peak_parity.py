"""Comparing peaks_from_cells with its reference.

The op works in float32, the reference in float64. Where two neighbouring values of the smoothed
map, or a value and the threshold, are closer than float32 resolves, either answer is right; the
comparison allows exactly that and counts it, so that a test can say how rare it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from heatpose import ops, reference
from heatpose.reference.peaks_from_cells import smoothed_average

# Of the cells' amplitude: what float32 sums of a few dozen products resolve, with some room.
RESOLUTION = 2e-6

NEIGHBOURS = {
    4: [(0, -1), (0, 1), (-1, 0), (1, 0)],
    8: [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx],
}


def random_maps(*sizes: tuple[int, int], channels: int = 3, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(-0.4, 1.0, (channels, *size)).astype(np.float32) for size in sizes]


class Tally(NamedTuple):
    peaks: int
    near_ties: int


def compare(
    maps: np.ndarray | Sequence[np.ndarray], canvas: tuple[int, int], **options: Any
) -> Tally:
    """Assert that op and reference agree but for near ties; count peaks and near ties."""
    options = {"max_peaks": 4096, **options}
    got = ops.peaks_from_cells(maps, canvas, **options)
    want = reference.peaks_from_cells(maps, canvas, **options)
    assert not got.overflow.any()
    assert not want[3].any()
    geometry = {k: v for k, v in options.items() if k not in PEAK_SETTINGS}
    _, smoothed = smoothed_average(maps, canvas, **geometry)
    scales = [maps] if isinstance(maps, np.ndarray) else maps
    finite = [np.where(np.isfinite(m), np.abs(m.astype(np.float64)), 0) for m in scales]
    shares = options.get("weights") or [1 / len(scales)] * len(scales)
    amplitude = sum(abs(w) * m.max(initial=0) for w, m in zip(shares, finite, strict=True))
    tolerance = RESOLUTION * amplitude
    peaks = near_ties = 0
    for plane in np.ndindex(*got.counts.shape):
        mine = found(got.xy[plane], got.scores[plane], got.counts[plane])
        theirs = found(want[0][plane], want[1][plane], want[2][plane])
        assert list(mine) == sorted(mine, key=lambda p: (p[1], p[0])), "raster order"
        for x, y in mine.keys() ^ theirs.keys():
            margin = closest_rival(smoothed[plane], x, y, **options)
            assert margin <= tolerance, f"plane {plane}, pixel {x, y}: {margin} > {tolerance}"
            near_ties += 1
        common = list(mine.keys() & theirs.keys())
        np.testing.assert_allclose(
            [mine[p] for p in common], [theirs[p] for p in common], rtol=1e-5, atol=tolerance
        )
        assert (got.xy[plane][got.counts[plane] :] == 0).all()
        assert (got.scores[plane][got.counts[plane] :] == 0).all()
        peaks += len(theirs)
    return Tally(peaks, near_ties)


PEAK_SETTINGS = ("threshold", "connectivity", "ties", "max_peaks")


def found(xy: np.ndarray, scores: np.ndarray, count: int) -> dict[tuple[int, int], float]:
    return {
        (int(x), int(y)): float(s) for (x, y), s in zip(xy[:count], scores[:count], strict=True)
    }


def closest_rival(
    smoothed: np.ndarray, x: int, y: int, *, threshold: float = 0.1, connectivity: int = 4, **_: Any
) -> float:
    """Distance of a pixel's value from the values that decide whether it is a peak."""
    framed = np.pad(smoothed, 1)
    around = [framed[y + 1 + dy, x + 1 + dx] for dy, dx in NEIGHBOURS[connectivity]]
    return float(np.nanmin(np.abs(np.array([*around, threshold]) - smoothed[y, x])))
