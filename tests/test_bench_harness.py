"""Benchmark cases: answers are checked before anything is timed, and turns are taken in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip(
    "pytest_benchmark", reason="needs pytest-benchmark: pip install heatpose[bench]"
)

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))  # python -m pytest has it there already
CASE = """
import time

ORDER = []


def test_one(case):
    def program(name, seconds=0.0):
        ORDER.append(name[1])
        time.sleep(seconds)
        return {answer}

    def check(name, answer):
        assert answer == 7, name

    case(
        "one",
        {{"heatpose": lambda: program(" heatpose"), "other": lambda: program(" other", 0.002)}},
        check,
        beside={{"floor": lambda: program(" floor")}},
        two_threads={threads},
        target_ms=1000,
    )
    print("ORDER", "".join(ORDER))
"""


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the harness sets when it is imported, it sets for itself, and not for later tests."""
    for name, default in (("OMP_WAIT_POLICY", "passive"), ("OMP_NUM_THREADS", "1")):
        monkeypatch.setenv(name, os.environ.get(name, default))


def run(tmp_path: Path, *arguments: str, answer: str = "7", threads: bool = False) -> Any:
    """What pytest says of the case in a folder with the benchmarks' own settings."""
    folder = tmp_path / "cases"
    folder.mkdir()
    (folder / "bench_one.py").write_text(CASE.format(answer=answer, threads=threads))
    (folder / "conftest.py").write_text("from benchmarks.conftest import *\n")
    command = [sys.executable, "-m", "pytest", "-q", "-s", str(folder), *arguments]
    command += ["-c", str(ROOT / "benchmarks/pytest.ini"), "--rootdir", str(folder)]
    command += ["-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_wrong_answer_fails_before_anything_is_timed(tmp_path: Path) -> None:
    done = run(tmp_path, "--case-seconds", "0", answer="8 if name == ' other' else 7")
    assert done.returncode == 1
    assert "AssertionError: other" in done.stdout
    assert "turn by turn" not in done.stdout


def test_others_take_turns_between_the_rounds(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    done = run(tmp_path, "--case-seconds", "0.05", f"--benchmark-json={file}")
    assert done.returncode == 0, done.stdout + done.stderr
    (order,) = [line.split()[-1] for line in done.stdout.splitlines() if "ORDER" in line]
    # Each once for its answer, heatpose's once more, and from then on turns.
    assert order.startswith("hofh")
    rounds = order[4:].split("h")[:-1]
    slow = [turns.count("o") for turns in rounds]
    assert max(slow) == 1 and 3 <= sum(slow) < len(slow)
    first, last = slow.index(1), len(slow) - slow[::-1].index(1)
    assert last - first > len(slow) / 2, "spread over the whole run"
    (bench,) = json.loads(file.read_text())["benchmarks"]
    told = bench["extra_info"]
    assert told["title"] == "one" and told["ours"] == "heatpose" and told["target_ms"] == 1000
    assert set(told["same"]) == {"other"} and set(told["beside"]) == {"floor"}
    assert told["same"]["other"]["ms"] >= 2
    assert 3 <= told["same"]["other"]["rounds"] <= bench["stats"]["rounds"]


def test_two_threads_are_another_program_with_the_same_answer(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    done = run(tmp_path, "--case-seconds", "0", f"--benchmark-json={file}", threads=True)
    assert done.returncode == 0, done.stdout + done.stderr
    from benchmarks.harness import ALL_CORES

    (bench,) = json.loads(file.read_text())["benchmarks"]
    assert ("two_threads_ms" in bench["extra_info"]) == (len(ALL_CORES) > 1)


def test_rows_say_how_many_times_as_long_the_others_took() -> None:
    from benchmarks.harness import row

    told = {
        "title": "one",
        "ours": "heatpose",
        "same": {"other": {"ms": 6.0, "rounds": 3}},
        "beside": {},
        "target_ms": 1.0,
    }
    assert row(told, 2.0) == "one: heatpose 2.000 ms | other 6.000 ms (3.0x) | target 1 ms MISSED"


def test_cases_get_less_time_when_the_run_gets_late() -> None:
    import time

    from benchmarks.harness import Budget

    late = Budget(seconds=2.0, deadline=time.perf_counter() + 1.0, left=4)
    assert 0.2 < late.take() <= 0.25
    assert Budget(seconds=2.0, deadline=0.0, left=4).take() == 0
    assert Budget(seconds=2.0, deadline=time.perf_counter() + 100.0, left=4).take() == 2.0
