"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

try:
    import hypothesis
except ImportError:  # tests/cuda does without
    pass
else:
    # How long an example takes says more about the machine's other work than about the code.
    hypothesis.settings.register_profile("no deadline", deadline=None)
    hypothesis.settings.load_profile("no deadline")

SHARED = Path(os.environ.get("HEATPOSE_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real networks, photos, maps and goldens; skips, saying so, when absent."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"real data not found at {data} (set HEATPOSE_SHARED to the folder above it)")
    return data


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "original: needs the program that an adapter replaces; see make test-originals"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """More random crowds than the default number have more time."""
    seconds = 20 * int(os.environ.get("HEATPOSE_CROWDS") or 0)
    if seconds > 300:
        for item in items:
            if "crowds" in item.name:
                item.add_marker(pytest.mark.timeout(seconds))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """With HEATPOSE_REQUIRE_ORIGINALS=1, a test of an original that would skip fails."""
    outcome = yield
    report = outcome.get_result()
    required = os.environ.get("HEATPOSE_REQUIRE_ORIGINALS") == "1"
    if required and report.skipped and item.get_closest_marker("original"):
        report.outcome = "failed"
        report.longrepr = f"HEATPOSE_REQUIRE_ORIGINALS=1, but skipped: {report.longrepr}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the table of the adapters, where their tests ran."""
    table = sys.modules.get("adapter_table")
    if table is None:
        return
    write = terminalreporter.write_line
    if table.GOLDENS:
        terminalreporter.section("adapters: recorded answers, largest differences")
        each = terminalreporter.config.get_verbosity() > 0
        write(table.table(table.golden_lines(table.GOLDENS, each=each)))
    if table.CROWDS:
        count = table.crowd_count()
        terminalreporter.section(
            f"adapters: random crowds, 1 to 60 people; HEATPOSE_CROWDS={count}"
        )
        write(table.table(table.crowd_lines()))


def _units() -> list[str]:
    from heatpose.native import vector_units

    return vector_units()


@pytest.fixture(params=_units())
def vector_unit(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test once on every vector unit that this machine has."""
    from heatpose import native

    before = native.vector_unit()
    native.set_vector_unit(request.param)
    yield request.param
    native.set_vector_unit(before)


@pytest.fixture
def threads() -> Iterator[None]:
    """Runs the test with four threads, whatever the machine has."""
    from heatpose import native

    before = native.get_num_threads()
    native.set_num_threads(4)
    yield
    native.set_num_threads(before)
