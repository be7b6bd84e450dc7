"""DarkPose's adapter against recorded answers of DarkPose, on real and on edge-case maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from adapter_crops import Peer, config, peer_rows, photo_row
from adapter_table import Golden, check, goldens
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
PEERS = [
    Peer("darkpose", "darkpose.get_max_preds", lambda maps: darkpose.get_max_preds(maps)[0], 0, 0,
         "none", 0),
    *(Peer("darkpose", f"darkpose.get_final_preds.k{kernel}", final(kernel), 1e-4, 1e-4, "dark", 0,
           ONE_WIDE) for kernel in (11, 17)),
]  # fmt: skip


@goldens
def rows(shared: Path) -> Iterator[Golden]:
    for peer in PEERS:
        yield from peer_rows(shared, peer)
    yield photo_row(
        shared,
        "darkpose",
        "darkpose.get_final_preds.k11.image",
        lambda *args: darkpose.get_final_preds(config(), *args)[0],
        2e-4,  # float32's rounding of the affine map, crops up to 827 pixels
    )


def test_goldens(shared_data: Path) -> None:
    check(rows(shared_data))
