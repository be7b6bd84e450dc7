"""The ops in plain NumPy float64: the specification, and the oracle of the tests."""

from __future__ import annotations

from heatpose.reference.find_peaks import find_peaks

__all__ = ["find_peaks"]
