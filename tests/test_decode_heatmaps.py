"""Top-down heatmaps: the native op against the whole definition in NumPy, and its rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from heatpose import ops, reference

METHODS = ["none", "quarter", "dark", "dark_udp"]
SHAPES = [(2, 3, 64, 48), (5, 17, 31), (1, 2, 5, 5), (2, 4, 1, 7), (1, 1, 9, 1), (1, 2, 40, 130)]


def bumps(shape: tuple[int, ...], *, seed: int = 0, noise: float = 0.02) -> np.ndarray:
    """One Gaussian per map, on noise, sometimes at or beyond the border."""
    rng = np.random.default_rng(seed)
    height, width = shape[-2:]
    ys, xs = np.mgrid[:height, :width]
    x, y = (rng.uniform(-1, n, shape[:-2])[..., None, None] for n in (width, height))
    maps = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 8) + rng.normal(0, noise, shape)
    return maps.astype(np.float32)


def one(heatmap: Any, **settings: Any) -> tuple[list[float], float]:
    """(x, y) and score of a single map."""
    coords, scores = ops.decode_heatmaps(np.asarray(heatmap, np.float32)[None], **settings)
    return coords[0].tolist(), float(scores[0])


def assert_matches_reference(maps: np.ndarray, **settings: Any) -> None:
    got = ops.decode_heatmaps(maps, **settings)
    coords, scores = reference.decode_heatmaps(maps, **settings)
    np.testing.assert_array_equal(got.scores, scores.astype(np.float32))
    # float32's rounding of the coordinate; the step itself is computed in double precision.
    np.testing.assert_allclose(got.coords, coords, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_reference(
    vector_unit: str, shape: tuple[int, ...], method: str, dtype: type[Any]
) -> None:
    for kernel in (1, 11, 17):
        for maps in (bumps(shape), bumps(shape, noise=1.0)):
            assert_matches_reference(maps.astype(dtype), method=method, kernel=kernel)


@pytest.mark.parametrize("invalid", ["zero", "minus_one"])
@pytest.mark.parametrize("quarter_border", ["joint", "per_axis"])
def test_conventions_match_reference(invalid: str, quarter_border: str) -> None:
    maps = bumps((40, 6, 7), noise=0.3) - 0.7
    assert_matches_reference(maps, method="quarter", invalid=invalid, quarter_border=quarter_border)


# What DARK leaves to its shortcut and what it cannot: the scale of the blurred map matters only
# where a clamp is active, which depends on amplitudes and on values below zero.
@pytest.mark.parametrize("method", ["dark", "dark_udp"])
@pytest.mark.parametrize("offset", [0.0, -0.05, -0.6])
@pytest.mark.parametrize(
    "amplitude", [1e-38, 1e-12, 3e-10, 1e-8, 5e-4, 2e-3, 0.1, 1.0, 40.0, 60.0, 1e4, 1e30]
)
def test_clamps_match_reference(
    vector_unit: str, amplitude: float, offset: float, method: str
) -> None:
    for noise in (0.0, 0.02, 0.5):
        maps = (bumps((12, 33, 29), noise=noise) + np.float32(offset)) * np.float32(amplitude)
        for kernel in (3, 11):
            assert_matches_reference(maps, method=method, kernel=kernel)


LEVELS = st.sampled_from([-1.0, -0.1, 0.0, 0.2, 0.5, 0.5, 1.0, 1.0])
ODD = st.sampled_from([np.nan, -np.inf, np.inf, -0.0, 1e-30, 1e-9, 1e-3, 60.0, 3e38])


@settings(deadline=None)
@given(
    maps=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 2), st.integers(1, 24), st.integers(1, 24)),
        elements=LEVELS | ODD | st.floats(-2, 2, width=32),
        fill=LEVELS,
    ),
    method=st.sampled_from(METHODS),
    kernel=st.sampled_from([1, 3, 5, 11, 17]),
)
def test_matches_reference_on_any_map(maps: np.ndarray, method: str, kernel: int) -> None:
    got = ops.decode_heatmaps(maps, method=method, kernel=kernel)
    coords, scores = reference.decode_heatmaps(maps, method=method, kernel=kernel)
    np.testing.assert_array_equal(got.scores, scores.astype(np.float32))
    assert np.isfinite(got.coords).all()
    # A step of many cells comes from a Hessian that is all rounding: not worth comparing closely.
    cells, _ = reference.decode_heatmaps(maps, method="none")
    assume(np.abs(coords - cells).max() < 50)
    np.testing.assert_allclose(got.coords, coords, rtol=1e-5, atol=1e-5)


@settings(deadline=None)
@given(
    bits=hnp.arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 150))),
)
def test_any_bits_of_half_precision_order_as_floats(bits: np.ndarray) -> None:
    assert_matches_reference(bits.view(np.float16)[None], method="none")


@settings(deadline=None)
@given(
    bits=hnp.arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 150))),
)
def test_any_bits_of_bfloat16_order_as_floats(bits: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    maps = torch.from_numpy(bits.view(np.int16)).view(torch.bfloat16)[None]
    got = ops.decode_heatmaps(maps, method="none")
    want = ops.decode_heatmaps(maps.float(), method="none")
    np.testing.assert_array_equal(got.coords.numpy(), want.coords.numpy())
    np.testing.assert_array_equal(got.scores.numpy(), want.scores.numpy())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_torch_in_torch_out(vector_unit: str, dtype: str, method: str) -> None:
    torch = pytest.importorskip("torch")
    maps = torch.from_numpy(bumps((2, 3, 20, 70))).to(getattr(torch, dtype)).requires_grad_()
    for view in (maps, maps[0], maps[:, :, ::2, 3::2], maps[:, :, :, :9]):
        got = ops.decode_heatmaps(view, method=method)
        want = ops.decode_heatmaps(view.detach().float().numpy(), method=method)
        assert isinstance(got.coords, torch.Tensor) and isinstance(got.scores, torch.Tensor)
        np.testing.assert_allclose(got.coords.numpy(), want.coords, rtol=1e-6)
        np.testing.assert_array_equal(got.scores.numpy(), want.scores)


def test_of_equal_maxima_the_first_in_row_order_wins(vector_unit: str) -> None:
    for size in (3, 60, 700, 3000):
        heatmap = np.zeros((2, size), np.float32)
        heatmap.flat[size - 2 :: 7] = 0.5
        for dtype in (np.float32, np.float16):
            got = ops.decode_heatmaps(heatmap[None].astype(dtype), method="none")
            assert got.coords.tolist() == [[size - 2, 0]]


def test_nan_is_never_the_place(vector_unit: str) -> None:
    for at in ((0, 0), (3, 4), (6, 8)):
        heatmap = np.full((7, 9), 0.25, np.float32)
        heatmap[3, 3] = 0.5
        heatmap[at] = np.nan
        for method in METHODS:
            place, score = one(heatmap, method=method)
            assert np.isfinite(place).all() and score == 0.5
        assert one(heatmap, method="none")[0] == [3, 3]


def test_a_map_without_numbers_is_invalid_with_score_minus_infinity() -> None:
    for heatmap in (np.full((5, 6), np.nan), np.full((5, 6), -np.inf), np.zeros((0, 5))):
        assert one(heatmap, invalid="minus_one") == ([-1, -1], -np.inf)
        assert one(heatmap) == ([0, 0], -np.inf)


def test_a_maximum_that_is_not_positive_is_invalid_and_keeps_its_score() -> None:
    heatmap = np.full((8, 8), -2.0)
    heatmap[5, 5] = -0.5
    assert one(heatmap, invalid="minus_one") == ([-1, -1], -0.5)
    heatmap[5, 5] = 0.0
    assert one(heatmap) == ([0, 0], 0.0)


def test_plus_infinity_is_the_place_and_dark_does_not_refine_it() -> None:
    heatmap = bumps((1, 20, 20))[0]
    heatmap[9, 8] = np.inf
    for method in ("none", "dark", "dark_udp"):
        assert one(heatmap, method=method) == ([8, 9], np.inf)


def test_minus_infinity_beside_the_peak_flattens_dark() -> None:
    heatmap = bumps((1, 20, 20), noise=0)[0] + np.float32(0.1)
    y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    heatmap[y, x - 1] = -np.inf
    want = one(heatmap, method="none")[0]
    assert one(heatmap, method="dark")[0] == want


def test_quarter_shift_compares_and_stays_on_ties() -> None:
    heatmap = np.zeros((7, 7))
    heatmap[3, 3], heatmap[3, 4], heatmap[2, 3] = 1.0, 0.5, 0.25
    assert one(heatmap, method="quarter")[0] == [3.25, 2.75]
    heatmap[3, 2] = heatmap[4, 3] = np.inf * -1
    heatmap[3, 4] = -np.inf
    assert one(heatmap, method="quarter")[0] == [3, 2.75]


@pytest.mark.parametrize(
    ("at", "joint", "per_axis"),
    [((1, 4), (4, 1), (4.25, 1)), ((4, 1), (1, 4), (1, 4.25)), ((2, 2), (2.25, 2.25), (2.25, 2.25)),
     ((0, 4), (4, 0), (4, 0)), ((6, 4), (4, 6), (4.25, 6)), ((5, 5), (5.25, 5.25), (5.25, 5.25))],
)  # fmt: skip
def test_quarter_shift_near_the_border(at: Any, joint: Any, per_axis: Any) -> None:
    heatmap = np.add.outer(np.arange(7), np.arange(7)) / 20  # grows right and down
    heatmap[at] = 1.0
    assert one(heatmap, method="quarter")[0] == list(joint)
    assert one(heatmap, method="quarter", quarter_border="per_axis")[0] == list(per_axis)


def test_dark_needs_two_cells_to_every_border() -> None:
    for x, y, moves in [(1, 5, False), (2, 5, True), (9, 5, True), (10, 5, False), (5, 1, False)]:
        ys, xs = np.mgrid[:12, :12]
        heatmap = np.exp(-((xs - x - 0.2) ** 2 + (ys - y - 0.2) ** 2) / 8)
        assert (one(heatmap, method="dark")[0] != [x, y]) == moves


def test_dark_finds_the_centre_of_a_gaussian() -> None:
    ys, xs = np.mgrid[:64, :48]
    heatmap = np.exp(-((xs - 20.3) ** 2 + (ys - 30.4) ** 2) / 8)
    for method in ("dark", "dark_udp"):
        np.testing.assert_allclose(one(heatmap, method=method)[0], [20.3, 30.4], atol=1e-3)


def test_flat_maps_stay_where_they_are() -> None:
    delta = np.zeros((15, 15))
    delta[7, 7] = 200.0  # its blurred neighbours are above DARK-UDP's upper clamp
    assert one(delta, method="dark_udp", kernel=3)[0] == [7, 7]
    assert one(delta * 1e-14, method="dark")[0] == [7, 7]


@pytest.mark.parametrize("method", METHODS)
def test_transform_maps_every_place(method: str) -> None:
    maps = bumps((3, 4, 20, 24))
    maps[0, 0] = -1  # an invalid place goes through the transform as well
    matrices = np.random.default_rng(0).normal(0, 3, (3, 2, 3))
    assert_matches_reference(maps, method=method, transform=matrices, invalid="minus_one")
    assert_matches_reference(maps, method=method, transform=matrices[0])
    assert_matches_reference(maps[1], method=method, transform=matrices[0].astype(np.float32))


def test_out_is_written_and_returned() -> None:
    maps = bumps((2, 3, 20, 24))
    out = np.empty((2, 3, 2), np.float32), np.empty((2, 3), np.float32)
    got = ops.decode_heatmaps(maps, out=out)
    assert got.coords is out[0] and got.scores is out[1]
    np.testing.assert_array_equal(out[0], ops.decode_heatmaps(maps).coords)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_out_may_overlap_neither_heatmaps_nor_itself(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    heatmaps = torch.zeros((3, 16, 16), dtype=getattr(torch, dtype))
    room = heatmaps.view(-1).view(torch.float32)
    coords, scores = torch.zeros((3, 2)), torch.zeros(3)
    with pytest.raises(ValueError, match=r"out\[0\] must not overlap heatmaps"):
        ops.decode_heatmaps(heatmaps, out=(room[:6].view(3, 2), scores))
    with pytest.raises(ValueError, match=r"out\[1\] must not overlap heatmaps"):
        ops.decode_heatmaps(heatmaps, out=(coords, room[-3:]))
    with pytest.raises(ValueError, match=r"out\[1\] must not overlap out\[0\]"):
        ops.decode_heatmaps(heatmaps, out=(coords, coords.view(-1)[3:]))


def test_out_may_not_overlap_the_transform() -> None:
    transform = np.zeros((2, 3))
    out = transform.view(np.float32).reshape(-1)[:6].reshape(3, 2), np.zeros(3, np.float32)
    with pytest.raises(ValueError, match=r"out\[0\] must not overlap transform"):
        ops.decode_heatmaps(zeros(3, 4, 4), transform=transform, out=out)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_heatmaps_at_an_odd_address(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    want = torch.from_numpy(bumps((3, 20, 24))).to(getattr(torch, dtype))
    room = bytearray(want.numel() * want.element_size() + 1)
    moved = torch.frombuffer(room, dtype=want.dtype, offset=1).reshape(want.shape).copy_(want)
    assert moved.data_ptr() % want.element_size()
    got = ops.decode_heatmaps(moved)
    np.testing.assert_array_equal(got.coords.numpy(), ops.decode_heatmaps(want).coords.numpy())


@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (2, 0, 8, 8), (0, 8, 8)], ids=str)
def test_no_maps_no_answers(shape: tuple[int, ...]) -> None:
    coords, scores = ops.decode_heatmaps(np.zeros(shape, np.float32))
    assert coords.shape == (*shape[:-2], 2) and scores.shape == shape[:-2]


def test_strided_and_read_only_maps() -> None:
    maps = bumps((3, 40, 50))
    view = maps[::2, ::-1, 1::3]
    maps.setflags(write=False)
    np.testing.assert_array_equal(
        ops.decode_heatmaps(view).coords, ops.decode_heatmaps(np.ascontiguousarray(view)).coords
    )


def test_any_number_of_threads_gives_the_same_bits() -> None:
    from heatpose import native

    maps = bumps((7, 37, 33, 65), noise=0.3)
    before = native.get_num_threads()
    answers = []
    for threads in (1, 4, 3):
        native.set_num_threads(threads)
        answers.append(ops.decode_heatmaps(maps))
    native.set_num_threads(before)
    for other in answers[1:]:
        np.testing.assert_array_equal(other.coords, answers[0].coords)
        np.testing.assert_array_equal(other.scores, answers[0].scores)


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


BAD = {
    "list": (TypeError, "heatmaps must be a NumPy array", {"heatmaps": [[[1.0]]]}),
    "float64": (TypeError, "heatmaps must be float32, float16 or bfloat16, got float64",
                {"heatmaps": np.zeros((1, 2, 2))}),
    "rank 2": (ValueError, r"3 or 4 dimensions, got shape \(4, 4\)", {"heatmaps": zeros(4, 4)}),
    "method": (ValueError, "method must be one of none, quarter, dark, dark_udp, got 'Dark'",
               {"method": "Dark"}),
    "even kernel": (ValueError, "kernel must be odd, got 10", {"kernel": 10}),
    "no kernel": (ValueError, "kernel must be between 1 and 1023, got 0", {"kernel": 0}),
    "float kernel": (TypeError, "kernel must be a whole number", {"kernel": 11.0}),
    "invalid": (ValueError, "invalid must be one of zero, minus_one", {"invalid": "nan"}),
    "border": (ValueError, "quarter_border must be one of", {"quarter_border": "x"}),
    "transform shape": (ValueError, r"transform must have shape \(2, 3\) or \(2, 2, 3\)",
                        {"heatmaps": zeros(2, 3, 4, 4), "transform": zeros(3, 2, 3)}),
    "transform of one": (ValueError, r"transform must have shape \(2, 3\), got \(1, 2, 3\)",
                         {"transform": zeros(1, 2, 3)}),
    "transform type": (TypeError, "transform must be float32 or float64",
                       {"transform": np.zeros((2, 3), np.int64)}),
    "transform nan": (ValueError, "transform must be finite",
                      {"transform": np.full((2, 3), np.nan)}),
    "out": (TypeError, r"out must be a tuple \(coords, scores\)", {"out": zeros(3, 2)}),
    "out shape": (ValueError, r"out\[0\] must have shape \(3, 2\), got \(3, 3\)",
                  {"out": (zeros(3, 3), zeros(3))}),
    "out type": (TypeError, r"out\[1\] must be float32",
                 {"out": (zeros(3, 2), np.zeros(3))}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    error, message, arguments = BAD[case]
    arguments = {"heatmaps": zeros(3, 4, 4), **arguments}
    with pytest.raises(error, match=message):
        ops.decode_heatmaps(**arguments)
