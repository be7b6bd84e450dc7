"""Hand maps of 21 keypoints, one scale and four to 368x368, beside SciPy and OpenCV.

Run: python -m benchmarks.bench_decode_hand_maps
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import classic, harness
from benchmarks.harness import Case, Work
from benchmarks.scenes import SCALES, count
from heatpose import ops, reference

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


@pytest.mark.parametrize("canvas", [184, 368, 736])
@pytest.mark.parametrize("scales", SCALES, ids=count)
def test_hand_maps(case: Case, scales: tuple[float, ...], canvas: int) -> None:
    maps, square = [planted_hand(int(46 * s)) for s in scales], (canvas, canvas)
    wanted = classic.decode_hand(maps, square)

    def check(_: str, answer: Any) -> None:
        found = getattr(answer, "coords", answer)
        assert np.array_equal(found, wanted), "two different answers are not worth timing"

    case(
        f"decode_hand_maps 21 keypoints, {count(scales)} -> {canvas}x{canvas}",
        {
            "heatpose": lambda: ops.decode_hand_maps(maps, square),
            "SciPy + cv2": lambda: classic.decode_hand(maps, square),
        },
        check,
        work=Work(growth=(f"decode_hand_maps, {count(scales)}", "pixels", canvas * canvas)),
        target_ms=4 if (canvas, len(scales)) == (368, 4) else None,
    )


def test_reference(case: Case) -> None:
    maps = planted_hand(46)[:3]
    wanted = ops.decode_hand_maps(maps, CANVAS).coords
    case(
        "decode_hand_maps 3 keypoints, 1 scale -> 368x368, beside the reference",
        {
            "heatpose": lambda: ops.decode_hand_maps(maps, CANVAS),
            "reference": lambda: reference.decode_hand_maps(maps, CANVAS),
        },
        lambda _, answer: np.testing.assert_array_equal(answer[0], wanted),
    )


if __name__ == "__main__":
    harness.main(__file__)
