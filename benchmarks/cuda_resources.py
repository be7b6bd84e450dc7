"""Registers, shared memory and spills of every kernel, as ptxas reports them: no device needed.

The table is kept in benchmarks/results/cuda-resources.md, so that a change of a kernel shows what
it costs; `--check` compares with it. It depends on the compiler, so that another nvcc is only held
to the spills.

Run: python -m benchmarks.cuda_resources [--check]        (needs nvcc; a minute)
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "benchmarks/results/cuda-resources.md"
ARCHITECTURE = "sm_90"
# Of csrc/cuda, as cmake/HeatposeCuda.cmake has them.
FLAGS = (
    "-std=c++17",
    "-O3",
    "--fmad=false",
    "--expt-relaxed-constexpr",
    "-Icsrc/include",
    "-Icsrc",
)
HEAD = ("file", "kernel", "registers", "shared bytes", "stack bytes", "spilled bytes")

ENTRY = re.compile(
    r"Compiling entry function '(?P<name>\S+)'.*?"
    r"(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, "
    r"(?P<loads>\d+) bytes spill loads.*?Used (?P<registers>\d+) registers(?P<rest>[^\n]*)",
    re.DOTALL,
)


class Kernel(NamedTuple):
    """One row of the table."""

    file: str
    name: str
    registers: int
    shared: int
    stack: int
    spilled: int


def compiler() -> str | None:
    """The version of nvcc; None where there is none."""
    if shutil.which("nvcc") is None:
        return None
    told = subprocess.run(["nvcc", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"V(\d+\.\d+\.\d+)", told)
    return found.group(1) if found else "unknown"


def demangled(name: str) -> str:
    """A kernel's name with its template arguments, without its parameters."""
    told = subprocess.run(["c++filt", name], capture_output=True, text=True, check=True).stdout
    told = told.strip().removeprefix("void ").replace("heatpose::", "")
    told = told.replace("(anonymous namespace)::", "")
    return re.sub(r"\(.*", "", told)


def kernels_of(source: Path) -> list[Kernel]:
    """Compile one file and read what ptxas says of its kernels."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["nvcc", *FLAGS, f"-arch={ARCHITECTURE}", "-Xptxas", "-v", "-cubin"]
        command += ["-o", str(Path(folder) / "out.cubin"), str(source)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    rows = []
    for entry in ENTRY.finditer(done.stderr):
        shared = re.search(r"(\d+) bytes smem", entry["rest"])
        rows.append(
            Kernel(
                source.stem,
                demangled(entry["name"]),
                int(entry["registers"]),
                int(shared.group(1)) if shared else 0,
                int(entry["stack"]),
                int(entry["stores"]) + int(entry["loads"]),
            )
        )
    return sorted(rows)


def all_kernels() -> list[Kernel]:
    """The kernels of csrc/cuda."""
    sources = sorted((ROOT / "csrc/cuda").glob("*.cu"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [kernel for rows in pool.map(kernels_of, sources) for kernel in rows]


def table(rows: list[Kernel], version: str) -> str:
    """The rows as Markdown."""
    lines = [
        f"Kernels as nvcc {version} compiles them for {ARCHITECTURE}. Dynamic shared memory, which "
        "a launch asks for, is not among the shared bytes.",
        "",
        "Made by `python -m benchmarks.cuda_resources`.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|" + " --- |" * len(HEAD),
        *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def check(rows: list[Kernel], version: str) -> int:
    """Compare with the committed table; the number of complaints."""
    complaints = [
        f"{row.file}: {row.name} spills {row.spilled} bytes" for row in rows if row.spilled
    ]
    committed = TABLE.read_text()
    if f"nvcc {version} " in committed and committed != table(rows, version):
        complaints.append(f"{TABLE.relative_to(ROOT)} is not what the kernels are now; run:")
        complaints.append("  python -m benchmarks.cuda_resources")
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return len(complaints)


def main(arguments: list[str]) -> int:
    version = compiler()
    if version is None:
        print("no nvcc on the PATH", file=sys.stderr)
        return 1
    rows = all_kernels()
    text = table(rows, version)
    print(text)
    if "--check" in arguments:
        return 1 if check(rows, version) else 0
    TABLE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
