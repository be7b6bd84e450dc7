"""The flip test of top-down networks, in plain NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def average_flipped(
    heatmaps: npt.NDArray[Any],
    mirrored: npt.NDArray[Any],
    flip: Sequence[int],
    *,
    shift: bool = False,
) -> npt.NDArray[np.float64]:
    """See :func:`heatpose.ops.average_flipped`: float64 [..., K, h, w]."""
    width = mirrored.shape[-1]
    columns = np.arange(width)
    if shift:
        columns = np.maximum(columns - 1, 0)
    turned = np.asarray(mirrored, np.float64)[..., width - 1 - columns]
    turned = turned[..., np.asarray(flip, np.int64), :, :]
    return (np.asarray(heatmaps, np.float64) + turned) / 2
