"""The controlnet_aux adapter: its resizing by name, and bad input."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from heatpose.adapters.controlnet_aux import (
    Body,
    BodyResult,
    Face,
    Hand,
    Keypoint,
    OpenposeDetector,
    PoseResult,
    decode_body,
    decode_face,
    decode_hand,
    draw_poses,
    util,
)
from openpose_support import CANVAS, Painted

RNG = np.random.default_rng(6)
PHOTO = RNG.integers(0, 255, (*CANVAS, 3), dtype=np.uint8)
POINTS: list[Any] = [Keypoint(0.5, 0.5)] * 18
NO_PHOTOS: list[Any] = [
    None, [], "photo.png", PHOTO.astype(float), PHOTO[..., 0], PHOTO[..., :1], PHOTO[:0],
]  # fmt: skip


@pytest.mark.parametrize("channels", [None, 1, 3, 7])
@pytest.mark.parametrize(("size", "way"), [((20, 30), "area"), ((90, 99), "lanczos4")])
def test_resizing_by_name(channels: int | None, size: tuple[int, int], way: str) -> None:
    picture = RNG.normal(size=(40, 50) if channels is None else (40, 50, channels))
    picture = picture.astype(np.float32)
    flag = {"area": cv2.INTER_AREA, "lanczos4": cv2.INTER_LANCZOS4}[way]
    planes = [picture] if channels is None else np.moveaxis(picture, -1, 0)
    wanted = [cv2.resize(plane, size[::-1], interpolation=flag) for plane in planes]
    found = util.smart_resize(picture, size)
    # OpenCV gives one channel back without its axis.
    stacked = wanted[0] if channels in (None, 1) else np.stack(wanted, axis=-1)
    np.testing.assert_allclose(found, stacked, atol=1e-6)
    factors = (size[1] / 50, size[0] / 40)
    np.testing.assert_allclose(util.smart_resize_k(picture, *factors), stacked, atol=1e-6)


def test_resizing_of_nothing() -> None:
    for bad, error in ((None, TypeError), ([], TypeError), (np.zeros(3), ValueError),
                       (np.zeros((0, 4)), ValueError)):  # fmt: skip
        with pytest.raises(error, match="x must be"):
            util.smart_resize(bad, (4, 4))
        with pytest.raises(error, match="x must be"):
            util.smart_resize_k(bad, 2, 2)
    for size in ((0, 4), (4, -1), (4,)):
        with pytest.raises(ValueError, match="s must be"):
            util.smart_resize(PHOTO, size)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fx and fy must leave pixels"):
        util.smart_resize_k(PHOTO, 0.001, 1)


@pytest.mark.parametrize("photo", NO_PHOTOS)
def test_no_photo(photo: Any) -> None:
    body, hand, face = Body(Painted(38, 19)), Hand(Painted(22)), Face(Painted(71))
    detector = OpenposeDetector(body, hand, face)
    for call in (body, hand, face, detector.detect_poses):
        with pytest.raises((TypeError, ValueError), match="must"):
            call(photo)


@pytest.mark.parametrize("canvas", [None, [], "x", PHOTO.astype(int), PHOTO[0, 0], PHOTO[:, :, :1]])
def test_no_canvas(canvas: Any) -> None:
    for draw in (util.draw_bodypose, util.draw_handpose, util.draw_facepose):
        with pytest.raises((TypeError, ValueError), match="canvas must be"):
            draw(canvas, [Keypoint(0.5, 0.5)] * 21)


def test_other_keypoints() -> None:
    canvas = np.zeros((20, 20, 3), np.uint8)
    for points in ([], POINTS[:17], None):
        with pytest.raises((TypeError, ValueError), match="keypoints must"):
            util.draw_bodypose(canvas, points)  # type: ignore[arg-type]
        with pytest.raises((TypeError, ValueError), match="keypoints must"):
            util.faceDetect(BodyResult(points, 1, 1), PHOTO)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="keypoints must be 21, got 18"):
        util.draw_handpose(canvas, POINTS)
    for value in (float("nan"), float("inf"), -float("inf")):
        lost = [Keypoint(value, 0.5)] * 21
        for draw in (util.draw_bodypose, util.draw_handpose, util.draw_facepose):
            with pytest.raises(ValueError, match="keypoints must be finite"):
                draw(canvas, lost)
    for draw in (util.draw_handpose, util.draw_facepose):
        with pytest.raises(TypeError, match="keypoints must not be None"):
            draw(canvas, [None] * 21)  # type: ignore[list-item]
    for call in (util.handDetect, util.faceDetect):
        with pytest.raises(TypeError, match="body must be a BodyResult"):
            call(None, PHOTO)  # type: ignore[arg-type]


def test_nobody_is_drawn() -> None:
    nobody = BodyResult([None] * 18, 0, 0)
    assert not draw_poses([], 9, 12).any() and draw_poses([], 9, 12).shape == (9, 12, 3)
    assert not draw_poses([PoseResult(nobody, None, None, None)], 9, 12).any()
    assert not draw_poses([PoseResult(nobody, [], [], [])], 9, 12).any()
    assert util.handDetect(nobody, PHOTO) == [] and util.faceDetect(nobody, PHOTO) is None
    assert Body.format_body_result(np.empty(0), np.empty((0, 20))) == []
    detector = OpenposeDetector(Body(Painted(38, 19, people=0)))
    assert detector.detect_poses(PHOTO) == []


def test_rows_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="subset names peak 5, candidate has 1"):
        Body.format_body_result(np.zeros((1, 4)), np.full((1, 20), 5.0))
    with pytest.raises(ValueError, match=r"subset must have shape \(n, 20\)"):
        Body.format_body_result(np.zeros((1, 4)), np.zeros((1, 19)))
    with pytest.raises(ValueError, match=r"candidate must have shape \(P, 4\)"):
        Body.format_body_result(np.zeros((1, 3)), np.zeros((1, 20)))


def test_maps_of_nan_and_nobody() -> None:
    heat, pafs = np.zeros((19, 6, 6), np.float32), np.zeros((38, 6, 6), np.float32)
    hand = np.zeros((22, 46, 46), np.float32)
    for factor in (1, np.nan):
        candidate, subset = decode_body(heat * factor, pafs * factor, (48, 48))
        assert candidate.shape == (0,) and subset.shape == (0, 20)
        assert not decode_hand(hand * factor, (48, 48)).any()
        assert decode_face(hand * factor).shape == (0,)
    for bad in ([], None, heat[0], heat.astype(int)):
        with pytest.raises((TypeError, ValueError)):
            decode_body(bad, pafs, (48, 48))
        with pytest.raises((TypeError, ValueError)):
            decode_hand(bad, (48, 48))
    for bad in ([], None, heat[0, 0]):
        with pytest.raises((TypeError, ValueError)):
            decode_face(bad)
