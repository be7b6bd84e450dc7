"""Which hand is whose, for formats with one place per side of a person."""

from __future__ import annotations

from heatpose.results import Hand, Hands, Side

Sides = dict[Side, Hand]


def hands_of_people(hands: Hands) -> tuple[list[Sides], list[Hand]]:
    """Give each of ``hands.people`` its hands.

    A hand of unknown side counts as a right one. Of hands that want the same place, one whose side
    is known comes before one of unknown side, and then the better score decides.

    Returns:
        The hands of each person, and, best first, the hands that are left over: nobody's, and those
        whose place was taken. Hands without a keypoint are in neither.
    """
    people: list[Sides] = [{} for _ in hands.people or ()]
    rest = []
    found = [hand for hand in hands if hand.visible.any()]
    for hand in sorted(found, key=lambda hand: (hand.side is None, -hand.score)):
        if people and hand.person >= 0 and side_of(hand) not in people[hand.person]:
            people[hand.person][side_of(hand)] = hand
        else:
            rest.append(hand)
    return people, sorted(rest, key=lambda hand: -hand.score)


def side_of(hand: Hand) -> Side:
    """The hand's side, right where it is not known: formats have no third place."""
    return hand.side or "right"
