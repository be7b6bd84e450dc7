"""Simple Baselines' adapter against recorded answers, on real and on edge-case maps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from adapter_crops import Peer, config, peer_rows, photo_row
from adapter_table import Golden, check, goldens
from heatpose.adapters import simple_baselines

NAME, FINAL = "simple_baselines", "microsoft.get_final_preds"


def final(maps: np.ndarray) -> np.ndarray:
    """get_final_preds with crops of one pixel per cell: the recorded answers are in cells."""
    count, (height, width) = len(maps), maps.shape[-2:]
    center = np.tile([width / 2, height / 2], (count, 1))
    scale = np.full((count, 2), width / 200)
    return simple_baselines.get_final_preds(config(), maps, center, scale)[0]


PEERS = [
    Peer(NAME, FINAL, final, 1e-6, 1e-6, "quarter", 0),
    # DarkPose has its get_max_preds from here.
    Peer(NAME, "darkpose.get_max_preds", lambda maps: simple_baselines.get_max_preds(maps)[0], 0, 0,
         "none", 0),
]  # fmt: skip


@goldens
def rows(shared: Path) -> Iterator[Golden]:
    for peer in PEERS:
        yield from peer_rows(shared, peer)
    yield photo_row(
        shared,
        NAME,
        f"{FINAL}.image",
        lambda *args: simple_baselines.get_final_preds(config(), *args)[0],
        2e-4,  # float32's rounding of the affine map, crops up to 827 pixels
    )


def test_goldens(shared_data: Path) -> None:
    check(rows(shared_data))
