"""Heatpose's own JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, overload

import numpy as np

from heatpose.formats.rows import best_first, people_of_rows, rows_of_points, split_points
from heatpose.formats.values import pixels, points, score
from heatpose.results import Hands, People
from heatpose.skeletons import BY_NAME, Skeleton

VERSION = 1

Result = TypeVar("Result", People, Hands)


def to_heatpose(result: People | Hands) -> dict[str, Any]:
    """Give heatpose's own document.

    That of people holds the format's version, the skeleton's name and keypoint names, the canvas
    and ``people``; a person is ``{"score": s, "box": [x1, y1, x2, y2], "keypoints": [[x, y, score],
    null, ...]}``, with null for a missing keypoint, and for the box of a person without any.

    That of hands holds ``hand_skeleton``, ``hand_keypoint_names`` and ``hands`` as well; a hand is
    ``{"side": "left", "person": 0, "score": s, "box": [x1, y1, x2, y2], "keypoints": [...]}``, with
    null for a side that is not known and for nobody, ``person`` an index of ``people``, and the box
    what the network looked at. Of hands without people, ``skeleton``, ``keypoint_names`` and
    ``people`` are left out: that nobody was looked for is not that nobody was there.
    """
    height, width = result.canvas
    people = result.people if isinstance(result, Hands) else result
    document: dict[str, Any] = {"format": "heatpose", "version": VERSION}
    if people is not None:
        document["skeleton"] = people.skeleton.name
        document["keypoint_names"] = list(people.skeleton.keypoints)
    document["canvas"] = {"height": height, "width": width}
    if people is not None:
        document["people"] = [
            {
                "score": score(person.score),
                "box": pixels(person.box) if person.visible.any() else None,
                "keypoints": points(person),
            }
            for person in people
        ]
    if isinstance(result, Hands):
        document["hand_skeleton"] = result.skeleton.name
        document["hand_keypoint_names"] = list(result.skeleton.keypoints)
        document["hands"] = [
            {
                "side": hand.side,
                "person": hand.person if hand.person >= 0 else None,
                "score": score(hand.score),
                "box": pixels(hand.box),
                "keypoints": points(hand),
            }
            for hand in result
        ]
    return document


@overload
def from_heatpose(
    document: Mapping[str, Any],
    kind: None = None,
    *,
    skeleton: Skeleton | None = None,
    hand_skeleton: Skeleton | None = None,
) -> People | Hands: ...


@overload
def from_heatpose(
    document: Mapping[str, Any],
    kind: type[Result],
    *,
    skeleton: Skeleton | None = None,
    hand_skeleton: Skeleton | None = None,
) -> Result: ...


def from_heatpose(
    document: Mapping[str, Any],
    kind: type[Any] | None = None,
    *,
    skeleton: Skeleton | None = None,
    hand_skeleton: Skeleton | None = None,
) -> People | Hands:
    """People or hands of heatpose's own document.

    Args:
        document: What ``to_heatpose`` gave, or the parsed file.
        kind: ``People`` or ``Hands``, where the program expects one of them. None takes both.
        skeleton: The people's; needed when it is none of ``heatpose.skeletons``.
        hand_skeleton: The hands'; needed when it is none of ``heatpose.skeletons``.

    Returns:
        Hands of a document with hands, with their people if it has some; People of any other.

    Raises:
        TypeError: kind is something else.
        ValueError: not such a document, a newer version, another skeleton, or not of that kind.
    """
    if kind not in (None, People, Hands):
        raise TypeError(f"kind must be People, Hands or None, got {kind!r}")
    if not isinstance(document, Mapping) or document.get("format") != "heatpose":
        raise ValueError('document must be heatpose JSON, with "format": "heatpose"')
    if document.get("version") != VERSION:
        raise ValueError(f"document must be of version {VERSION}, got {document.get('version')}")
    if kind is not None and kind is not (Hands if "hands" in document else People):
        other = "hands" if "hands" in document else "people and no hands"
        raise ValueError(f"document must be of {kind.__name__}, but it holds {other}")
    try:
        if "hands" not in document:
            return _people(document, skeleton)
        people = _people(document, skeleton) if "people" in document else None
        return _hands(document, hand_skeleton, people)
    except KeyError as error:
        raise ValueError(f"document must have {error}, which is missing") from None
    except (TypeError, OverflowError) as error:  # a value of another type, wherever it lies
        raise ValueError(f"document must be as heatpose writes it: {error}") from error


def _people(document: Mapping[str, Any], skeleton: Skeleton | None) -> People:
    skeleton = _skeleton(document, skeleton, "", "skeleton")
    rows = [person["keypoints"] for person in document["people"]]
    found = rows_of_points("person", rows, skeleton.num_keypoints)
    return people_of_rows(found, _scores(document["people"]), skeleton, _canvas(document))


def _hands(document: Mapping[str, Any], skeleton: Skeleton | None, people: People | None) -> Hands:
    skeleton = _skeleton(document, skeleton, "hand_", "hand_skeleton")
    hands = document["hands"]
    rows = [hand["keypoints"] for hand in hands]
    keypoints, scores = split_points(rows_of_points("hand", rows, skeleton.num_keypoints))
    persons = [-1 if hand["person"] is None else hand["person"] for hand in hands]
    if people is not None:
        # A file may hold its people in any order, and People are best first.
        places = np.argsort(best_first(_scores(document["people"]))).tolist()
        persons = [places[k] if 0 <= k < len(places) else k for k in persons]
    return Hands(
        keypoints,
        scores,
        _scores(hands),
        np.array([hand["box"] for hand in hands], np.float32).reshape(len(hands), 4),
        tuple(hand["side"] for hand in hands),
        np.array(persons),
        skeleton,
        _canvas(document),
        people,
    )


def _skeleton(
    document: Mapping[str, Any], given: Skeleton | None, prefix: str, argument: str
) -> Skeleton:
    name = document[f"{prefix}skeleton"]
    skeleton = given or BY_NAME.get(name)
    if skeleton is None:
        raise ValueError(f"document has the unknown skeleton {name!r}: pass {argument}=")
    if tuple(document[f"{prefix}keypoint_names"]) != skeleton.keypoints:
        raise ValueError(f"document's {prefix}keypoint_names are not those of {skeleton.name}")
    return skeleton


def _scores(rows: Sequence[Mapping[str, Any]]) -> Any:
    return np.array([row["score"] for row in rows], np.float32)


def _canvas(document: Mapping[str, Any]) -> tuple[int, int]:
    return document["canvas"]["height"], document["canvas"]["width"]
