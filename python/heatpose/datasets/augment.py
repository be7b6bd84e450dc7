"""Augmentation of photos and boxes: everything random between a file and a network's input.

A photo is laid under the input by one affine map (``augment_place``), people of other photos are
pasted (``augment_paste``), shapes hide parts (``augment_occlude``), and pixels change
(``augment_colour``, which also says why OpenCV does this and not kornia). The published constants
of the systems are named presets, ``PHOTO_PRESETS`` and ``BOX_PRESETS``.

All random numbers come from the ``numpy.random.Generator`` that the caller gives: with one seeded
by (seed, epoch, index) for every sample, results depend neither on the workers nor on where a run
was resumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from heatpose.datasets.augment_colour import NO_COLOUR, ColourOptions, recolour
from heatpose.datasets.augment_empty import NO_EMPTY, EmptyOptions, empty_scene
from heatpose.datasets.augment_maps import move_maps
from heatpose.datasets.augment_occlude import NO_OCCLUSION, OcclusionOptions, occlude
from heatpose.datasets.augment_paste import NO_PASTE, PasteOptions, paste_people
from heatpose.datasets.augment_place import (
    BoxPlaces,
    PhotoPlaces,
    Spread,
    box_placement,
    fit_placement,
    photo_placement,
)
from heatpose.datasets.augment_scene import Placement, Scene, move_scene, scene_of
from heatpose.skeletons import Skeleton

__all__ = [
    "BOX_PRESETS",
    "NO_COLOUR",
    "NO_EMPTY",
    "NO_OCCLUSION",
    "NO_PASTE",
    "PHOTO_PRESETS",
    "BoxAugmentation",
    "BoxPlaces",
    "ColourOptions",
    "EmptyOptions",
    "OcclusionOptions",
    "PasteOptions",
    "PhotoAugmentation",
    "PhotoPlaces",
    "Placement",
    "Scene",
    "Spread",
    "augment_box",
    "augment_photo",
    "box_placement",
    "empty_scene",
    "fit_photo",
    "fit_placement",
    "move_maps",
    "move_scene",
    "occlude",
    "paste_people",
    "photo_placement",
    "recolour",
    "scene_of",
]


@dataclass(frozen=True)
class PhotoAugmentation:
    """Augmentation for a bottom-up network."""

    place: PhotoPlaces = field(default_factory=PhotoPlaces)
    paste: PasteOptions = NO_PASTE
    occlusion: OcclusionOptions = NO_OCCLUSION
    colour: ColourOptions = NO_COLOUR
    empty: EmptyOptions = NO_EMPTY


@dataclass(frozen=True)
class BoxAugmentation:
    """Augmentation for a top-down network."""

    place: BoxPlaces = field(default_factory=BoxPlaces)
    occlusion: OcclusionOptions = NO_OCCLUSION
    colour: ColourOptions = NO_COLOUR


PHOTO_PRESETS: dict[str, PhotoAugmentation] = {
    # The training layer of OpenPose: a person of 0.6 of the input, times 0.5 to 1.1.
    "openpose": PhotoAugmentation(),
    # mmpose's bottom-up networks; it scales the window by 0.75 to 1.5, so the content by these.
    "mmpose": PhotoAugmentation(
        PhotoPlaces((512, 512), None, (1 / 1.5, 1 / 0.75), Spread(30.0), Spread(40.0), border=0.0)
    ),
    # The AI Challenger program augments nothing. (It squeezes the photo into the square; here the
    # aspect ratio is kept, and the longer side is cut.)
    "ai-challenger": PhotoAugmentation(
        PhotoPlaces((368, 368), None, (1.0, 1.0), Spread(), Spread(), flip=0.0)
    ),
    # A small network on few photos: everything.
    "heavy": PhotoAugmentation(
        PhotoPlaces(scale=(0.45, 1.3), rotation=Spread(70.0, 30.0, "truncated")),
        PasteOptions(),
        OcclusionOptions(),
        ColourOptions(),
    ),
}
"""Augmentation of photos by name."""

_HALF_BODY: dict[str, Any] = {"half_body": 0.3}
_TURNING_HAND = BoxPlaces(
    (256, 256),
    scale=Spread(0.3, 0.3, "truncated"),
    rotation=Spread(180.0, 180.0, "truncated", 0.6),
    shift=Spread(0.16, 0.16, "truncated", 0.3),
)
BOX_PRESETS: dict[str, BoxAugmentation] = {
    # Simple Baselines (Xiao et al., 2018), COCO at 256 x 192.
    "microsoft": BoxAugmentation(BoxPlaces()),
    # EasyCV's hands of COCO-WholeBody, HRNetV2-w18 with DARK.
    "easycv-hand": BoxAugmentation(
        BoxPlaces(
            (256, 256),
            scale=Spread(0.25, 0.25, "clipped"),
            rotation=Spread(60.0, 30.0, "clipped", 0.6),
            shift=Spread(0.2, probability=0.3),
        )
    ),
    # EasyCV's whole bodies, HRNet-w48.
    "easycv-wholebody": BoxAugmentation(
        BoxPlaces(
            (384, 288),
            scale=Spread(0.5, 0.5, "clipped"),
            rotation=Spread(80.0, 40.0, "clipped", 0.6),
            shift=Spread(0.16, probability=0.3),
            **_HALF_BODY,
        )
    ),
    # mmpose's bodies, 256 x 192.
    "mmpose-body": BoxAugmentation(
        BoxPlaces(
            scale=Spread(0.5, 0.5, "truncated"),
            rotation=Spread(80.0, 80.0, "truncated", 0.6),
            shift=Spread(0.16, 0.16, "truncated", 0.3),
            **_HALF_BODY,
        )
    ),
    # mmpose's hands of COCO-WholeBody and OneHand10K.
    "mmpose-hand": BoxAugmentation(_TURNING_HAND),
    # mmpose's FreiHAND, whose boxes are the whole photos.
    "mmpose-freihand": BoxAugmentation(replace(_TURNING_HAND, size=(224, 224), padding=0.8)),
}
"""Augmentation of boxes by name."""


def augment_photo(
    scene: Scene,
    skeleton: Skeleton,
    options: PhotoAugmentation,
    rng: np.random.Generator,
    *,
    donors: Sequence[Scene] = (),
) -> Scene:
    """One random input of a bottom-up network.

    Args:
        scene: A photo as read; see :func:`scene_of`.
        skeleton: Of its keypoints.
        options: What may happen.
        rng: Where random numbers come from.
        donors: Other photos as read, whose people may be pasted; only those that are drawn are
            asked for.

    Returns:
        The scene in pixels of the input, whose photo is uint8 [h, w, 3] BGR.
    """
    placement = photo_placement(scene, options.place, rng)
    moved = move_scene(scene, placement, skeleton, border=options.place.border)
    moved = paste_people(moved, donors, skeleton, options.paste, rng)
    moved = empty_scene(moved, options.empty, rng)
    return _pixels(moved, options.occlusion, options.colour, rng)


def augment_box(
    scene: Scene,
    person: int,
    skeleton: Skeleton,
    options: BoxAugmentation,
    rng: np.random.Generator | None,
    *,
    box: Any = None,
    mirrored: bool | None = None,
) -> tuple[Scene, Placement]:
    """One input of a top-down network.

    Args:
        scene: A photo as read; see :func:`scene_of`.
        person: Row of the person or hand in it.
        skeleton: Of the keypoints.
        options: What may happen.
        rng: Where random numbers come from; None for the plain crop of a test.
        box: (x1, y1, x2, y2) in place of the person's region.
        mirrored: True or False in place of a draw.

    Returns:
        The scene in pixels of the input, with this person alone, and where it was laid.

    Raises:
        ValueError: no box is given or known, or it has no area.
    """
    if box is None:
        corners = scene.regions[person]
        box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    one = replace(
        scene,
        keypoints=scene.keypoints[person][None],
        visibility=scene.visibility[person][None],
        regions=scene.regions[person][None],
    )
    placement = box_placement(
        box,
        options.place,
        rng,
        keypoints=one.keypoints[0],
        skeleton=skeleton,
        mirrored=mirrored,
    )
    moved = move_scene(one, placement, skeleton, border=options.place.border)
    if rng is None:
        return moved, placement
    return _pixels(moved, options.occlusion, options.colour, rng), placement


def fit_photo(
    scene: Scene, skeleton: Skeleton, size: tuple[int, int], *, border: float = 128
) -> Scene:
    """The whole photo in the middle of an input of (h, w) pixels, nothing random."""
    return move_scene(scene, fit_placement(scene.size, size), skeleton, border=border)


def _pixels(
    scene: Scene, occlusion: OcclusionOptions, colour: ColourOptions, rng: np.random.Generator
) -> Scene:
    hidden = occlude(scene, occlusion, rng)
    return replace(hidden, photo=recolour(hidden.photo, colour, rng))
