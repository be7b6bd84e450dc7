"""The hand estimator: boxes, sides, owners, batches, both ways; networks of known answers."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from heatpose.decoders import HandMapDecoder, KeypointDecoder
from heatpose.estimators import HandEstimator
from heatpose.estimators.pipeline import BoxTask
from heatpose.estimators.runner import Runner
from heatpose.estimators.setup import Settings
from heatpose.estimators.top_down import TopDown
from heatpose.networks import HandUNet
from heatpose.results import Boxes, Hands, People
from heatpose.skeletons import COCO17, HAND21
from spot_networks import CropSpots, Image, MapSpots, photo_with_spots, points_of

SPOTS = [(80.0, 80.0), (250.0, 120.0), (420.0, 75.0)]
SIZE = (200, 500)
BOXES = np.array([(x - 25, y - 25, x + 35, y + 30) for x, y in SPOTS], np.float32)


def boxes(**settings: Any) -> Boxes:
    return Boxes(BOXES, sides=("left", "right", None), **settings)


def makers() -> list[Any]:
    return [
        pytest.param(lambda **s: HandEstimator(CropSpots(), **s), id="top-down"),
        pytest.param(lambda **s: HandEstimator(MapSpots(), **s), id="maps"),
    ]


Make = Callable[..., HandEstimator]


@pytest.mark.parametrize("mirror_left", [False, True])
@pytest.mark.parametrize("make", makers())
def test_a_hand_is_found_where_it_is(make: Make, mirror_left: bool) -> None:
    hands = make(mirror_left=mirror_left)(photo_with_spots(*SIZE, *SPOTS), boxes=boxes())
    assert isinstance(hands, Hands)
    assert hands.keypoints.shape == (3, 21, 2)
    np.testing.assert_allclose(points_of(hands), SPOTS, atol=1.0)
    assert (hands.scores > 0.3).all()
    np.testing.assert_allclose(hands.hand_scores, hands.scores.mean(axis=1), rtol=1e-5)
    assert hands.sides == ("left", "right", None)
    assert hands.persons.tolist() == [-1, -1, -1]
    assert hands.canvas == SIZE
    assert hands.people is None


@pytest.mark.parametrize("make", makers())
def test_only_left_hands_are_mirrored(make: Make) -> None:
    """The spots have their green to the right; in a mirrored crop it is to the left."""
    crops: list[Any] = []

    def look(_module: Any, args: tuple[Any, ...]) -> None:
        crops.extend(args[0].detach().numpy())

    for mirror_left, mirrored in ((True, [True, False, False]), (False, [False] * 3)):
        estimator = make(mirror_left=mirror_left, batch_size=1, **_one_look(make))
        crops.clear()
        hook = estimator.network.register_forward_pre_hook(look)
        estimator(photo_with_spots(*SIZE, *SPOTS), boxes=boxes(padded=True))
        hook.remove()
        middles = [
            [(crop[c].sum(axis=0) * np.arange(crop.shape[2])).sum() / crop[c].sum() for c in (0, 1)]
            for crop in crops
        ]
        assert [green < blue for blue, green in middles] == mirrored


def _one_look(make: Make) -> dict[str, Any]:
    """Settings with which the network sees each crop once."""
    plain = isinstance(make().network, CropSpots)
    return {"flip_test": False} if plain else {"scales": (1.0,)}


@pytest.mark.parametrize("make", makers())
def test_many_photos_answer_as_one_by_one(make: Make) -> None:
    sizes = [SIZE, (150, 480), SIZE, (500, 490)]
    photos = [photo_with_spots(h, w, *SPOTS) for h, w in sizes]
    given = [boxes(), Boxes(BOXES[:0]), BOXES[1:], Boxes(BOXES[:1], scores=np.float32([0.5]))]
    estimator = make(batch_size=4)
    together = estimator(photos, boxes=given)
    assert [len(hands) for hands in together] == [3, 0, 2, 1]
    assert [hands.canvas for hands in together] == sizes
    alone = [estimator(photo, boxes=one) for photo, one in zip(photos, given, strict=True)]
    for many, one in zip(together, alone, strict=True):
        np.testing.assert_allclose(many.keypoints, one.keypoints, atol=1e-3)
        np.testing.assert_allclose(many.scores, one.scores, rtol=1e-5)
        np.testing.assert_array_equal(many.boxes, one.boxes)
    np.testing.assert_allclose(points_of(together[2]), SPOTS[1:], atol=1.0)
    np.testing.assert_allclose(together[3].hand_scores, 0.5 * together[3].scores.mean(), rtol=1e-5)


def test_crops_of_many_photos_fill_the_runs_of_a_top_down_network() -> None:
    network = CropSpots()
    estimator = HandEstimator(network, batch_size=4, flip_test=False)
    photos = [photo_with_spots(*SIZE, *SPOTS)] * 3
    estimator(photos, boxes=[boxes()] * 3)
    assert [len(batch) for batch in network.seen] == [4, 4, 1]


def test_crops_of_one_shape_share_the_runs_of_a_network_of_maps() -> None:
    network = MapSpots()
    estimator = HandEstimator(network, scales=(0.5, 1), batch_size=4)
    square = [Boxes(np.float32([[10, 10, 50, 50], [40, 20, 60, 40]]), padded=True)] * 2
    estimator([photo_with_spots(*SIZE, *SPOTS)] * 2, boxes=square)
    assert network.seen == [(4, 3, 32, 32), (4, 3, 64, 64)]


@pytest.mark.parametrize("beyond", [(0, 0), (20, 0), (0, 20), (0, 39), (1000, 0)])
def test_a_hand_that_leaves_the_photo_is_seen_in_its_size(beyond: tuple[int, int]) -> None:
    """Of a box, less than 1 / 40 may be in the photo: the network sees so much less of it."""
    network = MapSpots()
    corner = np.array([SIZE[1] - 40, SIZE[0] - 40]) + beyond
    given = Boxes(np.concatenate([corner, corner + 40])[None].astype(np.float32), padded=True)
    HandEstimator(network, scales=(1,))(photo_with_spots(*SIZE, *SPOTS), boxes=given)
    width, height = (int(64 * side / 40 + 7.9) // 8 * 8 for side in 40 - np.array(beyond))
    assert network.seen == ([(1, 3, height, width)] if width > 0 else [])


def test_crops_are_cut_when_their_turn_comes() -> None:
    """Thousands of boxes of a whole photo are no thousands of photos."""
    estimator = HandEstimator(MapSpots(), scales=(0.25,), batch_size=1)
    photo = np.zeros((100, 100, 3), np.uint8)
    given = Boxes(np.tile(np.float32([0, 0, 100, 100]), (300, 1)), padded=True)
    estimator(photo, boxes=given)
    tracemalloc.start()
    estimator(photo, boxes=given)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * photo.nbytes


@pytest.mark.parametrize("make", makers())
def test_a_box_without_a_hand_keeps_its_row(make: Make) -> None:
    given = np.array([[5, 160, 25, 180], BOXES[0], [600, 600, 640, 640]], np.float32)
    hands = make()(photo_with_spots(*SIZE, *SPOTS), boxes=Boxes(given, padded=True))
    assert np.isnan(hands.keypoints[[0, 2]]).all()
    assert not hands.scores[[0, 2]].any() and not hands.hand_scores[[0, 2]].any()
    np.testing.assert_allclose(points_of(hands)[1], SPOTS[0], atol=1.0)
    assert len(hands.as_people()) == 1


@pytest.mark.parametrize("make", makers())
def test_hands_at_the_edges_of_the_photo(make: Make) -> None:
    spots = [(4.0, 5.0), (495.0, 6.0), (6.0, 196.0), (494.0, 195.0)]
    given = np.array([(x - 25, y - 25, x + 25, y + 25) for x, y in spots], np.float32)
    hands = make()(photo_with_spots(*SIZE, *spots), boxes=Boxes(given))
    # What lies beyond the edge is black, so that a spot cut in half seems a bit farther in.
    # A cell of the maps is up to 25 pixels of these boxes.
    atol = 2.5 if isinstance(make().network, CropSpots) else 5.5
    np.testing.assert_allclose(points_of(hands), spots, atol=atol)


@pytest.mark.parametrize("make", makers())
def test_without_boxes_the_photo_is_one_hand(make: Make) -> None:
    hands = make()(photo_with_spots(80, 80, (45.0, 30.0)))
    np.testing.assert_allclose(points_of(hands), [(45, 30)], atol=1.5)
    np.testing.assert_allclose(hands.boxes, [[0, 0, 80, 80]], atol=1)


# --- Boxes from a body


def someone(canvas: tuple[int, int], *arms: tuple[str, tuple[float, float]]) -> People:
    """People of whom only the arms are seen: each hangs down to a wrist at (x, y)."""
    keypoints = np.full((len(arms), 17, 2), np.nan, np.float32)
    for row, (side, (x, y)) in enumerate(arms):
        for name, up in (("wrist", 0), ("elbow", 30), ("shoulder", 60)):
            keypoints[row, COCO17.index(f"{side}_{name}")] = x, y - up
    scores = np.where(np.isnan(keypoints[..., 0]), 0, 1).astype(np.float32)
    return People(keypoints, scores, np.ones(len(arms), np.float32), COCO17, canvas)


@pytest.mark.parametrize("make", makers())
def test_hands_of_a_body_say_whose_they_are(make: Make) -> None:
    calls: list[int] = []

    def body(photos: list[Image]) -> list[People]:
        calls.append(len(photos))
        return [
            someone(photo.shape[:2], ("left", (60, 100)), ("right", (160, 90))) for photo in photos
        ]

    # OpenPose's box: a third of a forearm beyond the wrist.
    photo = photo_with_spots(160, 260, (60, 110), (160, 100))
    estimator = make(body=body, mirror_left=True)
    hands = estimator(photo)
    np.testing.assert_allclose(points_of(hands), [(60, 110), (160, 100)], atol=1.0)
    assert hands.sides == ("left", "right")
    assert hands.persons.tolist() == [0, 1]
    assert hands.people is not None and len(hands.people) == 2
    assert [hand.side for hand in hands.of(1)] == ["right"]
    np.testing.assert_allclose(hands.boxes[:, 2] - hands.boxes[:, 0], 45, atol=1)
    # Photos with boxes of their own are not shown to the body; the others are, all at once.
    calls.clear()
    found = estimator([photo, photo, photo], boxes=[None, BOXES, None])
    assert calls == [2]
    assert [len(hands) for hands in found] == [2, 3, 2]


def test_a_detector_finds_the_boxes_and_its_answer_is_checked() -> None:
    photo = photo_with_spots(*SIZE, *SPOTS)
    estimator = HandEstimator(CropSpots(), detector=lambda image: boxes())
    assert len(estimator(photo)) == 3
    strange: Any = lambda image: BOXES  # noqa: E731
    with pytest.raises(TypeError, match="detector must give Boxes, got ndarray"):
        HandEstimator(CropSpots(), detector=strange)(photo)


# --- The flip test and the network's own wishes


def test_the_flip_test_averages_with_the_mirrored_crop_moved_by_a_cell() -> None:
    network = CropSpots()
    photo = photo_with_spots(*SIZE, *SPOTS)
    maps: list[Any] = []

    class Recorder(KeypointDecoder):
        def queue(self, heatmaps: Any, **settings: Any) -> Any:
            maps.append(np.array(heatmaps))
            return super().queue(heatmaps, **settings)

    HandEstimator(network, decoder=Recorder(HAND21))(photo, boxes=boxes())
    crops, mirrored = network.seen
    torch.testing.assert_close(mirrored, crops.flip(-1))
    with torch.no_grad():
        plain, flipped = network(crops), network(mirrored).flip(-1)
    flipped[..., 1:] = flipped[..., :-1].clone()
    np.testing.assert_allclose(maps[0], ((plain + flipped) / 2).numpy(), rtol=1e-6)


def test_maps_in_another_order_are_named_right() -> None:
    """Each finger from its tip, as the checkpoints of the Rendered Hand Pose data have it."""
    channels = (0, *(4 * finger + k for finger in range(5) for k in (4, 3, 2, 1)))

    class Ordered(CropSpots):
        def forward(self, x: Any) -> Any:
            # Map c is brighter by c.
            return super().forward(x) * torch.arange(1.0, 22.0).view(1, 21, 1, 1)

    runner = Runner(Ordered(), torch.device("cpu"), torch.float32)
    settings = Settings(1.25, True, False, False, channels)
    way = TopDown(runner, KeypointDecoder(HAND21), settings, batch_size=8)
    task = BoxTask(photo_with_spots(*SIZE, *SPOTS), boxes(), np.zeros(3, bool))
    (found,) = way([task])
    ratio = found.scores / found.scores[:, :1]
    np.testing.assert_allclose(ratio, np.tile(np.array(channels) + 1, (3, 1)), rtol=1e-4)


def test_udp_does_not_move_the_mirrored_maps() -> None:
    hands = HandEstimator(CropSpots(udp=True), udp=True, method="dark_udp")(
        photo_with_spots(*SIZE, *SPOTS), boxes=boxes()
    )
    np.testing.assert_allclose(points_of(hands), SPOTS, atol=1.5)


def test_a_network_of_right_hands_sees_left_ones_mirrored_and_no_flip_test() -> None:
    estimator = HandEstimator(HandUNet())
    assert estimator.mirror_left
    assert not HandEstimator(CropSpots()).mirror_left
    assert not HandEstimator(HandUNet(), mirror_left=False).mirror_left
    assert "mirror_left=True" in repr(estimator)


def test_the_decoder_follows_the_network() -> None:
    assert isinstance(HandEstimator(CropSpots()).decoder, KeypointDecoder)
    assert isinstance(HandEstimator(MapSpots()).decoder, HandMapDecoder)
    with pytest.raises(TypeError, match="no_such_setting"):
        HandEstimator(CropSpots(), no_such_setting=1)


def test_threads_may_share_an_estimator() -> None:
    torch.manual_seed(0)
    estimator = HandEstimator(HandUNet())
    photos = [photo_with_spots(*SIZE, *SPOTS[: 1 + i]) for i in range(3)]
    want = [estimator(photo, boxes=boxes()) for photo in photos]
    got: dict[tuple[int, int], Hands] = {}

    def work(thread: int) -> None:
        for i, photo in enumerate(photos):
            got[thread, i] = estimator(photo, boxes=boxes())

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 9
    for (_, i), hands in got.items():
        np.testing.assert_array_equal(hands.keypoints, want[i].keypoints)
        np.testing.assert_array_equal(hands.scores, want[i].scores)


# --- Errors


def build(model: Any = None, **settings: Any) -> Callable[[], HandEstimator]:
    return lambda: HandEstimator(CropSpots() if model is None else model, **settings)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (build(torch.nn.ReLU()), TypeError, "ReLU needs an attribute input_spec.*or crop_spec"),
        (build(CropSpots(17)), ValueError, "CropSpots gives 17 keypoints, HandEstimator needs"),
        (build(scales=(1, 2)), ValueError, "scales: for bottom-up networks only.*CropSpots"),
        (build(box=64), ValueError, "box: for bottom-up networks only"),
        (build(MapSpots(), flip_test=True), ValueError, "flip_test: for top-down networks only"),
        (build(MapSpots(), udp=False), ValueError, "udp: for top-down networks only"),
        (build(padding=0), ValueError, "padding must be greater than 0 and finite, got 0"),
        (build(padding=float("inf")), ValueError, "padding must be greater than 0 and finite"),
        (build(padding="wide"), TypeError, "padding must be a number, got 'wide'"),
        (build(mirror_left=1), TypeError, "mirror_left must be True, False or None, got 1"),
        (build(batch_size=0), ValueError, "batch_size must be at least 1"),
        (build(body=print, detector=print), ValueError, "give a body or a detector, got both"),
        (build(decoder=KeypointDecoder(HAND21), method="none"), ValueError, "got both"),
        (build(decoder=HandMapDecoder(HAND21)), TypeError, "a KeypointDecoder for CropSpots"),
        (build(MapSpots(), decoder=KeypointDecoder(HAND21)), TypeError, "a HandMapDecoder for Map"),
        (build("auto"), ValueError, "'auto': no network for the task hand ships with heatpose"),
    ],
)
def test_wrong_settings_are_refused_by_name(
    make: Callable[[], HandEstimator], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("images", "given", "error", "message"),
    [
        ([np.zeros((9, 9, 3), np.uint8)], BOXES, TypeError, "boxes must be a list, one entry"),
        ([np.zeros((9, 9, 3), np.uint8)] * 2, [BOXES], ValueError, "one entry for each photo"),
        ([np.zeros((9, 9, 3), np.uint8)], [BOXES] * 2, ValueError, "got 2 for 1"),
        (np.zeros((9, 9, 3), np.uint8), [[3, 3, 1, 5]], ValueError, "x2 > x1"),
        (np.zeros((9, 9, 3), np.uint8), [[3, 3, np.nan, 5]], ValueError, "finite"),
        (np.zeros((9, 9, 3), np.float32), BOXES, TypeError, "image must be uint8"),
    ],
)
def test_wrong_boxes_are_refused_by_name(
    images: Any, given: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        HandEstimator(CropSpots())(images, boxes=given)


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        ([], "got list of 0"),
        (3 * [People.empty(COCO17, (9, 9))], "got list of 3"),
        (People.empty(COCO17, (9, 9)), "got People"),
        ([1, 2], "people must be People"),
    ],
    ids=["none", "more", "no list", "not people"],
)
def test_the_answer_of_a_body_is_checked(answer: Any, got: str) -> None:
    estimator = HandEstimator(CropSpots(), body=lambda images: answer)
    with pytest.raises(TypeError, match=got):
        estimator([np.zeros((9, 9, 3), np.uint8)] * 2)


def test_a_network_that_answers_in_another_size_is_named() -> None:
    from dataclasses import replace

    network = CropSpots(crop_spec=replace(CropSpots.crop_spec, stride=8))
    with pytest.raises(ValueError, match=r"CropSpots must give maps of shape \(3, 21, 8, 8\)"):
        HandEstimator(network)(photo_with_spots(*SIZE, *SPOTS), boxes=boxes())
