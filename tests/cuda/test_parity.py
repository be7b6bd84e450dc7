"""Every op on a CUDA device against the same op on the CPU: integers equal, floats within 1e-5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import heatpose as hp
from cuda_support import cpu_backend, host
from heatpose import demo, ops

torch = pytest.importorskip("torch")

SKELETON = hp.skeletons.COCO18
DTYPES = ("float32", "float16", "bfloat16")
# (cells, canvas, stride, content): the usual, odd ones, single cells, downscales, stride 1.
GEOMETRIES: dict[str, Any] = {
    "usual": ((23, 31), (120, 161), 8, None),
    "content": ((23, 31), (177, 233), 8, (180, 237)),
    "odd": ((7, 5), (61, 43), 4, (27, 19)),
    "one cell": ((1, 1), (17, 9), 8, None),
    "one pixel": ((3, 4), (1, 1), 8, None),
    "a row": ((1, 40), (3, 200), 8, None),
    "smaller": ((40, 60), (33, 29), 8, None),
    "much smaller": ((120, 90), (20, 15), 4, None),
    "as it is": ((50, 60), (50, 60), 1, None),
}


def blobs(lead: tuple[int, ...], cells: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Smooth positive maps with a few maxima each, and noise below."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: cells[0], : cells[1]]
    maps = rng.normal(0, 0.02, (*lead, *cells))
    for index in np.ndindex(*lead):
        for _ in range(rng.integers(0, 5)):
            cy, cx = rng.uniform(0, cells[0] - 1), rng.uniform(0, cells[1] - 1)
            maps[index] += rng.uniform(0.2, 1) * np.exp(
                -((y - cy) ** 2 + (x - cx) ** 2) / (2 * rng.uniform(0.7, 1.6) ** 2)
            )
    return maps.astype(np.float32)


def rounded(maps: np.ndarray, dtype: str) -> np.ndarray:
    """The values that maps have in another type, as float32."""
    return torch.from_numpy(maps).to(getattr(torch, dtype)).float().numpy()


def assert_same(got: Any, want: Any, *, tolerance: float = 1e-5) -> None:
    """Tuples of arrays: whole numbers equal, floats within `tolerance` of the largest."""
    if not isinstance(got, tuple):
        got, want = (got,), (want,)
    for mine, theirs in zip(got, want, strict=True):
        a, b = host(mine), host(theirs)
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        if a.dtype.kind in "iub":
            np.testing.assert_array_equal(a, b)
        else:
            scale = np.abs(b[np.isfinite(b)]).max(initial=1.0)
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale)


def layouts(tensor: Any) -> dict[str, Any]:
    """The same maps, lying differently."""
    result = {"contiguous": tensor}
    wider = torch.zeros((*tensor.shape[:-1], tensor.shape[-1] + 3), dtype=tensor.dtype)
    wider = wider.to(tensor.device)
    wider[..., 1:-2] = tensor
    result["columns of a wider stack"] = wider[..., 1:-2]
    more = torch.cat([tensor[..., :1, :, :], tensor, tensor[..., :1, :, :]], dim=-3)
    result["channels of a larger stack"] = more[..., 1:-1, :, :]
    if tensor.ndim == 4:
        result["channels last"] = tensor.to(memory_format=torch.channels_last)
    return result


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", GEOMETRIES)
def test_resize_average(put: Callable[..., Any], name: str, dtype: str) -> None:
    cells, canvas, stride, content = GEOMETRIES[name]
    maps = rounded(blobs((2, 3), cells), dtype)
    with cpu_backend():
        want = ops.resize_average(maps, canvas, stride=stride, content=content)
    for layout, tensor in layouts(put(maps, dtype)).items():
        got = ops.resize_average(tensor, canvas, stride=stride, content=content)
        assert got.device == tensor.device, layout
        assert_same(got, want)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "sigma"), [(n, s) for n in GEOMETRIES for s in (0.0, 2.5)])
def test_peaks_from_cells(put: Callable[..., Any], name: str, sigma: float, dtype: str) -> None:
    cells, canvas, stride, content = GEOMETRIES[name]
    maps = rounded(blobs((2, 3), cells, seed=1), dtype)
    options = {"stride": stride, "content": content, "sigma": sigma, "threshold": 0.08}
    with cpu_backend():
        want = ops.peaks_from_cells(maps, canvas, **options)
    for tensor in layouts(put(maps, dtype)).values():
        assert_same(ops.peaks_from_cells(tensor, canvas, **options), want)


@pytest.mark.parametrize("count", [2, 4, 12])
def test_several_scales(put: Callable[..., Any], count: int) -> None:
    sizes = [(5 + 3 * i, 6 + 4 * i) for i in range(count)]
    maps = [blobs((2, 4), size, seed=i) for i, size in enumerate(sizes)]
    options: dict[str, Any] = {"weights": list(np.linspace(0, 1, count))}
    with cpu_backend():
        average = ops.resize_average(maps, (90, 75), **options)
        peaks = ops.peaks_from_cells(maps, (90, 75), **options)
    tensors = put(maps)
    assert_same(ops.resize_average(tensors, (90, 75), **options), average)
    assert_same(ops.peaks_from_cells(tensors, (90, 75), **options), peaks)
    mixed = [t.half() if i % 2 else t for i, t in enumerate(tensors)]
    assert ops.resize_average(mixed, (90, 75)).shape == (2, 4, 90, 75)


def test_more_scales_than_a_kernel_takes(put: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="at most 12 scales are averaged on a CUDA device, got 13"):
        ops.resize_average(put([blobs((1,), (4, 4))] * 13), (8, 8))


@pytest.mark.parametrize("refine", ["centroid", "taylor"])
def test_refined_peaks(put: Callable[..., Any], refine: str) -> None:
    maps = blobs((5,), (23, 31), seed=2)
    with cpu_backend():
        want = ops.peaks_from_cells(maps, (120, 161), refine=refine)
    assert want.counts.sum() > 4
    assert_same(ops.peaks_from_cells(put(maps), (120, 161), refine=refine), want)


@pytest.mark.parametrize("max_peaks", [1, 3, 64])
def test_more_peaks_than_are_kept(put: Callable[..., Any], max_peaks: int) -> None:
    rng = np.random.default_rng(5)
    maps = rng.normal(0, 1, (2, 3, 40, 50)).astype(np.float32)
    maps[1, 2] = 0
    options: dict[str, Any] = {"sigma": 0.0, "threshold": -1.0, "max_peaks": max_peaks}
    with cpu_backend():
        fused = ops.peaks_from_cells(maps, (80, 100), **options)
        found = ops.find_peaks(maps, threshold=-1.0, max_peaks=max_peaks)
    assert fused.overflow.any() and not fused.overflow.all()
    tensors = put(maps)
    assert_same(ops.peaks_from_cells(tensors, (80, 100), **options), fused)
    assert_same(ops.find_peaks(tensors, threshold=-1.0, max_peaks=max_peaks), found)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [(1, 1), (3, 129), (64, 64), (37, 50)])
def test_find_peaks(put: Callable[..., Any], size: tuple[int, int], dtype: str) -> None:
    maps = rounded(blobs((2, 3), size, seed=3), dtype)
    with cpu_backend():
        want = ops.find_peaks(maps, ties="all", connectivity=8)
    assert_same(ops.find_peaks(put(maps, dtype), ties="all", connectivity=8), want)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("border", ["reflect", "mirror", "nearest", "constant", "wrap"])
def test_gaussian_smooth(put: Callable[..., Any], border: str, dtype: str) -> None:
    maps = rounded(np.random.default_rng(0).normal(size=(2, 2, 45, 70)), dtype)
    for sigma in (0.6, 3.0, 9.0):
        with cpu_backend():
            want = ops.gaussian_smooth(maps, sigma, border=border)
        assert_same(ops.gaussian_smooth(put(maps, dtype), sigma, border=border), want)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shift", [False, True])
def test_average_flipped(put: Callable[..., Any], shift: bool, dtype: str) -> None:
    for size in ((64, 48), (7, 9), (1, 1), (13, 72), (3, 300), (2, 2060)):
        maps, mirrored = both = [put(blobs((2, 3), size, seed=seed), dtype) for seed in (4, 5)]
        with cpu_backend():
            want = ops.average_flipped(*(host(m.float()) for m in both), (1, 0, 2), shift=shift)
        want = torch.from_numpy(want).to(maps.dtype).float().numpy()
        for layout in layouts(maps).values():
            got = ops.average_flipped(layout, mirrored, (1, 0, 2), shift=shift)
            assert (got.dtype, got.device) == (maps.dtype, maps.device)
            np.testing.assert_array_equal(host(got.float()), want)
        kept = mirrored.clone()
        assert ops.average_flipped(maps, mirrored, (1, 0, 2), shift=shift, out=maps) is maps
        np.testing.assert_array_equal(host(maps.float()), want)
        assert torch.equal(mirrored, kept)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", ["none", "quarter", "dark", "dark_udp"])
def test_decode_heatmaps(put: Callable[..., Any], method: str, dtype: str) -> None:
    rng = np.random.default_rng(7)
    for size in ((64, 48), (7, 9), (1, 1), (96, 71)):
        maps = rounded(blobs((3, 4), size, seed=4) + 0.01, dtype)
        maps[0, 0, 0, 0] = np.nan
        maps[2, 1] = -1
        transform = rng.normal(size=(3, 2, 3))
        with cpu_backend():
            want = ops.decode_heatmaps(maps, method=method, transform=transform)
        tensor = put(maps, dtype)
        assert_same(ops.decode_heatmaps(tensor, method=method, transform=transform), want)
        there = put(transform)
        assert_same(ops.decode_heatmaps(tensor, method=method, transform=there), want)


@pytest.mark.parametrize("name", ["usual", "odd", "much smaller"])
def test_decode_hand_maps(put: Callable[..., Any], name: str) -> None:
    cells, canvas, stride, content = GEOMETRIES[name]
    maps = blobs((2, 4), cells, seed=6)
    options = {"stride": stride, "content": content}
    with cpu_backend():
        want = ops.decode_hand_maps(maps, canvas, **options)
    for tensor in layouts(put(maps)).values():
        assert_same(ops.decode_hand_maps(tensor, canvas, **options), want)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_warp_crops(put: Callable[..., Any], dtype: str) -> None:
    rng = np.random.default_rng(8)
    photo = rng.integers(0, 256, (61, 47, 3), dtype=np.uint8)
    matrices = rng.normal(size=(5, 2, 3)) * [[[1, 1, 30]]]
    options: dict[str, Any] = {"mean": ops.IMAGENET_MEAN, "std": ops.IMAGENET_STD, "dtype": dtype}
    with cpu_backend():
        want = ops.warp_crops(photo, matrices, (33, 21), swap_rgb=True, **options)
    for places in (matrices, put(matrices)):
        got = ops.warp_crops(put(photo), places, (33, 21), swap_rgb=True, **options)
        np.testing.assert_array_equal(host(got), want)  # the same bits


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("scale", [0.37, 1.0, 2.3])
def test_prepare_image(put: Callable[..., Any], scale: float, dtype: str) -> None:
    photo = np.random.default_rng(9).integers(0, 256, (45, 67, 3), dtype=np.uint8)
    with cpu_backend():
        want, content = ops.prepare_image(photo, scale=scale, dtype=dtype)
    got, same_content = ops.prepare_image(put(photo), scale=scale, dtype=dtype)
    assert same_content == content
    np.testing.assert_array_equal(host(got), want)  # the same bits


def crowd(people: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    planted = demo.planted_crowd(people, cells=(46, 60), canvas=(368, 480), seed=seed)
    return planted[0], planted[1]


@pytest.mark.parametrize(
    "options",
    [
        ops.AssociateOptions(),
        ops.AssociateOptions(classic_conflicts=True),
        ops.AssociateOptions.for_global(),
        ops.AssociateOptions(samples=33, min_parts=2),
    ],
    ids=["limbs", "classic", "global", "many samples"],
)
@pytest.mark.parametrize("people", [0, 1, 7])
def test_associate(put: Callable[..., Any], people: int, options: ops.AssociateOptions) -> None:
    heatmaps, pafs = crowd(people)
    limbs, channels = SKELETON.limbs, SKELETON.paf_channels
    with cpu_backend():
        peaks = ops.peaks_from_cells(heatmaps[:18], (368, 480), max_peaks=20)
        want = ops.associate(peaks, pafs, limbs, channels, (368, 480), options=options)
    there = ops.Peaks(*put(list(peaks)))
    got = ops.associate(there, put(pafs), limbs, channels, (368, 480), options=options)
    assert_same(got, want)
    assert want.counts == people


def test_peaks_that_make_no_sense_pair_with_none(put: Callable[..., Any]) -> None:
    """What lies on a device is not checked, and must do no harm."""
    xy = np.full((3, 4, 2), np.nan, np.float32)
    xy[1] = np.inf
    xy[2] = 1e30
    counts = np.array([-5, 1 << 30, 4], np.int32)
    peaks = ops.Peaks(*put([xy, np.ones((3, 4), np.float32), counts, np.zeros(3, bool)]))
    limbs, channels = [(0, 1), (1, 2)], [(0, 1), (2, 3)]
    if put(xy).device.type == "cpu":
        pytest.skip("arrays on the host are checked")
    found = ops.associate(peaks, put(np.ones((4, 5, 6), np.float32)), limbs, channels, (40, 48))
    assert int(found.counts) == 0
    assert not host(found.pair_counts).any()


def test_no_maps(put: Callable[..., Any]) -> None:
    empty = put(np.zeros((0, 3, 8, 9), np.float32))
    assert ops.peaks_from_cells(empty, (40, 50)).counts.shape == (0, 3)
    assert ops.resize_average(empty, (40, 50)).shape == (0, 3, 40, 50)
    assert ops.find_peaks(empty).counts.shape == (0, 3)
    assert ops.gaussian_smooth(empty, 2.0).shape == empty.shape
    assert ops.average_flipped(empty, empty, (0, 1, 2)).shape == empty.shape
    assert ops.decode_heatmaps(empty).coords.shape == (0, 3, 2)
    assert ops.decode_hand_maps(empty, (40, 50)).coords.shape == (0, 3, 2)
