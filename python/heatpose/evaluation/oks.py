"""Object keypoint similarity (OKS), and what published top-down programs do with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heatpose.results import People

Floats = NDArray[np.float64]

# What COCO's evaluation adds to an area, so that one of 0 divides nothing by 0.
_TINY = float(np.spacing(1))


def oks(
    predicted: ArrayLike,
    truth: ArrayLike,
    labelled: ArrayLike,
    areas: ArrayLike,
    *,
    sigmas: Sequence[float],
    boxes: ArrayLike | None = None,
) -> Floats:
    """How similar predicted people are to annotated ones, as COCO counts it.

    The mean, over the labelled keypoints, of ``exp(-d^2 / (2 area (2 sigma)^2))`` of the distance
    ``d``. A missing keypoint has similarity 0.

    Args:
        predicted: [D, K, 2], (x, y) in pixels, NaN where missing.
        truth: [G, K, 2], (x, y) in pixels; what stands where nothing is labelled does not matter.
        labelled: Bool [G, K].
        areas: [G], square pixels that each annotated person covers.
        sigmas: K of the annotators' spreads, see ``Skeleton.oks_sigmas``.
        boxes: [G, 4], (x1, y1, x2, y2). Needed for people without a labelled keypoint: to those a
            prediction is similar whose keypoints lie in their box, made longer by its own size on
            every side. Without boxes nobody is similar to them.

    Returns:
        float64 [D, G], 0 to 1.

    Raises:
        ValueError: shapes that do not fit together, or an area below 0.

    Source: Lin et al., COCO, https://cocodataset.org/#keypoints-eval
    """
    found = _points("predicted", predicted, len(sigmas))
    true = _points("truth", truth, len(sigmas))
    known = _fitting("labelled", labelled, true.shape[:2]).astype(bool)
    area = _fitting("areas", areas, true.shape[:1]).astype(np.float64)
    if not (area >= 0).all():
        raise ValueError(f"areas must be 0 or more square pixels, got {area.min():g}")
    squares = ((found[:, None] - np.where(known[..., None], true, 0)) ** 2).sum(axis=-1)
    similar = _similarity(squares, sigmas, area[None, :, None])
    count = known.sum(axis=1)
    answer: Floats = np.where(known, similar, 0).sum(axis=-1) / np.maximum(count, 1)
    if boxes is not None and not count.all():
        corners = _fitting("boxes", boxes, (len(true), 4)).astype(np.float64)
        low, high = corners[:, None, :2], corners[:, None, 2:]
        size = high - low
        outside = np.maximum(low - size - found[:, None], 0)
        outside += np.maximum(found[:, None] - high - size, 0)
        near = _similarity((outside**2).sum(axis=-1), sigmas, area[None, :, None]).mean(axis=-1)
        answer = np.where(count > 0, answer, near)
    return answer


def oks_nms(
    people: People, areas: ArrayLike, *, threshold: float = 0.9, sigmas: Sequence[float] = ()
) -> People:
    """Leave out people who are nearly the same as a better one.

    From the best person down, everybody whose OKS with a kept person is above the threshold goes.
    The area of a pair is the mean of both, and a keypoint that one of them lacks has similarity 0.

    Args:
        people: The people of one photo.
        areas: [P], square pixels of each person's box. Published top-down programs take the crop
            that the network saw, its margin included.
        threshold: OKS above which two people are the same, 0.9 in published programs.
        sigmas: K spreads; default the skeleton's.

    Raises:
        ValueError: areas of another length or below 0, or no sigmas.

    Source: Papandreou et al., "Towards Accurate Multi-person Pose Estimation in the Wild",
    CVPR 2017; the threshold and the areas: Sun et al., HRNet, CVPR 2019.
    """
    spreads = sigmas_of(people, sigmas)
    area = _fitting("areas", areas, (len(people),)).astype(np.float64)
    if not (area >= 0).all():
        raise ValueError(f"areas must be 0 or more square pixels, got {area.min():g}")
    points = people.keypoints.astype(np.float64)
    keep = np.ones(len(people), bool)
    for best in range(len(people)):
        if not keep[best]:
            continue
        rest = best + 1 + np.flatnonzero(keep[best + 1 :])
        squares = ((points[rest] - points[best]) ** 2).sum(axis=-1)
        similar = _similarity(squares, spreads, (area[rest, None] + area[best]) / 2)
        either = people.visible[rest] | people.visible[best]
        same = similar.sum(axis=1) / np.maximum(either.sum(axis=1), 1)
        keep[rest[same > threshold]] = False
    return people[keep]


def rescore(people: People, box_scores: ArrayLike, *, threshold: float = 0.2) -> People:
    """Score people found in boxes: box score times the mean of the good keypoints' scores.

    Args:
        people: The people of one photo, in the order in which ``box_scores`` are.
        box_scores: [P], the scores of the boxes that people were found in.
        threshold: Score above which a keypoint counts, 0.2 in published programs. A person of none
            scores 0.

    Returns:
        The same people, best first by their new scores.

    Raises:
        ValueError: box_scores of another length, or not finite.

    Source: Xiao et al., "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018.
    """
    boxes = _fitting("box_scores", box_scores, (len(people),)).astype(np.float64)
    if not np.isfinite(boxes).all():
        raise ValueError("box_scores must be finite")
    good = people.scores > threshold
    sums = np.where(good, people.scores, 0).sum(axis=1, dtype=np.float64)
    scores = (boxes * sums / np.maximum(good.sum(axis=1), 1)).astype(np.float32)
    order = np.argsort(-scores, kind="stable")
    return People(
        people.keypoints[order],
        people.scores[order],
        scores[order],
        people.skeleton,
        people.canvas,
    )


def sigmas_of(people: People, sigmas: Sequence[float]) -> Sequence[float]:
    """The sigmas given, or the skeleton's; ValueError where there are none, or too few."""
    skeleton = people.skeleton
    found = sigmas if len(sigmas) else skeleton.oks_sigmas
    if not len(found):
        raise ValueError(f"{skeleton.name} has no oks_sigmas; OKS needs {skeleton.num_keypoints}")
    if len(found) != skeleton.num_keypoints:
        raise ValueError(f"sigmas must be {skeleton.num_keypoints} numbers, got {len(found)}")
    return found


def _similarity(squares: Any, sigmas: Sequence[float], area: Any) -> Floats:
    """Of squared distances [..., K]; 0 for NaN."""
    variances = (2 * np.asarray(sigmas, np.float64)) ** 2
    similar = np.exp(-squares / variances / (area + _TINY) / 2)
    answer: Floats = np.nan_to_num(similar, nan=0.0)
    return answer


def _points(name: str, points: ArrayLike, count: int) -> Floats:
    array = np.asarray(points, np.float64)
    if array.ndim != 3 or array.shape[1:] != (count, 2):
        raise ValueError(f"{name} must be [people, {count}, 2], got {list(array.shape)}")
    return array


def _fitting(name: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
    array = np.asarray(values)
    if array.shape != shape:
        raise ValueError(f"{name} must be {list(shape)}, got {list(array.shape)}")
    return array
