"""Peaks of materialised maps: the native op against the NumPy reference, and its rules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from heatpose import ops, reference

SHAPES = [(0, 3, 8, 8), (1, 1, 1, 1), (3, 0, 5), (2, 3, 17, 31), (1, 40, 1), (2, 1, 70)]


def levels(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Maps of few levels, so that ties are common."""
    return (np.random.default_rng(seed).integers(-2, 6, shape) / 5).astype(np.float32)


@pytest.mark.parametrize("ties", ["first", "all", "none"])
@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_reference(
    vector_unit: str, shape: tuple[int, ...], connectivity: int, ties: str
) -> None:
    maps, scores = levels(shape), levels(shape, 1)
    options = {"connectivity": connectivity, "ties": ties, "threshold": 0.3, "max_peaks": 40}
    got = ops.find_peaks(maps, score_maps=scores, **options)
    want = reference.find_peaks(maps, score_maps=scores, **options)
    np.testing.assert_array_equal(got.xy, want[0])
    np.testing.assert_allclose(got.scores, want[1], rtol=1e-6)
    np.testing.assert_array_equal(got.counts, want[2])
    np.testing.assert_array_equal(got.overflow, want[3])


@given(
    maps=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=40),
        elements=st.sampled_from([-1.0, 0.0, 0.2, 0.5, 0.5, 1.0, np.nan, np.inf, -np.inf]),
    ),
    max_peaks=st.integers(1, 5),
)
def test_matches_reference_on_any_map(maps: np.ndarray, max_peaks: int) -> None:
    got = ops.find_peaks(maps, max_peaks=max_peaks)
    want = reference.find_peaks(maps, max_peaks=max_peaks)
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_array_equal(mine, theirs.astype(mine.dtype))


def test_nan_is_never_a_peak_and_beats_none() -> None:
    maps = np.array([[[np.nan, 0.5, np.nan]]], np.float32)
    got = ops.find_peaks(maps)
    assert got.counts.tolist() == [1]
    assert got.xy[0, 0].tolist() == [1, 0]


def test_of_too_many_peaks_the_best_stay_in_raster_order() -> None:
    maps = np.zeros((1, 1, 9), np.float32)
    maps[0, 0, ::2] = [0.5, 0.9, 0.3, 0.7, 0.9]
    got = ops.find_peaks(maps, max_peaks=3)
    assert got.overflow.tolist() == [True]
    assert got.xy[0, :, 0].tolist() == [2, 6, 8]


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_torch_in_torch_out(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    maps = torch.from_numpy(levels((2, 3, 9, 9))).to(getattr(torch, dtype))
    got = ops.find_peaks(maps)
    want = ops.find_peaks(maps.float().numpy())
    for mine, theirs in zip(got, want, strict=True):
        assert isinstance(mine, torch.Tensor)
        np.testing.assert_array_equal(mine.numpy(), theirs)


def test_strided_and_read_only_maps() -> None:
    maps = levels((3, 20, 40))
    view = maps[::2, ::-1, 1::3]
    maps.setflags(write=False)
    got = ops.find_peaks(view)
    want = ops.find_peaks(np.ascontiguousarray(view))
    np.testing.assert_array_equal(got.xy, want.xy)


def test_many_threads_give_the_same_bits(threads: None) -> None:
    maps = np.random.default_rng(0).random((37, 33, 65), np.float32)
    got, again = ops.find_peaks(maps), ops.find_peaks(maps)
    for mine, theirs in zip(got, again, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_connectivity_of_any_integer_type() -> None:
    maps = levels((3, 20, 40))
    for connectivity in (4, 8):
        want = ops.find_peaks(maps, connectivity=connectivity)
        got = ops.find_peaks(maps, connectivity=np.int64(connectivity))
        np.testing.assert_array_equal(got.xy, want.xy)
        again = ops.peaks_from_cells(maps, (20, 40), connectivity=np.uint8(connectivity))
        want = ops.peaks_from_cells(maps, (20, 40), connectivity=connectivity)
        np.testing.assert_array_equal(again.xy, want.xy)


BAD = {
    "not an array": (TypeError, "maps must be a NumPy array", {"maps": [[1.0]]}),
    "float64": (TypeError, "maps must be float32, float16 or bfloat16, got float64",
                {"maps": np.zeros((1, 2, 2))}),
    "rank 2": (ValueError, "3 or 4 dimensions", {"maps": np.zeros((2, 2), np.float32)}),
    "other scores": (ValueError, "score_maps must have the shape",
                     {"score_maps": np.zeros((1, 2, 3), np.float32)}),
    "connectivity": (ValueError, "connectivity must be 4 or 8, got 6", {"connectivity": 6}),
    "connectivity of float": (TypeError, "connectivity must be a whole number, got 4.0",
                              {"connectivity": 4.0}),
    "connectivity of bool": (TypeError, "connectivity must be a whole number, got True",
                             {"connectivity": True}),
    "ties": (ValueError, "ties must be one of first, all, none, got 'best'", {"ties": "best"}),
    "nan threshold": (ValueError, "threshold must be a finite number", {"threshold": np.nan}),
    "no room": (ValueError, "max_peaks must be between 1", {"max_peaks": 0}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    error, message, arguments = BAD[case]
    arguments = {"maps": np.zeros((1, 2, 2), np.float32), **arguments}
    with pytest.raises(error, match=message):
        ops.find_peaks(**arguments)
