"""A 1280x720 photo at the search scales of a body network, beside cv2.resize and NumPy.

Run: python -m benchmarks.bench_prepare_image
"""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.harness import compare, one_thread, report
from heatpose import ops


def with_resize(image: np.ndarray, scale: float) -> np.ndarray:
    content = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    bottom, right = -content.shape[0] % 8, -content.shape[1] % 8
    padded = cv2.copyMakeBorder(
        content, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=(128, 128, 128)
    )
    array = np.transpose(padded.astype(np.float32) / 256 - 0.5, (2, 0, 1))[None]
    return np.ascontiguousarray(array)


def main() -> None:
    one_thread()
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    image = cv2.GaussianBlur(noise, (9, 9), 2)
    for box in (0.5, 1.0, 1.5, 2.0):
        scale = box * 368 / 720
        ours, theirs = ops.prepare_image(image, scale=scale)[0], with_resize(image, scale)
        assert np.abs(ours - theirs).max() <= 1 / 256, "two different answers"
        report(
            f"prepare_image 720 x 1280 by {scale:.3f}",
            compare(
                {
                    "heatpose": lambda scale=scale: ops.prepare_image(image, scale=scale),
                    "cv2+numpy": lambda scale=scale: with_resize(image, scale),
                }
            ),
        )


if __name__ == "__main__":
    main()
