"""In place of PaddleHub's modules: classes, functions and dictionaries equal to their own way."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from adapter_table import Crowds
from heatpose.adapters import pytorch_openpose
from heatpose.adapters.paddlehub import (
    BodyPoseModel,
    HandPoseModel,
    Module,
    decode_body,
    decode_hand,
)
from heatpose.adapters.paddlehub import processor as P
from openpose_support import (
    CANVAS,
    CELLS,
    Painted,
    compare_crowds,
    few_people,
    hand_maps,
    load_programs,
)

programs = load_programs()
PROGRAM = programs.Program(added_norm=True)
RNG = np.random.default_rng(5)


def assert_same(found: tuple[Any, Any], wanted: tuple[Any, Any]) -> None:
    for got, want in zip(found, wanted, strict=True):
        assert got.dtype == np.float64
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)


def by_classes(heatmaps: Any, pafs: Any, size: tuple[int, int]) -> tuple[Any, Any]:
    """The way of the module's ``predict`` from the network's outputs on."""
    padded, pad = (8 * heatmaps.shape[1], 8 * heatmaps.shape[2]), [0, 0, 0, 0]
    remove = P.RemovePadding()
    heat, fields = (remove(maps[None], padded, size, pad) for maps in (heatmaps, pafs))
    assert heat.shape == (*size, 19) and fields.shape == (*size, 38)
    peaks = P.GetPeak()(heat)
    assert len(peaks) == 18
    connections, special = P.Connection()(peaks, fields, size)
    return P.Candidate()(peaks, connections, special)


def test_crowds_are_decoded_as_by_the_module() -> None:
    row = Crowds("paddlehub", "the modules' way, in NumPy and SciPy")

    def decode(heatmaps: Any, pafs: Any) -> tuple[Any, Any]:
        found = decode_body(heatmaps, pafs, CANVAS)
        if len(found[1]) < 12:
            assert_same(by_classes(heatmaps, pafs, CANVAS), found)
        return found

    compare_crowds(row, decode, programs, PROGRAM)


def test_the_classes_give_their_tables() -> None:
    heatmaps, pafs = few_people()
    heatmaps[3] = 0  # no right elbow
    heat, fields = (
        programs.enlarge(programs.Program(), maps, (184, 248), CANVAS) for maps in (heatmaps, pafs)
    )
    peaks = P.GetPeak()(heat)
    for got, want in zip(peaks, programs.find_peaks(heat), strict=True):
        assert [(x, y, number) for x, y, _, number in got] == [(p[0], p[1], p[3]) for p in want]
        np.testing.assert_allclose([p[2] for p in got], [p[2] for p in want], rtol=1e-6)
    connections, special = P.Connection()(peaks, fields, CANVAS)
    wanted = programs.connect(PROGRAM, peaks, fields, CANVAS[0])
    assert special == [2, 3] == [k for k, rows in enumerate(wanted) if rows is None]
    for got, want in zip(connections, wanted, strict=True):
        if want is None:
            assert got == []
        else:
            assert got.shape == want.shape and got.dtype == np.float64
            np.testing.assert_allclose(got, want, atol=1e-5)
    # One limb, all accepted pairs: the best of them are the connections.
    limb = fields[:, :, [12, 13]]
    pairs = P.CalculateVector()(peaks[1], peaks[2], len(peaks[1]), len(peaks[2]), limb, CANVAS)
    best = max(pairs, key=lambda pair: pair[2])
    assert [best[0], best[1]] == connections[0][0][3:].tolist()
    np.testing.assert_allclose(best[2], connections[0][0][2], atol=1e-5)
    np.testing.assert_allclose(best[3], best[2] + peaks[1][best[0]][2] + peaks[2][best[1]][2])


def test_limbs_of_ones_own() -> None:
    heatmaps, pafs = few_people()
    heat, fields = (
        programs.enlarge(programs.Program(), maps, (184, 248), CANVAS) for maps in (heatmaps, pafs)
    )
    peaks = P.GetPeak()(heat)
    arm = {"mapIdx": [[33, 34], [35, 36]], "limbSeq": [[3, 4], [4, 5]]}
    connections, special = P.Connection(**arm)(peaks, fields, CANVAS)
    everything, _ = P.Connection()(peaks, fields, CANVAS)
    assert special == [] and len(connections) == 2
    for got, want in zip(connections, everything[2:4], strict=True):
        np.testing.assert_array_equal(got, want)
    _, subset = P.Candidate(**arm)(peaks, connections, special)
    assert len(subset) == 0  # three parts are too few


def test_a_third_match_is_left_out() -> None:
    peaks: P.AllPeaks = [[] for _ in range(18)]
    number = 0
    for part, count in ((1, 3), (2, 3), (5, 1), (6, 1)):
        peaks[part] = [(10 * i, 10 * part, 1.0, number + i) for i in range(count)]
        number += count
    connections = [np.zeros((0, 5)) for _ in range(19)]
    connections[0] = np.array([[i, 3 + i, 1.0, i, i] for i in range(3)])
    # One left shoulder for three necks: the second one's, then the first one's too, then nobody's.
    connections[1] = np.array([[i, 6, 1.0, i, 0] for i in (1, 0, 2)])
    connections[4] = np.array([[6, 7, 1.0, 0, 0]])
    with pytest.raises(programs.ThirdMatchError):
        programs.assemble(peaks, connections)
    candidate, subset = P.Candidate()(peaks, connections, [])
    assert candidate.shape == (8, 4)
    person = -np.ones(20)
    person[[1, 2, 5, 6]] = 0, 3, 6, 7
    person[18:] = 4 + 3, 4
    np.testing.assert_array_equal(subset, [person])


@pytest.mark.parametrize("kind", ["nobody", "another height"])
def test_edges_of_the_classes(kind: str) -> None:
    empty = np.zeros((*CANVAS, 19))
    peaks = P.GetPeak()(empty)
    assert peaks == [[] for _ in range(18)]
    fields = np.zeros((*CANVAS, 38))
    if kind == "another height":
        with pytest.raises(ValueError, match="240 rows, got 100"):
            P.Connection()(peaks, fields[:100], CANVAS)
        with pytest.raises(ValueError, match="240 rows, got 100"):
            P.CalculateVector()([], [], 0, 0, fields[:100, :, :2], CANVAS)
    else:
        connections, special = P.Connection()(peaks, fields, CANVAS)
        assert special == list(range(19)) and connections == [[]] * 19
        candidate, subset = P.Candidate()(peaks, connections, special)
        assert candidate.shape == (0,) and subset.shape == (0, 20)


def test_more_peaks_than_there_is_room_for() -> None:
    heat = np.zeros((120, 120, 19))
    heat[4::8, 4::8, 0] = 300.0
    assert len(P.GetPeak()(heat)[0]) == 225


def test_pictures_are_resized_and_padded() -> None:
    photo = RNG.integers(0, 255, (100, 131, 3), dtype=np.uint8)
    resized = P.ResizeScaling()(photo, 0.5)
    assert resized.shape == (184, 241, 3)
    padded, pad = P.PadDownRight()(resized)
    assert padded.shape == (184, 248, 3) and pad == [0, 0, 0, 7]
    maps = RNG.normal(size=(1, 5, 23, 31)).astype(np.float32)
    large = P.RemovePadding()(maps, padded, photo, pad)
    wanted = programs.enlarge(programs.Program(), maps[0], (184, 241), (100, 131))
    np.testing.assert_allclose(large, wanted, atol=1e-5)


def test_hand_boxes_with_another_ratio() -> None:
    heatmaps, pafs = few_people()
    people = decode_body(heatmaps, pafs, CANVAS)
    boxes = P.HandDetect()(*people, CANVAS)
    assert boxes == pytorch_openpose.util.handDetect(*people, CANVAS)
    assert boxes and P.HandDetect(ratioWristElbow=0.6)(*people, CANVAS) != boxes
    with pytest.raises(ValueError, match="beyond_wrist must be finite"):
        P.HandDetect(float("nan"))(*people, CANVAS)


def test_bodies_and_hands_are_drawn() -> None:
    heatmaps, pafs = few_people()
    people = decode_body(heatmaps, pafs, CANVAS)
    photo = np.full((*CANVAS, 3), 90, np.uint8)
    thin, thick = (P.DrawPose(width)(photo, *people) for width in (2, 8))
    assert (thin != photo).any(axis=2).sum() < (thick != photo).any(axis=2).sum()
    np.testing.assert_array_equal(
        P.DrawPose()(photo, *people), pytorch_openpose.util.draw_bodypose(photo, *people)
    )
    hand = RNG.integers(20, 80, (21, 2))
    assert (P.DrawHandPose(show_number=True)(photo, [hand]) != photo).any()


def test_base64_there_and_back(tmp_path: Path) -> None:
    picture = np.full((20, 30, 3), 77, np.uint8)
    back = P.base64_to_cv2(P.cv2_to_base64(picture))
    assert np.abs(back.astype(int) - 77).max() <= 2
    with pytest.raises(ValueError):
        P.base64_to_cv2(base64.b64encode(b"no picture").decode())
    P.check_dir(str(tmp_path / "a" / "b"))
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(FileExistsError):
        P.check_dir(str(file))
    assert file.read_text() == "mine"


def test_hands_are_decoded_as_by_the_module() -> None:
    maps = [hand_maps(cells, 3) for cells in (6, 12)]
    wanted = programs.decode_hand(PROGRAM, maps, (90, 95))
    np.testing.assert_array_equal(decode_hand(maps, (90, 95)), wanted)


# ---- the modules -------------------------------------------------------------------------------


@pytest.fixture
def body() -> BodyPoseModel:
    return BodyPoseModel(Painted(38, 19))


def test_a_body_is_predicted(body: BodyPoseModel, tmp_path: Path) -> None:
    photo = RNG.integers(0, 255, (*CANVAS, 3), dtype=np.uint8)
    found = body.predict(photo, save_path=str(tmp_path / "bodies"))
    assert list(found) == ["candidate", "subset", "data"]
    (given,) = body.model.seen  # type: ignore[union-attr]
    assert given.shape == (1, 3, 184, 248)
    resized, _ = P.PadDownRight()(P.ResizeScaling()(photo, 0.5))
    want = resized.transpose(2, 0, 1) / 255 - 0.5
    assert np.abs(given[0].numpy() - want).max() <= 1 / 255 + 1e-6
    assert np.abs(given[0].numpy() - want).mean() < 1e-3  # x / 256 would be further off
    heatmaps, pafs = few_people(cells=CELLS)
    assert_same(
        (found["candidate"], found["subset"]),
        decode_body(heatmaps, pafs, photo, pads=[0, 0, 0, 3]),
    )
    (saved,) = (tmp_path / "bodies").iterdir()
    assert saved.suffix == ".png" and float(saved.stem) > 1e9
    np.testing.assert_array_equal(cv2.imread(str(saved)), found["data"])


def test_a_photo_is_read_from_a_file(
    body: BodyPoseModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    photo = RNG.integers(0, 255, (*CANVAS, 3), dtype=np.uint8)
    cv2.imwrite("photo.png", photo)
    found = body.predict("photo.png", visualization=False)
    np.testing.assert_array_equal(found["subset"], body.predict(photo)["subset"])
    assert [path.name for path in (tmp_path / "openpose_body").iterdir()]
    with pytest.raises(FileNotFoundError):
        body.predict("none.png")


@pytest.mark.parametrize("as_written", [False, True])
def test_hands_are_predicted(body: BodyPoseModel, as_written: bool, tmp_path: Path) -> None:
    module = Module(
        "openpose_hands_estimation", Painted(22), body_model=body, as_written=as_written
    )
    assert isinstance(module, HandPoseModel)
    photo = RNG.integers(0, 255, (*CANVAS, 3), dtype=np.uint8)
    found = module.predict(photo, save_path=str(tmp_path / "hands"), scale=[0.25, 0.5])
    people = body.predict(photo, visualization=False)
    boxes = P.HandDetect()(people["candidate"], people["subset"], photo)
    assert len(found["all_hand_peaks"]) == len(boxes) > 1
    for (x, y, width, _), peaks in zip(boxes, found["all_hand_peaks"], strict=True):
        assert peaks.shape == (21, 2) and peaks.dtype == np.int64
        local = module.hand_estimation(photo[y : y + width, x : x + width], [0.25, 0.5])
        missing = ~local.any(axis=1)
        assert missing[5:8].all()
        shift = np.where(local != 0, (x, y), 0) if as_written else (x, y)
        want = np.where(missing[:, None], 0, local + shift)
        np.testing.assert_array_equal(peaks, want)
    assert found["data"].shape == photo.shape
    assert len(list((tmp_path / "hands").iterdir())) == 1


def test_a_point_on_the_edge_of_its_crop_keeps_its_shift(
    body: BodyPoseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = np.array([[0, 9], [7, 0], [0, 0], *[[5, 6]] * 18])
    photo = np.zeros((*CANVAS, 3), np.uint8)
    found = {}
    for as_written in (False, True):
        module = HandPoseModel(Painted(22), body_model=body, as_written=as_written)
        monkeypatch.setattr(module, "hand_estimation", lambda crop, scale: places)
        found[as_written] = module.predict(photo, visualization=False)["all_hand_peaks"][0]
    difference = found[False] - found[True]
    assert difference[0, 0] > 0 and difference[1, 1] > 0
    assert not difference[2:].any() and not found[False][2].any()


def test_an_answer_for_json(body: BodyPoseModel) -> None:
    photo = np.zeros((*CANVAS, 3), np.uint8)
    sent = P.cv2_to_base64(photo)
    answer = body.serving_method([sent, "ignored"], visualization=False)
    assert len(answer["subset"]) == 3 and len(answer["subset"][0]) == 20
    assert P.base64_to_cv2(answer["data"]).shape == photo.shape
    hands = HandPoseModel(Painted(22), body_model=body)
    answer = hands.serving_method([sent], visualization=False, scale=[0.25])
    assert len(answer["all_hand_peaks"][0]) == 21


def test_a_module_of_another_name_or_without_weights() -> None:
    with pytest.raises(ValueError, match="openpose_body_estimation or openpose_hands_estimation"):
        Module("hand_pose")
    with pytest.raises(ValueError, match=r"openpose_body\.pdparams"):
        Module("openpose_body_estimation")
    with pytest.raises(ValueError, match=r"openpose_hand\.pdparams"):
        Module("openpose_hands_estimation")


def test_importing_it_loads_no_torch() -> None:
    code = "import sys, heatpose.adapters.paddlehub; print({'torch', 'paddle'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
