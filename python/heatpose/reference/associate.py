"""Peaks to people along part affinity fields, in plain NumPy, as readable as the papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from heatpose.reference.resize_average import resize_average

Float64 = npt.NDArray[np.float64]
Size = tuple[int, int]

# The defaults of heatpose.ops.AssociateOptions, which explains them.
DEFAULTS: dict[str, Any] = {
    "matching": "limbs",
    "samples": 10,
    "adaptive": False,
    "endpoint": True,
    "rounding": "half_even",
    "point_threshold": 0.05,
    "point_ratio": 0.8,
    "mean_of_counted": False,
    "min_norm": 1e-3,
    "norm_offset": 0.0,
    "length_penalty": True,
    "near_score": -1.0,
    "classic_conflicts": False,
    "peak_weight": 0.1,
    "min_parts": 4,
    "min_score": 0.4,
}


class Association(NamedTuple):
    """See :class:`heatpose.ops.Association`."""

    people: npt.NDArray[np.int32]
    scores: Float64
    parts: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]
    overflow: npt.NDArray[np.bool_]
    pairs: npt.NDArray[np.int32]
    pair_scores: Float64
    pair_counts: npt.NDArray[np.int32]


class Pair(NamedTuple):
    """Peak ``a`` of a limb's first keypoint joined to peak ``b`` of its second."""

    score: float
    a: int
    b: int


class Person:
    """A growing person: one peak per keypoint, -1 where missing."""

    def __init__(self, keypoints: int) -> None:
        self.peaks = [-1] * keypoints
        self.score = 0.0
        self.parts = 0

    def add(self, keypoint: int, peak: int, score: float) -> None:
        """Take a peak into a slot; a part more, whatever was in the slot."""
        self.peaks[keypoint] = peak
        self.score += score
        self.parts += 1

    def shares_a_part_with(self, other: Person) -> bool:
        """Whether both have a peak of some keypoint."""
        return any(p >= 0 and q >= 0 for p, q in zip(self.peaks, other.peaks, strict=True))

    def absorb(self, other: Person, pair_score: float) -> None:
        """Take over all parts of another person, who shares none."""
        self.peaks = [max(p, q) for p, q in zip(self.peaks, other.peaks, strict=True)]
        self.score += other.score + pair_score
        self.parts += other.parts


def associate(
    peaks: Any,
    pafs: npt.NDArray[Any] | Sequence[npt.NDArray[Any]],
    limbs: Sequence[tuple[int, int]] | npt.NDArray[Any],
    paf_channels: Sequence[tuple[int, int]] | npt.NDArray[Any],
    canvas: Size,
    *,
    content: Size | Sequence[Size] | None = None,
    stride: int = 8,
    weights: Sequence[float] | None = None,
    interpolation: str | tuple[str, str] = "cubic",
    starts: Sequence[bool] | npt.NDArray[Any] | None = None,
    max_people: int = 128,
    options: Any = None,
) -> Association:
    """See :func:`heatpose.ops.associate`; ``options``: a dict, or an object with its attributes."""
    fields = resize_average(
        pafs,
        canvas,
        content=content,
        stride=stride,
        weights=weights,
        interpolation=interpolation,
    )
    o = _options(options)
    lead = fields.shape[:-3]
    xy, scores, counts = (np.asarray(field) for field in tuple(peaks)[:3])
    limb_list = [(int(a), int(b)) for a, b in limbs]
    channel_list = [(int(x), int(y)) for x, y in paf_channels]
    may_start = [True] * len(limb_list) if starts is None else [bool(s) for s in starts]
    keypoints, max_peaks = xy.shape[-3:-1]

    result = Association(
        np.full((*lead, max_people, keypoints), -1, np.int32),
        np.zeros((*lead, max_people)),
        np.zeros((*lead, max_people), np.int32),
        np.zeros(lead, np.int32),
        np.zeros(lead, np.bool_),
        np.full((*lead, len(limb_list), max_peaks, 2), -1, np.int32),
        np.zeros((*lead, len(limb_list), max_peaks)),
        np.zeros((*lead, len(limb_list)), np.int32),
    )
    for image in np.ndindex(*lead):
        points = [xy[image][k, : counts[image][k]].astype(float) for k in range(keypoints)]
        values = [scores[image][k].astype(float) for k in range(keypoints)]
        pairs = [
            score_pairs(points[a], points[b], fields[image][x], fields[image][y], o)
            for (a, b), (x, y) in zip(limb_list, channel_list, strict=True)
        ]
        if o.matching == "limbs":
            pairs = [keep_best(found) for found in pairs]
            people = assemble_by_limbs(pairs, values, limb_list, may_start, o.classic_conflicts)
        else:
            people, pairs = assemble_globally(pairs, values, limb_list, o.peak_weight)
        _write(people, pairs, o, image, result)
    return result


def _options(options: Any) -> Any:
    if options is None or isinstance(options, Mapping):
        return SimpleNamespace(**{**DEFAULTS, **(options or {})})
    return options


def score_pairs(
    a: Float64, b: Float64, field_x: Float64, field_y: Float64, options: Any
) -> list[Pair]:
    """Accepted pairs of peaks a [nA, 2] and b [nB, 2] along a field, by (a, b)."""
    pairs = []
    for i, start in enumerate(a):
        for j, end in enumerate(b):
            # As float32, which scores are stored in: equal pairs stay equal, whatever the rounding
            # of their sums, and are then taken in the order of their peaks.
            score = float(np.float32(score_pair(start, end, field_x, field_y, options)))
            if score > 0:
                pairs.append(Pair(score, i, j))
    return pairs


def score_pair(
    start: Float64, end: Float64, field_x: Float64, field_y: Float64, options: Any
) -> float:
    """How well a field runs from one peak to the other; not > 0 where it does not."""
    o = options
    height, width = field_x.shape
    d = end - start
    norm = max(o.min_norm, float(np.hypot(*d)) + o.norm_offset)
    samples = o.samples
    if o.adaptive:
        samples = int(np.clip(int(np.sqrt(5 * np.abs(d).max()) + 0.5), 5, 25))
    steps = max(1, samples - 1) if o.endpoint else samples
    points = start + np.arange(samples)[:, None] * (d / steps)
    pixels = np.rint(points) if o.rounding == "half_even" else np.trunc(points + 0.5)
    x, y = np.clip(pixels.astype(int), 0, [width - 1, height - 1]).T
    dots = field_x[y, x] * (d[0] / norm) + field_y[y, x] * (d[1] / norm)

    counted = dots > o.point_threshold
    # "More than" with a grain of salt: 0.55 * 20 is a little more than 11 in binary.
    if not counted.sum() > o.point_ratio * samples + 1e-5:
        near = norm < np.sqrt(width * height) / 150
        return float(o.near_score) if near else -1.0
    over = dots[counted] if o.mean_of_counted else dots
    score = float(over.mean()) if len(over) else 0.0
    if o.length_penalty:
        score += min(0.5 * height / norm - 1, 0.0)
    return score


def keep_best(pairs: list[Pair]) -> list[Pair]:
    """Best pairs first, equal ones by (a, b); every peak once."""
    kept: list[Pair] = []
    used_a: set[int] = set()
    used_b: set[int] = set()
    for pair in sorted(pairs, key=lambda p: (-p.score, p.a, p.b)):
        if pair.a not in used_a and pair.b not in used_b:
            kept.append(pair)
            used_a.add(pair.a)
            used_b.add(pair.b)
    return kept


def assemble_by_limbs(
    pairs: Sequence[Sequence[Pair]],
    peak_scores: Sequence[Float64],
    limbs: Sequence[tuple[int, int]],
    may_start: Sequence[bool],
    classic: bool,
) -> list[Person]:
    """Limb by limb in the skeleton's order; ``classic`` resolves conflicts by overwriting."""
    people: list[Person] = []
    for (a, b), limb_pairs, starts in zip(limbs, pairs, may_start, strict=True):
        for pair in limb_pairs:
            add_a = float(peak_scores[a][pair.a])
            add_b = float(peak_scores[b][pair.b])
            matches = [p for p in people if p.peaks[a] == pair.a or p.peaks[b] == pair.b]
            if not matches and starts:
                person = Person(len(peak_scores))
                person.add(a, pair.a, add_a)
                person.add(b, pair.b, add_b + pair.score)
                people.append(person)
            elif len(matches) == 1:
                person = matches[0]
                if classic:
                    if person.peaks[b] != pair.b:
                        person.add(b, pair.b, add_b + pair.score)
                elif person.peaks[b] < 0:
                    person.add(b, pair.b, add_b + pair.score)
                elif person.peaks[a] < 0:
                    person.add(a, pair.a, add_a + pair.score)
                # Else both slots are filled, one of them by another peak: the pair is dropped.
            elif len(matches) == 2:
                first, second = matches
                if not first.shares_a_part_with(second):
                    first.absorb(second, pair.score)
                    people.remove(second)
                elif classic:
                    first.add(b, pair.b, add_b + pair.score)
            # A third match means that people share peaks already; nothing sound can be done.
    return people


def assemble_globally(
    pairs: Sequence[Sequence[Pair]],
    peak_scores: Sequence[Float64],
    limbs: Sequence[tuple[int, int]],
    peak_weight: float,
) -> tuple[list[Person], list[list[Pair]]]:
    """All pairs in one list, best first; people are united as it is walked."""

    def rank(limb: int, pair: Pair) -> float:
        a, b = limbs[limb]
        ends = float(peak_scores[a][pair.a]) + float(peak_scores[b][pair.b])
        return pair.score + peak_weight * ends

    order = [(limb, pair) for limb, found in enumerate(pairs) for pair in found]
    order.sort(key=lambda item: (-rank(*item), item[0], item[1].a, item[1].b))
    people: list[Person] = []
    owner: dict[tuple[int, int], Person] = {}
    used: list[list[Pair]] = [[] for _ in limbs]
    for limb, pair in order:
        ends = list(zip(limbs[limb], (pair.a, pair.b), strict=True))
        values = [float(peak_scores[keypoint][peak]) for keypoint, peak in ends]
        of_a, of_b = (owner.get(end) for end in ends)
        if of_a is None and of_b is None:  # 1. both free: a new person
            person = Person(len(peak_scores))
            for end, value in zip(ends, values, strict=True):
                person.add(*end, value)
                owner[end] = person
            person.score += pair.score
            people.append(person)
        elif of_a is None or of_b is None:  # 2, 3. one free: it joins the other's person
            person = of_a or of_b  # type: ignore[assignment]
            free = 0 if of_a is None else 1
            if person.peaks[ends[free][0]] >= 0:
                continue
            person.add(*ends[free], values[free] + pair.score)
            owner[ends[free]] = person
        elif of_a is of_b:  # 4. a loop within one person strengthens it
            of_a.score += pair.score
        else:  # 5. two people, who unite into the earlier one unless they share a part
            first, second = sorted((of_a, of_b), key=people.index)
            if first.shares_a_part_with(second):
                continue
            first.absorb(second, pair.score)
            for end, person in owner.items():
                if person is second:
                    owner[end] = first
            people.remove(second)
        used[limb].append(pair)
    return people, used


def _write(
    people: Sequence[Person],
    pairs: Sequence[Sequence[Pair]],
    options: Any,
    image: tuple[int, ...],
    result: Association,
) -> None:
    kept = [
        p
        for p in people
        if p.parts >= options.min_parts and not p.score / p.parts < options.min_score
    ]
    max_people = result.scores.shape[-1]
    result.overflow[image] = len(kept) > max_people
    if len(kept) > max_people:
        kept = sorted(kept, key=lambda p: -p.score)[:max_people]
    result.counts[image] = len(kept)
    for i, person in enumerate(kept):
        result.people[image][i] = person.peaks
        result.scores[image][i] = person.score
        result.parts[image][i] = person.parts
    for limb, found in enumerate(pairs):
        result.pair_counts[image][limb] = len(found)
        for i, pair in enumerate(found):
            result.pairs[image][limb, i] = (pair.a, pair.b)
            result.pair_scores[image][limb, i] = pair.score
