"""Training targets of COCO-18 at stride 8, 1 to 20 people, one core.

Run: python -m benchmarks.bench_targets
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.harness import one_thread
from heatpose.datasets.targets import (
    body_targets,
    heatmap_targets,
    paf_targets,
)
from heatpose.skeletons import COCO18


def crowd(rng: np.random.Generator, people: int, size: tuple[int, int]) -> np.ndarray:
    """People of a fifth to the whole of the photo's height, joints spread over a person."""
    height, width = size
    tall = rng.uniform(0.2, 1.0, (people, 1, 1)) * height
    middle = rng.uniform(0.1, 0.9, (people, 1, 2)) * (width, height)
    return middle + rng.uniform(-0.5, 0.5, (people, 18, 2)) * (0.4, 1.0) * tall


def median_ms(program: object, rounds: int = 31) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        program()  # type: ignore[operator]
        times.append((time.perf_counter() - start) * 1e3)
    return float(np.median(times))


def main() -> None:
    one_thread()
    for size in ((368, 368), (368, 656)):
        for people in (1, 5, 20):
            rng = np.random.default_rng(0)
            keypoints = crowd(rng, people, size)
            known = rng.random((people, 18)) < 0.8
            cells = (size[0] // 8, size[1] // 8)
            places = keypoints / 8
            parts = {
                "heatmaps": lambda p=places, k=known, c=cells: heatmap_targets(p, k, c, 0.875),
                "rounded, cut": lambda p=places, k=known, c=cells: heatmap_targets(
                    p, k, c, 0.875, unbiased=False
                ),
                "pafs": lambda p=places, k=known, c=cells: paf_targets(p, k, COCO18.limbs, c, 1.0),
                "all, with masks": lambda p=keypoints, k=known, s=size: body_targets(
                    p, k, COCO18, s
                ),
            }
            cost = " | ".join(f"{name} {median_ms(run):.2f} ms" for name, run in parts.items())
            print(f"targets {cells[0]} x {cells[1]}, {people} people: {cost}", flush=True)


if __name__ == "__main__":
    main()
