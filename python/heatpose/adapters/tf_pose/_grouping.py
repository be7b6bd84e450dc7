"""How pafprocess groups peaks: its constants and its float32 arithmetic, many pairs at once.

:func:`heatpose.ops.associate` has the rule, which :func:`heatpose.adapters.tf_pose.estimate` uses,
but sums in another order; here no bit differs from the C++ code. lightweight_human_pose has pairs
of its own for the same reason: another order, other points, and one of them may fail, not three.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from heatpose.skeletons import COCO18

Float32 = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]

PARTS = 18
PEAK_THRESHOLD = np.float32(0.05)
POINT_THRESHOLD = np.float32(0.05)
SAMPLES = 10
MOST_FAILURES = 3
"""A pair needs more than 6 of its 10 points above the threshold."""
MIN_PARTS = 4
MIN_SCORE = np.float32(0.3)

_LIMBS = np.array(COCO18.limbs, np.intp)
_CHANNELS = np.array(COCO18.paf_channels, np.intp)
_ENDS: list[list[int]] = _LIMBS.tolist()
_MIDDLE = (3, 4, 5, 6)
_MANY = 1000
_STARTING = 17
"""Pairs of the last two limbs, ear to shoulder, never start a person."""


class PeakTable(NamedTuple):
    """Peaks of all parts, part by part, in raster order within a part; the row is the peak's id.

    Attributes:
        x, y: intp [P], pixels of the maps.
        scores: float32 [P], the heatmap's value.
        offsets: intp [19], where the peaks of each part begin, and their count.
    """

    x: Places
    y: Places
    scores: Float32
    offsets: Places


class Row(NamedTuple):
    """One person: ids of 18 peaks or -1, total score, and parts as the program counts them."""

    ids: list[int]
    score: np.float32
    parts: int


class _Pairs(NamedTuple):
    limb: Places
    a: Places  # ids of the peaks
    b: Places
    score: Float32


def find_peaks(peaks: Float32, heat: Float32) -> PeakTable:
    """The peaks of a map [H, W, C] that is 0 where there is none."""
    width, channels = peaks.shape[1:]
    at = np.flatnonzero(peaks.reshape(-1) > PEAK_THRESHOLD)
    pixels, parts = np.divmod(at, channels)
    order = np.argsort(parts, kind="stable")
    counts = np.bincount(parts, minlength=PARTS)[:PARTS]
    order = order[: counts.sum()]  # without the background
    pixels, parts = pixels[order], parts[order]
    y, x = np.divmod(pixels, width)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return PeakTable(x, y, heat[y, x, parts], offsets)


def find_pairs(table: PeakTable, pafs: Float32) -> _Pairs:
    """The pairs of each limb that its field supports, best first, each peak once."""
    limb, a, b = _all_pairs(table.offsets)
    if len(limb) > _MANY:
        # Most pairs of a crowd are wrong and fail in the middle, where no other limb's end helps.
        likely = _some_point_counts(table, pafs, limb, a, b)
        limb, a, b = limb[likely], a[likely], b[likely]
    ends = _ends(table, a, b)
    norm: Float32 = np.sqrt(ends[0] * ends[0] + ends[1] * ends[1])
    if not norm.all():  # the program passes by two parts in one pixel
        apart = norm > 0
        limb, a, b = limb[apart], a[apart], b[apart]
        norm, ends = norm[apart], [end[apart] for end in ends]
    along: list[Float32] = [np.divide(d, norm) for d in ends]
    dots = _sample(table, pafs, limb, a, b, range(SAMPLES), along)
    counts = np.count_nonzero(dots > POINT_THRESHOLD, axis=0)
    sums = np.zeros(len(limb), np.float32)
    for values in dots:  # from the first point to the last, in float32
        sums += values
    penalty = np.minimum(0.0, 0.5 * pafs.shape[0] / norm.astype(np.float64) - 1.0)
    score = (sums / np.float32(SAMPLES) + penalty).astype(np.float32)
    good = np.flatnonzero((counts >= SAMPLES - MOST_FAILURES) & (score > 0))
    limb, a, b, score = limb[good], a[good], b[good], score[good]
    order = np.lexsort((-score, limb))  # stable: of equal pairs the first
    limb, a, b, score = limb[order], a[order], b[order], score[order]
    kept: list[int] = []
    used: set[tuple[int, int]] = set()
    for row, (which, one, other) in enumerate(
        zip(limb.tolist(), a.tolist(), b.tolist(), strict=True)
    ):
        if (which, one) not in used and (which, other) not in used:
            used.update(((which, one), (which, other)))
            kept.append(row)
    return _Pairs(limb[kept], a[kept], b[kept], score[kept])


def _all_pairs(offsets: Places) -> tuple[Places, Places, Places]:
    """Every peak of each limb's one part with every peak of the other: limb, and ids of both."""
    counts = np.diff(offsets)
    seconds = counts[_LIMBS[:, 1]]
    pairs = counts[_LIMBS[:, 0]] * seconds
    limb = np.repeat(np.arange(len(_LIMBS)), pairs)
    within = np.arange(len(limb)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    i, j = np.divmod(within, seconds[limb])
    return limb, offsets[_LIMBS[limb, 0]] + i, offsets[_LIMBS[limb, 1]] + j


def _ends(table: PeakTable, a: Places, b: Places) -> list[Float32]:
    """From the first peak of each pair to the second, along x and along y, in pixels."""
    return [(v[b] - v[a]).astype(np.float32) for v in (table.x, table.y)]


def _some_point_counts(
    table: PeakTable, pafs: Float32, limb: Places, a: Places, b: Places
) -> npt.NDArray[np.bool_]:
    """Whether any of the four points in the middle counts: a pair may lose three at most."""
    ends = _ends(table, a, b)
    norm: Float32 = np.hypot(*ends)
    norm[norm == 0] = 1
    along: list[Float32] = [np.divide(d, norm) for d in ends]
    dots = _sample(table, pafs, limb, a, b, _MIDDLE, along)
    # Half the threshold: these directions are rounded otherwise, and only what fails by far goes.
    likely: npt.NDArray[np.bool_] = (dots > POINT_THRESHOLD / 2).any(axis=0)
    return likely


def _sample(
    table: PeakTable,
    pafs: Float32,
    limb: Places,
    a: Places,
    b: Places,
    points: Sequence[int],
    along: Sequence[Float32],
) -> Float32:
    """The field along each pair [points, pairs], at some of its ten points.

    They lie from the first peak to a step before the second, rounded as ``int(v + 0.5)``.
    """
    _, width, channels = pafs.shape
    steps = np.array(points, np.float32)[:, None]
    places = []
    for v, end in zip((table.x, table.y), _ends(table, a, b), strict=True):
        first, step = v[a].astype(np.float32), end / np.float32(SAMPLES)
        # Half is added in double precision, as the program does.
        places.append(((first + steps * step).astype(np.float64) + 0.5).astype(np.intp))
    at = (places[1] * width + places[0]) * channels
    flat = pafs.reshape(-1)
    fields = [flat.take(at + _CHANNELS[limb, axis]) for axis in (0, 1)]
    dots: Float32 = along[0] * fields[0] + along[1] * fields[1]
    return dots


def assemble(table: PeakTable, pairs: _Pairs, *, zero_is_absent: bool) -> list[Row]:
    """People, limb by limb, as the program puts them together.

    A pair joins the one person with one of its peaks in their slots: the second slot is
    overwritten. Two such people become one if they share no part, else the first takes the second
    peak. Three or more: the pair is passed by.
    """
    least = 1 if zero_is_absent else 0
    joined = table.scores[pairs.b] + pairs.score  # float32, in the program's order
    started = table.scores[pairs.a] + table.scores[pairs.b] + pairs.score
    people: list[list[Any]] = []  # 18 ids, score, parts
    for row, (limb, id_a, id_b) in enumerate(
        zip(pairs.limb.tolist(), pairs.a.tolist(), pairs.b.tolist(), strict=True)
    ):
        a, b = _ENDS[limb]
        found = [i for i, p in enumerate(people) if p[a] == id_a or p[b] == id_b]
        if not found:
            if limb < _STARTING:
                person: list[Any] = [-1] * PARTS
                person[a], person[b] = id_a, id_b
                people.append([*person, started[row], 2])
            continue
        if len(found) > 2:
            continue
        first = people[found[0]]
        if len(found) == 2:
            second = people[found[1]]
            if not any(
                p >= least and q >= least
                for p, q in zip(first[:PARTS], second[:PARTS], strict=True)
            ):
                merged = [p + q + 1 for p, q in zip(first[:PARTS], second[:PARTS], strict=True)]
                score = first[PARTS] + second[PARTS] + pairs.score[row]
                people[found[0]] = [*merged, score, first[-1] + second[-1]]
                del people[found[1]]
                continue
        elif first[b] == id_b:
            continue
        first[b] = id_b
        first[PARTS] = first[PARTS] + joined[row]
        first[-1] += 1
    rows = [Row(p[:PARTS], p[PARTS], p[-1]) for p in people]
    return [
        r for r in rows if not (r.parts < MIN_PARTS or r.score / np.float32(r.parts) < MIN_SCORE)
    ]
