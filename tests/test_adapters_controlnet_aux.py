"""In place of controlnet_aux's OpenPose detector: its resizing, its grid, its named tuples."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from adapter_table import Crowds
from heatpose.adapters import openpose_networks
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
PROGRAM = programs.Program(by_channel=True)
RNG = np.random.default_rng(5)


def assert_same(found: tuple[Any, Any], wanted: tuple[Any, Any]) -> None:
    for got, want in zip(found, wanted, strict=True):
        assert got.dtype == np.float64
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)


def test_crowds_are_decoded_as_by_the_program() -> None:
    row = Crowds("controlnet_aux", "the program's way, in NumPy and SciPy")
    compare_crowds(row, lambda *maps: decode_body(*maps, CANVAS), programs, PROGRAM)


# Larger than the network's input, smaller, of its very size, and with padding below and beside.
@pytest.mark.parametrize("pad", [None, [0, 0, 4, 7]])
@pytest.mark.parametrize("size", [CANVAS, (120, 160), (184, 248), (180, 241)])
def test_photos_of_every_size(size: tuple[int, int], pad: list[int] | None) -> None:
    heatmaps, pafs = few_people(2)
    content = (184, 248) if pad is None else (180, 241)
    wanted = programs.decode_body(PROGRAM, [heatmaps], [pafs], size, [content])
    assert len(wanted[1]) == 2
    assert_same(decode_body(heatmaps, pafs, size, pad=pad), wanted)


def test_nobody() -> None:
    candidate, subset = decode_body(np.zeros((19, *CELLS)), np.zeros((38, *CELLS)), CANVAS)
    assert candidate.shape == (0,) and subset.shape == (0, 20)
    assert Body.format_body_result(candidate, subset) == []


def test_a_body_as_named_tuples() -> None:
    heatmaps, pafs = few_people()
    candidate, subset = decode_body(heatmaps, pafs, CANVAS)
    people = Body.format_body_result(candidate, subset)
    assert len(people) == len(subset) == 3
    for row, person in zip(subset, people, strict=True):
        assert isinstance(person, BodyResult) and len(person.keypoints) == 18
        assert (person.total_score, person.total_parts) == (row[18], row[19])
        for index, keypoint in zip(row[:18].astype(int), person.keypoints, strict=True):
            assert (index < 0) == (keypoint is None)
            if keypoint is not None:
                assert isinstance(keypoint, Keypoint)
                assert tuple(keypoint) == tuple(candidate[index])


@pytest.mark.parametrize("size", [(30, 33), (128, 128), (200, 190)])
def test_hands_are_decoded_on_the_grid(size: tuple[int, int]) -> None:
    maps = [hand_maps(cells, 2) for cells in (23, 46, 69, 92)]
    for one in maps:
        one[3] = 0.0
    contents = [(8 * one.shape[1], 8 * one.shape[2]) for one in maps]
    grid = programs.average(PROGRAM, maps, contents, (128, 128))
    places = programs.hand_places(grid)
    wanted = (places * np.array(size[::-1]) / 128).astype(int)
    found = decode_hand([one[None] for one in maps], size)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, wanted)
    assert not found[3].any()


def test_hand_maps_that_would_have_to_grow_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 128 x 128"):
        decode_hand(np.zeros((22, 15, 16)), (30, 30))


def test_weak_points_of_a_face_are_left_out() -> None:
    heatmaps = np.zeros((4, 5, 6), np.float32)
    heatmaps[0, 2, 3], heatmaps[1, 4, 4], heatmaps[3, 1, 5] = 0.9, 0.05, 0.06
    heatmaps[0, 2, 5] = 0.9
    np.testing.assert_array_equal(decode_face(heatmaps), [[3, 2], [5, 1]])
    assert decode_face(0 * heatmaps).shape == (0,)


# ---- boxes and drawings ------------------------------------------------------------------------


def person(**places: tuple[float, float]) -> BodyResult:
    names = ("nose", "neck", "rs", "re", "rw", "ls", "le", "lw")
    keypoints: list[Keypoint | None] = [None] * 18
    for name, (x, y) in places.items():
        index = (
            names.index(name) if name in names else 14 + ("ree", "lee", "rea", "lea").index(name)
        )
        keypoints[index] = Keypoint(x, y)
    return BodyResult(keypoints, 1.0, len(places))


def test_hand_boxes() -> None:
    both = person(rs=(20, 50), re=(50, 50), rw=(90, 50), ls=(30, 90), le=(30, 50), lw=(30, 8))
    photo = np.zeros((100, 120, 3), np.uint8)
    assert util.handDetect(both, photo) == [(0, 0, 63, True), (73, 20, 46, False)]
    assert util.handDetect(person(rs=(20, 50), re=(50, 50)), photo) == []
    assert util.handDetect(person(), photo) == []


@pytest.mark.parametrize(
    ("places", "square"),
    [
        ({"nose": (50, 50), "ree": (45, 47)}, (35, 35, 30)),
        ({"nose": (50, 50), "ree": (48, 48), "lea": (50, 70)}, (20, 20, 60)),
        ({"nose": (10, 50), "lee": (16, 50)}, (0, 32, 36)),
        ({"nose": (110, 50), "lee": (104, 50)}, (92, 32, 36)),
        ({"nose": (115, 50), "lee": (105, 50)}, (85, 20, 60)),
        ({"nose": (50, 50), "lee": (51, 50)}, None),
        ({"nose": (50, 50)}, None),
        ({"lee": (50, 50)}, None),
    ],
)
def test_face_boxes(places: Any, square: Any) -> None:
    assert util.faceDetect(person(**places), np.zeros((100, 120, 3), np.uint8)) == square


def test_poses_are_drawn_on_black() -> None:
    arm = person(rs=(0.2, 0.5), re=(0.5, 0.5), rw=(0.8, 0.5))
    hand = [Keypoint(0.1 + 0.02 * k, 0.2) for k in range(21)]
    hand[4] = Keypoint(-0.01, -0.01)
    face = [Keypoint(0.5, 0.8), Keypoint(-0.01, 0.5)]
    canvas = draw_poses([PoseResult(arm, hand, None, face)], 100, 200)
    assert canvas.shape == (100, 200, 3) and canvas.dtype == np.uint8
    assert canvas[50, 40].tolist() == [255, 170, 0]  # the disc of the right shoulder
    assert canvas[50, 70].tolist() == [153, 102, 0]  # its limb, at 60 %
    assert canvas[20, 20].tolist() == [0, 0, 255]  # a dot of the hand
    assert canvas[80, 100].tolist() == [255, 255, 255]
    assert not canvas[:5, :5].any() and not canvas[45:55, :5].any()
    nothing = draw_poses([PoseResult(arm, hand, hand, face)], 100, 200, False, False, False)
    assert not nothing.any()


# ---- with networks -----------------------------------------------------------------------------


def detector(people: int = 3) -> OpenposeDetector:
    return OpenposeDetector(
        Body(Painted(38, 19, people=people)), Hand(Painted(22)), Face(Painted(71))
    )


@pytest.mark.parametrize(
    ("size", "way"), [(CANVAS, cv2.INTER_AREA), ((120, 161), cv2.INTER_LANCZOS4)]
)
def test_a_body_sees_the_photo_resized(size: tuple[int, int], way: int) -> None:
    photo = RNG.integers(0, 255, (*size, 3), dtype=np.uint8)
    network = Painted(38, 19)
    found = Body(network)(photo)
    (given,) = network.seen
    width = int(184 * size[1] / size[0])
    small = cv2.resize(photo, (width, 184), interpolation=way)
    padded, pad = util.padRightDownCorner(small, 8, 128)
    wanted = padded.transpose(2, 0, 1).astype(np.float32) / 256 - 0.5
    np.testing.assert_array_equal(given[0].numpy(), wanted)
    heatmaps, pafs = few_people(3, (23, padded.shape[1] // 8))
    assert_same(found, decode_body(heatmaps, pafs, size, pad=pad))


def test_a_hand_sees_soft_squares() -> None:
    crop = RNG.integers(0, 255, (60, 64, 3), dtype=np.uint8)
    network = Painted(22)
    found = Hand(network)(crop)
    assert [tuple(one.shape[2:]) for one in network.seen] == [(n, n) for n in (184, 368, 552, 736)]
    soft = cv2.GaussianBlur(crop, (0, 0), 0.8)
    wanted = cv2.resize(soft, (184, 184), interpolation=cv2.INTER_LANCZOS4)
    np.testing.assert_array_equal(
        network.seen[0][0].numpy(), wanted.transpose(2, 0, 1).astype(np.float32) / 256 - 0.5
    )
    maps = [Painted(22)(one)[0] for one in network.seen]
    np.testing.assert_array_equal(found, decode_hand(maps, crop))


def test_a_face_gives_maps_of_its_crop() -> None:
    crop = RNG.integers(0, 255, (50, 52, 3), dtype=np.uint8)
    network = Painted(71)
    face = Face(network)
    maps = face(crop)
    assert maps.shape == (71, 50, 52) and maps.dtype == np.float32
    assert tuple(network.seen[0].shape) == (1, 3, 384, 384)
    corners = Painted(71)(network.seen[0])[0, :, ::47, ::47].numpy()
    np.testing.assert_allclose(maps[:, ::49, ::51], corners, rtol=1e-6)
    assert 0 < len(face.compute_peaks_from_heatmaps(maps)) < 71


def test_poses_are_shares_of_the_photo() -> None:
    photo = RNG.integers(0, 255, (*CANVAS, 3), dtype=np.uint8)
    find = detector()
    poses = find.detect_poses(photo, include_hand=True, include_face=True)
    assert len(poses) == 3 and all(isinstance(pose, PoseResult) for pose in poses)
    bodies = Body.format_body_result(*find.body_estimation(photo[:, :, ::-1]))
    hands = 0
    for pose, body in zip(poses, bodies, strict=True):
        for got, want in zip(pose.body.keypoints, body.keypoints, strict=True):
            if want is None:
                assert got is None
            else:
                assert got == Keypoint(want.x / 320, want.y / 240)
        for hand in (pose.left_hand, pose.right_hand):
            if hand is not None:
                hands += 1
                assert len(hand) == 21
                assert (hand[5].x, hand[5].y) == (np.float32(-1) / 320, np.float32(-1) / 240)
    assert hands > 2
    plain = find.detect_poses(photo)
    assert all(pose[1:] == (None, None, None) for pose in plain)
    assert [pose.body for pose in plain] == [pose.body for pose in poses]


@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_a_drawing_of_a_photo(channels: int | None) -> None:
    shape = (100, 150) if channels is None else (100, 150, channels)
    photo = RNG.integers(0, 255, shape, dtype=np.uint8)
    drawn = detector()(photo, detect_resolution=256, image_resolution=128, output_type="np")
    assert drawn.shape == (128, 192, 3) and drawn.dtype == np.uint8 and drawn.any()
    if channels == 3:
        picture = detector()(photo, 256, 128, include_hand=True, include_face=True)
        assert picture.size == (192, 128)
        assert (np.asarray(picture) != drawn).any()


def test_old_names_of_settings() -> None:
    photo = np.zeros((64, 64, 3), np.uint8)
    with pytest.warns(DeprecationWarning, match="hand_and_face"):
        both = detector()(photo, 128, 128, hand_and_face=True, output_type="np")
    with pytest.warns(DeprecationWarning, match="return_pil"):
        body = detector()(photo, 128, 128, return_pil=False)
    with pytest.warns(UserWarning, match="output_type"):
        detector()(photo, 128, 128, output_type=True)  # type: ignore[arg-type]
    assert (both != body).any()


def test_what_cannot_be_looked_for() -> None:
    photo = np.zeros((*CANVAS, 3), np.uint8)
    alone = OpenposeDetector(Body(Painted(38, 19)))
    assert alone.to("cpu") is alone
    with pytest.raises(ValueError, match="hand_estimation must be given"):
        alone.detect_poses(photo, include_hand=True)
    with pytest.raises(ValueError, match="face_estimation must be given"):
        alone.detect_poses(photo, include_face=True)
    with pytest.raises(TypeError, match="input_image must be uint8"):
        alone(photo.astype(float))
    with pytest.raises(ValueError, match="input_image must be"):
        alone(np.zeros((5, 5, 2), np.uint8))
    with pytest.raises(TypeError, match="oriImg must be a uint8 array"):
        alone.body_estimation(photo.astype(float))
    with pytest.raises(ValueError, match=r"oriImg must have shape \(H, W, 3\)"):
        alone.body_estimation(photo[:0])
    with pytest.raises(ValueError, match=r"19 and 38 channels, got \[22\]"):
        Body(Painted(22))(photo)


def test_networks_come_from_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("OpenPoseVGG19", "OpenPoseHand", "OpenPoseFace")
    for name in names:
        monkeypatch.setattr(openpose_networks, name, lambda **_: Painted(38, 19))
    for i, name in enumerate(("body_pose_model.pth", "hand_pose_model.pth", "facenet.pth")):
        torch.save({"weight": torch.full((1,), float(i))}, tmp_path / name)
    found = OpenposeDetector.from_pretrained(tmp_path)
    parts = (found.body_estimation, found.hand_estimation, found.face_estimation)
    assert [part.model.weight.item() for part in parts] == [0, 1, 2]
    with pytest.raises(FileNotFoundError):
        OpenposeDetector.from_pretrained(tmp_path, hand_filename="other.pth")


def test_networks_come_from_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(repository: str, name: str, **settings: Any) -> str:
        asked.append((repository, name))
        assert settings == {"cache_dir": "here", "local_files_only": True}
        raise OSError("not fetched")

    hub = ModuleType("huggingface_hub")
    hub.hf_hub_download = fetch  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    with pytest.raises(OSError, match="not fetched"):
        OpenposeDetector.from_pretrained(
            "lllyasviel/ControlNet", cache_dir="here", local_files_only=True
        )
    assert asked == [("lllyasviel/ControlNet", "annotator/ckpts/body_pose_model.pth")]


def test_importing_it_loads_neither_torch_nor_the_program() -> None:
    code = (
        "import sys, heatpose.adapters.controlnet_aux;"
        "print({'torch', 'controlnet_aux', 'PIL', 'huggingface_hub'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
