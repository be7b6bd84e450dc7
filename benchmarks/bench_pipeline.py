"""Whole decoders, maps to people: beside the classic way in OpenCV, SciPy and NumPy.

Run: python -m benchmarks.bench_pipeline
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import heatpose as hp
from benchmarks import classic, harness
from benchmarks.harness import Case, Work
from benchmarks.scenes import CANVAS, CANVASES, CROWDS, SCALES, Stack, cells_of, count, crowd, size

SKELETON = hp.skeletons.COCO18
# (people, number of scales): milliseconds
TARGETS = {(5, 1): 1.0, (50, 1): 10.0, (5, 4): 3.0}
IN_ARRAYS = (1, 8, 64)


def check_same(heatmaps: Stack, pafs: Stack, canvas: tuple[int, int], classic_answer: Any) -> None:
    """The classic way and the classic options give the same peaks and the same people."""
    decoder = hp.BodyDecoder.classic(SKELETON)
    peaks, people = classic_answer
    found = decoder.find_peaks(heatmaps, canvas)
    groups = decoder.associate(found, pafs, canvas)
    for k, want in enumerate(peaks):
        got = found.xy[k, : found.counts[k]]
        assert np.array_equal(got, want[:, :2]), "two different answers are not worth timing"
    assert np.array_equal(groups.people[: groups.counts], people), "different people"


def decode(case: Case, people: int, scales: tuple[float, ...], canvas: tuple[int, int]) -> None:
    decoder = hp.BodyDecoder(SKELETON)
    heatmaps, pafs = crowd(people, scales, canvas)
    wanted = len(decoder(heatmaps, pafs, canvas))

    def check(name: str, answer: Any) -> None:
        if name == "classic":
            check_same(heatmaps, pafs, canvas, answer)
        else:
            assert len(answer) == wanted > 0

    cells = "x".join(map(str, cells_of(canvas)))
    family = f"body decode, {count(scales)}"
    growth = []
    if people == 5:
        growth.append((f"{family}, 5 people", "pixels", canvas[0] * canvas[1]))
    if canvas == CANVAS:
        growth.append((f"{family}, {size(canvas)}", "people", people))
    case(
        f"body decode {cells} -> {size(canvas)}, {count(scales)}, {people} people",
        {
            "heatpose": lambda: decoder(heatmaps, pafs, canvas),
            "classic": lambda: classic.decode_body(heatmaps, pafs, canvas, SKELETON),
        },
        check,
        work=Work(growth=tuple(growth)),
        target_ms=TARGETS.get((people, len(scales))) if canvas == CANVAS else None,
    )


@pytest.mark.parametrize("scales", SCALES, ids=count)
@pytest.mark.parametrize("people", CROWDS)
def test_body_people(case: Case, people: int, scales: tuple[float, ...]) -> None:
    decode(case, people, scales, CANVAS)


@pytest.mark.parametrize("scales", SCALES, ids=count)
@pytest.mark.parametrize("canvas", [c for c in CANVASES if c != CANVAS], ids=size)
def test_body_canvas(case: Case, canvas: tuple[int, int], scales: tuple[float, ...]) -> None:
    decode(case, 5, scales, canvas)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("batch", IN_ARRAYS)
def test_body_batch(case: Case, batch: int, dtype: str) -> None:
    """One array of many photos, beside a call for each of them."""
    decoder = hp.BodyDecoder(SKELETON)
    (heatmaps,), (pafs,) = crowd(5)
    shifted = [np.roll(heatmaps, i, axis=2) for i in range(batch)]
    maps = np.stack(shifted).astype(dtype)
    fields = np.stack([np.roll(pafs, i, axis=2) for i in range(batch)]).astype(dtype)

    def one_by_one() -> Any:
        return [decoder(a, b, CANVAS) for a, b in zip(maps, fields, strict=True)]

    wanted = one_by_one()

    def check(_: str, answer: Any) -> None:
        for mine, other in zip(answer, wanted, strict=True):
            np.testing.assert_array_equal(mine.keypoints, other.keypoints)

    case(
        f"body decode of {batch} photos in one array, 1 scale, 5 people, {dtype}",
        {"heatpose": lambda: decoder(maps, fields, CANVAS), "one by one": one_by_one},
        check,
        work=Work(growth=(f"body decode, 5 people, {dtype}", "batch", batch)),
    )


if __name__ == "__main__":
    harness.main(__file__)
