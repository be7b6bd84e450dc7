"""The adapter of transformers against recorded answers of its 5.23.0."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from adapter_crops import check_edges, check_hands, check_hands_in_photo
from heatpose.adapters import transformers

PEER = "transformers.vitpose_post_dark.k11"


def refined(maps: np.ndarray) -> np.ndarray:
    places, _ = transformers.get_keypoint_predictions(maps)
    return transformers.post_dark_unbiased_data_processing(places, maps, 11)


def test_goldens(shared_data: Path) -> None:
    check_hands(shared_data, PEER, refined, 1e-4)
    check_edges(shared_data, PEER, refined, 1e-4, invalid=-1, method="dark_udp")


def test_goldens_in_the_photo(shared_data: Path) -> None:
    check_hands_in_photo(
        shared_data,
        PEER,
        lambda *args: transformers.keypoints_from_heatmaps(*args)[0],
        2e-4,  # float32's rounding of the affine map, crops up to 827 pixels
    )
