"""Numbers as the files hold them: short, and never NaN."""

from __future__ import annotations

from heatpose.results import FloatArray, Hand, Person


def pixel(value: float) -> float:
    """A coordinate, to 0.001 pixel."""
    return round(float(value), 3)


def score(value: float) -> float:
    """A score, to 1e-6."""
    return round(float(value), 6)


def pixels(box: FloatArray) -> list[float]:
    """The corners of a box."""
    return [pixel(value) for value in box]


def points(one: Person | Hand) -> list[list[float] | None]:
    """[x, y, score] per keypoint; None where missing."""
    rows = zip(one.keypoints.tolist(), one.scores.tolist(), one.visible.tolist(), strict=True)
    return [
        [pixel(x), pixel(y), score(confidence)] if found else None
        for (x, y), confidence, found in rows
    ]


def triplets(one: Person | Hand) -> list[list[float]]:
    """[x, y, score] per keypoint; 0, 0, 0 where missing."""
    return [point or [0.0, 0.0, 0.0] for point in points(one)]


def flat(rows: list[list[float]]) -> list[float]:
    """All values of all rows in one list."""
    return [value for row in rows for value in row]
