"""What the benchmark files share: a case, which checks, takes turns and hands its medians over.

The machines at hand are noisy: what runs beside, and the processor's clock, change a time by a half
from one minute to the next. Two programs are therefore compared within one process, turn by turn,
and by their medians; a ratio of two benchmarks that ran one after the other would be a ratio of two
minutes. pytest-benchmark runs one program per test. So heatpose's program is the test's, timed by
``benchmark.pedantic``, which owns the statistics, the file and the command line; the others take
their turns in its ``setup``, which runs, untimed, before every round. Their medians travel in
``benchmark.extra_info``.
"""

from __future__ import annotations

import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Before NumPy is imported, which makes its threads at once.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

import heatpose

Program = Callable[[], Any]
Check = Callable[[str, Any], None]
Growth = tuple[str, str, float]

TWO_THREADS = "heatpose, two threads"
MOST_ROUNDS = 101
# A program that takes a second says in two or three turns what a quick one says in fifteen.
LEAST_ROUNDS = 3
# A turn on all cores leaves the one core's caches to others: few, or heatpose's own turns pay.
MOST_TWO_THREADS = 15
SLOW_SECONDS = 1.0


def cores() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


ALL_CORES = cores()


def pin(chosen: list[int]) -> None:
    """Move every thread of this process to these cores; new threads follow their makers."""
    if not Path("/proc/self/task").exists():
        return
    for task in Path("/proc/self/task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), chosen)
        except OSError:  # it has ended
            continue


def use_threads(threads: int, *, torch_too: bool = False) -> None:
    """One thread on one core, or several on all."""
    heatpose.set_num_threads(threads)
    if torch_too and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    pin(ALL_CORES[-1:] if threads == 1 else ALL_CORES)


def one_thread() -> None:
    """Pin this process to one core, and every library in it to one thread."""
    import cv2

    cv2.setNumThreads(1)
    try:
        import torch
    except ImportError:
        pass
    else:
        torch.set_num_threads(1)
    use_threads(1)


@dataclass(frozen=True)
class Work:
    """How much a case has to do, for floors and growth.

    Attributes:
        read, written: Bytes that must come from memory and go there, at the least.
        multiply_adds: Multiply-adds that the answer takes, at the least.
        growth: (family, axis, amount), or several: cases of a family are fitted against the amount.
    """

    read: int = 0
    written: int = 0
    multiply_adds: int = 0
    growth: Growth | tuple[Growth, ...] = ()

    def info(self) -> dict[str, Any]:
        """As it goes into the file."""
        told: dict[str, Any] = {}
        if self.read or self.written:
            told |= {"read": int(self.read), "written": int(self.written)}
        if self.multiply_adds:
            told["multiply_adds"] = int(self.multiply_adds)
        several: Any = self.growth
        if several and isinstance(several[0], str):
            several = (several,)
        if several:
            told["growth"] = [
                dict(zip(("family", "axis", "amount"), g, strict=True)) for g in several
            ]
        return told


NO_WORK = Work()


@dataclass
class Budget:
    """Seconds for each case, fewer when the whole run would take longer than it may."""

    seconds: float
    deadline: float
    left: int

    def take(self) -> float:
        """Seconds for the next case."""
        share = max(0.0, self.deadline - time.perf_counter()) / max(self.left, 1)
        self.left -= 1
        return min(self.seconds, share)


@dataclass
class _Rival:
    """A program beside heatpose's, and the times that it took."""

    program: Program
    times: list[float] = field(default_factory=list)
    rounds: int = 0

    def turn(self) -> Any:
        start = time.perf_counter()
        answer = self.program()
        self.times.append(time.perf_counter() - start)
        return answer


class Case:
    """One comparison: the fixture ``case`` of a test.

    Calling it checks every program's answer, times all turn by turn, and records the medians.
    """

    def __init__(self, benchmark: Any, budget: Budget) -> None:
        self._benchmark = benchmark
        self._budget = budget
        #: What was told of the case, and heatpose's median in milliseconds.
        self.result: tuple[dict[str, Any], float] | None = None

    def __call__(
        self,
        title: str,
        programs: Mapping[str, Program],
        check: Check | None,
        *,
        beside: Mapping[str, Program] | None = None,
        work: Work = NO_WORK,
        target_ms: float | None = None,
        two_threads: bool = True,
        torch_too: bool = False,
        pinned: bool = True,
        **told: Any,
    ) -> None:
        """Check, time and record.

        Args:
            title: The row's name, one of a kind.
            programs: What gives the same answer, heatpose's first.
            check: Gets each program's name and answer and asserts that it is right, before any is
                timed. None where there is nothing to compare: a speed of the machine.
            beside: What is timed and gives no such answer: floors, and ways to less.
            work: How much there is to do.
            target_ms: What heatpose's median is held against.
            two_threads: Whether heatpose's program also runs on two threads.
            torch_too: Whether PyTorch gets two threads there as well.
            pinned: Whether the one thread stays on one core.
            **told: Goes into the file as it is.
        """
        use_threads(1, torch_too=torch_too)
        if not pinned:
            pin(ALL_CORES)
        (ours, program), *others = programs.items()
        rivals: dict[str, _Rival] = {}
        checked = {*programs, TWO_THREADS}
        if two_threads and len(ALL_CORES) > 1:
            rivals[TWO_THREADS] = _Rival(program)
        rivals |= {name: _Rival(other) for name, other in (*others, *(beside or {}).items())}

        def turn(name: str) -> Any:
            if name != TWO_THREADS:
                return rivals[name].turn()
            use_threads(2, torch_too=torch_too)
            try:
                return rivals[name].turn()
            finally:
                use_threads(1, torch_too=torch_too)

        # The first answers are checked, and warm the caches up.
        mine = _Rival(program)
        for name in (ours, *rivals):
            answer = mine.turn() if name == ours else turn(name)
            if check is not None and name in checked:
                check(name, answer)
            del answer
        mine.turn()
        rounds = self._plan(mine, rivals)
        done = 0

        def others_turns() -> None:
            nonlocal done
            for name, rival in rivals.items():
                if (done + 1) * rival.rounds // rounds > done * rival.rounds // rounds:
                    turn(name)
            done += 1

        gc.collect()
        gc.disable()
        try:
            self._benchmark.pedantic(program, setup=others_turns, rounds=rounds, iterations=1)
        finally:
            gc.enable()
        median = statistics.median
        medians = {
            name: {"ms": 1e3 * median(rival.times), "rounds": len(rival.times)}
            for name, rival in rivals.items()
        }
        two = medians.pop(TWO_THREADS, None)
        told |= work.info()
        if target_ms is not None:
            told["target_ms"] = target_ms
        if two is not None:
            told["two_threads_ms"] = two["ms"]
        same = {name: row for name, row in medians.items() if name in programs}
        other = {name: row for name, row in medians.items() if name not in same}
        info = {"title": title, "ours": ours, "same": same, "beside": other, **told}
        self._benchmark.extra_info.update(info)
        if self._benchmark.stats is not None:  # None with --benchmark-disable
            self.result = info, 1e3 * self._benchmark.stats.stats.median

    def tell(self, **told: Any) -> None:
        """Add to what was recorded."""
        self._benchmark.extra_info.update(told)
        if self.result is not None:
            self.result[0].update(told)

    def _plan(self, mine: _Rival, rivals: dict[str, _Rival]) -> int:
        """Set the rivals' rounds; the rounds of heatpose's program."""
        share = self._budget.take() / (1 + len(rivals))
        least = LEAST_ROUNDS if share else 1
        rounds = max(least, min(MOST_ROUNDS, int(share / max(mine.times[-1], 1e-9))))
        for name, rival in rivals.items():
            first = rival.times[-1]
            if first < SLOW_SECONDS:
                rival.times.clear()
            enough = least - 2 * len(rival.times)  # a slow one's first turn counts
            rival.rounds = min(rounds, max(enough, int(share / max(first, 1e-9))))
            if name == TWO_THREADS:
                rival.rounds = min(rival.rounds, max(enough, rounds // 2, 1), MOST_TWO_THREADS)
        return rounds


def row(told: Mapping[str, Any], ms: float) -> str:
    """One line: the case, heatpose's median, and how many times as long the others took."""
    cells = [f"{told['ours']} {ms:.3f} ms"]
    if "two_threads_ms" in told:
        cells.append(f"two threads {told['two_threads_ms']:.3f} ms")
    for name, other in {**told["same"], **told["beside"]}.items():
        cells.append(f"{name} {other['ms']:.3f} ms ({other['ms'] / ms:.1f}x)")
    if target := told.get("target_ms"):
        cells.append(f"target {target:g} ms {'met' if ms <= target else 'MISSED'}")
    if target := told.get("target_times"):
        met = min(other["ms"] for other in told["same"].values()) >= target * ms
        cells.append(f"target {target:g}x {'met' if met else 'MISSED'}")
    return f"{told['title']}: " + " | ".join(cells)


def main(file: str) -> None:
    """Run one benchmark file: what ``python -m benchmarks.bench_<op>`` does."""
    sys.exit(pytest.main([file, *sys.argv[1:]]))
