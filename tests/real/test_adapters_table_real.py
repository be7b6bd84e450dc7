"""All recorded answers through the adapters, in the one table that ends the run.

The rows are computed by the tests beside this one, once: whichever test needs them first does it.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import adapter_table
from adapter_crops import BATCH, EDGES, HANDS

MODULES = sorted(Path(__file__).parent.glob("test_adapters_*_real.py"))
PHOTO, SCALES = "body/golden/<photo>.json", "body/golden/multiscale__<photo>.json"
CELLS = {
    "darkpose": [
        "darkpose.get_max_preds",
        "darkpose.get_final_preds.k11",
        "darkpose.get_final_preds.k17",
    ],
    "simple_baselines": ["microsoft.get_final_preds", "darkpose.get_max_preds"],
    "mmpose": [
        "mmpose.get_heatmap_maximum",
        "mmpose.refine_keypoints",
        "mmpose.refine_keypoints_dark.k11",
        "mmpose.refine_keypoints_dark.k17",
        "mmpose.refine_keypoints_dark_udp.k11",
        "mmpose.refine_keypoints_dark_udp.k17",
    ],
    "transformers": ["transformers.vitpose_post_dark.k11"],
}
EXPECTED = {
    ("pytorch_openpose", PHOTO, "openpose_python"),
    ("pytorch_openpose", SCALES, "mean"),
    ("pytorch_openpose", SCALES, "as_written"),
    ("paddlehub", PHOTO, "openpose_python"),
    ("paddlehub", SCALES, "mean"),
    ("tf_pose", PHOTO, "tfpose"),
    ("darkpose", HANDS, "darkpose.get_final_preds.k11.image"),
    ("simple_baselines", HANDS, "microsoft.get_final_preds.image"),
    ("transformers", HANDS, "transformers.vitpose_post_dark.k11.image"),
    *(
        (adapter, file, row)
        for adapter, rows in CELLS.items()
        for row in rows
        for file in (HANDS, BATCH, EDGES)
    ),
}
# The decoder of the network's author, whom no adapter replaces.
NOT_ADAPTED = {(HANDS, "chernytska.heatmaps_to_coordinates.x128")}


def recorded(shared: Path) -> set[tuple[str, str]]:
    """File and row of all that the data holds."""
    found = set()
    for path in (shared / "body" / "golden").glob("*.json"):
        answers = json.loads(path.read_text())
        if "inputs" in answers:
            kinds = {kind for entry in answers["inputs"].values() for kind in entry}
            found |= {(PHOTO, kind) for kind in kinds & {"openpose_python", "tfpose"}}
        else:
            found |= {(SCALES, kind) for kind in ("mean", "as_written") if kind in answers}
    for file in (HANDS, BATCH):
        with np.load(shared / file) as answers:
            found |= {(file, key) for key in answers if "." in key}
    cases = json.loads((shared / EDGES).read_text())["cases"]
    found |= {(EDGES, key) for case in cases.values() for key in case["results"]}
    return found - NOT_ADAPTED


def rows(shared: Path) -> list[adapter_table.Golden]:
    for path in MODULES:
        import_module(path.stem)
    return [row for source in adapter_table.SOURCES for row in source(shared)]


def test_every_recorded_answer_is_in_the_table(shared_data: Path) -> None:
    found = rows(shared_data)
    table = adapter_table.table(adapter_table.golden_lines(found))
    print(table)
    inside = {(row.adapter, row.file, row.row) for row in found}
    assert not EXPECTED - inside
    assert not recorded(shared_data) - {row[1:] for row in inside}
    for row in inside:
        assert any(line.startswith(row[0]) and row[2] in line for line in table.splitlines())
    adapter_table.check(found)


def test_every_recording_is_a_case_of_its_row(shared_data: Path) -> None:
    """None left out: 24 inputs, 4 sets of scales, 11 hands as two types, 51 maps, 109 edges."""
    cases = {
        (row.adapter, row.file, row.row, row.compared): row.cases
        for row in adapter_table.grouped(rows(shared_data))
    }
    files = {PHOTO: {24, 48}, SCALES: {4}, HANDS: {2 * 231, 231}, BATCH: {51}, EDGES: {109}}
    for (_, file, _, compared), count in cases.items():
        if file in files:
            assert count in files[file], (file, compared)


@pytest.mark.parametrize("missing", ["file", "adapter"])
def test_a_missing_row_is_noticed(shared_data: Path, missing: str) -> None:
    inside = {(row.adapter, row.file, row.row) for row in rows(shared_data)}
    if missing == "file":
        left = {row for row in inside if row[2] != "mmpose.refine_keypoints_dark_udp.k17"}
        assert recorded(shared_data) - {row[1:] for row in left}
    else:
        left = {row for row in inside if row[0] != "tf_pose"}
    assert EXPECTED - left
