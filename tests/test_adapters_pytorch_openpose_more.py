"""The pytorch_openpose adapter: what is no photo, no people, or no hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch import nn

from heatpose.adapters.pytorch_openpose import Body, Hand, decode_body, decode_hand, util
from openpose_support import CANVAS, Painted

PHOTO = np.random.default_rng(4).integers(0, 255, (*CANVAS, 3), dtype=np.uint8)
NO_PHOTOS: list[Any] = [
    None, [], "photo.png", PHOTO.tolist()[:2], PHOTO.astype(float), PHOTO.astype(int),
    PHOTO[..., 0], PHOTO[..., :1], PHOTO[:0], PHOTO[None],
]  # fmt: skip


@pytest.mark.parametrize("photo", NO_PHOTOS)
def test_no_photo(photo: Any) -> None:
    for find in (Body(Painted(38, 19)), Hand(Painted(22))):
        with pytest.raises((TypeError, ValueError), match="oriImg must be"):
            find(photo)


@pytest.mark.parametrize("picture", [None, [], "photo.png", 3])
def test_no_picture_for_the_helpers(picture: Any) -> None:
    with pytest.raises(TypeError, match="img must be an array"):
        util.padRightDownCorner(picture, 8, 128)
    with pytest.raises(TypeError, match="array must be an array"):
        util.npmax(picture)
    with pytest.raises((TypeError, ValueError), match="canvas must be"):
        util.draw_bodypose(picture, np.empty(0), np.empty((0, 20)))
    with pytest.raises((TypeError, ValueError), match="canvas must be"):
        util.draw_handpose(picture, [])
    with pytest.raises(TypeError, match="oriImg must be"):
        util.handDetect(np.empty(0), np.empty((0, 20)), picture)


def test_empty_maps_and_steps() -> None:
    with pytest.raises(ValueError, match="array must have"):
        util.npmax(np.zeros((0, 3)))
    for stride in (0, -8):
        with pytest.raises(ValueError, match="stride"):
            util.padRightDownCorner(PHOTO, stride, 128)


def test_nobody_is_drawn_and_has_no_hands() -> None:
    for candidate, subset in ((np.empty(0), np.empty((0, 20))), ([], [])):
        assert util.handDetect(candidate, subset, PHOTO) == []
        np.testing.assert_array_equal(util.draw_bodypose(PHOTO, candidate, subset), PHOTO)
    np.testing.assert_array_equal(util.draw_handpose(PHOTO, []), PHOTO)
    grey = util.draw_bodypose(PHOTO[..., 0], np.empty(0), np.empty((0, 20)))
    np.testing.assert_array_equal(grey, PHOTO[..., 0])


def test_peaks_that_there_are_not() -> None:
    person = np.full((1, 20), 5.0)
    for call in (util.handDetect, lambda c, s, photo: util.draw_bodypose(photo, c, s)):
        with pytest.raises(ValueError, match="subset names peak 5, candidate has 1"):
            call(np.zeros((1, 4)), person, PHOTO)
    with pytest.raises(ValueError):
        util.draw_bodypose(PHOTO, np.zeros((1, 4)), np.zeros((1, 19)))
    for hand in (np.ones((20, 2)), np.ones((21, 3)), np.ones(42)):
        with pytest.raises(ValueError, match=r"all_hand_peaks\[0\] must have shape \(21, 2\)"):
            util.draw_handpose(PHOTO, [hand])
    with pytest.raises(ValueError, match=r"all_hand_peaks\[0\] must be finite"):
        util.draw_handpose(PHOTO, [np.full((21, 2), np.nan)])
    with pytest.raises(TypeError, match="all_hand_peaks must be"):
        util.draw_handpose(PHOTO, None)


def test_weights_of_a_flat_model() -> None:
    with pytest.raises(ValueError, match="weight: its layers lie in no blocks"):
        util.transfer(nn.Linear(1, 1), {})
    with pytest.raises(KeyError, match=r"1\.weight"):
        util.transfer(nn.Sequential(nn.Sequential(nn.ReLU(), nn.Linear(1, 1))), {})


def test_maps_of_nan_and_nobody() -> None:
    heat, pafs = np.zeros((19, 6, 6), np.float32), np.zeros((38, 6, 6), np.float32)
    for factor in (1, np.nan):
        candidate, subset = decode_body(heat * factor, pafs * factor, (48, 48))
        assert candidate.shape == (0,) and subset.shape == (0, 20)
        assert not decode_hand(np.zeros((22, 6, 6), np.float32) * factor, (48, 48)).any()
    for bad in ([], None, heat[0], heat.astype(int), heat[:, :0]):
        with pytest.raises((TypeError, ValueError)):
            decode_body(bad, pafs, (48, 48))
        with pytest.raises((TypeError, ValueError)):
            decode_hand(bad, (48, 48))
    with pytest.raises(ValueError):
        Hand(Painted(22), scale_search=[])
