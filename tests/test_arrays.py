"""What comes in at the door of the ops and decoders: where arrays lie, and what is refused."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import heatpose as hp
from heatpose import demo, ops

CANVAS = (64, 96)


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def body(heatmaps: Any, pafs: Any) -> Any:
    return hp.BodyDecoder(hp.skeletons.COCO18)(heatmaps, pafs, CANVAS)


def crops(heatmaps: Any) -> Any:
    return hp.KeypointDecoder(hp.skeletons.COCO17).crops(heatmaps)


def transformed(transform: Any) -> Any:
    return ops.decode_heatmaps(zeros(2, 3, 8, 8), transform=transform)


@pytest.mark.parametrize(
    ("call", "shape", "name"),
    [
        (lambda maps: body(maps, zeros(38, 8, 12)), (19, 8, 12), "maps"),
        (lambda maps: body(zeros(19, 8, 12), maps), (38, 8, 12), "pafs"),
        (crops, (2, 17, 8, 8), "heatmaps"),
        (transformed, (2, 2, 3), "transform"),
    ],
)
def test_tensors_that_lie_nowhere_are_refused_by_name(
    call: Callable[[Any], Any], shape: tuple[int, ...], name: str
) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match=f"^{name} is on device meta"):
        call(torch.zeros(shape, device="meta"))


@pytest.mark.parametrize("layout", ["to_sparse", "to_mkldnn"])
def test_tensors_that_are_not_dense_are_refused_by_name(layout: str) -> None:
    torch = pytest.importorskip("torch")
    maps, heatmaps = (getattr(torch.rand(n, 8, 12), layout)() for n in (19, 17))
    with pytest.raises(TypeError, match=r"^heatmaps must be a dense tensor"):
        body(maps, zeros(38, 8, 12))
    with pytest.raises(TypeError, match=r"^heatmaps must be a dense tensor"):
        crops(heatmaps)


def test_no_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="must hold at least one scale, got none"):
        body([], [])


class Foreign:
    """An array of another library, which NumPy cannot read but through DLPack."""

    __array_ufunc__ = None

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __array__(self, *args: Any, **settings: Any) -> np.ndarray:
        raise TypeError("implicit conversion to a NumPy array is not allowed")

    def __dlpack__(self, **settings: Any) -> Any:
        return self.array.__dlpack__(**settings)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()

    def __getitem__(self, key: Any) -> Foreign:
        return type(self)(self.array[key])


class Standard(Foreign):
    """One of a library that keeps the array API standard."""

    def __array_namespace__(self) -> Any:
        return types.SimpleNamespace(from_dlpack=Standard)


class Older(Foreign):
    """One that does not tell its namespace, like CuPy's."""


@pytest.fixture(params=[Standard, Older])
def foreign(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    library = types.ModuleType("older")
    vars(library)["from_dlpack"] = Older
    monkeypatch.setitem(sys.modules, "older", library)
    monkeypatch.setattr(Older, "__module__", "older.core")
    return request.param


def test_arrays_of_another_library_decode(foreign: Any) -> None:
    heatmaps, pafs, _ = demo.planted_crowd(2, cells=(8, 12), canvas=CANVAS)
    want = body(heatmaps, pafs)
    np.testing.assert_array_equal(body(foreign(heatmaps), foreign(pafs)).keypoints, want.keypoints)
    assert type(ops.gaussian_smooth(foreign(heatmaps), 1.0)) is foreign


@pytest.mark.parametrize("value", [0, np.nan])
def test_arrays_of_another_library_may_hold_nobody(foreign: Any, value: float) -> None:
    maps = [foreign(np.full((n, 8, 12), value, np.float32)) for n in (19, 38)]
    if value == 0:
        assert len(body(*maps)) == 0
        return
    with pytest.warns(RuntimeWarning, match="heatmaps and pafs hold NaN or infinity"):
        assert len(body(*maps)) == 0
