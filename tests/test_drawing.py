"""Drawing: what is painted, what is left alone, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawing_scenes import GREY, changed, crowd, missing
from heatpose import media
from heatpose.drawing import draw_people
from heatpose.results import People
from heatpose.skeletons import BY_NAME, COCO17, COCO18, Skeleton


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
