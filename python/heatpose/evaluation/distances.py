"""Accuracy by distance in the photo: PCK, AUC, EPE, NME, and what distances are measured by.

All take predicted and annotated points [N, K, 2] of N people or hands, row by row the same ones.
A keypoint that is labelled but was not found (NaN) is wrong for PCK and AUC; it has no distance, so
EPE and NME are of the keypoints found, and ``missing_share`` says how many are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heatpose.skeletons import Skeleton

Floats = NDArray[np.float64]
NamePairs = Sequence[tuple[str, str]]

TORSO: NamePairs = (("left_shoulder", "right_hip"), ("right_shoulder", "left_hip"))
"""The diagonals of a torso, for ``reference_sizes``."""
HEAD: NamePairs = (("head_top", "neck"),)
"""The height of a head, for ``reference_sizes``."""


@dataclass(frozen=True, eq=False)
class Pck:
    """Percentage of correct keypoints, as shares from 0 to 1.

    Attributes:
        threshold: The distance that counts as right must be below this share of the size.
        mean: Mean over the keypoints of the skeleton that are labelled anywhere, as mmpose has it;
            NaN where nothing is labelled.
        pooled: Right ones among all labelled keypoints.
        per_keypoint: float64 [K], NaN where a keypoint is labelled nowhere.
        counts: int64 [K], how often each is labelled.
    """

    threshold: float
    mean: float
    pooled: float
    per_keypoint: Floats
    counts: NDArray[np.int64]


def pck(
    predicted: ArrayLike,
    truth: ArrayLike,
    labelled: ArrayLike,
    sizes: ArrayLike,
    threshold: float = 0.2,
) -> Pck:
    """Percentage of correct keypoints: nearer than a share of the person's size.

    Args:
        predicted: [N, K, 2], (x, y) in pixels, NaN where missing: wrong.
        truth: [N, K, 2], (x, y) in pixels.
        labelled: Bool [N, K].
        sizes: [N] or one number, pixels that distances are measured by: the longer side of the box
            (``longer_sides``), a torso (``reference_sizes``), a head. People whose size is NaN or
            not above 0 are left out.
        threshold: Share of the size; a distance of exactly this is wrong.

    Raises:
        ValueError: shapes that do not fit together, infinite points, or labelled points without a
            place.

    Source: Yang and Ramanan, "Articulated Human Detection with Flexible Mixtures of Parts", 2013;
    the mean over keypoints is mmpose's.
    """
    apart, known = _distances(predicted, truth, labelled, sizes)
    return _pck(apart, known, threshold)


def auc(
    predicted: ArrayLike,
    truth: ArrayLike,
    labelled: ArrayLike,
    *,
    size: float = 30.0,
    steps: int = 20,
) -> float:
    """Area under the curve of PCK over distances from 0 to ``size`` pixels, 0 to 1.

    Args:
        predicted: [N, K, 2], NaN where missing: wrong.
        truth: [N, K, 2].
        labelled: Bool [N, K].
        size: Pixels, the end of the curve.
        steps: Thresholds 0, 1/steps, ..., of ``size``; the end itself is none of them.

    Returns:
        The mean of the ``mean`` of ``pck``; NaN where nothing is labelled.

    Raises:
        ValueError: as ``pck``, or size or steps not above 0.
    """
    if not size > 0 or steps < 1:
        raise ValueError(f"size and steps must be above 0, got {size} and {steps}")
    apart, known = _distances(predicted, truth, labelled, size)
    return float(np.mean([_pck(apart, known, step / steps).mean for step in range(steps)]))


def epe(predicted: ArrayLike, truth: ArrayLike, labelled: ArrayLike) -> float:
    """End point error: mean distance in pixels of the labelled keypoints that were found.

    Args:
        predicted: [N, K, 2], NaN where missing: left out.
        truth: [N, K, 2].
        labelled: Bool [N, K].

    Returns:
        Pixels; NaN where there is no such keypoint.

    Raises:
        ValueError: as ``pck``.
    """
    return nme(predicted, truth, labelled, 1.0)


def nme(predicted: ArrayLike, truth: ArrayLike, labelled: ArrayLike, sizes: ArrayLike) -> float:
    """Normalised mean error: as ``epe``, in shares of each person's size; see ``pck``."""
    apart, known = _distances(predicted, truth, labelled, sizes)
    found = apart[known & np.isfinite(apart)]
    return float(found.mean()) if found.size else float("nan")


def missing_share(predicted: ArrayLike, labelled: ArrayLike) -> float:
    """Share of the labelled keypoints that were not found; NaN where nothing is labelled."""
    points = np.asarray(predicted, np.float64)
    missing = np.asarray(np.isnan(points).any(axis=-1))
    known = np.asarray(labelled, bool)
    if missing.shape != known.shape:
        raise ValueError(f"labelled must be {list(missing.shape)}, got {list(known.shape)}")
    return float(missing[known].mean()) if known.any() else float("nan")


def longer_sides(boxes: ArrayLike) -> Floats:
    """float64 [N] pixels, the longer sides of boxes [N, 4] (x1, y1, x2, y2)."""
    corners = np.asarray(boxes, np.float64)
    if corners.ndim != 2 or corners.shape[1] != 4:
        raise ValueError(f"boxes must be [N, 4], got {list(corners.shape)}")
    return np.maximum(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])


def reference_sizes(
    truth: ArrayLike, labelled: ArrayLike, skeleton: Skeleton, pairs: NamePairs = TORSO
) -> Floats:
    """The distance between two annotated keypoints, by which others are judged.

    Args:
        truth: [N, K, 2].
        labelled: Bool [N, K].
        skeleton: Of the K keypoints.
        pairs: Names. The first pair with both ends labelled counts. ``TORSO`` is LSP's custom, left
            shoulder to right hip, or else the other diagonal; ``HEAD`` is head top to neck.

    Returns:
        float64 [N] pixels, NaN where no pair is labelled.

    Raises:
        ValueError: the skeleton lacks a keypoint, or shapes that do not fit.
    """
    points, known = _true_points(truth, labelled)
    if points.shape[1] != skeleton.num_keypoints:
        raise ValueError(
            f"truth must have the {skeleton.num_keypoints} keypoints of {skeleton.name}, "
            f"got {points.shape[1]}"
        )
    sizes = np.full(len(points), np.nan)
    for first, second in pairs:
        a, b = skeleton.index(first), skeleton.index(second)
        length = np.linalg.norm(points[:, a] - points[:, b], axis=-1)
        fits = np.isnan(sizes) & known[:, a] & known[:, b]
        sizes[fits] = length[fits]
    return sizes


def _pck(apart: Floats, known: NDArray[np.bool_], threshold: float) -> Pck:
    counts = known.sum(axis=0)
    right = (known & (apart < threshold)).sum(axis=0)
    shares = np.where(counts > 0, right / np.maximum(counts, 1), np.nan)
    labelled = counts > 0
    if not labelled.any():
        return Pck(threshold, float("nan"), float("nan"), shares, counts)
    pooled = float(right.sum() / counts.sum())
    return Pck(threshold, float(shares[labelled].mean()), pooled, shares, counts)


def _distances(
    predicted: ArrayLike, truth: ArrayLike, labelled: ArrayLike, sizes: ArrayLike
) -> tuple[Floats, NDArray[np.bool_]]:
    """[N, K] distances in shares of the sizes, infinite where missing, and which count."""
    points, known = _true_points(truth, labelled)
    found = np.asarray(predicted, np.float64)
    if found.shape != points.shape:
        raise ValueError(
            f"predicted must be as truth, {list(points.shape)}, got {list(found.shape)}"
        )
    if np.isinf(found).any():
        raise ValueError("predicted must be finite, or NaN where missing")
    scale = np.asarray(sizes, np.float64)
    if scale.shape not in ((), (len(points),)):
        raise ValueError(f"sizes must be one number or [{len(points)}], got {list(scale.shape)}")
    scale = np.broadcast_to(scale, len(points))
    usable = np.isfinite(scale) & (scale > 0)
    apart = np.linalg.norm(found - points, axis=-1) / np.where(usable, scale, 1)[:, None]
    return np.where(np.isnan(apart), np.inf, apart), known & usable[:, None]


def _true_points(truth: ArrayLike, labelled: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    points = np.asarray(truth, np.float64)
    if points.ndim != 3 or points.shape[2] != 2:
        raise ValueError(f"truth must be [N, K, 2], got {list(points.shape)}")
    known = np.asarray(labelled).astype(bool)
    if known.shape != points.shape[:2]:
        raise ValueError(f"labelled must be {list(points.shape[:2])}, got {list(known.shape)}")
    if not np.isfinite(points[known]).all():
        raise ValueError("truth must be finite wherever it is labelled")
    return np.where(known[..., None], points, 0), known
