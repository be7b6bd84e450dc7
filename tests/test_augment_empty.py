"""Inputs in which nobody is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from augment_scenes import found_at, walker
from heatpose.datasets.augment import EmptyOptions, PhotoAugmentation, augment_photo, empty_scene
from heatpose.skeletons import COCO18
from heatpose.training import load_options

SCENE = walker(COCO18, people=2)


@pytest.mark.parametrize("noise", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_nobody_is_left(noise: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    empty = empty_scene(SCENE, EmptyOptions(1.0, noise=noise), rng)
    assert empty.photo.shape == SCENE.photo.shape and empty.photo.dtype == np.uint8
    assert empty.photo.flags.c_contiguous
    assert empty.keypoints.shape == (0, 18, 2) and empty.visibility.shape == (0, 18)
    assert empty.regions.shape == empty.unlabelled.shape == (0, 4, 2)
    there = [
        found_at(empty.photo, k, point)
        for person in SCENE.keypoints
        for k, point in enumerate(person)
    ]
    assert np.mean(there) < 0.3
    assert found_at(SCENE.photo, 0, SCENE.keypoints[0, 0])  # the scene itself is as it was


def test_shuffled_tiles_keep_the_pixels() -> None:
    options = EmptyOptions(1.0, noise=0.0, tile=(16, 16))  # 240 x 320 is a multiple
    empty = empty_scene(SCENE, options, np.random.default_rng(0))

    def sorted_pixels(photo: np.ndarray) -> np.ndarray:
        pixels = photo.reshape(-1, 3)
        return pixels[np.lexsort(pixels.T)]

    np.testing.assert_array_equal(sorted_pixels(empty.photo), sorted_pixels(SCENE.photo))


def test_noise_is_about_the_photos_mean() -> None:
    photo = np.full_like(SCENE.photo, (40, 120, 200))
    scene = dataclasses.replace(SCENE, photo=photo)
    means = [
        empty_scene(scene, EmptyOptions(1.0, noise=1.0, grain=4), np.random.default_rng(seed))
        .photo.mean(axis=(0, 1))
        for seed in range(12)
    ]  # fmt: skip
    np.testing.assert_allclose(np.mean(means, axis=0), (40, 120, 200), atol=15)


def test_it_happens_as_often_as_asked_and_else_nothing_is_drawn() -> None:
    rng = np.random.default_rng(1)
    options = EmptyOptions(0.25)
    empty = [len(empty_scene(SCENE, options, rng).keypoints) == 0 for _ in range(400)]
    assert 0.18 < np.mean(empty) < 0.32
    before = rng.bit_generator.state
    assert empty_scene(SCENE, EmptyOptions(), rng) is SCENE
    assert rng.bit_generator.state == before  # so that older trainings repeat


def test_a_seed_repeats_it() -> None:
    options = PhotoAugmentation(empty=EmptyOptions(0.5))
    for seed in range(6):
        one, two = (
            augment_photo(SCENE, COCO18, options, np.random.default_rng(seed)) for _ in range(2)
        )
        np.testing.assert_array_equal(one.photo, two.photo)
        assert len(one.keypoints) == len(two.keypoints)


def test_the_last_preset_of_heatpose_lite_uses_it() -> None:
    assert load_options("heatpose-lite-larger").augmentation.of_photos().empty.probability == 0.1
