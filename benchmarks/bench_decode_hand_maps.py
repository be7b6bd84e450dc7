"""Hand maps of 21 keypoints, four scales to 368x368, beside SciPy and OpenCV.

Run: python -m benchmarks.bench_decode_hand_maps
"""

from __future__ import annotations

import numpy as np

from benchmarks import classic
from benchmarks.harness import compare, one_thread, report
from heatpose import ops

CANVAS = (368, 368)


def planted_hand(cells: int, seed: int = 0) -> np.ndarray:
    """Maps [21, h, w] of one Gaussian each (sigma 7 input pixels at scale 1), and some noise."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0.15, 0.85, (21, 2)) * cells
    y, x = np.mgrid[:cells, :cells]
    sigma = 7 / 8 * cells / 46
    maps = [np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2)) for cx, cy in centres]
    noise = np.random.default_rng(seed + cells).normal(0, 0.01, (21, cells, cells))
    return (0.8 * np.stack(maps) + noise).astype(np.float32)


def main() -> None:
    one_thread()
    maps = [planted_hand(cells) for cells in (23, 46, 69, 92)]
    ours, theirs = ops.decode_hand_maps(maps, CANVAS), classic.decode_hand(maps, CANVAS)
    assert np.array_equal(ours.coords, theirs), "two different answers are not worth timing"
    report(
        "decode_hand_maps 21 keypoints, 4 scales -> 368x368",
        compare(
            {
                "heatpose": lambda: ops.decode_hand_maps(maps, CANVAS),
                "SciPy + cv2": lambda: classic.decode_hand(maps, CANVAS),
            }
        ),
        target_ms=4,
    )


if __name__ == "__main__":
    main()
