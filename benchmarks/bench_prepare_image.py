"""Photos at the search scales of a body network, beside cv2.resize and NumPy.

Run: python -m benchmarks.bench_prepare_image
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks import harness
from benchmarks.harness import Case, Work
from benchmarks.scenes import CANVAS, CANVASES, SEARCH, size, smooth_noise
from heatpose import ops, reference


def with_resize(image: np.ndarray, scale: float) -> np.ndarray:
    content = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    bottom, right = -content.shape[0] % 8, -content.shape[1] % 8
    padded = cv2.copyMakeBorder(
        content, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=(128, 128, 128)
    )
    array = np.transpose(padded.astype(np.float32) / 256 - 0.5, (2, 0, 1))[None]
    return np.ascontiguousarray(array)


def prepare(case: Case, canvas: tuple[int, int], box: float, dtype: str) -> None:
    image = smooth_noise(*canvas)
    scale = box * 368 / canvas[0]
    wanted = with_resize(image, scale)

    def check(_: str, answer: Any) -> None:
        array = answer[0] if isinstance(answer, tuple) else answer
        assert np.abs(array - wanted).max() <= 1 / 256, "two different answers"

    programs: dict[str, Any] = {
        "heatpose": lambda: ops.prepare_image(image, scale=scale, dtype=dtype)
    }
    if dtype == "float32":
        programs["cv2+numpy"] = lambda: with_resize(image, scale)
    rows, columns = wanted.shape[2:]
    case(
        f"prepare_image {size(canvas)} to {rows} rows, {dtype}",
        programs,
        check,
        # Cubic: four rows of the photo for each of the input's, then four columns.
        work=Work(
            read=image.nbytes,
            written=wanted.size * np.dtype(dtype).itemsize,
            multiply_adds=3 * 4 * rows * (canvas[1] + columns),
            growth=(f"prepare_image to 368 rows, {dtype}", "pixels", canvas[0] * canvas[1])
            if box == 1
            else (),
        ),
    )


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("box", SEARCH)
def test_scales(case: Case, box: float, dtype: str) -> None:
    prepare(case, CANVAS, box, dtype)


@pytest.mark.parametrize("canvas", [c for c in CANVASES if c != CANVAS], ids=size)
def test_canvas(case: Case, canvas: tuple[int, int]) -> None:
    prepare(case, canvas, 1.0, "float32")


def test_reference(case: Case) -> None:
    image = smooth_noise(*CANVAS)
    wanted = ops.prepare_image(image, size=(368, 656))[0]
    case(
        f"prepare_image {size(CANVAS)} to 368 rows, beside the reference",
        {
            "heatpose": lambda: ops.prepare_image(image, size=(368, 656)),
            "reference": lambda: reference.prepare_image(image, size=(368, 656)),
        },
        lambda _, answer: np.testing.assert_allclose(answer[0], wanted, atol=1 / 256),
    )


if __name__ == "__main__":
    harness.main(__file__)
