"""Who is who over the frames, and the One-Euro filter over all keypoints."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from heatpose.drawing import draw_people
from heatpose.results import People
from heatpose.skeletons import COCO17
from heatpose.video import PoseFilter, Tracker
from heatpose.video.one_euro import one_euro_step
from video_scenes import people_at

RATE = 30.0


def _track(places: Any, tracker: Tracker | None = None) -> list[list[int]]:
    """The ids of people at [frames][people] places, 30 frames a second."""
    tracker = tracker or Tracker(birth_frames=1)
    return [tracker(people_at(row), i / RATE).tolist() for i, row in enumerate(places)]


def test_people_keep_their_ids_whatever_their_order() -> None:
    places = [[(100 + 3 * i, 200), (400 - 3 * i, 210)] for i in range(20)]
    swapped = [row if i % 2 else row[::-1] for i, row in enumerate(places)]
    ids = _track(swapped)
    assert ids == [[1, 2] if i % 2 == 0 else [2, 1] for i in range(20)]


def test_people_who_cross_keep_their_ids() -> None:
    places = [[(100 + 6 * i, 200), (400 - 6 * i, 212)] for i in range(50)]
    assert _track(places) == [[1, 2]] * 50


def test_an_id_outlives_a_gap_and_no_longer_one() -> None:
    walk = [[(100 + 2 * i, 200)] for i in range(90)]
    short = [[] if 20 <= i < 40 else row for i, row in enumerate(walk)]
    assert _track(short)[40:] == [[1]] * 50
    long = [[] if 20 <= i < 55 else row for i, row in enumerate(walk)]
    assert _track(long)[55:] == [[2]] * 35


@pytest.mark.parametrize(("rate", "max_gap"), [(0.4, 1.0), (30.0, 0.01), (30.0, 0.0)])
def test_who_was_in_the_frame_before_keeps_the_id_whatever_max_gap(
    rate: float, max_gap: float
) -> None:
    tracker = Tracker(max_gap=max_gap)
    row = people_at([(100, 200), (400, 210)])
    ids = [tracker(row, i / rate).tolist() for i in range(4)]
    assert ids == [[-1, -1]] + [[1, 2]] * 3
    tracker(people_at([(400, 210)]), 4 / rate)
    assert tracker(row, 5 / rate).tolist() == [-1, 2]


def test_after_a_long_pause_somebody_far_away_is_somebody_else() -> None:
    tracker = Tracker(birth_frames=1)
    assert tracker(people_at([(100, 200)]), 0.0).tolist() == [1]
    assert tracker(people_at([(450, 200)]), 60.0).tolist() == [2]


def test_somebody_new_gets_an_id_in_the_second_frame() -> None:
    ids = _track([[(100, 200)]] * 3, Tracker(birth_frames=2))
    assert ids == [[-1], [1], [1]]


def test_a_false_alarm_of_one_frame_takes_no_id() -> None:
    places = [[(100, 200)]] * 3 + [[(100, 200), (400, 300)]] + [[(100, 200)]] * 2
    places += [[(100, 200), (400, 300)]] * 2
    ids = _track(places, Tracker(birth_frames=2))
    assert ids[3] == [1, -1] and ids[6:] == [[1, -1], [1, 2]]


def test_half_a_person_is_the_same_person() -> None:
    tracker = Tracker(birth_frames=1)
    whole = people_at([(200, 200)])
    assert tracker(whole, 0.0).tolist() == [1]
    keypoints, scores = whole.keypoints.copy(), whole.scores.copy()
    keypoints[:, 7:], scores[:, 7:] = np.nan, 0
    half = People(keypoints, scores, whole.person_scores, COCO17, whole.canvas)
    for i in range(1, 10):
        assert tracker(half, i / RATE).tolist() == [1]
    assert tracker(whole, 10 / RATE).tolist() == [1]


def test_somebody_far_away_is_somebody_else() -> None:
    assert _track([[(100, 200)], [(300, 200)]]) == [[1], [2]]


def test_pairs_are_matched_for_the_best_total_not_one_after_the_other() -> None:
    """The left one is nearer to where both were; a greedy choice would give it the wrong id."""
    tracker = Tracker(birth_frames=1, threshold=0.05)
    assert tracker(people_at([(100, 200), (118, 200)]), 0.0).tolist() == [1, 2]
    assert tracker(people_at([(110, 200), (132, 200)]), 1 / RATE).tolist() == [1, 2]


def test_a_tracker_goes_on_from_its_state() -> None:
    rng = np.random.default_rng(1)
    places = np.cumsum(rng.normal(0, 3, (40, 5, 2)), axis=0) + [[100 * i, 200] for i in range(5)]
    whole = _track(places)
    first, second = Tracker(birth_frames=1), Tracker(birth_frames=1)
    for i in range(20):
        first(people_at(places[i]), i / RATE)
    second.restore(first.state())
    rest = [second(people_at(places[i]), i / RATE).tolist() for i in range(20, 40)]
    assert rest == whole[20:]


def test_nobody_and_empty_people_are_fine() -> None:
    tracker = Tracker()
    assert tracker(People.empty(COCO17, (48, 64)), 0.0).shape == (0,)
    nothing = np.full((1, 17, 2), np.nan, np.float32)
    ghost = People(nothing, np.zeros((1, 17), np.float32), np.ones(1, np.float32), COCO17, (48, 64))
    assert tracker(ghost, 1.0).tolist() == [-1] and tracker(ghost, 2.0).tolist() == [-1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": 1.0}, "threshold must be"),
        ({"max_gap": -1.0}, "max_gap must be"),
        ({"growth": math.nan}, "growth must be"),
        ({"birth_frames": 0}, "birth_frames must be"),
    ],
)
def test_wrong_settings_of_the_tracker(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tracker(**settings)


def test_time_must_grow() -> None:
    tracker, smooth = Tracker(), PoseFilter()
    tracker(people_at([(100, 200)]), 1.0)
    with pytest.raises(ValueError, match="time must be later than 1"):
        tracker(people_at([(100, 200)]), 1.0)
    smooth([1], np.zeros((1, 2, 2)), 1.0)
    with pytest.raises(ValueError, match="time must be later than 1"):
        smooth([1], np.zeros((1, 2, 2)), 1.0)


def test_every_keypoint_is_filtered_as_a_number_alone_would_be() -> None:
    rng = np.random.default_rng(2)
    times = np.cumsum(rng.uniform(0.01, 0.2, 30))
    points = rng.normal(0, 50, (30, 3, 4, 2))
    smooth = PoseFilter(mincutoff=0.8, beta=0.02, dcutoff=1.2)
    got = np.array([smooth([7, 3, 5], p, t) for p, t in zip(points, times, strict=True)])
    for place in np.ndindex(3, 4, 2):
        last = value = points[(0, *place)]
        speed = 0.0
        for i in range(1, 30):
            x = points[(i, *place)]
            rate = 1 / (times[i] - times[i - 1])
            settings = {"mincutoff": 0.8, "beta": 0.02, "dcutoff": 1.2}
            value, speed = one_euro_step(x, last, speed, value, rate, **settings)
            last = x
            assert got[(i, *place)] == pytest.approx(value, rel=1e-6, abs=1e-4)


def test_the_first_place_and_that_after_a_long_gap_are_taken_as_they_are() -> None:
    smooth = PoseFilter(mincutoff=0.1, beta=0.0, max_gap=0.5)
    points = np.array([[[10.0, 20.0], [30.0, 40.0]]])
    assert (smooth([1], points, 0.0) == points).all()
    held = smooth([1], points + 100, 0.1)
    assert (held < points + 50).all()
    lost = points + 100
    lost[:, 1] = np.nan
    for i in range(2, 8):  # the second keypoint is away for 0.7 s
        got = smooth([1], lost, i / 10)
        assert np.isnan(got[:, 1]).all() and (got[:, 0] < points[:, 0] + 50).all()
    back = smooth([1], points + 100, 0.8)
    assert (back[:, 1] == points[:, 1] + 100).all() and (back[:, 0] < points[:, 0] + 80).all()


def test_a_slow_video_is_smoothed_too() -> None:
    """At a frame a second, which is longer than max_gap."""
    smooth = PoseFilter(mincutoff=0.1, beta=0.0, max_gap=0.5)
    point = np.zeros((1, 1, 2))
    assert (smooth([1], point, 0.0) == 0).all()
    got = smooth([1], point + 1, 1.0)
    assert got == pytest.approx(1 / (1 + 1 / (2 * math.pi * 0.1)), rel=1e-6)
    assert np.isnan(smooth([1], np.full((1, 1, 2), np.nan), 2.0)).all()
    assert (smooth([1], point + 5, 3.0) == 5).all()


def test_a_short_gap_counts_by_its_time() -> None:
    """A value half a second later weighs as one of a video of 2 frames a second."""
    smooth = PoseFilter(beta=0.0, max_gap=1.0)
    point = np.zeros((1, 1, 2))
    smooth([1], point, 0.0)
    smooth([1], np.full((1, 1, 2), np.nan), 0.25)
    got = smooth([1], point + 1, 0.5)
    assert got == pytest.approx(1 / (1 + 2 / (2 * math.pi)), rel=1e-6)


def test_ids_are_filtered_apart_and_forgotten_in_the_end() -> None:
    smooth = PoseFilter(mincutoff=0.1, beta=0.0)
    smooth([1, 2], [[[0.0, 0.0]], [[100.0, 100.0]]], 0.0)
    got = smooth([2, 1], [[[100.0, 100.0]], [[0.0, 0.0]]], 0.1)
    assert got[:, 0].tolist() == [[100.0, 100.0], [0.0, 0.0]]
    for i in range(2, 12):
        smooth([1], [[[0.0, 0.0]]], i / 10)
    assert smooth.state()["ids"].tolist() == [1]


def test_the_unit_makes_a_setting_fit_every_size() -> None:
    small, large = PoseFilter(), PoseFilter(unit=3.0)
    rng = np.random.default_rng(3)
    for i in range(20):
        points = rng.normal(0, 20, (1, 17, 2))
        one, three = small([1], points, i / RATE), large([1], 3 * points, i / RATE)
        np.testing.assert_allclose(3 * one, three, rtol=1e-4, atol=1e-4)


def test_a_filter_goes_on_from_its_state() -> None:
    rng = np.random.default_rng(4)
    points = rng.normal(0, 20, (20, 2, 17, 2))
    whole, first, second = PoseFilter(), PoseFilter(), PoseFilter()
    expected = [whole([1, 2], p, i / RATE) for i, p in enumerate(points)]
    for i in range(10):
        first([1, 2], points[i], i / RATE)
    second.restore(first.state())
    for i in range(10, 20):
        np.testing.assert_array_equal(second([1, 2], points[i], i / RATE), expected[i])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mincutoff": 0.0}, "mincutoff must be"),
        ({"beta": -1.0}, "beta must be"),
        ({"dcutoff": math.nan}, "dcutoff must be"),
        ({"max_gap": 0.0}, "max_gap must be"),
        ({"unit": math.inf}, "unit must be"),
    ],
)
def test_wrong_settings_of_the_filter(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PoseFilter(**settings)


def test_wrong_input_of_the_filter() -> None:
    smooth = PoseFilter()
    with pytest.raises(ValueError, match="ids must be different"):
        smooth([1, 1], np.zeros((2, 3, 2)), 0.0)
    with pytest.raises(ValueError, match="ids must be"):
        smooth([1], np.zeros((2, 3, 2)), 0.0)
    smooth([1], np.zeros((1, 3, 2)), 0.0)
    with pytest.raises(ValueError, match="keypoints must be 3"):
        smooth([1], np.zeros((1, 4, 2)), 1.0)


def test_drawings_have_the_colour_and_number_of_an_id() -> None:
    ground = np.full((480, 640, 3), 90, np.uint8)
    two = people_at([(150, 200), (450, 200)])
    first = draw_people(ground, two, ids=[4, 9], color_by="person")
    other = draw_people(ground, people_at([(450, 200), (150, 200)]), ids=[9, 4], color_by="person")
    np.testing.assert_array_equal(first, other)
    assert (draw_people(ground, two, ids=[4, 8], color_by="person") != first).any()
    np.testing.assert_array_equal(draw_people(ground, two, ids=[-1, -1]), draw_people(ground, two))
    with pytest.raises(ValueError, match="ids must be 2 numbers"):
        draw_people(ground, two, ids=[1])
