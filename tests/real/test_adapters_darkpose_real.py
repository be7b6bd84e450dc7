"""DarkPose's adapter against recorded answers of DarkPose, on real and on edge-case maps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from adapter_crops import check_edges, check_hands, check_hands_in_photo, config
from heatpose.adapters import darkpose


def final(kernel: int) -> Callable[[np.ndarray], np.ndarray]:
    """get_final_preds with crops of one pixel per cell: the recorded answers are in cells."""

    def decode(maps: np.ndarray) -> np.ndarray:
        count, (height, width) = len(maps), maps.shape[-2:]
        center = np.tile([(width - 1) / 2, (height - 1) / 2], (count, 1))
        scale = np.full((count, 2), width / 200)
        return darkpose.get_final_preds(config(kernel), maps, center, scale)[0]

    return decode


# A map one cell wide has no pixels per cell, which the original divides by.
ONE_WIDE = tuple(f"size_{size}_random" for size in ("1x1", "2x1", "5x1", "64x1"))
PEERS = {
    "darkpose.get_max_preds": (lambda maps: darkpose.get_max_preds(maps)[0], "none"),
    "darkpose.get_final_preds.k11": (final(11), "dark"),
    "darkpose.get_final_preds.k17": (final(17), "dark"),
}


@pytest.mark.parametrize("peer", PEERS)
def test_goldens(shared_data: Path, peer: str) -> None:
    decode, method = PEERS[peer]
    check_hands(shared_data, peer, decode, 0 if method == "none" else 1e-4)
    check_edges(
        shared_data,
        peer,
        decode,
        0 if method == "none" else 1e-4,
        invalid=0,
        method=method,
        raises=ONE_WIDE if method == "dark" else (),
    )


def test_goldens_in_the_photo(shared_data: Path) -> None:
    check_hands_in_photo(
        shared_data,
        "darkpose.get_final_preds.k11",
        lambda *args: darkpose.get_final_preds(config(), *args)[0],
        2e-4,  # float32's rounding of the affine map, crops up to 827 pixels
    )
