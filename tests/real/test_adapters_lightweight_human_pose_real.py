"""The lightweight-human-pose adapter on real maps, enlarged as the program does it.

There are no recordings of the original on them: peaks and people are those of the slow
transcription in tests/test_adapters_lightweight_human_pose.py, and nothing may differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from adapter_table import Golden, check, goldens
from heatpose.adapters import lightweight_human_pose
from test_adapters_lightweight_human_pose import extract_all, loop_peaks, loop_people

cv2 = pytest.importorskip("cv2")


@goldens
def rows(shared: Path) -> Iterator[Golden]:
    people = 0
    for path in sorted((shared / "body" / "maps").glob("*[0-9].npz")):
        maps = np.load(path)["output"].astype(np.float32).transpose(1, 2, 0)
        heat, paf = (
            cv2.resize(part, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
            for part in (maps[:, :, :19], maps[:, :, 19:])
        )
        keypoints = extract_all(heat)
        entries, _ = lightweight_human_pose.group_keypoints(keypoints, paf)
        found = [loop_peaks(heat[:, :, part], 0) for part in range(18)]
        same = all(
            [peak[:3] for peak in mine] == [peak[:3] for peak in theirs]
            for mine, theirs in zip(keypoints, found, strict=True)
        )
        wanted = loop_people(keypoints, paf)
        people += len(wanted)
        pairs = {"peaks": same, "people, every bit": np.array_equal(entries, wanted)}
        for what, equal in pairs.items():
            yield Golden(
                "lightweight_human_pose",
                "body/maps/<photo>.npz",
                "the program's loops, no recording",
                what,
                1,
                0.0 if equal else np.inf,
                0.0,
                worst=path.stem,
            )
    assert people > 30


def test_real_maps_have_the_people_of_the_loops(shared_data: Path) -> None:
    check(rows(shared_data))
