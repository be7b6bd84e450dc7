"""Drawing hands, over the people whose they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heatpose.drawing.figures import lay_out
from heatpose.drawing.labels import format_score, write_label
from heatpose.drawing.paint import paint
from heatpose.drawing.people import draw_people
from heatpose.drawing.shapes import bgr, frame, on_picture
from heatpose.drawing.style import ColorBy, Style, check_aspect, own_color
from heatpose.media import Image, check_image
from heatpose.results import Hand, Hands, People
from heatpose.skeletons.body import BODY_COLORS
from heatpose.skeletons.skeleton import Color

_SIDE_COLORS: dict[str | None, Color] = {
    "left": BODY_COLORS["left_wrist"],
    "right": BODY_COLORS["right_wrist"],
    None: BODY_COLORS["neck"],
}


def draw_hands(
    image: Image,
    hands: Hands,
    *,
    limb_width: float | None = None,
    keypoint_radius: float | None = None,
    alpha: float = 0.85,
    threshold: float = 0.0,
    scores: bool = False,
    boxes: bool = False,
    color_by: ColorBy = "limb",
) -> Image:
    """Draw hands on a copy of a photo, each finger in its colour, over ``hands.people``.

    The best hand is drawn last, on top. Points may lie outside the picture.

    Args:
        image: uint8 [H, W, 3] BGR. Not changed. Of another size than ``hands.canvas``, the hands
            are scaled to it; its aspect ratio must be the canvas's.
        hands: What to draw.
        limb_width: Width of a hand's lines in pixels. Default: grows with the hand.
        keypoint_radius: Radius of a hand's keypoint in pixels, 0 for none. Default: grows with the
            hand.
        alpha: Opacity of hands and people, 0..1.
        threshold: Keypoints that score less are not drawn, nor are their limbs.
        scores: Whether to write the score of each hand, and of each person.
        boxes: Whether to draw the boxes of the hands, and to write which hand it is; also of those
            in which none was found. Left is green and right is orange, as the wrists of a body are.
        color_by: ``"limb"`` takes the colours of the fingers, ``"person"`` one colour per person,
            for the person's hands too.

    Returns:
        uint8 [H, W, 3] BGR.

    Raises:
        TypeError: image is not a uint8 array, or hands are not ``Hands``.
        ValueError: image of another shape or aspect ratio, or a setting out of range.
    """
    check_image(image)
    if not isinstance(hands, Hands):
        raise TypeError(f"hands must be Hands, got {type(hands).__name__}")
    check_aspect(image, hands.canvas, "the hands'")
    style = Style(limb_width, keypoint_radius, alpha, threshold, color_by)
    picture = np.array(image, order="C")
    people = _people_below(hands)
    if people is not None:
        picture = draw_people(
            image, people, alpha=alpha, threshold=threshold, scores=scores, color_by=color_by
        )
    persons = 0 if people is None else len(people)
    for row in np.argsort(hands.hand_scores, kind="stable").tolist():
        hand = hands[row]
        own = own_color(hand.person if hand.person >= 0 else persons + row)
        _draw_hand(picture, hand, own, style, scores=scores, boxes=boxes)
    return picture


def _people_below(hands: Hands) -> People | None:
    """The people, without those hands of whole bodies that ``hands`` found again."""
    if hands.people is None:
        return None
    people = hands.people
    keypoints, scores = people.keypoints.copy(), people.scores.copy()
    parts = [name for name, _ in people.skeleton.parts]
    for hand in hands:
        name = f"{hand.side}_hand"
        if hand.person >= 0 and name in parts and hand.visible.any():
            keypoints[hand.person, people.skeleton.part(name)] = np.nan
            scores[hand.person, people.skeleton.part(name)] = 0
    return replace(people, keypoints=keypoints, scores=scores)


def _draw_hand(
    picture: Image, hand: Hand, own: Color, style: Style, *, scores: bool, boxes: bool
) -> None:
    points = on_picture(hand.keypoints, hand.canvas, picture)
    shown = hand.visible & (hand.scores >= style.threshold)
    if shown.any():
        figures = lay_out(hand.skeleton, points, shown, style)
        paint(picture, figures, style.colored(hand.skeleton, own), style.alpha)
    color = bgr(own if style.color_by == "person" else _SIDE_COLORS[hand.side])
    box = on_picture(hand.box.reshape(2, 2), hand.canvas, picture)
    texts: list[str] = []
    if boxes:
        frame(picture, box.reshape(4), color, thickness=1 if np.ptp(box, axis=0).max() < 200 else 2)
        texts += [hand.side] if hand.side else []
    if scores and shown.any():
        texts.append(format_score(hand.score))
    if texts:
        top = box[0] if boxes else points[shown].min(axis=0)
        bottom = box[1] if boxes else points[shown].max(axis=0)
        above = float((top[0] + bottom[0]) / 2), float(top[1] - 3)
        write_label(picture, " ".join(texts), above, float((bottom - top).max()) / 2, color)
