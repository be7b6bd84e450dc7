"""Photos, keypoints and regions move together, and a seed repeats everything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from augment_scenes import found_at, walker
from heatpose.datasets.augment import (
    BOX_PRESETS,
    PHOTO_PRESETS,
    BoxAugmentation,
    BoxPlaces,
    PhotoPlaces,
    Spread,
    augment_box,
    augment_photo,
    box_placement,
    fit_photo,
    move_scene,
    photo_placement,
    scene_of,
)
from heatpose.datasets.augment_place import body_halves, half_body_box, person_boxes
from heatpose.datasets.samples import Annotation, Sample
from heatpose.skeletons import COCO17, COCO18, HAND21, WHOLEBODY133


@pytest.mark.parametrize("name", PHOTO_PRESETS)
def test_keypoints_stay_on_their_discs_in_photos(name: str) -> None:
    scene = walker(COCO18, people=2)
    options = PHOTO_PRESETS[name].place
    mirrored = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        placement = photo_placement(scene, options, rng)
        moved = move_scene(scene, placement, COCO18)
        mirrored.append(placement.mirrored)
        assert moved.photo.shape == (*options.size, 3) and moved.photo.dtype == np.uint8
        for person in moved.keypoints:
            for k, point in enumerate(person):
                drawn = COCO18.flip[k] if placement.mirrored else k
                assert found_at(moved.photo, drawn, point), (seed, k)
    assert name == "ai-challenger" or len(set(mirrored)) == 2


@pytest.mark.parametrize("name", BOX_PRESETS)
def test_keypoints_stay_on_their_discs_in_boxes(name: str) -> None:
    scene = walker(COCO17)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        moved, placement = augment_box(scene, 0, COCO17, BOX_PRESETS[name], rng)
        assert moved.keypoints.shape == (1, 17, 2)
        for k, point in enumerate(moved.keypoints[0]):
            drawn = COCO17.flip[k] if placement.mirrored else k
            assert found_at(moved.photo, drawn, point, radius=3), (seed, k)


def test_left_stays_left_when_the_photo_is_mirrored() -> None:
    scene = walker(COCO18)
    placement = photo_placement(
        scene, PhotoPlaces(rotation=Spread()), np.random.default_rng(0), mirrored=True
    )
    moved = move_scene(scene, placement, COCO18)
    left, right = COCO18.index("left_wrist"), COCO18.index("right_wrist")
    assert scene.keypoints[0, left, 0] > scene.keypoints[0, right, 0]
    assert moved.keypoints[0, left, 0] > moved.keypoints[0, right, 0]  # facing the same way
    # What was the right wrist's disc now shows the left wrist.
    assert found_at(moved.photo, right, moved.keypoints[0, left])


def test_regions_and_unlabelled_boxes_move_like_the_pixels() -> None:
    scene = walker(COCO18)
    photo = scene.photo.copy()
    photo[5:31, 5:41] = (0, 255, 0)
    scene = replace(scene, photo=photo)
    for seed in range(5):
        placement = photo_placement(
            scene, PHOTO_PRESETS["openpose"].place, np.random.default_rng(seed)
        )
        moved = move_scene(scene, placement, COCO18, border=0)
        drawn = np.zeros(moved.size, np.uint8)
        cv2.fillConvexPoly(drawn, np.rint(moved.unlabelled[0]).astype(np.int32), 255)
        green = (moved.photo[..., 1] > 128) & (moved.photo[..., 2] < 60)
        assert np.mean((drawn > 0) != green) < 0.003
        inside = cv2.pointPolygonTest(
            moved.regions[0].astype(np.float32), moved.keypoints[0, 1].tolist(), False
        )
        assert inside > 0


def test_a_plain_photo_is_copied_to_the_grey_level() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (64, 48, 3), np.uint8)
    scene = replace(walker(COCO18), photo=photo)
    same = fit_photo(scene, COCO18, (64, 48))
    np.testing.assert_array_equal(same.photo, photo)
    np.testing.assert_allclose(same.keypoints, scene.keypoints)
    wide = fit_photo(scene, COCO18, (128, 200))
    assert (wide.photo[:, :50] == 128).all() and (wide.photo[:, -50:] == 128).all()
    np.testing.assert_allclose(
        wide.keypoints, scene.keypoints * 2 + [0.5 + (200 - 96) / 2, 0.5], atol=1e-9
    )


def global_numbers() -> np.ndarray:
    """The state of NumPy's global generator, which nothing here may use."""
    return np.random.get_state()[1].copy()  # noqa: NPY002


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_repeats_everything_and_another_does_not(seed: int) -> None:
    donors = [walker(COCO18, other) for other in (5, 6, 7)]

    def run(with_seed: int) -> np.ndarray:
        scene = augment_photo(
            walker(COCO18), COCO18, PHOTO_PRESETS["heavy"], np.random.default_rng(with_seed),
            donors=donors,
        )  # fmt: skip
        return np.concatenate([scene.photo.ravel(), np.nan_to_num(scene.keypoints).ravel()])

    before = global_numbers()
    first, second, other = run(seed), run(seed), run(seed + 100)
    np.testing.assert_array_equal(first, second)
    assert first.shape != other.shape or (first != other).any()
    np.testing.assert_array_equal(global_numbers(), before)


def test_the_person_has_the_asked_size() -> None:
    scene = walker(COCO18)
    box = person_boxes(scene)[0]
    tall = (box[2:] - box[:2]).max()
    options = PhotoPlaces((400, 300), 0.5, (1.0, 1.0), Spread(), Spread(), flip=0.0)
    moved = move_scene(scene, photo_placement(scene, options, np.random.default_rng(0)), COCO18)
    got = person_boxes(moved)[0]
    np.testing.assert_allclose((got[2:] - got[:2]).max(), 200)
    np.testing.assert_allclose((got[2:] + got[:2]) / 2, (149.5, 199.5))
    assert tall != 200


def test_without_people_the_input_is_laid_around_the_photo() -> None:
    nobody = replace(
        walker(COCO18), keypoints=np.empty((0, 18, 2)), visibility=np.empty((0, 18), np.uint8),
        regions=np.empty((0, 4, 2)),
    )  # fmt: skip
    options = PhotoPlaces((120, 120), 0.6, (1.0, 1.0), Spread(), Spread(), flip=0.0)
    placement = photo_placement(nobody, options, np.random.default_rng(0))
    np.testing.assert_allclose(placement.photo_from_crop[:, :2], 2 * np.eye(2))
    heavy = augment_photo(nobody, COCO18, PHOTO_PRESETS["heavy"], np.random.default_rng(1))
    assert heavy.keypoints.shape == (0, 18, 2)


def test_half_bodies_show_one_half() -> None:
    scene, rng = walker(COCO17), np.random.default_rng(0)
    upper, lower = body_halves(COCO17)
    assert upper.sum() == 11 and lower.sum() == 6
    options = BoxPlaces(half_body=1.0)
    middles = {"upper": 0, "lower": 0}
    for _ in range(200):
        half = half_body_box(scene.keypoints[0], COCO17, options, rng)
        assert half is not None
        is_upper = np.allclose(half[0], scene.keypoints[0, upper].mean(axis=0))
        assert is_upper or np.allclose(half[0], scene.keypoints[0, lower].mean(axis=0))
        middles["upper" if is_upper else "lower"] += 1
    assert 110 < middles["upper"] < 170  # 0.7 of 200
    few = scene.keypoints[0].copy()
    few[8:] = np.nan
    assert half_body_box(few, COCO17, options, rng) is None
    hand = np.random.default_rng(0).uniform(0, 99, (21, 2))
    assert half_body_box(hand, HAND21, options, rng) is None
    assert [half.sum() for half in body_halves(WHOLEBODY133)] == [11, 12]


def test_a_plain_box_is_the_crop_of_the_estimators() -> None:
    from heatpose.networks import CropSpec

    pytest.importorskip("torch")
    from heatpose.estimators.crops import place_crops

    box = np.array([30.0, 40, 90, 220])
    spec = CropSpec(256, 192)
    for udp in (False, True):
        got = box_placement(box, BoxPlaces(udp=udp), None).photo_from_crop
        want = place_crops(
            box[None], spec, (64, 48), padding=1.25, udp=udp, mirrored=np.array([False])
        )
        np.testing.assert_allclose(got, want.photo_from_crop[0])


@pytest.mark.parametrize("udp", [False, True])
def test_mirrored_boxes_turn_about_the_middle_of_their_map(udp: bool) -> None:
    box, options = [30, 40, 90, 220], BoxPlaces(udp=udp)
    plain = box_placement(box, options, None)
    other = box_placement(box, options, None, mirrored=True)
    edge = 191 if udp else 192
    for x in (0.0, 50.0, 191.0):
        np.testing.assert_allclose(
            plain.photo_from_crop @ (x, 7, 1), other.photo_from_crop @ (edge - x, 7, 1)
        )


def test_spreads_keep_their_limits_and_probabilities() -> None:
    rng = np.random.default_rng(0)
    for kind, at_limit in (("uniform", 0.0), ("clipped", 0.317), ("truncated", 0.0)):
        values = Spread(2.0, 2.0, kind).draw(rng, 4000)
        assert np.abs(values).max() <= 2 and abs(values.mean()) < 0.15
        assert abs(np.mean(np.abs(values) == 2) - at_limit) < 0.03
    often = [Spread(1.0, probability=0.6).draw(rng)[0] != 0 for _ in range(1000)]
    assert 0.55 < np.mean(often) < 0.65
    assert Spread().draw(rng)[0] == 0
    with pytest.raises(ValueError, match="kind"):
        Spread(1.0, kind="normal").draw(rng)


def test_scenes_of_samples() -> None:
    points = np.full((18, 2), np.nan, np.float32)
    points[1] = (5, 6)
    seen = np.where(np.isfinite(points[:, 0]), 2, 0).astype(np.uint8)
    box = np.array([1, 2, 30, 40], np.float32)
    nobody = np.zeros(18, np.uint8)
    sample = Sample(
        Path("a.jpg"),
        7,
        (
            Annotation(points, seen, box),
            Annotation(points, seen),
            Annotation(points, nobody, box + 1),
            Annotation(points, seen, box + 2, crowd=True),
        ),
        (50, 60),
        (box + 3,),
    )
    scene = scene_of(np.zeros((50, 60, 3), np.uint8), sample, 18)
    assert scene.keypoints.shape == (2, 18, 2) and scene.labelled.sum() == 2
    assert np.isnan(scene.regions[1]).all() and scene.regions[0, 0].tolist() == [1, 2]
    assert scene.unlabelled[:, 0].tolist() == [[4, 5], [2, 3], [3, 4]]
    empty = scene_of(scene.photo, replace(sample, annotations=(), unlabelled=()), 18)
    assert empty.keypoints.shape == (0, 18, 2) and empty.unlabelled.shape == (0, 4, 2)
    with pytest.raises(ValueError, match=r"has 18 keypoints, the skeleton 21"):
        scene_of(scene.photo, sample, 21)


@pytest.mark.parametrize("box", [[1, 2, 1, 5], [1, 2, 3], [np.nan, 0, 1, 1]], ids=str)
def test_boxes_without_area_are_refused(box: list[float]) -> None:
    with pytest.raises(ValueError, match="box must be"):
        box_placement(box, BoxPlaces(), None)
    with pytest.raises(ValueError, match="box must be"):
        augment_box(walker(COCO17), 0, COCO17, BoxAugmentation(), None, box=box)
