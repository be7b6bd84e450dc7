"""CuPy arrays: in and out, on CuPy's current stream."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import heatpose as hp
from heatpose import demo, ops

cupy = pytest.importorskip("cupy")
torch = pytest.importorskip("torch")


def test_cupy_in_cupy_out(gpu: Any) -> None:
    maps = np.random.default_rng(0).random((3, 40, 50), dtype=np.float32)
    there = cupy.asarray(maps)
    smoothed = ops.gaussian_smooth(there, 2.0)
    assert isinstance(smoothed, cupy.ndarray)
    np.testing.assert_allclose(cupy.asnumpy(smoothed), ops.gaussian_smooth(maps, 2.0), atol=1e-5)
    out = cupy.empty_like(there)
    assert ops.gaussian_smooth(there, 2.0, out=out) is out
    np.testing.assert_array_equal(cupy.asnumpy(out), cupy.asnumpy(smoothed))


def test_what_is_brought_to_a_stream_of_cupys_is_brought_on_it(gpu: Any) -> None:
    """Uploads and copies are not queued on torch's stream, which is late here."""
    rng = np.random.default_rng(1)
    heatmaps, transform = rng.random((4, 5, 24, 32), dtype=np.float32), rng.normal(size=(4, 2, 3))
    want = ops.decode_heatmaps(heatmaps.swapaxes(2, 3), transform=transform)
    with cupy.cuda.Stream(non_blocking=True):
        there = cupy.asarray(heatmaps).swapaxes(2, 3)
        torch.cuda._sleep(100_000_000)  # cycles, on torch's stream
        got = ops.decode_heatmaps(there, transform=transform)
        coords = cupy.asnumpy(got.coords)
    np.testing.assert_allclose(coords, want.coords, rtol=1e-5, atol=1e-4)


def test_nobody_in_cupys_maps(gpu: Any) -> None:
    maps = [cupy.zeros((count, 8, 12), cupy.float32) for count in (19, 38)]
    assert len(hp.BodyDecoder(hp.skeletons.COCO18)(*maps, (64, 96))) == 0


def test_a_stream_of_cupys(gpu: Any) -> None:
    heatmaps, pafs, _ = demo.planted_crowd(4, cells=(46, 60), canvas=(368, 480))
    decoder = hp.BodyDecoder(hp.skeletons.COCO18)
    want = decoder(heatmaps, pafs, (368, 480))
    with cupy.cuda.Stream(non_blocking=True):
        maps = [cupy.asarray(array) for array in (heatmaps, pafs)]
        people = decoder(*maps, (368, 480))
    np.testing.assert_array_equal(people.keypoints, want.keypoints)


def test_strided_arrays_on_a_stream_of_cupys(gpu: Any) -> None:
    maps = np.random.default_rng(1).random((64, 17, 64, 96), dtype=np.float32)
    want = ops.decode_heatmaps(np.ascontiguousarray(maps[..., ::2]))
    with cupy.cuda.Stream(non_blocking=True):
        got = ops.decode_heatmaps(cupy.asarray(maps)[..., ::2])
        for mine, theirs in zip(got, want, strict=True):
            np.testing.assert_allclose(cupy.asnumpy(mine), theirs, atol=1e-4)
