"""Real maps through the adapter for controlnet_aux, beside that program's own way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from test_body_goldens import openpose_cases

from adapter_table import Golden, check, goldens
from heatpose.adapters.controlnet_aux import decode_body
from openpose_support import body_rows, load_programs

TOLERANCES = 2e-6, 1e-5


@goldens
def rows(shared: Path) -> Iterator[Golden]:
    programs = load_programs()
    program = programs.Program(by_channel=True)
    cases = [case for case in openpose_cases(shared / "body") if case.content is None][1::3]
    assert len(cases) >= 8
    for case in cases:
        maps = [[one.astype(np.float32) for one in kind] for kind in (case.heatmaps, case.pafs)]
        yield from body_rows(
            "controlnet_aux",
            "body/maps/<photo>.npz",
            "the program's way, no recording",
            case.name,
            decode_body(case.heatmaps[0], case.pafs[0], case.canvas),
            programs.decode_body(program, *maps, case.canvas),
            TOLERANCES,
        )


def test_real_maps_are_decoded_as_by_the_program(shared_data: Path) -> None:
    check(rows(shared_data))
