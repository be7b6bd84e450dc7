"""The guard that counts instructions: what it complains of, and what it says when it cannot."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))  # python -m pytest has it there already

from benchmarks import instructions


def test_more_than_five_percent_either_way_is_a_complaint() -> None:
    committed = {"avx2": {"a": 1000, "b": 1000, "c": 1000}}
    (line,) = instructions.complaints({"avx2": {"a": 1051, "b": 1049, "c": 951}}, committed)
    assert line.startswith("a (avx2) takes 1051 instructions, +5.1 % of the 1000")
    (line,) = instructions.complaints({"avx2": {"a": 1000, "b": 1000, "c": 940}}, committed)
    assert line.startswith("c (avx2) takes 940 instructions, -6.0 %")


def test_an_op_that_comes_or_goes_is_a_complaint() -> None:
    lines = instructions.complaints({"avx2": {"a": 1}}, {"avx2": {"b": 1}})
    assert lines == ["a (avx2) is newly counted", "b (avx2) is not counted"]


def test_a_unit_that_this_machine_lacks_is_none() -> None:
    found = {"baseline": {"a": 1}}
    assert instructions.complaints(found, {**found, "avx2": {"a": 1}}) == []


def test_without_valgrind_the_check_says_so_and_passes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(instructions.shutil, "which", lambda name: None)
    assert instructions.main(["--check"]) == 0
    assert "SKIPPED: instructions were not counted: valgrind is not" in capsys.readouterr().out
    assert instructions.main([]) == 1


def test_without_counts_of_this_compiler_the_check_says_so_and_passes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {"baseline": {"a": 1000}}
    committed = tmp_path / "counts.json"
    monkeypatch.setattr(instructions, "COMMITTED", committed)
    monkeypatch.setattr(instructions, "count", lambda: found)
    monkeypatch.setattr(instructions, "compiler", lambda: "GCC 99 there")
    committed.write_text(json.dumps({"GCC 12 x86_64": found}))
    assert instructions.main(["--check"]) == 0
    assert "SKIPPED: no counts are committed for GCC 99 there" in capsys.readouterr().out
    assert instructions.main(["--write"]) == 0
    assert set(json.loads(committed.read_text())) == {"GCC 12 x86_64", "GCC 99 there"}
    assert instructions.main(["--check"]) == 0
    monkeypatch.setattr(instructions, "count", lambda: {"baseline": {"a": 1100}})
    assert instructions.main(["--check"]) == 1


def test_every_op_is_counted() -> None:
    ops = set(instructions.cases())
    root = Path(__file__).parents[1]
    native = {p.stem.removeprefix("bind_") for p in (root / "csrc/bindings").glob("bind_*.cpp")}
    assert ops == native - {"runtime"}
    for units in instructions.read_committed().values():
        assert all(set(counts) == ops for counts in units.values())


def test_the_compiler_is_read_from_the_module() -> None:
    assert instructions.compiler().split()[0] in ("GCC", "Clang", "unknown")
