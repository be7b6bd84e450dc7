"""Network inputs from photos: the native op against the NumPy reference and OpenCV, its rules."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatpose import ops, reference

SIZES = [
    ((1, 1), (1, 1)), ((1, 1), (5, 9)), ((2, 3), (2, 3)), ((5, 4), (1, 1)), ((40, 1), (7, 33)),
    ((1, 70), (20, 16)), ((37, 53), (61, 70)), ((64, 48), (16, 23)), ((33, 35), (33, 36)),
]  # fmt: skip


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def grey_levels(array: Any, content: tuple[int, int]) -> np.ndarray:
    """Undo the default normalisation: uint8 [ch, cw, 3]."""
    levels = (np.asarray(array, np.float64)[0] + 0.5) * 256
    assert (levels == np.rint(levels)).all()
    return levels.transpose(1, 2, 0)[: content[0], : content[1]].astype(np.uint8)


@pytest.mark.parametrize(("shape", "size"), SIZES, ids=str)
def test_matches_reference(vector_unit: str, shape: tuple[int, int], size: tuple[int, int]) -> None:
    image = photo(*shape)
    got, content = ops.prepare_image(image, size=size)
    want, want_content = reference.prepare_image(image, size=size)
    assert got.shape == want.shape and got.dtype == np.float32
    assert content == want_content == size
    # Sums within float32's rounding of one half may go to either side.
    exact = reference.resize_cubic(image, size, (shape[0] / size[0], shape[1] / size[1]))
    got_levels = grey_levels(got, content)
    assert np.abs(got_levels - np.clip(exact, 0, 255)).max() <= 0.5 + 1e-4
    assert (got_levels != grey_levels(want, content)).mean() <= 1e-3
    np.testing.assert_array_equal(got[..., size[0] :, :], 0)  # 128 / 256 - 0.5
    np.testing.assert_array_equal(got[..., size[1] :], 0)


@pytest.mark.parametrize("scale", [0.01, 0.37, 0.5, 1.0, 1.21, 2.0])
def test_a_factor_samples_at_its_own_step(vector_unit: str, scale: float) -> None:
    image = photo(45, 31)
    got, content = ops.prepare_image(image, scale=scale)
    want, want_content = reference.prepare_image(image, scale=scale)
    assert content == want_content
    np.testing.assert_allclose(got, want, atol=1.001 / 256)
    assert (got != want).mean() <= 1e-3


@pytest.mark.parametrize("norm", [(1 / 255, 0.0), (1.0, -128.0), (-0.5, 3.0)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_normalisation_padding_and_channel_order(
    vector_unit: str, dtype: str, norm: tuple[float, float]
) -> None:
    image = photo(30, 21)
    settings = {"stride": 16, "pad_value": 7, "swap_rgb": True}
    settings |= {"norm_scale": norm[0], "norm_offset": norm[1]}
    got, content = ops.prepare_image(image, scale=1.0, dtype=dtype, **settings)
    want, _ = reference.prepare_image(image, scale=1.0, **settings)
    assert got.shape == (1, 3, 32, 32) and got.dtype == np.dtype(dtype) and content == (30, 21)
    np.testing.assert_allclose(got, want, rtol=1e-6 if dtype == "float32" else 5e-4, atol=3e-5)


def test_half_precision_is_rounded_like_numpy(vector_unit: str) -> None:
    image = photo(9, 100)
    for norm_scale in (1 / 255, 1e-7, 300.0, 2e38):  # subnormal halves, infinity
        with np.errstate(over="ignore"):
            want = ops.prepare_image(image, size=(9, 100), norm_scale=norm_scale)[0].astype("f2")
        got = ops.prepare_image(image, size=(9, 100), norm_scale=norm_scale, dtype="float16")[0]
        np.testing.assert_array_equal(got.view(np.uint16), want.view(np.uint16))


def test_every_unit_gives_the_same_bits() -> None:
    from heatpose import native

    image, answers = photo(95, 131), []
    before = native.vector_unit()
    for unit in native.vector_units():
        native.set_vector_unit(unit)
        answers.append(ops.prepare_image(image, scale=0.83, norm_scale=1 / 255)[0])
    native.set_vector_unit(before)
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])


@pytest.mark.parametrize("scale", [0.31, 0.5, 0.77, 1.3, 2.0])
def test_factor_matches_opencv(scale: float) -> None:
    image = cv2.GaussianBlur(photo(201, 307), (7, 7), 2)
    want = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    got, content = ops.prepare_image(image, scale=scale)
    assert content == want.shape[:2]
    check_like_opencv(grey_levels(got, content), want)


@pytest.mark.parametrize("size", [(50, 60), (200, 133), (368, 491)], ids=str)
def test_size_matches_opencv(size: tuple[int, int]) -> None:
    image = photo(100, 133)
    want = cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC)
    got, content = ops.prepare_image(image, size=size)
    check_like_opencv(grey_levels(got, content), want)


def check_like_opencv(got: np.ndarray, want: np.ndarray) -> None:
    difference = np.abs(got.astype(int) - want)
    assert difference.max() <= 1
    # With IPP, OpenCV's weights are floats too; without, they are rounded to 11 bits.
    exact = hasattr(cv2, "ipp") and cv2.ipp.useIPP()
    assert (difference > 0).mean() <= (5e-4 if exact else 0.08)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 24), width=st.integers(1, 24), grey=st.integers(0, 255),
    scale=st.floats(1e-3, 4), stride=st.integers(1, 9),
)  # fmt: skip
def test_a_plain_photo_stays_plain(
    height: int, width: int, grey: int, scale: float, stride: int
) -> None:
    image = np.full((height, width, 3), grey, np.uint8)
    got, (rows, columns) = ops.prepare_image(image, scale=scale, stride=stride, pad_value=grey)
    np.testing.assert_array_equal(got, np.float32(grey / 256 - 0.5))
    assert got.shape[2] % stride == 0 and 0 <= got.shape[2] - rows < stride
    assert got.shape[3] % stride == 0 and 0 <= got.shape[3] - columns < stride


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 20), width=st.integers(1, 40), rows=st.integers(1, 40),
    columns=st.integers(1, 40), seed=st.integers(0, 99),
)  # fmt: skip
def test_mirrored_photo_gives_mirrored_input(
    height: int, width: int, rows: int, columns: int, seed: int
) -> None:
    image = photo(height, width, seed)
    got = ops.prepare_image(image, size=(rows, columns), stride=1)[0]
    mirrored = ops.prepare_image(image[:, ::-1], size=(rows, columns), stride=1)[0]
    np.testing.assert_allclose(mirrored[..., ::-1], got, atol=1.001 / 256)


def test_a_photo_of_that_size_is_copied() -> None:
    image = photo(17, 40)
    got, content = ops.prepare_image(image, size=(17, 40))
    np.testing.assert_array_equal(grey_levels(got, content), image)


def test_grey_fills_all_channels() -> None:
    image = photo(13, 14)[..., 0]
    got, _ = ops.prepare_image(image, scale=1.5)
    want, _ = ops.prepare_image(np.dstack([image] * 3), scale=1.5)
    np.testing.assert_array_equal(got, want)


def test_strided_and_read_only_photos() -> None:
    image = photo(40, 60)
    view = image[3:37:2, ::-1, ::-1]
    image.setflags(write=False)
    got, _ = ops.prepare_image(view, scale=0.8)
    want, _ = ops.prepare_image(np.ascontiguousarray(view), scale=0.8)
    np.testing.assert_array_equal(got, want)


def test_many_threads_give_the_same_bits(threads: None) -> None:
    from heatpose import native

    image = photo(120, 90)
    got, _ = ops.prepare_image(image, scale=1.7)
    native.set_num_threads(1)
    np.testing.assert_array_equal(got, ops.prepare_image(image, scale=1.7)[0])


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_torch_in_torch_out(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    image = photo(20, 30)
    got, content = ops.prepare_image(
        torch.from_numpy(image), scale=0.9, dtype=getattr(torch, dtype)
    )
    want, want_content = ops.prepare_image(image, scale=0.9, dtype=dtype)
    assert isinstance(got, torch.Tensor) and content == want_content
    np.testing.assert_array_equal(got.numpy(), want)


def test_writes_to_out() -> None:
    image, out = photo(20, 30), np.empty((1, 3, 24, 32), np.float16)
    got, _ = ops.prepare_image(image, scale=1.0, dtype=np.float16, out=out)
    assert got is out
    np.testing.assert_array_equal(out, ops.prepare_image(image, scale=1.0, dtype="float16")[0])


def test_out_may_not_overlap_image() -> None:
    room = np.zeros(3 * 8 * 8 * 4, np.uint8)
    out = room.view(np.float32).reshape(1, 3, 8, 8)
    with pytest.raises(ValueError, match="out must not overlap image"):
        ops.prepare_image(room[-48:].reshape(4, 4, 3), scale=1.0, out=out)


BAD = {
    "not an array": (TypeError, "image must be a NumPy array", {"image": "photo.jpg"}),
    "floats": (TypeError, "image must be uint8, got float64", {"image": np.zeros((4, 4, 3))}),
    "four channels": (ValueError, r"image must have shape \[H, W, 3\]",
                      {"image": np.zeros((4, 4, 4), np.uint8)}),
    "a row": (ValueError, "image must have shape", {"image": np.zeros(4, np.uint8)}),
    "no rows": (ValueError, r"image must have 1 to .* got shape \(0, 4, 3\)",
                {"image": np.zeros((0, 4, 3), np.uint8)}),
    "no columns, grey": (ValueError, "image must have 1 to",
                         {"image": np.zeros((4, 0), np.uint8)}),
    "no size": (ValueError, "exactly one of size and scale must be given, got none",
                {"scale": None}),
    "both": (ValueError, "got both", {"size": (4, 4)}),
    "scale 0": (ValueError, "scale must be a finite number", {"scale": 0.0}),
    "nan scale": (ValueError, "scale must be a finite number", {"scale": np.nan}),
    "large scale": (ValueError, "scale must leave at most", {"scale": 1e9}),
    "scale word": (TypeError, "scale must be a number", {"scale": "half"}),
    "size of one": (ValueError, "size must be", {"scale": None, "size": 4}),
    "size zero": (ValueError, "size must be", {"scale": None, "size": (0, 4)}),
    "stride": (ValueError, "stride must be between 1", {"stride": 0}),
    "stride type": (TypeError, "stride must be a whole number", {"stride": 8.0}),
    "pad": (ValueError, "pad_value must be between 0 and 255, got 256", {"pad_value": 256}),
    "norm": (ValueError, "norm_offset must be a finite", {"norm_offset": np.inf}),
    "norm as text": (TypeError, "norm_scale must be a number, got '1'", {"norm_scale": "1"}),
    "norm beyond float32": (ValueError, "norm_scale must be within float32's range",
                            {"norm_scale": -1e39}),
    "dtype": (ValueError, "dtype must be one of float32, float16, got 'float64'",
              {"dtype": "float64"}),
    "out shape": (ValueError, r"out must have shape \(1, 3, 8, 8\)",
                  {"out": np.zeros((1, 3, 8, 9), np.float32)}),
    "out type": (TypeError, "out must be float16, got float32",
                 {"out": np.zeros((1, 3, 8, 8), np.float32), "dtype": "float16"}),
    "out strided": (ValueError, "out must be C-contiguous",
                    {"out": np.zeros((1, 3, 8, 16), np.float32)[..., ::2]}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    error, message, arguments = BAD[case]
    arguments = {"image": np.zeros((4, 4, 3), np.uint8), "scale": 1.0, **arguments}
    with pytest.raises(error, match=message):
        ops.prepare_image(**arguments)
