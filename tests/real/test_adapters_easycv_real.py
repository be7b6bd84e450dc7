"""EasyCV's adapter against recorded answers of mmpose, whose old functions it has copied.

There are no recordings of EasyCV itself. Its UDP blurs with another border than mmpose 1.x, and its
quarter shift has Microsoft's borders: they are in tests/test_adapters_easycv.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from adapter_crops import Peer, peer_rows
from adapter_table import Golden, check, goldens
from heatpose.adapters import easycv


def final(**settings: Any) -> Callable[[np.ndarray], np.ndarray]:
    """keypoints_from_heatmaps with crops of one pixel per cell."""

    def decode(maps: np.ndarray) -> np.ndarray:
        size = np.array(maps.shape[:-3:-1])
        center, scale = (np.tile(one, (len(maps), 1)) for one in (size / 2, size / 200))
        return easycv.keypoints_from_heatmaps(maps, center, scale, **settings)[0]

    return decode


PEERS = [
    Peer("easycv", "mmpose.get_heatmap_maximum", lambda maps: easycv.get_max_preds(maps)[0], 0, 0,
         "none", -1),
    *(Peer("easycv", f"mmpose.refine_keypoints_dark.k{kernel}",
           final(post_process="unbiased", kernel=kernel), 2e-4, 2e-4, "dark", -1)
      for kernel in (11, 17)),
]  # fmt: skip


@goldens
def rows(shared: Path) -> Iterator[Golden]:
    for peer in PEERS:
        yield from peer_rows(shared, peer)


def test_goldens(shared_data: Path) -> None:
    check(rows(shared_data))
