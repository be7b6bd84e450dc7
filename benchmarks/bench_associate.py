"""Peaks to people along fields sampled from 38 channels of cells, beside NumPy at canvas size.

Run: python -m benchmarks.bench_associate
"""

from __future__ import annotations

import numpy as np

import heatpose as hp
from benchmarks import classic
from benchmarks.bench_pipeline import CANVAS, SEARCH, crowd
from benchmarks.harness import compare, one_thread, report
from heatpose.ops import Peaks


def classic_pairs(
    pafs: list[np.ndarray], peaks: Peaks, skeleton: hp.Skeleton
) -> list[list[tuple[int, int, float]]]:
    """Pairs of every limb: the fields on the canvas, then a loop over all pairs of peaks."""
    fields = classic.average(pafs, CANVAS)
    places = [peaks.xy[k, : peaks.counts[k]].astype(float) for k in range(len(peaks.counts))]
    return [
        classic.match(places[a], places[b], fields[:, :, list(channels)], CANVAS[0])
        for (a, b), channels in zip(skeleton.limbs, skeleton.paf_channels, strict=True)
    ]


def main() -> None:
    one_thread()
    skeleton = hp.skeletons.COCO18
    for rule, options in (
        ("limbs", hp.ops.AssociateOptions()),
        ("global", hp.ops.AssociateOptions.for_global()),
    ):
        decoder = hp.BodyDecoder(skeleton, association=options)
        for people, scales in ((5, (1.0,)), (50, (1.0,)), (50, SEARCH)):
            heatmaps, pafs = crowd(people, scales)
            peaks = decoder.find_peaks(heatmaps, CANVAS)
            arguments = (peaks, pafs, CANVAS)
            medians = compare(
                {"heatpose": lambda a=arguments, d=decoder: d.associate(*a)}, rounds=101
            )
            if rule == "limbs":
                groups = decoder.associate(*arguments)
                for limb, want in enumerate(classic_pairs(pafs, peaks, skeleton)):
                    got = groups.pairs[limb, : groups.pair_counts[limb]]
                    same = np.array_equal(got, np.array([w[:2] for w in want]).reshape(-1, 2))
                    assert same, "two different answers are not worth timing"
                medians |= compare(
                    {"classic": lambda a=pafs, p=peaks: classic_pairs(a, p, skeleton)}, rounds=3
                )
            report(f"associate ({rule}) {len(scales)} scale(s), {people} people", medians)


if __name__ == "__main__":
    main()
