"""Recordings of pytorch-openpose, which PaddleHub's modules agree with but for a length of 1e-5."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from test_adapters_pytorch_openpose_real import pads_of, recorded, source
from test_body_goldens import Case, openpose_cases

from adapter_table import Golden, check, goldens
from heatpose.adapters.paddlehub import decode_body, processor
from openpose_support import body_rows

# Pairs are longer by 1e-5 of at least 1 pixel: a limb's score changes by 1e-5 of its own and of the
# penalty for lengths beyond half the photo, a person's by up to 17 of these. Peaks do not.
TOLERANCES = 1e-6, 3e-5


@goldens
def rows(shared: Path) -> Iterator[Golden]:
    cases = [case for case in openpose_cases(shared / "body") if case.weights is None]
    assert len(cases) >= 28
    for case in cases:
        found = {"": decode_body(case.heatmaps, case.pafs, case.canvas, pads=pads_of(case))}
        if len(case.maps) == 1:
            found[", by classes"] = by_classes(case)
        for way, answer in found.items():
            file, row = source(case)
            name = case.name + way
            wanted = recorded(case)
            yield from body_rows("paddlehub", file, row, name, answer, wanted, TOLERANCES)


def test_every_recording_is_repeated(shared_data: Path) -> None:
    check(rows(shared_data))


def by_classes(case: Case) -> tuple[np.ndarray, np.ndarray]:
    (heatmaps,), (pafs,) = case.heatmaps, case.pafs
    padded = (8 * heatmaps.shape[1], 8 * heatmaps.shape[2])
    remove = processor.RemovePadding()
    heat, fields = (remove(maps, padded, case.canvas, [0, 0, 0, 0]) for maps in (heatmaps, pafs))
    peaks = processor.GetPeak()(heat)
    return processor.Candidate()(peaks, *processor.Connection()(peaks, fields, case.canvas))
