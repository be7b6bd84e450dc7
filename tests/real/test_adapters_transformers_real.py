"""The adapter of transformers against recorded answers of its 5.23.0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from adapter_crops import Peer, peer_rows, photo_row
from adapter_table import Golden, check, goldens
from heatpose.adapters import transformers

NAME, REFINED = "transformers", "transformers.vitpose_post_dark.k11"


def refined(maps: np.ndarray) -> np.ndarray:
    places, _ = transformers.get_keypoint_predictions(maps)
    return transformers.post_dark_unbiased_data_processing(places, maps, 11)


@goldens
def rows(shared: Path) -> Iterator[Golden]:
    yield from peer_rows(shared, Peer(NAME, REFINED, refined, 1e-4, 1e-4, "dark_udp", -1))
    yield photo_row(
        shared,
        NAME,
        f"{REFINED}.image",
        lambda *args: transformers.keypoints_from_heatmaps(*args)[0],
        2e-4,  # float32's rounding of the affine map, crops up to 827 pixels
    )


def test_goldens(shared_data: Path) -> None:
    check(rows(shared_data))
