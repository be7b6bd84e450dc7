"""The report of the benchmarks, and that pages say what the newest results say."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1]))  # python -m pytest has it there already

from benchmarks import report, results_file, tables
from benchmarks.growth import exponent, fits
from benchmarks.results_file import Results

ROOT = Path(__file__).parents[1]


def bench(title: str, ms: float, **told: Any) -> dict[str, Any]:
    """A case as pytest-benchmark writes it."""
    info = {"title": title, "ours": "heatpose", "same": {}, "beside": {}, **told}
    stats = {"median": ms / 1e3, "iqr": ms / 1e4, "rounds": 9}
    return {"fullname": "bench_it.py::test_it", "stats": stats, "extra_info": info}


def results(*benches: dict[str, Any]) -> Results:
    return results_file.condense({"benchmarks": benches, "datetime": "2026-11-21T01:02:03"})


def beside(**ms: float) -> dict[str, Any]:
    return {name: {"ms": value, "rounds": 3} for name, value in ms.items()}


SOME = (
    bench("body, 5 people", 0.5123456, same=beside(classic=507.0), two_threads_ms=0.25),
    bench("body, 50 people", 4.0, same=beside(classic=1000.0)),
    bench("machine: copy", 1.0, machine={"kind": "copy", "bytes": 10_000_000}, ours="copy"),
    bench("machine: product", 2.0, machine={"kind": "multiply_adds", "multiply_adds": 100_000_000}),
    bench("smooth", 3.0, read=5_000_000, written=5_000_000, multiply_adds=100_000_000),
)


# --- The results.


def test_medians_are_kept_to_four_digits_and_rounds_are_not() -> None:
    found = results(*SOME)
    assert found.ms("body, 5 people") == 0.5123
    assert found.times("body, 50 people", "classic") == 250
    assert "stats" not in found.case("smooth") and found.told["date"] == "2026-11-21"


def test_results_do_not_name_the_machine_they_ran_on() -> None:
    told = json.dumps({k: v for k, v in results(*SOME).told.items() if k != "cases"})
    import platform

    assert platform.node() not in told or platform.node() in results_file.machine()["processor"]
    assert str(ROOT) not in told


def test_two_cases_of_one_title_are_refused() -> None:
    with pytest.raises(ValueError, match="of one title"):
        results(SOME[0], SOME[0])


def test_the_newest_results_are_read_back(tmp_path: Path) -> None:
    assert results_file.newest(tmp_path) is None
    (tmp_path / "instructions.json").write_text("{}")
    old = Results({**results(SOME[0]).told, "date": "2026-01-31"})
    new = results(*SOME)
    for one in (new, old):
        results_file.save(one, tmp_path)
    read = results_file.newest(tmp_path)
    assert read is not None and read.told == new.told


def test_a_floor_is_the_longer_of_bytes_and_multiply_adds() -> None:
    found = results(*SOME)
    smooth = found.case("smooth")
    assert found.memory_floor(smooth) == pytest.approx(1.0)
    assert found.arithmetic_floor(smooth) == pytest.approx(2.0)
    assert found.floor(smooth) == pytest.approx(2.0)
    assert found.floor(found.case("body, 5 people")) is None


def test_a_power_law_is_found_again() -> None:
    points = [(x, 0.3 * x**1.25) for x in (1.0, 5.0, 20.0, 100.0)]
    assert exponent(points) == pytest.approx(1.25)
    assert math.isnan(exponent(points[:1])) and math.isnan(exponent([points[0]] * 2))
    grown = [{"family": "it", "axis": "people", "amount": x} for x, _ in points]
    (fit,) = fits(({"growth": [g]}, ms) for g, (_, ms) in zip(grown, points, strict=True))
    assert fit.exponent == pytest.approx(fit.last) == pytest.approx(1.25)


# --- The pages.


def test_what_stands_between_markers_is_written_anew() -> None:
    page = (
        "| a | <!-- bench: gain body -->2x<!-- /bench --> |\n"
        "<!-- bench: ms body, 5 people --><!-- /bench -->, "
        "<!-- bench: threads body, 5 people -->?<!-- /bench -->, "
        "<!-- bench: times body, 5 people | classic -->old\nlines<!-- /bench -->\n"
    )
    once = tables.written(page, results(*SOME))
    assert "gain body -->250x to 990x<!--" in once
    assert "-->0.51 ms<!--" in once and "-->2.0x<!--" in once and "-->990x<!--" in once
    assert tables.written(once, results(*SOME)) == once


@pytest.mark.parametrize("what", ["all", "floors", "growth", "photos"])
def test_tables_stand_on_lines_of_their_own(what: str) -> None:
    page = f"before\n\n<!-- bench: {what} -->\n<!-- /bench -->\n\nafter\n"
    found = tables.written(page, results(*SOME))
    assert found.startswith(f"before\n\n<!-- bench: {what} -->\n| ")
    assert found.endswith(" |\n<!-- /bench -->\n\nafter\n")


def test_a_page_that_asks_for_more_than_was_run_is_left_alone(tmp_path: Path) -> None:
    text = (
        "<!-- bench: ms body, 5 people -->1 ms<!-- /bench --> <!-- bench: ms x --><!-- /bench -->"
    )
    (tmp_path / "README.md").write_text(text)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/speed.md").write_text("<!-- bench: ms smooth -->1 ms<!-- /bench -->")
    (complaint,) = report.write_pages(results(*SOME), tmp_path)
    assert complaint.startswith("README.md is left as it is: no case 'x'")
    assert (tmp_path / "README.md").read_text() == text
    assert "-->3.0 ms<!--" in (tmp_path / "docs/speed.md").read_text()


def test_an_unknown_marker_is_an_error() -> None:
    with pytest.raises(ValueError, match="no such marker"):
        tables.written("<!-- bench: speed it --><!-- /bench -->", results(*SOME))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0123, "0.012"),
        (0.516, "0.52"),
        (0.999, "1.0"),
        (4.94, "4.9"),
        (9.96, "10"),
        (990.4, "990"),
    ],
)
def test_numbers_have_two_digits_or_no_fraction(value: float, words: str) -> None:
    assert tables.number(value) == words


def test_measured_numbers_of_tables_need_a_marker() -> None:
    page = (
        "| 46x82 -> 1280x720, 32 x [21, 64, 64], 4K | no time |\n"
        "| it | 12x |\n| it | 3.5 ms |\n| <!-- bench: ms smooth -->3.0 ms<!-- /bench --> |\n"
        "In a sentence: 12x.\n"
    )
    assert tables.loose_numbers(page) == ["| it | 12x |", "| it | 3.5 ms |"]


# --- The project's own.


def own_pages() -> list[Path]:
    performance = [p for p in (ROOT / "docs").rglob("*.md") if p.stem.startswith("performance")]
    return sorted({ROOT / "README.md", *report.pages(), *performance})


@pytest.mark.parametrize("page", own_pages(), ids=lambda page: page.name)
def test_every_measured_number_of_a_table_comes_from_the_results(page: Path) -> None:
    assert tables.loose_numbers(page.read_text("utf-8")) == []


@pytest.mark.parametrize("page", report.pages(), ids=lambda page: page.name)
def test_pages_say_what_the_newest_results_say(page: Path) -> None:
    found = results_file.newest()
    if found is None:
        pytest.skip("no results of this format yet: make bench writes them")
    text = page.read_text("utf-8")
    assert text == tables.written(text, found), "python -m benchmarks.report --again writes it"


def test_the_page_beside_the_results_says_what_they_say() -> None:
    for path in sorted(results_file.FOLDER.glob("[0-9]*.json")):
        found = Results(json.loads(path.read_text("utf-8")))
        assert path.with_suffix(".md").read_text("utf-8") == tables.page(found), path.name
    assert "| body, 5 people | 0.51 | 0.25 | classic 990x |  |" in tables.page(results(*SOME))


# --- The plots.


def test_plots_are_drawn_from_results(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install heatpose[bench]")
    from benchmarks import plots

    grown = [{"family": "it", "axis": "people", "amount": n} for n in (1, 10)]
    titles = [
        bench(title, 1.0 + i, same=beside(**dict.fromkeys(programs, 20.0)))
        for i, (_, title, programs) in enumerate(tables.HEADLINE)
    ]
    growing = [bench(f"it {i}", 1.0 + i, growth=[g]) for i, g in enumerate(grown)]
    gpu = bench("CUDA: it", 0.1, device="GPU", device_copy=3e6, event_ms=0.1, read=10**8)
    drawn = plots.draw_all(results(*SOME, *titles, *growing, gpu), tmp_path)
    names = ["speedups.svg", "scaling.svg", "roofline-cpu.svg", "roofline-gpu.svg"]
    assert [path.name for path in drawn] == names
    assert all(path.read_text().lstrip().startswith("<?xml") for path in drawn)
