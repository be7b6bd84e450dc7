"""The public ops: check, allocate, call the native op where the array lives."""

from __future__ import annotations

from heatpose.ops.find_peaks import Peaks, find_peaks

__all__ = ["Peaks", "find_peaks"]
