"""The command line, with an estimator that needs no network."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import heatpose as hp
from heatpose import media
from heatpose.cli import main, outputs
from heatpose.results import People
from heatpose.skeletons import COCO18


class FakeEstimator:
    """Finds one person with three keypoints in every photo; fails on black ones."""

    made: list[dict[str, Any]] = []  # noqa: RUF012

    def __init__(self, model: str, **options: Any) -> None:
        if model == "vgg19":
            raise ValueError("these are no weights of vgg19")
        self.made.append({"model": model} | options)

    def __call__(self, image: Any) -> People:
        if not image.any():
            raise RuntimeError("the network saw nothing")
        keypoints = np.full((1, 18, 2), np.nan, np.float32)
        scores = np.zeros((1, 18), np.float32)
        keypoints[0, :3] = [[10, 5], [10, 12], [16, 12]]
        scores[0, :3] = 0.75
        return People(keypoints, scores, np.ones(1, np.float32), COCO18, image.shape[:2])


class FakeDecoder:
    """Answers nobody."""

    def __init__(self, skeleton: Any) -> None:
        assert skeleton is COCO18

    def __call__(self, heatmaps: Any, pafs: Any, *, canvas: tuple[int, int]) -> People:
        assert heatmaps.shape == (19, 46, 82)
        assert pafs.shape == (38, 46, 82)
        return People.empty(COCO18, canvas)


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeEstimator.made.clear()
    # Not setattr, which would look for the real ones first and import PyTorch with them.
    monkeypatch.setitem(vars(hp), "BodyEstimator", FakeEstimator)
    monkeypatch.setitem(vars(hp), "BodyDecoder", FakeDecoder)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with weights, two photos, a black one and no photo at all."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.safetensors").touch()
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, grey in (("a.jpg", 90), ("b.png", 120), ("black.png", 0)):
        media.write_image(photos / name, np.full((24, 32, 3), grey, np.uint8))
    (photos / "text.jpg").write_text("no photo")
    return tmp_path


def run(*arguments: str, weights: bool = True) -> Result:
    extra = ["--weights", "net.safetensors"] if weights and arguments[0] == "predict" else []
    return CliRunner().invoke(main, [*arguments, *extra])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_one_photo_to_files(room: Path) -> None:
    result = run("predict", "photos/a.jpg", "--json", "out.json", "--draw", "new/out.png")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("photos/a.jpg: 1 person, 3 keypoints, 32x24 px, ")
    assert result.stderr == ""
    document = json.loads((room / "out.json").read_text())
    assert document["people"][0]["keypoints"][:4] == [
        [10, 5, 0.75],
        [10, 12, 0.75],
        [16, 12, 0.75],
        None,
    ]
    picture = media.read_image(room / "new/out.png")
    assert picture.shape == (24, 32, 3)
    assert (picture != media.read_image(room / "photos/a.jpg")).any()


def test_options_reach_the_estimator(room: Path) -> None:
    network = ["--model", "mobilenet-v2-small", "--scales", "0.5,1,1.5,2"]
    machine = ["--device", "cpu", "--threads", "1"]
    assert run("predict", "photos/a.jpg", *network, *machine).exit_code == 0
    assert FakeEstimator.made == [
        {
            "model": "mobilenet-v2-small",
            "weights": Path("net.safetensors"),
            "scales": (0.5, 1, 1.5, 2),
            "device": "cpu",
        }
    ]
    assert hp.get_num_threads() == 1
    hp.set_num_threads(os.cpu_count() or 1)


def test_threshold_and_box_reach_the_estimator(room: Path) -> None:
    assert run("predict", "photos/a.jpg", "--threshold", "0.05", "--box", "256").exit_code == 0
    (made,) = FakeEstimator.made
    assert made["threshold"] == 0.05
    assert made["box"] == 256


@pytest.mark.parametrize("command", ["predict", "demo"])
def test_idle_threads_sleep_unless_the_user_chose(
    room: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    policies: list[str | None] = []

    def make(*arguments: Any, **options: Any) -> FakeEstimator:
        policies.append(os.environ.get("OMP_WAIT_POLICY"))
        return FakeEstimator(*arguments, **options)

    monkeypatch.setitem(vars(hp), "BodyEstimator", make)
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    arguments = (command, "photos/a.jpg", "--weights", "net.safetensors")
    assert run(*arguments, weights=False).exit_code == 0
    monkeypatch.delenv("OMP_WAIT_POLICY")
    assert run(*arguments, weights=False).exit_code == 0
    assert policies == ["active", "passive"]


def test_a_bad_file_does_not_stop_the_others(room: Path) -> None:
    result = run("predict", "photos", "none.jpg", "--json", "out", "--draw", "out/")
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [
        "photos/a.jpg",
        "photos/b.png",
    ]
    report = [line for line in result.stderr.splitlines() if line.startswith("heatpose: ")]
    assert report == [
        "heatpose: no such file or folder: none.jpg",
        "heatpose: photos/black.png: RuntimeError: the network saw nothing",
        "heatpose: photos/text.jpg is not an image that OpenCV can read, or it is damaged",
        "heatpose: 3 of 5 failed",
    ]
    assert names(room / "out") == ["a.jpg", "a.json", "b.json", "b.png"]


def test_nothing_but_bad_files(room: Path) -> None:
    result = run("predict", "photos/text.jpg")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert run("predict", "none*.jpg").exit_code == 1
    assert FakeEstimator.made[1:] == []


def test_quiet_prints_errors_only(room: Path) -> None:
    result = run("predict", "photos/a.jpg", "photos/text.jpg", "-q")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "text.jpg is not an image" in result.stderr


@pytest.mark.parametrize("format", ["heatpose", "openpose", "coco"])
def test_formats(room: Path, format: str) -> None:
    result = run("predict", "photos/a.jpg", "--json", "out.json", "--format", format)
    assert result.exit_code == 0
    document = json.loads((room / "out.json").read_text())
    if format == "heatpose":
        assert document["skeleton"] == "coco18"
    elif format == "openpose":
        assert document["people"][0]["pose_keypoints_2d"][:3] == [10, 5, 0.75]
    else:
        assert document[0]["image_id"] == "a"
        assert document[0]["keypoints"][:3] == [10, 5, 0.75]


def test_coco_results_of_many_photos_go_to_one_file(room: Path) -> None:
    arguments = ["photos/a.jpg", "photos/b.png", "photos/text.jpg", "--format", "coco"]
    assert run("predict", *arguments, "--json", "all.json").exit_code == 1
    document = json.loads((room / "all.json").read_text())
    assert [entry["image_id"] for entry in document] == ["a", "b"]
    assert run("predict", *arguments, "--json", "each").exit_code == 1
    assert names(room / "each") == ["a.json", "b.json"]


def test_openpose_files_in_a_folder_are_named_as_openpose_does(room: Path) -> None:
    (room / "x").mkdir()
    media.write_image(room / "x/a.jpg", np.full((24, 32, 3), 50, np.uint8))
    photos = ("photos/a.jpg", "photos/b.png")
    assert run("predict", *photos, "--format", "openpose", "--json", "out").exit_code == 0
    assert names(room / "out") == ["a_keypoints.json", "b_keypoints.json"]
    assert run("predict", *photos, "x", "--format", "openpose", "--json", "all/").exit_code == 0
    assert names(room / "all") == [
        "b_keypoints.json",
        "photos_a.jpg_keypoints.json",
        "x_a.jpg_keypoints.json",
    ]


def test_same_names_from_different_folders_stay_apart(room: Path) -> None:
    for folder in ("x", "y"):
        (room / folder).mkdir()
        media.write_image(room / folder / "a.jpg", np.full((24, 32, 3), 50, np.uint8))
    assert run("predict", "photos/a.jpg", "x", "y", "--json", "out").exit_code == 0
    assert names(room / "out") == ["photos_a.jpg.json", "x_a.jpg.json", "y_a.jpg.json"]


@pytest.mark.parametrize(
    ("paths", "want"),
    [
        ("a/x.jpg a/y.jpg", "x y"),
        ("a/x.jpg a/x.png b/y.jpg", "x.jpg x.png y"),
        ("a/x.jpg b/x.jpg", "a_x.jpg b_x.jpg"),
        ("c/a/x.jpg d/a/x.jpg d/y.jpg", "c_a_x.jpg d_a_x.jpg y"),
        ("a/X.jpg a/x.jpg.png a/x.JPG", "X.jpg x.jpg x.JPG-2"),
        ("", ""),
    ],
)
def test_unique_names(paths: str, want: str) -> None:
    got = outputs.unique_names([Path("/root") / path for path in paths.split()])
    assert len({name.casefold() for name in got}) == len(got)
    if "X" not in paths:
        assert got == want.split()


def test_image_ids_of_coco_photos() -> None:
    photos = ["COCO_val2014_000000000192.jpg", "000000000241.jpg", "17.png", "p1.jpg"]
    assert outputs.image_ids([Path(photo) for photo in photos]) == [192, 241, 17, "p1"]


def test_inputs_are_never_overwritten(room: Path) -> None:
    before = (room / "photos/a.jpg").read_bytes()
    for target in ("photos", "photos/", "photos/a.jpg", "photos/../photos"):
        result = run("predict", "photos/a.jpg", "--draw", target)
        assert result.exit_code == 2
        assert "is an input, which is never overwritten" in result.stderr
    (room / "out").symlink_to("photos")
    assert run("predict", "photos/a.jpg", "--draw", "out").exit_code == 2
    assert (room / "photos/a.jpg").read_bytes() == before
    assert FakeEstimator.made == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'INPUT...'"),
        (["photos", "--json", "out.json"], "one file for 4 photos: give a folder"),
        (["photos", "--draw", "out.jpg"], "one file for 4 photos: give a folder"),
        (["photos/a.jpg", "--draw", "out.gifx"], "no picture that can be written"),
        (["photos/a.jpg", "--scales", "1,x"], "not a list of numbers"),
        (["photos/a.jpg", "--scales", "0"], "above 0"),
        (["photos/a.jpg", "--scales", "nan"], "above 0"),
        (["photos/a.jpg", "--threads", "0"], "is not in the range"),
        (["photos/a.jpg", "--threshold", "1.5"], "is not in the range"),
        (["photos/a.jpg", "--threshold", "nan"], "'nan' is not a number"),
        (["photos/a.jpg", "--box", "0"], "is not in the range"),
        (["photos/a.jpg", "--format", "xml"], "'xml' is not one of"),
        (["photos/a.jpg", "--weights", "none"], "does not exist"),
    ],
)
def test_wrong_command_lines(room: Path, arguments: list[str], message: str) -> None:
    result = run("predict", *arguments, weights="--weights" not in arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert names(room) == ["net.safetensors", "photos"]


def test_weights_are_needed_where_no_network_ships(room: Path) -> None:
    task = ("--task", "hand")
    result = run("predict", "photos/a.jpg", *task, "--draw", "out/", weights=False)
    assert result.exit_code == 2
    assert "no network for --task hand ships with heatpose: give --model NAME" in result.stderr
    assert not (room / "out").exists()


def test_wrong_weights_are_one_line(room: Path) -> None:
    result = run("predict", "photos/a.jpg", "--model", "vgg19")
    assert result.exit_code == 1
    assert result.stderr == "Error: these are no weights of vgg19\n"


def test_without_torch_the_message_says_what_to_install(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setitem(vars(hp), "BodyEstimator", missing)
    result = run("predict", "photos/a.jpg")
    assert result.exit_code == 1
    assert "pip install 'heatpose[torch]'" in result.stderr


def test_info_names_versions_and_reasons() -> None:
    result = run("info")
    assert result.exit_code == 0
    rows = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert rows["heatpose"] == hp.__version__
    assert {"python", "numpy", "opencv", "threads", "CUDA"} <= set(rows)


def test_info_works_without_torch_and_native_module(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ImportError("heatpose's native module is missing")

    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    monkeypatch.setitem(vars(hp), "cuda_status", missing)
    result = run("info")
    assert result.exit_code == 0
    assert "native module  heatpose's native module is missing" in result.stdout
    assert "torch          not installed" in result.stdout


def test_demo_of_a_planted_crowd(room: Path) -> None:
    result = run("demo", "--people", "3", "--out", "new/demo.png")
    assert result.exit_code == 0, result.output
    assert "planted 3 people, found 0" in result.stdout
    assert media.read_image(room / "new/demo.png").shape == (720, 1280, 3)
    assert run("demo", "--people", "0", "--quiet").stdout == ""
    assert (room / "demo.png").exists()


@pytest.mark.parametrize(
    ("option", "value"), [("--people", "61"), ("--noise", "0.21"), ("--noise", "nan")]
)
def test_demo_refuses_crowds_that_cannot_be_told_apart(room: Path, option: str, value: str) -> None:
    result = run("demo", option, value)
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.stderr


def test_demo_of_a_photo(room: Path) -> None:
    result = run("demo", "photos/a.jpg", "--weights", "net.safetensors", "--out", "a.png")
    assert result.exit_code == 0
    assert result.stdout.startswith("photos/a.jpg: 1 person")
    assert (room / "a.png").exists()
    assert run("demo", "photos/text.jpg", "--weights", "net.safetensors").exit_code == 1
    assert run("demo", "photos/a.jpg").exit_code == 0  # with the network that ships


def test_help_and_version() -> None:
    for arguments in ([], ["predict"], ["demo"], ["info"]):
        assert run(*arguments, "--help", weights=False).exit_code == 0
    assert hp.__version__ in run("--version").stdout
