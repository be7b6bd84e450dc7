"""PCK, AUC, EPE and NME of a whole data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heatpose.evaluation.distances import (
    HEAD,
    TORSO,
    Floats,
    auc,
    epe,
    longer_sides,
    missing_share,
    nme,
    pck,
    reference_sizes,
)
from heatpose.evaluation.ground_truth import ImageId, samples_of
from heatpose.evaluation.keypoint_report import KeypointReport
from heatpose.evaluation.predicted import check_images, people_of
from heatpose.results import Hands, People
from heatpose.skeletons import Skeleton

if TYPE_CHECKING:
    from heatpose.datasets.samples import Sample

Size = Literal["box", "torso", "head"]
SIZES: tuple[Size, ...] = get_args(Size)


@dataclass(frozen=True, eq=False)
class KeypointTruth:
    """Everybody with a labelled keypoint, as arrays: N people or hands, in the samples' order.

    Attributes:
        image_ids: N, the photo of each.
        keypoints: float64 [N, K, 2], (x, y) in pixels, NaN where not labelled.
        labelled: Bool [N, K].
        boxes: float64 [N, 4], (x1, y1, x2, y2), cut to the photo where its size is known; NaN where
            there is none.
        head_sizes: float64 [N] pixels, ``extra["head_size"]``; NaN where there is none.
        images: How many photos there are, with those of nobody.
    """

    image_ids: tuple[ImageId, ...]
    keypoints: Floats
    labelled: NDArray[np.bool_]
    boxes: Floats
    head_sizes: Floats
    images: tuple[ImageId, ...]

    def __len__(self) -> int:
        return len(self.image_ids)


def true_keypoints(samples: Iterable[Sample], skeleton: Skeleton) -> KeypointTruth:
    """The annotations of samples as arrays; crowds, and people without keypoints, left out.

    Raises:
        TypeError: not samples.
        ValueError: annotations of another skeleton, or an image twice.
    """
    ids, points, boxes, heads = [], [], [], []
    everything = samples_of(samples, skeleton)
    for sample in everything:
        for annotation in sample.annotations:
            known = np.asarray(annotation.visibility) > 0
            if annotation.crowd or not known.any():
                continue
            ids.append(sample.image_id)
            points.append(np.where(known[:, None], annotation.keypoints, np.nan))
            boxes.append(_box(annotation.box, sample.size))
            heads.append(float(annotation.extra.get("head_size") or np.nan))
    keypoints = np.asarray(points, np.float64).reshape(-1, skeleton.num_keypoints, 2)
    return KeypointTruth(
        tuple(ids),
        keypoints,
        ~np.isnan(keypoints[..., 0]),
        np.asarray(boxes, np.float64).reshape(-1, 4),
        np.asarray(heads, np.float64),
        tuple(sample.image_id for sample in everything),
    )


def evaluate_keypoints(
    predictions: Mapping[Any, People | Hands] | ArrayLike,
    annotations: KeypointTruth | Iterable[Sample],
    skeleton: Skeleton,
    *,
    size: Size = "box",
    thresholds: Sequence[float] = (0.05, 0.1, 0.2, 0.5),
    auc_size: float = 30.0,
) -> KeypointReport:
    """Judge keypoints by their distance from the annotated ones.

    Args:
        predictions: ``People`` or ``Hands`` by image id: each annotated person is compared with the
            one that is nearest, see ``match_people``, so that people whom nobody annotated do not
            count against the network. A photo that is not there has nobody. Or an array [N, K, 2],
            (x, y) in pixels, NaN where missing, in the order of ``true_keypoints(annotations)``.
        annotations: Samples of a dataset, or what ``true_keypoints`` made of them.
        skeleton: Of the annotations. Predictions may have more keypoints, matched by name.
        size: What distances are measured by: ``"box"``, the longer side of the annotated box, cut
            to the photo; ``"torso"``, see ``TORSO``; ``"head"``, the annotated ``head_size`` or, of
            skeletons that have both, from head top to neck.
        thresholds: Shares of the size for PCK.
        auc_size: End of the AUC's curve in pixels.

    Raises:
        TypeError: predictions or annotations of another type.
        ValueError: another skeleton, an unknown image, predictions of no photo at all, an array of
            another shape, or an unknown size.
    """
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(SIZES)}, got {size!r}")
    if not isinstance(annotations, KeypointTruth):
        annotations = true_keypoints(annotations, skeleton)
    truth = annotations
    if isinstance(predictions, Mapping):
        found = _matched(predictions, truth, skeleton)
    else:
        found = np.asarray(predictions, np.float64)
    measures = _sizes(truth, skeleton, size)
    points, known = truth.keypoints, truth.labelled
    return KeypointReport(
        skeleton,
        images=len(truth.images),
        people=len(truth),
        judged=int((measures > 0).sum()),
        size=size,
        pck=tuple(pck(found, points, known, measures, threshold) for threshold in thresholds),
        auc=auc(found, points, known, size=auc_size),
        auc_size=auc_size,
        epe=epe(found, points, known),
        nme=nme(found, points, known, measures),
        missing=missing_share(found, known),
    )


def match_people(
    found: ArrayLike, truth: ArrayLike, labelled: ArrayLike, sizes: ArrayLike
) -> NDArray[np.int64]:
    """Which found person is which annotated one of a photo.

    Nearest pairs first, each person in one pair. Near is the mean, over the labelled keypoints, of
    1 at distance 0, falling to 0 at the person's size and for a missing keypoint.

    Args:
        found: [D, K, 2], NaN where missing.
        truth: [G, K, 2].
        labelled: Bool [G, K].
        sizes: [G] pixels, the longer side of each annotated person; at least 1.

    Returns:
        int64 [G], rows of ``found``, -1 for those whom nobody is near.
    """
    guesses, points = np.asarray(found, np.float64), np.asarray(truth, np.float64)
    known = np.asarray(labelled, bool)
    scale = np.maximum(np.asarray(sizes, np.float64), 1)
    apart = np.linalg.norm(guesses[:, None] - points[None], axis=-1) / scale[None, :, None]
    near = np.where(known, np.nan_to_num(np.maximum(1 - apart, 0), nan=0.0), 0).sum(axis=-1)
    near /= np.maximum(known.sum(axis=1), 1)
    answer = np.full(len(points), -1, np.int64)
    taken = np.zeros(len(guesses), bool)
    for pair in np.argsort(-near, axis=None, kind="stable"):
        guess, person = divmod(int(pair), len(points))
        if near[guess, person] > 0 and answer[person] < 0 and not taken[guess]:
            answer[person], taken[guess] = guess, True
    return answer


def _matched(
    predictions: Mapping[Any, People | Hands], truth: KeypointTruth, skeleton: Skeleton
) -> Floats:
    """[N, K, 2] of the nearest people, NaN for those who were not found."""
    if not predictions:
        raise ValueError("predictions are empty: no photo was looked at")
    check_images(predictions, truth.images)
    answer = np.full(truth.keypoints.shape, np.nan)
    rows: dict[ImageId, list[int]] = {}
    for row, image_id in enumerate(truth.image_ids):
        rows.setdefault(image_id, []).append(row)
    for image_id, result in predictions.items():
        people = people_of(result, skeleton, image_id)
        own = rows.get(image_id, [])
        if not own or not len(people):
            continue
        points, known = truth.keypoints[own], truth.labelled[own]
        low = np.where(known[..., None], points, np.inf).min(axis=1)
        high = np.where(known[..., None], points, -np.inf).max(axis=1)
        sizes = np.fmax((high - low).max(axis=1), longer_sides(truth.boxes[own]))
        picks = match_people(people.keypoints, points, known, sizes)
        for row, pick in zip(own, picks.tolist(), strict=True):
            if pick >= 0:
                answer[row] = people.keypoints[pick]
    return answer


def _sizes(truth: KeypointTruth, skeleton: Skeleton, size: Size) -> Floats:
    if size == "box":
        return longer_sides(truth.boxes)
    if size == "torso":
        return reference_sizes(truth.keypoints, truth.labelled, skeleton, TORSO)
    if set(HEAD[0]) <= set(skeleton.keypoints):
        between = reference_sizes(truth.keypoints, truth.labelled, skeleton, HEAD)
        return np.where(np.isnan(truth.head_sizes), between, truth.head_sizes)
    return truth.head_sizes


def _box(box: NDArray[np.float32] | None, size: tuple[int, int] | None) -> list[float]:
    if box is None:
        return [np.nan] * 4
    corners = np.asarray(box, np.float64)
    if size is not None:
        # The last pixel's centre, as mmpose cuts its boxes.
        corners = np.clip(corners, 0, np.array([size[1] - 1, size[0] - 1] * 2, np.float64))
    return [float(value) for value in corners]
