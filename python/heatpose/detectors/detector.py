"""What a detector is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from heatpose.results import Boxes


class Detector(Protocol):
    """Anything that finds boxes in a photo: a function will do."""

    def __call__(self, image: NDArray[np.uint8], /) -> Boxes:
        """Find the boxes of one photo.

        Args:
            image: uint8 [H, W, 3] BGR, C-contiguous.

        Returns:
            The boxes, in pixels of the photo, best first unless the detector says otherwise; maybe
            none.
        """
        ...
