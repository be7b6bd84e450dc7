"""Top-down estimators of people: whole bodies and bodies in boxes; networks of known answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from heatpose.decoders import KeypointDecoder
from heatpose.estimators import BodyEstimator, WholeBodyEstimator
from heatpose.networks import CropSpec, HandUNet
from heatpose.results import Boxes, People
from heatpose.skeletons import AIC14, COCO17, WHOLEBODY133
from spot_networks import CropSpots, Image, MapSpots, photo_with_spots, points_of

SPOTS = [(80.0, 90.0), (250.0, 120.0), (420.0, 75.0)]
SIZE = (200, 500)
BOXES = np.array([(x - 25, y - 40, x + 25, y + 40) for x, y in SPOTS], np.float32)
SPEC = CropSpec(96, 72, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), colour="bgr")


class BodySpots(CropSpots):
    """133 maps of a crop that is not square; the last 42, the hands, are blank on dark photos."""

    def __init__(self, keypoints: int = 133) -> None:
        super().__init__(keypoints, SPEC)

    def forward(self, x: Tensor) -> Tensor:
        maps = super().forward(x)
        dark = x.amax(dim=(1, 2, 3)) < 0.5
        if self.keypoints == 133:
            maps[dark, 91:] = 0
        return maps


def photo(*spots: tuple[float, float]) -> Image:
    return photo_with_spots(*SIZE, *(spots or SPOTS))


def test_everyone_is_found_in_their_box() -> None:
    estimator = WholeBodyEstimator(BodySpots())
    people = estimator(photo(), boxes=BOXES)
    assert isinstance(people, People)
    assert people.skeleton is WHOLEBODY133
    assert people.canvas == SIZE
    order = np.argsort(points_of(people)[:, 0])
    np.testing.assert_allclose(points_of(people)[order], SPOTS, atol=1.0)
    assert (np.diff(people.person_scores) <= 0).all()


def test_parts_are_views_with_scores() -> None:
    dim = (photo() * 0.3).astype(np.uint8)
    people = WholeBodyEstimator(BodySpots())(dim, boxes=BOXES)
    sizes = {"body": 17, "feet": 6, "face": 68, "left_hand": 21, "right_hand": 21}
    for name, size in sizes.items():
        part = people.part(name)
        assert part.keypoints.shape == (3, size, 2)
        assert part.scores.shape == (3, size)
        assert part.keypoints.base is people.keypoints
        hand = name.endswith("hand")
        assert np.isnan(part.keypoints).all() == hand
        assert (part.scores == 0).all() == hand
    assert people.visible.sum() == 3 * 91


def test_the_quarter_shift_and_dark_differ_by_less_than_a_cell() -> None:
    place = {
        method: WholeBodyEstimator(BodySpots(), method=method).in_order(photo(), boxes=BOXES)
        for method in ("none", "quarter", "dark")
    }
    cell = (place["dark"].boxes[:, 2] - place["dark"].boxes[:, 0])[:, None, None] / 18
    none, quarter, dark = (place[method].keypoints / cell for method in place)
    assert set(np.abs(quarter - none).round(3).ravel()) <= {0.0, 0.25}
    assert (np.abs(quarter - none) > 0).any()
    assert 0 < np.abs(dark - none).max() < 1


def test_in_order_keeps_the_boxes_order_and_scores() -> None:
    estimator = WholeBodyEstimator(BodySpots())
    scores = np.array([0.2, 1.0, 0.5], np.float32)
    found = estimator.in_order(photo(), boxes=Boxes(BOXES, scores))
    np.testing.assert_allclose(found.keypoints.mean(axis=1), SPOTS, atol=1.0)
    np.testing.assert_allclose(found.box_scores, found.scores.mean(axis=1) * scores, rtol=1e-5)
    # 50 x 80 is widened to 60 x 80, and by 1.25.
    np.testing.assert_allclose(found.boxes[0], (80 - 37.5, 90 - 50, 80 + 37.5, 90 + 50))
    people = estimator(photo(), boxes=Boxes(BOXES, scores))
    np.testing.assert_array_equal(people.keypoints, found.keypoints[[1, 2, 0]])


def test_boxes_with_a_margin_are_not_padded_again() -> None:
    padded = WholeBodyEstimator(BodySpots()).in_order(photo(), boxes=Boxes(BOXES, padded=True))
    np.testing.assert_allclose(padded.boxes[0], (50, 50, 110, 130))
    wide = WholeBodyEstimator(BodySpots(), padding=2.0).in_order(photo(), boxes=BOXES)
    np.testing.assert_allclose(wide.boxes[0], (20, 10, 140, 170))


def test_an_empty_box_is_nobody_but_keeps_its_row_in_order() -> None:
    given = np.concatenate([[[300, 10, 320, 30]], BOXES]).astype(np.float32)
    estimator = WholeBodyEstimator(BodySpots())
    assert len(estimator(photo(), boxes=given)) == 3
    found = estimator.in_order(photo(), boxes=given)
    assert np.isnan(found.keypoints[0]).all() and not found.scores[0].any()
    assert len(found.keypoints) == 4


def test_people_of_many_photos_stay_apart_and_share_runs() -> None:
    network = BodySpots()
    estimator = WholeBodyEstimator(network, batch_size=5, flip_test=False)
    photos = [photo(SPOTS[i]) for i in range(3)] + [photo_with_spots(300, 450, *SPOTS)]
    given = [BOXES[i : i + 1] for i in range(3)] + [BOXES]
    together = estimator.in_order(photos, boxes=given)
    assert [len(batch) for batch in network.seen] == [5, 1]
    alone = [estimator.in_order(p, boxes=b) for p, b in zip(photos, given, strict=True)]
    for many, one in zip(together, alone, strict=True):
        np.testing.assert_allclose(many.keypoints, one.keypoints, atol=1e-3)
    for i in range(3):
        np.testing.assert_allclose(together[i].keypoints.mean(axis=1), [SPOTS[i]], atol=1.0)
    assert [people.canvas for people in estimator(photos, boxes=given)] == [SIZE] * 3 + [(300, 450)]


def test_a_detector_or_the_whole_photo(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "photo.png"), photo())
    seen: list[tuple[int, ...]] = []

    def detector(image: Image) -> Boxes:
        seen.append(image.shape)
        return Boxes(BOXES[:2])

    people = WholeBodyEstimator(BodySpots(), detector=detector)(tmp_path / "photo.png")
    assert (len(people), seen) == (2, [(*SIZE, 3)])
    nobody = WholeBodyEstimator(BodySpots(), detector=lambda image: Boxes(BOXES[:0]))(photo())
    assert len(nobody) == 0 and nobody.canvas == SIZE
    alone = WholeBodyEstimator(BodySpots())(photo_with_spots(96, 72, (30, 50)))
    np.testing.assert_allclose(points_of(alone), [(30, 50)], atol=1.0)


def test_no_photos_and_no_boxes() -> None:
    estimator = WholeBodyEstimator(BodySpots())
    assert estimator([]) == []
    assert estimator.in_order([]) == []
    assert len(estimator(photo(), boxes=[])) == 0


@pytest.mark.parametrize(("count", "skeleton"), [(17, COCO17), (14, AIC14)])
def test_the_body_estimator_takes_top_down_networks_too(count: int, skeleton: Any) -> None:
    estimator = BodyEstimator(BodySpots(count), detector=lambda image: Boxes(BOXES))
    assert estimator.skeleton is skeleton
    people = estimator(photo())
    assert people.skeleton is skeleton
    assert len(people) == 3
    assert len(estimator(photo(), boxes=BOXES[:1])) == 1
    assert isinstance(estimator.decoder, KeypointDecoder)
    assert repr(estimator) == (
        "BodyEstimator(BodySpots, device='cpu', dtype='float32', "
        "padding=1.25, flip_test=True, udp=False)"
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_other_element_types_find_the_same_people(dtype: str) -> None:
    estimator = WholeBodyEstimator(BodySpots(), dtype=dtype)
    found = estimator.in_order(photo(), boxes=BOXES)
    np.testing.assert_allclose(found.keypoints.mean(axis=1), SPOTS, atol=2.0)


def test_the_same_photo_gives_the_same_bits() -> None:
    estimator = WholeBodyEstimator(BodySpots())
    first, second = (estimator(photo(), boxes=BOXES) for _ in range(2))
    np.testing.assert_array_equal(first.keypoints, second.keypoints)
    np.testing.assert_array_equal(first.scores, second.scores)


def build(cls: Any, model: Any, **settings: Any) -> Callable[[], Any]:
    return lambda: cls(model, **settings)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (build(WholeBodyEstimator, BodySpots(17)), ValueError, "gives 17 keypoints.*needs the 133"),
        (build(BodyEstimator, BodySpots(133)), ValueError, "gives 133 keypoints, BodyEstimator"),
        (build(BodyEstimator, HandUNet()), ValueError, "HandUNet is for the task hand: it belongs"),
        (build(WholeBodyEstimator, MapSpots()), TypeError, "MapSpots needs an attribute crop_spec"),
        (build(WholeBodyEstimator, torch.nn.ReLU()), TypeError, "ReLU needs an attribute crop_sp"),
        (build(WholeBodyEstimator, 3), TypeError, "a name or a torch module, got int"),
        (build(WholeBodyEstimator, "no-such"), ValueError, "model must be a checkpoint.*'no-such'"),
        (build(WholeBodyEstimator, BodySpots(), udp="yes"), TypeError, "udp must be True, False"),
        (build(WholeBodyEstimator, BodySpots(), kernel=11, decoder=1), ValueError, "got both"),
        (build(BodyEstimator, BodySpots(17), scales=(1,)), ValueError, "scales: for bottom-up"),
        (build(BodyEstimator, BodySpots(17), box=99), ValueError, "box: for bottom-up"),
    ],
)
def test_wrong_settings_are_refused_by_name(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_file_given_as_the_model_is_told_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(b"x")
    with pytest.raises(ValueError, match="which is a file: pass it as weights="):
        WholeBodyEstimator(str(tmp_path / "net.pth"))
