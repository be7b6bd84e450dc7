"""PaddleHub's command line, its exported networks, its simple hand module, and bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from heatpose.adapters import paddlehub
from heatpose.adapters.paddlehub import (
    BodyPoseModel,
    HandPoseLocalization,
    HandPoseModel,
    Module,
    decode_body,
    decode_hand,
)
from heatpose.adapters.paddlehub import processor as P
from heatpose.networks import OpenPoseHand
from openpose_support import CANVAS, Painted

RNG = np.random.default_rng(9)
PHOTO = RNG.integers(0, 255, (*CANVAS, 3), dtype=np.uint8)


class Small(nn.Module):
    """A network with a convolution for every output, of a stride of 8."""

    def __init__(self, *channels: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.heads = nn.ModuleList(nn.Conv2d(3, n, 8, 8) for n in channels)

    def forward(self, x: torch.Tensor) -> Any:
        answers = tuple(head(x) for head in self.heads)
        return answers if len(answers) > 1 else answers[0]


@pytest.fixture
def body() -> BodyPoseModel:
    return BodyPoseModel(Painted(19, 38))


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), PHOTO)
    return str(path)


# ---- the command line ----------------------------------------------------------------------------


def test_a_module_is_run_by_its_arguments(body: BodyPoseModel, file: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = body.run_cmd(["--input_path", file, "--output_dir", str(out)])
    wanted = body.predict(PHOTO, visualization=False)
    np.testing.assert_array_equal(found["subset"], wanted["subset"])
    assert len(list(out.iterdir())) == 1
    for no in ("false", "False", "0", "no"):
        body.run_cmd(["--input_path", file, "--output_dir", str(out), "--visualization", no])
    assert len(list(out.iterdir())) == 1


@pytest.mark.parametrize("text", ["0.25,0.5", "[0.25, 0.5]", "0.25 0.5", "(0.25,0.5,)"])
def test_scales_are_numbers(body: BodyPoseModel, file: str, text: str) -> None:
    hands = HandPoseModel(Painted(22), body_model=body)
    wanted = hands.predict(PHOTO, scale=[0.25, 0.5], visualization=False)["all_hand_peaks"]
    arguments = ["--input_path", file, "--visualization", "false", "--scale", text]
    found = hands.run_cmd(arguments)["all_hand_peaks"]
    assert len(found) == len(wanted) > 1
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--input_path"),
        (["--input_path", "a.png", "--scale", "big"], "must be numbers above 0"),
        (["--input_path", "a.png", "--scale", ""], "must be numbers above 0"),
        (["--input_path", "a.png", "--scale", "0.5,-1"], "must be numbers above 0"),
        (["--input_path", "a.png", "--visualization", "maybe"], "must be true or false"),
        (["--input_path", "a.png", "--colour", "red"], "--colour"),
    ],
)
def test_wrong_arguments(
    body: BodyPoseModel, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hands = HandPoseModel(Painted(22), body_model=body)
    with pytest.raises(SystemExit, match="2"):
        hands.run_cmd(arguments)
    assert message in capsys.readouterr().err


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "heatpose.adapters.paddlehub", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )


def test_the_command_line_of_the_package(file: str, tmp_path: Path) -> None:
    done = run("openpose_body_estimation", "--input_path", file, folder=tmp_path)
    assert done.returncode == 1 and "load_checkpoint must be given" in done.stderr
    assert "Traceback" not in done.stderr
    done = run("--help", folder=tmp_path)
    assert done.returncode == 0 and "openpose_hands_estimation" in done.stdout


def test_the_command_prints_numbers(
    body: BodyPoseModel,
    file: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from heatpose.adapters.paddlehub import command

    made: list[Any] = []

    def module(name: str, checkpoint: Any, **settings: Any) -> Any:
        made.append((name, checkpoint, settings))
        return body if name == body.name else HandPoseModel(Painted(22), body_model=body)

    monkeypatch.setattr(command, "Module", module)
    monkeypatch.chdir(tmp_path)
    rest = ["--input_path", file, "--visualization", "false", "--load_checkpoint", "w"]
    assert command.main(["openpose_body_estimation", *rest]) == 0
    printed = json.loads(capsys.readouterr().out)
    wanted = body.predict(PHOTO, visualization=False)
    assert printed == {key: wanted[key].tolist() for key in ("candidate", "subset")}
    hands = ["openpose_hands_estimation", *rest, "--scale", "0.25", "--body_model", "b"]
    assert command.main([*hands, "--device", "cpu"]) == 0
    assert len(json.loads(capsys.readouterr().out)["all_hand_peaks"][0]) == 21
    assert made == [
        ("openpose_body_estimation", "w", {"device": "auto"}),
        ("openpose_hands_estimation", "w", {"device": "cpu", "body_model": "b"}),
    ]
    assert command.main(["openpose_body_estimation", *rest, "--input_path", "none.png"]) == 1
    assert "none.png" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        command.main(["human_pose", *rest])


# ---- exported networks ---------------------------------------------------------------------------


def test_an_exported_body_network_answers_as_in_the_module(file: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    network = Small(19, 38)
    module = BodyPoseModel(network)
    module.run_cmd(["--input_path", file, "--output_dir", str(tmp_path), "--save_dir",
                    str(tmp_path / "a" / "b")])  # fmt: skip
    saved = sorted((tmp_path / "a" / "b").iterdir())
    assert [path.name for path in saved] == [
        "openpose_body_estimation.onnx",
        "openpose_body_estimation.safetensors",
    ]
    session = onnxruntime.InferenceSession(str(saved[0]), providers=["CPUExecutionProvider"])
    images = torch.rand(2, 3, 40, 56)
    pafs, heatmaps = session.run(["pafs", "heatmaps"], {"image": images.numpy()})
    wanted = network(images)
    np.testing.assert_allclose(pafs, wanted[1].detach(), atol=1e-5)
    np.testing.assert_allclose(heatmaps, wanted[0].detach(), atol=1e-5)


def test_saved_weights_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from heatpose.adapters.paddlehub import saving

    monkeypatch.setattr(saving, "_onnx", lambda network, outputs: b"graph")
    monkeypatch.setattr(saving, "_check", lambda data, network, outputs: None)
    torch.manual_seed(1)
    network = OpenPoseHand()
    module = HandPoseModel(network, body_model=Painted(38, 19))
    paths = module.save_inference_model(str(tmp_path))
    assert [path.suffix for path in paths] == [".onnx", ".safetensors"]
    again = HandPoseModel(str(paths[1]), body_model=Painted(38, 19))
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name])


def test_nothing_is_written_of_a_network_that_cannot_be(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    folder = tmp_path / "new"
    with pytest.raises(ValueError, match="openpose_body_estimation cannot be exported"):
        BodyPoseModel(Painted(38, 19)).save_inference_model(str(folder))
    with pytest.raises(ValueError, match="19 channels"):
        BodyPoseModel(Small(38)).save_inference_model(str(folder))
    assert not folder.exists()
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(FileExistsError):
        BodyPoseModel(Small(38, 19)).save_inference_model(str(file))
    assert file.read_text() == "mine"


# ---- hand_pose_localization ----------------------------------------------------------------------


class Hands(nn.Module):
    """Maps in which every hand has its keypoints at its own brightness; remembers its inputs."""

    def __init__(self, maps: int = 22) -> None:
        super().__init__()
        self.maps = maps
        self.seen: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(x)
        rows, columns = x.shape[2] // 8, x.shape[3] // 8
        answer = torch.zeros(len(x), self.maps, rows, columns)
        for n, image in enumerate(x):
            for k in range(21):
                answer[n, k, 2 * k % rows, k % columns] = 0.05 + image.mean() * (1 + k % 2)
        return answer


def by_the_module(photo: Any) -> list[Any]:
    """Its answer, step by step."""
    height, width = photo.shape[:2]
    blob = cv2.dnn.blobFromImage(
        photo, 1 / 255, (int(width / height * 368 * 8 // 8), 368), (0, 0, 0), swapRB=False
    )
    maps = Hands()(torch.from_numpy(blob))[0].numpy()
    answer: list[Any] = []
    for one in maps[:21]:
        _, best, _, place = cv2.minMaxLoc(cv2.resize(one, (width, height)))
        answer.append(list(place) if best > 0.1 else None)
    return answer


def photos() -> list[Any]:
    grey = (120, 15, 60, 200)
    sizes = ((90, 70), (90, 70), (90, 70), (50, 120))
    made = [RNG.integers(0, g, (*s, 3), dtype=np.uint8) for g, s in zip(grey, sizes, strict=True)]
    return made


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_every_picture_is_answered(batch_size: int, tmp_path: Path) -> None:
    images = photos()
    network = Hands()
    module = Module("hand_pose_localization", network, use_gpu=False)
    assert isinstance(module, HandPoseLocalization)
    wanted = [by_the_module(image) for image in images]
    assert None in wanted[1] and None not in wanted[0]
    found = module.keypoint_detection(images, batch_size=batch_size)
    assert found == wanted
    assert all(type(v) is int for hand in found for point in hand if point for v in point)
    assert max(len(batch) for batch in network.seen) == min(batch_size, 3)
    paths = []
    for i, image in enumerate(images):
        paths.append(str(tmp_path / f"{i}.png"))
        cv2.imwrite(paths[-1], image)
    from_files = [by_the_module(image.astype(np.float32)) for image in images]
    assert module.keypoint_detection(paths=paths, batch_size=batch_size) == from_files
    both = module.keypoint_detection(images[:2], paths[2:], batch_size)
    assert both == from_files[2:] + wanted[:2]
    assert module.keypoint_detection() == module.keypoint_detection([], []) == []


def test_drawings_lie_in_the_folder(tmp_path: Path) -> None:
    images = photos()
    before = [image.copy() for image in images]
    module = HandPoseLocalization(Hands())
    folder = tmp_path / "a" / "out"
    module.keypoint_detection(images, output_dir=str(folder), visualization=True)
    saved = sorted(folder.iterdir())
    assert [path.name.split("_")[0] for path in saved] == ["0", "1", "2", "3"]
    assert {path.suffix for path in saved} == {".jpg"}
    for image, untouched, path in zip(images, before, saved, strict=True):
        np.testing.assert_array_equal(image, untouched)
        drawn = cv2.imread(str(path)).astype(int)
        assert drawn.shape == image.shape
        # Of the second one no two neighbours are found.
        assert (np.abs(drawn - image).max() > 60) == (not path.name.startswith("1_"))


def test_hands_for_json() -> None:
    images = photos()[:2]
    sent = [P.cv2_to_base64(image) for image in images]
    module = HandPoseLocalization(Hands(21))
    found = module.serving_method(sent)
    assert len(found) == 2 and found == json.loads(json.dumps(found))


def test_wrong_hands(tmp_path: Path) -> None:
    module = HandPoseLocalization(Hands())
    image = photos()[0]
    for arguments, error, message in (
        ((image,), TypeError, "images must be a list"),
        (([image.tolist()],), TypeError, r"images\[0\] must be"),
        (([image, image[0]],), ValueError, r"images\[1\] must have shape"),
        (([image[:, :, :1]],), ValueError, r"images\[0\] must have shape"),
        (([image[:0]],), ValueError, r"images\[0\] must have"),
        (([np.full((9, 9, 3), np.nan)],), ValueError, r"images\[0\] must be finite"),
        (([image.astype("U")],), TypeError, r"images\[0\] must be"),
        (([np.zeros((4000, 20, 3), np.uint8)],), ValueError, r"images\[0\].*narrow"),
        (([np.zeros((1, 3000, 3), np.uint8)],), ValueError, r"images\[0\].*wide"),
        ((None, "photo.png"), TypeError, "paths must be a list"),
        ((None, [str(tmp_path / "none.png")]), FileNotFoundError, "none.png"),
        (([image], None, 0), ValueError, "batch_size must be"),
        (([image], None, "2"), TypeError, "batch_size must be"),
    ):
        with pytest.raises(error, match=message):
            module.keypoint_detection(*arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="21 or 22"):
        HandPoseLocalization(Hands(25)).keypoint_detection([image])
    with pytest.raises(ValueError, match="load_checkpoint must be given"):
        Module("hand_pose_localization")
    with pytest.raises(TypeError, match="use_gpu must be"):
        HandPoseLocalization(Hands(), use_gpu="yes")  # type: ignore[arg-type]
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="cuda"):
            HandPoseLocalization(Hands(), use_gpu=True)


def test_maps_of_nan_have_no_hand() -> None:
    class Nothing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full((len(x), 22, 46, 20), float("nan"))

    assert HandPoseLocalization(Nothing()).keypoint_detection(photos()[:1]) == [[None] * 21]


# ---- bad input of the rest -----------------------------------------------------------------------


def test_bad_photos_are_named(body: BodyPoseModel) -> None:
    hands = HandPoseModel(Painted(22), body_model=body)
    for module in (body, hands):
        for bad in (None, [], ["photo.png"], PHOTO.astype(float), PHOTO[0], PHOTO[:, :, :2]):
            with pytest.raises((TypeError, ValueError), match="img must"):
                module.predict(bad, visualization=False)
        with pytest.raises(ValueError, match="images must hold a photo"):
            module.serving_method([])


def test_nobody_is_no_error() -> None:
    body = BodyPoseModel(Painted(38, 19, people=0))
    found = body.predict(PHOTO, visualization=False)
    assert found["candidate"].shape == (0,) and found["subset"].shape == (0, 20)
    np.testing.assert_array_equal(found["data"], PHOTO)
    hands = HandPoseModel(Painted(22), body_model=body).predict(PHOTO, visualization=False)
    assert hands["all_hand_peaks"] == []


def test_bad_maps() -> None:
    heat, pafs = np.zeros((19, 6, 6), np.float32), np.zeros((38, 6, 6), np.float32)
    candidate, subset = decode_body(heat * np.nan, pafs * np.nan, (48, 48))
    assert candidate.shape == (0,) and subset.shape == (0, 20)
    assert not decode_hand(np.full((22, 6, 6), np.nan, np.float32), (48, 48)).any()
    for maps in ([], heat[0], "maps", heat.astype(int)):
        with pytest.raises((TypeError, ValueError)):
            decode_body(maps, pafs, (48, 48))
    with pytest.raises(ValueError):
        decode_hand([], (48, 48))


def test_bad_arrays_for_the_classes() -> None:
    for heat in (np.zeros((9, 9)), np.zeros((9, 9, 4)), [], "maps"):
        with pytest.raises((TypeError, ValueError), match="heatmap must"):
            P.GetPeak()(heat)
    assert P.GetPeak()(np.full((9, 9, 19), np.nan)) == [[] for _ in range(18)]
    with pytest.raises((TypeError, ValueError), match="paf_avg must"):
        P.Connection()([[] for _ in range(18)], np.zeros((9, 9, 30)), (9, 9))
    with pytest.raises(ValueError, match="all_peaks must"):
        P.Connection()([], np.zeros((9, 9, 38)), (9, 9))
    with pytest.raises(ValueError, match="all_peaks must"):
        P.Candidate()([], [[]] * 19, list(range(19)))
    with pytest.raises((TypeError, ValueError), match="img must"):
        P.ResizeScaling()(None, 0.5)
    with pytest.raises(ValueError, match="scale_search must"):
        P.ResizeScaling()(PHOTO, 0)
    assert P.HandDetect()(np.empty(0), np.empty((0, 20)), PHOTO) == []
    np.testing.assert_array_equal(P.DrawPose()(PHOTO, np.empty(0), np.empty((0, 20))), PHOTO)
    np.testing.assert_array_equal(P.DrawHandPose()(PHOTO, []), PHOTO)


def test_every_name_is_there() -> None:
    for name in paddlehub.__all__:
        assert hasattr(paddlehub, name)
