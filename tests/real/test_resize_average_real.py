"""Maps of a real network on the canvas: values that the classic programs computed from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heatpose import ops

TOLERANCE = 1e-5


def goldens(shared_data: Path, pattern: str) -> list[dict[str, Any]]:
    files = sorted((shared_data / "body" / "golden").glob(pattern))
    return [json.loads(f.read_text()) for f in files]


def check_probes(probes: dict[str, Any], heat: np.ndarray, paf: np.ndarray) -> int:
    smoothed = ops.gaussian_smooth(heat, 3.0)
    found = {"heat": heat, "paf": paf, "heat_smoothed": smoothed}
    count = 0
    for name, places in probes.items():
        y, x, channel = np.array([p[:3] for p in places], int).T
        want = np.array([p[3] for p in places])
        np.testing.assert_allclose(found[name][channel, y, x], want, rtol=0, atol=TOLERANCE)
        count += len(want)
    return count


def test_probes_of_single_scale_maps(shared_data: Path) -> None:
    count = 0
    for golden in goldens(shared_data, "*.json"):
        canvas = tuple(golden["photo_hwc"][:2])
        for entry in golden.get("inputs", {}).values():
            maps = np.load(shared_data / "body" / entry["map_file"])["output"]
            full = ops.resize_average(maps, canvas)
            count += check_probes(entry["openpose_python"]["probes"], full[:19], full[19:])
    assert count > 100


@pytest.mark.parametrize("kind", ["mean", "as_written"])
def test_probes_and_sums_of_multi_scale_maps(shared_data: Path, kind: str) -> None:
    count = 0
    for golden in goldens(shared_data, "multiscale__*.json"):
        canvas = tuple(golden["photo_hwc"][:2])
        with np.load(shared_data / "body" / golden["npz"]) as file:
            n = len(golden["scale_search"])
            maps = [file[f"raw_{i}"] for i in range(n)]
            content = [
                tuple(np.array(file[f"padded_hw_{i}"]) - np.array(file[f"pad_{i}"])[2:])
                for i in range(n)
            ]
        # The program as written doubles the heat sum at every scale.
        weights = [1 / n] * n if kind == "mean" else [2.0 ** (n - 1 - i) / n for i in range(n)]
        options = {"content": content}
        heat = ops.resize_average([m[:19] for m in maps], canvas, weights=weights, **options)
        paf = ops.resize_average([m[19:] for m in maps], canvas, **options)
        expected = golden[kind]
        count += check_probes(expected["probes"], heat, paf)
        for name, found in (("heat", heat), ("paf", paf)):
            sums = found.sum(axis=(1, 2), dtype=np.float64)
            want = np.array(expected[f"{name}_channel_sums"])
            # Sums over some 300,000 pixels of values that are within 1e-5 each, mostly much less.
            np.testing.assert_allclose(sums, want[: len(sums)], rtol=1e-5, atol=0.05)
        best = heat[: expected_parts(expected)].max()
        assert best == pytest.approx(expected["heat_max_over_parts"], abs=TOLERANCE)
    assert count > 100


def expected_parts(expected: dict[str, Any]) -> int:
    return len(expected["peaks_per_part"])


def test_the_smoothed_maps_of_tf_pose(shared_data: Path) -> None:
    """Pixels replicated four times, then a 25-tap filter with a border of zeros."""
    kernel = np.load(shared_data / "body" / "model" / "tfpose_smoothing_kernel.npz")["kernel"]
    taps = np.sqrt(np.diag(kernel).astype(np.float64))
    np.testing.assert_allclose(np.outer(taps, taps), kernel, atol=1e-7)
    count = 0
    for golden in goldens(shared_data, "*.json"):
        for entry in golden.get("inputs", {}).values():
            expected = entry["tfpose"]
            maps = np.load(shared_data / "body" / entry["map_file"])["output"][:19]
            full = ops.resize_average(
                maps, expected["upsampled_hw"], stride=4, interpolation="nearest"
            )
            smoothed = ops.gaussian_smooth(full, taps=taps, border="constant")
            y, x, channel = np.array([p[:3] for p in expected["probes"]["heat_smoothed"]], int).T
            want = np.array([p[3] for p in expected["probes"]["heat_smoothed"]])
            np.testing.assert_allclose(smoothed[channel, y, x], want, rtol=0, atol=TOLERANCE)
            count += len(want)
    assert count > 100
