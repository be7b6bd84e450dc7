"""From a run of the benchmarks to what people read: results, tables, plots.

Condenses pytest-benchmark's file into benchmarks/results, with a page beside it, writes the numbers
between the markers of README.md and of docs/**/*.md (see ``benchmarks.tables``), and draws
docs/plots. A page that asks for a case that the run does not have is left as it is, and named.

Run: python -m benchmarks.report [build/bench.json]      (make bench does both)
     python -m benchmarks.report --again                 from the newest results, without a run
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.results_file import NoSuchCaseError, Results, condense, newest, save
from benchmarks.tables import asked_for, every_case, machine, page, written

ROOT = Path(__file__).parents[1]
RUN = ROOT / "build/bench.json"
PLOTS = ROOT / "docs/plots"


def pages(root: Path = ROOT) -> list[Path]:
    """The README and the pages that have markers."""
    found = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    return [path for path in found if path.exists() and asked_for(path.read_text("utf-8"))]


def write_pages(results: Results, root: Path = ROOT) -> list[str]:
    """Write the numbers of all pages; the complaints about those that were left as they are."""
    complaints = []
    for path in pages(root):
        text = path.read_text("utf-8")
        try:
            path.write_text(written(text, results), "utf-8")
        except NoSuchCaseError as error:
            complaints.append(f"{path.relative_to(root)} is left as it is: {error}")
    return complaints


def draw(results: Results, folder: Path) -> list[str]:
    """Draw the plots; the complaints."""
    try:
        from benchmarks.plots import draw_all
    except ImportError:
        return ["no plots: matplotlib is not installed"]
    try:
        for path in draw_all(results, folder):
            print(f"drawn: {path}", file=sys.stderr)
    except NoSuchCaseError as error:
        return [f"no plots: {error}"]
    return []


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", nargs="?", type=Path, default=RUN, help="pytest-benchmark's file")
    parser.add_argument("--again", action="store_true", help="from the newest results")
    parser.add_argument("--plots", type=Path, default=PLOTS, help="folder of the plots")
    given = parser.parse_args(arguments)
    if given.again:
        results = newest()
        if results is None:
            print("no results yet: make bench", file=sys.stderr)
            return 1
    elif not given.run.exists():
        print(f"no {given.run}: make bench writes it", file=sys.stderr)
        return 1
    else:
        results = condense(json.loads(given.run.read_text("utf-8")))
        path = save(results)
        path.with_suffix(".md").write_text(page(results), "utf-8")
        print(f"written: {path}, and its page", file=sys.stderr)
    print(machine(results) + "\n")
    print(every_case(results) + "\n")
    for fit in results.growth():
        print(fit.line())
    complaints = write_pages(results) + draw(results, given.plots)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
