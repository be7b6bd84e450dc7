"""``tf_pose.common``: the names of parts, their pairs and colours, and reading a picture."""

from __future__ import annotations

import enum
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.ops._arrays import whole
from heatpose.skeletons import COCO18
from heatpose.skeletons.skeleton import hue


class CocoPart(enum.Enum):
    """Parts of a body, by the channel of their heatmap."""

    Nose = 0
    Neck = 1
    RShoulder = 2
    RElbow = 3
    RWrist = 4
    LShoulder = 5
    LElbow = 6
    LWrist = 7
    RHip = 8
    RKnee = 9
    RAnkle = 10
    LHip = 11
    LKnee = 12
    LAnkle = 13
    REye = 14
    LEye = 15
    REar = 16
    LEar = 17
    Background = 18


CocoPairs: list[tuple[int, int]] = [(a, b) for a, b in COCO18.limbs]
"""The two parts of each limb."""
CocoPairsRender = CocoPairs[:-2]
"""Those that are drawn: not from ear to shoulder."""
CocoPairsNetwork: list[tuple[int, int]] = [(x, y) for x, y in COCO18.paf_channels]
"""The field channels (x, y) of each limb."""
CocoColors: list[list[int]] = [list(hue(k / 18, saturation=1.0)) for k in range(18)]
"""A colour for each part and limb."""


def read_imgfile(
    path: str | os.PathLike[str], width: int | None = None, height: int | None = None
) -> npt.NDArray[np.uint8]:
    """Read a picture.

    Args:
        path: An image file.
        width: In pixels, to resize it to, together with ``height``.
        height: In pixels.

    Returns:
        uint8 [H, W, 3] BGR.

    Raises:
        FileNotFoundError: no such file (the program gives None).
        ValueError: not an image, or a size below 1.
    """
    import cv2

    from heatpose.media import read_image

    picture: npt.NDArray[Any] = read_image(path)
    if width is not None and height is not None:
        size = whole("width", width, low=1), whole("height", height, low=1)
        picture = np.asarray(cv2.resize(picture, size), np.uint8)
    return picture
