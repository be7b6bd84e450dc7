"""Short texts on a photo: light on a dark pill."""

from __future__ import annotations

import cv2
import numpy as np

from heatpose.drawing.shapes import BGR, OUTLINE, capsules, fill
from heatpose.media import Image


def write_label(
    picture: Image, text: str, above: tuple[float, float], size: float, color: BGR
) -> None:
    """Write a text whose pill stands centred on a point, moved as needed to be in the picture.

    Args:
        picture: uint8 [H, W, 3], changed.
        text: ASCII.
        above: (x, y) of the middle of the pill's lower edge.
        size: The length in pixels of what is labelled; the letters grow with it.
        color: The letters' hue.
    """
    height, width = picture.shape[:2]
    scale = float(np.clip(size / 150, 0.45, 0.9))
    font, stroke = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(1.4 * scale))
    # Width from the text, height from the scale: what getTextSize calls height differs by version.
    text_width = cv2.getTextSize(text, font, scale, stroke)[0][0]
    text_height = 21 * scale
    pill_width, pill_height = text_width + 1.3 * text_height, 1.9 * text_height
    left = np.clip(above[0] - pill_width / 2, 1, max(1, width - pill_width - 2))
    upper = np.clip(above[1] - pill_height, 1, max(1, height - pill_height - 2))
    x, y = round(float(left)), round(float(upper))
    patch = picture[y : y + round(pill_height) + 1, x : x + round(pill_width) + 1]
    if not patch.size:
        return
    layer = patch.copy()
    radius = pill_height / 2
    ends = np.array([[[radius, radius]], [[pill_width - radius, radius]]])
    (pill,) = capsules(*ends, *np.full((2, 1), radius))
    fill(layer, pill, OUTLINE)
    cv2.addWeighted(layer, 0.78, patch, 0.22, 0, dst=patch)
    baseline = (
        round(x + (pill_width - text_width) / 2),
        round(y + (pill_height + text_height) / 2),
    )
    cv2.putText(picture, text, baseline, font, scale, _lightened(color), stroke, cv2.LINE_AA)


def format_score(score: float) -> str:
    """A score in the fewest digits that tell people apart."""
    return f"{score:.1f}" if abs(score) >= 10 else f"{score:.2f}"


def _lightened(color: BGR) -> BGR:
    """Most of the way to white: thin strokes need it on a dark ground, whatever the hue."""
    first, second, third = (round(255 - 0.35 * (255 - value)) for value in color)
    return first, second, third
