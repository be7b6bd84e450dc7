"""In place of pytorch-openpose: equal to the program's own way, and its types and shapes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from adapter_crowds import crowds
from adapter_table import Crowds
from heatpose import demo
from heatpose.adapters import openpose_networks, openpose_python
from heatpose.adapters.pytorch_openpose import Body, Hand, decode_body, decode_hand, util
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
RNG = np.random.default_rng(5)


def assert_same(found: tuple[Any, Any], wanted: tuple[Any, Any]) -> None:
    for got, want in zip(found, wanted, strict=True):
        assert got.dtype == np.float64
        assert got.shape == want.shape
        whole = [0, 1, 3] if want.ndim == 2 and want.shape[1] == 4 else [*range(18), 19]
        if want.size:
            np.testing.assert_array_equal(got[:, whole], want[:, whole])
            np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)


def test_crowds_are_decoded_as_by_the_program() -> None:
    row = Crowds("pytorch_openpose", "the program's way, in NumPy and SciPy")
    compare_crowds(row, lambda *maps: decode_body(*maps, CANVAS), programs, programs.Program())


@pytest.mark.parametrize("as_written", [False, True])
def test_several_scales_with_padding(as_written: bool) -> None:
    cells = [(16, 21), (23, 31), (32, 42)]
    pads = [(0, 0, 3, 7), (0, 0, 0, 0), (0, 0, 6, 1)]
    maps = [few_people(cells=one) for one in cells]
    heatmaps, pafs = ([one[i] for one in maps] for i in (0, 1))
    contents = [(8 * h - p[2], 8 * w - p[3]) for (h, w), p in zip(cells, pads, strict=True)]
    program = programs.Program(as_written=as_written)
    wanted = programs.decode_body(program, heatmaps, pafs, CANVAS, contents)
    assert len(wanted[1]) >= 2
    found = decode_body(heatmaps, pafs, CANVAS, pads=pads, as_written=as_written)
    assert_same(found, wanted)


def test_the_sum_as_written_doubles_earlier_scales() -> None:
    # With one scale there is nothing to double.
    heatmaps, pafs = few_people()
    mean, written = (decode_body(heatmaps, pafs, CANVAS, as_written=w) for w in (False, True))
    assert_same(written, mean)
    scores = [decode_body([0.3 * heatmaps] * 3, [pafs] * 3, CANVAS, as_written=w) for w in (0, 1)]
    np.testing.assert_allclose(scores[1][0][:, 2], 7 / 3 * scores[0][0][:, 2], rtol=1e-5)


def test_nobody_has_the_empty_shapes_of_the_program() -> None:
    candidate, subset = decode_body(np.zeros((19, *CELLS)), np.zeros((38, *CELLS)), CANVAS)
    assert candidate.shape == (0,) and candidate.dtype == np.float64
    assert subset.shape == (0, 20) and subset.dtype == np.float64
    assert util.handDetect(candidate, subset, np.zeros((9, 9, 3), np.uint8)) == []
    canvas = np.full((9, 9, 3), 7, np.uint8)
    np.testing.assert_array_equal(util.draw_bodypose(canvas, candidate, subset), canvas)


def test_no_peak_is_left_out_however_many_there_are() -> None:
    heatmaps = np.zeros((19, 60, 60), np.float32)
    heatmaps[0, 1::4, 1::4] = 0.9
    candidate, subset = decode_body(heatmaps, np.zeros((38, 60, 60)), (480, 480))
    strong = candidate[candidate[:, 2] > 0.5]
    dots = [[8 * x + 4, 8 * y + 4] for y in range(1, 60, 4) for x in range(1, 60, 4)]
    assert len(candidate) >= len(dots) == 225
    for place in dots:  # a dot may be two pixels of one height
        assert (np.abs(strong[:, :2] - place).max(axis=1) <= 1).any()
    assert np.array_equal(candidate[:, 3], np.arange(len(candidate)))
    assert len(subset) == 0


def test_no_person_is_left_out_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    heatmaps, pafs, _ = demo.planted_crowd(8, cells=(46, 82), canvas=(360, 640), seed=2)
    wanted = decode_body(heatmaps, pafs, (360, 640))
    monkeypatch.setattr(openpose_python, "_ROOM", 2)
    assert len(wanted[1]) >= 7
    assert_same(decode_body(heatmaps, pafs, (360, 640)), wanted)


def test_a_peak_in_two_people_only_where_the_program_has_it() -> None:
    shared = {True: 0, False: 0}
    for _, heatmaps, pafs in crowds(24):
        for classic in shared:
            _, subset = decode_body(heatmaps, pafs, CANVAS, classic=classic)
            ids = subset[:, :18][subset[:, :18] >= 0]
            shared[classic] += len(ids) - len(np.unique(ids))
    assert shared[False] == 0
    assert shared[True] > 0


@pytest.mark.parametrize("kind", ["tensor", "float16", "float64", "requires grad", "no background"])
def test_kinds_of_maps(kind: str) -> None:
    heatmaps, pafs = few_people()
    wanted = decode_body(heatmaps, pafs, CANVAS)
    maps: list[Any] = [heatmaps, pafs]
    if kind == "tensor":
        maps = [torch.from_numpy(one)[None] for one in maps]
    elif kind == "float16":
        maps = [one.astype(np.float16) for one in maps]
    elif kind == "float64":
        maps = [one.astype(np.float64) for one in maps]
    elif kind == "requires grad":
        maps = [torch.from_numpy(one).requires_grad_() for one in maps]
    else:
        maps[0] = heatmaps[:18]
    found = decode_body(*maps, np.zeros((*CANVAS, 3), np.uint8))
    assert found[1].shape == wanted[1].shape
    if kind != "float16":
        assert_same(found, wanted)


@pytest.mark.parametrize(
    ("heatmaps", "pafs", "size", "error", "message"),
    [
        ([[1.0]], np.zeros((38, 4, 4)), (9, 9), TypeError, r"heatmaps\[0\] must be a NumPy array"),
        ("maps", np.zeros((38, 4, 4)), (9, 9), TypeError, "heatmaps must be a NumPy array"),
        (np.zeros((2, 19, 4, 4)), np.zeros((38, 4, 4)), (9, 9), ValueError, r"heatmaps must have"),
        (np.zeros((19, 4, 4)), np.zeros((37, 4, 4)), (9, 9), ValueError, "pafs must have shape"),
        (np.zeros((19, 4, 4)), np.zeros((38, 5, 4)), (9, 9), ValueError, "same images and cells"),
        (np.zeros((19, 4, 4)), np.zeros((38, 4, 4)), 9, TypeError, "size must be a photo"),
        (np.zeros((19, 4, 4)), np.zeros((38, 4, 4)), (0, 9), ValueError, "canvas"),
        ([], [], (9, 9), ValueError, "heatmaps must hold at least one scale"),
    ],
)
def test_wrong_maps_are_named(
    heatmaps: Any, pafs: Any, size: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        decode_body(heatmaps, pafs, size)


@pytest.mark.parametrize("pads", [(1, 0, 0, 0), (0, 0, 1), [(0, 0, 0, 0)] * 2, (0, 0, 32, 0)])
def test_wrong_pads_are_named(pads: Any) -> None:
    with pytest.raises(ValueError, match=r"pads must be|content must be"):
        decode_body(np.zeros((19, 4, 4)), np.zeros((38, 4, 4)), (9, 9), pads=pads)


# ---- hands -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_hands_are_decoded_as_by_the_program(seed: int) -> None:
    maps = [hand_maps(cells, seed) for cells in (6, 12, 17, 23)]
    for one in maps:
        one[3] = 0.0
        one[4] = -1.0
    size = (90 + seed, 95)
    found = decode_hand([one[None] for one in maps], size)
    wanted = programs.decode_hand(programs.Program(), maps, size)
    assert found.dtype == wanted.dtype == np.int64
    assert found.shape == (21, 2)
    np.testing.assert_array_equal(found, wanted)
    assert not found[3:5].any()


def test_hand_boxes_are_those_of_the_rule() -> None:
    # The right arm (2, 3, 4) points right, the left one (5, 6, 7) up; both near the edges.
    candidate = np.array(
        [
            [20, 50, 1, 0],
            [50, 50, 1, 1],
            [90, 50, 1, 2],
            [30, 90, 1, 3],
            [30, 50, 1, 4],
            [30, 8, 1, 5],
        ],
        float,
    )
    row = -np.ones(20)
    row[[2, 3, 4, 5, 6, 7]] = range(6)
    lonely = -np.ones(20)
    lonely[[2, 3]] = 0, 1
    photo = np.zeros((100, 120, 3), np.uint8)
    # Left: side 1.5 * 42 = 63 at (30, -5.86) - 31.5, moved to the edges. Right: side 60 at
    # (103.2, 50) - 30, cut to 120 - 73.2.
    assert util.handDetect(candidate, np.stack([row, lonely]), photo) == [
        [0, 0, 63, True],
        [73, 20, 46, False],
    ]
    assert util.handDetect(candidate, row[None], (100, 92)) == [[0, 0, 63, True]]  # 18 wide


def test_a_subset_of_other_candidates_is_refused() -> None:
    row = np.zeros((1, 20))
    with pytest.raises(ValueError, match="subset names peak 0, candidate has 0"):
        util.handDetect(np.empty(0), row, (9, 9))


# ---- helpers -----------------------------------------------------------------------------------


def test_padding_is_right_and_down() -> None:
    image = RNG.integers(0, 255, (13, 16, 3), dtype=np.uint8)
    padded, pad = util.padRightDownCorner(image, 8, 128)
    assert pad == [0, 0, 3, 0]
    assert padded.dtype == np.uint8 and padded.shape == (16, 16, 3)
    np.testing.assert_array_equal(padded[:13], image)
    assert (padded[13:] == 128).all()
    with pytest.raises(ValueError, match="stride"):
        util.padRightDownCorner(image, 0, 128)


def test_npmax_is_the_first_maximum() -> None:
    assert util.npmax(np.array([[0, 3, 1], [3, 0, 3]])) == (0, 1)


def test_transfer_drops_the_blocks() -> None:
    model = nn.Sequential()
    model.add_module("model0", nn.Sequential())
    model.model0.add_module("conv1_1", nn.Conv2d(1, 1, 1))
    flat = {"conv1_1.weight": torch.zeros(1, 1, 1, 1), "conv1_1.bias": torch.ones(1)}
    assert set(util.transfer(model, flat)) == {"model0.conv1_1.weight", "model0.conv1_1.bias"}
    with pytest.raises(KeyError, match="bias"):
        util.transfer(model, {"conv1_1.weight": flat["conv1_1.weight"]})


def test_bodies_are_drawn_as_on_the_whole_picture() -> None:
    heatmaps, pafs = few_people(4)
    candidate, subset = decode_body(heatmaps, pafs, CANVAS)
    candidate[0, :2] = -3, 5  # beyond the edge
    canvas = RNG.integers(0, 255, (*CANVAS, 3), dtype=np.uint8)
    before = canvas.copy()
    drawn = util.draw_bodypose(canvas, candidate, subset)
    np.testing.assert_array_equal(canvas, before)
    wanted = canvas.copy()
    hues = [tuple(int(c) for c in util.COLORS[k]) for k in range(18)]
    for k in range(18):
        for row in subset:
            if row[k] >= 0:
                x, y = candidate[int(row[k]), :2]
                cv2.circle(wanted, (int(x), int(y)), 4, hues[k], -1)
    for k, limb in enumerate(util._DRAWN_LIMBS):
        for row in subset:
            if (row[list(limb)] >= 0).all():
                (x1, y1), (x2, y2) = candidate[row[list(limb)].astype(int), :2]
                layer = wanted.copy()
                outline = cv2.ellipse2Poly(
                    (int((x1 + x2) / 2), int((y1 + y2) / 2)),
                    (int(np.hypot(x1 - x2, y1 - y2) / 2), 4),
                    int(np.degrees(np.arctan2(y1 - y2, x1 - x2))),
                    0,
                    360,
                    1,
                )
                cv2.fillConvexPoly(layer, outline, hues[k])
                wanted = cv2.addWeighted(wanted, 0.4, layer, 0.6, 0)
    np.testing.assert_array_equal(drawn, wanted)


@pytest.mark.parametrize("numbers", [False, True])
def test_hands_are_drawn_at_the_size_of_the_photo(numbers: bool) -> None:
    peaks = np.column_stack([np.linspace(10, 60, 21), np.linspace(50, 20, 21)]).astype(int)
    peaks[7] = 0
    canvas = np.full((80, 90, 3), 50, np.uint8)
    drawn = util.draw_handpose(canvas, [peaks], show_number=numbers)
    assert drawn.shape == canvas.shape and (canvas == 50).all()
    assert (drawn[peaks[12, 1], peaks[12, 0]] == (255, 0, 0)).all()
    assert (drawn[:8, :8] == 50).all()  # a missing keypoint is no dot in the corner


# ---- with a network ----------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(38, 19), (19, 38)])
def test_a_body_gives_what_its_maps_give(order: tuple[int, int]) -> None:
    photo = RNG.integers(0, 255, (*CANVAS, 3), dtype=np.uint8)
    network = Painted(*order)
    candidate, subset = Body(network)(photo)
    (given,) = network.seen
    # 0.5 * 368 / 240 of 240 x 320, padded to a multiple of 8.
    assert given.shape == (1, 3, 184, 248) and given.dtype == torch.float32
    resized = cv2.resize(photo, (0, 0), fx=184 / 240, fy=184 / 240, interpolation=cv2.INTER_CUBIC)
    padded, pad = util.padRightDownCorner(resized, 8, 128)
    want = padded.transpose(2, 0, 1) / 256 - 0.5
    assert np.abs(given[0].numpy() - want).max() <= 1 / 256 + 1e-6
    assert np.abs(given[0].numpy() - want).mean() < 1e-3
    heatmaps, pafs = few_people(cells=(23, 31))
    assert_same((candidate, subset), decode_body(heatmaps, pafs, photo, pads=pad))
    assert len(subset) == 3


def test_a_body_at_several_scales() -> None:
    photo = np.zeros((*CANVAS, 3), np.uint8)
    network = Painted(38, 19)
    for as_written in (False, True):
        found = Body(network, scale_search=(0.5, 1.0), as_written=as_written)(photo)
        maps = [few_people(cells=cells) for cells in ((23, 31), (46, 62))]
        pads = [(0, 0, 0, 3), (0, 0, 0, 5)]
        wanted = decode_body(
            [m[0] for m in maps], [m[1] for m in maps], CANVAS, pads=pads, as_written=as_written
        )
        assert_same(found, wanted)


def test_a_hand_gives_what_its_maps_give() -> None:
    crop = np.zeros((92, 92, 3), np.uint8)
    network = Painted(22)
    found = Hand(network)(crop)
    assert [one.shape[-1] for one in network.seen] == [184, 368, 552, 736]
    maps = [Painted(22)(one)[0] for one in network.seen]
    np.testing.assert_array_equal(found, decode_hand(maps, crop))
    assert found.any() and not found[5:8].any()
    assert found.dtype == np.int64


def test_a_network_of_other_outputs_is_refused() -> None:
    photo = np.zeros((*CANVAS, 3), np.uint8)
    with pytest.raises(ValueError, match=r"19 and 38 channels, got \[22\]"):
        Body(Painted(22))(photo)
    with pytest.raises(TypeError, match="uint8"):
        Body(Painted(38, 19))(photo.astype(np.float32))


def test_a_weight_file_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    class Small(Painted):
        def __init__(self, **arguments: Any) -> None:
            super().__init__(38, 19)
            made.append(arguments)

    monkeypatch.setattr(openpose_networks, "OpenPoseVGG19", Small)
    file = tmp_path / "body.pth"
    torch.save({"weight": torch.full((1,), 3.0)}, file)
    body = Body(str(file))
    assert body.model.weight.item() == 3.0
    assert made == [{"relu_heatmaps": True}]
    torch.save({"other": torch.zeros(1)}, file)
    with pytest.raises(ValueError, match=r"body\.pth: .*missing: weight"):
        Body(file)
    with pytest.raises(FileNotFoundError):
        Body(tmp_path / "none.pth")
    with pytest.raises(TypeError, match="path of a weight file or a torch module, got int"):
        Body(3)  # type: ignore[arg-type]


def test_importing_it_loads_no_torch() -> None:
    code = "import sys, heatpose.adapters.pytorch_openpose; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
