"""The public ops: check, allocate, call the native op where the array lives."""

from __future__ import annotations

from heatpose.ops.find_peaks import Peaks, find_peaks
from heatpose.ops.peaks_from_cells import peaks_from_cells

__all__ = ["Peaks", "find_peaks", "peaks_from_cells"]
