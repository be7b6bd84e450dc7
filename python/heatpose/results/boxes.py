"""Where people or hands are in a photo: what a detector gives and a top-down estimator takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from heatpose.results.checks import FloatArray, check_array, frozen
from heatpose.results.people import People

Side = Literal["left", "right"]
"""Which hand it is, seen by the person."""


@dataclass(frozen=True, eq=False, repr=False)
class Boxes:
    """Boxes of people or of hands in one photo. A frozen value: the arrays are read-only copies.

    Attributes:
        boxes: float32 [N, 4], (x1, y1, x2, y2) in pixels of the photo; x2 > x1 and y2 > y1. They
            may leave the photo.
        scores: float32 [N], the detector's confidence; 1 by default.
        sides: For hands, which one, or None where that is not known. N of them; all None by
            default.
        persons: int64 [N], whose box it is: a row of ``people``, -1 where that is not known. All -1
            by default.
        people: The poses that the boxes were made from, if they were.
        padded: Whether the boxes hold the margin that a crop needs. Else estimators widen them.

    Raises:
        TypeError: an array is not a NumPy float32 array, persons are not whole numbers, or people
            are not ``People``.
        ValueError: shapes that do not fit together, a box without area, a number that is not
            finite, an unknown side, or a person that is not in ``people``.
    """

    boxes: FloatArray
    scores: FloatArray | None = None
    sides: tuple[Side | None, ...] | None = None
    persons: NDArray[np.int64] | None = None
    people: People | None = None
    padded: bool = False

    def __post_init__(self) -> None:
        check_array("boxes", self.boxes, (None, 4), rows="N")
        count = len(self.boxes)
        if not np.isfinite(self.boxes).all():
            raise ValueError("boxes must be finite")
        flat = ~(self.boxes[:, 2:] > self.boxes[:, :2]).all(axis=1)
        if flat.any():
            row = int(flat.argmax())
            raise ValueError(
                "boxes must be (x1, y1, x2, y2) with x2 > x1 and y2 > y1, "
                f"got {self.boxes[row].tolist()} at row {row}"
            )
        scores = np.ones(count, np.float32) if self.scores is None else self.scores
        check_array("scores", scores, (count,))
        if not np.isfinite(scores).all():
            raise ValueError("scores must be finite")
        object.__setattr__(self, "boxes", frozen(self.boxes))
        object.__setattr__(self, "scores", frozen(scores))
        object.__setattr__(self, "sides", checked_sides(self.sides, count))
        object.__setattr__(self, "persons", checked_persons(self.persons, count, self.people))

    def __len__(self) -> int:
        return len(self.boxes)

    def __repr__(self) -> str:
        first = ", ".join(str(box) for box in self.boxes[:4].round(1).tolist())
        more = ", ..." if len(self) > 4 else ""
        return f"Boxes({len(self)}: [{first}{more}], padded={self.padded})"


def checked_sides(sides: Any, count: int) -> tuple[Side | None, ...]:
    """A side or None for each of ``count`` hands.

    Raises:
        ValueError: another number of them, or another word.
    """
    given = (None,) * count if sides is None else tuple(sides)
    if len(given) != count:
        raise ValueError(f"sides must be {count}, one for each box, got {len(given)}")
    strange = [side for side in given if side is not None and side not in get_args(Side)]
    if strange:
        raise ValueError(f"sides must be 'left', 'right' or None, got {strange[0]!r}")
    return given


def checked_persons(persons: Any, count: int, people: People | None) -> NDArray[np.int64]:
    """A row of ``people`` or -1 for each of ``count`` boxes, as a read-only array.

    Raises:
        TypeError: not whole numbers, or people that are none.
        ValueError: another number of them, or a person that is not there.
    """
    if people is not None and not isinstance(people, People):
        raise TypeError(f"people must be People or None, got {type(people).__name__}")
    given = np.full(count, -1) if persons is None else np.asarray(persons)
    if given.size == 0:
        given = given.astype(np.int64)
    if given.dtype.kind not in "iu":
        raise TypeError(f"persons must be whole numbers, got {given.dtype}")
    if given.shape != (count,):
        raise ValueError(f"persons must be [{count}], got {list(given.shape)}")
    wrong = given < -1
    wanted = "at least -1"
    if people is not None:
        wrong |= given >= len(people)
        wanted = f"-1 or rows of the {len(people)} people"
    if wrong.any():
        raise ValueError(f"persons must be {wanted}, got {given[wrong][0]}")
    answer: NDArray[np.int64] = frozen(given.astype(np.int64))
    return answer
