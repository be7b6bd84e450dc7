"""The lightweight-human-pose adapter against slow transcriptions of its rules."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from adapter_crowds import crowds
from adapter_table import Crowds
from heatpose import demo
from heatpose.adapters import lightweight_human_pose as lightweight
from heatpose.adapters.lightweight_human_pose import OneEuroFilter, Pose
from heatpose.skeletons import COCO18

F = np.float32


def scene(people: int, seed: int = 0, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Heatmaps and fields [H, W, C], enlarged twice."""
    heatmaps, pafs, _ = demo.planted_crowd(people, cells=(30, 46), seed=seed, noise=noise)
    return tuple(m.repeat(2, 1).repeat(2, 2).transpose(1, 2, 0) for m in (heatmaps, pafs))


def smooth_scene(people: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The same without plateaus, which have no peak here."""
    heat, paf = scene(people, seed)
    ramp = np.arange(heat[..., 0].size, dtype=F).reshape(heat.shape[:2]) * F(1e-6)
    return heat + ramp[..., None] * (heat > 0.1), paf


def extract_all(heat: np.ndarray) -> list[list[Any]]:
    found: list[list[Any]] = []
    total = 0
    for part in range(18):
        total += lightweight.extract_keypoints(heat[:, :, part], found, total)
    return found


def loop_peaks(heat: np.ndarray, first: int) -> list[tuple[int, int, Any, int]]:
    height, width = heat.shape
    level = heat.dtype.type(0.1)

    def value(y: int, x: int) -> Any:
        inside = 0 <= y < height and 0 <= x < width and heat[y, x] >= level
        return heat[y, x] if inside else 0

    peaks = []
    for x, y in np.argwhere(level <= heat.T).tolist():
        around = value(y - 1, x), value(y + 1, x), value(y, x - 1), value(y, x + 1)
        if all(value(y, x) > rival for rival in around):
            peaks.append((x, y))
    kept: list[tuple[int, int]] = []
    dropped: set[tuple[int, int]] = set()
    for i, peak in enumerate(peaks):
        if peak in dropped:
            continue
        kept.append(peak)
        dropped |= {other for other in peaks[i + 1 :] if math.dist(peak, other) < 6}
    return [(x, y, heat[y, x], first + i) for i, (x, y) in enumerate(kept)]


def loop_pairs(
    ones: list[Any], others: list[Any], field: np.ndarray, least: float
) -> Iterator[tuple[int, int, float]]:
    """Scores of the pairs that pass, the second keypoint outermost."""
    for b, a in itertools.product(others, ones):
        way = np.array(b[:2], F) - np.array(a[:2], F)
        along = way / (np.sqrt(way[0] * way[0] + way[1] * way[1]) + F(1e-6))
        dots = np.zeros(10, F)
        for k in range(10):
            x, y = np.rint(F(1 / 9) * way * F(k) + np.array(a[:2], F)).astype(int)
            dots[k] = field[y, x, 0] * along[0] + field[y, x, 1] * along[1]
        passed = dots > F(least)
        score = float((dots * passed).sum() / (passed.sum() + 1e-6))
        if score > 0 and passed.sum() > 8:
            yield a[3], b[3], score


def loop_people(keypoints: list[list[Any]], paf: np.ndarray, least: float = 0.05) -> np.ndarray:
    flat = [item for part in keypoints for item in part]
    people: list[list[float]] = []
    for limb, ((a, b), channels) in enumerate(zip(COCO18.limbs, COCO18.paf_channels, strict=True)):
        pairs = list(loop_pairs(keypoints[a], keypoints[b], paf[:, :, list(channels)], least))
        used: set[int] = set()
        for one, other, score in sorted(pairs, key=lambda pair: -pair[2]):
            if one in used or other in used:
                continue
            used |= {one, other}
            if limb >= 17:
                for person in people:
                    if person[a] == one and person[b] == -1:
                        person[b] = other
                    elif person[b] == other and person[a] == -1:
                        person[a] = one
                continue
            own = [person for person in people if person[a] == one]
            for person in own:
                person[b] = other
                person[19] += 1
                person[18] += float(flat[other][2]) + score
            if not own:
                new = [-1.0] * 18 + [float(flat[one][2]) + float(flat[other][2]) + score, 2]
                new[a], new[b] = one, other
                people.append(new)
    return np.array([p for p in people if p[19] >= 3 and not p[18] / p[19] < 0.2])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(3))
def test_peaks_are_those_of_the_loops(dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps = rng.choice([-1, 0, 0.05, 0.1, 0.1000000001, 0.2, 0.3, 0.4], (2, 25, 33)).astype(dtype)
    maps[1] = rng.random((25, 33))
    for heat in maps:
        before, found = heat.copy(), [[]]
        count = lightweight.extract_keypoints(heat, found, 7)
        np.testing.assert_array_equal(heat, before)
        assert found == [[], loop_peaks(heat, 7)]
        assert count == len(found[1]) > 3


def test_of_near_peaks_the_left_one_stays_whatever_its_score() -> None:
    heat = np.zeros((20, 40), F)
    heat[5, 5], heat[5, 10], heat[5, 15], heat[10, 5] = 0.2, 0.9, 0.8, 0.9
    found: list[Any] = []
    assert lightweight.extract_keypoints(heat, found, 0) == 2
    # (10, 5) and (5, 10) are near (5, 5); (15, 5) is near only one that is gone.
    assert [(x, y) for x, y, _, _ in found[0]] == [(5, 5), (15, 5)]


def test_the_map_is_cleared_only_when_asked() -> None:
    heat = np.array([[0.05, 0.3, -1.0]], F)
    found: list[Any] = []
    lightweight.extract_keypoints(heat, found, 0, in_place=True)
    np.testing.assert_array_equal(heat, np.array([[0, 0.3, 0]], F))
    assert found[0] == [(1, 0, F(0.3), 0)]


def test_more_peaks_than_room_are_all_found() -> None:
    heat = np.zeros((120, 120), F)
    heat[::6, ::6] = 0.5
    found: list[Any] = []
    assert lightweight.extract_keypoints(heat, found, 0) == 400


@pytest.mark.parametrize(("people", "seed"), [(0, 0), (1, 1), (5, 2), (9, 3)])
def test_people_are_those_of_the_loops(people: int, seed: int) -> None:
    heat, paf = smooth_scene(people, seed)
    keypoints = extract_all(heat)
    entries, all_keypoints = lightweight.group_keypoints(keypoints, paf)
    np.testing.assert_array_equal(entries, loop_people(keypoints, paf))
    assert all_keypoints.tolist() == [
        [x, y, float(score), number] for part in keypoints for x, y, score, number in part
    ]
    assert len(entries) >= people


def test_crowds_have_the_people_of_the_loops() -> None:
    cv2 = pytest.importorskip("cv2")
    row = Crowds("lightweight_human_pose", "the program's loops")
    for _, heatmaps, pafs in crowds():
        heat, paf = (
            cv2.resize(m.transpose(1, 2, 0), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
            for m in (heatmaps, pafs)
        )
        keypoints = extract_all(heat)
        wanted: list[list[Any]] = []
        for part in range(18):
            wanted.append(loop_peaks(heat[:, :, part], sum(map(len, wanted))))
        entries, _ = lightweight.group_keypoints(keypoints, paf)
        people = loop_people(wanted, paf)
        row.add(len(people), keypoints == wanted and np.array_equal(entries, people))
    row.check()


def test_a_crowd_takes_the_quick_way_to_the_same_answer() -> None:
    rng = np.random.default_rng(4)
    paf = rng.normal(0.25, 0.3, (40, 50, 38)).astype(F)
    numbers = itertools.count()
    keypoints = [
        [
            (int(x), int(y), F(rng.random()), next(numbers))
            for x, y in zip(rng.integers(0, 50, 7), rng.integers(0, 40, 7), strict=True)
        ]
        for _ in range(18)
    ]
    for least in (0.05, 0.2):
        entries, _ = lightweight.group_keypoints(keypoints, paf, min_paf_score=least)
        np.testing.assert_array_equal(entries, loop_people(keypoints, paf, least))
        assert len(entries) > 3 or least > 0.1


def test_wide_entries_and_wide_fields() -> None:
    heat, paf = smooth_scene(3)
    keypoints = extract_all(heat)
    entries, _ = lightweight.group_keypoints(keypoints, paf)
    wide, _ = lightweight.group_keypoints(keypoints, paf, pose_entry_size=25)
    np.testing.assert_array_equal(wide[:, :18], entries[:, :18])
    np.testing.assert_array_equal(wide[:, -2:], entries[:, -2:])
    double, _ = lightweight.group_keypoints(keypoints, paf.astype(np.float64))
    np.testing.assert_array_equal(double[:, :18], entries[:, :18])


def test_nobody_anywhere() -> None:
    entries, keypoints = lightweight.group_keypoints([[]] * 18, np.zeros((4, 4, 38), F))
    assert (entries.shape, keypoints.shape) == ((0,), (0,))


def test_not_a_number_is_no_pair() -> None:
    keypoints = extract_all(smooth_scene(2)[0])
    entries, _ = lightweight.group_keypoints(keypoints, np.full((60, 92, 38), np.nan, F))
    assert entries.shape == (0,)


NONE: list[list[Any]] = [[]] * 18
FIELDS = np.zeros((4, 5, 38), F)
BAD = [
    ("extract_keypoints", ([[1.0]], [], 0), TypeError, "heatmap must be a NumPy array of floats"),
    ("extract_keypoints", (np.zeros((4, 5), int), [], 0), TypeError, "got int64"),
    ("extract_keypoints", (FIELDS, [], 0), ValueError, r"heatmap must have shape \(H, W\)"),
    ("extract_keypoints", (FIELDS[0], [], -1), ValueError, "total_keypoint_num must be between 0"),
    ("group_keypoints", (NONE, FIELDS[0]), ValueError, r"pafs must have shape \(H, W, 38 or more"),
    ("group_keypoints", (NONE, None), TypeError, "pafs must be a NumPy array of floats, got None"),
    ("group_keypoints", (NONE[1:], FIELDS), ValueError, "must have 18 lists, got 17"),
    ("group_keypoints", (NONE, FIELDS, 19), ValueError, "pose_entry_size must be between 20"),
    ("group_keypoints", ([[(5, 0, 0.5, 0)], *NONE[1:]], FIELDS), ValueError,
     r"all_keypoints_by_type\[0\] must lie in the 4 x 5 pixels"),
    ("group_keypoints", ([[(1, 0, 0.5)], *NONE[1:]], FIELDS), ValueError, "got 3 numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "error", "message"), BAD)
def test_bad_input(
    name: str, arguments: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        getattr(lightweight, name)(*arguments)


# --- Poses in a video.


def pose(x: float, y: float, confidence: float = 1.0, missing: tuple[int, ...] = ()) -> Pose:
    """Keypoints on a circle of 40 pixels around a place."""
    angles = np.arange(18) * (2 * np.pi / 18)
    places = np.array([x, y]) + 40 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    keypoints = np.rint(places).astype(np.int32)
    keypoints[list(missing)] = -1
    return Pose(keypoints, confidence)


def test_a_box_goes_around_what_was_found() -> None:
    cv2 = pytest.importorskip("cv2")
    for missing in ((), (0, 9), tuple(range(17))):
        one = pose(100, 80, missing=missing)
        found = one.keypoints[one.keypoints[:, 0] != -1]
        assert one.bbox == cv2.boundingRect(found)
    assert pose(0, 0, missing=tuple(range(18))).bbox == (0, 0, 0, 0)


def test_numbers_follow_the_poses_that_are_alike() -> None:
    before = [pose(100, 100), pose(300, 100)]
    lightweight.track_poses([], before)
    assert before[1].id == before[0].id + 1
    now = [pose(303, 101, 0.5), pose(600, 400, 0.9), pose(101, 100, 0.8)]
    lightweight.track_poses(before, now)
    assert (now[0].id, now[2].id) == (before[1].id, before[0].id)
    assert now[1].id == before[1].id + 1 == Pose.last_id


def test_the_surest_pose_chooses_first() -> None:
    before = [pose(100, 100)]
    lightweight.track_poses([], before)
    now = [pose(100, 100, 0.5), pose(102, 100, 0.9)]
    lightweight.track_poses(before, now)
    assert now[1].id == before[0].id != now[0].id


def test_likeness_counts_the_keypoints_that_both_have() -> None:
    one = pose(100, 100)
    assert lightweight.get_similarity(one, one) == 18
    assert lightweight.get_similarity(one, pose(100, 100, missing=(1, 2))) == 16
    assert lightweight.get_similarity(one, pose(500, 100)) == 0
    nose = pose(100, 100, missing=tuple(range(1, 18)))
    moved = Pose(nose.keypoints + np.where(nose.keypoints == -1, 0, 5), 1.0)
    expected = math.exp(-50 / (2 * 1 * (0.026 * 2) ** 2)) > 0.5
    assert lightweight.get_similarity(nose, moved) == int(expected)


def test_smoothing_follows_the_person() -> None:
    frames = [pose(100 + 7 * (k % 2), 100) for k in range(6)]
    filters = [[OneEuroFilter(), OneEuroFilter()] for _ in range(18)]
    before: list[Pose] = []
    for frame in frames:
        raw = frame.keypoints.copy()
        lightweight.track_poses(before, [frame], smooth=True)
        want = [[int(filters[k][axis](raw[k, axis])) for axis in (0, 1)] for k in range(18)]
        np.testing.assert_array_equal(frame.keypoints, want)
        assert frame.bbox == Pose.get_bbox(frame.keypoints)
        before = [frame]
    assert len({frame.id for frame in frames}) == 1


def test_the_filter_is_that_of_the_paper() -> None:
    """Against the recursion written out, and at its two ends."""
    values = np.cumsum(np.random.default_rng(0).normal(size=30)).tolist()
    one = OneEuroFilter(freq=20, mincutoff=0.5, beta=0.1, dcutoff=2)

    def share(cutoff: float) -> float:
        return 1 / (1 + (1 / (2 * math.pi * cutoff)) / (1 / 20))

    smooth, speed, last = values[0], 0.0, values[0]
    assert one(values[0]) == values[0]
    for value in values[1:]:
        speed = share(2) * (value - last) * 20 + (1 - share(2)) * speed
        part = share(0.5 + 0.1 * abs(speed))
        smooth, last = part * value + (1 - part) * smooth, value
        assert one(value) == pytest.approx(smooth, rel=1e-12)
    still = OneEuroFilter()
    assert [still(3.0) for _ in range(5)] == pytest.approx([3.0] * 5)


def test_a_pose_is_drawn_where_it_is() -> None:
    pytest.importorskip("cv2")
    image = np.zeros((200, 200, 3), np.uint8)
    pose(100, 100, missing=(0, 3)).draw(image)
    ys, xs = np.nonzero(image.any(axis=-1))
    assert image.any() and xs.min() >= 55 and xs.max() <= 145 and ys.min() >= 55


def test_bad_poses_and_filters() -> None:
    with pytest.raises(ValueError, match=r"keypoints must have shape \(18, 2\)"):
        Pose(np.zeros((17, 2), np.int32), 1.0)
    with pytest.raises(ValueError, match="dcutoff must be above 0"):
        OneEuroFilter(dcutoff=0)
