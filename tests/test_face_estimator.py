"""The face estimator: both kinds of network, boxes from everywhere; networks of known answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from heatpose.decoders import HandMapDecoder, KeypointDecoder
from heatpose.detectors import face_boxes
from heatpose.estimators import BodyEstimator, FaceEstimator, HandEstimator
from heatpose.networks import HandUNet, OpenPoseFace, OpenPoseHand
from heatpose.results import Boxes, People
from heatpose.skeletons import COCO17, FACE70, Skeleton
from spot_networks import CropSpots, Image, MapSpots, photo_with_spots, points_of

SPOTS = [(80.0, 80.0), (250.0, 120.0), (420.0, 75.0)]
SIZE = (200, 500)
BOXES = np.array([(x - 25, y - 25, x + 35, y + 30) for x, y in SPOTS], np.float32)

Make = Callable[..., FaceEstimator]


def makers() -> list[Any]:
    return [
        pytest.param(lambda **s: FaceEstimator(CropSpots(70), **s), id="top-down"),
        pytest.param(lambda **s: FaceEstimator(MapSpots(70), box=128, **s), id="maps"),
    ]


def photo(*spots: tuple[float, float]) -> Image:
    return photo_with_spots(*SIZE, *(spots or SPOTS))


@pytest.mark.parametrize("make", makers())
def test_faces_are_people_best_first(make: Make) -> None:
    scores = np.array([0.2, 1.0, 0.5], np.float32)
    faces = make()(photo(), boxes=Boxes(BOXES, scores))
    assert isinstance(faces, People)
    assert faces.skeleton is FACE70
    assert faces.canvas == SIZE
    np.testing.assert_allclose(points_of(faces), [SPOTS[i] for i in (1, 2, 0)], atol=1.0)
    want = faces.scores.mean(axis=1) * scores[[1, 2, 0]]
    np.testing.assert_allclose(faces.person_scores, want, rtol=1e-5)
    assert faces.part("face").keypoints.shape == (3, 70, 2)


@pytest.mark.parametrize("make", makers())
def test_in_order_keeps_a_row_for_every_box(make: Make) -> None:
    given = np.array([[5, 160, 25, 180], BOXES[2], [600, 600, 640, 640], BOXES[0]], np.float32)
    boxes = Boxes(given, padded=True)
    found = make().in_order(photo(), boxes=boxes)
    assert np.isnan(found.keypoints[[0, 2]]).all()
    assert not found.scores[[0, 2]].any() and not found.box_scores[[0, 2]].any()
    np.testing.assert_allclose(found.keypoints[[1, 3]].mean(axis=1), [SPOTS[2], SPOTS[0]], atol=1)
    assert len(make()(photo(), boxes=boxes)) == 2


@pytest.mark.parametrize("make", makers())
def test_many_photos_answer_as_one_by_one(make: Make) -> None:
    sizes = [SIZE, (150, 480), (500, 490)]
    photos = [photo_with_spots(h, w, *SPOTS) for h, w in sizes]
    given = [Boxes(BOXES), Boxes(BOXES[:0]), BOXES[1:]]
    estimator = make(batch_size=2)
    together = estimator(photos, boxes=given)
    assert [len(faces) for faces in together] == [3, 0, 2]
    assert [faces.canvas for faces in together] == sizes
    for many, one, boxes in zip(together, photos, given, strict=True):
        alone = estimator(one, boxes=boxes)
        np.testing.assert_allclose(many.keypoints, alone.keypoints, atol=1e-3)
        np.testing.assert_allclose(many.scores, alone.scores, rtol=1e-5)
    assert estimator([]) == [] and estimator.in_order([]) == []


def test_boxes_of_openpose_are_wider_than_an_annotators() -> None:
    estimator = FaceEstimator(MapSpots(70))
    tight = estimator.in_order(photo(), boxes=[[100, 50, 160, 90]])
    np.testing.assert_allclose(tight.boxes, [[130 - 52.5, 70 - 52.5, 130 + 52.5, 70 + 52.5]])
    padded = estimator.in_order(photo(), boxes=Boxes(BOXES, padded=True))
    np.testing.assert_array_equal(padded.boxes, BOXES)


def test_a_network_of_maps_sees_each_box_once_by_default() -> None:
    network = MapSpots(70)
    square = Boxes(np.array([[10, 10, 50, 50]], np.float32), padded=True)
    FaceEstimator(network)(photo(), boxes=square)
    FaceEstimator(network, scales=(0.5, 1), box=128)(photo(), boxes=square)
    assert network.seen == [(1, 3, 64, 64), (1, 3, 64, 64), (1, 3, 128, 128)]


# --- Where the boxes come from


def someone(canvas: tuple[int, int], *noses: tuple[float, float]) -> People:
    """People of whom only the ears are seen, 20 pixels to both sides of (x, y)."""
    keypoints = np.full((len(noses), 17, 2), np.nan, np.float32)
    for row, (x, y) in enumerate(noses):
        for side, away in (("left", 20), ("right", -20)):
            keypoints[row, COCO17.index(f"{side}_ear")] = x + away, y
    scores = np.where(np.isnan(keypoints[..., 0]), 0, 1).astype(np.float32)
    return People(keypoints, scores, np.ones(len(noses), np.float32), COCO17, canvas)


@pytest.mark.parametrize("make", makers())
def test_faces_of_a_body(make: Make) -> None:
    calls: list[int] = []

    def body(photos: list[Image]) -> list[People]:
        calls.append(len(photos))
        return [someone(one.shape[:2], SPOTS[0], (330, 60), SPOTS[2]) for one in photos]

    estimator = make(body=body)
    found = estimator.in_order(photo())
    np.testing.assert_allclose(found.boxes[0], (40, 40, 120, 120), atol=1)
    np.testing.assert_allclose(found.keypoints[[0, 2]].mean(axis=1), [SPOTS[0], SPOTS[2]], atol=1)
    # What a user does to know whose face it is.
    boxes = face_boxes(body([photo()])[0])
    assert boxes.persons.tolist() == [0, 1, 2]
    same = estimator.in_order(photo(), boxes=boxes)
    np.testing.assert_array_equal(same.keypoints, found.keypoints)
    # Photos with boxes of their own are not shown to the body; the others are, all at once.
    calls.clear()
    many = estimator([photo(), photo(), photo()], boxes=[None, BOXES, None])
    assert calls == [2]
    assert [len(faces) for faces in many] == [2, 3, 2]


@pytest.mark.parametrize("make", makers())
def test_a_detector_or_the_whole_photo(make: Make) -> None:
    found = make(detector=lambda image: Boxes(BOXES[:2]))(photo())
    assert len(found) == 2
    alone = make()(photo_with_spots(80, 80, (45.0, 30.0)))
    np.testing.assert_allclose(points_of(alone), [(45, 30)], atol=1.5)


# --- Networks


def test_weights_of_faces_are_told_from_those_of_hands(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_file(OpenPoseFace().state_dict(), str(tmp_path / "face.safetensors"))
    estimator = FaceEstimator(weights=tmp_path / "face.safetensors", device="cpu")
    assert isinstance(estimator.network, OpenPoseFace)
    assert isinstance(estimator.decoder, HandMapDecoder)
    assert repr(estimator) == "FaceEstimator(OpenPoseFace, device='cpu', dtype='float32')"
    with pytest.raises(ValueError, match="openpose-face for face, expected one for hand"):
        HandEstimator(weights=tmp_path / "face.safetensors")
    with pytest.raises(ValueError, match="is for the task face: it belongs in FaceEstimator, not"):
        BodyEstimator(estimator.network)


def test_a_network_of_68_points_brings_its_skeleton() -> None:
    class Face68(CropSpots):
        skeleton = Skeleton("face68", FACE70.keypoints[:68], FACE70.limbs, flip=FACE70.flip[:68])

    estimator = FaceEstimator(Face68(68), method="none")
    assert isinstance(estimator.decoder, KeypointDecoder)
    faces = estimator(photo(), boxes=BOXES)
    assert faces.skeleton.name == "face68"
    assert faces.keypoints.shape == (3, 68, 2)


def build(model: Any = None, **settings: Any) -> Callable[[], FaceEstimator]:
    return lambda: FaceEstimator(CropSpots(70) if model is None else model, **settings)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (build(torch.nn.ReLU()), TypeError, "ReLU needs an attribute input_spec.*or crop_spec"),
        (build(CropSpots(68)), ValueError, "CropSpots gives 68 keypoints, FaceEstimator needs"),
        (build(OpenPoseHand()), ValueError, "for the task hand: it belongs in HandEstimator, not"),
        (build(HandUNet()), ValueError, "HandUNet is for the task hand"),
        (build("rtmdet-nano-hand-onnx"), ValueError, "task hand-boxes: it belongs in a detector"),
        (build(scales=(1, 2)), ValueError, "scales: for bottom-up networks only.*CropSpots"),
        (build(box=64), ValueError, "box: for bottom-up networks only"),
        (build(MapSpots(70), scales=()), ValueError, "scales must be positive numbers"),
        (build(MapSpots(70), box=0), ValueError, "box must be at least 1"),
        (build(MapSpots(70), flip_test=True), ValueError, "flip_test: for top-down networks only"),
        (build(MapSpots(70), udp=False), ValueError, "udp: for top-down networks only"),
        (build(padding=0), ValueError, "padding must be greater than 0 and finite, got 0"),
        (build(batch_size=0), ValueError, "batch_size must be at least 1"),
        (build(body=print, detector=print), ValueError, "give a body or a detector, got both"),
        (build(decoder=KeypointDecoder(FACE70), method="none"), ValueError, "got both"),
        (build(mirror_left=True), TypeError, "mirror_left"),
        (build("auto"), ValueError, "no network for the task"),
    ],
)
def test_wrong_settings_are_refused_by_name(
    make: Callable[[], FaceEstimator], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()


def test_wrong_boxes_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="x2 > x1"):
        FaceEstimator(CropSpots(70))(photo(), boxes=[[3, 3, 1, 5]])
    strange: Any = lambda image: BOXES  # noqa: E731
    with pytest.raises(TypeError, match="detector must give Boxes, got ndarray"):
        FaceEstimator(CropSpots(70), detector=strange)(photo())
