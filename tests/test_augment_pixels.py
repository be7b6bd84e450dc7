"""Colour, shapes and pasted people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from augment_scenes import found_at, walker
from heatpose.datasets.augment import (
    NO_COLOUR,
    ColourOptions,
    OcclusionOptions,
    PasteOptions,
    occlude,
    paste_people,
    recolour,
)
from heatpose.datasets.augment_paste import blend, silhouette
from heatpose.skeletons import COCO17, COCO18, HAND21

GREY = np.full((60, 80, 3), 100, np.uint8)
NOISE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)


def test_no_colour_leaves_the_pixels_alone() -> None:
    np.testing.assert_array_equal(recolour(NOISE, NO_COLOUR, np.random.default_rng(0)), NOISE)


@pytest.mark.parametrize(
    "change",
    [
        {"brightness": 0.2}, {"contrast": 0.4}, {"saturation": 0.5}, {"hue": 30.0},
        {"balance": 0.2}, {"gamma": 2.0}, {"grey": 1.0}, {"blur": 1.0, "blur_sigma": 2.0},
        {"motion": 1.0, "motion_length": 9.0}, {"noise": 1.0, "noise_sigma": 20.0},
        {"jpeg": 1.0, "jpeg_quality": (20, 30)},
    ],
    ids=str,
)  # fmt: skip
def test_every_change_of_colour_changes_a_copy(change: dict[str, float]) -> None:
    photo = NOISE.copy()
    got = recolour(photo, replace(NO_COLOUR, **change), np.random.default_rng(1))  # type: ignore[arg-type]
    assert got.shape == photo.shape and got.dtype == np.uint8
    assert (got != NOISE).mean() > 0.5
    np.testing.assert_array_equal(photo, NOISE)


def test_hue_and_saturation_keep_grey_grey_and_grey_photos_have_no_colour() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        turned = recolour(GREY, replace(NO_COLOUR, hue=60.0, saturation=0.8), rng)
        assert np.abs(turned.astype(int) - 100).max() <= 1
        plain = recolour(NOISE, replace(NO_COLOUR, grey=1.0), rng)
        assert np.ptp(plain.astype(int), axis=2).max() <= 1


def test_noise_is_normal_with_the_drawn_sigma() -> None:
    options = replace(NO_COLOUR, noise=1.0, noise_sigma=20.0)
    photo = np.full((200, 200, 3), 128, np.uint8)
    sigmas = []
    for seed in range(20):
        step = recolour(photo, options, np.random.default_rng(seed)).astype(float) - 128
        assert abs(step.mean()) < 0.5
        sigma = step.std()
        sigmas.append(sigma)
        if sigma > 6:  # below, whole grey levels show
            assert abs(np.mean(np.abs(step) < sigma) - 0.683) < 0.06
    assert max(sigmas) > 12 and min(sigmas) < 8 and max(sigmas) < 20.5


def test_shapes_hide_keypoints_but_keep_them_labelled() -> None:
    scene = walker(COCO18)
    options = OcclusionOptions(1.0, 3, (0.1, 0.4), 1.0, 0.5)
    hidden = 0
    for seed in range(30):
        got = occlude(scene, options, np.random.default_rng(seed))
        assert got.labelled.all()
        covered = got.visibility[0] == 1
        hidden += int(covered.sum())
        assert covered.sum() <= 9
        for k in (~covered).nonzero()[0]:
            assert found_at(got.photo, k, got.keypoints[0, k], radius=3)
    assert hidden > 30
    assert (scene.visibility == 2).all()  # the given scene is not changed
    assert occlude(scene, OcclusionOptions(0.0), np.random.default_rng(0)) is scene


def test_pasted_people_come_with_their_keypoints_on_them() -> None:
    scene = walker(COCO18, size=(368, 368))
    donors = [walker(COCO18, seed) for seed in range(1, 4)]
    options = PasteOptions(1.0, 3, rotation=30.0, softness=0.3)
    numbers = []
    for seed in range(20):
        got = paste_people(scene, donors, COCO18, options, np.random.default_rng(seed))
        numbers.append(len(got.keypoints))
        assert got.visibility.shape == (len(got.keypoints), 18)
        assert got.regions.shape == (len(got.keypoints), 4, 2)
        np.testing.assert_array_equal(got.keypoints[0], scene.keypoints[0])
        assert (got.visibility[0] > 0).all() and (got.visibility[0] == 1).sum() <= 0.3 * 18
        for person, seen in zip(got.keypoints, got.visibility, strict=True):
            for k in (seen == 2).nonzero()[0]:
                # Discs of pasted people show the colour of the other side when mirrored.
                at = person[k]
                assert found_at(got.photo, k, at, 3) or found_at(got.photo, COCO18.flip[k], at, 3)
    assert max(numbers) == 4 and np.mean(numbers) > 1.8


def test_nobody_is_pasted_from_people_with_few_keypoints() -> None:
    scene, donor = walker(COCO18), walker(COCO18, 1)
    visibility = donor.visibility.copy()
    visibility[:, 7:] = 0
    donor = replace(donor, visibility=visibility)
    got = paste_people(scene, [donor], COCO18, PasteOptions(1.0), np.random.default_rng(0))
    assert len(got.keypoints) == 1
    nobody = replace(
        scene, keypoints=np.empty((0, 18, 2)), visibility=np.empty((0, 18), np.uint8),
        regions=np.empty((0, 4, 2)),
    )  # fmt: skip
    crowds = [
        paste_people(nobody, [walker(COCO18)], COCO18, PasteOptions(1.0), np.random.default_rng(n))
        for n in range(10)
    ]
    assert max(len(crowd.keypoints) for crowd in crowds) == 1


@pytest.mark.parametrize("skeleton", [COCO17, COCO18], ids=lambda s: s.name)
def test_silhouettes_cover_the_person_and_little_else(skeleton: object) -> None:
    scene = walker(skeleton)  # type: ignore[arg-type]
    mask = silhouette(scene.keypoints[0], skeleton, scene.size, PasteOptions())  # type: ignore[arg-type]
    x, y = np.rint(scene.keypoints[0]).astype(int).T
    assert (mask[y, x] > 200).all()
    assert 0.02 < (mask > 127).mean() < 0.25
    headless = scene.keypoints[0].copy()
    for k, name in enumerate(skeleton.keypoints):  # type: ignore[attr-defined]
        if any(part in name for part in ("nose", "eye", "ear")):
            headless[k] = np.nan
    guessed = silhouette(headless, skeleton, scene.size, PasteOptions())  # type: ignore[arg-type]
    nose = np.rint(scene.keypoints[0, 0]).astype(int)
    assert guessed[nose[1], nose[0]] > 127


def test_silhouettes_of_nobody_and_of_hands() -> None:
    empty = silhouette(np.full((18, 2), np.nan), COCO18, (20, 30), PasteOptions())
    assert not empty.any()
    hand = np.random.default_rng(0).uniform(5, 45, (21, 2))
    assert silhouette(hand, HAND21, (50, 50), PasteOptions()).any()


def test_blending_keeps_both_ends() -> None:
    other = np.flip(NOISE, axis=0).copy()
    share = np.zeros(NOISE.shape[:2], np.uint8)
    share[:, 40:] = 255
    got = blend(NOISE, other, share)
    np.testing.assert_array_equal(got[:, :40], NOISE[:, :40])
    np.testing.assert_array_equal(got[:, 40:], other[:, 40:])


def test_default_colours_stay_recognisable() -> None:
    ramp = np.tile(np.linspace(60, 190, 80, dtype=np.uint8)[None, :, None], (60, 1, 3))
    for seed in range(40):
        got = recolour(ramp, ColourOptions(), np.random.default_rng(seed)).astype(float)
        assert 20 < got.mean() < 235
        assert got[:, 60:].mean() - got[:, :20].mean() > 20
