"""Videos: reading and writing them, people with ids that last, and less jitter.

Reading and writing needs PyAV, tracking SciPy (``pip install 'heatpose[video]'``); the One-Euro
filter needs NumPy alone.
"""

from __future__ import annotations

from heatpose.video.one_euro import PoseFilter
from heatpose.video.tracking import Tracker

__all__ = ["PoseFilter", "Tracker"]
