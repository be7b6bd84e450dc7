"""Whole decoders, maps to people: one thread, beside the classic way in OpenCV, SciPy and NumPy.

Run: python -m benchmarks.bench_pipeline
"""

from __future__ import annotations

import numpy as np

import heatpose as hp
from benchmarks import classic
from benchmarks.harness import compare, one_thread, report, report_two_threads
from heatpose import demo

CANVAS = (720, 1280)
SEARCH = (0.5, 1.0, 1.5, 2.0)
# (people, scales of the search, target in ms)
CASES = (
    (1, (1.0,), None),
    (5, (1.0,), 1.0),
    (20, (1.0,), None),
    (50, (1.0,), 10.0),
    (5, SEARCH, 3.0),
    (50, SEARCH, None),
)


def crowd(people: int, scales: tuple[float, ...]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    planted = [
        demo.planted_crowd(
            people, cells=(int(46 * s), int(82 * s)), canvas=CANVAS, seed=1, noise=0.01
        )
        for s in scales
    ]
    return [p[0] for p in planted], [p[1] for p in planted]


def check_same(decoder: hp.BodyDecoder, heatmaps: list[np.ndarray], pafs: list[np.ndarray]) -> None:
    """The classic way and the classic options give the same peaks and the same people."""
    peaks, people = classic.decode_body(heatmaps, pafs, CANVAS, decoder.skeleton)
    found = decoder.find_peaks(heatmaps, CANVAS)
    groups = decoder.associate(found, pafs, CANVAS)
    for k, want in enumerate(peaks):
        got = found.xy[k, : found.counts[k]]
        assert np.array_equal(got, want[:, :2]), "two different answers are not worth timing"
    assert np.array_equal(groups.people[: groups.counts], people), "different people"


def bench_body() -> None:
    decoder = hp.BodyDecoder(hp.skeletons.COCO18)
    for people, scales, target in CASES:
        heatmaps, pafs = crowd(people, scales)
        check_same(hp.BodyDecoder.classic(hp.skeletons.COCO18), heatmaps, pafs)
        arguments = (heatmaps, pafs, CANVAS)
        programs = {"heatpose": lambda a=arguments: decoder(*a)}
        ours = compare(programs, rounds=101, seconds=5)
        classic_way = compare(
            {"classic": lambda a=arguments: classic.decode_body(*a, decoder.skeleton)},
            rounds=3,
            seconds=10,
        )
        title = f"body decode 46x82 -> 1280x720, {len(scales)} scale(s), {people} people"
        report(title, {**ours, **classic_way}, target_ms=target)


def bench_threads() -> None:
    """Two threads against one, on the largest body case."""
    decoder = hp.BodyDecoder(hp.skeletons.COCO18)
    heatmaps, pafs = crowd(50, SEARCH)
    report_two_threads(
        "body decode 46x82 -> 1280x720, 4 scales, 50 people",
        lambda: decoder(heatmaps, pafs, CANVAS),
    )


def main() -> None:
    bench_threads()
    one_thread()
    bench_body()


if __name__ == "__main__":
    main()
