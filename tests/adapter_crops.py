"""For the tests of top-down adapters: maps, recorded answers, and how other programs reach theirs.

The ``by_opencv`` functions blur whole maps with OpenCV and step map by map, as those programs do.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from heatpose.reference.decode_heatmaps import dark_step, dark_udp_step

Decode = Callable[[np.ndarray], np.ndarray]
"""Maps [N, K, h, w] to places [N, K, 2] in cells."""

# Maps with NaN, of which the originals make NaN, the NaN cell itself, its neighbour or (0, 0).
# Here NaN is no maximum, so that the peak (planted at (14.2, 50.7) where there is one) is found.
NAN_MAPS = {"nan_at_peak": 1.0, "nan_next_to_peak": 1.0, "nan_far": 0.8, "nan_and_inf": None}
# A map without a number is as one without a positive number. mmpose says (0, 0) there, the cell of
# its first NaN; where originals divide 0 by 0 their answer is NaN.
INVALID_MAPS = ("all_zero", "negative_zero", "neginf_all", "nan_all")
# An infinite maximum, of which a blur makes NaN. Here its cell, unrefined.
INFINITE_MAPS = {"posinf_at_peak": (14, 51), "posinf_far": (3, 2)}
# One column: the Hessian along x is the added float32 epsilon and nothing else, so that the
# original's step is float32's rounding of a flat logarithm over that epsilon. Here it is 0.
ONE_COLUMN = "size_5x1_random"


def bumps(shape: tuple[int, ...], *, seed: int = 0, noise: float = 0.02) -> np.ndarray:
    """One Gaussian per map, on noise, sometimes at or beyond the border."""
    rng = np.random.default_rng(seed)
    height, width = shape[-2:]
    ys, xs = np.mgrid[:height, :width]
    x, y = (rng.uniform(-1, n, shape[:-2])[..., None, None] for n in (width, height))
    maps = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 8) + rng.normal(0, noise, shape)
    return maps.astype(np.float32)


def config(kernel: int = 11, post_process: bool = True) -> SimpleNamespace:
    """What programs of the Simple Baselines family hand over as their configuration."""
    return SimpleNamespace(TEST=SimpleNamespace(BLUR_KERNEL=kernel, POST_PROCESS=post_process))


def numbers(values: Any) -> np.ndarray:
    """JSON numbers, where non-finite ones are strings."""
    return np.vectorize(float, otypes=[np.float64])(np.array(values, object))


def report(row: str, difference: float, allowed: float, count: int) -> None:
    """Print a row of the table of goldens (pytest -s), and check it."""
    print(f"{row:44} {count:5} places  largest difference {difference:.1e}  allowed {allowed:.0e}")
    assert difference <= allowed, row


def check_hands(shared: Path, peer: str, decode: Decode, allowed: float) -> None:
    """The 11 hands of a trained network, as float16 and as float32, and a batch of Gaussians."""
    folder = shared / "hand"
    goldens = np.load(folder / "handnet" / "decode_goldens.npz")
    maps = np.load(folder / "handnet" / "heatmaps_f16.npz")["heatmaps"]
    for dtype in (np.float16, np.float32):
        difference = np.abs(decode(maps.astype(dtype)) - goldens[peer]).max()
        report(f"hands, {np.dtype(dtype).name}: {peer}", difference, allowed, maps.shape[1] * 11)
    batch = np.load(folder / "decode_edge" / "batch_64x48.npz")
    difference = np.abs(decode(batch["heatmaps"].astype(np.float32)) - batch[peer]).max()
    report(f"batch: {peer}", difference, min(allowed, 2e-5), 51)


def check_hands_in_photo(shared: Path, peer: str, decode: Any, allowed: float) -> None:
    """``decode(maps, center, scale)`` to photo pixels, of crops up to 827 pixels wide."""
    folder = shared / "hand" / "handnet"
    maps = np.load(folder / "heatmaps_f16.npz")["heatmaps"].astype(np.float32)
    cases = json.loads((folder / "cases.json").read_text())["cases"]
    center, scale = (np.array([c[f"affine_{key}"] for c in cases]) for key in ("center", "scale"))
    golden = np.load(folder / "decode_goldens.npz")[f"{peer}.image"]
    difference = np.abs(decode(maps, center, scale) - golden).max()
    report(f"hands, photo pixels: {peer}", difference, allowed, golden.shape[1] * 11)


def check_edges(
    shared: Path,
    peer: str,
    decode: Decode,
    allowed: float,
    *,
    invalid: float,
    method: str,
    raises: tuple[str, ...] = (),
) -> None:
    """The 109 edge cases; where the answers are others than the original's, they are named above.

    Args:
        shared: Folder of the data.
        peer: Name of the recorded answers.
        decode: One map as [1, 1, h, w].
        allowed: Largest difference in cells.
        invalid: x and y of no place.
        method: "none", "quarter", or DARK's.
        raises: Cases beyond those of the original that are an error here.
    """
    folder = shared / "hand" / "decode_edge"
    cases = json.loads((folder / "edge_goldens.json").read_text())["cases"]
    inputs = np.load(folder / "edge_inputs.npz")
    largest, compared = 0.0, 0
    for name, case in cases.items():
        golden, maps = case["results"][peer], inputs[name][None, None]
        if golden["error"] is not None or name in raises:
            try:
                decode(maps)
            except ValueError:
                continue
            raise AssertionError(f"{name} must be an error, as in {peer}")
        got, want = decode(maps)[0, 0], numbers(golden["coords"])[0]
        assert np.isfinite(got).all(), name
        if name in INVALID_MAPS:
            assert got.tolist() == [invalid, invalid], name
        elif name in NAN_MAPS:
            planted = NAN_MAPS[name]
            place = (1, 1) if planted is None else (14.2, 50.7)
            assert np.abs(got - place).max() <= (planted or 0), name
        elif name in INFINITE_MAPS and method.startswith("dark"):
            assert got.tolist() == list(INFINITE_MAPS[name]), name
        elif name == ONE_COLUMN and method == "dark_udp":
            assert got[0] == 0 and abs(got[1] - want[1]) <= allowed
        else:
            assert np.isfinite(want).all(), name
            difference = np.abs(got - want).max()
            assert difference <= allowed, f"{name}: {got} instead of {want}"
            largest, compared = max(largest, difference), compared + 1
    assert compared >= 109 - 2 - len(INVALID_MAPS) - len(NAN_MAPS) - 3 - len(raises)
    report(f"edge cases: {peer}", largest, allowed, compared)


# -------------------------------------------------------------------------------------------------
# As the other programs do it, map by map.


def blurred_by_opencv(
    heatmap: np.ndarray, kernel: int, dtype: type[Any] = np.float32
) -> np.ndarray:
    """One map blurred in a frame of zeros and scaled back to its maximum."""
    height, width = heatmap.shape
    radius = kernel // 2
    framed = np.zeros((height + 2 * radius, width + 2 * radius), dtype)
    framed[radius : radius + height, radius : radius + width] = heatmap
    smooth = cv2.GaussianBlur(framed, (kernel, kernel), 0)
    smooth = smooth[radius : radius + height, radius : radius + width]
    return np.asarray(smooth * (heatmap.max() / smooth.max()))


def maxima_by_numpy(maps: np.ndarray, invalid: float) -> np.ndarray:
    """The cells of the maxima [N, K, 2]."""
    flat = maps.reshape(*maps.shape[:2], -1)
    y, x = np.divmod(flat.argmax(axis=-1), maps.shape[-1])
    places = np.stack([x, y], axis=-1).astype(np.float64)
    places[flat.max(axis=-1) <= 0] = invalid
    return places


def dark_by_opencv(
    maps: np.ndarray, kernel: int, invalid: float = 0, dtype: type[Any] = np.float32
) -> np.ndarray:
    """DARK in cells [N, K, 2]."""
    places = maxima_by_numpy(maps, invalid)
    height, width = maps.shape[-2:]
    for plane in np.ndindex(*maps.shape[:2]):
        x, y = (int(v) for v in places[plane])
        if 1 < x < width - 2 and 1 < y < height - 2:
            smooth = blurred_by_opencv(maps[plane], kernel, dtype)
            places[plane] += dark_step(np.log(np.maximum(smooth, 1e-10)), x, y)
    return places


def dark_udp_by(blur: Callable[[np.ndarray], np.ndarray], maps: np.ndarray) -> np.ndarray:
    """DARK-UDP in cells [N, K, 2], with any blur of a map."""
    places = maxima_by_numpy(maps, -1)
    for plane in np.ndindex(*maps.shape[:2]):
        x, y = (int(v) for v in places[plane])
        if x >= 0:
            logs = np.log(np.clip(blur(maps[plane]), 1e-3, 50.0))
            places[plane] += dark_udp_step(np.pad(logs, 1, mode="edge"), x + 1, y + 1)
    return places


def combined_by_opencv(
    maps: np.ndarray, radius: float, class_kernel: int, offset_kernel: int
) -> np.ndarray:
    """Maps [N, 3 K, h, w] of classes and offsets in cells [N, K, 2]."""
    maps = maps.copy()
    for plane in np.ndindex(*maps.shape[:2]):
        size = offset_kernel if plane[1] % 3 else class_kernel
        if size:
            maps[plane] = cv2.GaussianBlur(maps[plane], (size, size), 0)
    places = maxima_by_numpy(maps[:, ::3], -1)
    for n, k in np.ndindex(*places.shape[:2]):
        x, y = (int(v) for v in places[n, k])
        if x >= 0:
            places[n, k] += maps[n, 3 * k + 1 : 3 * k + 3, y, x] * radius
    return places
