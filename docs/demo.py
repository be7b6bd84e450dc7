"""Makes the picture of the README: maps of a planted crowd, and the people decoded from them.

Run: python docs/demo.py [PATH]
"""

from __future__ import annotations

import sys

import cv2
import numpy as np

import heatpose as hp
from heatpose import media
from heatpose.demo import planted_crowd

CANVAS, CELLS = (540, 720), (46, 62)  # a network's answer, about an eighth of its input
CROWD, SEED, NOISE = 7, 150, 0.04
DARK = (30, 20, 16)  # BGR


def glow(heatmaps: np.ndarray, pafs: np.ndarray) -> np.ndarray:
    """The maps as one picture, uint8 [H, W, 3]: each channel in its keypoint's or limb's colour.

    Every cell is a square of its own, as the network gave it.
    """
    skeleton = hp.skeletons.COCO18
    picture = np.full((*CELLS, 3), DARK, np.float64)
    channels = np.asarray(skeleton.paf_channels)
    fields = np.hypot(pafs[channels[:, 0]], pafs[channels[:, 1]])
    colors = (*skeleton.limb_colors, *skeleton.keypoint_colors)
    layers = (*0.45 * fields, *heatmaps[: skeleton.num_keypoints])
    for layer, rgb in zip(layers, colors, strict=True):
        strength = np.clip(layer, 0, 1)[..., None]
        picture = np.maximum(picture, strength * np.array(rgb[::-1]) + (1 - strength) * DARK)
    size = (CANVAS[1], CANVAS[0])
    return cv2.resize(picture.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)


def main(path: str) -> None:
    """Write the maps on the left, the people on the right."""
    heatmaps, pafs, truth = planted_crowd(CROWD, cells=CELLS, canvas=CANVAS, seed=SEED, noise=NOISE)
    people = hp.BodyDecoder(hp.skeletons.COCO18)(heatmaps, pafs, canvas=CANVAS)
    assert len(people) == len(truth), f"planted {len(truth)} people, found {len(people)}"
    found = people.draw(np.full((*CANVAS, 3), DARK, np.uint8), limb_width=8, keypoint_radius=5)
    gap = np.full((CANVAS[0], 4, 3), 128, np.uint8)
    media.write_image(path, np.hstack([glow(heatmaps, pafs), gap, found]))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "docs/demo.png")
