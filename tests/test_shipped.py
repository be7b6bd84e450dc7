"""heatpose-lite, the network that comes with the package: there, whole, and used offline."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import heatpose as hp
from heatpose import formats, media, weights
from heatpose.cli import main
from heatpose.networks import HeatposeLite
from heatpose.ops import AssociateOptions
from heatpose.weights import download

LITE = weights.find_model("heatpose-lite")
PHOTO = Path(__file__).parent.parent / "docs" / "astronaut.jpg"


@pytest.fixture(autouse=True)
def nowhere_to_fetch_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEATPOSE_OFFLINE", "1")
    monkeypatch.setenv("HEATPOSE_CACHE", str(tmp_path / "no cache"))


def test_the_file_is_the_one_that_is_known() -> None:
    path = weights.fetch("heatpose-lite")
    assert path.parent.name == "shipped"
    assert path.stat().st_size == LITE.bytes
    assert LITE.bytes is not None and LITE.bytes <= 4_000_000
    assert hashlib.sha256(path.read_bytes()).hexdigest() == LITE.sha256
    assert weights.problem_of(LITE, path) is None


def test_it_is_the_only_one_and_has_a_card() -> None:
    shipped = [model for model in weights.models().values() if model.shipped]
    assert shipped == [LITE]
    folder = download.SHIPPED_FOLDER
    assert [path.name for path in folder.iterdir()] == [LITE.file]
    card = weights.card_of(LITE).read_text(encoding="utf-8")
    assert LITE.sha256 is not None and LITE.sha256 in card


@pytest.mark.parametrize("model", ["default", "auto", "heatpose-lite"])
def test_it_is_what_a_body_estimator_runs(model: str) -> None:
    estimate = hp.BodyEstimator(model)
    assert isinstance(estimate.network, HeatposeLite)
    named = hp.BodyEstimator("auto", weights=weights.fetch("heatpose-lite"))
    for name, tensor in named.network.state_dict().items():
        assert torch.equal(estimate.network.state_dict()[name], tensor), name


def test_its_settings_are_used_and_give_way() -> None:
    plain = hp.BodyEstimator()
    assert plain.box == LITE.decoding["box"]
    assert plain.decoder.association.min_parts == LITE.decoding["min_parts"]
    few = AssociateOptions(min_parts=2)
    asked = hp.BodyEstimator(box=200, threshold=0.9, association=few)
    assert (asked.box, asked.decoder.association.min_parts) == (200, 2)
    assert len(asked(PHOTO)) == 0 < len(plain(PHOTO))  # no peak is that high


def test_other_tasks_have_none() -> None:
    for make in (hp.HandEstimator, hp.WholeBodyEstimator, hp.FaceEstimator):
        with pytest.raises(ValueError, match=r"no network for the task .* ships with heatpose"):
            make("auto")


def test_a_damaged_installation_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SHIPPED_FOLDER", tmp_path)
    with pytest.raises(weights.DownloadError, match="is not there: the installation is damaged"):
        weights.fetch("heatpose-lite")
    (tmp_path / LITE.file).write_bytes(b"short")
    with pytest.raises(weights.DownloadError, match=f"5 bytes instead of {LITE.bytes}"):
        weights.fetch("heatpose-lite")
    result = CliRunner().invoke(main, ["models", "verify", "heatpose-lite"])
    assert result.exit_code == 1
    assert "install heatpose again" in result.stderr


def test_the_command_line_knows_it(tmp_path: Path) -> None:
    run = CliRunner().invoke
    (line,) = (
        line
        for line in run(main, ["models", "list"]).stdout.splitlines()
        if line.startswith("heatpose-lite ")
    )
    assert line.split()[-1] == "ships"
    shown = run(main, ["models", "show", "heatpose-lite"]).stdout
    assert str(weights.card_of(LITE)) in shown
    path = str(weights.fetch("heatpose-lite"))
    assert run(main, ["models", "download", "heatpose-lite"]).stdout == f"{path}\n"
    verified = run(main, ["models", "verify", "--all"])
    assert verified.stdout == "heatpose-lite: right (sha256)\n"
    assert not (tmp_path / "no cache").exists()


def test_a_photo_needs_no_weights_and_no_connection(tmp_path: Path) -> None:
    """In a process that cannot open a socket."""
    program = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise AssertionError('a connection was wanted')\n"
        "socket.socket.connect = refuse\n"
        "socket.getaddrinfo = refuse\n"
        "from heatpose.cli import main\n"
        "main()\n"
    )
    out = tmp_path / "people.json"
    arguments = ["predict", str(PHOTO), "--json", str(out), "--threads", "1"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "HEATPOSE_OFFLINE": "0"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    people = formats.read_json(out)
    assert len(people) == 1
    assert people[0].visible.sum() >= 6


def test_the_person_is_where_she_is() -> None:
    """Places read off the photo by eye; her head is 140 px wide."""
    (person,) = hp.BodyEstimator(scales=(0.5, 1))(PHOTO)
    names = hp.skeletons.COCO18.keypoints
    found = dict(zip(names, person.keypoints, strict=True))
    for name, place in {"nose": (220, 120), "neck": (215, 200)}.items():
        assert np.hypot(*(found[name] - place)) < 30, (name, found[name])


def test_float16_is_only_its_file() -> None:
    network = hp.BodyEstimator().network
    assert {tensor.dtype for tensor in network.parameters()} == {torch.float32}


def test_copies_of_the_facts_stay_copies() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        LITE.shipped = False  # type: ignore[misc]


def test_grey_noise_holds_nobody() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    assert len(hp.BodyEstimator()(noise)) == 0
    assert media.read_image(PHOTO).dtype == np.uint8
