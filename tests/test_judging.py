"""What ``heatpose evaluate`` runs a network on, and how: photos, boxes, settings, problems."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("pycocotools")

from click.testing import CliRunner
from torch import nn

from dataset_files import coco_file, image, person, photo, triples, write_json
from heatpose.cli.evaluate import evaluate_command
from heatpose.evaluation import CocoReport, KeypointReport, evaluate_coco
from heatpose.networks import CropSpec
from heatpose.results import People
from heatpose.skeletons import AIC14, COCO17, HAND21, Skeleton
from heatpose.training import judging
from heatpose.training.judging import evaluate
from heatpose.weights import models


class Network(nn.Module):
    def __init__(self, task: str) -> None:
        super().__init__()
        self.task = task


class Estimator:
    """Answers with what ``answers`` has for the name of a photo, and keeps what it was asked."""

    answers: ClassVar[dict[str, People]] = {}
    asked: ClassVar[list[Any]] = []
    made: ClassVar[list[Any]] = []
    skeleton: Skeleton = COCO17

    def __init__(self, network: Any, **options: Any) -> None:
        self.network = network
        self.made.append((network, options))

    def __call__(self, path: Path, boxes: Any = None) -> People:
        self.asked.append((path.name, boxes))
        return self.answers.get(path.name) or people(skeleton=self.skeleton)


class HandEstimator(Estimator):
    skeleton = HAND21


class AicEstimator(Estimator):
    skeleton = AIC14


def people(*offsets: float, skeleton: Skeleton = COCO17) -> People:
    """People like ``dataset_files.person``, moved to the right; the first is the surest."""
    count = skeleton.num_keypoints
    one = np.reshape(triples(count), (count, 3))[:, :2]
    points = np.array([one + np.array([x, 0]) for x in offsets], np.float32).reshape(-1, count, 2)
    sure = np.linspace(0.9, 0.5, len(offsets), dtype=np.float32)
    return People(points, np.ones(points.shape[:2], np.float32), sure, skeleton, (40, 60))


@pytest.fixture(autouse=True)
def estimators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        judging, "_ESTIMATORS", {"body": Estimator, "hand": HandEstimator, "face": AicEstimator}
    )
    for name, empty in (("answers", {}), ("asked", []), ("made", [])):
        monkeypatch.setattr(Estimator, name, empty)


def test_all_photos_of_cocos_file_count_with_its_crowds(tmp_path: Path) -> None:
    crowd = person(12, 2, iscrowd=1, bbox=[0, 0, 60, 40], keypoints=triples(17, 0), num_keypoints=0)
    file = coco_file(tmp_path, [person(11), person(13, 2), crowd], [image(1), image(2), image(3)])
    found = {
        1: people(0),
        2: people(9, 12, 15, 0),  # three of the crowd, surer than the one who is annotated
        3: people(3),  # nobody is there
    }
    Estimator.answers.update({f"{key}.jpg": value for key, value in found.items()})
    report = evaluate(Network("body"), f"coco:{file},{tmp_path}")
    assert isinstance(report, CocoReport)
    assert [name for name, _ in Estimator.asked] == ["1.jpg", "2.jpg", "3.jpg"]
    assert report.images == 3 and report.numbers() == evaluate_coco(found, file, COCO17).numbers()
    assert report.scores.ar == 1 and report.scores.ap < 1
    Estimator.answers["3.jpg"] = people()
    assert evaluate(Network("body"), f"coco:{file},{tmp_path}").numbers()["AP"] == pytest.approx(1)


def test_what_is_left_out_is_told_or_refused(tmp_path: Path) -> None:
    file = coco_file(tmp_path, [person(1), person(2, keypoints="absent")], [image(1), image(2)])
    (tmp_path / "2.jpg").unlink()
    source, told = f"coco:{file},{tmp_path}", list[str]()
    Estimator.answers["1.jpg"] = people(0)
    report = evaluate(Network("body"), source, say=told.append)
    assert report.images == 1 and report.numbers()["AP"] == pytest.approx(1)
    (text,) = told
    assert "2 problems" in text and "no such photo" in text and "without keypoints" in text
    with pytest.warns(UserWarning, match="2 problems"):
        evaluate(Network("body"), source)
    with pytest.raises(ValueError, match="annotation without keypoints"):
        evaluate(Network("body"), source, on_problem="raise")


@pytest.mark.parametrize(
    ("task", "changes", "message"),
    [
        ("face", {}, "which lacks 5 keypoints of coco17"),
        ("body", {"size": "head", "measure": "distance"}, "none of its 1 annotated people has"),
        ("hand", {}, "have no keypoint in common|lacks 17 keypoints"),
        ("person-boxes", {}, "networks of the task person-boxes are not judged here"),
        ("body", {"measure": "pck"}, "measure must be"),
    ],
)
def test_what_does_not_fit_is_said_before_the_network_runs(
    tmp_path: Path, task: str, changes: dict[str, Any], message: str
) -> None:
    file = coco_file(tmp_path, [person(1)])
    with pytest.raises(ValueError, match=message):
        evaluate(Network(task), f"coco:{file},{tmp_path}", **changes)
    assert Estimator.asked == []


def test_photos_without_annotations_judge_nobody(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match="nothing to judge by is in photos: 1 photos"):
        evaluate(Network("body"), f"photos:{tmp_path}")


def hands_file(folder: Path) -> str:
    content = {
        "images": [image(1), image(2)],
        "annotations": [person(n, n, keypoints=triples(21)) for n in (1, 2)],
    }
    for n in (1, 2):
        photo(folder / f"{n}.jpg")
    return f"{write_json(folder / 'hands.json', content)},{folder}"


def test_hands_are_looked_for_in_their_boxes_whatever_the_network(tmp_path: Path) -> None:
    report = evaluate(Network("hand"), f"onehand10k:{hands_file(tmp_path)}")
    assert isinstance(report, KeypointReport) and report.missing == 1
    assert [boxes.boxes.tolist() for _, boxes in Estimator.asked] == [[[5, 6, 25, 36]]] * 2
    assert Estimator.made[0][1] == {}


def test_the_photos_of_freihand_are_cut_as_published(tmp_path: Path) -> None:
    source = f"freihand:{hands_file(tmp_path)}"
    evaluate(Network("hand"), source)
    evaluate(Network("hand"), source, padding=1.0, flip_test=False)
    assert [options for _, options in Estimator.made] == [
        {"padding": 0.8},
        {"padding": 1.0, "flip_test": False},
    ]
    assert Estimator.asked[0][1].boxes.tolist() == [[0, 0, 60, 40]]


def test_top_down_bodies_see_boxes_and_others_the_photo(tmp_path: Path) -> None:
    file = coco_file(tmp_path, [person(1)])
    network: Any = Network("body")
    evaluate(network, f"coco:{file},{tmp_path}")
    network.crop_spec = CropSpec(64, 48)
    evaluate(network, f"coco:{file},{tmp_path}")
    assert Estimator.asked[0][1] is None and len(Estimator.asked[1][1]) == 1


def test_a_named_checkpoint_brings_its_settings(tmp_path: Path) -> None:
    name = next(key for key, one in models().items() if one.task == "hand")
    evaluate(name, f"onehand10k:{hands_file(tmp_path)}")
    assert Estimator.made == [(name, {})]


def run(*arguments: object) -> Any:
    return CliRunner().invoke(evaluate_command, [str(one) for one in arguments])


def test_the_command_line_passes_settings_and_tells_problems(tmp_path: Path) -> None:
    name = next(key for key, one in models().items() if one.task == "hand")
    source = f"onehand10k:{hands_file(tmp_path)}"
    (tmp_path / "2.jpg").write_bytes(b"no picture")
    command = (name, "--data", source, "--set", "padding=1.5", "--set", "method=dark", "-q")
    done = run(*command)
    assert done.exit_code == 0, done.output
    assert Estimator.made == [(name, {"device": "auto", "padding": 1.5, "method": "dark"})]
    assert "1 x photo that cannot be decoded: " in done.output
    refused = run(*command, "--on-problem", "raise")
    assert refused.exit_code == 1 and "2.jpg: photo that cannot be decoded" in refused.output


def test_a_detector_is_no_network_to_judge(tmp_path: Path) -> None:
    file = coco_file(tmp_path, [person(1)])
    failed = run("yolox-s-humanart-onnx", "--data", f"coco:{file},{tmp_path}")
    assert failed.exit_code == 1 and "task person-boxes are not judged" in failed.output
