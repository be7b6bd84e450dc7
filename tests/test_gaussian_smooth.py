"""Gaussian smoothing: against the reference, SciPy and cv2, and the rules."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given
from hypothesis import strategies as st

from heatpose import native, ops, reference
from heatpose.ops._taps import read_taps

BORDERS = ["reflect", "mirror", "nearest", "constant", "wrap"]
CV2 = {
    "reflect": cv2.BORDER_REFLECT,
    "mirror": cv2.BORDER_REFLECT_101,
    "nearest": cv2.BORDER_REPLICATE,
    "constant": cv2.BORDER_CONSTANT,
}
SHAPES = [(1, 1, 1), (2, 1, 9), (1, 17, 1), (2, 3, 5, 7), (3, 33, 70), (40, 129), (1, 9, 203)]


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("sigma", [0, 0.1, 0.8, 3.0, 7.0])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_reference(
    vector_unit: str, shape: tuple[int, ...], sigma: float, border: str
) -> None:
    maps = noise(shape)
    got = ops.gaussian_smooth(maps, sigma, border=border)
    want = reference.gaussian_smooth(maps, sigma, border=border)
    assert got.dtype == np.float32 and got.shape == maps.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=3e-6)


@given(
    shape=st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(0, 80)),
    radius=st.integers(0, 20),
    border=st.sampled_from(BORDERS),
    seed=st.integers(0, 1 << 16),
)
def test_matches_reference_with_any_taps(
    shape: tuple[int, int, int], radius: int, border: str, seed: int
) -> None:
    maps = noise(shape, seed)
    half = np.random.default_rng(seed).standard_normal(radius + 1)
    taps = np.concatenate([half[:0:-1], half]) / (radius + 1)
    got = ops.gaussian_smooth(maps, taps=taps, border=border)
    want = reference.gaussian_smooth(maps, taps=taps, border=border)
    np.testing.assert_allclose(got, want, rtol=0, atol=2e-5)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize(("sigma", "truncate"), [(3, 4), (1.3, 2.5), (12, 4), (0.3, 1)])
def test_is_scipys(border: str, sigma: float, truncate: float) -> None:
    maps = noise((2, 31, 45))
    got = ops.gaussian_smooth(maps, sigma, truncate=truncate, border=border)
    for plane, mine in zip(maps, got, strict=True):
        want = scipy.ndimage.gaussian_filter(
            plane.astype(np.float64), sigma, mode=border, truncate=truncate
        )
        np.testing.assert_allclose(mine, want, rtol=0, atol=2e-6)


@pytest.mark.parametrize("border", CV2)
@pytest.mark.parametrize(("kernel_size", "sigma"), [(3, 0.8), (17, 3.0), (11, None), (17, None)])
def test_is_cv2s(border: str, kernel_size: int, sigma: float | None) -> None:
    maps = noise((2, 31, 45))
    got = ops.gaussian_smooth(maps, sigma, kernel_size=kernel_size, border=border)
    size = (kernel_size, kernel_size)
    for plane, mine in zip(maps, got, strict=True):
        want = cv2.GaussianBlur(plane, size, sigma or 0, borderType=CV2[border])
        np.testing.assert_allclose(mine, want, rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    "options",
    [{"sigma": 3.0}, {"sigma": 0.01}, {"sigma": 1.7, "truncate": 3.1},
     {"sigma": 2.5, "truncate": 0.1}, {"sigma": None, "kernel_size": 11},
     {"sigma": 0.8, "kernel_size": 17}],
    ids=str,
)  # fmt: skip
def test_the_two_copies_of_the_taps_agree(options: dict[str, Any]) -> None:
    mine, theirs = np.array(read_taps(**options)), reference.gaussian_taps(**options)
    np.testing.assert_allclose(mine, theirs, rtol=1e-13, atol=0)
    assert len(mine) % 2 == 1 and abs(mine.sum() - 1) < 1e-14


def test_nan_reaches_its_window_and_no_further(vector_unit: str) -> None:
    maps = noise((1, 40, 50))
    clean = ops.gaussian_smooth(maps, 1.0)
    maps[0, 20, 30] = np.nan
    got = ops.gaussian_smooth(maps, 1.0)
    window = np.zeros((40, 50), bool)
    window[16:25, 26:35] = True
    np.testing.assert_array_equal(np.isnan(got[0]), window)
    np.testing.assert_array_equal(got[0][~window], clean[0][~window])


def test_infinities_add_up_as_numbers_do() -> None:
    maps = np.zeros((1, 9, 30), np.float32)
    maps[0, 4, 3], maps[0, 4, 20], maps[0, 4, 23] = np.inf, -np.inf, np.inf
    with np.errstate(invalid="ignore"):
        want = reference.gaussian_smooth(maps, 1.0)
    np.testing.assert_allclose(ops.gaussian_smooth(maps, 1.0), want, atol=1e-6)


@pytest.mark.parametrize("offset", [0, 1, 4, 15])
@pytest.mark.parametrize("width", [1280, 1277])
def test_large_outputs_at_any_address(vector_unit: str, width: int, offset: int) -> None:
    """Outputs beyond the caches are written another way, which looks at the alignment."""
    planes, height = 13, 720
    maps = noise((planes, height, width))
    room = np.zeros(maps.size + 32, np.float32)
    start = (-room.ctypes.data // 4) % 16 + offset
    out = room[start : start + maps.size].reshape(maps.shape)
    assert ops.gaussian_smooth(maps, 1.2, out=out) is out
    want = reference.gaussian_smooth(maps[-1], 1.2)
    np.testing.assert_allclose(out[-1], want, rtol=0, atol=3e-6)
    np.testing.assert_array_equal(out[:1], ops.gaussian_smooth(maps[:1], 1.2))
    assert not room[:start].any() and not room[start + out.size :].any()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_torch_in_torch_out(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    maps = torch.from_numpy(noise((2, 3, 19, 21))).to(getattr(torch, dtype))
    got = ops.gaussian_smooth(maps, 2.0)
    assert isinstance(got, torch.Tensor)
    np.testing.assert_array_equal(got.numpy(), ops.gaussian_smooth(maps.float().numpy(), 2.0))
    out = torch.empty(maps.shape)
    assert ops.gaussian_smooth(maps, 2.0, out=out) is out
    np.testing.assert_array_equal(out.numpy(), got.numpy())


def test_strided_and_read_only_maps() -> None:
    maps = noise((4, 20, 60))
    view = maps[::2, ::-1, 1::3]
    maps.setflags(write=False)
    got = ops.gaussian_smooth(view, 1.5)
    np.testing.assert_array_equal(got, ops.gaussian_smooth(np.ascontiguousarray(view), 1.5))


def test_threads_do_not_change_the_bits(threads: None) -> None:
    maps = noise((5, 133, 217))
    got = ops.gaussian_smooth(maps, 3.0)
    native.set_num_threads(1)
    np.testing.assert_array_equal(got, ops.gaussian_smooth(maps, 3.0))


@pytest.mark.parametrize("shape", [(0, 4, 5), (2, 0, 5), (2, 4, 0), (0, 0)], ids=str)
def test_nothing_to_smooth(shape: tuple[int, ...]) -> None:
    assert ops.gaussian_smooth(np.zeros(shape, np.float32), 1.0).shape == shape


def misaligned(array: np.ndarray) -> np.ndarray:
    """A copy that starts a byte beyond its natural address."""
    room = np.empty(array.nbytes + 1, np.uint8)[1:]
    copy = room.view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def test_maps_at_an_odd_address() -> None:
    maps = noise((2, 9, 11))
    for dtype in (np.float32, np.float16):
        moved = misaligned(maps.astype(dtype))
        assert not moved.flags.aligned
        want = ops.gaussian_smooth(maps.astype(dtype), 1.0)
        np.testing.assert_array_equal(ops.gaussian_smooth(moved, 1.0), want)


def test_a_tensor_that_cannot_be_written_in_place_is_refused() -> None:
    torch = pytest.importorskip("torch")
    maps = torch.from_numpy(noise((2, 9, 11)))
    negated = torch.zeros(maps.shape)._neg_view()
    assert negated.is_neg()
    room = bytearray(4 * maps.numel() + 1)
    unaligned = torch.frombuffer(room, dtype=torch.float32, offset=1).reshape(maps.shape)
    for out, message in [
        (negated, IN_PLACE),
        (unaligned, IN_PLACE),
        (torch.zeros(maps.shape, requires_grad=True), "out must not require grad"),
    ]:
        with pytest.raises(ValueError, match=message):
            ops.gaussian_smooth(maps, 1.0, out=out)
    np.testing.assert_array_equal(
        ops.gaussian_smooth((-maps)._neg_view(), 1.0), ops.gaussian_smooth(maps, 1.0)
    )


def test_1025_taps_are_not_too_many() -> None:
    assert ops.gaussian_smooth(MAPS, taps=[1.0] * 1025).shape == MAPS.shape


def test_sigma_of_any_number() -> None:
    maps, want = noise((9, 11)), ops.gaussian_smooth(noise((9, 11)), 1.5)
    for sigma in (np.float32(1.5), Fraction(3, 2), Decimal("1.5")):
        np.testing.assert_array_equal(ops.gaussian_smooth(maps, sigma), want)


IN_PLACE = "out must be an aligned, native-endian array that can be written in place"
MAPS = np.zeros((2, 4, 5), np.float32)
BAD: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "not an array": (TypeError, "maps must be a NumPy array", {"maps": [[1.0]]}),
    "float64": (TypeError, "maps must be float32, float16 or bfloat16, got float64",
                {"maps": np.zeros((2, 2))}),
    "rank 1": (ValueError, "maps must have 2 or 3 or 4 dimensions", {"maps": MAPS[0, 0]}),
    "no sigma": (ValueError, "sigma must be given", {"sigma": None}),
    "sigma below 0": (ValueError, "sigma must be a finite number, at least 0", {"sigma": -1}),
    "nan sigma": (ValueError, "sigma must be a finite number", {"sigma": np.nan}),
    "sigma of text": (TypeError, "sigma must be a number", {"sigma": "wide"}),
    "huge sigma": (ValueError, "truncate . sigma must be at most 512 pixels", {"sigma": 1e38}),
    "truncate": (ValueError, "truncate must be a finite number, greater than 0", {"truncate": -1}),
    "even kernel": (ValueError, "kernel_size must be odd, got 4", {"kernel_size": 4}),
    "kernel 0": (ValueError, "kernel_size must be between 1 and", {"kernel_size": 0}),
    "kernel of float": (TypeError, "kernel_size must be a whole number", {"kernel_size": 3.0}),
    "border": (ValueError, "border must be one of reflect, mirror", {"border": "replicate"}),
    "taps and sigma": (ValueError, "taps takes the place of sigma", {"taps": [1.0]}),
    "even taps": (ValueError, "taps must be an odd number of weights, got 2",
                  {"sigma": None, "taps": [0.5, 0.5]}),
    "square taps": (TypeError, r"taps\[0\] must be a number",
                    {"sigma": None, "taps": np.ones((3, 3))}),
    "one-sided taps": (ValueError, "taps must be symmetric", {"sigma": None, "taps": [1, 2, 3]}),
    "nan taps": (ValueError, r"taps\[0\] must be a finite number",
                 {"sigma": None, "taps": [np.nan]}),
    "taps of text": (TypeError, r"taps\[0\] must be a number", {"sigma": None, "taps": "abc"}),
    "out shape": (ValueError, r"out must have shape \(2, 4, 5\)", {"out": MAPS[:1]}),
    "out type": (TypeError, "out must be float32", {"out": np.zeros((2, 4, 5))}),
    "in place": (ValueError, "out must not overlap maps", {"out": MAPS}),
    "sigma beyond float32": (ValueError, "sigma must be within float32's range", {"sigma": 1e39}),
    "sigma as text": (TypeError, "sigma must be a number, got '1'", {"sigma": "1"}),
    "sigma as bytes": (TypeError, "sigma must be a number", {"sigma": b"1"}),
    "endless sigma": (ValueError, "sigma must be a finite number", {"sigma": 1 << 1100}),
    "many taps": (ValueError, "taps must be at most 1025 weights, got 1027",
                  {"sigma": None, "taps": [1.0] * 1027}),
    "masked": (TypeError, "maps must be an array without a mask",
               {"maps": np.ma.masked_array(MAPS, MAPS > 1)}),
    "out misaligned": (ValueError, IN_PLACE, {"out": misaligned(MAPS)}),
    "out of the other byte order": (ValueError, IN_PLACE,
                                    {"out": MAPS.astype(MAPS.dtype.newbyteorder())}),
    "out masked": (TypeError, "out must be an array without a mask",
                   {"out": np.ma.masked_array(MAPS.copy())}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    error, message, arguments = BAD[case]
    arguments = {"maps": MAPS, "sigma": 1.0, **arguments}
    maps, sigma = arguments.pop("maps"), arguments.pop("sigma")
    with pytest.raises(error, match=message):
        ops.gaussian_smooth(maps, sigma, **arguments)
