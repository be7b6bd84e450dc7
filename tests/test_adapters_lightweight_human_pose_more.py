"""The adapter of lightweight-human-pose-estimation: nothing, nobody and what is no map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heatpose.adapters.lightweight_human_pose import (
    OneEuroFilter,
    Pose,
    connections_nms,
    extract_keypoints,
    get_similarity,
    group_keypoints,
    track_poses,
)

FIELDS = np.zeros((9, 9, 38), np.float32)
NOBODY: list[list[Any]] = [[] for _ in range(18)]


@pytest.mark.parametrize("heatmap", [None, [], [[0.5]], np.zeros(5), np.zeros((5, 5, 5), "f4"),
                                     np.zeros((5, 5), int), "map"])  # fmt: skip
def test_what_is_no_map(heatmap: Any) -> None:
    found: list[Any] = []
    with pytest.raises((TypeError, ValueError), match="heatmap must"):
        extract_keypoints(heatmap, found, 0)
    assert found == []


def test_maps_without_peaks() -> None:
    found: list[Any] = []
    for heatmap in (np.full((5, 5), np.nan), np.zeros((0, 5)), np.zeros((5, 0), np.float32)):
        assert extract_keypoints(heatmap, found, 0) == 0
    assert found == [[], [], []]
    for keeper in (None, (), np.zeros(3)):
        with pytest.raises(TypeError, match="all_keypoints must be a list"):
            extract_keypoints(np.zeros((5, 5)), keeper, 0)  # type: ignore[arg-type]


def test_nobody() -> None:
    entries, points = group_keypoints(NOBODY, FIELDS)
    assert entries.size == points.size == 0
    alone: list[Any] = [[(1, 2, 1.0, 0)], *NOBODY[1:]]
    entries, points = group_keypoints(alone, FIELDS * np.nan)
    assert len(entries) == 0 and points.tolist() == [[1, 2, 1, 0]]
    track_poses([], [])
    a, b, scores = connections_nms(np.zeros(0, int), np.zeros(0, int), np.zeros(0))
    assert len(a) == len(b) == len(scores) == 0


def test_pairs_that_do_not_fit() -> None:
    for arguments in (([], [], []), (None, None, None)):
        with pytest.raises(TypeError, match="a_idx must be"):
            connections_nms(*arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="as long as"):
        connections_nms(np.array([0]), np.array([0, 1]), np.array([1.0]))


@pytest.mark.parametrize(
    "keypoints",
    [None, [], NOBODY[:17], "keypoints", [[(1, 2)]] * 18, [[(np.nan, 2, 1.0, 0)]] * 18,
     [[(99, 2, 1.0, 0)]] * 18],
)  # fmt: skip
def test_what_are_no_keypoints(keypoints: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        group_keypoints(keypoints, FIELDS)


@pytest.mark.parametrize(
    "fields", [None, [], FIELDS[0], FIELDS[:, :, :19], FIELDS.astype(int), "fields"]
)
def test_what_are_no_fields(fields: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="pafs must"):
        group_keypoints([[(1, 2, 1.0, k)] for k in range(18)], fields)


def test_what_is_no_pose() -> None:
    for keypoints in (None, [], np.zeros((17, 2)), np.zeros((18, 3))):
        with pytest.raises(ValueError, match="keypoints must have shape"):
            Pose(keypoints, 1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="keypoints must be an array"):
        Pose([[1, 2]] * 18, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="keypoints must be finite"):
        Pose(np.full((18, 2), np.nan), 1.0)
    lost = Pose(np.full((18, 2), -1), 1.0)
    assert lost.bbox == (0, 0, 0, 0) and get_similarity(lost, lost) == 0
    track_poses([lost], [lost], smooth=True)
    with pytest.raises(TypeError, match="img must be"):
        Pose(np.ones((18, 2), int), 1.0).draw(None)  # type: ignore[arg-type]
    for poses in (None, 3):
        with pytest.raises(TypeError):
            track_poses(poses, [])  # type: ignore[arg-type]


def test_filters_need_rates() -> None:
    for bad in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="freq must be above 0"):
            OneEuroFilter(freq=bad)
