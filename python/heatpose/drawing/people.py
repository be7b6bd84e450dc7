"""Drawing people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heatpose.drawing.figures import lay_out, person_size
from heatpose.drawing.labels import format_score, write_label
from heatpose.drawing.paint import paint
from heatpose.drawing.shapes import bgr, frame, on_picture
from heatpose.drawing.style import ColorBy, Style, check_aspect, own_color
from heatpose.media import Image, check_image
from heatpose.results import People, Person


def draw_people(
    image: Image,
    people: People,
    *,
    limb_width: float | None = None,
    keypoint_radius: float | None = None,
    alpha: float = 0.85,
    threshold: float = 0.0,
    scores: bool = False,
    boxes: bool = False,
    color_by: ColorBy = "limb",
    ids: Sequence[int] | None = None,
) -> Image:
    """Draw people on a copy of a photo: limbs as tapered capsules, keypoints as rimmed dots.

    The best person is drawn last, on top. Faces and hands (``Skeleton.parts``) are drawn over the
    body with fine lines. Limbs that only close a loop of the skeleton
    (``Skeleton.non_starting_limbs``) are left out. Points may lie outside the picture.

    Args:
        image: uint8 [H, W, 3] BGR. Not changed. Of another size than ``people.canvas``, the people
            are scaled to it; its aspect ratio must be the canvas's.
        people: Whom to draw.
        limb_width: Width of a limb in pixels. Default: grows with the person. Where a body has a
            face and hands, their lines change in the same measure.
        keypoint_radius: Radius of a keypoint in pixels, 0 for none. Default: grows with the person.
            Where a body has a face and hands, only 0 changes theirs.
        alpha: Opacity of the people, 0..1.
        threshold: Keypoints that score less are not drawn, nor are their limbs.
        scores: Whether to write each person's score over the head.
        boxes: Whether to draw a box around each person.
        color_by: ``"limb"`` takes the skeleton's colours, ``"person"`` one colour per person.
        ids: Who the people of a video are, one number each, negative where not known: their
            colours go by it, and it is written over the head, before the score.

    Returns:
        uint8 [H, W, 3] BGR.

    Raises:
        TypeError: image is not a uint8 array, or people are not ``People``.
        ValueError: image of another shape or aspect ratio, a setting out of range, or not one id
            for each person.
    """
    check_image(image)
    if not isinstance(people, People):
        raise TypeError(f"people must be People, got {type(people).__name__}")
    check_aspect(image, people.canvas, "the people's")
    style = Style(limb_width, keypoint_radius, alpha, threshold, color_by)
    if ids is not None and len(ids) != len(people):
        raise ValueError(f"ids must be {len(people)} numbers, one for each person, got {len(ids)}")
    picture = np.array(image, order="C")
    for rank in reversed(range(len(people))):
        who = None if ids is None or ids[rank] < 0 else int(ids[rank])
        words = [] if who is None else [f"#{who}"]
        words += [format_score(float(people.person_scores[rank]))] if scores else []
        number = rank if who is None else who
        _draw_person(picture, people[rank], number, style, text=" ".join(words), boxes=boxes)
    return picture


def _draw_person(
    picture: Image, person: Person, number: int, style: Style, *, text: str, boxes: bool
) -> None:
    points = on_picture(person.keypoints, person.canvas, picture)
    shown = person.visible & (person.scores >= style.threshold)
    if not shown.any():
        return
    figures = lay_out(person.skeleton, points, shown, style)
    # One colour per person even where limbs have theirs: tells which box and label are whose.
    own = own_color(number)
    paint(picture, figures, style.colored(person.skeleton, own), style.alpha)
    if boxes:
        margin = max(figure.reach for figure in figures)
        corners = points[shown].min(axis=0) - margin, points[shown].max(axis=0) + margin
        frame(picture, np.concatenate(corners), bgr(own))
    if text:
        size = person_size(points, figures[0].shown, person.skeleton)
        top = points[shown][int(points[shown][:, 1].argmin())]
        above = float(top[0]), float(top[1] - 0.35 * size)
        write_label(picture, text, above, size, bgr(own))
