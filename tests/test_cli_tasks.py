"""The command line's tasks, boxes and detectors; estimators are stand-ins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import heatpose as hp
from heatpose import detectors, media
from heatpose.cli import main
from heatpose.results import Boxes, Hands, People
from heatpose.skeletons import COCO17, FACE70, HAND21, WHOLEBODY133

MADE: list[tuple[str, str, dict[str, Any]]] = []


class Fake:
    """Finds one person, whose left arm is seen, or one in each box; keeps how it was made."""

    name, skeleton = "body", COCO17

    def __init__(self, model: str, **options: Any) -> None:
        MADE.append((self.name, model, options))
        self.detector = options.get("detector")

    def __call__(self, image: Any, boxes: Any = None) -> Any:
        if boxes is None:
            whole = np.float32([[0, 0, image.shape[1], image.shape[0]]])
            boxes = Boxes(whole) if self.detector is None else self.detector(image)
        return self.answer(boxes, image.shape[:2])

    def answer(self, boxes: Boxes, canvas: tuple[int, int]) -> Any:
        keypoints = np.full((len(boxes), self.skeleton.num_keypoints, 2), np.nan, np.float32)
        middle = (boxes.boxes[:, :2] + boxes.boxes[:, 2:]) / 2
        for part, up in (("wrist", 0), ("elbow", 20), ("shoulder", 40)):
            keypoints[:, self.skeleton.index(f"left_{part}")] = middle - (0, up)
        scores = np.where(np.isnan(keypoints[..., 0]), 0, 0.5).astype(np.float32)
        return People(keypoints, scores, np.ones(len(boxes), np.float32), self.skeleton, canvas)


class FakeWholeBody(Fake):
    name, skeleton = "wholebody", WHOLEBODY133


class FakeFaces(Fake):
    name, skeleton = "face", FACE70

    def answer(self, boxes: Boxes, canvas: tuple[int, int]) -> People:
        middle = (boxes.boxes[:, None, :2] + boxes.boxes[:, None, 2:]) / 2
        keypoints = np.repeat(middle, 70, axis=1).astype(np.float32)
        keypoints += np.arange(70, dtype=np.float32)[:, None]
        scores = np.full((len(boxes), 70), 0.5, np.float32)
        return People(keypoints, scores, scores[:, 0], FACE70, canvas)


class FakeHands(Fake):
    name, skeleton = "hand", HAND21

    def answer(self, boxes: Boxes, canvas: tuple[int, int]) -> Hands:
        middle = (boxes.boxes[:, None, :2] + boxes.boxes[:, None, 2:]) / 2
        keypoints = np.repeat(middle, 21, axis=1).astype(np.float32)
        scores = np.full((len(boxes), 21), 0.5, np.float32)
        assert boxes.sides is not None and boxes.persons is not None
        return Hands(
            keypoints,
            scores,
            scores[:, 0],
            boxes.boxes,
            boxes.sides,
            boxes.persons,
            HAND21,
            canvas,
            boxes.people,
        )


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    MADE.clear()
    for fake in (Fake, FakeWholeBody, FakeFaces, FakeHands):
        name = {"wholebody": "WholeBody"}.get(fake.name, fake.name.title())
        monkeypatch.setitem(vars(hp), f"{name}Estimator", fake)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with weights and two photos."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.pth").touch()
    (tmp_path / "hand.pth").touch()
    for name in ("a.png", "b.png"):
        media.write_image(tmp_path / name, np.full((200, 300, 3), 90, np.uint8))
    return tmp_path


def predict(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["predict", "--weights", "net.pth", *arguments])


@pytest.mark.parametrize(
    ("task", "line"),
    [
        ("body", "a.png: 1 person, 3 keypoints, 300x200 px"),
        ("hand", "a.png: 1 hand, 21 keypoints, 300x200 px"),
        ("wholebody", "a.png: 1 person, 3 keypoints, 300x200 px"),
        ("face", "a.png: 1 face, 70 keypoints, 300x200 px"),
    ],
)
def test_each_task_has_its_estimator(room: Path, task: str, line: str) -> None:
    result = predict("a.png", "--task", task, "--json", "a.json", "--draw", "out.png")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(line)
    assert [(name, model) for name, model, _ in MADE] == [(task, "auto")]
    assert json.loads((room / "a.json").read_text())["format"] == "heatpose"
    assert (media.read_image("out.png") != 90).any()


def test_hands_of_the_bodies(room: Path) -> None:
    arguments = ["--hands", "--hand-weights", "hand.pth", "--hand-model", "openpose-hand"]
    result = predict("a.png", *arguments, "--json", "a.json", "--draw", "a_drawn.png")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("a.png: 1 person, 1 hand, 3 + 21 keypoints, 300x200 px")
    assert [(name, model) for name, model, _ in MADE] == [
        ("body", "auto"),
        ("hand", "openpose-hand"),
    ]
    assert MADE[1][2]["weights"] == Path("hand.pth")
    document = json.loads((room / "a.json").read_text())
    assert len(document["people"]) == 1
    (hand,) = document["hands"]
    assert (hand["side"], hand["person"]) == ("left", 0)
    assert len(hand["keypoints"]) == 21


def test_faces_in_the_files_of_openpose(room: Path) -> None:
    (room / "boxes.json").write_text('{"a.png": [[0, 0, 100, 100], [100, 0, 200, 150]]}')
    arguments = ["--boxes", "boxes.json", "--format", "openpose", "--json", "a.json"]
    result = predict("a.png", "--task", "face", *arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("a.png: 2 faces, 140 keypoints")
    people = json.loads((room / "a.json").read_text())["people"]
    assert [len(person["face_keypoints_2d"]) for person in people] == [210, 210]
    assert [person["pose_keypoints_2d"] for person in people] == [[], []]


def test_boxes_of_a_file_go_to_their_photos(room: Path) -> None:
    table = {"a.png": [[0, 0, 100, 100], [100, 0, 200, 150]], "b.png": []}
    (room / "boxes.json").write_text(json.dumps(table))
    result = predict("a.png", "b.png", "--task", "wholebody", "--boxes", "boxes.json")
    assert result.exit_code == 0, result.output
    first, second = result.stdout.splitlines()
    assert first.startswith("a.png: 2 people, 6 keypoints")
    assert second.startswith("b.png: 0 people, 0 keypoints")


def test_a_photo_that_the_boxes_do_not_name_fails_and_the_others_go_on(room: Path) -> None:
    (room / "boxes.json").write_text('{"b.png": [[0, 0, 9, 9]]}')
    result = predict("a.png", "b.png", "--task", "hand", "--boxes", "boxes.json")
    assert result.exit_code == 1
    assert "a.png: the file of --boxes does not name it" in result.stderr
    assert result.stdout.startswith("b.png: 1 hand")
    (room / "boxes.json").write_text("{")
    result = predict("a.png", "--boxes", "boxes.json")
    assert result.exit_code == 1
    assert "boxes.json" in result.stderr


@pytest.mark.parametrize(
    ("task", "kind"),
    [("hand", "RtmdetDetector"), ("wholebody", "YoloxDetector"), ("face", "YoloxDetector")],
)
def test_a_detector_file_is_of_the_tasks_kind(
    room: Path, task: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def detector(model: str) -> Any:
        assert model == "net.onnx"
        return lambda image: Boxes(np.float32([[0, 0, 20, 20]] * 3))

    (room / "net.onnx").touch()
    monkeypatch.setattr(detectors, kind, detector)
    result = predict("a.png", "--task", task, "--detector", "net.onnx")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("a.png: 3 ")


def test_coco_results_of_many_photos_in_one_file(room: Path) -> None:
    arguments = ["--hands", "--hand-weights", "hand.pth", "--format", "coco", "--json", "all.json"]
    result = predict("a.png", "b.png", *arguments)
    assert result.exit_code == 0, result.output
    entries = json.loads((room / "all.json").read_text())
    assert [entry["image_id"] for entry in entries] == ["a", "b"]
    assert all(len(entry["lefthand_kpts"]) == 63 for entry in entries)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "feet"], "'feet' is not one of"),
        (["--hands"], "--hands needs a network for them: give --hand-model NAME"),
        (["--hands", "--task", "hand"], "--hands is for --task body"),
        (["--hands", "--task", "wholebody"], "finds the hands too"),
        (["--hands", "--task", "face"], "--task face finds faces only"),
        (["--hand-weights", "hand.pth"], "--hand-model and --hand-weights are for --hands"),
        (["--boxes", "none.json"], "does not exist"),
        (["--boxes", "hand.pth", "--detector", "net.onnx"], "--boxes or --detector, got both"),
    ],
)
def test_wrong_command_lines(room: Path, arguments: list[str], message: str) -> None:
    result = predict("a.png", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_detector_of_another_task_is_refused(room: Path) -> None:
    result = predict("a.png", "--task", "wholebody", "--detector", "rtmdet-nano-hand-onnx")
    assert result.exit_code == 1
    assert "is for the task hand-boxes, not for person-boxes" in result.stderr
    result = predict("a.png", "--task", "face", "--detector", "rtmdet-nano-hand-onnx")
    assert result.exit_code == 1
    assert "is for the task hand-boxes, not for face-boxes" in result.stderr
    result = predict("a.png", "--detector", "no-such.onnx")
    assert result.exit_code == 1
    assert "--detector no-such.onnx: no such file" in result.stderr
    result = predict("a.png", "--detector", "no-such")
    assert result.exit_code == 1
    assert "no-such" in result.stderr
