"""Detectors of ONNX Runtime: letterbox, grid, suppression, both exports, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from onnx import TensorProto

from detector_models import (
    anchors,
    checked,
    constant_model,
    model_bytes,
    pixel_model,
    raw_grid,
)
from heatpose.detectors import RtmdetDetector, YoloxDetector
from heatpose.detectors.letterbox import letterbox

SIZE = (64, 96)
PHOTO = np.zeros((64, 96, 3), np.uint8)  # at ratio 1


def nms_model(dets: Any, labels: Any = None, **options: Any) -> bytes:
    """A model with suppression inside that answers with dets [N, 5], labels 0 by default."""
    rows = np.asarray(dets, np.float32).reshape(1, -1, 5)
    numbers = np.zeros(rows.shape[1], np.int64) if labels is None else np.asarray(labels, np.int64)
    return constant_model({"dets": rows, "labels": numbers[None]}, **options)


def photo(height: int, width: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def yolox(
    planted: Sequence[tuple[Sequence[float], int, dict[int, float]]], **options: Any
) -> YoloxDetector:
    return YoloxDetector(constant_model({"output": raw_grid(planted)}), **options)


def ratio_of(height: int, width: int, size: tuple[int, int] = SIZE) -> float:
    return min(size[0] / height, size[1] / width)


@pytest.mark.parametrize(
    ("height", "width"), [(64, 96), (427, 641), (97, 33), (1, 1), (3, 500), (500, 3), (1, 96)]
)
@pytest.mark.parametrize("stride", [8, 16, 32])
def test_a_planted_box_comes_back_at_its_place_in_the_photo(
    height: int, width: int, stride: int
) -> None:
    box = np.array([0.25 * width, 0.125 * height, 0.875 * width, 0.75 * height])
    ratio = ratio_of(height, width)
    detector = yolox([(box * ratio, stride, {0: 0.9})])
    found = detector(photo(height, width))
    np.testing.assert_allclose(found.boxes, box[None], rtol=2e-5, atol=2e-5 / ratio)
    np.testing.assert_allclose(found.scores, [0.9], rtol=1e-6)
    assert (found.sides, found.persons.tolist(), found.padded) == ((None,), [-1], False)
    same = YoloxDetector(nms_model([[*(box * ratio), 0.9]]))(photo(height, width))
    np.testing.assert_allclose(same.boxes, found.boxes, rtol=1e-4, atol=1e-4 / ratio)


@pytest.mark.parametrize(("height", "width"), [(97, 211), (211, 97), (400, 600), (40, 30)])
def test_the_letterbox_puts_the_photo_top_left(height: int, width: int) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    y1, y2, x1, x2 = height // 4, height // 2, width // 3, 2 * width // 3
    image[y1:y2, x1:x2] = 255
    canvas, ratio = letterbox(image, (416, 416))
    assert ratio == ratio_of(height, width, (416, 416))
    assert canvas.shape == (416, 416, 3)
    rows, columns = np.nonzero(canvas[..., 1] > 127)
    rows, columns = rows[columns < width * ratio], columns[columns < width * ratio]
    bright = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    np.testing.assert_allclose(bright, np.array([x1, y1, x2, y2]) * ratio, atol=1)
    inner = canvas[: int(height * ratio), : int(width * ratio)]
    assert set(np.unique(inner[[0, -1]])) == {0}
    assert (canvas[int(np.ceil(height * ratio)) :] == 114).all()
    assert (canvas[:, int(np.ceil(width * ratio)) :] == 114).all()


def test_the_longer_side_fills_the_canvas_at_every_size() -> None:
    for side in range(1, 700):
        canvas, _ = letterbox(np.zeros((1, side, 3), np.uint8), (32, 416))
        filled = (canvas[0] == 0).all(axis=1)
        assert filled[: min(416, 32 * side)].all()
        assert filled.sum() == min(416, 32 * side)


def test_yolox_is_fed_raw_bgr_on_grey() -> None:
    pixels = [(0, 5, 5), (1, 5, 5), (2, 5, 5), (0, 63, 95), (2, 40, 0)]
    image = np.full((20, 60, 3), (200, 30, 90), np.uint8)  # 60 to 96: a canvas row of 32
    found = YoloxDetector(checked(pixel_model(pixels, SIZE)), score_threshold=0)(image)
    np.testing.assert_array_equal(found.scores, [200, 114, 114, 90, 30])  # best first


def test_rtmdet_is_fed_bgr_less_mean_over_deviation() -> None:
    pixels = [(0, 5, 5), (1, 5, 5), (2, 5, 5), (2, 63, 95)]
    image = np.full((20, 60, 3), (200, 150, 250), np.uint8)
    found = RtmdetDetector(pixel_model(pixels, SIZE), score_threshold=0)(image)
    want = [(200 - 103.53) / 57.375, (150 - 116.28) / 57.12, (250 - 123.675) / 58.395]
    np.testing.assert_allclose(found.scores, sorted(want, reverse=True), rtol=1e-5)  # pad is < 0


def test_of_overlapping_boxes_the_best_stays() -> None:
    planted = [
        ([10, 10, 50, 50], 8, {0: 0.6}),
        ([12, 10, 52, 50], 16, {0: 0.8}),  # overlaps both others by 0.90 and 0.45
        ([30, 10, 70, 50], 32, {0: 0.5}),
    ]
    found = yolox(planted)(PHOTO)
    np.testing.assert_allclose(found.boxes, [[12, 10, 52, 50], [30, 10, 70, 50]], atol=1e-4)
    np.testing.assert_allclose(found.scores, [0.8, 0.5], rtol=1e-6)
    assert len(yolox(planted, iou_threshold=0.2)(PHOTO)) == 1
    all_of_them = yolox(planted, iou_threshold=1)(PHOTO)
    np.testing.assert_allclose(all_of_them.scores, [0.8, 0.6, 0.5], rtol=1e-6)


def test_classes_are_kept_apart() -> None:
    planted = [
        ([10, 10, 50, 50], 8, {0: 0.4, 2: 0.45}),
        ([12, 10, 52, 50], 16, {2: 0.8, 3: 0.9}),
    ]
    np.testing.assert_allclose(yolox(planted)(PHOTO).scores, [0.4], rtol=1e-6)
    found = yolox(planted, classes=(2, 0))(PHOTO)
    np.testing.assert_allclose(found.scores, [0.8, 0.4], rtol=1e-6)
    np.testing.assert_allclose(found.boxes[:, 0], [12, 10], atol=1e-4)
    assert len(yolox(planted, classes=[7])(PHOTO)) == 0
    rows = [[0, 0, 8, 8, 0.9], [8, 8, 16, 16, 0.8], [1, 1, 9, 9, 0.7]]
    kept = YoloxDetector(nms_model(rows, [1, 0, 2]), classes=(0, 2))(PHOTO)
    np.testing.assert_allclose(kept.scores, [0.8, 0.7])


@pytest.mark.parametrize("kind", ["raw", "nms"])
def test_scores_must_exceed_the_threshold(kind: str) -> None:
    rows = [([0, 0, 8, 8], 0.25), ([40, 0, 60, 8], 0.5), ([0, 40, 8, 60], 0.75)]

    def detector(**options: Any) -> YoloxDetector:
        if kind == "raw":
            return yolox([(box, 8, {0: score}) for box, score in rows], **options)
        return YoloxDetector(nms_model([[*box, score] for box, score in rows]), **options)

    assert detector()(PHOTO).scores.tolist() == [0.75, 0.5]  # the default is 0.3
    assert detector(score_threshold=0)(PHOTO).scores.tolist() == [0.75, 0.5, 0.25]
    assert detector(score_threshold=0.5)(PHOTO).scores.tolist() == [0.75]
    assert len(detector(score_threshold=1)(PHOTO)) == 0


def test_no_box_at_all() -> None:
    for detector in (
        YoloxDetector(nms_model([], declared={"dets": (1, "n", 5), "labels": (1, "n")})),
        RtmdetDetector(nms_model([])),
        yolox([]),
    ):
        found = detector(PHOTO)
        assert len(found) == 0
        assert found.boxes.shape == (0, 4)


def test_boxes_are_clipped_and_those_outside_are_dropped() -> None:
    rows = [
        [-5, -5, 200, 200, 0.9],  # more than everything
        [90, 10, 100, 20, 0.8],  # over the right edge of the photo
        [10, 33, 20, 40, 0.7],  # in the padding below the photo
        [-9, 0, 0, 9, 0.6],  # ends on the left edge
        [5, 5, 5, 9, 0.5],  # no width
        [0, 31, 96, 60, 0.4],  # one row of the photo
    ]
    found = RtmdetDetector(nms_model(rows))(photo(128, 384))  # a quarter: 32 rows of canvas
    want = [[0, 0, 384, 128], [360, 40, 384, 80], [0, 124, 384, 128]]
    np.testing.assert_allclose(found.boxes, want)
    np.testing.assert_allclose(found.scores, [0.9, 0.8, 0.4])


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_numbers_without_end_make_no_box(value: float) -> None:
    raw = raw_grid([([10, 10, 50, 50], 8, {0: 0.5}), ([60, 10, 90, 50], 8, {0: 0.6})])
    raw[0, raw[0, :, 4].argmax(), 2] = value
    found = YoloxDetector(constant_model({"output": raw}))(PHOTO)
    np.testing.assert_allclose(found.boxes, [[60, 10, 90, 50]], atol=1e-4)
    rows = [[value, 0, 9, 9, 0.5], [0, 0, 9, 9, value], [0, 0, 9, 9, 0.4]]
    if not np.isfinite(value):
        assert RtmdetDetector(nms_model(rows))(PHOTO).scores.tolist() == [np.float32(0.4)]


def test_boxes_of_one_score_keep_their_order() -> None:
    rows = [[8 * i, 0, 8 * i + 8, 8, 0.5] for i in range(8)]
    found = YoloxDetector(nms_model(rows))(PHOTO)
    assert found.boxes[:, 0].tolist() == [0, 8, 16, 24, 32, 40, 48, 56]


@pytest.mark.parametrize(
    ("size", "input_size"), [(None, (640, 640)), (320, (320, 320)), ((64, 96), (64, 96))]
)
def test_the_size_of_an_open_input_is_chosen(size: Any, input_size: tuple[int, int]) -> None:
    raw = raw_grid([([16, 8, 40, 48], 16, {0: 0.5})], input_size, classes=1)
    model = constant_model(
        {"output": raw},
        declared={"output": ("batch", "anchors", "columns")},
        shape=("batch", 3, "height", "width"),
    )
    detector = YoloxDetector(checked(model), size=size)
    assert detector.size == input_size
    found = detector(np.zeros((*input_size, 3), np.uint8))
    np.testing.assert_allclose(found.boxes, [[16, 8, 40, 48]], atol=1e-4)
    open_hand = nms_model([[0, 0, 8, 8, 1]], shape=(1, 3, None, None))
    assert RtmdetDetector(open_hand).size == (320, 320)


def test_a_fixed_size_cannot_be_changed() -> None:
    assert yolox([], size=(64, 96)).size == (64, 96)
    with pytest.raises(ValueError, match=r"size must be \(64, 96\), which the model fixes"):
        yolox([], size=96)


def test_threads_share_a_detector_and_get_the_same() -> None:
    detector = yolox([([10, 10, 50, 50], 8, {0: 0.6})], threads=1)
    images = [photo(50 + i, 70 - i) for i in range(16)]
    alone = [detector(image).boxes for image in images]
    with ThreadPoolExecutor(4) as pool:
        for one, found in zip(alone, pool.map(detector, images), strict=True):
            np.testing.assert_array_equal(found.boxes, one)


def test_a_file_is_as_good_as_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "détecteur.model"
    path.write_bytes(nms_model([[0, 0, 8, 8, 0.5]]))
    for given in (path, str(path)):
        detector = RtmdetDetector(given)
        assert len(detector(PHOTO)) == 1
    assert "détecteur" in repr(detector)
    assert "size=(64, 96)" in repr(detector)


def registry(monkeypatch: pytest.MonkeyPatch, path: Path, architecture: str) -> list[str]:
    fetched: list[str] = []

    def fetch(name: str) -> Path:
        fetched.append(name)
        return path

    def find_model(name: str) -> Any:
        return SimpleNamespace(architecture=architecture)

    module = SimpleNamespace(fetch=fetch, find_model=find_model)
    monkeypatch.setitem(sys.modules, "heatpose.weights", module)
    return fetched


def test_a_name_is_asked_of_the_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "end2end.onnx"
    path.write_bytes(nms_model([[0, 0, 8, 8, 0.5]]))
    fetched = registry(monkeypatch, path, "yolox")
    assert len(YoloxDetector("megvii-yolox_nano")(PHOTO)) == 1
    assert fetched == ["megvii-yolox_nano"]
    with pytest.raises(ValueError, match="'megvii-yolox_nano' is of architecture 'yolox', not"):
        RtmdetDetector("megvii-yolox_nano")
    for missing in ("yolox.onnx", "models/yolox", path.with_name("other"), ""):
        with pytest.raises(FileNotFoundError, match="model: "):
            YoloxDetector(missing)
    with pytest.raises(FileNotFoundError, match="is a folder"):
        YoloxDetector(tmp_path)
    assert fetched == ["megvii-yolox_nano"]


def test_a_file_wins_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "megvii-yolox_nano").write_bytes(nms_model([]))
    monkeypatch.chdir(tmp_path)
    fetched = registry(monkeypatch, tmp_path, "yolox")
    assert len(YoloxDetector("megvii-yolox_nano")(PHOTO)) == 0
    assert fetched == []


def test_without_onnxruntime_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"pip install 'heatpose\[detect\]'"):
        YoloxDetector("megvii-yolox_nano")


RAW = np.zeros((1, anchors(SIZE), 85), np.float32)
DETS, LABELS = np.zeros((1, 2, 5), np.float32), np.zeros((1, 2), np.int64)
TWO_INPUTS = model_bytes(
    [], {"output": RAW}, {"output": (TensorProto.FLOAT, RAW.shape)}, inputs=("images", "sizes")
)
INTEGERS = constant_model({"output": RAW}, element=TensorProto.UINT8)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (b"", "the model is not an ONNX model that can be opened"),
        (b"no model", "the model is not an ONNX model that can be opened"),
        (nms_model([])[:-40], "the model is not an ONNX model that can be opened"),
        (TWO_INPUTS, r"one input, float \[1, 3, h, w\], got images float \[1, 3, 64, 96\], sizes"),
        (INTEGERS, r"one input, float \[1, 3, h, w\], got images uint8 \[1, 3, 64, 96\]"),
        (constant_model({"output": RAW}, shape=(1, 1, 64, 96)), r"one input, .* \[1, 1, 64, 96\]"),
        (constant_model({"output": RAW}, shape=(2, 3, 64, 96)), r"one input, .* \[2, 3, 64, 96\]"),
        (constant_model({"output": RAW}, shape=(1, 64, 96)), r"one input, .* \[1, 64, 96\]"),
        (constant_model({"output": RAW[:, 1:]}), r"\[1, 126, 5 \+ C\].*output float \[1, 125, 85"),
        (constant_model({"output": RAW[..., :5]}), r"\[1, 126, 5 \+ C\] .* \[1, 126, 5\]"),
        (constant_model({"output": RAW[0]}), r"\[1, 126, 5 \+ C\].*output float \[126, 85\]"),
        (constant_model({"dets": DETS, "labels": LABELS[0]}), r"labels \[1, N\]; .* int64 \[2\]"),
        (constant_model({"labels": LABELS, "dets": DETS}), r"dets \[1, N, 5\] and .* int64 \[1, 2"),
    ],
)
def test_other_models_are_refused(model: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        YoloxDetector(model)


def test_a_model_without_suppression_is_no_rtmdet() -> None:
    with pytest.raises(ValueError, match=r"RTMDet .*, got output float \[1, 126, 85\]"):
        RtmdetDetector(constant_model({"output": RAW}))


@pytest.mark.parametrize(
    ("outputs", "declared", "message"),
    [
        (
            {"output": RAW[:, 1:]},
            (1, "a", "b"),
            r"must give \[1, 126, 5 \+ C\], got \[1, 125, 85\]",
        ),
        ({"output": RAW[..., :5]}, (1, "a", "b"), r"must give .* got \[1, 126, 5\]"),
        ({"output": RAW[..., :8]}, (1, "a", "b"), r"classes must be 0\.\.2 with the model"),
        ({"dets": DETS[..., :4], "labels": LABELS}, (1, "a", "b"), r"got \[1, 2, 4\] and \[1, 2\]"),
        ({"dets": DETS, "labels": LABELS[:, 1:]}, (1, "a", "b"), r"got \[1, 2, 5\] and \[1, 1\]"),
    ],
)
def test_outputs_of_undeclared_shape_are_checked_at_the_run(
    outputs: dict[str, Any], declared: Sequence[Any], message: str
) -> None:
    shapes = {name: declared[: value.ndim] for name, value in outputs.items()}
    detector = YoloxDetector(constant_model(outputs, declared=shapes), classes=(0, 7))
    with pytest.raises(ValueError, match=message):
        detector(PHOTO)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"score_threshold": 1.5}, ValueError, r"score_threshold must be 0\.\.1, got 1.5"),
        ({"score_threshold": np.nan}, ValueError, "score_threshold must be"),
        ({"score_threshold": "high"}, TypeError, "score_threshold must be a number"),
        ({"iou_threshold": -0.1}, ValueError, "iou_threshold must be"),
        ({"classes": ()}, ValueError, "classes must be"),
        ({"classes": (-1,)}, ValueError, "classes must be"),
        ({"classes": (80,)}, ValueError, r"classes must be 0\.\.79 with the model, got \(80,\)"),
        ({"classes": "person"}, TypeError, "classes must be whole numbers, got 'person'"),
        ({"classes": (0.5,)}, TypeError, "classes must be whole numbers"),
        ({"size": 100}, ValueError, "size must be multiples of 32, got 100"),
        ({"size": (64, 96, 3)}, TypeError, "size must be"),
        ({"threads": 0}, ValueError, "threads must be at least 1"),
        ({"threads": 1.5}, TypeError, "threads must be a whole number"),
        ({"providers": ["NoSuchProvider"]}, ValueError, "providers must be of .*, got NoSuchProv"),
        ({"providers": []}, ValueError, "providers must be of .*CPUExecutionProvider.*, got none"),
        ({"providers": "CPUExecutionProvider"}, TypeError, "providers must be a list"),
    ],
)
def test_wrong_settings_are_named(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        yolox([], **options)


@pytest.mark.parametrize(
    ("image", "error"),
    [
        ("photo.jpg", TypeError),
        (np.zeros((4, 4, 3), np.float32), TypeError),
        (np.zeros((4, 4), np.uint8), ValueError),
        (np.zeros((0, 4, 3), np.uint8), ValueError),
    ],
)
def test_only_colour_photos_are_taken(image: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="image must be"):
        yolox([])(image)


def test_a_model_is_a_path_a_name_or_bytes() -> None:
    with pytest.raises(TypeError, match=r"model must be a path, a name .* got int"):
        YoloxDetector(3)  # type: ignore[arg-type]


def test_views_of_a_photo_are_taken() -> None:
    image = photo(40, 60)
    detector = YoloxDetector(pixel_model([(0, 0, 0), (1, 30, 50)], SIZE), score_threshold=0)
    flipped = np.ascontiguousarray(image[:, ::-1])
    np.testing.assert_array_equal(detector(image[:, ::-1]).scores, detector(flipped).scores)
