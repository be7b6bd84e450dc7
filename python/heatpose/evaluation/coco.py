"""Average precision and recall by OKS: COCO, COCO-WholeBody, AI Challenger."""

from __future__ import annotations

from collections.abc import Iterable

from heatpose.evaluation.coco_report import CocoReport, OksScores
from heatpose.evaluation.coco_rows import found_rows, judge, truth_rows
from heatpose.evaluation.fields import KINDS, Kind, judged_parts, kind_of
from heatpose.evaluation.ground_truth import (
    Annotations,
    GroundTruth,
    ImageId,
    read_ground_truth,
    sorted_ids,
)
from heatpose.evaluation.predicted import FoundPerson, Predictions, read_predictions
from heatpose.skeletons import Skeleton


def evaluate_coco(
    predictions: Predictions,
    annotations: Annotations,
    skeleton: Skeleton,
    *,
    kind: Kind | None = None,
    use_area: bool | None = None,
    image_ids: Iterable[ImageId] | None = None,
) -> CocoReport:
    """Judge people by object keypoint similarity, with the numbers of COCO's own evaluation.

    The numbers are pycocotools', part after part for whole bodies: ten OKS thresholds from 0.5 to
    0.95, 101 recalls, the 20 best people of a photo. An annotated person without a labelled
    keypoint (of the part) and a crowd are neither found nor missed. Photos without predictions
    count: whoever is annotated there is missed.

    Args:
        predictions: ``People`` (or ``Hands``) by image id; or COCO results, as a list or a file. A
            missing keypoint of ``People`` is wrong wherever one is labelled. In COCO results it is
            at 0, 0 as everywhere, and NaN is missing too. People of a larger skeleton are cut down
            to the keypoints asked for, such as those of ``COCO18`` to ``COCO17``.
        annotations: The annotations as a file, as its document, or as samples of a dataset. The
            file is the official way: samples do not keep the areas of people without keypoints, nor
            which of these are crowds, that may be found many times.
        skeleton: Which keypoints are annotated; needs ``oks_sigmas``.
        kind: ``"coco"``: one set of numbers. ``"wholebody"``: one for each of body, feet, face,
            left_hand, right_hand and whole. ``"aic"``: one, with areas from boxes. The last two, as
            xtcocotools does, leave out predictions whose keypoint scores (of the part) are all 0.
            Default: the skeleton's own.
        use_area: Whether an area is the annotation's; otherwise 0.53 of its box. Default: the
            annotation's, but for ``"aic"``.
        image_ids: Photos to judge; predictions on others are left out. Default: all.

    Returns:
        The numbers, and how many photos and people they are of. -1 where nothing of the kind is
        annotated, as in COCO's evaluation.

    Raises:
        ImportError: pycocotools is not installed.
        FileNotFoundError: no such file.
        TypeError: predictions or annotations of another type.
        ValueError: a skeleton without sigmas or another than the annotations', an unknown image,
            predictions of no photo at all, an annotation without area, an unknown kind. Photos in
            which nobody was found are no error.

    Source: Lin et al., COCO; Jin et al., COCO-WholeBody, ECCV 2020; Wu et al., AI Challenger, 2017.
    """
    if not isinstance(skeleton, Skeleton):
        raise TypeError(f"skeleton must be a Skeleton, got {type(skeleton).__name__}")
    if not skeleton.oks_sigmas:
        raise ValueError(f"{skeleton.name} has no oks_sigmas, without which there is no OKS")
    kind = _checked_kind(kind, skeleton)
    use_area = kind != "aic" if use_area is None else use_area
    truth = read_ground_truth(annotations, skeleton)
    found = read_predictions(predictions, truth, skeleton)
    if image_ids is not None:
        truth, found = _only(image_ids, truth, found)
    parts = {}
    for part in judged_parts(skeleton, kind):
        rows = truth_rows(truth, part, use_area=use_area)
        guesses = found_rows(found, truth, part, drop_unscored=kind != "coco")
        people = sum(row["num_keypoints"] > 0 and not row["iscrowd"] for row in rows)
        stats = judge(rows, guesses, len(truth.image_ids), skeleton.oks_sigmas[part.place])
        parts[part.name] = OksScores(people, len(guesses), *stats)
    return CocoReport(kind, skeleton.name, len(truth.image_ids), parts)


def _checked_kind(kind: Kind | None, skeleton: Skeleton) -> Kind:
    own = kind_of(skeleton)
    if kind is None:
        return own
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if kind == "wholebody" and own != "wholebody":
        raise ValueError(
            f"kind 'wholebody' needs the keypoints of wholebody133, not {skeleton.name}"
        )
    return kind


def _only(
    image_ids: Iterable[ImageId], truth: GroundTruth, found: list[FoundPerson]
) -> tuple[GroundTruth, list[FoundPerson]]:
    wanted = set(image_ids)
    unknown = sorted_ids(wanted - set(truth.image_ids))
    if unknown:
        raise ValueError(
            f"image_ids has {len(unknown)} that are not annotated, such as {unknown[0]!r}"
        )
    if not wanted:
        raise ValueError("image_ids are empty")
    people = tuple(person for person in truth.people if person.image_id in wanted)
    rest = [person for person in found if person.image_id in wanted]
    return GroundTruth(sorted_ids(wanted), people, truth.categories), rest
