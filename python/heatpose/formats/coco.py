"""COCO results, as COCO's and COCO-WholeBody's evaluations read them."""

from __future__ import annotations

from typing import Any

from heatpose.formats.values import flat, score, triplets
from heatpose.formats.whose import Sides, hands_of_people, side_of
from heatpose.results import Hands, People, Person, Side
from heatpose.skeletons import COCO17, WHOLEBODY133
from heatpose.skeletons.wholebody import BODY, FACE, FEET, LEFT_HAND, RIGHT_HAND

_WHOLEBODY_PARTS = {
    "keypoints": BODY,
    "foot_kpts": FEET,
    "face_kpts": FACE,
    "lefthand_kpts": LEFT_HAND,
    "righthand_kpts": RIGHT_HAND,
}
_HAND_PARTS: dict[Side, str] = {"left": "lefthand_kpts", "right": "righthand_kpts"}


def to_coco(
    result: People | Hands, *, image_id: int | str, category_id: int = 1
) -> list[dict[str, Any]]:
    """COCO results: one entry per person, for COCO's keypoint evaluation.

    ``keypoints`` are COCO's 17 in COCO's order wherever the skeleton has them all by name (the neck
    of COCO-18 and the feet of BODY_25 are left out); ``wholebody133`` adds COCO-WholeBody's
    ``foot_kpts``, ``face_kpts``, ``lefthand_kpts`` and ``righthand_kpts``; any other skeleton
    gives its keypoints in its own order. Each is x, y, score, and 0, 0, 0 where missing: the
    evaluation does not read the third number, and a score says more than a flag.

    ``Hands`` of people are their person's ``lefthand_kpts`` and ``righthand_kpts``, in place of a
    whole body's own, zeros where there is none. A hand of nobody, or of a person with a better hand
    of that side, has an entry of its own with the hand's score and a body of zeros; one of unknown
    side counts as right. ``Hands`` without people give one entry per hand, best first, whose
    ``keypoints`` are the hand's. Hands without a keypoint are left out, and so are boxes.

    Args:
        result: The people or the hands of one photo.
        image_id: The photo's id in the annotation file.
        category_id: 1 is COCO's person.
    """
    start = {"image_id": image_id, "category_id": category_id}
    if isinstance(result, Hands) and result.people is not None:
        entries = _people_with_hands(result, result.people)
    else:
        people = result.as_people() if isinstance(result, Hands) else result
        entries = [_person_entry(person) for person in people]
    return [start | entry for entry in entries]


def _people_with_hands(hands: Hands, people: People) -> list[dict[str, Any]]:
    sides, rest = hands_of_people(hands)
    entries = [
        _person_entry(person) | _hand_parts(own, hands)
        for person, own in zip(people, sides, strict=True)
    ]
    nobody = {part: [0.0] * 3 * len(picks) for part, picks in _picks(people).items()}
    entries += [
        nobody | _hand_parts({side_of(hand): hand}, hands) | {"score": score(hand.score)}
        for hand in rest
    ]
    return entries


def _person_entry(person: Person) -> dict[str, Any]:
    points = triplets(person)
    parts = {part: flat([points[k] for k in picks]) for part, picks in _picks(person).items()}
    return parts | {"score": score(person.score)}


def _picks(people: People | Person) -> dict[str, list[int]]:
    """The keypoints of each part of an entry."""
    names = people.skeleton.keypoints
    everything = list(range(len(names)))
    if names == WHOLEBODY133.keypoints:
        return {part: everything[place] for part, place in _WHOLEBODY_PARTS.items()}
    if set(COCO17.keypoints) <= set(names):
        return {"keypoints": [names.index(name) for name in COCO17.keypoints]}
    return {"keypoints": everything}


def _hand_parts(own: Sides, hands: Hands) -> dict[str, list[float]]:
    """Both hands of a person, zeros for a missing one."""
    nothing = [0.0] * 3 * hands.skeleton.num_keypoints
    return {
        part: flat(triplets(own[side])) if side in own else nothing
        for side, part in _HAND_PARTS.items()
    }
