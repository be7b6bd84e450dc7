"""Peaks to people: the native op against the NumPy reference, and the rules of assembly."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatpose import ops, reference
from heatpose.demo import planted_crowd
from heatpose.ops import AssociateOptions, Association, Peaks
from heatpose.reference.associate import DEFAULTS
from heatpose.skeletons import COCO18

LIMBS = [(0, 1), (1, 2), (0, 2), (3, 4), (2, 3), (1, 4)]
CHANNELS = [(0, 1), (3, 2), (4, 5), (6, 7), (8, 9), (10, 11)]

OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "classic": {"classic_conflicts": True},
    "one sample": {"samples": 1},
    "two samples": {"samples": 2},
    "many samples": {"samples": 256},
    "no endpoint": {"endpoint": False},
    "one sample, no endpoint": {"endpoint": False, "samples": 1},
    "half up": {"rounding": "half_up"},
    "adaptive": {"adaptive": True},
    "point threshold": {"point_threshold": -0.2},
    "no ratio": {"point_ratio": 0.0},
    "negative ratio": {"point_ratio": -1.0},
    "ratio 0.6": {"point_ratio": 0.6},
    "mean of counted": {"mean_of_counted": True, "point_ratio": 0.4},
    "norm offset": {"norm_offset": 1e-5},
    "long norm offset": {"norm_offset": 3.0},
    "min norm": {"min_norm": 30.0},
    "no length penalty": {"length_penalty": False},
    "near pairs": {"near_score": 0.06},
    "everyone": {"min_parts": 0, "min_score": -5.0},
    "few": {"min_parts": 4, "min_score": 0.5},
    "global": {"matching": "global"},
    "global by peaks": {"matching": "global", "peak_weight": 10.0},
    "global by pairs": {"matching": "global", "peak_weight": 0.0},
    "openpose": dataclasses.asdict(AssociateOptions.for_global()),
}  # fmt: skip


def random_scene(
    seed: int,
    *,
    lead: tuple[int, ...] = (),
    keypoints: int = 5,
    max_peaks: int = 6,
    canvas: tuple[int, int] = (45, 61),
    cells: tuple[int, int] = (6, 8),
) -> tuple[Peaks, np.ndarray]:
    """Random peaks, some counts zero, and fields strong enough that many pairs are accepted."""
    rng = np.random.default_rng(seed)
    shape = (*lead, keypoints, max_peaks)
    points = rng.integers(0, canvas[::-1], (*shape, 2)).astype(np.int32)
    counts = rng.integers(0, max_peaks + 1, (*lead, keypoints)).astype(np.int32)
    scores = rng.uniform(0.1, 1.0, shape).astype(np.float32)
    fields = rng.uniform(-0.5, 1.0, (*lead, 12, *cells)).astype(np.float32)
    return Peaks(points, scores, counts, np.zeros(counts.shape, np.bool_)), fields


def compare(
    peaks: Peaks,
    pafs: Any,
    canvas: tuple[int, int],
    *,
    limbs: Any = LIMBS,
    channels: Any = CHANNELS,
    options: AssociateOptions | None = None,
    **geometry: Any,
) -> Association:
    """Assert that op and reference agree, integers exactly; give the op's answer."""
    got = ops.associate(peaks, pafs, limbs, channels, canvas, options=options, **geometry)
    want = reference.associate(peaks, pafs, limbs, channels, canvas, options=options, **geometry)
    for name, mine, theirs in zip(got._fields, got, want, strict=True):
        assert mine.shape == theirs.shape, name
        if theirs.dtype.kind == "f":
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=2e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(mine, theirs, err_msg=name)
    return got


def crowd(people: int, *, seed: int = 0, noise: float = 0.02, **sizes: Any) -> tuple[Any, Any]:
    canvas = sizes.pop("canvas", (184, 328))
    heatmaps, pafs, _ = planted_crowd(people, canvas=canvas, seed=seed, noise=noise, **sizes)
    return ops.peaks_from_cells(heatmaps[:18], canvas, sigma=1.0, threshold=0.15), pafs


COCO: dict[str, Any] = {
    "limbs": COCO18.limbs,
    "channels": COCO18.paf_channels,
    "starts": [i not in COCO18.non_starting_limbs for i in range(len(COCO18.limbs))],
}


def test_defaults_are_the_same_in_op_and_reference() -> None:
    assert dataclasses.asdict(AssociateOptions()) == DEFAULTS


@pytest.mark.parametrize("name", ["default", "classic", "openpose"])
@pytest.mark.parametrize("people", [1, 5, 20])
def test_matches_reference_on_a_planted_crowd(people: int, name: str) -> None:
    peaks, pafs = crowd(people)
    got = compare(peaks, pafs, (184, 328), options=AssociateOptions(**OPTIONS[name]), **COCO)
    assert abs(int(got.counts) - people) <= people // 10


@pytest.mark.parametrize("name", ["default", "openpose"])
def test_matches_reference_in_noise(name: str) -> None:
    peaks, pafs = crowd(4, noise=0.1, cells=(12, 20), canvas=(90, 150))
    assert peaks.counts.sum() > 120
    compare(peaks, pafs, (90, 150), options=AssociateOptions(**OPTIONS[name]), **COCO)


@pytest.mark.parametrize("name", OPTIONS)
def test_matches_reference_with_every_option(name: str) -> None:
    options = AssociateOptions(**{"min_parts": 2, "min_score": 0.0, **OPTIONS[name]})
    people = 0
    for seed in range(12):
        got = compare(*random_scene(seed), (45, 61), options=options, starts=[1, 1, 1, 1, 0, 0])
        people += int(got.counts)
    assert people > 0


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1 << 30),
    name=st.sampled_from(sorted(OPTIONS)),
    max_peaks=st.integers(1, 12),
    max_people=st.integers(1, 9),
    canvas=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    cells=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    starts=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_matches_reference_on_any_scene(
    seed: int,
    name: str,
    max_peaks: int,
    max_people: int,
    canvas: tuple[int, int],
    cells: tuple[int, int],
    starts: list[bool],
) -> None:
    peaks, fields = random_scene(seed, max_peaks=max_peaks, canvas=canvas, cells=cells)
    options = AssociateOptions(**{"min_parts": 2, "min_score": 0.2, **OPTIONS[name]})
    compare(peaks, fields, canvas, options=options, starts=starts, max_people=max_people)


@pytest.mark.parametrize("name", ["default", "openpose"])
def test_every_vector_unit(vector_unit: str, name: str) -> None:
    peaks, pafs = crowd(3, cells=(23, 41))
    compare(peaks, pafs, (184, 328), options=AssociateOptions(**OPTIONS[name]), **COCO)
    scene, fields = random_scene(3)
    # Operators of more than eight taps take another road.
    for interpolation in ("nearest", "linear", "lanczos4", ("area", "lanczos4")):
        compare(scene, fields, (45, 61), interpolation=interpolation)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_several_scales(count: int) -> None:
    rng = np.random.default_rng(count)
    peaks, _ = random_scene(count, max_peaks=10)
    sizes = [(3, 4), (6, 8), (9, 12), (12, 16)][:count]
    fields = [rng.uniform(-0.5, 1.0, (12, *size)).astype(np.float32) for size in sizes]
    content = [(8 * h - 3, 8 * w - 5) for h, w in sizes]
    compare(peaks, fields, (45, 61), content=content)
    compare(peaks, fields, (45, 61), content=content, weights=[0.7, 0.1, -0.2, 0.4][:count])


def test_a_batch_is_its_images() -> None:
    peaks, fields = random_scene(0, lead=(3,))
    options = AssociateOptions(min_parts=2)
    got = compare(peaks, fields, (45, 61), options=options)
    for i in range(3):
        alone = compare(Peaks(*(f[i] for f in peaks)), fields[i], (45, 61), options=options)
        for mine, theirs in zip(got, alone, strict=True):
            np.testing.assert_array_equal(mine[i], theirs)


def test_places_between_pixels_and_outside_the_canvas() -> None:
    peaks, fields = random_scene(1)
    moved = peaks.xy + np.random.default_rng(1).uniform(-9, 9, peaks.xy.shape)
    for rounding in ("half_even", "half_up"):
        options = AssociateOptions(rounding=rounding, min_parts=2)
        compare(peaks._replace(xy=moved.astype(np.float32)), fields, (45, 61), options=options)


@pytest.mark.parametrize("name", ["default", "openpose"])
def test_nobody(name: str) -> None:
    options = AssociateOptions(**OPTIONS[name])
    peaks, fields = random_scene(0)
    none = peaks._replace(counts=np.zeros_like(peaks.counts))
    assert compare(none, fields, (45, 61), options=options).counts == 0
    assert compare(peaks, np.zeros_like(fields), (45, 61), options=options).counts == 0
    no_limbs = compare(peaks, fields, (45, 61), limbs=[], channels=[], options=options)
    assert no_limbs.counts == 0
    assert no_limbs.pairs.shape == (0, 6, 2)
    empty = compare(*random_scene(0, lead=(0,)), (45, 61), options=options)
    assert empty.people.shape == (0, 128, 5)


@pytest.mark.parametrize("name", ["default", "openpose"])
def test_of_too_many_people_the_best_stay(name: str) -> None:
    peaks, pafs = crowd(12)
    options = AssociateOptions(**OPTIONS[name])
    everyone = compare(peaks, pafs, (184, 328), options=options, **COCO)
    few = compare(peaks, pafs, (184, 328), options=options, max_people=5, **COCO)
    assert few.overflow
    assert not everyone.overflow
    assert few.counts == 5
    best = np.sort(everyone.scores[: everyone.counts])[::-1][:5]
    np.testing.assert_array_equal(np.sort(few.scores)[::-1], best)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("mean_of_counted", [False, True])
def test_a_sample_that_touches_a_bad_cell_does_not_count(
    mean_of_counted: bool, value: float
) -> None:
    options = AssociateOptions(mean_of_counted=mean_of_counted, point_ratio=0.3, min_parts=2)
    for seed in range(10):
        peaks, fields = random_scene(seed)
        fields[:, 2, 3] = value
        got = compare(peaks, fields, (45, 61), options=options)
        assert np.isfinite(got.scores).all()


# ---- Rules, on scenes made by hand --------------------------------------------------------------


class Scene:
    """Peaks of five keypoints on a canvas of 40x40 cells of one pixel, joined by painted fields."""

    def __init__(self, counts: tuple[int, ...]) -> None:
        rng = np.random.default_rng(sum(counts))
        self.counts = np.array(counts, np.int32)
        self.xy = np.zeros((len(counts), max(counts), 2), np.int32)
        for keypoint, count in enumerate(counts):
            for i in range(count):
                # Columns of keypoints, rows of people: segments of one limb meet in no sample.
                self.xy[keypoint, i] = (8 * keypoint + rng.integers(0, 2), 9 * i + 2)
        self.scores = rng.uniform(0.5, 1.0, self.xy.shape[:2]).astype(np.float32)
        self.fields = np.zeros((12, 40, 40), np.float32)

    def join(self, limb: int, a: int, b: int, strength: float) -> Scene:
        """Paint a limb's field from peak a to peak b; the pair's score is ``strength``."""
        start = self.xy[LIMBS[limb][0], a].astype(float)
        end = self.xy[LIMBS[limb][1], b].astype(float)
        unit = (end - start) / np.hypot(*(end - start))
        for x, y in np.rint(np.linspace(start, end, 10)).astype(int):
            self.fields[list(CHANNELS[limb]), y, x] = strength * unit
        return self

    def decode(self, **options: Any) -> Association:
        settings = AssociateOptions(
            **{"min_parts": 0, "min_score": -9.0, "length_penalty": False, **options}
        )
        peaks = Peaks(self.xy, self.scores, self.counts, self.counts > 99)
        return compare(peaks, self.fields, (40, 40), stride=1, options=settings)

    def people(self, **options: Any) -> list[list[int]]:
        found = self.decode(**options)
        rows: list[list[int]] = found.people[: found.counts].tolist()
        return rows


def shared_peaks(people: np.ndarray) -> int:
    """How many peaks are in more than one of the people [P, K]."""
    holders = Counter((k, int(p)) for row in people for k, p in enumerate(row) if p >= 0)
    return sum(count > 1 for count in holders.values())


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


# ---- The door -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_torch_in_torch_out(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    peaks, fields = random_scene(0)
    pafs = torch.from_numpy(fields).to(getattr(torch, dtype))
    as_tensors = Peaks(*(torch.from_numpy(f) for f in peaks))
    got = ops.associate(as_tensors, pafs, LIMBS, CHANNELS, (45, 61))
    want = ops.associate(peaks, pafs.float().numpy(), LIMBS, CHANNELS, (45, 61))
    for mine, theirs in zip(got, want, strict=True):
        assert isinstance(mine, torch.Tensor)
        np.testing.assert_array_equal(mine.numpy(), theirs)


def test_strided_and_read_only_arrays() -> None:
    peaks, fields = random_scene(0)
    spread = np.repeat(fields, 2, axis=-1)[:, :, ::2]
    fields.setflags(write=False)
    flipped = Peaks(*(np.repeat(f, 2, axis=0)[::2] for f in peaks))
    got = ops.associate(flipped, spread, LIMBS, CHANNELS, (45, 61))
    want = ops.associate(peaks, fields, LIMBS, CHANNELS, (45, 61))
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("name", ["default", "openpose"])
def test_many_threads_give_the_same_bits(threads: None, name: str) -> None:
    from heatpose import native

    peaks, fields = random_scene(0, lead=(9,), max_peaks=20)
    options = AssociateOptions(**OPTIONS[name])
    got = ops.associate(peaks, fields, LIMBS, CHANNELS, (45, 61), options=options)
    native.set_num_threads(1)
    again = ops.associate(peaks, fields, LIMBS, CHANNELS, (45, 61), options=options)
    for mine, theirs in zip(got, again, strict=True):
        np.testing.assert_array_equal(mine, theirs)


PEAKS, PAFS = random_scene(0)
BAD: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "not an array": (TypeError, "pafs must be a NumPy array", {"pafs": None}),
    "float64": (TypeError, "pafs must be float32", {"pafs": PAFS.astype(float)}),
    "rank": (ValueError, "3 or 4 dimensions", {"pafs": PAFS[0]}),
    "few fields": (ValueError, "pafs must have the channels", {"pafs": PAFS[:11]}),
    "negative channel": (ValueError, "pafs must have the channels",
                         {"paf_channels": [(-1, 0)] * 6}),
    "channels": (ValueError, r"one row per limb \(6\), got 5", {"paf_channels": CHANNELS[:5]}),
    "limbs of floats": (ValueError, "limbs must be whole numbers", {"limbs": [(0.0, 1.0)] * 6}),
    "limbs of three": (ValueError, "limbs must be whole numbers", {"limbs": [(0, 1, 2)] * 6}),
    "no such keypoint": (ValueError, "limbs must be between 0 and 4, got 5",
                         {"limbs": [*LIMBS[:5], (0, 5)]}),
    "negative keypoint": (ValueError, "limbs must be between", {"limbs": [*LIMBS[:5], (-1, 2)]}),
    "count too large": (ValueError, "peaks.counts must be between 0 and 6",
                        {"peaks": PEAKS._replace(counts=PEAKS.counts + 7)}),
    "negative count": (ValueError, "peaks.counts must be",
                       {"peaks": PEAKS._replace(counts=PEAKS.counts - 9)}),
    "wide counts": (TypeError, "peaks.counts must be int32",
                    {"peaks": PEAKS._replace(counts=PEAKS.counts.astype(np.int64))}),
    "wide scores": (TypeError, "peaks.scores must be float32",
                    {"peaks": PEAKS._replace(scores=PEAKS.scores.astype(float))}),
    "flat xy": (ValueError, "peaks.xy must have shape", {"peaks": PEAKS._replace(xy=PEAKS.xy[0])}),
    "another batch": (ValueError, "peaks.xy must have shape", {"pafs": PAFS[None]}),
    "canvas": (ValueError, "canvas must be", {"canvas": (45, -1)}),
    "content": (ValueError, "content must be at most", {"content": (99, 99)}),
    "weights": (ValueError, "one number per scale", {"weights": [1.0, 1.0]}),
    "nobody": (ValueError, "max_people must be between 1", {"max_people": 0}),
    "few scores": (ValueError, "peaks.scores must have shape",
                   {"peaks": PEAKS._replace(scores=PEAKS.scores[:3])}),
    "few counts": (ValueError, "peaks.counts must have shape",
                   {"peaks": PEAKS._replace(counts=PEAKS.counts[:3])}),
    "few starts": (ValueError, "starts must", {"starts": [True] * 5}),
    "a dict of options": (TypeError, "options must", {"options": {"samples": 3}}),
    "no peaks": (TypeError, "peaks must", {"peaks": None}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    error, message, arguments = BAD[case]
    good = {
        "peaks": PEAKS, "pafs": PAFS, "limbs": LIMBS, "paf_channels": CHANNELS, "canvas": (45, 61)
    }  # fmt: skip
    with pytest.raises(error, match=message):
        ops.associate(**{**good, **arguments})


@pytest.mark.parametrize(
    ("error", "message", "setting"),
    [
        (ValueError, "matching must be one of limbs, global", {"matching": "hungarian"}),
        (ValueError, "rounding must be one of", {"rounding": "down"}),
        (ValueError, "samples must be between 1 and 256", {"samples": 0}),
        (ValueError, "samples must be between 1 and 256", {"samples": 257}),
        (TypeError, "samples must be a whole number", {"samples": 10.0}),
        (ValueError, "min_parts must be", {"min_parts": -1}),
        (ValueError, "point_threshold must be a finite", {"point_threshold": np.nan}),
        (ValueError, "min_norm must be a finite number", {"min_norm": 0.0}),
        (ValueError, "norm_offset must be a finite number", {"norm_offset": -1.0}),
        (TypeError, "min_score must be a number", {"min_score": "high"}),
    ],
    ids=str,
)
def test_bad_options(error: type[Exception], message: str, setting: dict[str, Any]) -> None:
    with pytest.raises(error, match=message):
        AssociateOptions(**setting)
