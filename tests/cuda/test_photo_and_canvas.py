"""What only the kernels of resize_average, warp_crops and prepare_image have: their two paths, the
edges of their tiles, and matrices that nobody has checked."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cuda_support import cpu_backend, host
from heatpose import ops
from heatpose.native import core

torch = pytest.importorskip("torch")

# (cells, canvas, stride, interpolation): tiles are 128 columns and up to 64 rows of the canvas.
GEOMETRIES: dict[str, Any] = {
    "whole tiles": ((16, 32), (128, 256), 8, "cubic"),
    "one more on each side": ((16, 32), (129, 257), 8, "cubic"),
    "rows of four pixels": ((9, 20), (70, 132), 8, "cubic"),
    "low tiles": ((150, 200), (50, 133), 1, "cubic"),
    "a thread for each pixel": ((300, 400), (9, 14), 1, "area"),
    "a thread for each pixel, enlarged down": ((5, 3000), (130, 20), 8, "area"),
}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_holes_reach_the_pixels_they_reach_on_the_cpu(
    put: Callable[..., Any], name: str, bad: float
) -> None:
    cells, canvas, stride, interpolation = GEOMETRIES[name]
    options = {"stride": stride, "interpolation": interpolation}
    rng = np.random.default_rng(3)
    maps = rng.normal(size=(3, *cells)).astype(np.float32)
    with cpu_backend():
        clean = ops.resize_average(maps, canvas, **options)
    got = host(ops.resize_average(put(maps), canvas, **options))
    np.testing.assert_allclose(got, clean, rtol=0, atol=5e-5)
    for _ in range(3):
        maps[1, rng.integers(cells[0]), rng.integers(cells[1])] = bad
    with cpu_backend():
        want = ops.resize_average(maps, canvas, **options)
    got = host(ops.resize_average(put(maps), canvas, **options))
    np.testing.assert_allclose(got, want, rtol=0, atol=5e-5)  # NaN in the same places, too
    assert np.isnan(want[1]).any() and not np.isnan(want[[0, 2]]).any()


def test_scales_of_weight_zero_between_others(put: Callable[..., Any]) -> None:
    rng = np.random.default_rng(4)
    maps = [rng.normal(size=(2, 5 + i, 6 + i)).astype(np.float32) for i in range(4)]
    maps[0][:] = maps[2][:] = np.nan
    options: dict[str, Any] = {"weights": [0, 0.25, 0, 0.75]}
    with cpu_backend():
        want = ops.resize_average(maps, (70, 90), **options)
    assert np.isfinite(want).all()
    got = host(ops.resize_average(put(maps), (70, 90), **options))
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_crop_whose_matrix_is_not_finite_is_border(
    put: Callable[..., Any], bad: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Matrices on a device are not checked."""
    if core.cuda_device_type == 1:  # those on the host are, but the kernel is the same
        monkeypatch.setattr(sys.modules["heatpose.ops.warp_crops"], "on_device", lambda _: True)
    photo = np.random.default_rng(5).integers(1, 256, (20, 30, 3), dtype=np.uint8)
    matrices = np.tile(np.array([[0.5, 0, 3], [0, 0.5, 2]]), (8, 1, 1))
    for i in range(6):
        matrices[1 + i].flat[i] = bad
    got = host(ops.warp_crops(put(photo), put(matrices), (9, 35), border_value=7, norm_scale=1))
    with cpu_backend():
        want = ops.warp_crops(photo, matrices[[0, 7]], (9, 35), border_value=7, norm_scale=1)
    np.testing.assert_array_equal(got[[0, 7]], want)
    np.testing.assert_array_equal(got[1:7], 7)


@pytest.mark.parametrize("size", [(8, 32), (9, 33), (7, 31), (1, 200), (50, 1)])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_photos_at_the_edges_of_tiles(
    put: Callable[..., Any], size: tuple[int, int], dtype: str
) -> None:
    """The same bits as on the CPU: crops that leave the photo on every side, and inputs."""
    photo = np.random.default_rng(6).integers(0, 256, (23, 19, 3), dtype=np.uint8)
    turned = np.array([[[0.9, -0.4, -5], [0.4, 0.9, -3]], [[-1.3, 0, 22], [0, 1e-3, 22.5]]])
    with cpu_backend():
        crops = ops.warp_crops(photo, turned, size, dtype=dtype)
        pixels, _ = ops.prepare_image(photo, size=size, stride=16, dtype=dtype)
    np.testing.assert_array_equal(
        host(ops.warp_crops(put(photo), put(turned), size, dtype=dtype)), crops
    )
    got, content = ops.prepare_image(put(photo), size=size, stride=16, dtype=dtype)
    np.testing.assert_array_equal(host(got), pixels)
    assert content == size
