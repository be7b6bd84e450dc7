"""The lightweight-human-pose adapter on real maps, enlarged as the program does it.

There are no recordings of the original on them: peaks and people are those of the slow
transcription in tests/test_adapters_lightweight_human_pose.py, and nothing may differ.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heatpose.adapters import lightweight_human_pose
from test_adapters_lightweight_human_pose import extract_all, loop_people

cv2 = pytest.importorskip("cv2")


def test_real_maps_have_the_people_of_the_loops(shared_data: Path) -> None:
    people = 0
    for path in sorted((shared_data / "body" / "maps").glob("*[0-9].npz")):
        maps = np.load(path)["output"].astype(np.float32).transpose(1, 2, 0)
        heat, paf = (
            cv2.resize(part, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
            for part in (maps[:, :, :19], maps[:, :, 19:])
        )
        keypoints = extract_all(heat)
        entries, found = lightweight_human_pose.group_keypoints(keypoints, paf)
        np.testing.assert_array_equal(entries, loop_people(keypoints, paf))
        print(f"lightweight {path.stem}: {len(found)} peaks, {len(entries)} people, difference 0")
        people += len(entries)
    assert people > 30
