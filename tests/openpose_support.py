"""What the tests of the adapters for OpenPose's Python programs share."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import nn

from adapter_crowds import CANVAS, CELLS, Array, crowds
from adapter_table import Crowds, Golden
from heatpose import demo


def load_programs() -> ModuleType:
    """The programs in the way that they work, which the benchmarks are compared with."""
    path = Path(__file__).parents[1] / "benchmarks" / "openpose_programs.py"
    spec = importlib.util.spec_from_file_location("openpose_programs", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def compare_crowds(
    row: Crowds,
    decode: Any,
    programs: ModuleType,
    program: Any,
    original: Any = None,
    content: tuple[int, int] | None = None,
) -> None:
    """``decode(heatmaps, pafs)`` to candidate and subset, beside the program's own way.

    Or beside ``original``, the program itself, which has maps of a ``content``.
    """
    contents = None if content is None else [content]
    for _, heatmaps, pafs in crowds():
        found = decode(heatmaps, pafs)
        try:
            if original is None:
                wanted = programs.decode_body(program, [heatmaps], [pafs], CANVAS, contents)
            else:
                wanted = original(heatmaps, pafs)
        except (programs.ThirdMatchError, IndexError):
            row.add(len(found[1]), False, "where the program ends with an IndexError")
            continue
        equal, reason = same_people(found, wanted), ""
        if not equal:
            inside = content or (8 * heatmaps.shape[1], 8 * heatmaps.shape[2])
            heat = programs.average_heatmaps(program, [heatmaps], [inside], CANVAS)
            if only_ties(found, wanted, heat):
                reason = "by a peak that is its neighbour's equal in float32"
        row.add(len(wanted[1]), equal, reason)
    row.check()


def only_ties(found: tuple[Array, Array], wanted: tuple[Array, Array], heat: Array) -> bool:
    """Whether answers differ in peaks alone whose neighbour in the smoothed map is as high.

    People are compared by the places of their parts, where such a peak is as good as its
    neighbour.
    """
    smooth = np.stack([gaussian_filter(heat[:, :, part], 3) for part in range(18)])
    levels = np.pad(smooth, [(0, 0), (1, 1), (1, 1)])

    def tied(part: int, x: int, y: int) -> bool:
        cross = levels[part, [y, y + 2, y + 1, y + 1], [x + 1, x + 1, x, x + 2]]
        return bool(np.abs(cross - levels[part, y + 1, x + 1]).min() < 1e-6)

    def people(answer: tuple[Array, Array]) -> list[list[tuple[int, int] | None]]:
        candidate, subset = answer
        rows = []
        for row in subset[:, :18].astype(int):
            places = [None if i < 0 else (int(candidate[i, 0]), int(candidate[i, 1])) for i in row]
            rows.append(places)
        return rows

    ones, others = people(found), people(wanted)
    differ = len(found[0]) != len(wanted[0])
    for mine, theirs in zip(ones, others, strict=False):
        for part, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            if one == other:
                continue
            if one is None or other is None or not tied(part, *one) or not tied(part, *other):
                return False
            differ = True
    peaks = [{(float(x), float(y)) for x, y in answer[0][:, :2]} for answer in (found, wanted)]
    alone = peaks[0] ^ peaks[1]
    near = all(any(tied(part, int(x), int(y)) for part in range(18)) for x, y in alone)
    return differ and near and len(ones) == len(others)


def same_people(found: tuple[Array, Array], wanted: tuple[Array, Array]) -> bool:
    """Equal places, ids and parts, scores that a float32 average leaves."""
    for got, want, scores in zip(found, wanted, (2, 18), strict=True):
        assert got.dtype == np.float64
        if got.shape != want.shape:
            return False
        if want.size:
            whole = np.arange(want.shape[1]) != scores
            if not np.array_equal(got[:, whole], want[:, whole]):
                return False
            if np.abs(got - want).max() > 1e-5:
                return False
    return True


def body_rows(
    adapter: str,
    file: str,
    row: str,
    case: str,
    found: tuple[Array, Array],
    wanted: tuple[Array, Array],
    allowed: tuple[float, float],
) -> Iterator[Golden]:
    """Places and ids, which are equal, and scores of peaks and people, of one recording."""
    same = all(got.shape == want.shape for got, want in zip(found, wanted, strict=True))
    differences = [np.inf] * 3
    if same:
        places = np.abs(found[0] - wanted[0]).reshape(-1, 4)
        ids = np.abs(found[1] - wanted[1])
        whole = [places[:, [0, 1, 3]].max(initial=0), np.delete(ids, 18, 1).max(initial=0)]
        differences = [max(whole), places[:, 2].max(initial=0), ids[:, 18].max(initial=0)]
    kinds = ("peaks and people", "peak scores", "person scores")
    for kind, difference, tolerance in zip(kinds, differences, (0.0, *allowed), strict=True):
        yield Golden(adapter, file, row, kind, 1, float(difference), tolerance, worst=case)


def few_people(people: int = 3, cells: tuple[int, int] = CELLS) -> tuple[Any, Any]:
    heatmaps, pafs, _ = demo.planted_crowd(people, cells=cells, canvas=CANVAS, seed=1)
    return heatmaps, pafs


def hand_maps(cells: int, seed: int = 0) -> Any:
    centres = np.random.default_rng(seed).uniform(0.1, 0.9, (22, 2)) * cells
    y, x = np.mgrid[:cells, :cells]
    spread = 2 * (7 / 8 * cells / 46) ** 2
    maps = [np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / spread) for cx, cy in centres]
    noise = np.random.default_rng(seed + cells).normal(0, 0.02, (22, cells, cells))
    return (0.8 * np.stack(maps) + noise).astype(np.float32)


class Painted(nn.Module):
    """A network that answers with planted maps of the right size, and remembers its inputs."""

    def __init__(self, *outputs: int, people: int = 3) -> None:
        super().__init__()
        self.channels = outputs
        self.people = people
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> Any:
        self.seen.append(x.clone())
        cells = (x.shape[2] // 8, x.shape[3] // 8)
        made: dict[int, Any] = dict(zip((19, 38), few_people(self.people, cells), strict=True))
        hand = hand_maps(max(cells))[:, : cells[0], : cells[1]].copy()
        hand[:, 0, 0], hand[5:8] = 0, 0
        made[22], made[71] = hand, np.concatenate([hand] * 4)[:71]
        answer = tuple(torch.from_numpy(made[n])[None] for n in self.channels)
        return answer if len(answer) > 1 else answer[0]
