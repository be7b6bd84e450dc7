"""The openpose adapter: --keypoint_scale in arrays and files, and bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heatpose import demo
from heatpose.adapters.openpose import Datum, decode_body, from_json, scale_keypoints, to_json
from heatpose.skeletons import COCO18

PHOTO = (101, 201)  # (height, width)


def corners() -> Any:
    points = np.zeros((2, 18, 3), np.float32)
    points[0, :3] = [[0, 0, 0.5], [200, 100, 0.25], [50, 20, 1]]
    return points


@pytest.mark.parametrize(
    ("scale", "sizes", "wanted"),
    [
        (0, {}, [[0, 0], [200, 100], [50, 20]]),
        (1, {"net_size": (51, 101)}, [[0, 0], [100, 50], [25, 10]]),
        (2, {"output_size": (401, 801)}, [[0, 0], [800, 400], [200, 80]]),
        (3, {}, [[0, 0], [1, 1], [0.25, 0.2]]),
        (4, {}, [[-1, -1], [1, 1], [-0.5, -0.6]]),
    ],
)
def test_every_scale_in_arrays_and_files(scale: int, sizes: Any, wanted: Any) -> None:
    points = scale_keypoints(corners(), scale, size=PHOTO, **sizes)
    assert points.dtype == np.float32
    np.testing.assert_allclose(points[0, :3, :2], wanted, atol=1e-5)
    np.testing.assert_array_equal(points[..., 2], corners()[..., 2])
    assert not points[0, 3:].any() and not points[1].any()  # missing ones stay three zeros

    hands = (np.full((2, 21, 3), 20, np.float32), np.zeros((2, 21, 3), np.float32))
    datum = Datum(corners(), handKeypoints=hands, poseCandidates=[corners()[0, :2]])
    scaled = datum.scaled(scale, size=PHOTO, **sizes)
    np.testing.assert_array_equal(scaled.poseKeypoints, points)
    np.testing.assert_array_equal(scaled.poseScores, datum.poseScores)
    np.testing.assert_array_equal(scaled.poseCandidates[0], points[0, :2])
    one_hand = scale_keypoints(hands[0], scale, size=PHOTO, **sizes)
    np.testing.assert_array_equal(scaled.handKeypoints[0], one_hand)
    np.testing.assert_array_equal(datum.poseKeypoints, corners())

    document = to_json(datum, part_candidates=True, keypoint_scale=scale, size=PHOTO, **sizes)
    back = from_json(document)
    np.testing.assert_allclose(back.poseKeypoints, points, atol=1e-4, rtol=1e-5)
    np.testing.assert_allclose(back.handKeypoints[0], one_hand, rtol=1e-5)
    np.testing.assert_allclose(back.poseCandidates[0], points[0, :2], rtol=1e-5)


def test_pictures_keep_their_shape() -> None:
    points = corners()
    narrow = scale_keypoints(points, 1, size=PHOTO, net_size=(101, 101))
    np.testing.assert_allclose(narrow[0, 1, :2], [100, 50])
    high = scale_keypoints(points, 2, size=PHOTO, output_size=(26, 999))
    np.testing.assert_allclose(high[0, 1, :2], [50, 25])
    # -1 is what follows from the other side, or, twice, the picture's own size.
    free = scale_keypoints(points, 1, size=PHOTO, net_size=(51, -1))
    np.testing.assert_allclose(free[0, 1, :2], [100, 50])
    same = scale_keypoints(points, 2, size=PHOTO, output_size=(-1, -1))
    np.testing.assert_array_equal(same, points)


@pytest.mark.parametrize("scale", range(5))
def test_decoded_people_are_scaled(scale: int) -> None:
    canvas = (240, 320)
    heatmaps, pafs, _ = demo.planted_crowd(2, cells=(23, 31), canvas=canvas, seed=1)
    settings: dict[str, Any] = {"skeleton": COCO18, "part_candidates": True}
    plain = decode_body(heatmaps, pafs, canvas, **settings)
    output = {"output_size": (480, 640)} if scale == 2 else {}
    found = decode_body(heatmaps, pafs, canvas, keypoint_scale=scale, **output, **settings)
    wanted = plain.scaled(scale, size=canvas, net_size=(184, 248), output_size=(480, 640))
    assert len(found.poseKeypoints) == 2
    np.testing.assert_array_equal(found.poseKeypoints, wanted.poseKeypoints)
    np.testing.assert_array_equal(found.poseScores, wanted.poseScores)
    np.testing.assert_array_equal(found.poseCandidates[3], wanted.poseCandidates[3])


def test_what_a_scale_needs() -> None:
    datum = Datum(corners())
    for scale, error, message in (
        (5, ValueError, "keypoint_scale must be between 0 and 4, got 5"),
        (-1, ValueError, "keypoint_scale must be between 0 and 4"),
        (True, TypeError, "keypoint_scale must be a whole number"),
        ("3", TypeError, "keypoint_scale must be a whole number"),
        (3, ValueError, "size must be given for keypoint_scale 3"),
        (1, ValueError, "size must be given for keypoint_scale 1"),
    ):
        with pytest.raises(error, match=message):
            datum.scaled(scale)  # type: ignore[arg-type]
        with pytest.raises(error, match=message):
            to_json(datum, keypoint_scale=scale)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="net_size must be given for keypoint_scale 1"):
        datum.scaled(1, size=PHOTO)
    with pytest.raises(ValueError, match="output_size must be given for keypoint_scale 2"):
        datum.scaled(2, size=PHOTO)
    with pytest.raises(ValueError, match="net_size's height must be"):
        datum.scaled(1, size=PHOTO, net_size=(1, 100))
    with pytest.raises(ValueError, match="size's height must be"):
        datum.scaled(3, size=(1, 100))
    with pytest.raises(TypeError, match="size must be"):
        datum.scaled(3, size=100)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"keypoints must have shape \[\.\.\., 3\]"):
        scale_keypoints(np.zeros((3, 2)), 3, size=PHOTO)


# ---- bad input -----------------------------------------------------------------------------------


def test_no_people_no_scales_and_nan() -> None:
    nobody = Datum(np.zeros((0, 25, 3), np.float32))
    for scale in range(5):
        sizes: Any = {"size": PHOTO, "net_size": PHOTO, "output_size": PHOTO}
        assert nobody.scaled(scale, **sizes).poseKeypoints.shape == (0, 25, 3)
        assert to_json(nobody, keypoint_scale=scale, **sizes)["people"] == []
    with pytest.raises(ValueError, match="heatmaps must hold at least one scale"):
        decode_body([], [], PHOTO)
    heatmaps, pafs = np.full((26, 6, 6), np.nan, np.float32), np.zeros((52, 6, 6), np.float32)
    assert len(decode_body(heatmaps, pafs, (48, 48)).poseKeypoints) == 0
    assert len(decode_body(np.zeros_like(heatmaps), pafs * np.nan, (48, 48)).poseKeypoints) == 0
    with pytest.raises(TypeError):
        decode_body(np.zeros((26, 6, 6), np.int32), pafs, (48, 48))
    with pytest.raises(TypeError, match="heatmaps must be"):
        decode_body("maps", pafs, (48, 48))
    with pytest.raises(ValueError, match="heatmaps must have shape"):
        decode_body(heatmaps[0], pafs, (48, 48))
    with pytest.raises((TypeError, ValueError)):
        decode_body(heatmaps, pafs, "photo")
    with pytest.raises((TypeError, ValueError)):
        decode_body(heatmaps, pafs, (0, 48))


@pytest.mark.parametrize(
    "document",
    [
        {"people": [], "part_candidates": []},
        {"people": [{}]},
        {"people": [{"pose_keypoints_2d": []}]},
    ],
)
def test_thin_documents_are_read(document: Any) -> None:
    assert from_json(document).poseKeypoints.shape[1:] == (25, 3)


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"people": [3]},
        {"people": [{"pose_keypoints_2d": 3}]},
        {"people": [{"pose_keypoints_2d": ["a", "b", "c"]}]},
        {"people": [{"pose_keypoints_2d": [1, 2, 3, 4]}]},
        {"people": [{"person_id": ["x"]}]},
        {"people": [], "part_candidates": [{"0": [1, 2]}]},
        {"people": [], "part_candidates": [{}, {}]},
        {"people": [], "part_candidates": [{"nose": [1, 2, 3]}]},
        {"people": [], "part_candidates": 3},
    ],
)
def test_broken_documents_are_refused(document: Any) -> None:
    with pytest.raises(ValueError):
        from_json(document)


def test_arrays_of_other_shapes() -> None:
    for points in ([], [1, 2, 3], np.zeros((2, 25))):
        with pytest.raises(ValueError, match="poseKeypoints must be"):
            Datum(points)  # type: ignore[arg-type]
    with pytest.raises((TypeError, ValueError)):
        Datum("people")  # type: ignore[arg-type]
