"""``heatpose models``, with a registry of two checkpoints on a server of this machine."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from heatpose import weights
from heatpose.cli.models import models_command
from heatpose.weights import Licence, Model, download, registry
from heatpose.weights.transfer import Policy
from http_server import Answer, FileServer

DATA = b"weights" * 1000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FileServer]:
    """Two checkpoints, free-net and strict-net, and an empty cache folder."""
    monkeypatch.setattr(download, "_POLICY", Policy(attempts=1, timeout=0.5))
    for name in ("HEATPOSE_MIRROR", "HEATPOSE_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEATPOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FileServer([Answer(DATA)]) as server:
        sha256 = hashlib.sha256(DATA).hexdigest()
        facts: dict[str, Any] = {
            "architecture": "hrnetv2",
            "bytes": None,
            "input": "256x256",
            "normalisation": "none",
            "arguments": {"width": 18, "crop_size": (256, 256)},
            "decoding": {"method": "dark", "udp": False},
        }
        free = Licence("Free", "Do what you want.", True, "https://example.org/free")
        strict = Licence("Strict", "For research only. " * 9, False, "https://example.org/strict")
        known = (
            Model(
                name="free-net",
                task="hand",
                file="free.bin",
                urls=(server.url("free.bin"),),
                sha256=sha256,
                sha256_prefix=None,
                licence=free,
                **facts,
            ),
            Model(
                name="strict-net",
                task="body",
                file="strict.bin",
                urls=(server.url("strict.bin"),),
                sha256=None,
                sha256_prefix=sha256[:8],
                licence=strict,
                **facts,
            ),
        )
        listed = MappingProxyType({model.name: model for model in known})
        monkeypatch.setattr(registry, "models", lambda: listed)
        monkeypatch.setattr(weights, "models", lambda: listed)
        yield server


def run(*arguments: str) -> Result:
    return CliRunner().invoke(models_command, arguments)


def test_list(server: FileServer) -> None:
    run("download", "free-net")
    result = run("list")
    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["name", "task", "input", "size", "use", "here"],
        ["free-net", "hand", "256x256", "commercial", "yes"],
        ["strict-net", "body", "256x256", "non-commercial"],
    ]
    assert run("list", "--task", "body").stdout.count("\n") == 2
    assert run("list", "--task", "feet").exit_code == 2


def test_list_as_json(server: FileServer, tmp_path: Path) -> None:
    run("download", "free-net")
    free, strict = json.loads(run("list", "--json").stdout)
    assert free["name"] == "free-net"
    assert free["arguments"] == {"width": 18, "crop_size": [256, 256]}
    assert free["cached"] == str(tmp_path / "cache/free.bin")
    assert strict["licence"]["commercial"] is False
    assert strict["cached"] is None


def test_show(server: FileServer) -> None:
    result = run("show", "strict-net")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 100
    for part in (
        "hrnetv2 (width 18, crop_size 256x256)",
        "method dark, udp no",
        "non-commercial: Strict",
        "https://example.org/strict",
        "... (the rest is not published)",
        server.url("strict.bin"),
    ):
        assert part in result.stdout


@pytest.mark.parametrize("name", list(registry.models()))
def test_every_known_checkpoint_can_be_shown(name: str, tmp_path: Path) -> None:
    result = run("show", name, "--cache", str(tmp_path))
    assert result.exit_code == 0, result.output
    model = registry.find_model(name)
    assert (model.urls[-1] if model.urls else str(weights.card_of(model))) in result.stdout


@pytest.mark.parametrize("command", ["show", "download", "verify"])
def test_a_wrong_name_is_a_wrong_command_line(server: FileServer, command: str) -> None:
    result = run(command, "fre-net")
    assert result.exit_code == 2
    assert "did you mean free-net" in result.stderr
    assert server.requests == []


def test_download_prints_where_the_file_is(server: FileServer, tmp_path: Path) -> None:
    result = run("download", "free-net")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'cache/free.bin'}\n"
    assert run("download", "free-net", "--cache", str(tmp_path / "mine")).exit_code == 0
    assert (tmp_path / "mine/free.bin").read_bytes() == DATA


def test_download_asks_for_the_licence_once(server: FileServer) -> None:
    result = run("download", "strict-net", "free-net")
    assert result.exit_code == 1
    assert "heatpose: strict-net is not for commercial use: Strict" in result.stderr
    assert "--accept-licence" in result.stderr
    assert "1 of 2 failed" in result.stderr
    assert result.stdout.endswith("free.bin\n")  # the other one went on
    assert run("download", "strict-net", "--accept-licence").exit_code == 0
    assert run("download", "strict-net").exit_code == 0


def test_a_failed_download_is_reported(server: FileServer) -> None:
    server.answers = [Answer(status=404)]
    result = run("download", "free-net")
    assert result.exit_code == 1
    assert f"{server.url('free.bin')}: HTTP 404 Not Found" in result.stderr
    assert result.stdout == ""


def test_a_wrong_variable_is_a_wrong_command_line(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEATPOSE_OFFLINE", "maybe")
    result = run("download", "free-net")
    assert result.exit_code == 2
    assert "HEATPOSE_OFFLINE" in result.stderr


def test_verify(server: FileServer, tmp_path: Path) -> None:
    assert run("verify", "--all").stdout == f"no checkpoint in {tmp_path / 'cache'}\n"
    run("download", "free-net", "strict-net", "--accept-licence")
    result = run("verify", "--all")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "free-net: right (sha256)",
        "strict-net: right (first 8 digits of sha256)",
    ]
    path = tmp_path / "cache/strict.bin"
    path.write_bytes(DATA[:-1] + b"?")
    for arguments in (["--all"], ["free-net", "strict-net"]):
        result = run("verify", *arguments)
        assert result.exit_code == 1
        assert result.stdout == "free-net: right (sha256)\n"
        assert "heatpose: strict-net: the sha256 is" in result.stderr
        assert f"delete {path}" in result.stderr
    path.unlink()
    result = run("verify", "strict-net")
    assert result.exit_code == 1
    assert "not downloaded" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["free-net", "--all"]])
def test_verify_wants_names_or_all(server: FileServer, arguments: list[str]) -> None:
    assert run("verify", *arguments).exit_code == 2


def test_convert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def convert(source: Path, target: Path, *, architecture: str | None = None) -> str:
        calls.append((source, target, architecture))
        if architecture == "wrong":
            raise ValueError("file: the tensors are of another network")
        return "184 tensors of vgg19"

    module = types.SimpleNamespace(convert=convert)
    monkeypatch.setitem(sys.modules, "heatpose.weights.convert", module)
    source, target = tmp_path / "in.pth", tmp_path / "out.safetensors"
    source.touch()
    result = run("convert", str(source), str(target))
    assert result.exit_code == 0
    assert result.stdout == "184 tensors of vgg19\n"
    result = run("convert", str(source), str(target), "--architecture", "wrong")
    assert result.exit_code == 1
    assert result.stderr == "Error: file: the tensors are of another network\n"
    assert calls == [(source, target, None), (source, target, "wrong")]
    assert run("convert", str(tmp_path / "none"), str(target)).exit_code == 2


def test_a_missing_library_is_named(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEATPOSE_CACHE")
    monkeypatch.setitem(sys.modules, "pooch", None)
    result = run("download", "free-net")
    assert result.exit_code == 1
    assert "pooch" in result.stderr
    assert "pip install 'heatpose[torch]'" in result.stderr
    assert run("list").exit_code == 0  # needs no library, and then nothing is here
    assert run("show", "free-net").exit_code == 0


def test_list_and_show_do_not_load_torch() -> None:
    code = (
        "import sys\n"
        "from heatpose.cli.models import models_command\n"
        "models_command(['list'], standalone_mode=False)\n"
        "models_command(['show', 'res50-freihand'], standalone_mode=False)\n"
        "assert not {'torch', 'safetensors', 'cv2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
