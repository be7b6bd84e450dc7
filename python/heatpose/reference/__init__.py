"""The ops in plain NumPy float64: the specification, and the oracle of the tests."""

from __future__ import annotations

from heatpose.reference.decode_hand_maps import decode_hand_maps
from heatpose.reference.find_peaks import find_peaks
from heatpose.reference.gaussian_smooth import gaussian_smooth, gaussian_taps
from heatpose.reference.prepare_image import prepare_image, resize_cubic
from heatpose.reference.resize_average import resize_average

__all__ = [
    "decode_hand_maps",
    "find_peaks",
    "gaussian_smooth",
    "gaussian_taps",
    "prepare_image",
    "resize_average",
    "resize_cubic",
]
