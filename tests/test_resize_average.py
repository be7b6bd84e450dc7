"""Maps of all scales on the canvas: against the reference, against cv2, and the rules."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heatpose import ops, reference
from heatpose.reference.resize_average import axis_matrix

NAMES = ["nearest", "linear", "cubic", "area", "lanczos4"]
CV2 = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos4": cv2.INTER_LANCZOS4,
}

# (cells of each scale), canvas, stride, what the padding takes off the content
GEOMETRIES = {
    "one cell": ([(1, 1)], (5, 19), 8, (0, 0)),
    "one cell to one pixel": ([(1, 1)], (1, 1), 8, (0, 0)),
    "a row": ([(1, 9)], (3, 50), 8, (3, 1)),
    "a column": ([(11, 1)], (64, 1), 8, (5, 7)),
    "a photo": ([(23, 41)], (203, 311), 8, (0, 5)),
    "no stride": ([(13, 17)], (40, 48), 1, (0, 0)),
    "the same size": ([(13, 17)], (13, 17), 1, (0, 0)),
    "smaller than the cells": ([(30, 45)], (7, 16), 2, (1, 1)),
    "far smaller": ([(60, 200)], (3, 5), 1, (0, 0)),
    "thinner and taller": ([(9, 40)], (90, 21), 4, (3, 2)),
    "three scales": ([(6, 11), (12, 21), (17, 32)], (95, 160), 8, (1, 6)),
}


def noise(lead: tuple[int, ...], cells: list[tuple[int, int]], seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((*lead, *size)).astype(np.float32) for size in cells]


def tolerance(maps: list[np.ndarray]) -> float:
    return 1e-5 * max(1e-3, max(float(np.ptp(m)) for m in maps))


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("name", [*NAMES, ("area", "lanczos4"), ("nearest", "cubic")], ids=str)
def test_matches_reference(vector_unit: str, name: Any, geometry: str) -> None:
    cells, canvas, stride, padding = GEOMETRIES[geometry]
    maps = noise((3,), cells)
    content = [(h * stride - padding[0], w * stride - padding[1]) for h, w in cells]
    options = {
        "content": content,
        "stride": stride,
        "interpolation": name,
        "weights": [0.5, -0.25, 1.5][: len(cells)],
    }
    got = ops.resize_average(maps, canvas, **options)
    want = reference.resize_average(maps, canvas, **options)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance(maps))


@given(
    cells=st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), min_size=1, max_size=3),
    canvas=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    stride=st.integers(1, 9),
    names=st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)),
    cut=st.floats(0, 1),
    holes=st.integers(0, 3),
    seed=st.integers(0, 1 << 16),
)
def test_matches_reference_on_any_geometry(
    cells: list[tuple[int, int]],
    canvas: tuple[int, int],
    stride: int,
    names: tuple[str, str],
    cut: float,
    holes: int,
    seed: int,
) -> None:
    maps = noise((2,), cells, seed)
    rng = np.random.default_rng(seed)
    for _ in range(holes):
        plane = maps[rng.integers(len(maps))][rng.integers(2)]
        plane[tuple(rng.integers(plane.shape))] = rng.choice([np.nan, np.inf, -np.inf])
    content = [tuple(max(1, round(cut * n * stride)) for n in size) for size in cells]
    options = {"content": content, "stride": stride, "interpolation": names}
    got = ops.resize_average(maps, canvas, **options)
    want = reference.resize_average(maps, canvas, **options)
    np.testing.assert_allclose(got, want, rtol=0, atol=5e-5)  # NaN in the same places, too


def as_cv2_does(
    plane: np.ndarray,
    canvas: tuple[int, int],
    content: tuple[int, int],
    stride: int,
    names: tuple[str, str],
) -> np.ndarray:
    """The classical decoders' three steps."""
    size = (plane.shape[1] * stride, plane.shape[0] * stride)
    enlarged = cv2.resize(plane, size, interpolation=CV2[names[0]])
    cropped = enlarged[: content[0], : content[1]]
    return cv2.resize(cropped, canvas[::-1], interpolation=CV2[names[1]])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("source", "target"),
    [((23, 41), (184, 328)), ((46, 54), (427, 640)), ((40, 60), (17, 25)), ((50, 33), (50, 33)),
     ((1, 7), (9, 30)), ((100, 90), (33, 45)), ((1, 1), (4, 4)), ((24, 30), (12, 10))],
)  # fmt: skip
def test_one_resize_is_cv2s(name: str, source: tuple[int, int], target: tuple[int, int]) -> None:
    maps = noise((2,), [source])
    got = ops.resize_average(maps, target, stride=1, interpolation=name)
    want = [cv2.resize(m, target[::-1], interpolation=CV2[name]) for m in maps[0]]
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance(maps))


@pytest.mark.parametrize(
    "names", [("cubic", "cubic"), ("lanczos4", "area"), ("linear", "linear"), ("area", "cubic")]
)
def test_the_three_steps_are_cv2s(names: tuple[str, str]) -> None:
    maps = noise((2,), [(20, 31)])
    # Both sides of the content shrink: where one grows, OpenCV's area is another function.
    canvas, content = (111, 200), (157, 243)
    got = ops.resize_average(maps, canvas, content=content, interpolation=names)
    want = [as_cv2_does(m, canvas, content, 8, names) for m in maps[0]]
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance(maps))


@pytest.mark.parametrize("name", NAMES)
def test_one_hot_cells_give_the_operator_itself(name: str) -> None:
    cells, canvas, content, stride = 9, 53, 61, 8
    want = axis_matrix(cells, canvas, content=content, stride=stride, interpolation=name)
    options = {"stride": stride, "interpolation": name}
    rows = np.eye(cells, dtype=np.float32)[:, :, None]
    got = ops.resize_average(rows, (canvas, 1), content=(content, stride), **options)
    np.testing.assert_allclose(got[:, :, 0].T, want, rtol=0, atol=1e-6)
    columns = np.eye(cells, dtype=np.float32)[:, None, :]
    got = ops.resize_average(columns, (1, canvas), content=(stride, content), **options)
    np.testing.assert_allclose(got[:, 0].T, want, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["nearest", "linear", "cubic", "lanczos4"])
def test_a_constant_stays_constant(name: str) -> None:
    maps = np.full((1, 14, 23), 3.0, np.float32)
    got = ops.resize_average(maps, (101, 97), content=(107, 181), interpolation=name)
    np.testing.assert_allclose(got, 3.0, rtol=1e-6)


def test_scales_add_up() -> None:
    maps = noise((2,), [(6, 9), (12, 18)])
    each = [ops.resize_average(m, (50, 70)) for m in maps]
    got = ops.resize_average(maps, (50, 70), weights=[2.0, 0.5])
    np.testing.assert_allclose(got, 2 * each[0] + 0.5 * each[1], atol=1e-5)
    mean = ops.resize_average(maps, (50, 70))
    np.testing.assert_allclose(mean, (each[0] + each[1]) / 2, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_cell_that_is_not_finite_makes_what_touches_it_nan(vector_unit: str, bad: float) -> None:
    maps = noise((2,), [(8, 9)])[0]
    clean = ops.resize_average(maps, (61, 70))
    maps[1, 3, 4] = bad
    got = ops.resize_average(maps, (61, 70))
    touched = np.outer(
        np.abs(axis_matrix(8, 61)[:, 3]) > 1e-9, np.abs(axis_matrix(9, 70)[:, 4]) > 1e-9
    )
    np.testing.assert_array_equal(np.isnan(got[1]), touched)
    np.testing.assert_array_equal(got[1][~touched], clean[1][~touched])
    np.testing.assert_array_equal(got[0], clean[0])


def test_a_scale_of_weight_zero_touches_nothing() -> None:
    maps = noise((1,), [(4, 5), (4, 5)])
    maps[1][:] = np.nan
    got = ops.resize_average(maps, (20, 30), weights=[1, 0])
    np.testing.assert_array_equal(got, ops.resize_average(maps[0], (20, 30)))


def test_no_weight_at_all_gives_zeros() -> None:
    got = ops.resize_average(noise((2,), [(4, 5)]), (20, 30), weights=[0])
    np.testing.assert_array_equal(got, np.zeros((2, 20, 30)))


@pytest.mark.parametrize("offset", [0, 1, 4, 12, 15])
@pytest.mark.parametrize(("height", "width"), [(720, 1280), (713, 1280), (720, 1277)])
def test_large_outputs_at_any_address(
    vector_unit: str, height: int, width: int, offset: int
) -> None:
    """Outputs beyond the caches are written another way, which looks at the alignment."""
    planes = 13
    maps = noise((planes,), [(46, 82)])
    room = np.zeros(planes * height * width + 32, np.float32)
    start = (-room.ctypes.data // 4) % 16 + offset
    out = room[start : start + planes * height * width].reshape(planes, height, width)
    got = ops.resize_average(maps, (height, width), out=out)
    assert got is out
    for plane in (0, planes - 1):
        want = reference.resize_average(maps[0][plane], (height, width))
        np.testing.assert_allclose(out[plane], want, rtol=0, atol=tolerance(maps))
    assert not room[:start].any() and not room[start + out.size :].any()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_torch_in_torch_out(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    maps = torch.from_numpy(noise((2, 3), [(9, 11)])[0]).to(getattr(torch, dtype))
    got = ops.resize_average(maps, (40, 50))
    assert isinstance(got, torch.Tensor) and got.shape == (2, 3, 40, 50)
    np.testing.assert_array_equal(got.numpy(), ops.resize_average(maps.float().numpy(), (40, 50)))
    out = torch.empty((2, 3, 40, 50))
    assert ops.resize_average([maps], (40, 50), out=out) is out
    np.testing.assert_array_equal(out.numpy(), got.numpy())


def test_float16_maps() -> None:
    maps = noise((2,), [(9, 11)])[0].astype(np.float16)
    got = ops.resize_average(maps, (40, 50))
    np.testing.assert_array_equal(got, ops.resize_average(maps.astype(np.float32), (40, 50)))


def test_strided_and_read_only_maps() -> None:
    maps = noise((4,), [(20, 40)])[0]
    view = maps[::2, ::-1, 1::3]
    maps.setflags(write=False)
    got = ops.resize_average(view, (50, 60))
    np.testing.assert_array_equal(got, ops.resize_average(np.ascontiguousarray(view), (50, 60)))


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 3, 4)], ids=str)
def test_no_channels(shape: tuple[int, ...]) -> None:
    assert ops.resize_average(np.zeros(shape, np.float32), (5, 6)).shape == (*shape[:-2], 5, 6)


def test_threads_do_not_change_the_bits(threads: None) -> None:
    from heatpose import native

    maps = noise((5,), [(23, 41), (30, 50)])
    got = ops.resize_average(maps, (333, 217))
    native.set_num_threads(1)
    np.testing.assert_array_equal(got, ops.resize_average(maps, (333, 217)))


MAPS = np.zeros((1, 2, 3), np.float32)
BAD: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "not an array": (TypeError, r"maps\[0\] must be a NumPy array", {"maps": [[1.0]]}),
    "nothing": (ValueError, "maps must hold at least one scale", {"maps": []}),
    "float64": (TypeError, "maps must be float32, float16 or bfloat16, got float64",
                {"maps": np.zeros((1, 2, 2))}),
    "rank 2": (ValueError, "maps must have 3 or 4 dimensions", {"maps": MAPS[0]}),
    "no cells": (ValueError, "maps must have at least one cell", {"maps": MAPS[:, :0]}),
    "channels differ": (ValueError, r"maps\[1\] must have the leading shape",
                        {"maps": [MAPS, np.zeros((2, 2, 3), np.float32)]}),
    "canvas": (ValueError, "canvas must be .height, width.", {"canvas": 5}),
    "empty canvas": (ValueError, "canvas must be .height, width.", {"canvas": (0, 5)}),
    "stride": (ValueError, "stride must be between 1 and 1024, got 0", {"stride": 0}),
    "stride of float": (TypeError, "stride must be a whole number", {"stride": 8.0}),
    "large content": (ValueError, "content must be at most .16, 24.",
                      {"content": (16, 25)}),
    "empty content": (ValueError, "content must be .height, width.", {"content": (0, 1)}),
    "content of 3": (ValueError, "content must be .height, width.", {"content": (1, 2, 3)}),
    "content number": (TypeError, "content must be .height, width.", {"content": 7}),
    "contents": (ValueError, "content must have one size per scale .1., got 2",
                 {"content": [(1, 2), (3, 4)]}),
    "weights": (ValueError, "weights must have one number per scale .1., got 2",
                {"weights": [1, 2]}),
    "weights number": (TypeError, "weights must be one number per scale", {"weights": 1.0}),
    "nan weight": (ValueError, r"weights\[0\] must be a finite number", {"weights": [np.nan]}),
    "interpolation": (ValueError, "interpolation must be one of nearest, linear",
                      {"interpolation": "bilinear"}),
    "interpolations": (ValueError, "interpolation must be a name or a pair",
                       {"interpolation": ("cubic",)}),
    "interpolation pair": (ValueError, "interpolation must be one of",
                           {"interpolation": ("cubic", 3)}),
    "out shape": (ValueError, r"out must have shape \(1, 4, 5\)", {"out": MAPS}),
    "out type": (TypeError, "out must be float32", {"out": np.zeros((1, 4, 5))}),
    "out strided": (ValueError, "out must be C-contiguous",
                    {"out": np.zeros((1, 4, 10), np.float32)[..., ::2]}),
    "too large": (ValueError, "cells . stride must be at most",
                  {"maps": np.zeros((1, 1, 1 << 12), np.float32), "stride": 1024}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    error, message, arguments = BAD[case]
    arguments = {"maps": MAPS, "canvas": (4, 5), **arguments}
    maps, canvas = arguments.pop("maps"), arguments.pop("canvas")
    with pytest.raises(error, match=message):
        ops.resize_average(maps, canvas, **arguments)


def test_out_may_not_overlap_maps() -> None:
    room = np.zeros((1, 4, 5), np.float32)
    with pytest.raises(ValueError, match="out must not overlap maps"):
        ops.resize_average(room, (4, 5), stride=1, out=room)
