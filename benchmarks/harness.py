"""What the benchmark files share: one thread, interleaved timing, median and spread.

Machines are noisy, so two programs are compared in one run, turn by turn, and by their medians.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np

import heatpose


def one_thread() -> None:
    """Pin this process to one core, and every library in it to one thread."""
    heatpose.set_num_threads(1)
    import cv2

    cv2.setNumThreads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})


def compare(
    programs: dict[str, Callable[[], Any]], *, rounds: int = 15, seconds: float = 20.0
) -> dict[str, float]:
    """Median milliseconds of each program, timed turn by turn after one warm-up each."""
    for program in programs.values():
        program()
    times: dict[str, list[float]] = {name: [] for name in programs}
    deadline = time.perf_counter() + seconds
    for done in range(rounds):
        for name, program in programs.items():
            start = time.perf_counter()
            program()
            times[name].append((time.perf_counter() - start) * 1e3)
        if done >= 2 and time.perf_counter() > deadline:
            break
    return {name: float(np.median(values)) for name, values in times.items()}


def report(title: str, medians: dict[str, float], *, target_ms: float | None = None) -> None:
    """Print one row: the case, each program's median, and how many times slower it is."""
    ours = medians["heatpose"]
    cells = [f"heatpose {ours:.3f} ms"]
    cells += [
        f"{name} {value:.3f} ms ({value / ours:.1f}x)"
        for name, value in medians.items()
        if name != "heatpose"
    ]
    if target_ms is not None:
        cells.append(f"target {target_ms:g} ms {'met' if ours <= target_ms else 'MISSED'}")
    print(f"{title}: " + " | ".join(cells), flush=True)


def report_two_threads(title: str, program: Callable[[], Any]) -> None:
    """Print one row: two threads, and how many times slower one is; turn by turn, not pinned."""

    def run(threads: int) -> None:
        heatpose.set_num_threads(threads)
        program()

    medians = compare({"heatpose": lambda: run(2), "one thread": lambda: run(1)}, rounds=31)
    report(f"{title}, two threads", medians)
