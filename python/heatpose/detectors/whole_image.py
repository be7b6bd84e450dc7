"""The simplest detector: somebody fills the photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heatpose.media import check_image
from heatpose.results import Boxes


@dataclass(frozen=True)
class WholeImage:
    """One box around the whole photo, with no margin to be added: for photos that are crops.

    Many threads may share one.
    """

    def __call__(self, image: npt.NDArray[np.uint8], /) -> Boxes:
        """Give the box (0, 0, W, H), of score 1.

        Args:
            image: uint8 [H, W, 3] BGR.

        Raises:
            TypeError: not a uint8 array.
            ValueError: another shape, or no pixels.
        """
        check_image(image)
        height, width = image.shape[:2]
        return Boxes(np.array([[0, 0, width, height]], np.float32), padded=True)
