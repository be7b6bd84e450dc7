"""Photo in, results out: a network, a decoder and what lies between."""

from __future__ import annotations

from heatpose.estimators.body import BodyEstimator

__all__ = ["BodyEstimator"]
