"""From photos to results: a network, its decoder, and what lies between."""

from __future__ import annotations

from heatpose.estimators.body import BodyEstimator
from heatpose.estimators.face import FaceEstimator
from heatpose.estimators.hand import HandEstimator
from heatpose.estimators.wholebody import WholeBodyEstimator

__all__ = ["BodyEstimator", "FaceEstimator", "HandEstimator", "WholeBodyEstimator"]
