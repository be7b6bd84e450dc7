"""The flip test's average: against the reference, the programs that have it, and the rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import heatpose as hp
from heatpose import native, ops, reference

# Rows shorter than a vector, just as long, a little longer, and of several; single cells.
SHAPES = [
    (2, 3, 64, 48), (5, 17, 31), (1, 3, 2, 16), (3, 3, 17), (2, 4, 5, 15), (1, 1, 9, 1), (3, 1, 1),
    (1, 2, 4, 2), (1, 3, 6, 65), (2, 3, 7, 72), (1, 2, 3, 4), (1, 2, 3, 8), (1, 2, 1, 200),
]  # fmt: skip
DTYPES = ["float32", "float16", "bfloat16"]


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def pairs(shape: tuple[int, ...], dtype: type[Any] = np.float32) -> tuple[np.ndarray, np.ndarray]:
    return noise(shape).astype(dtype), noise(shape, 1).astype(dtype)


def flip_of(keypoints: int, seed: int = 0) -> tuple[int, ...]:
    """Some keypoints swapped with others, some left alone."""
    order = np.random.default_rng(seed).permutation(keypoints)
    flip = np.arange(keypoints)
    for a, b in zip(order[: keypoints // 3], order[::-1], strict=False):
        flip[a], flip[b] = b, a
    return tuple(flip.tolist())


def assert_matches_reference(
    maps: np.ndarray, mirrored: np.ndarray, flip: Any, **settings: Any
) -> None:
    got = ops.average_flipped(maps, mirrored, flip, **settings)
    want = reference.average_flipped(maps, mirrored, flip, **settings)
    assert got.dtype == maps.dtype and got.shape == maps.shape
    np.testing.assert_array_equal(got, want.astype(maps.dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_reference(
    vector_unit: str, shape: tuple[int, ...], shift: bool, dtype: type[Any]
) -> None:
    assert_matches_reference(*pairs(shape, dtype), flip_of(shape[-3]), shift=shift)


FINITE = st.floats(-(2.0**15), 2.0**15, width=16)  # sums are float16's as well


@given(
    maps=st.tuples(
        st.integers(0, 3), st.integers(1, 5), st.integers(0, 4), st.integers(0, 70)
    ).flatmap(lambda shape: hnp.arrays(np.float16, (2, *shape), elements=FINITE)),
    shift=st.booleans(),
    wide=st.booleans(),
    seed=st.integers(0, 1 << 16),
)
def test_matches_reference_on_any_maps(
    maps: np.ndarray, shift: bool, wide: bool, seed: int
) -> None:
    both = maps.astype(np.float32) if wide else maps
    assert_matches_reference(both[0], both[1], flip_of(maps.shape[2], seed), shift=shift)


def as_programs_do(maps: Any, mirrored: Any, flip: Any, shift: bool) -> Any:
    """What the programs that were published with the networks do."""
    turned = mirrored.flip(-1)[..., list(flip), :, :]
    if shift:
        turned[..., 1:] = turned[..., :-1].clone()
    return (maps + turned) / 2


@pytest.mark.parametrize("shift", [False, True])
def test_is_what_published_programs_do(vector_unit: str, shift: bool) -> None:
    torch = pytest.importorskip("torch")
    flip = hp.skeletons.WHOLEBODY133.flip
    for shape in [(2, 133, 24, 18), (1, 133, 3, 1), (133, 4, 40)]:
        maps, mirrored = (torch.from_numpy(array) for array in pairs(shape))
        want = as_programs_do(maps, mirrored, flip, shift)
        got = ops.average_flipped(maps, mirrored, flip, shift=shift)
        np.testing.assert_array_equal(got.numpy(), want.numpy())


@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_torch_in_torch_out(vector_unit: str, dtype: str, shift: bool) -> None:
    torch = pytest.importorskip("torch")
    kind, flip = getattr(torch, dtype), flip_of(5)
    for shape in [(5, 9, 37), (2, 5, 4, 16), (0, 5, 4, 16)]:
        maps, mirrored = (torch.from_numpy(array).to(kind) for array in pairs(shape))
        want = as_programs_do(maps.double(), mirrored.double(), flip, shift).to(kind)
        got = ops.average_flipped(maps, mirrored, flip, shift=shift)
        assert type(got) is torch.Tensor and got.dtype == kind
        out = torch.empty_like(maps)
        assert ops.average_flipped(maps, mirrored, flip, shift=shift, out=out) is out
        assert ops.average_flipped(maps, mirrored, flip, shift=shift, out=maps) is maps
        for answer in (got, out, maps):
            np.testing.assert_array_equal(answer.float().numpy(), want.float().numpy())


def test_bfloat16_of_numpy() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    maps, mirrored = (a.astype(ml_dtypes.bfloat16) for a in pairs((2, 3, 5, 21)))
    wide = maps.astype(np.float32), mirrored.astype(np.float32)
    want = reference.average_flipped(*wide, (1, 0, 2))
    got = ops.average_flipped(maps, mirrored, (1, 0, 2))
    assert got.dtype == maps.dtype
    np.testing.assert_array_equal(got, want.astype(ml_dtypes.bfloat16))
    assert ops.average_flipped(maps, mirrored, (1, 0, 2), out=maps) is maps
    np.testing.assert_array_equal(maps, got)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_are_rounded_once(vector_unit: str, dtype: str) -> None:
    """Every rounding, ties and subnormal numbers among them, against torch's from float64."""
    torch = pytest.importorskip("torch")
    kind, rng = getattr(torch, dtype), np.random.default_rng(0)
    for low in (-30, -24, -14, 0, 14):
        steps = rng.integers(-4096, 4096, (2, 1, 2, 50, 90)) * 2.0**low / 2048
        maps, mirrored = torch.from_numpy(steps).to(kind)
        want = as_programs_do(maps.double(), mirrored.double(), (0, 1), False).to(kind)
        got = ops.average_flipped(maps, mirrored, (0, 1))
        np.testing.assert_array_equal(got.float().numpy(), want.float().numpy())


def test_any_two_halves(vector_unit: str) -> None:
    """All 65536 numbers of 16 bits, each with another one; NaN, infinities and -0 among them."""
    torch = pytest.importorskip("torch")
    bits = np.arange(1 << 16, dtype=np.uint16)
    other = np.random.default_rng(0).permutation(bits)
    for kind in (torch.float16, torch.bfloat16):
        maps, mirrored = (
            torch.from_numpy(b.view(np.int16)).view(kind).reshape(1, 256, 256)
            for b in (bits, other)
        )
        want = ((maps.double() + mirrored.double().flip(-1)) / 2).to(kind)
        beyond = (maps.float() + mirrored.float().flip(-1)).isinf()  # sums are float32's
        want = torch.where(beyond, (maps + mirrored.flip(-1)), want)
        got = ops.average_flipped(maps, mirrored, (0,))
        assert torch.equal(got.isnan(), want.isnan())
        kept = ~want.isnan()
        assert torch.equal(got.view(torch.int16)[kept], want.view(torch.int16)[kept])


@pytest.mark.parametrize("shift", [False, True])
def test_nan_and_infinity_add_up_as_numbers_do(vector_unit: str, shift: bool) -> None:
    maps, mirrored = pairs((1, 2, 4, 40))
    maps[0, 0, 0, 3], mirrored[0, 0, 1, 5] = np.nan, np.nan
    maps[0, 0, 2, 4], maps[0, 1, 3] = np.inf, np.inf
    mirrored[0, 0, 3, 7:9] = -np.inf
    with np.errstate(invalid="ignore"):
        assert_matches_reference(maps, mirrored, (1, 0), shift=shift)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_in_place_is_the_same(
    vector_unit: str, shape: tuple[int, ...], shift: bool, dtype: type[Any]
) -> None:
    maps, mirrored = pairs(shape, dtype)
    kept, flip = mirrored.copy(), flip_of(shape[-3])
    want = ops.average_flipped(maps, mirrored, flip, shift=shift)
    assert ops.average_flipped(maps, mirrored, flip, shift=shift, out=maps) is maps
    np.testing.assert_array_equal(maps, want)
    np.testing.assert_array_equal(mirrored, kept)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("offset", [0, 1, 3, 4, 9])
def test_maps_at_any_address_and_nothing_beside_them(
    vector_unit: str, offset: int, dtype: type[Any]
) -> None:
    for shape in [(2, 3, 5, 32), (1, 3, 7, 19)]:
        maps, mirrored = pairs(shape, dtype)
        rooms = np.full((2, maps.size + 64), 7, dtype)
        moved = [room[32 - offset :][: maps.size].reshape(shape) for room in rooms]
        moved[0][...], moved[1][...] = maps, mirrored
        want = reference.average_flipped(maps, mirrored, (2, 1, 0), shift=True).astype(dtype)
        ops.average_flipped(*moved, (2, 1, 0), shift=True, out=moved[0])
        np.testing.assert_array_equal(moved[0], want)
        np.testing.assert_array_equal(moved[1], mirrored)
        moved[0][...] = moved[1][...] = 7
        assert (rooms == 7).all()


def test_two_halves_of_one_batch() -> None:
    """As a network gives the maps of crops and of their mirror images in one run."""
    maps = noise((8, 3, 6, 20))
    want = ops.average_flipped(maps[:4].copy(), maps[4:].copy(), (0, 2, 1))
    got = ops.average_flipped(maps[:4], maps[4:], (0, 2, 1), out=maps[:4])
    assert np.shares_memory(got, maps)
    np.testing.assert_array_equal(maps[:4], want)


def test_strided_and_read_only_maps() -> None:
    maps, mirrored = pairs((4, 6, 20, 60))
    maps.setflags(write=False)
    views = maps[::2, ::-2, 1:, ::3], mirrored[::2, 3:, :-1, ::-3]
    want = ops.average_flipped(*(np.ascontiguousarray(v) for v in views), (1, 0, 2), shift=True)
    np.testing.assert_array_equal(ops.average_flipped(*views, (1, 0, 2), shift=True), want)
    out = np.empty_like(want)
    ops.average_flipped(*views, (1, 0, 2), shift=True, out=out)
    np.testing.assert_array_equal(out, want)
    np.testing.assert_array_equal(
        ops.average_flipped(views[0].astype(">f4"), views[1], (1, 0, 2), shift=True), want
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_strided_and_negated_tensors(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    maps, mirrored = (torch.from_numpy(a).to(getattr(torch, dtype)) for a in pairs((2, 3, 10, 12)))
    want = ops.average_flipped(maps, mirrored, (1, 0, 2))
    last = [m.contiguous(memory_format=torch.channels_last) for m in (maps, mirrored)]
    assert torch.equal(ops.average_flipped(*last, (1, 0, 2)), want)
    lazy = [(-m)._neg_view() for m in (maps, mirrored)]
    assert torch.equal(ops.average_flipped(*lazy, (1, 0, 2)), want)
    with pytest.raises(ValueError, match="out must be an aligned, native-endian"):
        ops.average_flipped(maps, mirrored, (1, 0, 2), out=torch.zeros_like(maps)._neg_view())
    out = torch.zeros_like(maps, requires_grad=True)
    with pytest.raises(ValueError, match="out must not require grad"):
        ops.average_flipped(maps, mirrored, (1, 0, 2), out=out)


def test_flips_of_any_kind() -> None:
    maps, mirrored = pairs((3, 4, 5))
    want = ops.average_flipped(maps, mirrored, (0, 2, 1))
    for flip in ([0, 2, 1], np.array([0, 2, 1]), np.array([0, 2, 1], np.uint8)):
        np.testing.assert_array_equal(ops.average_flipped(maps, mirrored, flip), want)


def test_more_keypoints_than_a_launch_takes() -> None:
    for keypoints in (511, 512, 513, 1100):
        flip = flip_of(keypoints)
        assert_matches_reference(*pairs((3, keypoints, 2, 3)), flip, shift=True)
        assert_matches_reference(*pairs((1, keypoints, 1, 16), np.float16), flip)


@pytest.mark.parametrize(
    "shape", [(0, 3, 4, 5), (2, 0, 4, 5), (0, 4, 5), (2, 3, 0, 5), (2, 3, 4, 0)], ids=str
)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_nothing_to_average(shape: tuple[int, ...], dtype: type[Any]) -> None:
    empty = np.zeros(shape, dtype)
    got = ops.average_flipped(empty, empty, range(shape[-3]), shift=True)
    assert (got.shape, got.dtype) == (shape, dtype)


def test_threads_do_not_change_the_bits(threads: None) -> None:
    maps, mirrored = pairs((9, 21, 64, 64))
    got = ops.average_flipped(maps, mirrored, flip_of(21), shift=True)
    ops.average_flipped(maps, mirrored, flip_of(21), shift=True, out=maps)
    np.testing.assert_array_equal(got, maps)
    native.set_num_threads(1)
    np.testing.assert_array_equal(
        got, ops.average_flipped(noise((9, 21, 64, 64)), mirrored, flip_of(21), shift=True)
    )


MAPS = np.zeros((2, 3, 4, 5), np.float32)
OTHER, ROOM = MAPS.copy(), np.zeros((3, 3, 4, 5), np.float32)
WHOLE = "flip must be whole numbers"
BAD: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "not an array": (TypeError, "heatmaps must be a NumPy array", {"heatmaps": [[[1.0]]]}),
    "float64": (TypeError, "heatmaps must be float32, float16 or bfloat16, got float64",
                {"heatmaps": MAPS.astype(np.float64)}),
    "rank 2": (ValueError, "heatmaps must have 3 or 4 dimensions, got shape",
               {"heatmaps": MAPS[0, 0]}),
    "no mirrored": (TypeError, "mirrored must be a NumPy array", {"mirrored": None}),
    "another type": (TypeError, "mirrored must be float32 like heatmaps, got float16",
                     {"mirrored": MAPS.astype(np.float16)}),
    "another shape": (ValueError, r"mirrored must have shape \(2, 3, 4, 5\) like heatmaps, got",
                      {"mirrored": MAPS[:1]}),
    "another rank": (ValueError, r"mirrored must have shape", {"mirrored": MAPS[0]}),
    "too few": (ValueError, r"flip must have one number for each of the 3 keypoints, got shape",
                {"flip": (0, 1)}),
    "nested": (ValueError, "flip must have one number for each", {"flip": [[0, 1, 2]]}),
    "no permutation": (ValueError, r"flip must be its own inverse, but flip\[1\] is 0 and "
                       r"flip\[0\] is 0", {"flip": (0, 0, 2)}),
    "no involution": (ValueError, r"flip must be its own inverse, but flip\[0\] is 1 and "
                      r"flip\[1\] is 2", {"flip": (1, 2, 0)}),
    "beyond": (ValueError, "flip must be numbers of keypoints, 0 to 2, got 3",
               {"flip": (0, 1, 3)}),
    "below": (ValueError, "flip must be numbers of keypoints, 0 to 2, got -1",
              {"flip": (0, -1, 2)}),
    "far beyond": (TypeError, WHOLE, {"flip": (0, 1, 1 << 80)}),
    "flip of floats": (TypeError, WHOLE, {"flip": (0.0, 1.0, 2.0)}),
    "flip of truths": (TypeError, WHOLE, {"flip": (True, False, True)}),
    "flip of text": (TypeError, WHOLE, {"flip": "012"}),
    "no flip": (TypeError, WHOLE, {"flip": None}),
    "ragged flip": (TypeError, WHOLE, {"flip": [0, [1], 2]}),
    "shift": (TypeError, "shift must be True or False, got 1", {"shift": 1}),
    "out shape": (ValueError, r"out must have shape \(2, 3, 4, 5\)", {"out": MAPS[:1]}),
    "out type": (TypeError, "out must be float32, got float16",
                 {"out": MAPS.astype(np.float16)}),
    "out strided": (ValueError, "out must be C-contiguous", {"out": MAPS[..., ::-1]}),
    "out over mirrored": (ValueError, "out must not overlap mirrored", {"out": OTHER}),
    "out over a part": (ValueError, "out must not overlap heatmaps, which is read while",
                        {"heatmaps": ROOM[1:], "out": ROOM[:2]}),
    "all one": (ValueError, "out must not overlap mirrored", {"mirrored": MAPS, "out": MAPS}),
    "masked": (TypeError, "mirrored must be an array without a mask",
               {"mirrored": np.ma.masked_array(MAPS)}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    error, message, given = BAD[case]
    arguments = {"heatmaps": MAPS, "mirrored": OTHER, "flip": (0, 2, 1), **given}
    with pytest.raises(error, match=message):
        ops.average_flipped(**arguments)


def test_bad_tensors() -> None:
    torch = pytest.importorskip("torch")
    maps = torch.zeros(2, 3, 4, 5)
    meta, half, brain = maps.to("meta"), maps.half(), maps.bfloat16()
    bad: list[tuple[type[Exception], str, Any, Any, Any]] = [
        (ValueError, "heatmaps is on device meta", meta, maps, None),
        (ValueError, "mirrored is on device meta", maps, meta, None),
        (TypeError, "mirrored must be bfloat16 like heatmaps, got float16", brain, half, None),
        (TypeError, "mirrored must be float16 like heatmaps, got bfloat16", half, brain, None),
        (TypeError, "out must be bfloat16, got float16", brain, brain, half),
        (TypeError, "out must be float16, got bfloat16", half, half, brain),
        (ValueError, "out must not overlap mirrored", brain, brain, brain),
    ]
    for error, message, heatmaps, mirrored, out in bad:
        with pytest.raises(error, match=message):
            ops.average_flipped(heatmaps, mirrored, (0, 2, 1), out=out)
