"""The ops in plain NumPy float64: the specification, and the oracle of the tests."""

from __future__ import annotations

from heatpose.reference.find_peaks import find_peaks
from heatpose.reference.gaussian_smooth import gaussian_smooth, gaussian_taps
from heatpose.reference.resize_average import resize_average

__all__ = ["find_peaks", "gaussian_smooth", "gaussian_taps", "resize_average"]
