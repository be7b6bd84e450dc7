"""From a photo or its path to a picture or its file."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def draw_on(
    image: Image | str | os.PathLike[str],
    to: str | os.PathLike[str] | None,
    draw: Callable[[Image], Image],
) -> Image:
    """Draw on a photo, which may be a file, and write the picture if ``to`` is given.

    Raises:
        TypeError: image is neither an array nor a path.
    """
    from heatpose import media

    if not isinstance(image, (np.ndarray, str, os.PathLike)):
        raise TypeError(
            f"image must be a uint8 [H, W, 3] array or a path, got {type(image).__name__}"
        )
    picture = draw(image if isinstance(image, np.ndarray) else media.read_image(image))
    if to is not None:
        media.write_image(to, picture)
    return picture
