"""The ops in plain NumPy float64: the specification, and the oracle of the tests."""

from __future__ import annotations

from heatpose.reference.associate import associate
from heatpose.reference.average_flipped import average_flipped
from heatpose.reference.decode_hand_maps import decode_hand_maps
from heatpose.reference.decode_heatmaps import decode_heatmaps
from heatpose.reference.find_peaks import find_peaks
from heatpose.reference.gaussian_smooth import gaussian_smooth, gaussian_taps
from heatpose.reference.grid_people import (
    assign_pairs,
    connect_peaks,
    refine_peaks,
    score_pairs,
)
from heatpose.reference.peaks_from_cells import peaks_from_cells
from heatpose.reference.prepare_image import prepare_image, resize_cubic
from heatpose.reference.resize_average import resize_average
from heatpose.reference.warp_crops import warp_crops

__all__ = [
    "assign_pairs",
    "associate",
    "average_flipped",
    "connect_peaks",
    "decode_hand_maps",
    "decode_heatmaps",
    "find_peaks",
    "gaussian_smooth",
    "gaussian_taps",
    "peaks_from_cells",
    "prepare_image",
    "refine_peaks",
    "resize_average",
    "resize_cubic",
    "score_pairs",
    "warp_crops",
]
