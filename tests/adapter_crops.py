"""For the tests of top-down adapters: maps, recorded answers, and how other programs reach theirs.

The ``by_opencv`` functions blur whole maps with OpenCV and step map by map, as those programs do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from adapter_table import Crowds, Golden, crowd_count
from heatpose.reference.decode_heatmaps import dark_step, dark_udp_step

Decode = Callable[[np.ndarray], np.ndarray]
"""Maps [N, K, h, w] to places [N, K, 2] in cells."""

HANDS, BATCH = "hand/handnet/decode_goldens.npz", "hand/decode_edge/batch_64x48.npz"
EDGES = "hand/decode_edge/edge_goldens.json"

# Maps with NaN, of which the originals make NaN, the NaN cell itself, its neighbour or (0, 0).
# Here NaN is no maximum, so that the peak (planted at (14.2, 50.7) where there is one) is found.
NAN_MAPS = {"nan_at_peak": 1.0, "nan_next_to_peak": 1.0, "nan_far": 0.8, "nan_and_inf": None}
# A map without a number is as one without a positive number. mmpose says (0, 0) there, the cell of
# its first NaN; where originals divide 0 by 0 their answer is NaN.
INVALID_MAPS = ("all_zero", "negative_zero", "neginf_all", "nan_all")
# An infinite maximum, of which a blur makes NaN. Here its cell, unrefined.
INFINITE_MAPS = {"posinf_at_peak": (14, 51), "posinf_far": (3, 2)}
# One column: the Hessian along x is the added float32 epsilon and nothing else, so that the
# original's step is float32's rounding of a flat logarithm over that epsilon. Here it is 0.
ONE_COLUMN = "size_5x1_random"


def bumps(shape: tuple[int, ...], *, seed: int = 0, noise: float = 0.02) -> np.ndarray:
    """One Gaussian per map, on noise, sometimes at or beyond the border."""
    rng = np.random.default_rng(seed)
    height, width = shape[-2:]
    ys, xs = np.mgrid[:height, :width]
    x, y = (rng.uniform(-1, n, shape[:-2])[..., None, None] for n in (width, height))
    maps = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 8) + rng.normal(0, noise, shape)
    return maps.astype(np.float32)


def crop_crowds() -> Iterator[tuple[int, np.ndarray]]:
    """Maps [people, 17, 32, 24] of the crops of 1 to 60 people who overlap.

    A map has a bump, which may lie beyond the border, and up to three weaker or stronger ones of
    neighbours; one in twenty has no positive value. Noise of 0.001 to 0.1 lies on all of them.
    """
    count = crowd_count()
    for seed in range(count):
        rng = np.random.default_rng([seed, 17])
        people = 1 + seed * 59 // max(count - 1, 1)
        shape = people, 17, 32, 24
        ys, xs = np.mgrid[:32, :24]
        maps = rng.normal(0, 10 ** rng.uniform(-3, -1), shape)
        for neighbour in range(4):
            x, y = (rng.uniform(-3, n + 2, shape[:2])[..., None, None] for n in (24, 32))
            sigma = rng.uniform(1.5, 2.5, shape[:2])[..., None, None]
            height = rng.uniform(0.3, 1, shape[:2])
            if neighbour:
                height *= rng.random(shape[:2]) < people / 80
            distance = ((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2)
            maps += height[..., None, None] * np.exp(-distance)
        maps[rng.random(shape[:2]) < 0.05] -= 3
        yield people, maps.astype(np.float32)


def compare_crops(
    row: Crowds,
    ours: Decode,
    theirs: Callable[[np.ndarray, type[Any]], np.ndarray],
    allowed: float,
    *,
    nowhere: str | None = "",
) -> None:
    """Places in cells beside the program's steps in its own float type and in float64.

    Where they differ by more than ``allowed``, the reason is float32 if ours are those of the same
    steps in float64: their errors grow with the step, which leaves the crop where a map is flat.
    Maps without a positive value have (-1, -1) in both, or in ours alone for the reason
    ``nowhere``; None: there are no such maps.
    """
    for people, maps in crop_crowds():
        empty = maps.max(axis=(-2, -1)) <= 0
        if nowhere is None:
            maps[empty] += 3
        got = ours(maps.copy())
        assert got.shape == (people, 17, 2)
        differ = np.abs(got - theirs(maps, np.float32)).max(axis=-1) > allowed
        equal, reason = not differ.any(), ""
        if nowhere and (got[empty] == -1).all():
            reason, differ = nowhere, differ & ~empty
        if differ.any():
            exact, here = theirs(maps.astype(np.float64), np.float64)[differ], got[differ]
            same = np.allclose(here, exact, rtol=1e-6, atol=min(allowed, 1e-5))
            reason = "by float32 there: its steps in float64 agree" if same else ""
        row.add(people, equal, reason)
    row.check(0 if nowhere else 0.75)


def one_pixel_per_cell(
    function: Callable[[np.ndarray, np.ndarray, np.ndarray], Any], less: int = 0
) -> Decode:
    """A function of maps, centres and scales, for crops of one pixel per cell.

    ``less`` is 1 where corners are in the middle of cells.
    """

    def decode(maps: np.ndarray) -> np.ndarray:
        size = np.array(maps.shape[:-3:-1])
        crops = (len(maps), 1)
        answer = function(maps, np.tile((size - less) / 2, crops), np.tile(size / 200, crops))
        return np.asarray(answer[0], np.float64)

    return decode


def config(kernel: int = 11, post_process: bool = True) -> SimpleNamespace:
    """What programs of the Simple Baselines family hand over as their configuration."""
    return SimpleNamespace(TEST=SimpleNamespace(BLUR_KERNEL=kernel, POST_PROCESS=post_process))


def numbers(values: Any) -> np.ndarray:
    """JSON numbers, where non-finite ones are strings."""
    return np.vectorize(float, otypes=[np.float64])(np.array(values, object))


@dataclass(frozen=True)
class Peer:
    """A function of an adapter, and the recorded answers beside it.

    Attributes:
        adapter: Module of heatpose.adapters.
        name: Key of the recorded answers.
        decode: Maps to places in cells, where a crop has one pixel per cell.
        allowed: Largest difference on the hands, in cells.
        edges: The same on the edge cases.
        method: "none", "quarter", "dark" or "dark_udp".
        invalid: x and y of no place.
        raises: Edge cases beyond those of the original that are an error here.
    """

    adapter: str
    name: str
    decode: Decode
    allowed: float
    edges: float
    method: str
    invalid: float
    raises: tuple[str, ...] = ()

    def row(self, file: str, what: str, cases: int, difference: Any, allowed: float) -> Golden:
        return Golden(self.adapter, file, self.name, what, cases, float(difference), allowed)


def peer_rows(shared: Path, peer: Peer) -> Iterator[Golden]:
    """All that is recorded of a function in cells."""
    yield from hand_rows(shared, peer)
    yield edge_row(shared, peer)


def hand_rows(shared: Path, peer: Peer) -> Iterator[Golden]:
    """The 11 hands of a trained network, as float16 and as float32, and a batch of Gaussians."""
    folder = shared / "hand"
    golden = np.load(folder / "handnet" / "decode_goldens.npz")[peer.name]
    maps = np.load(folder / "handnet" / "heatmaps_f16.npz")["heatmaps"]
    for dtype in (np.float16, np.float32):
        difference = np.abs(peer.decode(maps.astype(dtype)) - golden).max()
        row = peer.row(HANDS, "cells", golden[..., 0].size, difference, peer.allowed)
        yield replace(row, worst=np.dtype(dtype).name)
    batch = np.load(folder / "decode_edge" / "batch_64x48.npz")
    golden = batch[peer.name]
    difference = np.abs(peer.decode(batch["heatmaps"].astype(np.float32)) - golden).max()
    yield peer.row(BATCH, "cells", golden[..., 0].size, difference, min(peer.allowed, 2e-5))


def photo_row(shared: Path, adapter: str, name: str, decode: Any, allowed: float) -> Golden:
    """``decode(maps, center, scale)`` to photo pixels, of crops up to 827 pixels wide."""
    folder = shared / "hand" / "handnet"
    maps = np.load(folder / "heatmaps_f16.npz")["heatmaps"].astype(np.float32)
    cases = json.loads((folder / "cases.json").read_text())["cases"]
    center, scale = (np.array([c[f"affine_{key}"] for c in cases]) for key in ("center", "scale"))
    golden = np.load(folder / "decode_goldens.npz")[name]
    difference = float(np.abs(decode(maps, center, scale) - golden).max())
    cases = golden[..., 0].size
    return Golden(adapter, HANDS, name, "photo pixels", cases, difference, allowed)


def edge_row(shared: Path, peer: Peer) -> Golden:
    """The 109 edge cases; answers other than the original's must be those named above."""
    folder = shared / "hand" / "decode_edge"
    cases = json.loads((folder / "edge_goldens.json").read_text())["cases"]
    inputs = np.load(folder / "edge_inputs.npz")
    row = peer.row(EDGES, "cells, errors", 0, 0.0, peer.edges)
    for name, case in cases.items():
        golden, maps = case["results"][peer.name], inputs[name][None, None]
        difference: float | None = None
        if golden["error"] is not None or name in peer.raises:
            try:
                peer.decode(maps)
            except ValueError:
                difference = 0.0 if golden["error"] is not None else None
            else:
                difference = np.inf  # must be an error
        else:
            got, want = peer.decode(maps)[0, 0], numbers(golden["coords"])[0]
            if not explained_answer(peer, name, got, want):
                difference = float(np.nan_to_num(np.abs(got - want).max(), nan=np.inf))
        if difference is None:
            row = replace(row, explained=row.explained + 1)
        elif difference > row.difference:
            row = replace(row, difference=difference, worst=name)
        row = replace(row, cases=row.cases + 1)
    compared = row.cases - row.explained
    least = len(INVALID_MAPS) + len(NAN_MAPS) + 3 + len(peer.raises)
    assert row.cases == 109 and compared >= row.cases - least
    return row


def explained_answer(peer: Peer, name: str, got: np.ndarray, want: np.ndarray) -> bool:
    """Whether an answer is another one than the original's, and the one it must be."""
    if name in INVALID_MAPS:
        return got.tolist() == [peer.invalid, peer.invalid] != want.tolist()
    if name in NAN_MAPS:
        planted = NAN_MAPS[name]
        place = (1, 1) if planted is None else (14.2, 50.7)
        near = bool(np.abs(got - place).max() <= (planted or 0))
        return near and not np.array_equal(got, want)
    if name in INFINITE_MAPS and peer.method.startswith("dark"):
        return got.tolist() == list(INFINITE_MAPS[name]) != want.tolist()
    if name == ONE_COLUMN and peer.method == "dark_udp":
        return bool(got[0] == 0 and abs(got[1] - want[1]) <= peer.edges)
    return False


# -------------------------------------------------------------------------------------------------
# As the other programs do it, map by map.


def blurred_by_opencv(
    heatmap: np.ndarray, kernel: int, dtype: type[Any] = np.float32
) -> np.ndarray:
    """One map blurred in a frame of zeros and scaled back to its maximum."""
    height, width = heatmap.shape
    radius = kernel // 2
    framed = np.zeros((height + 2 * radius, width + 2 * radius), dtype)
    framed[radius : radius + height, radius : radius + width] = heatmap
    smooth = cv2.GaussianBlur(framed, (kernel, kernel), 0)
    smooth = smooth[radius : radius + height, radius : radius + width]
    return np.asarray(smooth * (heatmap.max() / smooth.max()))


def maxima_by_numpy(maps: np.ndarray, invalid: float) -> np.ndarray:
    """The cells of the maxima [N, K, 2]."""
    flat = maps.reshape(*maps.shape[:2], -1)
    y, x = np.divmod(flat.argmax(axis=-1), maps.shape[-1])
    places = np.stack([x, y], axis=-1).astype(np.float64)
    places[flat.max(axis=-1) <= 0] = invalid
    return places


def quarter_by_numpy(
    maps: np.ndarray, places: np.ndarray, *, apart: bool = False, more: float = 0.0
) -> np.ndarray:
    """Places a quarter of a cell nearer to the larger neighbours.

    Away from the border; ``apart``, as in mmpose, each axis needs that for itself, and of the other
    coordinate that it is not 0.
    """
    height, width = maps.shape[-2:]
    for plane in np.ndindex(*maps.shape[:2]):
        x, y = (int(v) for v in places[plane])
        inside = np.array([1 < x < width - 1, 1 < y < height - 1])
        inside &= [y > 0, x > 0] if apart else inside.all()
        heatmap = maps[plane]
        if inside[0]:
            places[plane][0] += 0.25 * np.sign(heatmap[y, x + 1] - heatmap[y, x - 1]) + more
        if inside[1]:
            places[plane][1] += 0.25 * np.sign(heatmap[y + 1, x] - heatmap[y - 1, x]) + more
    return places


def dark_by_opencv(
    maps: np.ndarray, kernel: int, invalid: float = 0, dtype: type[Any] = np.float32
) -> np.ndarray:
    """DARK in cells [N, K, 2]."""
    places = maxima_by_numpy(maps, invalid)
    height, width = maps.shape[-2:]
    for plane in np.ndindex(*maps.shape[:2]):
        x, y = (int(v) for v in places[plane])
        if 1 < x < width - 2 and 1 < y < height - 2:
            smooth = blurred_by_opencv(maps[plane], kernel, dtype)
            places[plane] += dark_step(np.log(np.maximum(smooth, 1e-10)), x, y)
    return places


def dark_udp_by(blur: Callable[[np.ndarray], np.ndarray], maps: np.ndarray) -> np.ndarray:
    """DARK-UDP in cells [N, K, 2], with any blur of a map."""
    places = maxima_by_numpy(maps, -1)
    for plane in np.ndindex(*maps.shape[:2]):
        x, y = (int(v) for v in places[plane])
        if x >= 0:
            logs = np.log(np.clip(blur(maps[plane]), 1e-3, 50.0))
            places[plane] += dark_udp_step(np.pad(logs, 1, mode="edge"), x + 1, y + 1)
    return places


def combined_by_opencv(
    maps: np.ndarray, radius: float, class_kernel: int, offset_kernel: int
) -> np.ndarray:
    """Maps [N, 3 K, h, w] of classes and offsets in cells [N, K, 2]."""
    maps = maps.copy()
    for plane in np.ndindex(*maps.shape[:2]):
        size = offset_kernel if plane[1] % 3 else class_kernel
        if size:
            maps[plane] = cv2.GaussianBlur(maps[plane], (size, size), 0)
    places = maxima_by_numpy(maps[:, ::3], -1)
    for n, k in np.ndindex(*places.shape[:2]):
        x, y = (int(v) for v in places[n, k])
        if x >= 0:
            places[n, k] += maps[n, 3 * k + 1 : 3 * k + 3, y, x] * radius
    return places
