"""Pictures of nobody, made of photos: what a network must not take for people."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from heatpose.datasets.augment_scene import Scene, UInt8

_QUARTERS = 4


@dataclass(frozen=True)
class EmptyOptions:
    """How often an input holds nobody, and what it shows then.

    Attributes:
        probability: That it holds nobody.
        noise: Probability that it is noise then; else the photo in shuffled tiles, which keep its
            colours and textures and nothing as large as a limb.
        tile: Least and greatest side of a tile, in pixels.
        grain: Greatest side of the spots of noise, in pixels.
    """

    probability: float = 0.0
    noise: float = 0.3
    tile: tuple[int, int] = (8, 24)
    grain: int = 48


NO_EMPTY = EmptyOptions()


def empty_scene(scene: Scene, options: EmptyOptions, rng: np.random.Generator) -> Scene:
    """The scene, or at random one of its size and colours in which nobody is.

    Args:
        scene: In pixels of the input.
        options: How often, and what it shows then.
        rng: Where random numbers come from; it is asked for nothing where the probability is 0.

    Returns:
        The same scene, or one without people and without regions that nobody annotated.
    """
    if options.probability <= 0 or rng.random() >= options.probability:
        return scene
    photo = scene.photo
    shown = (
        _noise(photo, options.grain, rng)
        if rng.random() < options.noise
        else _shuffled(photo, int(rng.integers(options.tile[0], options.tile[1] + 1)), rng)
    )
    return replace(
        scene,
        photo=shown,
        keypoints=scene.keypoints[:0],
        visibility=scene.visibility[:0],
        regions=scene.regions[:0],
        unlabelled=scene.unlabelled[:0],
    )


def _shuffled(photo: UInt8, side: int, rng: np.random.Generator) -> UInt8:
    """The photo in square tiles, each somewhere else, turned or mirrored."""
    height, width = photo.shape[:2]
    rows, columns = -(-height // side), -(-width // side)
    padding = ((0, rows * side - height), (0, columns * side - width), (0, 0))
    whole = np.pad(photo, padding, mode="edge")
    tiles = whole.reshape(rows, side, columns, side, -1).swapaxes(1, 2).reshape(-1, side, side, 3)
    tiles = tiles[rng.permutation(len(tiles))]
    turns = rng.integers(0, _QUARTERS, len(tiles))
    mirrored = rng.random(len(tiles)) < 0.5
    for quarter in range(_QUARTERS):
        tiles[turns == quarter] = np.rot90(tiles[turns == quarter], quarter, axes=(1, 2))
    tiles[mirrored] = tiles[mirrored, :, ::-1]
    laid = tiles.reshape(rows, columns, side, side, 3).swapaxes(1, 2)
    return np.ascontiguousarray(laid.reshape(rows * side, columns * side, 3)[:height, :width])


def _noise(photo: UInt8, grain: int, rng: np.random.Generator) -> UInt8:
    """Spots of one size about the photo's mean, in its colours or in grey."""
    height, width = photo.shape[:2]
    spot = int(rng.integers(1, grain + 1))
    channels = 3 if rng.random() < 0.5 else 1
    shape = (-(-height // spot), -(-width // spot), channels)
    small = rng.normal(0, rng.uniform(10, 80), shape).astype(np.float32)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    values = photo.mean(axis=(0, 1)) + large.reshape(height, width, channels)
    clipped: UInt8 = np.clip(values, 0, 255).astype(np.uint8)
    return clipped
