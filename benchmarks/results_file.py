"""A run of the benchmarks, condensed: what is kept in benchmarks/results and read by the report.

pytest-benchmark's file knows every round and the machine's name; kept are medians, what the
machine can do, and what it is.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import math
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.growth import Fit, fits

FOLDER = Path(__file__).parent / "results"
FORMAT = 1
PACKAGES = ("numpy", "opencv-python", "scipy", "torch", "pytest-benchmark")
# Where one side is less than this share of the bytes, it is the other side's speed that counts.
LITTLE = 1 / 8


class NoSuchCaseError(KeyError):
    """The results have no such case, or it has no such program."""

    def __str__(self) -> str:
        return str(self.args[0])


class Results:
    """One condensed run.

    Attributes:
        told: As the file has it.
        cases: By title.
    """

    def __init__(self, told: Mapping[str, Any]) -> None:
        if told.get("format") != FORMAT:
            raise ValueError(f"results of format {told.get('format')!r}, expected {FORMAT}")
        self.told = told
        self.cases: dict[str, dict[str, Any]] = {case["title"]: case for case in told["cases"]}

    def case(self, title: str) -> dict[str, Any]:
        """The case of this title.

        Raises:
            NoSuchCaseError: there is none.
        """
        if title not in self.cases:
            raise NoSuchCaseError(f"no case {title!r} among the results of {self.told['date']}")
        return self.cases[title]

    def ms(self, title: str, program: str | None = None) -> float:
        """Median milliseconds of heatpose, or of another program of the case."""
        case = self.case(title)
        if program is None:
            return float(case["ms"])
        programs = {**case["same"], **case["beside"]}
        if program not in programs:
            raise NoSuchCaseError(f"{title!r} has no {program!r}, only {', '.join(programs)}")
        return float(programs[program]["ms"])

    def times(self, title: str, program: str) -> float:
        """How many times as long the other program takes."""
        return self.ms(title, program) / self.ms(title)

    def starting(self, prefix: str) -> list[dict[str, Any]]:
        """The cases whose titles start so; at least one.

        Raises:
            NoSuchCaseError: there is none.
        """
        found = [case for title, case in self.cases.items() if title.startswith(prefix)]
        if not found:
            raise NoSuchCaseError(f"no case starts with {prefix!r}")
        return found

    def rate(self, kind: str, size: float) -> float | None:
        """Bytes a millisecond of one core, for as many bytes at once; None if not measured."""
        points = [
            (case["machine"]["bytes"], case["machine"]["bytes"] / case["ms"])
            for case in self.cases.values()
            if case.get("machine", {}).get("kind") == kind
        ]
        if not points:
            return None
        return min(points, key=lambda point: abs(math.log(point[0] / size)))[1]

    def multiply_adds_rate(self) -> float | None:
        """Multiply-adds a millisecond of one core; None if not measured."""
        for case in self.cases.values():
            if case.get("machine", {}).get("kind") == "multiply_adds":
                return float(case["machine"]["multiply_adds"]) / float(case["ms"])
        return None

    def memory_floor(self, case: Mapping[str, Any]) -> float | None:
        """Milliseconds that the bytes of a case take; None if it or the machine has no word."""
        read, written = case.get("read", 0), case.get("written", 0)
        moved = read + written
        if not moved or case.get("device"):
            return None
        kind = "copy"
        if min(read, written) < LITTLE * moved:
            kind = "read" if read > written else "fill"
        rate = self.rate(kind, moved)
        return None if rate is None else moved / rate

    def arithmetic_floor(self, case: Mapping[str, Any]) -> float | None:
        """Milliseconds that the multiply-adds of a case take."""
        rate = self.multiply_adds_rate()
        if rate is None or not case.get("multiply_adds"):
            return None
        return float(case["multiply_adds"]) / rate

    def floor(self, case: Mapping[str, Any]) -> float | None:
        """The least time for a case: the longer of the two floors."""
        floors = [self.memory_floor(case), self.arithmetic_floor(case)]
        return max((floor for floor in floors if floor is not None), default=None)

    def growth(self) -> list[Fit]:
        """How time grows in every family."""
        return fits((case, case["ms"]) for case in self.cases.values())


def newest(folder: Path = FOLDER) -> Results | None:
    """The results of the latest date; of one date, the last by name. None if there are none."""
    found = []
    for path in sorted(folder.glob("*.json")):
        told = json.loads(path.read_text())
        if told.get("format") == FORMAT:
            found.append((told["date"], path.name, told))
    return Results(max(found, key=lambda one: one[:2])[2]) if found else None


def condense(run: Mapping[str, Any], *, date: str | None = None) -> Results:
    """The results of a run, from what pytest-benchmark wrote.

    Raises:
        ValueError: no case, or two of one title.
    """
    cases = []
    for bench in run["benchmarks"]:
        info = bench.get("extra_info", {})
        if "title" not in info:
            continue
        stats = bench["stats"]
        told = {**info, "file": Path(bench["fullname"].partition("::")[0]).stem}
        told |= {"ms": 1e3 * stats["median"], "iqr_ms": 1e3 * stats["iqr"]}
        cases.append(rounded({**told, "rounds": stats["rounds"]}))
    titles = [case["title"] for case in cases]
    if not titles or len(set(titles)) != len(titles):
        again = sorted({title for title in titles if titles.count(title) > 1})
        raise ValueError(f"no cases, or several of one title: {again}")
    commit = run.get("commit_info") or {}
    return Results(
        {
            "format": FORMAT,
            "date": date or run.get("datetime", datetime.date.today().isoformat())[:10],
            "commit": str(commit.get("id", ""))[:12] + ("+" if commit.get("dirty") else ""),
            "machine": machine(),
            "versions": versions(),
            "cases": cases,
        }
    )


def rounded(value: Any) -> Any:
    """Four digits of every fraction, wherever it lies."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {name: rounded(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(one) for one in value]
    return value


def machine() -> dict[str, Any]:
    """What the numbers were measured on; not which one."""
    import heatpose

    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        name = next((line.split(": ")[1] for line in lines if line.startswith("model name")), name)
    return {
        "processor": name,
        "cores": os.cpu_count(),
        "vector_unit": heatpose.vector_unit(),
        "system": platform.system(),
    }


def versions() -> dict[str, str]:
    """Of Python, heatpose, and what it is compared with."""
    import heatpose

    found = {"python": platform.python_version(), "heatpose": heatpose.__version__}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def save(results: Results, folder: Path = FOLDER) -> Path:
    """Write the results under their date and machine; the path."""
    told = results.told
    words = re.sub(r"[^a-z0-9]+", "-", told["machine"]["processor"].lower()).strip("-")
    path = folder / f"{told['date']}-{words}-{told['machine']['vector_unit']}.json"
    folder.mkdir(parents=True, exist_ok=True)
    head = {name: value for name, value in told.items() if name != "cases"}
    lines = [json.dumps(head, indent=1, ensure_ascii=False)[:-2] + ',\n "cases": [']
    lines.append(",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in told["cases"]))
    path.write_text("\n".join(lines) + "\n ]\n}\n", encoding="utf-8")
    return path
