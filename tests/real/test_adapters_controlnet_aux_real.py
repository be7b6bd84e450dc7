"""Real maps through the adapter for controlnet_aux, beside that program's own way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from test_body_goldens import openpose_cases

from heatpose.adapters.controlnet_aux import decode_body
from openpose_support import load_programs, table

PEAK_TOLERANCE, PERSON_TOLERANCE = 2e-6, 1e-5


def test_real_maps_are_decoded_as_by_the_program(shared_data: Path) -> None:
    programs = load_programs()
    program = programs.Program(by_channel=True)
    cases = [case for case in openpose_cases(shared_data / "body") if case.content is None]
    rows = [("maps", "peaks", "people", "places", "ids", "peak scores", "person scores")]
    for case in cases[1::3]:
        maps = [[one.astype(np.float32) for one in kind] for kind in (case.heatmaps, case.pafs)]
        peaks, people = programs.decode_body(program, *maps, case.canvas)
        candidate, subset = decode_body(case.heatmaps[0], case.pafs[0], case.canvas)
        assert candidate.shape == peaks.shape and subset.shape == people.shape, case.name
        places, ids = np.abs(candidate - peaks).reshape(-1, 4), np.abs(subset - people)
        worst = [
            part.max(initial=0)
            for part in (places[:, :2], np.delete(ids, 18, 1), places[:, 2], ids[:, 18])
        ]
        counts = (str(len(candidate)), str(len(subset)))
        rows.append((case.name, *counts, *(f"{value:.1e}" for value in worst)))
        assert worst[0] == 0 and worst[1] == 0, case.name
        assert worst[2] < PEAK_TOLERANCE and worst[3] < PERSON_TOLERANCE, case.name
    assert len(rows) >= 8
    print(f"\nlargest differences; tolerances 0, 0, {PEAK_TOLERANCE}, {PERSON_TOLERANCE}")
    print(table(rows))
