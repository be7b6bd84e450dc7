"""How time grows with work: a power law through the cases of a family."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Fit(NamedTuple):
    """Time is about a constant times ``amount ** exponent``.

    Attributes:
        family: What grows.
        axis: With what: "pixels", "people", "candidate pairs", "batch".
        exponent: Over all cases, by least squares of the logarithms.
        last: Between the two largest cases, where fixed costs weigh least.
        points: (amount, milliseconds), by amount.
    """

    family: str
    axis: str
    exponent: float
    last: float
    points: tuple[tuple[float, float], ...]

    def line(self) -> str:
        """For people."""
        low, high = self.points[0][0], self.points[-1][0]
        return (
            f"{self.family}, {self.axis} {low:g} to {high:g}: exponent {self.exponent:.2f}, "
            f"between the two largest {self.last:.2f}"
        )


def exponent(points: Iterable[tuple[float, float]]) -> float:
    """The slope of the logarithms' line; NaN for fewer than two amounts."""
    logs = [(math.log(amount), math.log(ms)) for amount, ms in points]
    x_mean = sum(x for x, _ in logs) / max(len(logs), 1)
    y_mean = sum(y for _, y in logs) / max(len(logs), 1)
    spread = sum((x - x_mean) ** 2 for x, _ in logs)
    if not spread:
        return math.nan
    return sum((x - x_mean) * (y - y_mean) for x, y in logs) / spread


def fits(cases: Iterable[tuple[Mapping[str, Any], float]]) -> list[Fit]:
    """A fit for every family that two or more of the cases (what was told, milliseconds) are of."""
    families: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for told, ms in cases:
        for grown in told.get("growth", ()):
            key = (grown["family"], grown["axis"])
            families.setdefault(key, []).append((float(grown["amount"]), ms))
    found = []
    for (family, axis), given in families.items():
        points = sorted(given)
        slope = exponent(points)
        if not math.isnan(slope):
            found.append(Fit(family, axis, slope, exponent(points[-2:]), tuple(points)))
    return found
