"""Drawing: what is painted, what is left alone, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heatpose import media
from heatpose.drawing import draw_hands, draw_people
from heatpose.media import Image
from heatpose.results import Hands, People
from heatpose.skeletons import BY_NAME, COCO17, COCO18, FACE70, HAND21, WHOLEBODY133, Skeleton

GREY = np.full((200, 300, 3), 90, np.uint8)


def crowd(boxes: list[tuple[float, float, float, float]], skeleton: Skeleton = COCO18) -> People:
    """A person with random keypoints in each (x1, y1, x2, y2)."""
    rng = np.random.default_rng(2)
    keypoints = np.array(
        [rng.uniform(box[:2], box[2:], (skeleton.num_keypoints, 2)) for box in boxes], np.float32
    ).reshape(-1, skeleton.num_keypoints, 2)
    scores = np.full(keypoints.shape[:2], 0.5, np.float32)
    person_scores = np.linspace(1, 0.5, len(boxes)).astype(np.float32)
    return People(keypoints, scores, person_scores, skeleton, (200, 300))


def missing(people: People, *keep: int) -> People:
    """The people with only these keypoints."""
    hidden = ~np.isin(np.arange(people.skeleton.num_keypoints), keep)
    keypoints = np.where(hidden[:, None], np.float32(np.nan), people.keypoints)
    scores = np.where(hidden, np.float32(0), people.scores)
    return People(keypoints, scores, people.person_scores, people.skeleton, people.canvas)


def changed(picture: Image, before: Image = GREY) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray((picture != before).any(axis=2))


def test_a_copy_is_painted() -> None:
    image = GREY.copy()
    picture = draw_people(image, crowd([(50, 50, 120, 160)]))
    np.testing.assert_array_equal(image, GREY)
    assert picture.shape == image.shape
    assert picture.dtype == np.uint8
    assert changed(picture).any()


def test_only_the_surroundings_of_a_person_change() -> None:
    touched = changed(draw_people(GREY, crowd([(50, 50, 120, 160)])))
    touched[30:181, 30:141] = False
    assert not touched.any()


@pytest.mark.parametrize("options", [{"scores": True}, {"boxes": True}, {"color_by": "person"}])
def test_options_change_the_picture(options: dict[str, Any]) -> None:
    people = crowd([(50, 50, 120, 160)])
    assert changed(draw_people(GREY, people, **options), draw_people(GREY, people)).any()


def test_nothing_to_draw_gives_the_photo() -> None:
    people = crowd([(50, 50, 120, 160)])
    for picture in (
        draw_people(GREY, People.empty(COCO18, (200, 300)), scores=True),
        draw_people(GREY, people, alpha=0),
        draw_people(GREY, people, threshold=0.9, scores=True, boxes=True),
        draw_people(GREY, missing(people), scores=True),
    ):
        np.testing.assert_array_equal(picture, GREY)
        assert picture is not GREY


def test_limbs_lie_between_their_keypoints() -> None:
    keypoints = np.full((1, 18, 2), np.nan, np.float32)
    scores = np.zeros((1, 18), np.float32)
    keypoints[0, [1, 2]] = [[200, 100], [100, 100]]  # neck to right shoulder
    scores[0, [1, 2]] = 1
    people = People(keypoints, scores, np.ones(1, np.float32), COCO18, (200, 300))
    picture = draw_people(GREY, people, limb_width=10, keypoint_radius=0, alpha=1)
    red, green, blue = COCO18.limb_colors[0]
    np.testing.assert_array_equal(picture[100, 110:191], [[blue, green, red]] * 81)
    rows = np.flatnonzero(changed(picture).any(axis=1))
    assert 93 <= rows.min() <= 95
    assert 105 <= rows.max() <= 107


def test_loop_closing_limbs_are_left_out() -> None:
    ear_and_shoulder = missing(crowd([(50, 50, 250, 160)]), 2, 16)
    picture = draw_people(GREY, ear_and_shoulder, keypoint_radius=0)
    np.testing.assert_array_equal(picture, GREY)


def test_the_best_person_is_on_top() -> None:
    both = crowd([(50, 50, 120, 160), (60, 60, 130, 170)])
    plain = {"alpha": 1.0, "color_by": "person", "keypoint_radius": 0}
    first = draw_people(GREY, both[:1], **plain)  # type: ignore[arg-type]
    together = draw_people(GREY, both, **plain)  # type: ignore[arg-type]
    color = np.array(first[changed(first)])
    vivid = color[np.abs(color.astype(int) - 90).sum(axis=1).argmax()]
    mine = (first == vivid).all(axis=2)
    assert mine.any()
    np.testing.assert_array_equal(together[mine], first[mine])


def test_people_are_scaled_to_a_photo_of_another_size() -> None:
    people = crowd([(50, 50, 120, 160)])
    small = np.flatnonzero(changed(draw_people(GREY, people)).any(axis=0))
    double = np.full((400, 600, 3), 90, np.uint8)
    large = np.flatnonzero(changed(draw_people(double, people), double).any(axis=0))
    assert abs(large.min() - 2 * small.min()) < 8
    assert abs(large.max() - 2 * small.max()) < 8


@pytest.mark.parametrize("skeleton", list(BY_NAME.values()), ids=lambda skeleton: skeleton.name)
def test_every_skeleton_can_be_drawn(skeleton: Skeleton) -> None:
    people = crowd([(20, 20, 120, 160), (90, 20, 250, 180)], skeleton)
    assert changed(draw_people(GREY, people, scores=True, boxes=True)).any()


def test_a_skeleton_without_limbs_can_be_drawn() -> None:
    dots = Skeleton(name="dots", keypoints=("a", "b"), limbs=())
    assert changed(draw_people(GREY, crowd([(20, 20, 120, 160)], dots))).any()


@pytest.mark.parametrize(
    "box",
    [
        (-500, -500, -400, -400),
        (290, 190, 900, 900),
        (-1e9, -1e9, 1e9, 1e9),
        (3e38, 3e38, 3.1e38, 3.1e38),
        (299, 199, 299, 199),
        (10, 10, 10, 10),
        (-50, 100, -50, 100),
    ],
    ids=str,
)
@pytest.mark.parametrize("shape", [(200, 300, 3), (1, 1, 3), (3, 500, 3)], ids=str)
def test_points_may_lie_anywhere(
    box: tuple[float, float, float, float], shape: tuple[int, int, int]
) -> None:
    image = np.zeros(shape, np.uint8)
    people = replace(crowd([box]), canvas=shape[:2])
    picture = draw_people(image, people, scores=True, boxes=True)
    assert picture.shape == shape


def test_one_keypoint_is_enough() -> None:
    person = missing(crowd([(50, 50, 120, 160)], COCO17), 9)
    assert changed(draw_people(GREY, person, scores=True, boxes=True)).any()


def test_views_of_images_are_taken() -> None:
    image = np.zeros((400, 300, 6), np.uint8)[::2, :, ::2]
    image.flags.writeable = False
    assert draw_people(image, crowd([(50, 50, 120, 160)])).flags.writeable


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 1.1}, r"alpha must be 0\.\.1, got 1\.1"),
        ({"alpha": float("nan")}, r"alpha must be 0\.\.1"),
        ({"limb_width": -1}, r"limb_width must be 0\.\.1000 pixels, got -1"),
        ({"keypoint_radius": 1e9}, "keypoint_radius must be"),
        ({"color_by": "mood"}, "color_by must be 'limb' or 'person', got 'mood'"),
    ],
)
def test_settings_out_of_range_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_people(GREY, crowd([(50, 50, 120, 160)]), **options)


@pytest.mark.parametrize("shape", [(300, 200), (200, 310), (210, 300), (40, 63)], ids=str)
def test_people_are_not_stretched(shape: tuple[int, int]) -> None:
    image = np.zeros((*shape, 3), np.uint8)
    message = rf"image is {shape[0]} x {shape[1]} pixels .* canvas is 200 x 300: .* swapped"
    with pytest.raises(ValueError, match=message):
        draw_people(image, crowd([(50, 50, 120, 160)]))


@pytest.mark.parametrize("shape", [(199, 300), (203, 300), (17, 26), (1, 1)], ids=str)
def test_sizes_may_be_rounded(shape: tuple[int, int]) -> None:
    draw_people(np.zeros((*shape, 3), np.uint8), crowd([(50, 50, 120, 160)]))


def test_boxes_and_labels_have_the_persons_own_colour() -> None:
    people = crowd([(40, 60, 90, 160), (180, 60, 240, 160)])
    plain = draw_people(GREY, people, color_by="limb")
    pictures = [draw_people(GREY, people, color_by=by, boxes=True) for by in ("limb", "person")]
    rows = [changed(picture, plain)[110] for picture in pictures]
    left, right = np.flatnonzero(rows[0])[[2, -3]]
    np.testing.assert_array_equal(pictures[0][110, [left, right]], pictures[1][110, [left, right]])
    assert (pictures[0][110, left] != pictures[0][110, right]).any()


def test_labels_are_light_on_dark() -> None:
    for rank in range(1, 7):
        people = crowd([(100, 80, 160, 180)] * rank)
        options = {"limb_width": 0, "keypoint_radius": 0, "alpha": 0}
        picture = draw_people(GREY, people, scores=True, **options)  # type: ignore[arg-type]
        label = picture[changed(picture)].mean(axis=1)
        assert label.max() > 180
        assert label.min() < 60


def test_what_is_no_image_is_named() -> None:
    people = crowd([(50, 50, 120, 160)])
    with pytest.raises(TypeError, match="image must be uint8, got float64"):
        draw_people(GREY.astype(float), people)
    with pytest.raises(ValueError, match=r"image must be \[H, W, 3\] with pixels"):
        draw_people(GREY[..., 0], people)
    with pytest.raises(TypeError, match="people must be People, got list"):
        draw_people(GREY, [people])  # type: ignore[arg-type]


def test_people_draw_themselves(tmp_path: Path) -> None:
    people = crowd([(50, 50, 120, 160)])
    media.write_image(tmp_path / "photo.png", GREY)
    picture = people.draw(tmp_path / "photo.png", to=tmp_path / "drawn.png", scores=True)
    np.testing.assert_array_equal(picture, draw_people(GREY, people, scores=True))
    np.testing.assert_array_equal(media.read_image(tmp_path / "drawn.png"), picture)


@pytest.mark.parametrize("image", [None, [[1, 2, 3]], 7])
def test_people_draw_on_arrays_and_paths_only(image: Any) -> None:
    message = rf"image must be a uint8 \[H, W, 3\] array or a path, got {type(image).__name__}"
    with pytest.raises(TypeError, match=message):
        crowd([(50, 50, 120, 160)]).draw(image)


def spread(skeleton: Skeleton, box: tuple[float, float, float, float]) -> People:
    """One person whose keypoints fill (x1, y1, x2, y2) without touching: row by row."""
    count = skeleton.num_keypoints
    side = int(np.ceil(np.sqrt(count)))
    rows, columns = np.divmod(np.arange(count), side)
    steps = np.stack([columns, rows], axis=1) / side
    keypoints = (np.array(box[:2]) + steps * (np.array(box[2:]) - box[:2])).astype(np.float32)
    scores = np.ones((1, count), np.float32)
    return People(keypoints[None], scores, np.ones(1, np.float32), skeleton, (200, 300))


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
