"""Simple Baselines' adapter against recorded answers, on real and on edge-case maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from adapter_crops import check_edges, check_hands, check_hands_in_photo, config
from heatpose.adapters import simple_baselines

PEER = "microsoft.get_final_preds"


def final(maps: np.ndarray) -> np.ndarray:
    """get_final_preds with crops of one pixel per cell: the recorded answers are in cells."""
    count, (height, width) = len(maps), maps.shape[-2:]
    center = np.tile([width / 2, height / 2], (count, 1))
    scale = np.full((count, 2), width / 200)
    return simple_baselines.get_final_preds(config(), maps, center, scale)[0]


def test_goldens(shared_data: Path) -> None:
    check_hands(shared_data, PEER, final, 1e-6)
    check_edges(shared_data, PEER, final, 1e-6, invalid=0, method="quarter")


@pytest.mark.parametrize("of", ["hands", "edges"])
def test_goldens_of_the_maxima(shared_data: Path, of: str) -> None:
    decode = lambda maps: simple_baselines.get_max_preds(maps)[0]  # noqa: E731
    if of == "hands":
        check_hands(shared_data, "darkpose.get_max_preds", decode, 0)
    else:
        check_edges(shared_data, "darkpose.get_max_preds", decode, 0, invalid=0, method="none")


def test_goldens_in_the_photo(shared_data: Path) -> None:
    check_hands_in_photo(
        shared_data,
        PEER,
        lambda *args: simple_baselines.get_final_preds(config(), *args)[0],
        2e-4,  # float32's rounding of the affine map, crops up to 827 pixels
    )
