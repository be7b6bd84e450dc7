"""Runs benchmarks one after another and prints their rows as one Markdown table.

What else they print follows below it.

Run: python -m benchmarks.report bench_find_peaks bench_resize_average ...   (make bench: all)
"""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from pathlib import Path

import heatpose

HEAD = ("work", "heatpose", "beside it", "target")


def machine() -> str:
    """One line about what the numbers were measured on."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        name = next((line.split(": ")[1] for line in lines if line.startswith("model name")), name)
    cores, today = os.cpu_count(), datetime.date.today().isoformat()
    return (
        f"{name}, {cores} cores, {heatpose.vector_unit()}; Python {platform.python_version()}, "
        f"heatpose {heatpose.__version__}, {today}; medians"
    )


def cells(row: str) -> tuple[str, ...] | None:
    """The table's cells of a line that `harness.report` printed; None for another line."""
    work, colon, rest = row.partition(": ")
    parts = rest.split(" | ")
    if not colon or not parts[0].startswith("heatpose "):
        return None
    target = parts.pop().removeprefix("target ") if parts[-1].startswith("target ") else ""
    return work, parts[0].removeprefix("heatpose "), ", ".join(parts[1:]), target


def main(names: list[str]) -> int:
    """Run the benchmarks; one that fails is named, and the others go on."""
    table: list[tuple[str, ...]] = []
    notes: list[str] = []
    failed = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        lines = run.stdout.splitlines()
        rows = [row for line in lines if (row := cells(line)) is not None]
        table += rows
        notes += [line for line in lines if line.strip() and cells(line) is None]
        if run.returncode or not rows:
            failed.append(name)
    print(machine() + "\n")
    for row in (HEAD, ("---",) * len(HEAD), *table):
        print("| " + " | ".join(row) + " |")
    if notes:
        print("\n" + "\n".join(notes))
    if failed:
        print(f"\nfailed, or without a row: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
