"""Peaks between pixels: centroids and Newton steps of peaks_from_cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heatpose import ops, reference
from heatpose.demo import planted_crowd
from peak_parity import random_maps


@pytest.mark.parametrize("refine", ["centroid", "taylor"])
def test_refinement_matches_reference(vector_unit: str, refine: str) -> None:
    heatmaps = planted_crowd(5, canvas=(240, 427), noise=0.0)[0][:18]
    options: dict[str, Any] = {"sigma": 1.5, "threshold": 0.2, "refine": refine}
    got = ops.peaks_from_cells(heatmaps, (240, 427), **options)
    want = reference.peaks_from_cells(heatmaps, (240, 427), **options)
    assert got.xy.dtype == np.float32
    np.testing.assert_array_equal(got.counts, want[2])
    assert got.counts.sum() > 60
    # A Newton step divides by a second difference of logarithms, which costs digits.
    np.testing.assert_allclose(got.xy, want[0], atol=1e-3 if refine == "centroid" else 2e-2)
    plain = ops.peaks_from_cells(heatmaps, (240, 427), **{**options, "refine": "none"})
    np.testing.assert_array_equal(got.scores, plain.scores)
    assert np.abs(got.xy - plain.xy).max() <= (3 if refine == "centroid" else 1)


@pytest.mark.parametrize("refine", ["centroid", "taylor"])
def test_refinement_next_to_the_border(refine: str) -> None:
    # Without smoothing and at stride 1 the op reads the very numbers that the reference reads.
    maps = random_maps((23, 31), channels=4)[0]
    for shift in (0.0, -1.1):  # the second: peaks below zero, where no window is positive
        options: dict[str, Any] = {"stride": 1, "sigma": 0, "threshold": -2.0, "max_peaks": 512}
        got = ops.peaks_from_cells(maps + np.float32(shift), (23, 31), refine=refine, **options)
        want = reference.peaks_from_cells(
            maps + np.float32(shift), (23, 31), refine=refine, **options
        )
        np.testing.assert_array_equal(got.counts, want[2])
        np.testing.assert_allclose(got.xy, want[0], atol=1e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("refine", ["centroid", "taylor"])
def test_refinement_beside_a_bad_cell_stays_finite(refine: str, value: float) -> None:
    maps = random_maps((23, 31), channels=4)[0]
    maps[:, 5, 7] = np.nan
    maps[:, 15, 17] = value
    options: dict[str, Any] = {"stride": 1, "sigma": 0, "max_peaks": 512, "refine": refine}
    got = ops.peaks_from_cells(maps, (23, 31), **options)
    want = reference.peaks_from_cells(maps, (23, 31), **options)
    assert np.isfinite(got.xy).all()
    np.testing.assert_allclose(got.xy, want[0], atol=1e-3)
