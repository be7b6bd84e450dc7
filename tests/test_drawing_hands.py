"""Drawing hands and faces: fine lines over bodies, sides, boxes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawing_scenes import GREY, changed, crowd, missing, spread
from heatpose import media
from heatpose.drawing import draw_hands, draw_people
from heatpose.media import Image
from heatpose.results import Hands, People
from heatpose.skeletons import FACE70, HAND21, WHOLEBODY133, Skeleton


def some_hands(people: People | None = None, **changes: Any) -> Hands:
    """A left hand at the left and a right hand at the right, in boxes of 80 pixels."""
    keypoints = np.stack(
        [spread(HAND21, (x + 10, 70, x + 70, 130)).keypoints[0] for x in (20, 180)]
    )
    fields: dict[str, Any] = {
        "keypoints": keypoints,
        "scores": np.ones((2, 21), np.float32),
        "hand_scores": np.array([0.5, 0.9], np.float32),
        "boxes": np.array([[20, 60, 100, 140], [180, 60, 260, 140]], np.float32),
        "sides": ("left", "right"),
        "persons": np.array([-1, -1]) if people is None else np.array([0, 0]),
        "skeleton": HAND21,
        "canvas": (200, 300),
        "people": people,
    }
    return Hands(**(fields | changes))


def has(picture: Image, color: tuple[int, int, int]) -> bool:
    """Whether a pixel has about this RGB colour."""
    off = np.abs(picture.astype(int) - np.array(color)[::-1]).max(axis=2)
    return bool((off <= 3).any())


def test_fingers_have_their_colours() -> None:
    picture = draw_hands(GREY, some_hands(), alpha=1, limb_width=5)
    for finger in ("thumb", "index", "middle", "ring", "little"):
        assert has(picture, HAND21.keypoint_colors[HAND21.index(f"{finger}_2")])


def test_hands_are_painted_where_they_are() -> None:
    hands = some_hands()
    touched = changed(draw_hands(GREY, hands))
    assert touched[60:140, 20:100].any() and touched[60:140, 180:260].any()
    touched[60:140, 20:100] = touched[60:140, 180:260] = False
    assert not touched.any()
    found_once = some_hands(scores=np.stack([np.ones(21), np.full(21, 0.2)]).astype(np.float32))
    assert not changed(draw_hands(GREY, found_once, threshold=0.5))[:, 180:].any()


def test_boxes_of_hands_have_the_side_s_colour() -> None:
    left, right = ((16, 200, 160), (255, 117, 24))  # as the wrists of a body
    plain, boxed = draw_hands(GREY, some_hands()), draw_hands(GREY, some_hands(), boxes=True)
    extra = changed(boxed, plain)
    assert extra[100, [20, 100, 180, 260]].all()
    assert has(boxed[:, :140], left) and not has(boxed[:, :140], right)
    assert has(boxed[:, 140:], right) and not has(boxed[:, 140:], left)
    assert extra[40:57, 40:80].any(), "no word over the box"
    unknown = draw_hands(GREY, some_hands(sides=(None, None)), boxes=True)
    assert not changed(unknown, plain)[:57].any()


def test_a_box_without_a_hand_is_drawn() -> None:
    nothing = np.full((2, 21, 2), np.nan, np.float32)
    hands = some_hands(keypoints=nothing, scores=np.zeros((2, 21), np.float32))
    np.testing.assert_array_equal(draw_hands(GREY, hands, scores=True), GREY)
    assert changed(draw_hands(GREY, hands, boxes=True))[100, [20, 100, 180, 260]].all()


def test_hands_lie_over_their_people() -> None:
    body = crowd([(20, 20, 280, 180)])
    below = draw_people(GREY, body)
    picture = draw_hands(GREY, some_hands(body))
    over = changed(picture, below)
    assert over[60:140, 20:100].any()
    over[60:140, 20:100] = over[60:140, 180:260] = False
    assert not over.any()
    scored = changed(draw_hands(GREY, some_hands(body), scores=True), picture)
    assert scored[:58].any()


def test_one_colour_per_person_covers_the_hands() -> None:
    body = missing(crowd([(130, 20, 160, 180)]), 1, 2)
    picture = draw_hands(GREY, some_hands(body), alpha=1, limb_width=5, color_by="person")
    assert not has(picture, HAND21.limb_colors[0])
    own = draw_people(GREY, body, alpha=1, color_by="person", keypoint_radius=0, limb_width=5)
    blue, green, red = (int(v) for v in own[changed(own)].astype(int).max(axis=0))
    assert has(picture, (red, green, blue))


def test_hands_found_again_replace_those_of_a_whole_body() -> None:
    whole = spread(WHOLEBODY133, (20, 20, 280, 180))
    keypoints, scores = whole.keypoints.copy(), whole.scores.copy()
    for side in ("left_hand", "right_hand"):
        keypoints[:, WHOLEBODY133.part(side)] = np.nan
        scores[:, WHOLEBODY133.part(side)] = 0
    without = replace(whole, keypoints=keypoints, scores=scores)
    np.testing.assert_array_equal(
        draw_hands(GREY, some_hands(whole)), draw_hands(GREY, some_hands(without))
    )


def test_a_face_hides_the_lines_of_the_head() -> None:
    """Eyes and nose of the body become small dots where a face is drawn, and stay without one."""
    whole = spread(WHOLEBODY133, (20, 20, 280, 180))
    head = range(3)
    alone = draw_people(GREY, missing(whole, *head), limb_width=6)
    face = draw_people(GREY, missing(whole, *head, *range(23, 91)), limb_width=6)
    between = [(whole.keypoints[0, 0] + whole.keypoints[0, 1]) / 2]
    ((x, y),) = np.rint(between).astype(int)
    assert changed(alone)[y, x]
    assert not changed(face)[y, x]
    scraps = draw_people(GREY, missing(whole, *head, *range(23, 50)), limb_width=6)
    assert changed(scraps)[y, x], "a few points are no face"


@pytest.mark.parametrize("skeleton", [HAND21, FACE70], ids=lambda skeleton: skeleton.name)
def test_fine_lines_are_thinner_than_a_body_s(skeleton: Skeleton) -> None:
    parts = spread(skeleton, (100, 50, 180, 130))
    bare = replace(skeleton, parts=())
    plain = replace(parts, skeleton=bare)
    fine, thick = (changed(draw_people(GREY, people)).sum() for people in (parts, plain))
    assert 0 < fine < 0.9 * thick


def test_a_tiny_hand_lets_the_photo_through() -> None:
    """Of a hand of 8 pixels, lines cover a part of a pixel each: no pixel is one flat blob."""
    tiny = spread(HAND21, (100, 50, 108, 58))
    picture = draw_people(GREY, tiny, alpha=1)
    covered = np.abs(picture[48:60, 98:110].astype(int) - 90).max(axis=2)
    assert (covered > 0).any()
    assert len(np.unique(picture[48:60, 98:110].reshape(-1, 3), axis=0)) > 20


def test_thin_lines_of_a_huge_hand_need_little_memory() -> None:
    image = np.full((2000, 3000, 3), 90, np.uint8)
    huge = replace(spread(HAND21, (100, 100, 2900, 1900)), canvas=(2000, 3000))
    picture = draw_people(image, huge, limb_width=1)
    assert changed(picture, image).any()


def test_settings_of_a_body_reach_its_face_and_hands() -> None:
    whole = spread(WHOLEBODY133, (20, 20, 280, 180))
    thin, usual, thick = (
        changed(draw_people(GREY, whole, limb_width=width)) for width in (1, None, 9)
    )
    hand = whole.part("left_hand").keypoints[0]
    low, high = hand.min(axis=0).astype(int), hand.max(axis=0).astype(int)
    place = slice(low[1], high[1]), slice(low[0], high[0])
    assert thin[place].sum() < thick[place].sum()
    dots = draw_people(GREY, whole, keypoint_radius=0)
    assert changed(dots)[place].sum() < usual[place].sum()


@pytest.mark.parametrize(
    "box",
    [(-500, -500, -400, -400), (-1e9, -1e9, 1e9, 1e9), (3e38, 3e38, 3.1e38, 3.1e38), (5, 5, 5, 5)],
    ids=str,
)
def test_hands_may_lie_anywhere(box: tuple[float, float, float, float]) -> None:
    keypoints = np.repeat(crowd([box], HAND21).keypoints, 2, axis=0)
    boxes = np.array([box, box], np.float32)
    picture = draw_hands(
        GREY, some_hands(keypoints=keypoints, boxes=boxes), boxes=True, scores=True
    )
    assert picture.shape == GREY.shape


def test_what_are_no_hands_is_named() -> None:
    with pytest.raises(TypeError, match="hands must be Hands, got People"):
        draw_hands(GREY, crowd([(50, 50, 120, 160)]))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the hands' canvas is 200 x 300"):
        draw_hands(np.zeros((300, 200, 3), np.uint8), some_hands())
    with pytest.raises(ValueError, match=r"alpha must be 0\.\.1, got 2"):
        draw_hands(GREY, some_hands(), alpha=2)


def test_hands_draw_themselves(tmp_path: Path) -> None:
    hands = some_hands(crowd([(50, 50, 120, 160)]))
    media.write_image(tmp_path / "photo.png", GREY)
    picture = hands.draw(tmp_path / "photo.png", to=tmp_path / "drawn.png", boxes=True)
    np.testing.assert_array_equal(picture, draw_hands(GREY, hands, boxes=True))
    np.testing.assert_array_equal(media.read_image(tmp_path / "drawn.png"), picture)
    nothing = Hands.empty(HAND21, (200, 300))
    np.testing.assert_array_equal(nothing.draw(GREY, boxes=True, scores=True), GREY)
    with pytest.raises(TypeError, match=r"image must be a uint8 \[H, W, 3\] array or a path"):
        hands.draw(None)  # type: ignore[arg-type]
