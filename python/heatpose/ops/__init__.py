"""The public ops: check, allocate, call the native op where the array lives."""

from __future__ import annotations

from heatpose.ops._arrays import Array
from heatpose.ops._scales import Size
from heatpose.ops.associate import AssociateOptions, Association, associate
from heatpose.ops.decode_hand_maps import HandKeypoints, decode_hand_maps
from heatpose.ops.find_peaks import Peaks, find_peaks
from heatpose.ops.peaks_from_cells import peaks_from_cells
from heatpose.ops.prepare_image import prepare_image

__all__ = [
    "Array",
    "AssociateOptions",
    "Association",
    "HandKeypoints",
    "Peaks",
    "Size",
    "associate",
    "decode_hand_maps",
    "find_peaks",
    "peaks_from_cells",
    "prepare_image",
]
