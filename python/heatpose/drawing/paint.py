"""Painting figures on a photo, as one layer that lets the photo shine through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from heatpose.drawing.figures import Figure
from heatpose.drawing.shapes import OUTLINE, WHITE, Points, bgr, capsules, discs, fill, window
from heatpose.media import Image
from heatpose.skeletons import Skeleton

# Thin lines are painted enlarged, and the picture is shrunk again: a line of half a pixel covers
# half of it, so that small hands and faces stay drawings and do not become blobs.
_THIN = 3.0  # pixels; a wider line loses nothing
_ENLARGED = 4
_LARGEST = 512  # pixels along a side of what is enlarged


def paint(picture: Image, figures: Sequence[Figure], skeleton: Skeleton, alpha: float) -> None:
    """Paint the figures of one person, the first lowest.

    Everything goes opaque onto a copy of the person's window, which is then blended once: limbs
    that cross do not add up, and pixels that nothing was drawn on keep their value.

    Args:
        picture: uint8 [H, W, 3] BGR, changed.
        figures: In pixels of the picture.
        skeleton: The colours.
        alpha: Opacity, 0..1.
    """
    points = np.concatenate([figure.points[figure.shown] for figure in figures])
    place = window(picture, points, max(figure.reach for figure in figures))
    if place is None:
        return
    rows, columns, origin = place
    background = picture[rows, columns]
    layer = background.copy()
    for figure in figures:
        local = replace(figure, points=figure.points - origin)
        if figure.fine and figure.limb_width < _THIN:
            _paint_thin(layer, local, skeleton)
        else:
            _paint(layer, local, skeleton)
    cv2.addWeighted(layer, alpha, background, 1 - alpha, 0, dst=background)


def _paint_thin(layer: Image, figure: Figure, skeleton: Skeleton) -> None:
    place = window(layer, figure.points[figure.shown], figure.reach)
    if place is None:
        return
    rows, columns, origin = place
    patch = layer[rows, columns]
    height, width = patch.shape[:2]
    if max(height, width) > _LARGEST:  # lines thinner than asked for by its size: no blob
        _paint(layer, figure, skeleton)
        return
    # Equal pixels have themselves as their mean: what nothing is painted on is not changed.
    enlarged = patch.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)
    local = replace(
        figure,
        points=_ENLARGED * (figure.points - origin) + (_ENLARGED - 1) / 2,
        widths=_ENLARGED * figure.widths,
        radii=_ENLARGED * figure.radii,
    )
    _paint(enlarged, local, skeleton)
    cv2.resize(enlarged, (width, height), dst=patch, interpolation=cv2.INTER_AREA)


def _paint(layer: Image, figure: Figure, skeleton: Skeleton) -> None:
    """Limbs as tapered capsules, then keypoints as dots with a white ring; all with a dark rim."""
    pairs = np.array(list(figure.limbs.values()), int).reshape(-1, 2)
    starts, ends = figure.points[pairs[:, 0]], figure.points[pairs[:, 1]]
    thick, thin = 0.5 * figure.widths, 0.36 * figure.widths
    rim = _rims(0.8, 0.1, figure.widths, figure)
    for outline in capsules(starts, ends, thick + rim, thin + rim):
        fill(layer, outline, OUTLINE)
    for limb, body in zip(figure.limbs, capsules(starts, ends, thick, thin), strict=True):
        fill(layer, body, bgr(skeleton.limb_colors[limb]))

    dots = np.flatnonzero(figure.shown & (figure.radii > 0))
    centers, reach = figure.points[dots], figure.radii[dots]
    # Small dots keep their colour: rings would leave nothing of it.
    ring = np.clip(0.2 * (reach - 1.5), 0, 0.14 * reach)
    rings = zip(
        dots,
        discs(centers, reach + _rims(0.7, 0.12, reach, figure)),
        discs(centers, reach),
        discs(centers, reach - ring),
        strict=True,
    )
    for k, outline, white, inner in rings:
        fill(layer, outline, OUTLINE)
        fill(layer, white, WHITE)
        fill(layer, inner, bgr(skeleton.keypoint_colors[k]))


def _rims(least: float, share: float, sizes: Points, figure: Figure) -> Points:
    """Width of the dark rim around limbs or dots of these sizes."""
    rims: Points = np.maximum(least, share * sizes)
    return np.minimum(rims, 0.45 * sizes) if figure.fine else rims
