"""64 person crops of 384x288 from a 1280x720 photo, beside cv2.warpAffine and NumPy.

Run: python -m benchmarks.bench_warp_crops
"""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.harness import compare, one_thread, report
from heatpose import ops

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


def main() -> None:
    one_thread()
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (720, 1280, 3), np.uint8)
    image = cv2.GaussianBlur(noise, (9, 9), 2)
    centers = rng.uniform((100, 100), (1180, 620), (64, 2))
    scales = rng.uniform(0.8, 2.5, (64, 1)) * (0.75, 1.0)
    for name, rotation in (("upright", 0.0), ("turned", rng.uniform(-40, 40, 64))):
        matrices = ops.crop_matrices(centers, scales, SIZE, rotation=rotation).photo_from_crop
        for dtype in ("float32", "float16"):
            settings = {"mean": MEAN, "std": STD, "dtype": dtype}
            ours, theirs = ops.warp_crops(image, matrices, SIZE, **settings), None
            theirs = with_warp_affine(image, matrices)
            # A step of 1/32 pixel at the photo's steepest edge, one rounding, in units of std.
            assert np.abs(ours - theirs).max() <= 16 / 255 / STD.min(), "two different answers"
            out = np.empty_like(ours)
            report(
                f"warp_crops 64 x 384 x 288 {name} {dtype}",
                compare(
                    {
                        "heatpose": lambda m=matrices, s=settings: ops.warp_crops(
                            image, m, SIZE, **s
                        ),
                        "with out=": lambda m=matrices, s=settings, o=out: ops.warp_crops(
                            image, m, SIZE, out=o, **s
                        ),
                        "cv2+numpy": lambda m=matrices: with_warp_affine(image, m),
                    }
                ),
                target_ms=35,
            )


if __name__ == "__main__":
    main()
