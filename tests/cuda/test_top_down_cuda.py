"""What the top-down adapters need of decode_heatmaps, and they themselves, on a CUDA device."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cuda_support import cpu_backend, host
from heatpose import ops
from heatpose.adapters import darkpose, easycv, mmpose, simple_baselines, transformers

torch = pytest.importorskip("torch")


def bumps(shape: tuple[int, ...]) -> np.ndarray:
    """One Gaussian per map, sometimes at or beyond the border, on some noise."""
    rng = np.random.default_rng(0)
    height, width = shape[-2:]
    ys, xs = np.mgrid[:height, :width]
    x, y = (rng.uniform(-1, n, shape[:-2])[..., None, None] for n in (width, height))
    maps = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 8) + rng.normal(0, 0.02, shape)
    return maps.astype(np.float32)


@pytest.mark.parametrize("method", ["quarter", "dark", "dark_udp"])
@pytest.mark.parametrize("border", ["constant", "reflect", "mirror", "nearest", "wrap"])
def test_blurs_and_places(put: Callable[..., Any], border: str, method: str) -> None:
    for size in ((64, 48), (7, 9), (1, 1)):
        maps = bumps((3, 4, *size))
        places = np.random.default_rng(1).uniform(-2, max(size) + 2, (3, 4, 2))
        places = places.astype(np.float32)
        for settings in ({"kernel": 17}, {"taps": [1.0, 4.0, 6.0, 4.0, 1.0]}):
            same = {"method": method, "border": border, "rescale": False, **settings}
            with cpu_backend():
                want = ops.decode_heatmaps(maps, **same).coords
                moved = ops.decode_heatmaps(maps, places=places, **same).coords
            tensor = put(maps, "float32")
            got = ops.decode_heatmaps(tensor, **same).coords
            np.testing.assert_allclose(host(got), want, rtol=1e-5, atol=1e-5)
            for given in (places, put(places, "float32")):
                got = ops.decode_heatmaps(tensor, places=given, **same).coords
                np.testing.assert_allclose(host(got), moved, rtol=1e-5, atol=1e-5)


CENTER, SCALE = np.full((3, 2), 200.0), np.full((3, 2), 0.5)
CONFIG = SimpleNamespace(TEST=SimpleNamespace(BLUR_KERNEL=7, POST_PROCESS=True))
PIXELS: dict[str, Any] = {"input_size": (96, 128), "heatmap_size": (24, 32)}


def vitpose(maps: Any) -> Any:
    outputs = SimpleNamespace(heatmaps=maps if hasattr(maps, "cpu") else torch.from_numpy(maps))
    boxes = [[[10.0, 20.0, 50.0, 70.0]] * 3]
    people = transformers.post_process_pose_estimation(outputs, boxes)[0]
    return np.array([one["keypoints"].numpy() for one in people])


ADAPTERS: dict[str, Callable[[Any], Any]] = {
    "darkpose": lambda m: darkpose.get_final_preds(CONFIG, m, CENTER, SCALE)[0],
    "simple_baselines": lambda m: simple_baselines.get_final_preds(CONFIG, m, CENTER, SCALE)[0],
    "mmpose DARK": lambda m: mmpose.MSRAHeatmap(**PIXELS, sigma=2, unbiased=True).batch_decode(m)[
        0
    ],
    "mmpose UDP": lambda m: mmpose.UDPHeatmap(**PIXELS).batch_decode(m)[0],
    "mmpose combined": lambda m: mmpose.UDPHeatmap(**PIXELS, heatmap_type="combined").batch_decode(
        m
    )[0],
    "easycv UDP": lambda m: easycv.keypoints_from_heatmaps(m, CENTER, SCALE, use_udp=True)[0],
    "easycv combined": lambda m: easycv.keypoints_from_heatmaps(
        m, CENTER, SCALE, use_udp=True, target_type="CombinedTarget"
    )[0],
    "easycv megvii": lambda m: easycv.keypoints_from_heatmaps(
        m, CENTER, SCALE, post_process="megvii"
    )[0],
    "transformers": vitpose,
}


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", ADAPTERS)
def test_adapters(put: Callable[..., Any], name: str, dtype: str) -> None:
    maps = torch.from_numpy(bumps((3, 6, 32, 24))).to(getattr(torch, dtype)).float().numpy()
    with cpu_backend():
        want = np.asarray(ADAPTERS[name](maps))
    got = ADAPTERS[name](put(maps, dtype))
    assert all(isinstance(one, np.ndarray) for one in got)
    np.testing.assert_allclose(np.asarray(got), want, rtol=0, atol=2e-3)
