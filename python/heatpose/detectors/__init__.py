"""Where to look: detectors take a photo and give boxes of people or of hands."""

from __future__ import annotations

from heatpose.detectors.detector import Detector

__all__ = ["Detector"]
