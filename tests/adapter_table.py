"""The table of the adapters: recorded answers, and random crowds beside the originals' own ways.

Tests hand in rows; `tests/conftest.py` prints what was handed in when the run ends, one line for
each golden file and row (`pytest -v`: one for each recording).
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class Golden:
    """Answers of one adapter beside the recorded ones.

    Attributes:
        adapter: Module of heatpose.adapters.
        file: What holds the answers, below the folder of the data.
        row: Which of its answers: the key of the file.
        compared: What of the answers.
        cases: How many recordings, or places of keypoints.
        difference: The largest; infinite where shapes or errors differ.
        allowed: The tolerance. 0: all are equal.
        explained: Cases that are others on purpose, as the test names them.
        worst: Case of the largest difference.
    """

    adapter: str
    file: str
    row: str
    compared: str
    cases: int
    difference: float
    allowed: float
    explained: int = 0
    worst: str = ""

    @property
    def passed(self) -> bool:
        return bool(self.difference <= self.allowed)


@dataclass
class Crowds:
    """Seeded random crowds: an adapter's answers beside those of another way.

    Attributes:
        adapter: Module of heatpose.adapters.
        beside: The other way.
        crowds: How many were compared.
        equal: How many of them had equal answers.
        people: Of all crowds.
        explained: Crowds with other answers, by the reason that the test found.
    """

    adapter: str
    beside: str
    crowds: int = 0
    equal: int = 0
    people: int = 0
    explained: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        CROWDS[self.adapter, self.beside] = self

    @property
    def unexplained(self) -> int:
        return self.crowds - self.equal - sum(self.explained.values())

    def add(self, people: int, equal: bool, reason: str = "") -> None:
        """One crowd more; with other answers, the reason of them where there is one."""
        self.crowds += 1
        self.people += people
        if equal:
            self.equal += 1
        elif reason:
            self.explained[reason] += 1

    def check(self, least: float = 0.75) -> None:
        """None was left out or differs without a reason; but for one, this share is equal."""
        assert self.crowds == crowd_count()
        assert self.unexplained == 0
        assert self.equal >= least * self.crowds - 1, dict(self.explained)


GOLDENS: list[Golden] = []
CROWDS: dict[tuple[str, str], Crowds] = {}
SOURCES: list[Callable[[Path], tuple[Golden, ...]]] = []


def crowd_count() -> int:
    """Crowds of each check: 6, or what HEATPOSE_CROWDS says."""
    count = int(os.environ.get("HEATPOSE_CROWDS") or 6)
    assert count >= 1, "HEATPOSE_CROWDS must be at least 1"
    return count


def goldens(rows: Callable[[Path], Iterable[Golden]]) -> Callable[[Path], tuple[Golden, ...]]:
    """Makes a function of rows one whose rows are computed once, and are in the table."""

    @lru_cache(maxsize=1)
    def kept(shared: Path) -> tuple[Golden, ...]:
        found = tuple(rows(shared))
        GOLDENS.extend(found)
        return found

    SOURCES.append(kept)
    return kept


def check(rows: Sequence[Golden]) -> None:
    """Every row has passed."""
    assert rows
    wrong = [row for row in rows if not row.passed]
    assert not wrong, "\n" + table(golden_lines(wrong, each=True))


def grouped(rows: Iterable[Golden]) -> list[Golden]:
    """One row for all cases of a file that are compared alike."""
    groups: dict[tuple[object, ...], Golden] = {}
    for row in rows:
        key = (row.adapter, row.file, row.row, row.compared, row.allowed)
        if key in groups:
            total = groups[key]
            worse = max(total, row, key=lambda one: nan_to_inf(one.difference))
            row = replace(
                worse,
                cases=total.cases + row.cases,
                explained=total.explained + row.explained,
            )
        groups[key] = row
    return list(groups.values())


def nan_to_inf(value: float) -> float:
    return math.inf if math.isnan(value) else value


def golden_lines(rows: Iterable[Golden], *, each: bool = False) -> list[tuple[str, ...]]:
    lines = [
        ("adapter", "golden file", "row", "compared", "cases", "explained", "largest", "allowed",
         "", "at"),
    ]  # fmt: skip
    for row in sorted(rows if each else grouped(rows), key=lambda row: row.adapter):
        numbers = str(row.cases), str(row.explained or ""), number(row.difference)
        passed = "pass" if row.passed else "FAIL"
        names = row.adapter, row.file, row.row, row.compared
        at = row.worst if row.difference > 0 else ""
        lines.append((*names, *numbers, number(row.allowed), passed, at))
    return lines


def crowd_lines() -> list[tuple[str, ...]]:
    lines = [("adapter", "beside", "crowds", "people", "equal", "explained", "unexplained")]
    for _, row in sorted(CROWDS.items()):
        reasons = ", ".join(f"{count} {why}" for why, count in sorted(row.explained.items()))
        counts = (str(n) for n in (row.crowds, row.people, row.equal))
        lines.append((row.adapter, row.beside, *counts, reasons or "0", str(row.unexplained)))
    return lines


def number(value: float) -> str:
    return f"{value:.1e}" if value else "0"


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows under each other, the first of them the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
