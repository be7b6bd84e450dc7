"""Room for all peaks and all people: the programs know no limit, the ops want one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from heatpose import ops
from heatpose.ops import Array, Association, Peaks, Size

FIRST, FACTOR = 128, 8
MOST = 1 << 20
"""What the ops have room for at most."""


def larger(what: str, room: int, most: int) -> int:
    """The next room to try, at most ``most`` and what the ops have.

    Raises:
        ValueError: there is none.
    """
    limit = min(most, MOST)
    if room >= limit:
        raise ValueError(f"the maps have more {what} than there is room for ({limit})")
    return min(room * FACTOR, limit)


def every_peak(maps: Array, **settings: Any) -> Peaks:
    """:func:`heatpose.ops.find_peaks` of maps [..., H, W] with room for all of them.

    Raises:
        ValueError: a map has more than 1,048,576 peaks.
    """
    pixels = max(maps.shape[-2] * maps.shape[-1], 1)
    room = min(FIRST, pixels)
    while True:
        found = ops.find_peaks(maps, max_peaks=room, **settings)
        if not found.overflow.any():
            return found
        room = larger("peaks of a part", room, pixels)


def everybody(
    decode: Callable[[int, int], Sequence[Any]], canvas: Size, first: int = 0
) -> tuple[Peaks, Association]:
    """Peaks and people with room for all of them.

    Args:
        decode: Gives, for the room of peaks per part and that of people, the arrays of
            :class:`heatpose.ops.Peaks` and then those of :class:`heatpose.ops.Association`, on the
            host.
        canvas: (H, W) in pixels, of which each can be a peak.
        first: The room to begin with; 0: the usual one.

    Raises:
        ValueError: a part has more than 1,048,576 peaks, or there are more people than that.
    """
    room = people = first or FIRST
    while True:
        arrays = decode(room, people)
        peaks, groups = Peaks(*arrays[:4]), Association(*arrays[4:])
        if peaks.overflow.any():
            room = larger("peaks of a part", room, canvas[0] * canvas[1])
        elif groups.overflow.any():
            people = larger("people", people, MOST)
        else:
            return peaks, groups
