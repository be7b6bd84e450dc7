"""The rules by which peaks become people, one by one, on scenes made by hand and in crowds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from association_scenes import (
    CHANNELS,
    COCO,
    LIMBS,
    OPTIONS,
    Scene,
    compare,
    crowd,
    random_scene,
    shared_peaks,
)
from heatpose import ops
from heatpose.ops import AssociateOptions, Peaks


def test_a_peak_joins_one_pair_of_a_limb_the_best_first() -> None:
    scene = Scene((2, 3, 1, 1, 1))
    scene.join(0, 1, 2, 0.4).join(0, 0, 0, 0.5).join(0, 1, 1, 0.7).join(0, 0, 1, 0.8)
    found = scene.decode()
    assert found.pairs[0, : found.pair_counts[0]].tolist() == [[0, 1], [1, 2]]


def test_equal_pairs_are_taken_in_the_order_of_their_peaks() -> None:
    peaks = Peaks(
        np.array([[[2, 5], [2, 25]], [[22, 5], [22, 25]]], np.int32),
        np.ones((2, 2), np.float32),
        np.array([2, 2], np.int32),
        np.zeros(2, np.bool_),
    )
    uniform = np.stack([np.ones((1, 40, 40)), np.zeros((1, 40, 40))], axis=1)[0].astype(np.float32)
    found = ops.associate(peaks, uniform, [(0, 1)], [(0, 1)], (40, 40), stride=1)
    assert found.pairs[0, :2].tolist() == [[0, 0], [1, 1]]
    assert found.pair_scores[0, 0] == found.pair_scores[0, 1]


def test_people_grow_and_merge_limb_by_limb() -> None:
    scene = Scene((1, 1, 1, 1, 1))
    scene.join(0, 0, 0, 0.9).join(3, 0, 0, 0.8)
    assert scene.people() == [[0, 0, -1, -1, -1], [-1, -1, -1, 0, 0]]
    scene.join(1, 0, 0, 0.7)
    assert scene.people() == [[0, 0, 0, -1, -1], [-1, -1, -1, 0, 0]]
    scene.join(4, 0, 0, 0.6)
    found = scene.decode()
    assert found.people[: found.counts].tolist() == [[0, 0, 0, 0, 0]]
    assert found.parts[0] == 5
    np.testing.assert_allclose(found.scores[0], scene.scores[:, 0].sum() + 3.0, rtol=1e-5)


def test_a_limb_that_may_not_start_a_person_only_adds_to_one() -> None:
    scene = Scene((1, 1, 1, 1, 1)).join(0, 0, 0, 0.9).join(3, 0, 0, 0.8)
    peaks = Peaks(scene.xy, scene.scores, scene.counts, scene.counts > 99)
    options = AssociateOptions(min_parts=0)
    found = compare(
        peaks, scene.fields, (40, 40), stride=1, options=options, starts=[1, 1, 1, 0, 1, 1]
    )
    assert found.counts == 1


def conflict() -> Scene:
    """Two people of three parts, and a stronger last limb that crosses from one to the other."""
    scene = Scene((2, 2, 2, 1, 1))
    for person in (0, 1):
        scene.join(0, person, person, 0.9).join(1, person, person, 0.8)
    return scene.join(2, 0, 1, 0.7)


def test_classic_conflicts_reproduce_the_overwrite() -> None:
    assert conflict().people() == [[0, 0, 0, -1, -1], [1, 1, 1, -1, -1]]
    found = conflict().decode(classic_conflicts=True)
    assert found.people[: found.counts].tolist() == [[0, 0, 1, -1, -1], [1, 1, 1, -1, -1]]
    assert found.parts[:2].tolist() == [4, 3]  # the classic programs count the lost part too
    assert shared_peaks(found.people[:2]) == 1


def test_a_filled_slot_keeps_its_peak() -> None:
    scene = Scene((1, 1, 2, 1, 1)).join(0, 0, 0, 0.9).join(1, 0, 0, 0.8).join(2, 0, 1, 0.7)
    assert scene.people() == [[0, 0, 0, -1, -1]]
    assert scene.people(classic_conflicts=True) == [[0, 0, 1, -1, -1]]


def test_a_third_matching_person_does_not_crash() -> None:
    # The overwrite puts peak 1 of keypoint 2 into two people; a third holds the other end.
    scene = conflict().join(3, 0, 0, 0.9).join(4, 1, 0, 0.6)
    rows = scene.people(classic_conflicts=True)
    assert rows == [[0, 0, 1, -1, -1], [1, 1, 1, -1, -1], [-1, -1, -1, 0, 0]]
    # Without the overwrite there are two, who merge.
    assert scene.people() == [[0, 0, 0, -1, -1], [1, 1, 1, 0, 0]]


@pytest.fixture(scope="module")
def crowded_images() -> list[tuple[Peaks, np.ndarray]]:
    return [crowd(25 + seed % 30, seed=seed, noise=0.1, cells=(23, 41)) for seed in range(150)]


@pytest.mark.parametrize("name", ["default", "global", "openpose"])
def test_no_peak_is_in_two_people(
    crowded_images: list[tuple[Peaks, np.ndarray]], name: str
) -> None:
    options = AssociateOptions(**OPTIONS[name])
    classic = AssociateOptions(classic_conflicts=True)
    people = conflicts = 0
    for peaks, pafs in crowded_images:
        found = ops.associate(
            peaks, pafs, COCO["limbs"], COCO["channels"], (184, 328), starts=COCO["starts"],
            options=options,
        )  # fmt: skip
        rows = found.people[: found.counts]
        assert shared_peaks(rows) == 0
        assert (rows < peaks.counts).all()
        np.testing.assert_array_equal((rows >= 0).sum(axis=1), found.parts[: found.counts])
        people += len(rows)
        if name == "default":
            with_classic = ops.associate(
                peaks, pafs, COCO["limbs"], COCO["channels"], (184, 328), starts=COCO["starts"],
                options=classic,
            )  # fmt: skip
            conflicts += shared_peaks(with_classic.people[: with_classic.counts]) > 0
    assert people > 1500
    # The classic rule fails on such images, or they would be no test.
    assert name != "default" or conflicts > 30


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 30), matching=st.sampled_from(["limbs", "global"]))
def test_no_peak_is_in_two_people_of_any_scene(seed: int, matching: str) -> None:
    peaks, fields = random_scene(seed, max_peaks=12)
    options = AssociateOptions(matching=matching, min_parts=0, min_score=-9.0, point_ratio=0.2)
    found = ops.associate(peaks, fields, LIMBS, CHANNELS, (45, 61), options=options)
    assert shared_peaks(found.people[: found.counts]) == 0


def test_global_case_1_two_free_peaks_start_a_person() -> None:
    scene = Scene((1, 1, 1, 1, 1)).join(0, 0, 0, 0.5).join(3, 0, 0, 0.9)
    # Best pair first, whatever the limb.
    assert scene.people(matching="global") == [[-1, -1, -1, 0, 0], [0, 0, -1, -1, -1]]


def test_global_case_2_a_free_second_peak_joins() -> None:
    scene = Scene((1, 1, 1, 1, 1)).join(0, 0, 0, 0.9).join(1, 0, 0, 0.8)
    assert scene.people(matching="global") == [[0, 0, 0, -1, -1]]
    # ... unless its slot is filled.
    scene = Scene((1, 1, 2, 1, 1)).join(0, 0, 0, 0.9).join(1, 0, 0, 0.8).join(2, 0, 1, 0.7)
    found = scene.decode(matching="global")
    assert found.people[: found.counts].tolist() == [[0, 0, 0, -1, -1]]
    assert found.pair_counts.tolist() == [1, 1, 0, 0, 0, 0]


def test_global_case_3_a_free_first_peak_joins() -> None:
    scene = Scene((1, 1, 1, 1, 1)).join(1, 0, 0, 0.9).join(0, 0, 0, 0.5)
    assert scene.people(matching="global") == [[0, 0, 0, -1, -1]]
    scene = Scene((2, 1, 1, 1, 1)).join(0, 0, 0, 0.9).join(1, 0, 0, 0.8).join(2, 1, 0, 0.7)
    assert scene.people(matching="global") == [[0, 0, 0, -1, -1]]


def test_global_case_4_a_loop_adds_its_score() -> None:
    scene = Scene((1, 1, 1, 1, 1)).join(0, 0, 0, 0.9).join(1, 0, 0, 0.8)
    open_chain = scene.decode(matching="global")
    loop = scene.join(2, 0, 0, 0.7).decode(matching="global")
    assert loop.people[: loop.counts].tolist() == [[0, 0, 0, -1, -1]]
    assert loop.parts[0] == 3
    np.testing.assert_allclose(loop.scores[0] - open_chain.scores[0], 0.7, rtol=1e-5)


def test_global_case_5_two_people_unite_unless_they_share_a_part() -> None:
    scene = Scene((1, 1, 1, 1, 1)).join(0, 0, 0, 0.8).join(3, 0, 0, 0.9).join(4, 0, 0, 0.5)
    scene.join(1, 0, 0, 0.7)
    found = scene.decode(matching="global")
    assert found.people[: found.counts].tolist() == [[0, 0, 0, 0, 0]]
    np.testing.assert_allclose(found.scores[0], scene.scores[:, 0].sum() + 2.9, rtol=1e-5)
    assert conflict().people(matching="global") == [[0, 0, 0, -1, -1], [1, 1, 1, -1, -1]]


def test_the_global_list_weighs_peaks() -> None:
    scene = Scene((1, 2, 1, 1, 1)).join(0, 0, 0, 0.6).join(0, 0, 1, 0.5)
    scene.scores[1] = [0.5, 1.0]
    assert scene.people(matching="global", peak_weight=0.1) == [[0, 0, -1, -1, -1]]
    assert scene.people(matching="global", peak_weight=0.3) == [[0, 1, -1, -1, -1]]


def test_more_than_the_ratio_of_points_must_count() -> None:
    scene = Scene((1, 1, 1, 1, 1)).join(0, 0, 0, 0.9)
    start, end = (scene.xy[k, 0].astype(float) for k in (0, 1))
    points = np.rint(np.linspace(start, end, 10)).astype(int)
    assert len(np.unique(points, axis=0)) >= 8
    for x, y in np.unique(points, axis=0)[2:4]:
        scene.fields[:2, y, x] = 0.0
    lost = int((scene.fields[0, points[:, 1], points[:, 0]] == 0).sum())
    share = (10 - lost) / 10
    assert scene.people(point_ratio=share) == []
    assert scene.people(point_ratio=share - 0.01) == [[0, 0, -1, -1, -1]]


def test_a_ratio_of_one_accepts_nothing() -> None:
    assert Scene((1, 1, 1, 1, 1)).join(0, 0, 0, 0.9).people(point_ratio=1.0) == []


def test_the_length_penalty_is_by_half_the_canvas_height() -> None:
    scene = Scene((1, 1, 1, 1, 1))
    scene.xy[0, 0], scene.xy[1, 0] = (2, 2), (37, 37)
    scene.join(0, 0, 0, 0.9)
    length = float(np.hypot(35, 35))
    found = scene.decode(length_penalty=True)
    np.testing.assert_allclose(found.pair_scores[0, 0], 0.9 + 20 / length - 1, rtol=1e-5)


def test_two_peaks_on_one_pixel_are_no_pair() -> None:
    scene = Scene((1, 1, 1, 1, 1))
    scene.xy[1, 0] = scene.xy[0, 0]
    scene.fields[:2] = 1.0
    assert scene.people() == []
    assert scene.people(near_score=0.05) == [[0, 0, -1, -1, -1]]  # the C++ OpenPose joins them
