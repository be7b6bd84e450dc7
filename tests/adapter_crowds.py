"""Seeded crowds for the second checks of the adapters that find people in maps of a photo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from adapter_table import crowd_count
from heatpose import demo

Array = np.ndarray[Any, Any]
CANVAS = (240, 320)
CELLS = (23, 31)


def crowds(count: int | None = None) -> Iterator[tuple[int, Array, Array]]:
    """Maps of 1 to 60 people on a small photo: crowded, overlapping, cut off at its edges."""
    count = crowd_count() if count is None else count
    for seed in range(count):
        people = 1 + seed * 59 // max(count - 1, 1)
        heatmaps, pafs, _ = demo.planted_crowd(
            people, cells=(30, 40), canvas=(312, 400), seed=seed, noise=0.02
        )
        top, left = seed % 8, (3 * seed) % 10  # windows of the maps: people lose heads and legs
        window = (..., slice(top, top + CELLS[0]), slice(left, left + CELLS[1]))
        yield people, heatmaps[window].copy(), pafs[window].copy()
