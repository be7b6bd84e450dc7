"""Top-down decoding with DARK: hands (21 x 64 x 64) and whole bodies (133 x 96 x 72).

Beside it: DARK on windows in vectorised NumPy, DARK with cv2 map by map (as the published programs
do it), the NumPy reference, and the floor: one read of the maps.

Run: python -m benchmarks.bench_decode_heatmaps
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from benchmarks import harness
from benchmarks.harness import Case, Program, Work
from benchmarks.scenes import BATCHES
from heatpose import ops, reference

Maps = npt.NDArray[np.float32]
CASES = {"hand": (21, 64, 64, 11), "whole body": (133, 96, 72, 17)}
# (kind, batch): milliseconds in float32
TARGETS = {("hand", 32): 0.6, ("whole body", 32): 6.0}
# Of a large batch the programs map by map would only say again what a small one says.
MOST_COMPARED = 32


def planted(batch: int, keypoints: int, height: int, width: int) -> Maps:
    """One Gaussian per map, at least four cells from the border, on small positive noise."""
    rng = np.random.default_rng(0)
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    x, y = (
        rng.uniform(4, n - 5, (batch, keypoints, 1, 1)).astype(np.float32) for n in (width, height)
    )
    maps = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 8)
    maps += np.abs(rng.normal(0, 0.01, maps.shape))
    return maps.astype(np.float32)


def newton(patch: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Steps [n, 2] from logs [n, 5, 5] around the maxima."""
    dx = 0.5 * (patch[:, 2, 3] - patch[:, 2, 1])
    dy = 0.5 * (patch[:, 3, 2] - patch[:, 1, 2])
    dxx = 0.25 * (patch[:, 2, 4] - 2 * patch[:, 2, 2] + patch[:, 2, 0])
    dyy = 0.25 * (patch[:, 4, 2] - 2 * patch[:, 2, 2] + patch[:, 0, 2])
    dxy = 0.25 * (patch[:, 3, 3] - patch[:, 1, 3] - patch[:, 3, 1] + patch[:, 1, 1])
    det = dxx * dyy - dxy * dxy
    return np.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], axis=-1) / det[:, None]


def with_windows(maps: Maps, kernel: int) -> npt.NDArray[Any]:
    """All windows at once; the shortcut is the same as ours, without the care for clamps."""
    batch, keypoints, height, width = maps.shape
    flat = maps.reshape(batch * keypoints, height * width)
    best = flat.argmax(axis=1)
    ys, xs = np.divmod(best, width)
    radius = kernel // 2
    reach = np.arange(-radius - 2, radius + 3)
    rows, columns = ys[:, None] + reach, xs[:, None] + reach
    row_in, column_in = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    index = np.clip(rows, 0, height - 1)[:, :, None] * width
    index = index + np.clip(columns, 0, width - 1)[:, None, :]
    window = flat[np.arange(len(flat))[:, None, None], index]
    window = window * (row_in[:, :, None] & column_in[:, None, :])
    taps = cv2.getGaussianKernel(kernel, 0).ravel()
    band = np.zeros((5, kernel + 4), np.float32)
    for i in range(5):
        band[i, i : i + kernel] = taps
    patch = np.log(np.maximum(band @ window @ band.T, 1e-10))
    inside = (xs > 1) & (xs < width - 2) & (ys > 1) & (ys < height - 2)
    coords = np.stack([xs, ys], axis=-1).astype(np.float32)
    coords[inside] += newton(patch[inside])
    return coords.reshape(batch, keypoints, 2)


def with_cv2(maps: Maps, kernel: int) -> npt.NDArray[Any]:
    """Each map blurred whole by cv2 in a zero frame, rescaled, log, and one step in NumPy."""
    batch, keypoints, height, width = maps.shape
    radius = kernel // 2
    coords = np.empty((batch, keypoints, 2), np.float32)
    framed = np.zeros((height + 2 * radius, width + 2 * radius), np.float32)
    for b in range(batch):
        for k in range(keypoints):
            plane = maps[b, k]
            y, x = divmod(int(plane.argmax()), width)
            framed[radius:-radius, radius:-radius] = plane
            blurred = cv2.GaussianBlur(framed, (kernel, kernel), 0)
            blurred = blurred[radius:-radius, radius:-radius]
            blurred *= plane.max() / blurred.max()
            logs = np.log(np.maximum(blurred, 1e-10))
            coords[b, k] = x, y
            if 1 < x < width - 2 and 1 < y < height - 2:
                coords[b, k] += newton(logs[None, y - 2 : y + 3, x - 2 : x + 3])[0]
    return coords


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("batch", sorted({*BATCHES, 32}))
@pytest.mark.parametrize("kind", CASES)
def test_dark(case: Case, kind: str, batch: int, dtype: str) -> None:
    keypoints, height, width, kernel = CASES[kind]
    # The same crops over and over: their logarithms are not what is timed.
    some = planted(min(batch, 32), keypoints, height, width)
    maps = np.tile(some, (-(-batch // len(some)), 1, 1, 1))[:batch].astype(dtype)
    first = maps[:2].astype(np.float32)
    wanted = with_windows(first, kernel)

    def check(_: str, answer: Any) -> None:
        np.testing.assert_allclose(answer[:2], wanted, atol=1e-3)

    programs: dict[str, Program] = {
        "heatpose": lambda: ops.decode_heatmaps(maps, kernel=kernel).coords
    }
    if dtype == "float32" and batch <= MOST_COMPARED:
        programs["numpy windows"] = lambda: with_windows(maps, kernel)
        programs["cv2 loop"] = lambda: with_cv2(maps, kernel)
        if batch == 1:
            programs["reference"] = lambda: reference.decode_heatmaps(maps, kernel=kernel)[0]
    words = maps.view(np.int32 if dtype == "float32" else np.int16)
    case(
        f"decode_heatmaps {kind} {batch} x {keypoints} x {height} x {width}, {dtype}",
        programs,
        check,
        beside={"floor: one read": words.max},
        work=Work(read=maps.nbytes, growth=(f"decode_heatmaps {kind}, {dtype}", "batch", batch)),
        target_ms=TARGETS.get((kind, batch)) if dtype == "float32" else None,
    )


if __name__ == "__main__":
    harness.main(__file__)
