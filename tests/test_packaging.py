"""The house: version, what an import costs, the commands of make, the layers."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import heatpose as hp

ROOT = Path(__file__).parents[1]
PAPERS = ("README.md", "CONTRIBUTING.md")
LAZY = ("torch", "cv2", "click", "tqdm", "scipy", "safetensors")


def blocks(paper: str, language: str) -> list[str]:
    """The code blocks of one language in a Markdown file."""
    text = (ROOT / paper).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def makefile() -> str:
    return (ROOT / "Makefile").read_text()


def test_the_version_is_written_once() -> None:
    assert importlib.metadata.version("heatpose") == hp.__version__


def test_the_native_module_is_small() -> None:
    """A wheel of it, kernels for all architectures among it, stays below 20 MB."""
    module = Path(hp.native.core.__file__)
    assert 100e3 < module.stat().st_size < 20e6


def test_import_is_light() -> None:
    program = f"""
import sys
import heatpose
from heatpose import ops, reference, skeletons
print([name for name in {LAZY!r} if name in sys.modules])
"""
    command = [sys.executable, "-c", program]
    got = subprocess.run(command, capture_output=True, text=True, check=True)
    assert got.stdout.strip() == "[]"


def test_every_public_name_loads() -> None:
    assert set(hp.__all__) <= set(dir(hp))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        hp.nothing  # noqa: B018


@pytest.mark.parametrize("paper", PAPERS)
def test_commands_of_make_exist(paper: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", makefile(), re.MULTILINE))
    assert {"demo", "test", "lint", "bench", "sanitize", "clean"} <= targets
    lines = [line for block in blocks(paper, "bash") for line in block.splitlines()]
    lines += re.findall(r"`(make [^`]*)`", (ROOT / paper).read_text())
    asked = [
        word
        for line in lines
        if line.startswith("make ")
        for word in re.sub(r"#.*|\"[^\"]*\"", "", line).split()[1:]
        if re.fullmatch("[a-z-]+", word)
    ]
    assert asked
    assert set(asked) <= targets


def test_every_requirement_is_pinned() -> None:
    pinned = {
        line.partition("==")[0]
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    required = importlib.metadata.requires("heatpose") or []
    names = {re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower() for requirement in required}
    assert names
    assert names - {"heatpose"} <= pinned  # an extra that is made of others names heatpose


def test_every_op_has_all_its_rooms() -> None:
    bound = {
        path.stem.removeprefix("bind_") for path in (ROOT / "csrc/bindings").glob("bind_*.cpp")
    }
    rooms = (
        "csrc/include/heatpose/{}.h",
        "csrc/cpu/{}.cpp",
        "csrc/cpu/simd/{}.cpp",
        "csrc/cuda/{}.cu",
        "python/heatpose/ops/{}.py",
        "python/heatpose/reference/{}.py",
        "tests/test_{}.py",
        "benchmarks/bench_{}.py",
    )
    ops = sorted(bound - {"runtime"})  # threads, vector units and CUDA: no op
    assert ops
    places = [room.format(op) for op in ops for room in rooms]
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_layers_point_down() -> None:
    pytest.importorskip("importlinter", reason="needs import-linter: make lint")
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    got = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert got.returncode == 0, got.stdout + got.stderr
