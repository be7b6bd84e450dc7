"""``tf_pose.pafprocess.pafprocess`` without SWIG and without a compiler.

:class:`PafProcess` holds the answer of one call; the functions of the module work on one such
object for the whole process, as the original's globals do. Use an object of your own per thread.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.adapters.tf_pose._grouping import PARTS, Row, assemble, find_pairs, find_peaks
from heatpose.skeletons import COCO18

FIELDS = 2 * len(COCO18.limbs)


class PafProcess:
    """Groups the peaks of one picture into people.

    Args:
        zero_is_absent: Take peak 0 for absent when two people who have a pair's peaks are asked
            whether they share a part, as the C++ code does. It then adds up two ids and names a
            peak that is in neither person. By default peak 0 is a peak like any other.
    """

    def __init__(self, *, zero_is_absent: bool = False) -> None:
        if not isinstance(zero_is_absent, bool):
            raise TypeError(f"zero_is_absent must be True or False, got {zero_is_absent!r}")
        self.zero_is_absent = zero_is_absent
        self._x: list[int] = []
        self._y: list[int] = []
        self._scores: list[float] = []
        self._people: list[Row] = []

    def process_paf(self, peaks: npt.ArrayLike, heat: npt.ArrayLike, paf: npt.ArrayLike) -> int:
        """Find the people of a picture; the getters tell of them.

        Args:
            peaks: [H, W, 18 or more], the smoothed heatmaps at their maxima, 0 elsewhere. Above
                0.05 a pixel is a peak.
            heat: [H, W, 18 or more], heatmaps, whose values are the scores.
            paf: [H, W, 38 or more], part affinity fields. All are taken as float32.

        Returns:
            0.

        Raises:
            TypeError: an array does not hold numbers.
            ValueError: an array has another shape (the C++ code reads past its end).
        """
        peak_maps = _maps("peaks", peaks, PARTS)
        heatmaps, pafs = _maps("heat", heat, PARTS), _maps("paf", paf, FIELDS)
        for name, maps in (("heat", heatmaps), ("paf", pafs)):
            if maps.shape[:2] != peak_maps.shape[:2]:
                raise ValueError(
                    f"{name} must be {peak_maps.shape[:2]} pixels like peaks, got {maps.shape[:2]}"
                )
        table = find_peaks(peak_maps, heatmaps)
        with np.errstate(invalid="ignore", over="ignore"):
            pairs = find_pairs(table, pafs)
            people = assemble(table, pairs, zero_is_absent=self.zero_is_absent)
        self._x, self._y = table.x.tolist(), table.y.tolist()
        self._scores, self._people = table.scores.tolist(), people
        return 0

    def __len__(self) -> int:
        """How many peaks were found, in people or not; their ids count from 0."""
        return len(self._scores)

    def get_num_humans(self) -> int:
        """How many people were found."""
        return len(self._people)

    def get_part_cid(self, human_id: int, part_id: int) -> int:
        """Id of a person's peak, -1 where the part is missing.

        Raises:
            IndexError: there is no such person or part.
        """
        return self._person(human_id).ids[_index("part_id", part_id, PARTS)]

    def get_score(self, human_id: int) -> float:
        """A person's score per part.

        Raises:
            IndexError: there is no such person.
        """
        person = self._person(human_id)
        return float(person.score / np.float32(person.parts))

    def get_part_x(self, cid: int) -> int:
        """Column of a peak in the maps.

        Raises:
            IndexError: there is no such peak.
        """
        return self._x[_index("cid", cid, len(self._x))]

    def get_part_y(self, cid: int) -> int:
        """Row of a peak in the maps.

        Raises:
            IndexError: there is no such peak.
        """
        return self._y[_index("cid", cid, len(self._y))]

    def get_part_score(self, cid: int) -> float:
        """The heatmap's value at a peak.

        Raises:
            IndexError: there is no such peak.
        """
        return self._scores[_index("cid", cid, len(self._scores))]

    def _person(self, human_id: int) -> Row:
        return self._people[_index("human_id", human_id, len(self._people))]


def _index(name: str, value: int, count: int) -> int:
    if not 0 <= value < count:
        raise IndexError(f"{name} must be at least 0 and below {count}, got {value}")
    return value


def _maps(name: str, value: npt.ArrayLike, channels: int) -> npt.NDArray[np.float32]:
    array: npt.NDArray[Any] = np.asarray(value)
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must be numbers, got {array.dtype}")
    if array.ndim != 3 or array.shape[2] < channels:
        raise ValueError(
            f"{name} must have shape (H, W, {channels} or more), got {tuple(array.shape)}"
        )
    return np.ascontiguousarray(array, np.float32)


_PROCESS = PafProcess()

process_paf = _PROCESS.process_paf
get_num_humans = _PROCESS.get_num_humans
get_part_cid = _PROCESS.get_part_cid
get_score = _PROCESS.get_score
get_part_x = _PROCESS.get_part_x
get_part_y = _PROCESS.get_part_y
get_part_score = _PROCESS.get_part_score
