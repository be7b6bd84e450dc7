"""The One-Euro filter: less jitter at rest, less lag in motion.

Source: Casiez, Roussel and Vogel, "1 EURO Filter: A Simple Speed-based Low-pass Filter for Noisy
Input in Interactive Systems", CHI 2012.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heatpose.results import FloatArray

Floats = NDArray[np.float64]


def low_pass_share(rate: Any, cutoff: Any) -> Any:
    """How much of a new value a low-pass filter takes, 0 to 1.

    Args:
        rate: New values a second; a number or an array.
        cutoff: Cutoff frequency in hertz; a number or an array.
    """
    tau, period = 1 / (2 * math.pi * cutoff), 1 / rate
    return 1 / (1 + tau / period)


def one_euro_step(
    x: Any, last: Any, speed: Any, value: Any, rate: Any, *, mincutoff: Any, beta: Any, dcutoff: Any
) -> tuple[Any, Any]:
    """One step of the filter, of numbers or of arrays.

    Args:
        x: The new measurement.
        last: The measurement before it.
        speed: The speed that the step before gave, in units of x a second.
        value: The smoothed value that the step before gave.
        rate: Values a second, that is 1 / (time since ``last``).
        mincutoff: Cutoff frequency at rest, in hertz.
        beta: How much the cutoff grows with the speed, in hertz per (unit of x a second).
        dcutoff: Cutoff frequency of the speed, in hertz.

    Returns:
        The smoothed value, and the speed.
    """
    share = low_pass_share(rate, dcutoff)
    speed = share * ((x - last) * rate) + (1 - share) * speed
    share = low_pass_share(rate, mincutoff + beta * abs(speed))
    return share * x + (1 - share) * value, speed


class PoseFilter:
    """One-Euro filters for every keypoint of every tracked person, all in one step.

    The rate comes from the timestamps, for each keypoint from when it was last seen, so that
    videos of variable frame rate and skipped frames are treated right. A missing keypoint stays
    missing; after a gap longer than ``max_gap`` the filter of the keypoint starts anew, because
    the speed before the gap says nothing about the place after it.

    Args:
        mincutoff: Cutoff frequency at rest, in hertz. Lower: less jitter of people who stand still,
            more lag when they start to move.
        beta: How fast the cutoff grows with the speed, in hertz per (``unit`` a second). Higher:
            less lag in motion, more jitter in motion. 0 is a plain low-pass filter.
        dcutoff: Cutoff frequency of the speed, in hertz. Lower: the speed is steadier and later.
            The published value 1 seldom needs another.
        max_gap: Seconds after which a keypoint that comes back is taken as it is. One that was in
            the frame before goes on however long ago that was.
        unit: Pixels that are one unit of length for ``beta``: with the height of the picture / 480,
            one ``beta`` fits all sizes of video.

    Raises:
        ValueError: a setting that is not finite or out of its range.
    """

    def __init__(
        self,
        *,
        mincutoff: float = 1.0,
        beta: float = 0.05,
        dcutoff: float = 1.0,
        max_gap: float = 0.5,
        unit: float = 1.0,
    ) -> None:
        above = {"mincutoff": mincutoff, "dcutoff": dcutoff, "max_gap": max_gap, "unit": unit}
        for name, setting in above.items():
            if not (math.isfinite(setting) and setting > 0):
                raise ValueError(f"{name} must be above 0 and finite, got {setting}")
        if not (math.isfinite(beta) and beta >= 0):
            raise ValueError(f"beta must be 0 or more and finite, got {beta}")
        self.mincutoff, self.beta, self.dcutoff = mincutoff, beta, dcutoff
        self.max_gap, self.unit = max_gap, unit
        self._now = -math.inf
        self._ids = np.empty(0, np.int64)
        self._seen: Floats = np.empty((0, 0))  # [T, K], when each keypoint was last seen
        # [3, T, K, 2]: the last measurement, the speed, the smoothed value.
        self._rows: Floats = np.empty((3, 0, 0, 2))

    def __call__(self, ids: ArrayLike, keypoints: ArrayLike, time: float) -> FloatArray:
        """Smooth the people of one frame.

        Args:
            ids: int [P], who they are, all different.
            keypoints: [P, K, 2], (x, y) in pixels, NaN where missing.
            time: Seconds, later than those of the frame before.

        Returns:
            float32 [P, K, 2], NaN where missing.

        Raises:
            ValueError: shapes that do not fit together, an id twice, or a time that does not grow.
        """
        who = np.asarray(ids, np.int64)
        points = np.asarray(keypoints, np.float64)
        if who.ndim != 1 or points.ndim != 3 or points.shape[::2] != (len(who), 2):
            raise ValueError(
                f"ids must be [P] and keypoints [P, K, 2], got {list(who.shape)} "
                f"and {list(points.shape)}"
            )
        if len(np.unique(who)) != len(who):
            raise ValueError(f"ids must be different, got {who.tolist()}")
        if not (math.isfinite(time) and time > self._now):
            raise ValueError(f"time must be later than {self._now}, got {time}")
        before_now, self._now = self._now, time
        rows = self._rows_of(who, points.shape[1], before_now, time)
        if not len(who):
            return points.astype(np.float32)
        found = ~np.isnan(points[..., 0])
        seen = self._seen[rows]
        gap = time - seen
        # What the frame before showed goes on, however slow the video.
        recent = (gap <= self.max_gap) | (np.isfinite(seen) & (seen >= before_now))
        goes_on = (found & recent)[..., None]
        rate = 1 / np.where(goes_on, gap[..., None], 1.0)
        before = np.where(goes_on, self._rows[:, rows], 0.0)
        value, speed = one_euro_step(
            np.where(goes_on, points, 0.0),
            before[0],
            before[1],
            before[2],
            rate,
            mincutoff=self.mincutoff,
            beta=self.beta / self.unit,
            dcutoff=self.dcutoff,
        )
        value = np.where(goes_on, value, points)
        speed = np.where(goes_on, speed, 0.0)
        new = np.stack([points, speed, value])
        self._rows[:, rows] = np.where(found[..., None], new, self._rows[:, rows])
        self._seen[rows] = np.where(found, time, self._seen[rows])
        return value.astype(np.float32)

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that the filter remembers, as arrays."""
        return {
            "now": np.array(self._now),
            "ids": self._ids.copy(),
            "seen": self._seen.copy(),
            "rows": self._rows.copy(),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` gave."""
        self._now = float(state["now"])
        self._ids, self._seen = state["ids"].copy(), state["seen"].copy()
        self._rows = state["rows"].copy()

    def _rows_of(
        self, who: NDArray[np.int64], count: int, before: float, time: float
    ) -> NDArray[np.intp]:
        """The rows of people, with new ones for new people; forgets who is long gone."""
        if self._seen.shape[1] != count:
            if len(self._ids):
                raise ValueError(
                    f"keypoints must be {self._seen.shape[1]} a person as before, got {count}"
                )
            self._seen, self._rows = np.empty((0, count)), np.empty((3, 0, count, 2))
        last = self._seen.max(axis=1, initial=-math.inf)
        keep = np.isin(self._ids, who) | (time - last <= self.max_gap) | (last >= before)
        new = who[~np.isin(who, self._ids[keep])]
        self._ids = np.concatenate([self._ids[keep], new])
        self._seen = np.concatenate([self._seen[keep], np.full((len(new), count), -math.inf)])
        self._rows = np.concatenate([self._rows[:, keep], np.zeros((3, len(new), count, 2))], 1)
        order = np.argsort(self._ids)
        return order[np.searchsorted(self._ids, who, sorter=order)]
