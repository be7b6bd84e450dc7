"""In place of the C++ OpenPose: its ``Datum`` arrays, its JSON files, its association of peaks.

See ``docs/adapters/openpose.md``.
"""

from __future__ import annotations

from heatpose.adapters.openpose.datum import Datum
from heatpose.adapters.openpose.decode import decode_body
from heatpose.adapters.openpose.documents import (
    from_json,
    keypoints_path,
    read_json,
    to_json,
    write_json,
)
from heatpose.adapters.openpose.scales import scale_keypoints

__all__ = [
    "Datum",
    "decode_body",
    "from_json",
    "keypoints_path",
    "read_json",
    "scale_keypoints",
    "to_json",
    "write_json",
]
