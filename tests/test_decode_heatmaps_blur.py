"""What other programs vary in DARK: the blur's weights and border, its scale, where it starts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from heatpose import ops, reference

BORDERS = ["reflect", "mirror", "nearest", "constant", "wrap"]
DARK = ["dark", "dark_udp"]
SHAPES = [(2, 3, 24, 20), (3, 1, 1), (2, 2, 3), (2, 5, 40), (1, 40, 6), (2, 9, 8)]


def bumps(shape: tuple[int, ...], *, noise: float = 0.05, seed: int = 0) -> np.ndarray:
    """One Gaussian per map, on noise, sometimes at or beyond the border."""
    rng = np.random.default_rng(seed)
    height, width = shape[-2:]
    ys, xs = np.mgrid[:height, :width]
    x, y = (rng.uniform(-1, n, shape[:-2])[..., None, None] for n in (width, height))
    maps = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 8) + rng.normal(0, noise, shape)
    return maps.astype(np.float32)


def assert_matches_reference(maps: np.ndarray, **settings: Any) -> None:
    got = ops.decode_heatmaps(maps, **settings)
    coords, scores = reference.decode_heatmaps(maps, **settings)
    np.testing.assert_array_equal(got.scores, scores.astype(np.float32))
    # float32's rounding of the coordinate; the step itself is computed in double precision.
    np.testing.assert_allclose(got.coords, coords, rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("method", DARK)
def test_borders_match_reference(vector_unit: str, method: str, border: str) -> None:
    for shape in SHAPES:
        for kernel in (1, 3, 11, 23):
            for dtype in (np.float32, np.float16):
                maps = bumps(shape).astype(dtype)
                assert_matches_reference(
                    maps, method=method, border=border, kernel=kernel, rescale=False
                )


@pytest.mark.parametrize("border", ["mirror", "wrap"])
def test_borders_under_the_widest_blur(border: str) -> None:
    for shape in [(1, 30, 37), (1, 3, 1100)]:
        maps = bumps(shape)
        assert_matches_reference(maps, method="dark_udp", border=border, kernel=1023, rescale=False)


@pytest.mark.parametrize("amplitude", [1e-12, 5e-4, 2e-3, 1.0, 60.0])
@pytest.mark.parametrize("method", DARK)
def test_without_a_scale_the_clamp_is_that_of_the_blurred_values(
    method: str, amplitude: float
) -> None:
    for noise in (0.0, 0.3):
        maps = bumps((12, 21, 19), noise=noise) * np.float32(amplitude)
        for border in ("constant", "reflect"):
            assert_matches_reference(maps, method=method, kernel=5, rescale=False, border=border)


@pytest.mark.parametrize("method", DARK)
@pytest.mark.parametrize("taps", [[1.0], [1, 2, 1], [1, 4, 6, 4, 1], np.hanning(67)[1:-1]])
def test_taps_match_reference(vector_unit: str, taps: Any, method: str) -> None:
    for shape in SHAPES:
        maps = bumps(shape)
        assert_matches_reference(maps, method=method, taps=taps)
        assert_matches_reference(maps, method=method, taps=taps, border="mirror", rescale=False)


def test_taps_need_no_particular_sum_and_replace_the_kernel() -> None:
    maps = bumps((3, 4, 30, 25))
    x = np.arange(-5, 6)
    want = ops.decode_heatmaps(maps, kernel=11).coords
    for factor in (1.0, 7.0):
        taps = factor * np.exp(-(x**2) / 8)
        got = ops.decode_heatmaps(maps, taps=list(taps), kernel=3).coords
        np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("method", ["none", "quarter", *DARK])
def test_given_places_match_reference(method: str) -> None:
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        maps = bumps(shape, noise=0.3) - np.float32(0.2)
        places = rng.uniform(-3, max(shape[-2:]) + 3, (*shape[:-2], 2)).astype(np.float32)
        places[rng.random(shape[:-2]) < 0.5] //= 1
        for border in ("joint", "per_axis"):
            assert_matches_reference(
                maps, method=method, places=places, quarter_border=border, kernel=5
            )


NUMBERS = st.sampled_from([-1.0, -0.5, -0.0, 0.0, 0.99, 1.0, 2.0, 3.5, 5.0, 6.0, np.nan, np.inf, -np.inf, 3e38])  # fmt: skip  # noqa: E501


@given(
    maps=hnp.arrays(
        np.float32,
        st.tuples(st.just(3), st.integers(0, 6), st.integers(0, 6)),
        elements=st.sampled_from([-1.0, 0.0, 0.2, 0.5, 1.0, np.nan, np.inf, -np.inf]),
    ),
    places=hnp.arrays(np.float32, (3, 2), elements=NUMBERS),
    method=st.sampled_from(["none", "quarter", *DARK]),
)
def test_a_place_outside_the_map_stays_and_others_move_by_a_finite_step(
    maps: np.ndarray, places: np.ndarray, method: str
) -> None:
    got = ops.decode_heatmaps(maps, places=places, method=method, kernel=3).coords
    limits = np.array(maps.shape[:-3:-1])
    inside = ((places > -1) & (places < limits)).all(axis=1) & (maps.size > 0)
    np.testing.assert_array_equal(got[~inside], places[~inside])
    assert np.isfinite(got[inside]).all()


def test_the_places_of_the_maxima_change_nothing() -> None:
    maps = bumps((4, 5, 30, 25))
    for method in ("quarter", *DARK):
        want = ops.decode_heatmaps(maps, method=method)
        starts = ops.decode_heatmaps(maps, method="none").coords
        for places in (starts, starts.astype(np.int64), starts.astype(np.float64)):
            got = ops.decode_heatmaps(maps, method=method, places=places)
            np.testing.assert_array_equal(got.coords, want.coords)
            np.testing.assert_array_equal(got.scores, want.scores)


def test_the_fraction_of_a_place_is_kept() -> None:
    maps = bumps((1, 20, 20), noise=0)
    place = ops.decode_heatmaps(maps, method="none").coords
    step = ops.decode_heatmaps(maps).coords - place
    got = ops.decode_heatmaps(maps, places=place + np.float32(0.75)).coords
    np.testing.assert_allclose(got, place + 0.75 + step, atol=1e-5)


def test_places_of_torch_tensors() -> None:
    torch = pytest.importorskip("torch")
    maps = torch.from_numpy(bumps((2, 3, 20, 24)))
    places = torch.full((2, 3, 2), 8.0)
    want = ops.decode_heatmaps(maps.numpy(), places=places.numpy()).coords
    for given_places in (places, places.numpy(), places.long()):
        got = ops.decode_heatmaps(maps, places=given_places).coords
        np.testing.assert_array_equal(got.numpy(), want)


MAPS = np.zeros((2, 3, 8, 8), np.float32)
BAD = {
    "even taps": (ValueError, "taps must be an odd number", {"taps": [1, 1]}),
    "no taps": (ValueError, "taps must be an odd number", {"taps": []}),
    "many taps": (ValueError, "taps must be at most 65 weights, got 67", {"taps": [1] * 67}),
    "skew": (ValueError, "taps must be symmetric", {"taps": [1, 2, 3]}),
    "negative": (ValueError, "taps must not be negative", {"taps": [-1, 4, -1]}),
    "zeros": (ValueError, "taps must not be negative, nor all be 0", {"taps": [0, 0, 0]}),
    "word": (TypeError, "taps", {"taps": "abc"}),
    "border": (ValueError, "border must be one of", {"border": "zero", "rescale": False}),
    "scale": (ValueError, "rescale must be False with border='mirror'", {"border": "mirror"}),
    "flag": (TypeError, "rescale must be True or False", {"rescale": 1}),
    "places": (ValueError, r"places must have shape \(2, 3, 2\), got \(3, 2\)",
               {"places": np.zeros((3, 2))}),
    "place type": (TypeError, "places must be float32", {"places": np.zeros((2, 3, 2), bool)}),
    "place list": (TypeError, "places must be a NumPy array", {"places": [[[0, 0]]]}),
}  # fmt: skip


@pytest.mark.parametrize(("error", "message", "settings"), BAD.values(), ids=BAD)
def test_bad_input(error: type[Exception], message: str, settings: dict[str, Any]) -> None:
    with pytest.raises(error, match=message):
        ops.decode_heatmaps(MAPS, **settings)
