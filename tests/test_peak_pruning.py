"""The tiles that peaks_from_cells rules out hold no peak, however hard their bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatpose import ops, reference
from peak_parity import compare


def hard_maps(kind: str, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Cells that a bound of a tile must not underrate."""
    signs = np.where(np.indices(size).sum(axis=0) % 2, -1.0, 1.0)
    return {
        "noise": rng.normal(0, 1, size),
        "spike": np.where(rng.random(size) < 0.1, 1000.0, 0.0),
        "hole": np.where(rng.random(size) < 0.1, -1000.0, 0.5),  # its lobes rise above 0.5
        "alternating": signs * rng.uniform(0.5, 1.0, size),
        "large": 1e6 * rng.normal(0, 1, size),
        "tiny": 1e-6 * rng.normal(0, 1, size),
        "plateaus": rng.integers(0, 2, size) * 0.5,
        "flat": np.full(size, 0.5),
        "ramp": np.indices(size).sum(axis=0) * 0.1,
    }[kind]  # fmt: skip


KINDS = ("noise", "spike", "hole", "alternating", "large", "tiny", "plateaus", "flat", "ramp")


@pytest.mark.parametrize("sigma", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("kind", KINDS)
def test_pruning_loses_nothing_where_bounds_are_hard(kind: str, sigma: float) -> None:
    rng = np.random.default_rng(1)
    maps = hard_maps(kind, (6, 7), rng)[None].astype(np.float32)
    top = float(np.abs(maps).max())
    for threshold in (0.1 * top, 0.0, 0.5 * top, 0.97 * top, -0.5 * top):
        compare(maps, (83, 97), threshold=threshold, sigma=sigma)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_pruning_loses_nothing(data: st.DataObject) -> None:
    sizes = data.draw(
        st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=3)
    )
    canvas = data.draw(st.tuples(st.integers(1, 70), st.integers(1, 70)))
    stride = data.draw(st.sampled_from([1, 4, 8]))
    content = [
        (data.draw(st.integers(1, h * stride)), data.draw(st.integers(1, w * stride)))
        for h, w in sizes
    ]
    kind = data.draw(st.sampled_from(KINDS))
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    maps = [hard_maps(kind, size, rng)[None].astype(np.float32) for size in sizes]
    top = max(float(np.abs(m).max()) for m in maps)
    compare(
        maps,
        canvas,
        content=content,
        stride=stride,
        sigma=data.draw(st.sampled_from([0.0, 0.5, 1.0, 3.0, 6.0])),
        threshold=top * data.draw(st.floats(-1.0, 1.0)),
        border=data.draw(st.sampled_from(["reflect", "nearest", "constant"])),
        connectivity=data.draw(st.sampled_from([4, 8])),
        ties=data.draw(st.sampled_from(["first", "all", "none"])),
        max_peaks=4900,
    )


def test_a_wrapped_border_starts_over_at_the_first_cell() -> None:
    # The last tiles touch the first cells, where a bright row above left other sums behind.
    rng = np.random.default_rng(108)
    width = int(rng.integers(20, 60))
    maps = np.zeros((1, 24, width), np.float32)
    maps[0, 1:3, 0:4] = rng.random((2, 4)) * 20
    for _ in range(3):
        maps[0, 19:23, rng.integers(8, width - 5)] = rng.random() + 0.3
    maps[0, 19:23, width - 3 + rng.integers(0, 3)] = rng.random() * 0.3 + 0.25
    canvas = (192, width * 8)
    got = ops.peaks_from_cells(maps, canvas, border="wrap", sigma=4.0, threshold=0.2)
    smooth = ops.gaussian_smooth(ops.resize_average(maps, canvas), 4.0, border="wrap")
    want = ops.find_peaks(smooth, threshold=0.2)
    np.testing.assert_array_equal(got.xy, want.xy)
    assert want.counts[0] > 6


def test_bounds_that_overflow_rule_nothing_out() -> None:
    signs = np.random.default_rng(0).choice([-1, 1], (1, 9, 9))
    maps = (signs * 3e37).astype(np.float32)
    got = ops.peaks_from_cells(maps, (72, 72), threshold=1.0)
    want = reference.peaks_from_cells(maps, (72, 72), threshold=1.0)
    np.testing.assert_array_equal(got.xy, want[0])
    assert want[2][0] > 3
