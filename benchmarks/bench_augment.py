"""Augmentation of a photo of 480 x 640 to an input of 368 x 368, and of a box, one core.

Run: python -m benchmarks.bench_augment [a folder of JPEGs]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.harness import compare, one_thread
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
    photo = cv2.GaussianBlur(rng.integers(0, 256, (480, 640, 3), np.uint8), (9, 9), 2)
    middles = rng.uniform((100, 100), (540, 380), (people, 1, 2))
    points = middles + rng.uniform(-80, 80, (people, keypoints, 2)) * (0.5, 1.0)
    visibility = np.full((people, keypoints), 2, np.uint8)
    regions = person_regions(points, visibility > 0, margin=0.1)
    return Scene(np.asarray(photo), points, visibility, regions, box_corners([]))


def show(title: str, programs: dict[str, Callable[[], Any]]) -> None:
    medians = compare(programs, rounds=61)
    print(f"{title}: " + " | ".join(f"{name} {ms:.2f} ms" for name, ms in medians.items()))


def main() -> None:
    one_thread()
    rng = np.random.default_rng(0)
    one, donors = scene(3, 0, 18), [scene(1, seed, 18) for seed in (1, 2, 3)]
    moved = fit_photo(one, COCO18, (368, 368))
    heavy = PHOTO_PRESETS["heavy"]
    paste, shapes = PasteOptions(probability=1.0, most=1), OcclusionOptions(probability=1.0)
    alone = replace(heavy, paste=NO_PASTE, occlusion=NO_OCCLUSION)
    show(
        "parts at 368 x 368",
        {
            "moving photo, keypoints, regions": lambda: fit_photo(one, COCO18, (368, 368)),
            "pasting a person": lambda: paste_people(moved, donors, COCO18, paste, rng),
            "shapes": lambda: occlude(moved, shapes, rng),
            **{
                name: lambda o=options: recolour(moved.photo, o, rng)
                for name, options in COLOURS.items()
            },
        },
    )

    def heavy_scene() -> Scene:
        return augment_photo(one, COCO18, heavy, rng, donors=donors)

    def heavy_targets() -> object:
        seen = heavy_scene()
        return body_targets(
            np.nan_to_num(seen.keypoints), seen.labelled, COCO18, seen.size, regions=seen.regions
        )

    show(
        "photos, 3 people",
        {
            "openpose": lambda: augment_photo(one, COCO18, PHOTO_PRESETS["openpose"], rng),
            "heavy, nothing pasted or hidden": lambda: augment_photo(one, COCO18, alone, rng),
            "heavy": heavy_scene,
            "heavy with targets and masks": heavy_targets,
        },
    )
    boxed = scene(3, 0, 17)
    show(
        "boxes",
        {
            name: lambda p=preset: augment_box(boxed, 0, COCO17, p, rng)
            for name, preset in BOX_PRESETS.items()
        },
    )
    if len(sys.argv) > 1:
        files = sorted(Path(sys.argv[1]).glob("*.jpg"))[:200]
        turns = iter(range(10**9))
        show(
            f"{len(files)} photos",
            {"reading": lambda: cv2.imread(str(files[next(turns) % len(files)]))},
        )


if __name__ == "__main__":
    main()
