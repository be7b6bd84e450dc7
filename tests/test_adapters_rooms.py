"""No peak and no person is left out without an error, however many there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heatpose import demo, ops
from heatpose.adapters import _rooms, openpose_python, tf_pose
from heatpose.adapters.openpose import decode
from heatpose.skeletons import BODY25

pytest.importorskip("cv2")


def test_a_room_is_no_larger_than_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = []

    def find_peaks(maps: Any, max_peaks: int, **settings: Any) -> Any:
        rooms.append(max_peaks)
        return plain(maps, max_peaks=max_peaks, **settings)

    plain = ops.find_peaks
    monkeypatch.setattr(ops, "find_peaks", find_peaks)
    found = _rooms.every_peak(np.ones((1, 30, 50), np.float32), threshold=0.5, ties="all")
    assert int(found.counts[0]) == 1500 == rooms[-1]
    assert rooms == sorted(set(rooms))
    few = _rooms.every_peak(np.ones((2, 3, 5), np.float32), threshold=0.5, ties="all")
    assert few.counts.tolist() == [15, 15] and rooms[-1] == 15


def test_every_pixel_of_a_photo_may_be_a_peak() -> None:
    """More than half of what the ops have room for: the next step would be beyond it."""
    maps = np.ones((1, 720, 1280), np.float32)
    assert int(_rooms.every_peak(maps, threshold=0.5, ties="all").counts[0]) == 720 * 1280


def test_more_than_the_ops_have_room_for_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rooms, "MOST", 200)
    with pytest.raises(ValueError, match=r"more peaks of a part than there is room for \(200\)"):
        _rooms.every_peak(np.ones((1, 30, 50), np.float32), threshold=0.5, ties="all")


def planted(people: int) -> tuple[np.ndarray, int]:
    heatmaps, pafs, _ = demo.planted_crowd(people, seed=3)
    return np.concatenate([heatmaps, pafs]).transpose(1, 2, 0), people


def test_nobody_is_left_out_of_a_network_output(monkeypatch: pytest.MonkeyPatch) -> None:
    output, _ = planted(20)
    wanted = [human.score for human in tf_pose.estimate(output)]
    assert len(wanted) >= 18
    monkeypatch.setattr(_rooms, "FIRST", 4)
    assert [human.score for human in tf_pose.estimate(output)] == wanted
    monkeypatch.setattr(_rooms, "MOST", 8)
    with pytest.raises(ValueError, match="more peaks of a part than there is room for"):
        tf_pose.estimate(output)


def test_candidates_are_not_cut_off_either(monkeypatch: pytest.MonkeyPatch) -> None:
    heatmaps, pafs, _ = demo.planted_crowd(8, cells=(46, 82), canvas=(360, 640), seed=2)
    monkeypatch.setattr(openpose_python, "_ROOM", 2)
    monkeypatch.setattr(_rooms, "MOST", 5)
    with pytest.raises(ValueError, match="there is room for"):
        openpose_python.CandidateDecoder()(heatmaps, pafs, (360, 640))


def test_openpose_has_room_for_all_that_its_peaks_can_begin() -> None:
    """Two peaks begin a person, and no peak is in two."""
    assert decode.MAX_PEAKS * BODY25.num_keypoints <= decode._MOST_PEOPLE * 2 + 1
