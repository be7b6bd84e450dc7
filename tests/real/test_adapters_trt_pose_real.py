"""The trt_pose adapter on real maps: every step has the bits of the reference.

There are no recordings of the original on them; tests/test_adapters_trt_pose.py has its rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from adapter_table import Golden, check, goldens
from heatpose import reference
from heatpose.skeletons import COCO18

torch = pytest.importorskip("torch")


@goldens
def rows(shared: Path) -> Iterator[Golden]:
    from heatpose.adapters.trt_pose import ParseObjects

    limbs, channels = COCO18.limbs, COCO18.paf_channels
    topology = torch.tensor(
        [(y, x, *limb) for limb, (x, y) in zip(limbs, channels, strict=True)], dtype=torch.int32
    )
    total = 0
    for path in sorted((shared / "body" / "maps").glob("*[0-9].npz")):
        maps = np.load(path)["output"].astype(np.float32)[None]
        heatmaps, pafs = maps[:, :18], maps[:, 19:]
        counts, objects, places = ParseObjects(topology)(*map(torch.from_numpy, (heatmaps, pafs)))
        xy, _, number, _ = reference.find_peaks(
            heatmaps,
            threshold=float(np.float32(0.1)),
            window=5,
            inclusive=True,
            ties="all",
            keep="first",
            max_peaks=100,
        )
        shares = reference.refine_peaks(xy, number, heatmaps)
        scores = reference.score_pairs(shares, number, pafs, limbs, channels)
        partners = reference.assign_pairs(scores, number, limbs)
        people, found = reference.connect_peaks(partners, number, limbs)
        pairs = {
            "peaks": (places.flip(-1), shares),
            "people": (objects, people),
            "numbers of people": (counts, found),
        }
        for what, (got, want) in pairs.items():
            same = np.array_equal(got.numpy(), want)
            yield Golden(
                "trt_pose",
                "body/maps/<photo>.npz",
                "the reference, no recording",
                f"{what}, every bit",
                1,
                0.0 if same else np.inf,
                0.0,
                worst=path.stem,
            )
        total += int(number.sum())
    assert total > 500


def test_real_maps_have_the_bits_of_the_reference(shared_data: Path) -> None:
    check(rows(shared_data))
