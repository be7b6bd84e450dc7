"""Where COCO's files keep the keypoints of a skeleton, and what is judged by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from heatpose.skeletons import AIC14, WHOLEBODY133, Skeleton
from heatpose.skeletons.wholebody import BODY, FACE, FEET, LEFT_HAND, RIGHT_HAND

Kind = Literal["coco", "wholebody", "aic"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Judged:
    """A run of keypoints that gets numbers of its own.

    Attributes:
        name: What the report calls it.
        place: Its keypoints in the skeleton.
        score: Field of a result that holds the score of this part; the person's where it is absent.
    """

    name: str
    place: slice
    score: str = "score"


_WHOLEBODY_FIELDS = {
    "keypoints": BODY,
    "foot_kpts": FEET,
    "face_kpts": FACE,
    "lefthand_kpts": LEFT_HAND,
    "righthand_kpts": RIGHT_HAND,
}
_WHOLEBODY = (
    Judged("body", BODY),
    Judged("feet", FEET, "foot_score"),
    Judged("face", FACE, "face_score"),
    Judged("left_hand", LEFT_HAND, "lefthand_score"),
    Judged("right_hand", RIGHT_HAND, "righthand_score"),
    Judged("whole", slice(0, WHOLEBODY133.num_keypoints), "wholebody_score"),
)
SCORE_FIELDS = ("score", *(part.score for part in _WHOLEBODY[1:]))


def fields_of(skeleton: Skeleton) -> dict[str, slice]:
    """The fields of an annotation or a result, and which keypoints each holds."""
    if skeleton.keypoints == WHOLEBODY133.keypoints:
        return _WHOLEBODY_FIELDS
    return {"keypoints": slice(0, skeleton.num_keypoints)}


def kind_of(skeleton: Skeleton) -> Kind:
    """The kind of evaluation that a skeleton's own data set has."""
    if skeleton.keypoints == WHOLEBODY133.keypoints:
        return "wholebody"
    return "aic" if skeleton.keypoints == AIC14.keypoints else "coco"


def judged_parts(skeleton: Skeleton, kind: Kind) -> tuple[Judged, ...]:
    """What is judged by itself; the last one is the one that reports quote."""
    if kind == "wholebody":
        return _WHOLEBODY
    return (Judged("keypoints", slice(0, skeleton.num_keypoints)),)


def normal_names(names: Iterable[object]) -> list[str]:
    """Names as skeletons write them: ``Head top`` is ``head_top``."""
    return [str(name).strip().lower().replace(" ", "_").replace("-", "_") for name in names]
