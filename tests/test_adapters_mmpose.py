"""The adapter of mmpose: functions and codecs against OpenCV on whole maps, and register()."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adapter_crops import (
    blurred_by_opencv,
    bumps,
    combined_by_opencv,
    compare_crops,
    dark_by_opencv,
    dark_udp_by,
    maxima_by_numpy,
    quarter_by_numpy,
)
from adapter_table import Crowds
from heatpose.adapters import mmpose
from heatpose.adapters.mmpose import MSRAHeatmap, UDPHeatmap

SIZES = {"input_size": (96, 64), "heatmap_size": (24, 16)}
KERNELS = [3, 7, 11, 17]


@pytest.fixture(params=[0.0, 0.02, 0.2])
def maps(request: pytest.FixtureRequest) -> np.ndarray:
    return bumps((6, 5, 16, 24), noise=request.param)


def by_crops(refine: Any, maps: np.ndarray, *kernel: int) -> np.ndarray:
    places, _ = mmpose.get_heatmap_maximum(maps)
    for place, crop in zip(places, maps, strict=True):
        given = crop.copy()
        keypoints = place[None]
        assert refine(keypoints, crop, *kernel) is keypoints
        np.testing.assert_array_equal(crop, given)
    return places


def test_maxima(maps: np.ndarray) -> None:
    locs, vals = mmpose.get_heatmap_maximum(maps - np.float32(0.9))
    np.testing.assert_array_equal(locs, maxima_by_numpy(maps - np.float32(0.9), -1))
    one = mmpose.get_heatmap_maximum(maps[0] - np.float32(0.9))
    np.testing.assert_array_equal(one[0], locs[0])
    np.testing.assert_array_equal(one[1], vals[0])
    assert vals.shape == (6, 5) and locs.dtype == vals.dtype == np.float32


@pytest.mark.parametrize("kernel", KERNELS)
def test_dark(maps: np.ndarray, kernel: int) -> None:
    want = dark_by_opencv(maps, kernel, -1)
    got = by_crops(mmpose.refine_keypoints_dark, maps, kernel)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-3)
    codec = MSRAHeatmap(**SIZES, sigma=2, unbiased=True, blur_kernel_size=kernel)
    np.testing.assert_allclose(np.concatenate(codec.batch_decode(maps)[0]), got * 4, atol=1e-4)


@pytest.mark.parametrize("kernel", KERNELS)
def test_dark_udp(maps: np.ndarray, kernel: int) -> None:
    want = dark_udp_by(lambda one: blurred_by_opencv(one, kernel), maps)
    got = by_crops(mmpose.refine_keypoints_dark_udp, maps, kernel)
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-3)
    codec = UDPHeatmap(**SIZES, blur_kernel_size=kernel)
    keypoints, _ = codec.decode(maps[0])
    np.testing.assert_allclose(keypoints[0], got[0] * [96 / 23, 64 / 15], atol=1e-4)
    assert keypoints.dtype == np.float64  # mmpose's dtypes differ between its codecs


def maximum(maps: np.ndarray) -> np.ndarray:
    return mmpose.get_heatmap_maximum(maps)[0]


def udp(kernel: int) -> Any:
    return lambda maps, dtype: dark_udp_by(lambda one: blurred_by_opencv(one, kernel, dtype), maps)


def combined_of(maps: np.ndarray) -> np.ndarray:
    """Each map as a class map, with two of the same person's as its offsets."""
    return np.stack([maps, np.roll(maps, 1, 1), np.roll(maps, 2, 1)], axis=2).reshape(
        len(maps), -1, *maps.shape[2:]
    )


def decoded_combined(maps: np.ndarray) -> np.ndarray:
    size = maps.shape[:-3:-1]
    codec = UDPHeatmap(tuple(n - 1 for n in size), size, heatmap_type="combined")
    return np.concatenate(codec.batch_decode(combined_of(maps))[0])


CROWDS: dict[str, tuple[Any, Any, float]] = {
    "maxima": (maximum, lambda maps, dtype: maxima_by_numpy(maps, -1), 0),
    "quarter": (
        lambda maps: by_crops(mmpose.refine_keypoints, maps),
        lambda maps, dtype: quarter_by_numpy(maps, maxima_by_numpy(maps, -1), apart=True),
        0,
    ),
    **{
        f"DARK {kernel}": (
            lambda maps, kernel=kernel: by_crops(mmpose.refine_keypoints_dark, maps, kernel),
            lambda maps, dtype, kernel=kernel: dark_by_opencv(maps, kernel, -1, dtype),
            1e-3,
        )
        for kernel in (11, 17)
    },
    **{
        f"DARK-UDP {kernel}": (
            lambda maps, kernel=kernel: by_crops(mmpose.refine_keypoints_dark_udp, maps, kernel),
            udp(kernel),
            1e-3,
        )
        for kernel in (11, 17)
    },
    "combined": (
        decoded_combined,
        lambda maps, dtype: combined_by_opencv(combined_of(maps), 0.0546875 * 32, 23, 0),
        1e-4,
    ),
}


@pytest.mark.parametrize("way", CROWDS)
def test_crowds_of_crops(way: str) -> None:
    compare_crops(Crowds("mmpose", f"mmpose's steps, with OpenCV: {way}"), *CROWDS[way])


def test_quarter_moves_each_axis_for_itself() -> None:
    heatmap = np.add.outer(np.arange(7), np.arange(7)) / 20  # grows right and down
    heatmap[1, 4] = 1.0
    places = np.array([[[4.0, 1.0]], [[2.0, 2.0]], [[-1.0, -1.0]]])
    want = [[[4.25, 1]], [[2.25, 2.25]], [[-1, -1]]]
    assert mmpose.refine_keypoints(places, heatmap[None]).tolist() == want
    codec = MSRAHeatmap(input_size=(7, 7), heatmap_size=(7, 7), sigma=2)
    assert codec.decode(heatmap[None])[0].tolist() == [[[4.25, 1]]]


@pytest.mark.parametrize("kernel", [3, 5, 11])
def test_combined(maps: np.ndarray, kernel: int) -> None:
    combined = bumps((4, 9, 16, 24), noise=0.1) - np.float32(0.2)
    combined[1, 0] = -1  # nobody there: (-1, -1), through the scale like all places
    cells = combined_by_opencv(combined, 0.0546875 * 24, 2 * kernel + 1, 0)
    codec = UDPHeatmap(**SIZES, heatmap_type="combined", blur_kernel_size=kernel)
    got, scores = codec.batch_decode(combined)
    want = cells * [96 / 23, 64 / 15]
    np.testing.assert_allclose(np.concatenate(got), want, atol=1e-4)
    assert got[0].shape == (1, 3, 2) and scores[0].shape == (1, 3)
    with pytest.raises(ValueError, match="encoded must hold 3 maps per keypoint, got 8"):
        codec.decode(combined[0, :8])


def test_keypoints_that_share_maps_and_carry_more_than_two_numbers() -> None:
    crop = bumps((4, 16, 24))
    rng = np.random.default_rng(0)
    keypoints = np.concatenate([rng.integers(3, 13, (5, 4, 2)), rng.random((5, 4, 1))], axis=-1)
    for refine in (mmpose.refine_keypoints_dark, mmpose.refine_keypoints_dark_udp):
        got = refine(keypoints.copy(), crop, 11)
        np.testing.assert_array_equal(got[..., 2], keypoints[..., 2])
        for one, alone in zip(got, keypoints, strict=True):
            np.testing.assert_array_equal(refine(alone[None].copy(), crop, 11)[0], one)


def test_blur_is_written_back() -> None:
    crop = bumps((4, 16, 24))
    want = [blurred_by_opencv(one, 11) for one in crop]
    assert mmpose.gaussian_blur(crop) is crop
    np.testing.assert_allclose(crop, want, rtol=1e-4, atol=2e-6)


def test_non_maximum_suppression() -> None:
    torch = pytest.importorskip("torch")
    maps = torch.from_numpy(bumps((2, 3, 9, 8), noise=0.3))
    for size in (1, 3, 5):
        kept = mmpose.batch_heatmap_nms(maps, size)
        for plane in np.ndindex(*maps.shape):
            y, x = plane[2:]
            r = size // 2
            window = maps[plane[0], plane[1], max(y - r, 0) : y + r + 1, max(x - r, 0) : x + r + 1]
            assert kept[plane] == (maps[plane] if maps[plane] == window.max() else 0)
    for wrong, error in ((4, ValueError), (3.0, TypeError), (0, ValueError)):
        with pytest.raises(error, match="kernel_size"):
            mmpose.batch_heatmap_nms(maps, wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be a tensor"):
        mmpose.batch_heatmap_nms(maps.numpy())


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_head_hands_over_its_batch(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    maps = torch.from_numpy(bumps((3, 6, 16, 24))).to(getattr(torch, dtype)).requires_grad_()
    for codec in (
        MSRAHeatmap(**SIZES, sigma=2),
        MSRAHeatmap(**SIZES, sigma=2, unbiased=True),
        UDPHeatmap(**SIZES),
        UDPHeatmap(**SIZES, heatmap_type="combined"),
    ):
        assert codec.support_batch_decoding
        keypoints, scores = codec.batch_decode(maps.detach())
        assert len(keypoints) == len(scores) == 3
        for i in range(3):
            one = codec.decode(maps[i].detach().float().numpy())
            np.testing.assert_allclose(keypoints[i], one[0], atol=1e-4)
            np.testing.assert_allclose(scores[i], one[1], rtol=1e-6)
            assert isinstance(keypoints[i], np.ndarray) and isinstance(scores[i], np.ndarray)


class Registry:
    """What register() needs of mmengine's."""

    def __init__(self) -> None:
        self.module_dict: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        return self.module_dict.get(name)

    def register_module(self, *, name: str, force: bool, module: Any) -> None:
        if name in self.module_dict and not force:
            raise KeyError(name)
        self.module_dict[name] = module


class Installed:
    """Stands for mmpose's MSRAHeatmap."""

    label_mapping_table = {"keypoint_weights": "weights"}  # noqa: RUF012

    def __init__(self, **settings: Any) -> None:
        vars(self).update(settings)

    def encode(self, keypoints: Any) -> str:
        return "encoded by mmpose"

    def decode(self, encoded: Any) -> str:
        return "decoded by mmpose"


def check_registering(registry: Any) -> None:
    registry.register_module(name="MSRAHeatmap", force=False, module=Installed)
    undo = mmpose.register(registry)
    codec = registry.get("MSRAHeatmap")(**SIZES, unbiased=True, blur_kernel_size=11, sigma=2)
    maps = bumps((2, 3, 16, 24))
    want = MSRAHeatmap(**SIZES, sigma=2, unbiased=True)
    np.testing.assert_array_equal(codec.decode(maps[0])[0], want.decode(maps[0])[0])
    assert codec.support_batch_decoding and isinstance(codec, Installed)
    assert codec.encode(None) == "encoded by mmpose"
    assert codec.label_mapping_table == Installed.label_mapping_table
    assert registry.get("UDPHeatmap") is UDPHeatmap  # nothing was there to be a subclass of
    again = mmpose.register(registry)
    again()
    assert registry.get("MSRAHeatmap") is type(codec)
    undo()
    undo()
    assert registry.get("MSRAHeatmap") is Installed
    assert "UDPHeatmap" not in registry.module_dict


def test_register_and_undo() -> None:
    check_registering(Registry())


@pytest.mark.original
def test_register_with_mmengine() -> None:
    mmengine = pytest.importorskip("mmengine.registry")
    check_registering(mmengine.Registry("codecs of a test"))


def test_register_without_mmpose_says_so() -> None:
    try:
        import mmpose as installed  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="mmpose"):
            mmpose.register()


def test_encoding_is_refused_with_a_way_out() -> None:
    with pytest.raises(NotImplementedError, match=r"register\(\), whose codecs encode"):
        UDPHeatmap(**SIZES).encode(np.zeros((1, 5, 2)))


CROP = np.zeros((3, 8, 8), np.float32)
KEYPOINTS = np.zeros((2, 3, 2))
BAD = {
    "keypoints": (ValueError, r"keypoints must have shape \(-1, 3, 2\)", (KEYPOINTS[:, :2], CROP)),
    "whole": (TypeError, "keypoints must be a NumPy array of floats, got int64",
              (KEYPOINTS.astype(np.int64), CROP)),
    "list": (TypeError, "keypoints must be a NumPy array of floats, got list", ([[[0.0]]], CROP)),
    "rank": (ValueError, "heatmaps must have 3 dimensions", (KEYPOINTS, CROP[None])),
    "no cells": (ValueError, "heatmaps must have cells", (KEYPOINTS, CROP[:, :0])),
}  # fmt: skip


@pytest.mark.parametrize(("error", "message", "args"), BAD.values(), ids=BAD)
def test_bad_input(error: type[Exception], message: str, args: Any) -> None:
    with pytest.raises(error, match=message):
        mmpose.refine_keypoints(*args)


def test_bad_settings() -> None:
    with pytest.raises(ValueError, match="heatmap_type must be gaussian or combined"):
        UDPHeatmap(**SIZES, heatmap_type="both")
    with pytest.raises(ValueError, match=r"heatmap_size must be \(W, H\), each above 1"):
        UDPHeatmap((64, 64), (1, 16))
    with pytest.raises(ValueError, match=r"input_size must be \(w, h\)"):
        MSRAHeatmap((64, 64, 3), (16, 16), 2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="blur_kernel_size must be odd"):
        MSRAHeatmap(**SIZES, sigma=2, unbiased=True, blur_kernel_size=10).decode(CROP)
