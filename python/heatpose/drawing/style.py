"""The settings of a drawing, and the colours that do not come from a skeleton."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from heatpose.media import Image
from heatpose.skeletons import Skeleton
from heatpose.skeletons.skeleton import Color, hue

ColorBy = Literal["limb", "person"]

_STRETCH = 0.02  # of the aspect ratio; more cannot come from rounding a photo's size


@dataclass(frozen=True)
class Style:
    """The settings of one call, in pixels of the picture; see ``draw_people``.

    Raises:
        ValueError: a setting out of range.
    """

    limb_width: float | None
    keypoint_radius: float | None
    alpha: float
    threshold: float
    color_by: ColorBy

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha must be 0..1, got {self.alpha}")
        for name in ("limb_width", "keypoint_radius"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1000:
                raise ValueError(f"{name} must be 0..1000 pixels, got {value}")
        if self.color_by not in ("limb", "person"):
            raise ValueError(f"color_by must be 'limb' or 'person', got {self.color_by!r}")

    def colored(self, skeleton: Skeleton, own: Color) -> Skeleton:
        """The skeleton in its colours, or in the person's own."""
        if self.color_by == "limb":
            return skeleton
        colors: dict[str, Any] = {
            "keypoint_colors": (own,) * skeleton.num_keypoints,
            "limb_colors": (own,) * len(skeleton.limbs),
        }
        return replace(skeleton, **colors)


def own_color(rank: int) -> Color:
    """A person's colour; neighbours in rank are far apart on the colour circle."""
    return hue(0.58 + 0.618034 * rank, saturation=0.65)


def check_aspect(image: Image, canvas: tuple[int, int], whose: str) -> None:
    """Refuse to stretch people; a pixel of rounding is allowed, which shows in small pictures.

    Raises:
        ValueError: image has another aspect ratio than the canvas.
    """
    height, width = image.shape[:2]
    canvas_height, canvas_width = canvas
    off = abs(height * canvas_width - width * canvas_height)
    rounding = max(canvas_height, canvas_width)
    if off > max(_STRETCH * height * canvas_width, rounding):
        raise ValueError(
            f"image is {height} x {width} pixels (height x width), but {whose} canvas is "
            f"{canvas_height} x {canvas_width}: they would be stretched; "
            "is (height, width) swapped somewhere?"
        )
