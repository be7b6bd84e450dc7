"""What the CUDA kernels of two ops treat apart: sizes around their tiles, wide kernels, large maps.

The answers are the same without such a device, so that these run everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heatpose import ops, reference

BORDERS = ["reflect", "mirror", "nearest", "constant", "wrap"]


def noise(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def assert_smooths(maps: np.ndarray, radius: int, border: str) -> None:
    half = np.random.default_rng(radius).uniform(0.5, 1.0, radius + 1)
    taps = np.concatenate([half[:0:-1], half])
    taps /= taps.sum()
    got = ops.gaussian_smooth(maps, taps=taps, border=border)
    want = reference.gaussian_smooth(maps, taps=taps, border=border)
    np.testing.assert_allclose(got, want, rtol=0, atol=3e-6)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("radius", [1, 2, 3, 12, 16, 17, 40, 41, 60])
def test_smoothing_around_a_tile(radius: int, border: str) -> None:
    for height, width in [(31, 63), (32, 64), (33, 65), (65, 132), (7, 8)]:
        assert_smooths(noise((2, height, width)), radius, border)


@pytest.mark.parametrize("radius", [12, 33])
def test_smoothing_strips_of_some_steps(radius: int) -> None:
    for height in (65, 130):
        assert_smooths(noise((2200 * 32 // height, height, 4)), radius, "mirror")


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("shape", [(2, 40, 300), (1, 300, 9), (3, 1, 1), (0, 4, 5)], ids=str)
def test_smoothing_with_the_widest_filter(shape: tuple[int, ...], border: str) -> None:
    assert_smooths(noise(shape), 512, border)


@pytest.mark.parametrize("radius", [12, 13, 50])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_smoothing_maps_at_any_address(dtype: type[Any], radius: int) -> None:
    taps = np.full(2 * radius + 1, 1 / (2 * radius + 1))
    for shape in [(2, 40, 68), (3, 35, 67)]:
        maps = noise(shape).astype(dtype)
        room = np.zeros(maps.size + 8, dtype)
        want = ops.gaussian_smooth(maps, taps=taps)
        for offset in range(4):
            moved = room[offset : offset + maps.size].reshape(shape)
            moved[...] = maps
            np.testing.assert_array_equal(ops.gaussian_smooth(moved, taps=taps), want)


@pytest.mark.parametrize("radius", [1, 3, 12, 41])
def test_a_nan_is_smoothed_over_its_window_alone(radius: int) -> None:
    taps = np.full(2 * radius + 1, 1 / (2 * radius + 1))
    for y, x in [(31, 63), (32, 64), (45, 70), (0, 0)]:
        maps = np.zeros((1, 100, 150), np.float32)
        maps[0, y, x] = np.nan
        got = ops.gaussian_smooth(maps, taps=taps, border="constant")
        ys, xs = np.mgrid[:100, :150]
        window = np.maximum(abs(ys - y), abs(xs - x)) <= radius
        np.testing.assert_array_equal(np.isnan(got[0]), window)


def bumps(shape: tuple[int, ...], *, seed: int = 0) -> np.ndarray:
    """A Gaussian per map, with some noise."""
    rng = np.random.default_rng(seed)
    height, width = shape[-2:]
    ys, xs = np.mgrid[:height, :width]
    x, y = (rng.uniform(0, n - 1, shape[:-2])[..., None, None] for n in (width, height))
    maps = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 8) + rng.normal(0, 0.02, shape)
    return maps.astype(np.float32)


def assert_decodes(maps: np.ndarray, **settings: Any) -> None:
    got = ops.decode_heatmaps(maps, **settings)
    coords, scores = reference.decode_heatmaps(maps, **settings)
    np.testing.assert_array_equal(got.scores, scores.astype(np.float32))
    np.testing.assert_allclose(got.coords, coords, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("method", ["none", "quarter", "dark", "dark_udp"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize(
    "shape",
    [(3, 1, 1), (3, 2, 4), (2, 22, 23), (2, 23, 24), (1, 124, 132), (1, 131, 133), (1, 200, 170)],
    ids=str,
)
def test_decoding_maps_of_any_size(shape: tuple[int, ...], dtype: type[Any], method: str) -> None:
    assert_decodes(bumps(shape).astype(dtype), method=method)


def test_of_equal_maxima_in_a_large_map_the_first_wins() -> None:
    for size in (512, 4096, 16384, 40000, 70001):
        for dtype in (np.float32, np.float16):
            maps = np.zeros((1, 1, size), dtype)
            for at in (size - 1, size // 2, size // 3, 130, 129, 7):
                maps[..., at] = 0.5
                assert ops.decode_heatmaps(maps, method="none").coords.tolist() == [[at, 0]]


@pytest.mark.parametrize("method", ["dark", "dark_udp"])
@pytest.mark.parametrize("kernel", [63, 65, 67, 301, 1023])
def test_decoding_under_a_wide_blur(kernel: int, method: str) -> None:
    for shape in [(2, 40, 52), (1, 3, 1100), (1, 600, 7)]:
        assert_decodes(bumps(shape), method=method, kernel=kernel)


# The scale of the whole blurred map is needed: it is blurred tile by tile.
@pytest.mark.parametrize("amplitude", [2e-3, 60.0])
@pytest.mark.parametrize(("shape", "kernel"), [
    ((3, 64, 48), 11), ((2, 9, 700), 17), ((1, 7, 1300), 11), ((1, 6, 1100), 301),
    ((1, 5, 5300), 1023), ((2, 700, 3), 5), ((2, 1, 600), 1),
])  # fmt: skip
def test_decoding_under_a_clamp(shape: tuple[int, ...], kernel: int, amplitude: float) -> None:
    maps = np.maximum(bumps(shape), 0.0) * np.float32(amplitude)
    assert_decodes(maps, method="dark_udp", kernel=kernel)
