"""Crops of a photo: the native op against the NumPy reference and OpenCV, and its rules."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatpose import ops, reference

IDENTITY = np.array([[[1.0, 0, 0], [0, 1, 0]]])
SIZES = [
    ((1, 1), (1, 1)), ((1, 1), (7, 9)), ((9, 1), (5, 33)), ((1, 50), (20, 16)), ((2, 2), (40, 70)),
    ((37, 53), (61, 70)), ((64, 48), (16, 100)), ((100, 90), (3, 5)),
]  # fmt: skip


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def boxes(shape: tuple[int, int], size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Turned, mirrored, stretched and sheared boxes that reach over the photo's edges."""
    rng = np.random.default_rng(seed)
    count = 12
    matrices = rng.normal(0, 1, (count, 2, 3))
    angle = rng.uniform(0, 2 * np.pi, count)
    matrices[:4, :, :2] = np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    ).transpose(2, 0, 1)[:4]
    matrices[4, :, :2] = np.eye(2)
    matrices[5, :, :2] = [[-1, 0], [0, 0.5]]
    matrices[:, :, :2] *= np.array([shape[1] / size[1], shape[0] / size[0]])[:, None]
    middle = np.array([size[1], size[0]]) / 2
    target = rng.uniform(0, 1, (count, 2)) * [shape[1], shape[0]]
    matrices[:, :, 2] = target - matrices[:, :, :2] @ middle
    return matrices


@pytest.mark.parametrize("matrix_type", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "size"), SIZES, ids=str)
def test_matches_reference(
    vector_unit: str, shape: tuple[int, int], size: tuple[int, int], matrix_type: str
) -> None:
    image, matrices = photo(*shape), boxes(shape, size).astype(matrix_type)
    got = ops.warp_crops(image, matrices, size)
    want = reference.warp_crops(image, matrices, size)
    assert got.shape == (12, 3, *size) and got.dtype == np.float32
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_normalisation_border_and_channel_order(vector_unit: str, dtype: str) -> None:
    image, matrices = photo(30, 41), boxes((30, 41), (24, 37))
    options: dict[str, Any] = {"mean": ops.IMAGENET_MEAN, "std": ops.IMAGENET_STD}
    options |= {"swap_rgb": True, "border_value": (10, 200, 90.5)}
    got = ops.warp_crops(image, matrices, (24, 37), dtype=dtype, **options)
    want = reference.warp_crops(
        image, matrices, (24, 37),
        mean=np.array(ops.IMAGENET_MEAN), std=np.array(ops.IMAGENET_STD),
        swap_rgb=True, border_value=(10, 200, 90.5),
    )  # fmt: skip
    assert got.dtype == np.dtype(dtype)
    if dtype == "float32":
        np.testing.assert_allclose(got, want, atol=3e-6)
    else:
        np.testing.assert_allclose(got, want, atol=2.0**-10)


def test_mean_and_std_are_in_the_order_of_the_output() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[..., 0] = 255  # blue, in BGR
    got = ops.warp_crops(
        image, IDENTITY, (4, 4), mean=(0.5, 0.5, 0.75), std=(1, 1, 0.25), swap_rgb=True
    )
    np.testing.assert_allclose(got[0, :, 1, 1], [-0.5, -0.5, 1.0])


def test_every_unit_gives_the_same_bits() -> None:
    from heatpose import native

    image, matrices, answers = photo(95, 131), boxes((95, 131), (64, 48)), []
    before = native.vector_unit()
    for unit in native.vector_units():
        native.set_vector_unit(unit)
        answers.append(ops.warp_crops(image, matrices, (64, 48), mean=0.4, std=0.2))
    native.set_vector_unit(before)
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])


def with_opencv(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, size[::-1], flags=flags).transpose(2, 0, 1)


@pytest.mark.parametrize("kind", ["smooth", "plain"])
def test_matches_opencv_within_its_rounding(kind: str) -> None:
    """OpenCV may round a coordinate by up to 1/32 pixel, and rounds values to whole levels."""
    if kind == "smooth":
        image = cv2.GaussianBlur(photo(200, 300), (31, 31), 7)
        image[:40] = image[-40:] = image[:, :40] = image[:, -40:] = 0  # the border's value
        image = cv2.GaussianBlur(image, (15, 15), 4)
    else:
        image = np.full((200, 300, 3), 250, np.uint8)  # all of the difference is at the border
    framed = np.pad(image.astype(int), [(1, 1), (1, 1), (0, 0)])
    slope = np.abs(np.diff(framed, axis=0)).max() + np.abs(np.diff(framed, axis=1)).max()
    size = (96, 72)
    matrices = boxes((200, 300), size)
    got = ops.warp_crops(image, matrices, size, norm_scale=1)
    want = np.stack([with_opencv(image, matrix, size) for matrix in matrices])
    assert np.abs(got - want).max() <= slope / 32 + 0.6


def test_whole_pixel_shifts_match_opencv_exactly() -> None:
    image, matrix = photo(50, 60), np.array([[[1.0, 0, -7], [0, 1, 31]]])
    got = ops.warp_crops(image, matrix, (40, 70), norm_scale=1)
    np.testing.assert_array_equal(got[0], with_opencv(image, matrix[0], (40, 70)))


FAR = [
    np.array([[1, 0, 1e9], [0, 1, 0]]),
    np.array([[1, 0, 0], [0, 1, -1e300]]),
    np.array([[1e308, 0, -1e308], [0, -1.7e308, 1e308]]),
    np.array([[1e308, 1e308, 1e308], [-1e308, 1e308, 1e308]]),
    np.array([[1e-320, 0, 5.0], [0, 1e-320, 5.0]]),
    np.array([[2e9, 0, -2e9], [0, 2e9, -2e9]]),
    np.array([[-(2.0**33), 0, 2.0**34], [0, 1, 0]]),
]


@pytest.mark.parametrize("matrix", FAR, ids=str)
def test_far_places_neither_overflow_nor_leave_the_photo(
    vector_unit: str, matrix: np.ndarray
) -> None:
    image = photo(20, 30)
    got = ops.warp_crops(image, matrix[None], (33, 40), border_value=77)
    with np.errstate(over="ignore", invalid="ignore"):
        want = reference.warp_crops(image, np.clip(matrix, -1e200, 1e200)[None], (33, 40),
                                    border_value=77)  # fmt: skip
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_a_singular_matrix_gives_one_colour(vector_unit: str) -> None:
    image = photo(20, 30)
    matrix = np.array([[[0.0, 0, 4], [0, 0, 7]], [[0, 0, 29], [0, 0, 19]], [[0, 0, -3], [0, 0, 2]]])
    got = ops.warp_crops(image, matrix, (16, 40), norm_scale=1, border_value=9)
    np.testing.assert_array_equal(got, np.broadcast_to(got[:, :, :1, :1], got.shape))
    np.testing.assert_array_equal(got[0, :, 0, 0], image[7, 4])
    np.testing.assert_array_equal(got[1, :, 0, 0], image[19, 29])
    np.testing.assert_array_equal(got[2, :, 0, 0], 9)


def test_the_last_pixel_and_the_fade_beyond_it(vector_unit: str) -> None:
    image = photo(3, 40)
    matrix = np.array([[[1.0, 0, 0.25], [0, 1, 0]]])
    got = ops.warp_crops(image, matrix, (3, 42), norm_scale=1)[0].transpose(1, 2, 0)
    np.testing.assert_allclose(got[:, 39], image[:, 39] * 0.75)
    np.testing.assert_array_equal(got[:, 40:], 0)


@settings(max_examples=150, deadline=None)
@given(
    height=st.integers(1, 12), width=st.integers(1, 40), rows=st.integers(1, 6),
    columns=st.integers(1, 50), seed=st.integers(0, 50),
    steps=st.lists(st.sampled_from([0, 1, -1, 0.5, 1 / 3, -2, 1e-3, 1e-12, 40]), min_size=4,
                   max_size=4),
    shift=st.tuples(st.floats(-60, 60), st.floats(-60, 60)),
)  # fmt: skip
def test_matches_reference_on_any_map(
    height: int, width: int, rows: int, columns: int, seed: int, steps: list[float],
    shift: tuple[float, float],
) -> None:  # fmt: skip
    image = photo(height, width, seed)
    matrix = np.array([[[steps[0], steps[1], shift[0]], [steps[2], steps[3], shift[1]]]])
    got = ops.warp_crops(image, matrix, (rows, columns), border_value=33)
    want = reference.warp_crops(image, matrix, (rows, columns), border_value=33)
    np.testing.assert_allclose(got, want, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(grey=st.integers(0, 255), seed=st.integers(0, 99))
def test_a_plain_photo_in_its_own_colour_stays_plain(grey: int, seed: int) -> None:
    image = np.full((20, 30, 3), grey, np.uint8)
    got = ops.warp_crops(image, boxes((20, 30), (9, 35), seed), (9, 35), norm_scale=1,
                         border_value=grey)  # fmt: skip
    np.testing.assert_array_equal(got, grey)


def test_identity_copies_the_photo() -> None:
    image = photo(17, 40)
    got = ops.warp_crops(image, IDENTITY, (17, 40), norm_scale=1)
    np.testing.assert_array_equal(got[0].transpose(1, 2, 0), image)


def test_no_matrices_give_no_crops() -> None:
    got = ops.warp_crops(photo(4, 4), np.empty((0, 2, 3)), (8, 6))
    assert got.shape == (0, 3, 8, 6)


def test_grey_fills_all_channels() -> None:
    image, matrices = photo(13, 14)[..., 0], boxes((13, 14), (5, 6))
    got = ops.warp_crops(image, matrices, (5, 6))
    want = ops.warp_crops(np.dstack([image] * 3), matrices, (5, 6))
    np.testing.assert_array_equal(got, want)


def test_strided_and_read_only_arrays() -> None:
    image, matrices = photo(40, 60), boxes((17, 60), (9, 20))
    view, few = image[3:37:2, ::-1, ::-1], matrices[::-2]
    image.setflags(write=False)
    matrices.setflags(write=False)
    got = ops.warp_crops(view, few, (9, 20))
    want = ops.warp_crops(np.ascontiguousarray(view), few.copy(), (9, 20))
    np.testing.assert_array_equal(got, want)


def test_many_threads_give_the_same_bits(threads: None) -> None:
    from heatpose import native

    image, matrices = photo(120, 90), boxes((120, 90), (50, 40))
    got = ops.warp_crops(image, matrices, (50, 40))
    native.set_num_threads(1)
    np.testing.assert_array_equal(got, ops.warp_crops(image, matrices, (50, 40)))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_torch_in_torch_out(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    image, matrices = photo(20, 30), boxes((20, 30), (9, 8))
    got = ops.warp_crops(
        torch.from_numpy(image), torch.from_numpy(matrices), (9, 8), dtype=getattr(torch, dtype)
    )
    assert isinstance(got, torch.Tensor)
    np.testing.assert_array_equal(got.numpy(), ops.warp_crops(image, matrices, (9, 8), dtype=dtype))


def test_writes_to_out() -> None:
    image, matrices, out = photo(20, 30), boxes((20, 30), (9, 8)), np.empty((12, 3, 9, 8), "f4")
    assert ops.warp_crops(image, matrices, (9, 8), out=out) is out
    np.testing.assert_array_equal(out, ops.warp_crops(image, matrices, (9, 8)))


def test_out_may_not_overlap_what_is_read() -> None:
    room = np.zeros(3 * 4 * 4 * 4, np.uint8)
    out = room.view(np.float32).reshape(1, 3, 4, 4)
    with pytest.raises(ValueError, match="out must not overlap image"):
        ops.warp_crops(room[:48].reshape(4, 4, 3), IDENTITY, (4, 4), out=out)
    matrices = room[96:144].view(np.float64).reshape(1, 2, 3)
    with pytest.raises(ValueError, match="out must not overlap matrices"):
        ops.warp_crops(np.zeros((4, 4, 3), np.uint8), matrices, (4, 4), out=out)


NAN = np.array([IDENTITY[0], [[1, 0, np.nan], [0, 1, 0]]])
BAD = {
    "not an array": (TypeError, "image must be a NumPy array", {"image": "photo.jpg"}),
    "floats": (TypeError, "image must be uint8, got float64", {"image": np.zeros((4, 4, 3))}),
    "two channels": (ValueError, r"image must have shape \[H, W, 3\]",
                     {"image": np.zeros((4, 4, 2), np.uint8)}),
    "no pixels": (ValueError, "image must have 1 to", {"image": np.zeros((4, 0, 3), np.uint8)}),
    "list": (TypeError, "matrices must be a NumPy array", {"matrices": IDENTITY.tolist()}),
    "whole numbers": (TypeError, "matrices must be float32 or float64, got int64",
                      {"matrices": IDENTITY.astype(np.int64)}),
    "one matrix": (ValueError, r"matrices must have shape \[N, 2, 3\], got \(2, 3\)",
                   {"matrices": IDENTITY[0]}),
    "3 x 3": (ValueError, "matrices must have shape", {"matrices": np.zeros((1, 3, 3))}),
    "nan": (ValueError, "matrices must be finite, got .* at index 1", {"matrices": NAN}),
    "infinity": (ValueError, "matrices must be finite", {"matrices": np.full((1, 2, 3), np.inf)}),
    "size": (ValueError, "size must be", {"size": (0, 4)}),
    "one size": (ValueError, "size must be", {"size": 4}),
    "mean of two": (ValueError, "mean must be one number or three", {"mean": (1, 2)}),
    "mean word": (TypeError, "mean must be a number", {"mean": "imagenet"}),
    "std 0": (ValueError, "std must be greater than 0", {"std": (1, 0, 1)}),
    "std nan": (ValueError, "std must be a finite number", {"std": np.nan}),
    "norm": (ValueError, "norm_scale must be a finite", {"norm_scale": np.inf}),
    "norm as text": (TypeError, "norm_scale must be a number, got '1'", {"norm_scale": "1"}),
    "norm beyond float32": (ValueError, "norm_scale must be within float32's range",
                            {"norm_scale": 1e39}),
    "tiny std": (ValueError, "std must keep .* within float32's range, got std 1e-42 with norm",
                 {"std": 1e-42}),
    "tiny std of one": (ValueError, "std must keep .* got std .* and mean 1",
                        {"std": (1, 1e-320, 1), "mean": 1, "norm_scale": 0}),
    "border": (ValueError, "border_value must be between 0 and 255", {"border_value": 256}),
    "dtype": (ValueError, "dtype must be one of float32, float16", {"dtype": "bfloat16"}),
    "out shape": (ValueError, r"out must have shape \(1, 3, 4, 4\)",
                  {"out": np.zeros((1, 3, 4, 5), np.float32)}),
    "out type": (TypeError, "out must be float32, got float64", {"out": np.zeros((1, 3, 4, 4))}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    error, message, arguments = BAD[case]
    image = np.zeros((4, 4, 3), np.uint8)
    arguments = {"image": image, "matrices": IDENTITY, "size": (4, 4), **arguments}
    with pytest.raises(error, match=message):
        ops.warp_crops(**arguments)
