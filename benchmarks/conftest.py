"""The fixture of every case, the options of the run, and the rows that it prints."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import harness
from benchmarks.growth import fits
from benchmarks.harness import Budget, Case

BUDGET = pytest.StashKey[Budget]()
DONE = pytest.StashKey[list[Case]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("heatpose")
    group.addoption(
        "--case-seconds",
        type=float,
        default=1.5,
        help="seconds for the turns of one case (1.5); 0 takes one turn of each program",
    )
    group.addoption(
        "--run-minutes",
        type=float,
        default=12.0,
        help="minutes for the whole run (12), which the cases share when it gets short",
    )


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    harness.one_thread()
    yield
    harness.pin(harness.ALL_CORES)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    deadline = time.perf_counter() + 60 * config.getoption("--run-minutes")
    config.stash[BUDGET] = Budget(config.getoption("--case-seconds"), deadline, len(items))
    config.stash[DONE] = []


@pytest.fixture
def case(benchmark: Any, request: pytest.FixtureRequest) -> Case:
    """Checks, times and records a comparison: see :class:`benchmarks.harness.Case`."""
    made = Case(benchmark, request.config.stash[BUDGET])
    request.config.stash[DONE].append(made)
    return made


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = [one.result for one in config.stash.get(DONE, []) if one.result is not None]
    if not rows:
        return
    terminalreporter.section("turn by turn, medians")
    for told, ms in rows:
        terminalreporter.write_line(harness.row(told, ms))
    if lines := [fit.line() for fit in fits(rows)]:
        terminalreporter.section("growth: time as a power of the work")
        for line in lines:
            terminalreporter.write_line(line)
