"""Videos: reading and writing them, people with ids that last, and less jitter.

Reading and writing needs PyAV, tracking SciPy (``pip install 'heatpose[video]'``); the One-Euro
filter needs NumPy alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from heatpose.video.one_euro import PoseFilter
from heatpose.video.tracking import Tracker

if TYPE_CHECKING:
    from heatpose.video.lines import FramePeople, read_lines
    from heatpose.video.process import VideoSummary, follow, process_video
    from heatpose.video.reading import Frame, VideoInfo, VideoReader
    from heatpose.video.writing import VideoWriter

# These need OpenCV, and come when first used: the filter alone is light.
_HOME = {
    "Frame": "reading",
    "FramePeople": "lines",
    "VideoInfo": "reading",
    "VideoReader": "reading",
    "VideoSummary": "process",
    "VideoWriter": "writing",
    "follow": "process",
    "process_video": "process",
    "read_lines": "lines",
}

__all__ = [
    "Frame",
    "FramePeople",
    "PoseFilter",
    "Tracker",
    "VideoInfo",
    "VideoReader",
    "VideoSummary",
    "VideoWriter",
    "follow",
    "process_video",
    "read_lines",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
