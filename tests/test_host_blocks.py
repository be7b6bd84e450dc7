"""The host blocks, in which kernels are tested where there is no device (host_blocks/README.md)."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]


def run(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    # A sanitizer that these tests themselves run under is not the one of the program.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    environment.pop("ASAN_OPTIONS", None)
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=240, env=environment
    )


def compiler() -> list[str]:
    command = shlex.split(os.environ.get("CXX", "")) or ["c++"]
    if shutil.which(command[0]) is None:
        pytest.skip(f"no C++ compiler: {command[0]}")
    return command


def build(folder: Path, *options: str) -> Path:
    program = folder / "test_kernels"
    include = [f"-I{ROOT / name}" for name in ("csrc", "csrc/include", "tests")]
    source = ROOT / "tests/host_blocks/test_kernels.cpp"
    command = [*compiler(), "-std=c++17", "-pthread", "-Wall", "-Wextra", "-DHEATPOSE_HOST_BLOCKS"]
    done = run([*command, *include, *options, source, "-o", program])
    assert done.returncode == 0, done.stderr
    return program


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sanitized")
    empty = folder / "empty.cpp"
    empty.write_text("int main() { return 0; }\n")
    if run([*compiler(), *SANITIZE, empty, "-o", folder / "empty"]).returncode != 0:
        pytest.skip("the compiler has no sanitizers")
    return build(folder, *SANITIZE)


def test_kernels_give_what_they_must(tmp_path: Path) -> None:
    done = run([build(tmp_path, "-O2")])
    assert done.returncode == 0, done.stderr


def test_sanitizers_find_nothing_in_right_kernels(sanitized: Path) -> None:
    done = run([sanitized])
    assert done.returncode == 0, done.stderr
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr


@pytest.mark.parametrize(
    ("memory", "error"),
    [
        ("global", "heap-buffer-overflow"),
        ("shared", "global-buffer-overflow"),
        ("template", "global-buffer-overflow"),
        ("dynamic", "heap-buffer-overflow"),
        ("own", "stack-buffer-overflow"),
        ("workspace", "use-after-poison"),
    ],
)
def test_a_kernel_that_leaves_its_memory_is_found(sanitized: Path, memory: str, error: str) -> None:
    done = run([sanitized, memory])
    assert done.returncode != 0
    assert f"AddressSanitizer: {error}" in done.stderr
