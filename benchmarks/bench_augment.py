"""Augmentation of a photo of 480 x 640 to an input of 368 x 368, and of a box, one core.

Run: python -m benchmarks.bench_augment
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks import harness
from benchmarks.harness import Case
from benchmarks.scenes import smooth_noise
from heatpose.datasets.augment import (
    BOX_PRESETS,
    NO_OCCLUSION,
    NO_PASTE,
    PHOTO_PRESETS,
    ColourOptions,
    OcclusionOptions,
    PasteOptions,
    Scene,
    augment_box,
    augment_photo,
    fit_photo,
    occlude,
    paste_people,
    recolour,
)
from heatpose.datasets.targets import body_targets, box_corners, person_regions
from heatpose.skeletons import COCO17, COCO18

PLAIN = ColourOptions(blur=0, motion=0, noise=0, jpeg=0)
COLOURS = {
    "colour and gamma": PLAIN,
    "blur": replace(PLAIN, blur=1),
    "motion": replace(PLAIN, motion=1),
    "noise": replace(PLAIN, noise=1),
    "JPEG": replace(PLAIN, jpeg=1),
}


def scene(people: int, seed: int, keypoints: int) -> Scene:
    """Blurred noise with people of 160 pixels on it."""
    rng = np.random.default_rng(seed)
    middles = rng.uniform((100, 100), (540, 380), (people, 1, 2))
    points = middles + rng.uniform(-80, 80, (people, keypoints, 2)) * (0.5, 1.0)
    visibility = np.full((people, keypoints), 2, np.uint8)
    regions = person_regions(points, visibility > 0, margin=0.1)
    return Scene(smooth_noise(480, 640, seed), points, visibility, regions, box_corners([]))


ONE, DONORS = scene(3, 0, 18), [scene(1, seed, 18) for seed in (1, 2, 3)]


def check(_: str, answer: Any) -> None:
    """There is no other program: every change is drawn anew, so only the form can be held to."""
    photo = answer.photo if isinstance(answer, Scene) else answer
    if isinstance(photo, np.ndarray):
        assert photo.dtype == np.uint8 and photo.shape[2] == 3


def test_parts(case: Case) -> None:
    rng = np.random.default_rng(0)
    moved = fit_photo(ONE, COCO18, (368, 368))
    paste, shapes = PasteOptions(probability=1.0, most=1), OcclusionOptions(probability=1.0)
    case(
        "augment, moving photo, keypoints and regions to 368 x 368",
        {"heatpose": lambda: fit_photo(ONE, COCO18, (368, 368))},
        check,
        beside={
            "pasting a person": lambda: paste_people(moved, DONORS, COCO18, paste, rng),
            "shapes": lambda: occlude(moved, shapes, rng),
            **{
                name: lambda o=options: recolour(moved.photo, o, rng)
                for name, options in COLOURS.items()
            },
        },
        two_threads=False,
    )


@pytest.mark.parametrize("preset", ["openpose", "heavy, nothing pasted or hidden", "heavy"])
def test_photo(case: Case, preset: str) -> None:
    rng = np.random.default_rng(0)
    options = PHOTO_PRESETS[preset.partition(",")[0]]
    if "nothing" in preset:
        options = replace(options, paste=NO_PASTE, occlusion=NO_OCCLUSION)

    def augment() -> Scene:
        return augment_photo(ONE, COCO18, options, rng, donors=DONORS)

    def with_targets() -> object:
        seen = augment()
        places = np.nan_to_num(seen.keypoints)
        return body_targets(places, seen.labelled, COCO18, seen.size, regions=seen.regions)

    case(
        f"augment photo of 3 people, {preset}",
        {"heatpose": augment},
        check,
        beside={"with targets and masks": with_targets},
        two_threads=False,
    )


@pytest.mark.parametrize("preset", BOX_PRESETS)
def test_box(case: Case, preset: str) -> None:
    rng = np.random.default_rng(0)
    boxed = scene(3, 0, 17)
    case(
        f"augment box, {preset}",
        {"heatpose": lambda: augment_box(boxed, 0, COCO17, BOX_PRESETS[preset], rng)},
        check,
        two_threads=False,
    )


if __name__ == "__main__":
    harness.main(__file__)
