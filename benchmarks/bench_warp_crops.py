"""Person crops of 384x288 from a 1280x720 photo, beside cv2.warpAffine and NumPy.

Run: python -m benchmarks.bench_warp_crops
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks import harness
from benchmarks.harness import Case, Work
from benchmarks.scenes import BATCHES, CANVAS, smooth_noise
from heatpose import ops, reference

SIZE = (384, 288)
MEAN = np.array(ops.IMAGENET_MEAN, np.float32)
STD = np.array(ops.IMAGENET_STD, np.float32)


def with_warp_affine(
    image: np.ndarray, matrices: np.ndarray, size: tuple[int, int] = SIZE
) -> np.ndarray:
    crops = []
    for matrix in matrices:
        crop = cv2.warpAffine(
            image, matrix, size[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        crops.append(((crop.astype(np.float32) / 255 - MEAN) / STD).transpose(2, 0, 1))
    return np.stack(crops)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize(("batch", "turned"), [*((n, False) for n in BATCHES), (64, True)])
def test_warp(case: Case, batch: int, turned: bool, dtype: str) -> None:
    rng = np.random.default_rng(0)
    image = smooth_noise(*CANVAS)
    centers = rng.uniform((100, 100), (1180, 620), (batch, 2))
    scales = rng.uniform(0.8, 2.5, (batch, 1)) * (0.75, 1.0)
    rotation = rng.uniform(-40, 40, batch) if turned else 0.0
    matrices = ops.crop_matrices(centers, scales, SIZE, rotation=rotation).photo_from_crop
    settings: dict[str, Any] = {"mean": MEAN, "std": STD, "dtype": dtype}
    wanted = with_warp_affine(image, matrices[:8])
    out = np.empty((batch, 3, *SIZE), dtype)

    def check(_: str, answer: Any) -> None:
        # A step of 1/32 pixel at the photo's steepest edge, one rounding, in units of std.
        assert np.abs(answer[:8] - wanted).max() <= 16 / 255 / STD.min(), "two different answers"

    programs = {
        "heatpose": lambda: ops.warp_crops(image, matrices, SIZE, **settings),
        "heatpose with out=": lambda: ops.warp_crops(image, matrices, SIZE, out=out, **settings),
    }
    if batch <= 64:
        programs["cv2+numpy"] = lambda: with_warp_affine(image, matrices)
    case(
        f"warp_crops {batch} x 384 x 288 {'turned' if turned else 'upright'}, {dtype}",
        programs,
        check,
        # Four pixels a value, and its normalisation.
        work=Work(
            read=image.nbytes,
            written=out.nbytes,
            multiply_adds=5 * out.size,
            growth=() if turned else (f"warp_crops, {dtype}", "batch", batch),
        ),
        target_ms=35 if batch == 64 else None,
    )


def test_reference(case: Case) -> None:
    image = smooth_noise(*CANVAS)
    matrices = ops.crop_matrices([[600, 300]], [[1.5, 2.0]], SIZE).photo_from_crop
    wanted = ops.warp_crops(image, matrices, SIZE)
    case(
        "warp_crops 1 x 384 x 288, beside the reference",
        {
            "heatpose": lambda: ops.warp_crops(image, matrices, SIZE),
            "reference": lambda: reference.warp_crops(image, matrices, SIZE),
        },
        lambda _, answer: np.testing.assert_allclose(answer, wanted, atol=1e-3),
    )


if __name__ == "__main__":
    harness.main(__file__)
