"""Peaks to people: the native op against the NumPy reference, and its door."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from association_scenes import CHANNELS, COCO, LIMBS, OPTIONS, compare, crowd, random_scene
from heatpose import ops
from heatpose.ops import AssociateOptions, Peaks
from heatpose.reference.associate import DEFAULTS


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


def test_what_lies_past_the_count_is_not_looked_at() -> None:
    peaks, fields = random_scene(0)
    past = np.arange(peaks.xy.shape[-2]) >= peaks.counts[..., None]
    assert past.any()
    xy, scores = peaks.xy.astype(np.float32), peaks.scores.copy()
    xy[past], scores[past] = np.nan, np.inf
    got = ops.associate(peaks._replace(xy=xy, scores=scores), fields, LIMBS, CHANNELS, (45, 61))
    want = ops.associate(peaks, fields, LIMBS, CHANNELS, (45, 61))
    for mine, theirs in zip(got, want, strict=True):
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
    "a loop": (ValueError, r"limbs must join two keypoints, got \(2, 2\)",
               {"limbs": [*LIMBS[:5], (2, 2)]}),
    "negative keypoint": (ValueError, "limbs must be between", {"limbs": [*LIMBS[:5], (-1, 2)]}),
    "keypoint beyond int32": (ValueError, "limbs must be between 0 and 4, got 4294967296",
                              {"limbs": [*LIMBS[:5], (2**32, 1)]}),
    "channel beyond int32": (ValueError, "pafs must have the channels that paf_channels name",
                             {"paf_channels": [*CHANNELS[:5], (2**32, 1)]}),
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
    "nan score": (ValueError, "peaks.scores must be finite",
                  {"peaks": PEAKS._replace(scores=PEAKS.scores * np.float32(np.nan))}),
    "infinite place": (ValueError, "peaks.xy must be finite",
                       {"peaks": PEAKS._replace(xy=np.full(PEAKS.xy.shape, np.inf, np.float32))}),
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
        (TypeError, "min_score must be a number, got '0.4'", {"min_score": "0.4"}),
        (ValueError, "peak_weight must be within float32's range", {"peak_weight": 1e39}),
        (TypeError, "adaptive must be True or False, got 1", {"adaptive": 1}),
        (TypeError, "endpoint must be True or False, got 'no'", {"endpoint": "no"}),
        (TypeError, "mean_of_counted must be True or False", {"mean_of_counted": None}),
        (TypeError, "length_penalty must be True or False", {"length_penalty": 0.0}),
        (TypeError, "classic_conflicts must be True or False", {"classic_conflicts": "yes"}),
    ],
    ids=str,
)
def test_bad_options(error: type[Exception], message: str, setting: dict[str, Any]) -> None:
    with pytest.raises(error, match=message):
        AssociateOptions(**setting)
