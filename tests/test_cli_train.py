from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from heatpose import training  # noqa: E402
from heatpose.cli.evaluate import evaluate_command  # noqa: E402
from heatpose.cli.export import export_command  # noqa: E402
from heatpose.cli.train import train_command  # noqa: E402
from heatpose.networks import HeatposeLite, OpenPoseMobileNetV2Small, SimpleBaseline  # noqa: E402
from heatpose.training.exporting import export  # noqa: E402
from training_data import write_people  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
TINY = [
    "data.size=[64, 64]",
    "data.batch_size=2",
    "schedule.warmup=1",
    "trainer.precision=32-true",
    "trainer.accelerator=cpu",
]


def settings(*texts: str) -> list[str]:
    return [part for text in (*TINY, *texts) for part in ("--set", text)]


def run(command: Any, *arguments: object) -> Result:
    before = torch.get_num_threads()
    try:
        return CliRunner().invoke(command, [str(one) for one in arguments])
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_people(tmp_path_factory.mktemp("people"), 4)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "lite.safetensors"
    training.save_weights(HeatposeLite().state_dict(), path)
    return path


def test_trains_evaluates_and_goes_on(people: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    data = ["--data", people, "--val", people]
    common = [*settings(), "--out", out, "--threads", 1, "--quiet"]
    done = run(train_command, "heatpose-lite", *data, *common, "--max-epochs", 1)
    assert done.exit_code == 0, done.output
    assert f"wrote {out / 'model.safetensors'} (loss" in done.output
    more = run(train_command, "--resume", "--out", out, "--max-epochs", 2, "--threads", 1, "-q")
    assert more.exit_code == 0, more.output
    assert torch.load(out / "last.ckpt", weights_only=True)["global_step"] == 4
    judged = run(
        evaluate_command, out / "last.ckpt", "--data", people, "--measure", "distance",
        "--json", tmp_path / "numbers.json", "--threads", 1, "-q",
    )  # fmt: skip
    assert judged.exit_code == 0, judged.output
    assert "PCK@0.2" in judged.output and (tmp_path / "numbers.json").is_file()


def test_shows_the_settings() -> None:
    shown = run(train_command, "hrnetv2-w18-hand-dark", "--set", "data.workers=0", "--show")
    assert shown.exit_code == 0
    assert "epochs: 210" in shown.output and "workers: 0" in shown.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "name a PRESET, or --resume a run"),
        (["heatpose-lit"], 1, "did you mean heatpose-lite?"),
        (["heatpose-lite"], 1, "data.train names no dataset"),
        (["heatpose-lite", "--data", "lsp:/nowhere"], 1, "no such file of joints"),
        (["heatpose-lite", "--set", "optimiser.rat=1"], 1, "did you mean optimiser.rate?"),
        (["--resume", "--out", "/nowhere"], 1, "options.yaml"),
    ],
)
def test_mistakes_are_said(arguments: list[str], code: int, message: str, tmp_path: Path) -> None:
    out = [] if "--out" in arguments else ["--out", tmp_path]
    failed = run(train_command, *arguments, *out, "--quiet")
    assert failed.exit_code == code
    assert message in failed.output and "Traceback" not in failed.output


@pytest.mark.parametrize("ending", ["onnx", "pt2", "pt"])
def test_what_is_exported_answers_alike(weights: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"lite.{ending}"
    done = run(export_command, weights, out, "--size", "64x96")
    assert done.exit_code == 0, done.output
    assert "images of any number and size; answers differ by at most" in done.output
    assert out.stat().st_size > 1_000_000


def test_half_weights_are_half_as_large(weights: Path, tmp_path: Path) -> None:
    done = run(export_command, weights, tmp_path / "half.safetensors", "--half")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "half.safetensors").stat().st_size < 3.9e6


def test_crops_are_exported_too(tmp_path: Path) -> None:
    torch.manual_seed(0)
    made = export(SimpleBaseline(18, crop_size=(64, 64)), tmp_path / "hand.onnx")
    assert made.dynamic and made.error < 1e-4 and made.size == (64, 64)


class Frozen(torch.nn.Module):
    """What it does to the images of one height, tracing takes for what it does to all."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images * int(images.shape[2])


def test_what_answers_otherwise_at_another_size_is_exported_for_one(tmp_path: Path) -> None:
    made = export(Frozen(), tmp_path / "frozen.pt", size=(32, 64))
    assert not made.dynamic and made.size == (32, 64) and made.error == 0


def test_what_cannot_be_exported_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"m\.onnx: "):
        export(OpenPoseMobileNetV2Small(), tmp_path / "m.onnx", size=(64, 64))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["x.tflite"], 1, "out must end with one of .onnx, .pt2, .pt, .safetensors"),
        (["x.onnx", "--half"], 2, "--half is for .safetensors"),
        (["x.onnx", "--size", "64"], 2, "'64' is not a size like 256x320"),
    ],
)
def test_wrong_exports_are_refused(
    weights: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    failed = run(export_command, weights, tmp_path / arguments[0], *arguments[1:])
    assert failed.exit_code == code and message in failed.output


def test_a_detector_is_no_network_to_export(tmp_path: Path) -> None:
    failed = run(export_command, "yolox-s-humanart-onnx", tmp_path / "x.onnx")
    assert failed.exit_code == 1 and "is a detector (yolox), an ONNX file" in failed.output


def test_two_processes_train_together(people: str, tmp_path: Path) -> None:
    """Through Lightning's own DDP, which starts the same command again for each process."""
    script = tmp_path / "run.py"
    script.write_text("from heatpose.cli.train import train_command\ntrain_command()\n")
    out = tmp_path / "run"
    command = [
        sys.executable, "-W", "ignore", str(script), "heatpose-lite",
        "--data", people, "--val", people, "--out", str(out), "--threads", "1",
        "--max-epochs", "2",
        *settings("trainer.devices=2", "trainer.strategy=ddp", "trainer.ema=0.5"),
    ]  # fmt: skip
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
    }
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("wrote ") == 1
    assert done.stdout.count("4 photos, 4 annotations") == 2  # of the training, the validation
    checkpoint = torch.load(out / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 2  # four photos: two processes, a batch of two each
    state = training.weights_of(out / "last.ckpt")
    assert all(np.isfinite(tensor.numpy()).all() for tensor in state.values())
