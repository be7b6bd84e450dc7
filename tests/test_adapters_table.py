"""The table of the adapters' tests, and the mark of those that need an original."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import adapter_table
from adapter_table import Crowds, Golden


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made here is in no table."""
    monkeypatch.setattr(adapter_table, "CROWDS", {})
    monkeypatch.setattr(adapter_table, "GOLDENS", [])
    monkeypatch.setattr(adapter_table, "SOURCES", [])
    monkeypatch.setenv("HEATPOSE_CROWDS", "2")


def golden(difference: float, case: str = "hand 7") -> Golden:
    return Golden("an adapter", "file", "row", "cells", 3, difference, 1e-4, worst=case)


def test_a_wrong_answer_is_noticed() -> None:
    for difference in (1e-3, float("nan"), float("inf")):
        with pytest.raises(AssertionError, match=r"1\.0e-04 +FAIL"):
            adapter_table.check([golden(0.0), golden(difference)])
    with pytest.raises(AssertionError):
        adapter_table.check([])
    adapter_table.check([golden(1e-4)])


@pytest.mark.parametrize("order", [1, -1])
def test_the_worst_case_of_a_row_stands_for_it(order: int) -> None:
    cases = [golden(1e-5, "a"), golden(float("nan"), "b"), golden(2e-5, "c")][::order]
    (row,) = adapter_table.grouped(cases)
    assert row.cases == 9 and row.worst == "b" and not row.passed
    (row,) = adapter_table.grouped(cases[::2])
    assert row.worst == "c" and row.difference == 2e-5 and row.passed


def test_rows_are_computed_once(tmp_path: Path) -> None:
    calls = []

    @adapter_table.goldens
    def rows(shared: Path) -> list[Golden]:
        calls.append(shared)
        return [golden(0.0)]

    assert rows(tmp_path) == rows(tmp_path) == tuple(adapter_table.GOLDENS)
    assert len(calls) == 1 and [rows] == adapter_table.SOURCES


def test_crowds_are_all_accounted_for() -> None:
    row = Crowds("an adapter", "another way")
    row.add(3, True)
    with pytest.raises(AssertionError):
        row.check(0)  # one of two is left out
    row.add(4, False, "because")
    row.check()
    assert adapter_table.crowd_lines()[1:] == [
        ("an adapter", "another way", "2", "7", "1", "1 because", "0")
    ]
    row = Crowds("an adapter", "a third way")
    row.add(1, True)
    row.add(1, False)
    with pytest.raises(AssertionError):
        row.check(0)
    assert adapter_table.crowd_lines()[1][-1] == "1"
    row = Crowds("an adapter", "a fourth way")
    for _ in range(2):
        row.add(1, False, "always")
    row.check(0)
    with pytest.raises(AssertionError, match="always"):
        row.check()


@pytest.mark.parametrize(("required", "code", "word"), [("1", 1, "1 failed"), ("", 0, "1 skipped")])
def test_a_missing_original_fails_where_it_is_required(
    tmp_path: Path, required: str, code: int, word: str
) -> None:
    test = tmp_path / "test_one.py"
    test.write_text(
        "import pytest\n\n@pytest.mark.original\ndef test_one():\n"
        "    pytest.importorskip('heatpose_has_no_such_original')\n"
    )
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "-q", str(test)],
        env={**os.environ, "PYTHONPATH": path, "HEATPOSE_REQUIRE_ORIGINALS": required},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert word in done.stdout
