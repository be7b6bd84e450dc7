"""The plots of a file of results: speed-up bars, growth lines, rooflines."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl

from benchmarks.results_file import Results
from benchmarks.tables import HEADLINE, number, times

mpl.use("Agg")

import matplotlib.pyplot as plt

OURS, THEIRS, LINES = "#d9480f", "#868e96", "#ced4da"
# The same file from the same numbers.
mpl.rcParams.update(
    {
        "svg.hashsalt": "heatpose",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.dpi": 100,
    }
)
AXES = ("pixels", "people", "candidate pairs", "batch")


def save(figure: Any, path: Path) -> Path:
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    return path


def speedups(results: Results, folder: Path) -> Path:
    """A bar for each row of the headline table: the quickest of the others against heatpose."""
    bars = []
    for work, title, programs in HEADLINE:
        rivals = [program for program in programs if not program.startswith("floor")]
        best = min(rivals, key=lambda program: results.ms(title, program))
        bars.append((work, results.times(title, best), programs[best]))
    figure, axes = plt.subplots(figsize=(8, 0.42 * len(bars) + 0.8))
    gains = [gain for _, gain, _ in bars]
    axes.barh(range(len(bars)), gains, color=OURS, height=0.62)
    for i, (_, gain, rival) in enumerate(bars):
        axes.text(gain * 1.06, i, f"{times(gain)}  {rival}", va="center", color=THEIRS)
    axes.set_yticks(range(len(bars)), [work for work, _, _ in bars])
    axes.set_xscale("log")
    axes.set_xlim(1, max(gains) * 20)
    axes.invert_yaxis()
    axes.set_xlabel("times as fast as the best of the others, one thread")
    return save(figure, folder / "speedups.svg")


def scaling(results: Results, folder: Path) -> Path:
    """Time against work, one panel for each kind of work, with a line of exponent 1."""
    found = results.growth()
    panels = [axis for axis in AXES if any(fit.axis == axis for fit in found)]
    figure, places = plt.subplots(1, max(len(panels), 1), figsize=(5.2 * max(len(panels), 1), 5))
    for axis, axes in zip(panels, [places] if len(panels) == 1 else places, strict=True):
        fits = [fit for fit in found if fit.axis == axis]
        for fit in fits:
            xs, ys = zip(*fit.points, strict=True)
            label = f"{fit.family} ({fit.exponent:.2f})"
            axes.plot(xs, ys, marker="o", markersize=3, linewidth=1, label=label)
        start, high = (end(point[0] for fit in fits for point in fit.points) for end in (min, max))
        least = min(point[1] for fit in fits for point in fit.points)
        axes.plot(
            [start, high],
            [least, least * high / start],
            color=LINES,
            linestyle="--",
            label="linear",
        )
        axes.set(xscale="log", yscale="log", xlabel=axis, ylabel="ms")
        axes.legend(fontsize=6, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.14))
    return save(figure, folder / "scaling.svg")


def roofline(results: Results, folder: Path) -> Path | None:
    """The CPU's: multiply-adds a second against multiply-adds a byte; None if not measured."""
    peak, memory = results.multiply_adds_rate(), results.rate("copy", 1 << 28)
    points = [c for c in results.cases.values() if c.get("multiply_adds") and not c.get("device")]
    if peak is None or memory is None or not points:
        return None
    cache = results.rate("copy", 1 << 21) or memory
    figure, axes = plt.subplots(figsize=(7, 4.6))
    xs = [10 ** (n / 20) for n in range(-40, 61)]
    for name, rate in (("memory", memory), ("cache, 2 MiB", cache)):
        ys = [min(peak, rate * x) / 1e6 for x in xs]
        label = f"{name}: {number(rate / 1e6)} GB/s, {number(peak / 1e6)} G multiply-adds/s"
        axes.plot(xs, ys, linewidth=1, label=label)
    seen: dict[str, str] = {}
    for case in points:
        op = case["title"].split()[0]
        colour = seen.get(op) or f"C{len(seen) + 2}"
        moved = case["read"] + case["written"]
        axes.plot(
            case["multiply_adds"] / moved,
            case["multiply_adds"] / case["ms"] / 1e6,
            "o",
            markersize=4,
            color=colour,
            label=None if op in seen else op,
        )
        seen[op] = colour
    axes.set(xscale="log", yscale="log", xlabel="multiply-adds a byte", ylabel="G multiply-adds/s")
    axes.legend(fontsize=7, frameon=False)
    return save(figure, folder / "roofline-cpu.svg")


def roofline_gpu(results: Results, folder: Path) -> Path | None:
    """The GPU's: bytes a second of every case against a device copy; None without one."""
    cases = [
        case for case in results.cases.values() if case.get("device_copy") and case.get("read")
    ]
    if not cases:
        return None
    figure, axes = plt.subplots(figsize=(7, 0.4 * len(cases) + 0.8))
    rates = [case["read"] / case["event_ms"] / 1e9 for case in cases]
    axes.barh(range(len(cases)), rates, color=OURS, height=0.62)
    axes.axvline(cases[0]["device_copy"] / 1e6, color=THEIRS, linestyle="--", label="device copy")
    axes.set_yticks(range(len(cases)), [case["title"] for case in cases])
    axes.invert_yaxis()
    axes.set_xlabel(f"TB/s on {cases[0]['device']}")
    axes.legend(frameon=False)
    return save(figure, folder / "roofline-gpu.svg")


def draw_all(results: Results, folder: Path) -> list[Path]:
    """Every plot that the results have numbers for."""
    folder.mkdir(parents=True, exist_ok=True)
    assert all(math.isfinite(case["ms"]) for case in results.cases.values())
    drawn = [draw(results, folder) for draw in (speedups, scaling, roofline, roofline_gpu)]
    return [path for path in drawn if path is not None]
