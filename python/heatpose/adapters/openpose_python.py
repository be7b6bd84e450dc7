"""What the Python programs after OpenPose share: their tables of people, their boxes of hands.

``candidate`` float64 [P, 4] has a row (x, y, score, id) for every peak, ordered
by keypoint and then by row and column of the photo; ``subset`` float64 [n, 20] has one for every
person: 18 ids (-1 where missing), total score, number of parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.adapters._arrays import real_numbers
from heatpose.adapters._rooms import FIRST, everybody
from heatpose.decoders import BodyDecoder
from heatpose.detectors import hand_boxes
from heatpose.ops import AssociateOptions, Association, Peaks, Size, decode_hand_maps
from heatpose.ops._outputs import to_host
from heatpose.results import People
from heatpose.skeletons import COCO18

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Maps = Any
"""Floats [C, h, w] or [1, C, h, w], NumPy or torch, on the CPU or on a CUDA device."""

KEYPOINTS = COCO18.num_keypoints
HAND_KEYPOINTS = 21
_ROOM = FIRST


class CandidateDecoder:
    """Heatmaps and PAFs of COCO-18 to ``candidate`` and ``subset``.

    Args:
        classic: Every pixel of a plateau is a peak, and a second slot is overwritten in a conflict,
            so that a peak can be in two people: what the programs do. False: one peak per
            plateau, and a peak belongs to one person at most.
        interpolation: See :func:`heatpose.ops.peaks_from_cells`.
        threshold: A peak's smoothed value exceeds it.
        **association: Settings of :class:`heatpose.ops.AssociateOptions`.
    """

    def __init__(
        self,
        *,
        classic: bool = True,
        interpolation: str | tuple[str, str] = "cubic",
        threshold: float = 0.1,
        **association: Any,
    ) -> None:
        self._settings: dict[str, Any] = {
            "ties": "all" if classic else "first",
            "interpolation": interpolation,
            "threshold": threshold,
            "association": AssociateOptions(classic_conflicts=classic, **association),
        }
        self._decoder = self._with_room(_ROOM, _ROOM)

    def _with_room(self, peaks: int, people: int) -> BodyDecoder:
        return BodyDecoder(COCO18, max_peaks=peaks, max_people=people, **self._settings)

    def __call__(
        self, heatmaps: Any, pafs: Any, canvas: Size, **geometry: Any
    ) -> tuple[Float64, Float64]:
        """Decode the maps of one photo.

        Args:
            heatmaps: [19, h, w] (or without the background) of one scale, or a list of them.
            pafs: [38, h, w], or a list.
            canvas: (H, W) of the photo in pixels.
            **geometry: ``content``, ``stride``, ``weights`` and ``paf_weights`` of
                :class:`heatpose.BodyDecoder`.

        Returns:
            candidate and subset. Without a peak, candidate has shape (0,), as in the programs.
            However many there are, no peak and no person is left out.
        """

        def decode(peaks: int, people: int) -> Sequence[Any]:
            usual = peaks == people == _ROOM
            decoder = self._decoder if usual else self._with_room(peaks, people)
            return to_host(decoder.queue(heatmaps, pafs, canvas, **geometry).arrays)

        peaks, groups = everybody(decode, canvas, _ROOM)
        return _candidate(peaks), _subset(peaks, groups)


def _candidate(peaks: Peaks) -> Float64:
    found = np.arange(peaks.scores.shape[1]) < peaks.counts[:, None]
    count = int(found.sum())
    if count == 0:
        return np.empty(0)
    rows = np.empty((count, 4))
    rows[:, :2] = peaks.xy[found]
    rows[:, 2] = peaks.scores[found]
    rows[:, 3] = np.arange(count)
    return rows


def _subset(peaks: Peaks, groups: Association) -> Float64:
    first = np.concatenate([[0], np.cumsum(peaks.counts)[:-1]])
    count = int(groups.counts)
    rows = np.empty((count, KEYPOINTS + 2))
    index = groups.people[:count]
    rows[:, :KEYPOINTS] = np.where(index < 0, -1, index + first)
    rows[:, -2] = groups.scores[:count]
    rows[:, -1] = groups.parts[:count]
    return rows


def decode_hand(heatmaps: Any, canvas: Size, *, threshold: float = 0.05, **geometry: Any) -> Int64:
    """Maps of one hand's crop to places.

    Args:
        heatmaps: [21 or 22, h, w] of one scale, or a list of them.
        canvas: (H, W) of the crop in pixels.
        threshold: Of the smoothed maps.
        **geometry: ``content``, ``stride``, ``weights`` and ``interpolation`` of
            :func:`heatpose.ops.decode_hand_maps`.

    Returns:
        int64 [21, 2], (x, y) in pixels of the crop, (0, 0) where missing.
    """
    stack = heatmaps if isinstance(heatmaps, list) else [heatmaps]
    hand = [maps[:HAND_KEYPOINTS] for maps in stack]
    found = decode_hand_maps(hand, canvas, threshold=threshold, **geometry)
    coords, _ = to_host(tuple(found))
    places: Int64 = np.nan_to_num(coords).astype(np.int64)
    return places


def hand_squares(
    candidate: Any, subset: Any, size: Size, *, beyond_wrist: float = 0.33
) -> list[list[Any]]:
    """Boxes of hands from the arms of people.

    Args:
        candidate: [P, 4].
        subset: [n, 20].
        size: (H, W) of the photo.
        beyond_wrist: Where the hand's centre lies beyond the wrist, in forearms.

    Returns:
        A list [x, y, width, is_left] of whole pixels for every hand, left before right.
    """
    people = people_of(candidate, subset, size)
    boxes = hand_boxes(people, truncate=True, beyond_wrist=beyond_wrist)
    assert boxes.sides is not None
    return [
        [int(x1), int(y1), int(x2 - x1), side == "left"]
        for (x1, y1, x2, _), side in zip(boxes.boxes.tolist(), boxes.sides, strict=True)
    ]


def people_of(candidate: Any, subset: Any, size: Size) -> People:
    """People in the order of the subset; their scores say nothing."""
    rows = np.asarray(subset, np.float64).reshape(-1, KEYPOINTS + 2)[:, :KEYPOINTS].astype(np.int64)
    table = np.asarray(candidate, np.float64).reshape(-1, 4)
    missing = rows < 0
    if rows.size and rows.max(initial=-1) >= len(table):
        raise ValueError(f"subset names peak {rows.max()}, candidate has {len(table)}")
    places = np.full((*rows.shape, 2), np.nan, np.float32)
    places[~missing] = table[rows[~missing], :2]
    return People(
        places,
        (~missing).astype(np.float32),
        np.zeros(len(rows), np.float32),
        COCO18,
        size,
    )


def one_photo(name: str, maps: Maps, channels: Sequence[int]) -> Maps:
    """Maps of one photo as the ops take them.

    Raises:
        TypeError: no array.
        ValueError: other dimensions, more than one photo, or another number of channels.
    """
    shape = getattr(maps, "shape", None)
    if shape is None:
        raise TypeError(
            f"{name} must be a NumPy array or a torch tensor, got {type(maps).__name__}"
        )
    if len(shape) == 4 and shape[0] == 1:
        maps, shape = maps[0], shape[1:]
    if len(shape) != 3 or shape[0] not in channels:
        wanted = " or ".join(str(n) for n in channels)
        raise ValueError(f"{name} must have shape ([1,] {wanted}, h, w), got {tuple(maps.shape)}")
    return real_numbers(name, maps, whole=False)


def per_scale(name: str, maps: Any, channels: Sequence[int]) -> list[Maps]:
    """Maps of one photo, of one scale or of several, as a list."""
    several = isinstance(maps, (list, tuple))
    stack = maps if several else [maps]
    if not stack:
        raise ValueError(f"{name} must hold at least one scale, got none")
    return [
        one_photo(f"{name}[{i}]" if several else name, one, channels) for i, one in enumerate(stack)
    ]


def content_of(maps: Sequence[Maps], pads: Any, stride: int) -> list[Size]:
    """What of each network input was photo: all but the padding below and on the right.

    Args:
        maps: One per scale.
        pads: (up, left, down, right) of each scale, or of the only one; None: no padding.
        stride: Input pixels per cell.

    Raises:
        TypeError: pads are no numbers.
        ValueError: another number of pads than scales, one that is not whole or not within its
            input, or a padding above or on the left, which none of the programs adds.
    """
    sizes = [(stride * one.shape[-2], stride * one.shape[-1]) for one in maps]
    if pads is None:
        return sizes
    try:
        numbers = np.asarray(pads)
    except ValueError:  # rows of different lengths
        numbers = np.empty(0, object)
    if numbers.dtype.kind not in "iuf":
        raise TypeError(f"pads must be numbers, four per scale, got {pads!r}")
    rows = numbers[None] if numbers.ndim == 1 else numbers
    if rows.shape != (len(sizes), 4):
        raise ValueError(f"pads must be four numbers per scale ({len(sizes)}), got {pads!r}")
    if (rows != np.round(rows)).any():
        raise ValueError(f"pads must be whole numbers, got {pads!r}")
    if rows[:, :2].any():
        raise ValueError(f"pads must be 0 above and on the left, got {pads!r}")
    if (rows < 0).any() or (rows[:, 2:] >= np.array(sizes)).any():
        raise ValueError(f"pads must be within inputs of {sizes} pixels, got {pads!r}")
    rows = rows.astype(np.int64)
    cut = rows[:, 2:].tolist()
    return [(h - down, w - right) for (h, w), (down, right) in zip(sizes, cut, strict=True)]


def photo_size(name: str, photo: Any) -> Size:
    """(H, W) of a photo, which may be given as such.

    Raises:
        TypeError: neither an array nor two numbers.
    """
    shape = getattr(photo, "shape", photo)
    try:
        height, width = (int(n) for n in tuple(shape)[:2])
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a photo or its (height, width), got {photo!r}") from None
    return height, width
