"""mmpose's adapter against recorded answers of mmpose, on real and on edge-case maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from adapter_crops import Peer, peer_rows
from adapter_table import Golden, check, goldens
from heatpose.adapters import mmpose


def refined(refine: Callable[..., Any], *kernel: int) -> Callable[[np.ndarray], np.ndarray]:
    """Crop by crop: the maxima, and what a function makes of them."""

    def decode(maps: np.ndarray) -> np.ndarray:
        places, _ = mmpose.get_heatmap_maximum(maps)
        for one, crop in zip(places, maps, strict=True):
            refine(one[None], crop, *kernel)
        return places

    return decode


def codec(make: Callable[..., Any], less: int, **settings: Any) -> Callable[..., np.ndarray]:
    """A codec whose input has one pixel per cell, over a whole batch."""

    def decode(maps: np.ndarray) -> np.ndarray:
        size = maps.shape[:-3:-1]
        one = make(tuple(n - less for n in size), size, **settings)
        return np.concatenate(one.batch_decode(maps)[0])

    return decode


MSRA, UDP = mmpose.MSRAHeatmap, mmpose.UDPHeatmap
ONE_WIDE = tuple(f"size_{size}_random" for size in ("1x1", "2x1", "5x1", "64x1", "1x2", "1x5", "1x48"))  # fmt: skip  # noqa: E501
ROWS: dict[str, tuple[str, Any, str, tuple[str, ...]]] = {
    "maximum": (
        "mmpose.get_heatmap_maximum", lambda m: mmpose.get_heatmap_maximum(m)[0], "none", ()
    ),
    "quarter": ("mmpose.refine_keypoints", refined(mmpose.refine_keypoints), "quarter", ()),
    "dark 11": (
        "mmpose.refine_keypoints_dark.k11", refined(mmpose.refine_keypoints_dark, 11), "dark", ()
    ),
    "dark 17": (
        "mmpose.refine_keypoints_dark.k17", refined(mmpose.refine_keypoints_dark, 17), "dark", ()
    ),
    "udp 11": (
        "mmpose.refine_keypoints_dark_udp.k11",
        refined(mmpose.refine_keypoints_dark_udp, 11), "dark_udp", (),
    ),
    "udp 17": (
        "mmpose.refine_keypoints_dark_udp.k17",
        refined(mmpose.refine_keypoints_dark_udp, 17), "dark_udp", (),
    ),
    "MSRAHeatmap": ("mmpose.refine_keypoints", codec(MSRA, 0, sigma=2), "quarter", ()),
    "MSRAHeatmap 17": (
        "mmpose.refine_keypoints_dark.k17",
        codec(MSRA, 0, sigma=2, unbiased=True, blur_kernel_size=17), "dark", (),
    ),
    "UDPHeatmap 11": ("mmpose.refine_keypoints_dark_udp.k11", codec(UDP, 1), "dark_udp", ONE_WIDE),
    "UDPHeatmap 17": (
        "mmpose.refine_keypoints_dark_udp.k17", codec(UDP, 1, blur_kernel_size=17), "dark_udp",
        ONE_WIDE,
    ),
}  # fmt: skip
# DARK-UDP steps on unit differences of logarithms, in float32 there and in float64 here.
ALLOWED = {"none": (0, 0), "quarter": (0, 0), "dark": (2e-4, 2e-4), "dark_udp": (2e-4, 1e-3)}


@goldens
def rows(shared: Path) -> Iterator[Golden]:
    for row in ROWS:
        name, decode, method, raises = ROWS[row]
        hands, edges = ALLOWED[method]
        peer = Peer("mmpose", name, decode, hands, edges, method, -1, raises)
        for found in peer_rows(shared, peer):
            yield replace(found, compared=f"{row}: {found.compared}")


def test_goldens(shared_data: Path) -> None:
    check(rows(shared_data))
