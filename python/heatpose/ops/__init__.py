"""The public ops: check, allocate, call the native op where the array lives."""

from __future__ import annotations

from heatpose.ops._arrays import Array
from heatpose.ops._scales import Size
from heatpose.ops.associate import AssociateOptions, Association, associate
from heatpose.ops.average_flipped import average_flipped
from heatpose.ops.crop_matrices import CropMatrices, crop_matrices
from heatpose.ops.decode_hand_maps import HandKeypoints, decode_hand_maps
from heatpose.ops.decode_heatmaps import DecodedHeatmaps, crop_transform, decode_heatmaps
from heatpose.ops.find_peaks import Peaks, find_peaks
from heatpose.ops.gaussian_smooth import gaussian_smooth
from heatpose.ops.grid_people import GridPeople, grid_people
from heatpose.ops.grid_steps import (
    ConnectedPeaks,
    assign_pairs,
    connect_peaks,
    refine_peaks,
    score_pairs,
)
from heatpose.ops.peaks_from_cells import peaks_from_cells
from heatpose.ops.prepare_image import prepare_image
from heatpose.ops.resize_average import resize_average
from heatpose.ops.warp_crops import IMAGENET_MEAN, IMAGENET_STD, warp_crops

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "Array",
    "AssociateOptions",
    "Association",
    "ConnectedPeaks",
    "CropMatrices",
    "DecodedHeatmaps",
    "GridPeople",
    "HandKeypoints",
    "Peaks",
    "Size",
    "assign_pairs",
    "associate",
    "average_flipped",
    "connect_peaks",
    "crop_matrices",
    "crop_transform",
    "decode_hand_maps",
    "decode_heatmaps",
    "find_peaks",
    "gaussian_smooth",
    "grid_people",
    "peaks_from_cells",
    "prepare_image",
    "refine_peaks",
    "resize_average",
    "score_pairs",
    "warp_crops",
]
