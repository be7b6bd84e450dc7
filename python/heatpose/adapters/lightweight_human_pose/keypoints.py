"""``modules.keypoints``: peaks of a map, and people along part affinity fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.adapters._rooms import every_peak
from heatpose.ops._arrays import whole
from heatpose.skeletons import COCO18

BODY_PARTS_KPT_IDS: list[list[int]] = [list(limb) for limb in COCO18.limbs]
BODY_PARTS_PAF_IDS: tuple[list[int], ...] = tuple(list(pair) for pair in COCO18.paf_channels)

THRESHOLD = 0.1
APART = 6
"""Pixels; of two nearer peaks the one further right goes."""
POINTS = 10
POINT_RATIO = 0.8
MIN_PARTS = 3
MIN_SCORE = 0.2
_MIDDLE = (3, 4, 5, 6)
_MANY = 500
_PARTS = COCO18.num_keypoints
_CLOSING = (17, 18)
"""Ear to shoulder: these pairs only fill a missing end, and add nothing to a score."""

Keypoint = tuple[int, int, Any, int]


def extract_keypoints(
    heatmap: npt.NDArray[Any],
    all_keypoints: list[Any],
    total_keypoint_num: int,
    *,
    in_place: bool = False,
) -> int:
    """Find the peaks of one map.

    A peak is at least 0.1 and greater than its four neighbours (outside is 0). From left to right,
    in a column from the top, a peak drops those after it that are nearer than 6 pixels.

    Args:
        heatmap: floats [H, W]; 0.1 is compared in their type.
        all_keypoints: Gets a list of (x, y, score, id) appended.
        total_keypoint_num: The first id.
        in_place: Set what is below 0.1 to 0 in ``heatmap``, as the original does.

    Returns:
        How many keypoints were found.

    Raises:
        TypeError: heatmap is no array of floats, or all_keypoints no list.
        ValueError: heatmap is not [H, W].
    """
    if not isinstance(heatmap, np.ndarray) or heatmap.dtype.kind != "f":
        got = getattr(heatmap, "dtype", type(heatmap).__name__)
        raise TypeError(f"heatmap must be a NumPy array of floats, got {got}")
    if heatmap.ndim != 2:
        raise ValueError(f"heatmap must have shape (H, W), got {tuple(heatmap.shape)}")
    if not isinstance(all_keypoints, list):
        raise TypeError(f"all_keypoints must be a list, got {type(all_keypoints).__name__}")
    first = whole("total_keypoint_num", total_keypoint_num, low=0, high=1 << 31)
    x, y = _wide_peaks(heatmap) if heatmap.dtype.itemsize > 4 else _peaks(heatmap)
    order = np.lexsort((y, x))
    x, y = x[order], y[order]
    kept = np.ones(len(x), np.bool_)
    for i in range(len(x) - 1):
        if kept[i]:
            dx, dy = x[i + 1 :] - x[i], y[i + 1 :] - y[i]
            kept[i + 1 :] &= dx * dx + dy * dy >= APART * APART
    x, y = x[kept], y[kept]
    found: list[Keypoint] = [
        (*place, score, first + i)
        for i, (place, score) in enumerate(
            zip(zip(x.tolist(), y.tolist(), strict=True), heatmap[y, x], strict=True)
        )
    ]
    if in_place:
        heatmap[heatmap < THRESHOLD] = 0
    all_keypoints.append(found)
    return len(found)


def _peaks(heatmap: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    level = float(heatmap.dtype.type(THRESHOLD))  # NumPy compares in the map's type
    found = every_peak(heatmap[None], threshold=level, inclusive=True, ties="none")
    places = found.xy[0, : found.counts[0]].astype(np.intp)
    return places[:, 0], places[:, 1]


def _wide_peaks(heatmap: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The same of numbers that float32 does not tell apart."""
    framed = np.pad(np.where(heatmap < THRESHOLD, 0, heatmap), 1)
    middle = framed[1:-1, 1:-1]
    rivals = framed[1:-1, :-2], framed[1:-1, 2:], framed[:-2, 1:-1], framed[2:, 1:-1]
    y, x = np.nonzero(np.logical_and.reduce([middle > rival for rival in rivals]))
    return x, y


def connections_nms(
    a_idx: npt.NDArray[Any], b_idx: npt.NDArray[Any], affinity_scores: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Of pairs that share a peak keep the best; best first.

    Equal scores come in the order that NumPy's default sort leaves them in, which is not stable,
    from the last to the first.

    Raises:
        TypeError: an argument is no array.
        ValueError: they are not of one length.
    """
    for name, values in (("a_idx", a_idx), ("b_idx", b_idx), ("affinity_scores", affinity_scores)):
        if not isinstance(values, np.ndarray):
            raise TypeError(f"{name} must be an array, got {type(values).__name__}")
        if values.shape != (len(a_idx),):
            raise ValueError(f"{name} must be as long as a_idx, got shape {values.shape}")
    order = affinity_scores.argsort()[::-1]
    scores, a_idx, b_idx = affinity_scores[order], a_idx[order], b_idx[order]
    kept = []
    used_a: set[int] = set()
    used_b: set[int] = set()
    for row, (a, b) in enumerate(zip(a_idx.tolist(), b_idx.tolist(), strict=True)):
        if a not in used_a and b not in used_b:
            kept.append(row)
            used_a.add(a)
            used_b.add(b)
    rows = np.array(kept, np.intp)
    return a_idx[rows], b_idx[rows], scores[rows]


def group_keypoints(
    all_keypoints_by_type: Sequence[Sequence[Any]],
    pafs: npt.NDArray[Any],
    pose_entry_size: int = 20,
    min_paf_score: float = 0.05,
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Group keypoints into people; people never become one.

    A pair is scored at 10 points, both ends included, by the mean of those above ``min_paf_score``;
    more than 8 must be.

    Args:
        all_keypoints_by_type: 18 lists of (x, y, score, id), from :func:`extract_keypoints`.
        pafs: float32 [H, W, 38], part affinity fields.
        pose_entry_size: Numbers of a person: 18 ids or more, the score, the number of parts.
        min_paf_score: A point counts above this.

    Returns:
        pose_entries: float64 [n, pose_entry_size], ids or -1, total score and parts. People of
            fewer than 3 parts or a mean below 0.2 are left out. [0] where there is nobody.
        all_keypoints: float64 [P, 4], all lists in one; [0] where there is none.

    Raises:
        TypeError: pafs is no array of floats.
        ValueError: a shape is wrong, or a keypoint lies outside the fields.
    """
    if not isinstance(pafs, np.ndarray) or pafs.dtype.kind != "f":
        got = getattr(pafs, "dtype", type(pafs).__name__)
        raise TypeError(f"pafs must be a NumPy array of floats, got {got}")
    if pafs.ndim != 3 or pafs.shape[2] < COCO18.num_pafs:
        raise ValueError(f"pafs must have shape (H, W, 38 or more), got {tuple(pafs.shape)}")
    if len(all_keypoints_by_type) < _PARTS:
        raise ValueError(
            f"all_keypoints_by_type must have {_PARTS} lists, got {len(all_keypoints_by_type)}"
        )
    size = whole("pose_entry_size", pose_entry_size, low=_PARTS + 2)
    all_keypoints = np.array([item for sublist in all_keypoints_by_type for item in sublist])
    by_type = [
        np.array(keypoints, np.float32).reshape(len(keypoints), -1 if len(keypoints) else 4)
        for keypoints in all_keypoints_by_type[:_PARTS]
    ]
    _check_places(by_type, pafs)
    people: list[list[float]] = []
    for limb, (a, b, scores) in enumerate(_pairs(by_type, pafs, min_paf_score)):
        if len(scores):
            _join(people, limb, a, b, scores, all_keypoints, size)
    kept = [
        person for person in people if person[-1] >= MIN_PARTS and not _mean(person) < MIN_SCORE
    ]
    return np.asarray(kept), all_keypoints


def _mean(person: list[float]) -> float:
    return person[-2] / person[-1]


def _check_places(by_type: list[npt.NDArray[np.float32]], pafs: npt.NDArray[Any]) -> None:
    height, width = pafs.shape[:2]
    for part, keypoints in enumerate(by_type):
        if not len(keypoints):
            continue
        if keypoints.shape[1] != 4:
            raise ValueError(
                f"all_keypoints_by_type[{part}] must hold (x, y, score, id), "
                f"got {keypoints.shape[1]} numbers"
            )
        x, y = keypoints[:, 0], keypoints[:, 1]
        if not ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).all():
            raise ValueError(
                f"all_keypoints_by_type[{part}] must lie in the {height} x {width} pixels of pafs"
            )


def _pairs(
    by_type: list[npt.NDArray[np.float32]], pafs: npt.NDArray[Any], min_paf_score: float
) -> list[tuple[list[int], list[int], list[float]]]:
    """Ids and scores of the connections of every limb, best first.

    All limbs at once, in the original's types and order of sums, so that no bit differs. That is
    why this is neither :func:`heatpose.ops.associate`, which sums in another order, nor shared with
    tf_pose, whose pairs lie in another order, take points elsewhere and lose three of them.
    """
    counts = np.array([len(keypoints) for keypoints in by_type], np.intp)
    offsets = np.cumsum(counts) - counts
    limbs, channels = np.array(BODY_PARTS_KPT_IDS), np.array(BODY_PARTS_PAF_IDS)
    firsts = counts[limbs[:, 0]]
    sizes = firsts * counts[limbs[:, 1]]
    limb = np.repeat(np.arange(len(limbs)), sizes)
    ends = np.cumsum(sizes)
    j, i = np.divmod(np.arange(len(limb)) - np.repeat(ends - sizes, sizes), firsts[limb])
    places = np.concatenate([k[:, :2] for k in by_type if len(k)] or [np.empty((0, 2), np.float32)])
    a, b = places[offsets[limbs[limb, 0]] + i], places[offsets[limbs[limb, 1]] + j]

    way = b - a
    norm = np.sqrt((way * way).sum(axis=-1, keepdims=True))
    along = way / (norm + np.float32(1e-6))
    pairs = (limb, i, j, a, way, along)
    with np.errstate(invalid="ignore", over="ignore"):
        if len(limb) > _MANY:
            # Most pairs of a crowd are wrong, and fail in the middle: one point may fail at most.
            middle = _sample(pafs, channels, *pairs, _MIDDLE) > min_paf_score
            likely = np.count_nonzero(middle, axis=1) >= len(_MIDDLE) - 1
            pairs = tuple(values[likely] for values in pairs)
        scores = _sample(pafs, channels, *pairs, range(POINTS))
        counted = scores > min_paf_score
        number = counted.sum(axis=1)
        means = (scores * counted).sum(axis=1) / (number + 1e-6)
    good = np.flatnonzero((means > 0) & (number / POINTS > POINT_RATIO))
    limb, i, j = (values[good] for values in pairs[:3])
    bounds = np.searchsorted(limb, np.arange(len(limbs) + 1))
    answer = []
    for which, rows in enumerate(map(slice, bounds[:-1], bounds[1:])):
        one, other, best = connections_nms(i[rows], j[rows], means[good[rows]])
        ids = [by_type[k][index, 3] for k, index in zip(limbs[which], (one, other), strict=True)]
        ids_a, ids_b = (part.astype(np.int32).tolist() for part in ids)
        answer.append((ids_a, ids_b, best.tolist()))
    return answer


def _sample(
    pafs: npt.NDArray[Any],
    channels: npt.NDArray[Any],
    limb: npt.NDArray[Any],
    i: npt.NDArray[Any],
    j: npt.NDArray[Any],
    a: npt.NDArray[Any],
    way: npt.NDArray[Any],
    along: npt.NDArray[Any],
    which: Sequence[int],
) -> npt.NDArray[Any]:
    """The field along every pair [pairs, points], at some of its ten points."""
    steps = np.float32(1 / (POINTS - 1)) * way
    grid = np.array(which, np.float32)[:, None]
    points = (steps[:, None] * grid + a[:, None]).round().astype(np.intp)
    pick = channels[limb]
    fields = [pafs[points[..., 1], points[..., 0], pick[:, k, None]] for k in (0, 1)]
    dots: npt.NDArray[Any] = fields[0] * along[:, :1] + fields[1] * along[:, 1:]
    return dots


def _join(
    people: list[list[float]],
    limb: int,
    ids_a: list[int],
    ids_b: list[int],
    scores: list[float],
    all_keypoints: npt.NDArray[Any],
    size: int,
) -> None:
    """Connections of a limb to people, as the original adds them."""
    a, b = BODY_PARTS_KPT_IDS[limb]
    if limb == 0:
        people.clear()
    for id_a, id_b, score in zip(ids_a, ids_b, scores, strict=True):
        if limb in _CLOSING:
            for person in people:
                if person[a] == id_a and person[b] == -1:
                    person[b] = id_b
                elif person[b] == id_b and person[a] == -1:
                    person[a] = id_a
            continue
        own = [person for person in people if person[a] == id_a] if limb else []
        for person in own:
            person[b] = id_b
            person[-1] += 1
            person[-2] += float(all_keypoints[id_b, 2]) + score
        if not own:
            new = [-1.0] * size
            new[a], new[b], new[-1] = id_a, id_b, 2
            new[-2] = float(all_keypoints[id_a, 2] + all_keypoints[id_b, 2]) + score
            people.append(new)
