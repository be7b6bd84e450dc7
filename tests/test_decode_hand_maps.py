"""Keypoints of a hand's maps: the native op against the NumPy reference, and its rules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatpose import HandMapDecoder, ops, reference


def blobs(shape: tuple[int, ...], seed: int, count: int = 3) -> np.ndarray:
    """Maps [C, h, w] of a few Gaussians of different weight, and some noise."""
    rng = np.random.default_rng(seed)
    channels, height, width = shape
    y, x = np.mgrid[:height, :width]
    maps = rng.normal(0, 0.01, shape)
    for channel in range(channels):
        for _ in range(count):
            cy, cx = rng.uniform(0, height), rng.uniform(0, width)
            size, sigma = rng.uniform(0.02, 0.8), rng.uniform(0.6, 2.5)
            maps[channel] += size * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2))
    return maps.astype(np.float32)


def assert_same(maps: np.ndarray | list[np.ndarray], canvas: tuple[int, int], **options) -> None:
    """Both give the same places; where they differ, the reference's map is level between them."""
    got = ops.decode_hand_maps(maps, canvas, **options)
    coords, scores = reference.decode_hand_maps(maps, canvas, **options)
    np.testing.assert_array_equal(np.isnan(got.coords), np.isnan(coords))
    np.testing.assert_allclose(got.scores, scores, rtol=1e-5, atol=1e-6)
    geometry = {k: v for k, v in options.items() if k in ("content", "weights", "stride")}
    average = reference.resize_average(maps, canvas, **geometry)
    for channel in np.flatnonzero((got.coords != coords).any(-1) & ~np.isnan(coords[:, 0])):
        x, y = got.coords[channel].astype(int)
        assert average[channel, y, x] == pytest.approx(scores[channel], abs=1e-6)


@pytest.mark.parametrize(
    ("cells", "canvas"),
    [
        ((46, 46), (368, 368)),
        ((23, 31), (77, 103)),
        ((5, 4), (90, 61)),
        ((1, 1), (9, 9)),
        ((12, 9), (7, 5)),
        ((30, 30), (14, 28)),
    ],
)
def test_matches_reference(
    vector_unit: str, cells: tuple[int, int], canvas: tuple[int, int]
) -> None:
    maps = blobs((6, *cells), seed=1)
    assert_same(maps, canvas)


def test_scales_are_averaged() -> None:
    maps = [blobs((4, 12, 12), 1), blobs((4, 23, 25), 2), blobs((4, 46, 46), 3)]
    geometry = {"content": [(90, 92), (180, 200), (368, 368)], "weights": [0.5, 0.25, 0.25]}
    assert_same(maps, (150, 161), **geometry)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    cells=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    canvas=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    sigma=st.sampled_from([0.0, 1.0, 3.0]),
    threshold=st.sampled_from([-0.02, 0.0, 0.05, 0.3]),
)
def test_matches_reference_on_any_size(
    seed: int, cells: tuple[int, int], canvas: tuple[int, int], sigma: float, threshold: float
) -> None:
    maps = blobs((2, *cells), seed, count=2)
    assert_same(maps, canvas, sigma=sigma, threshold=threshold)


@pytest.mark.parametrize("seed", range(20))
def test_components_are_8_connected_and_ties_go_to_the_first(seed: int) -> None:
    # Without resizing or smoothing the map itself is the mask; few levels make ties common.
    levels = np.random.default_rng(seed).integers(0, 3, (3, 41, 37))
    maps = levels.astype(np.float32)
    options = {"stride": 1, "sigma": 0.0, "threshold": 0.5}
    assert_same(maps, (41, 37), **options)


def test_the_heaviest_component_wins_not_the_highest_value() -> None:
    maps = np.zeros((1, 10, 30), np.float32)
    maps[0, 2, 3] = 1.0
    maps[0, 5:9, 15:25] = 0.4
    maps[0, 7, 20] = 0.5
    got = ops.decode_hand_maps(maps, (10, 30), stride=1, sigma=0)
    assert got.coords.tolist() == [[20, 7]]
    assert got.scores.tolist() == [0.5]


def test_a_channel_below_the_threshold_is_missing() -> None:
    got = ops.decode_hand_maps(np.full((1, 4, 4), 0.04, np.float32), (32, 32))
    assert np.isnan(got.coords).all()
    assert got.scores.tolist() == [0]


def test_a_pixel_that_touches_nan_is_no_place() -> None:
    maps = np.zeros((1, 20, 20), np.float32)
    maps[0, 3, 3], maps[0, 15, 15], maps[0, 15, 16] = 1.0, 2.0, np.nan
    got = ops.decode_hand_maps(maps, (20, 20), stride=1, sigma=0)
    assert got.coords.tolist() == [[15, 15]]
    got = ops.decode_hand_maps(maps, (160, 160), stride=8)
    want = reference.decode_hand_maps(maps, (160, 160), stride=8)
    np.testing.assert_array_equal(got.coords, want[0].astype(np.float32))


def test_batches_torch_and_threads(threads: None) -> None:
    torch = pytest.importorskip("torch")
    maps = np.stack([blobs((21, 23, 23), seed) for seed in range(3)])
    got = ops.decode_hand_maps(torch.from_numpy(maps), (184, 184))
    assert isinstance(got.coords, torch.Tensor)
    for i in range(3):
        one = ops.decode_hand_maps(maps[i], (184, 184))
        np.testing.assert_array_equal(got.coords[i].numpy(), one.coords)


def test_decoder_takes_the_background_or_not() -> None:
    maps = blobs((22, 46, 46), 5)
    decoder = HandMapDecoder()
    hand, same = decoder(maps, (368, 368)), decoder(maps[:21], (368, 368))
    np.testing.assert_array_equal(hand.keypoints, same.keypoints)
    assert hand.keypoints.shape == (1, 21, 2)
    assert hand.person_scores[0] == pytest.approx(hand.scores.sum())
    assert len(decoder(np.stack([maps, maps]), (368, 368))) == 2
    with pytest.raises(ValueError, match="21 or 22 channels"):
        decoder(maps[:20], (368, 368))


BAD = {
    "no cells": (ValueError, "at least one cell", {"maps": np.zeros((1, 0, 3), np.float32)}),
    "canvas": (ValueError, r"canvas must be \(height, width\)", {"canvas": (0, 3)}),
    "content": (ValueError, "content must be at most", {"content": (100, 8)}),
    "sigma": (ValueError, "sigma must be a finite number", {"sigma": -1.0}),
    "border": (ValueError, "border must be one of", {"border": "zero"}),
    "weights": (ValueError, "weights must have one number per scale", {"weights": [0.5, 0.5]}),
    "no scale": (ValueError, "at least one scale", {"maps": []}),
    "int": (TypeError, "must be float32", {"maps": np.zeros((1, 2, 2), np.int32)}),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    error, message, arguments = BAD[case]
    arguments = {"maps": np.zeros((1, 2, 2), np.float32), "canvas": (16, 16), **arguments}
    with pytest.raises(error, match=message):
        ops.decode_hand_maps(**arguments)


def test_decoder_finds_nobody_in_empty_maps() -> None:
    assert len(HandMapDecoder()(np.zeros((21, 9, 9), np.float32), (72, 72))) == 0
