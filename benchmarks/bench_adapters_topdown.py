"""The adapters of top-down projects beside what they replace, for batches of 32 crops.

What they replace is written here the way those programs work: maps on the host, one OpenCV or SciPy
blur per map, one small matrix per keypoint, one affine map per crop. Where transformers is
installed, its own code is timed instead. "hand maps" are 21 x 64 x 64, "body" 17 x 64 x 48,
"whole body" 133 x 96 x 72.

Run: python -m benchmarks.bench_adapters_topdown
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from benchmarks import harness
from benchmarks.bench_decode_heatmaps import planted
from benchmarks.harness import Case
from heatpose.adapters import darkpose, easycv, mmpose, simple_baselines, transformers

Maps = npt.NDArray[Any]
Points = npt.NDArray[Any]

BATCH = 32
CASES = {"body": (17, 64, 48, 11), "hand maps": (21, 64, 64, 11), "whole body": (133, 96, 72, 17)}
RNG = np.random.default_rng(0)
CENTER = RNG.uniform(100, 500, (BATCH, 2))
SCALE = np.repeat(RNG.uniform(0.5, 2, (BATCH, 1)), 2, axis=1)


# --- The steps that the programs share.


def maxima(maps: Maps, invalid: float) -> tuple[Points, Points]:
    flat = maps.reshape(*maps.shape[:2], -1)
    index, best = flat.argmax(axis=2), flat.max(axis=2)
    points = np.stack([index % maps.shape[3], index // maps.shape[3]], axis=2).astype(np.float32)
    points[best <= 0] = invalid
    return points, best


def modulate(maps: Maps, kernel: int, dtype: type[Any]) -> Maps:
    radius = kernel // 2
    height, width = maps.shape[2:]
    answer = maps.copy()
    for plane in np.ndindex(*maps.shape[:2]):
        before = np.max(answer[plane])
        framed = np.zeros((height + 2 * radius, width + 2 * radius), dtype)
        framed[radius:-radius, radius:-radius] = answer[plane]
        framed = cv2.GaussianBlur(framed, (kernel, kernel), 0)
        answer[plane] = framed[radius:-radius, radius:-radius]
        answer[plane] *= before / np.max(answer[plane])
    return answer


def newton(logs: Maps, point: Points) -> None:
    x, y = int(point[0]), int(point[1])
    height, width = logs.shape
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return
    dx = 0.5 * (logs[y, x + 1] - logs[y, x - 1])
    dy = 0.5 * (logs[y + 1, x] - logs[y - 1, x])
    dxx = 0.25 * (logs[y, x + 2] - 2 * logs[y, x] + logs[y, x - 2])
    dyy = 0.25 * (logs[y + 2, x] - 2 * logs[y, x] + logs[y - 2, x])
    corners = logs[y + 1, x + 1] - logs[y - 1, x + 1] - logs[y + 1, x - 1] + logs[y - 1, x - 1]
    hessian = np.array([[dxx, 0.25 * corners], [0.25 * corners, dyy]])
    if dxx * dyy - hessian[0, 1] ** 2 != 0:
        point -= np.linalg.inv(hessian) @ np.array([dx, dy])


def dark(maps: Maps, kernel: int, invalid: float, dtype: type[Any]) -> Points:
    points, _ = maxima(maps, invalid)
    logs = np.log(np.maximum(modulate(maps, kernel, dtype), 1e-10))
    for plane in np.ndindex(*maps.shape[:2]):
        newton(logs[plane], points[plane])
    return points


def quarter(maps: Maps, invalid: float) -> Points:
    points, _ = maxima(maps, invalid)
    height, width = maps.shape[2:]
    for plane in np.ndindex(*maps.shape[:2]):
        heatmap = maps[plane]
        x, y = (math.floor(v + 0.5) for v in points[plane])
        if 1 < x < width - 1 and 1 < y < height - 1:
            steps = heatmap[y, x + 1] - heatmap[y, x - 1], heatmap[y + 1, x] - heatmap[y - 1, x]
            points[plane] += np.sign(np.array(steps)) * 0.25
    return points


def dark_udp(smooth: Maps, points: Points, *, framed: bool = False) -> Points:
    """DARK-UDP from blurred maps; this step is one for all maps in the programs, too."""
    logs = smooth
    if not framed:
        logs = np.log(np.clip(smooth, 1e-3, 50.0))
        logs = np.pad(logs, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    n, k = np.ogrid[: smooth.shape[0], : smooth.shape[1]]
    x, y = points[..., 0].astype(int) + 1, points[..., 1].astype(int) + 1
    here, left, right = logs[n, k, y, x], logs[n, k, y, x - 1], logs[n, k, y, x + 1]
    above, below = logs[n, k, y - 1, x], logs[n, k, y + 1, x]
    corners = logs[n, k, y + 1, x + 1] + logs[n, k, y - 1, x - 1]
    dxy = 0.5 * (corners - right - below + 2 * here - left - above)
    hessian = np.stack([right - 2 * here + left, dxy, dxy, below - 2 * here + above], axis=-1)
    hessian = hessian.reshape(*hessian.shape[:2], 2, 2) + np.finfo(np.float32).eps * np.eye(2)
    slope = 0.5 * np.stack([right - left, below - above], axis=-1)
    return points - np.einsum("nkij,nkj->nki", np.linalg.inv(hessian), slope)


def dark_udp_easycv(smooth: Maps, points: Points) -> Points:
    """The same from maps that are turned channels-last, framed by OpenCV and turned back."""
    count, keypoints, height, width = smooth.shape
    logs = np.log(np.clip(smooth, 1e-3, 50.0)).transpose(2, 3, 0, 1).reshape(height, width, -1)
    parts = [  # 128 at once, which is all that OpenCV 5 takes (4: 512)
        cv2.copyMakeBorder(
            np.ascontiguousarray(logs[..., i : i + 128]), 1, 1, 1, 1, borderType=cv2.BORDER_REFLECT
        )
        for i in range(0, logs.shape[2], 128)
    ]
    framed = np.concatenate([p.reshape(height + 2, width + 2, -1) for p in parts], axis=2)
    framed = framed.reshape(height + 2, width + 2, count, keypoints).transpose(2, 3, 0, 1)
    return dark_udp(np.ascontiguousarray(framed), points, framed=True)


def to_photo(points: Points, size: tuple[int, int], *, less: int) -> Points:
    """One matrix from three points per crop, one product per keypoint."""
    width, height = size
    answer = points.copy()
    for i in range(len(points)):
        side = SCALE[i, 0] * 200 - less
        middle = np.array([(width - less) / 2, (height - less) / 2])
        cells = np.array([middle, middle - [0, (width - less) / 2], [0, middle[1]]], np.float32)
        photo = np.array(
            [CENTER[i], CENTER[i] - [0, side / 2], CENTER[i] - [side / 2, 0]], np.float32
        )
        matrix = cv2.getAffineTransform(cells, photo)
        for j in range(points.shape[1]):
            answer[i, j] = np.dot(matrix, np.array([points[i, j, 0], points[i, j, 1], 1.0]))[:2]
    return answer


def by_size(points: Points, size: tuple[int, int], *, less: int) -> Points:
    steps = SCALE[:, None] * 200 / (np.array(size) - less)
    return points * steps + CENTER[:, None] - SCALE[:, None] * 100


# --- The programs, and their adapters.


def programs_of(maps: Maps, kernel: int) -> dict[str, dict[str, Callable[[], Any]]]:
    """For each row of the table: the adapter, and what it replaces."""
    size = (maps.shape[3], maps.shape[2])
    config = SimpleNamespace(TEST=SimpleNamespace(BLUR_KERNEL=kernel, POST_PROCESS=True))
    pixels = {"input_size": (size[0] * 4, size[1] * 4), "heatmap_size": size}
    msra = mmpose.MSRAHeatmap(**pixels, sigma=2)
    unbiased = mmpose.MSRAHeatmap(**pixels, sigma=2, unbiased=True, blur_kernel_size=kernel)
    udp = mmpose.UDPHeatmap(**pixels, blur_kernel_size=kernel)
    whole = np.array(pixels["input_size"]) / (np.array(size) - 1)

    def blurred(one_map: Callable[[Maps], Maps]) -> Maps:
        return np.array([[one_map(heatmap) for heatmap in crop] for crop in maps])

    def opencv(heatmap: Maps) -> Maps:
        return np.asarray(cv2.GaussianBlur(heatmap, (kernel, kernel), 0))

    rows: dict[str, dict[str, Callable[[], Any]]] = {
        "darkpose get_final_preds": {
            "heatpose": lambda: darkpose.get_final_preds(config, maps, CENTER, SCALE)[0],
            "original": lambda: to_photo(dark(maps, kernel, 0, np.float64), size, less=1),
        },
        "simple_baselines get_final_preds": {
            "heatpose": lambda: simple_baselines.get_final_preds(config, maps, CENTER, SCALE)[0],
            "original": lambda: to_photo(quarter(maps, 0), size, less=0),
        },
        "mmpose MSRAHeatmap, DARK": {
            "heatpose": lambda: np.concatenate(unbiased.batch_decode(maps)[0]),
            "original": lambda: dark(maps, kernel, -1, np.float32) * 4,
        },
        "mmpose MSRAHeatmap, quarter": {
            "heatpose": lambda: np.concatenate(msra.batch_decode(maps)[0]),
            "original": lambda: quarter(maps, -1) * 4,
        },
        "mmpose UDPHeatmap": {
            "heatpose": lambda: np.concatenate(udp.batch_decode(maps)[0]),
            "original": lambda: (
                dark_udp(modulate(maps, kernel, np.float32), maxima(maps, -1)[0]) * whole
            ),
        },
        "easycv unbiased": {
            "heatpose": lambda: easycv.keypoints_from_heatmaps(
                maps, CENTER, SCALE, post_process="unbiased", kernel=kernel
            )[0],
            "original": lambda: by_size(dark(maps, kernel, -1, np.float32), size, less=0),
        },
        "easycv default": {
            "heatpose": lambda: easycv.keypoints_from_heatmaps(maps, CENTER, SCALE)[0],
            "original": lambda: by_size(quarter(maps, -1), size, less=0),
        },
        "easycv DARK-UDP": {
            "heatpose": lambda: easycv.keypoints_from_heatmaps(
                maps, CENTER, SCALE, kernel=kernel, use_udp=True
            )[0],
            "original": lambda: by_size(
                dark_udp_easycv(blurred(opencv), maxima(maps, -1)[0]), size, less=1
            ),
        },
        "transformers keypoints_from_heatmaps": {
            "heatpose": lambda: transformers.keypoints_from_heatmaps(maps, CENTER, SCALE, kernel)[
                0
            ],
            "original": lambda: by_size(
                dark_udp(
                    blurred(lambda m: gaussian_filter(m, 0.8, radius=kernel // 2)),
                    maxima(maps, -1)[0],
                ),
                size,
                less=1,
            ),
        },
    }
    rows.update(installed_transformers(maps, kernel))
    return rows


def installed_transformers(maps: Maps, kernel: int) -> dict[str, dict[str, Callable[[], Any]]]:
    """The library's whole post-processing, where it is installed."""
    try:
        import torch
        from transformers.models.vitpose import image_processing_pil_vitpose as vitpose
    except ImportError:
        return {}
    processor = vitpose.VitPoseImageProcessorPil()
    outputs = SimpleNamespace(heatmaps=torch.from_numpy(maps))
    corners = np.concatenate([CENTER - 50, np.full((BATCH, 2), 100.0)], axis=1)
    boxes = [corners.tolist()]

    def keypoints(function: Callable[..., Any]) -> Points:
        # The library's places in maps beyond cell 2^24 are wrong: the first 16 crops are compared.
        people = function(outputs, boxes, kernel)[0]
        return np.array([one["keypoints"].numpy() for one in people[:16]])

    return {
        "transformers post_process_pose_estimation": {
            "heatpose": lambda: keypoints(transformers.post_process_pose_estimation),
            "original": lambda: keypoints(processor.post_process_pose_estimation),
        }
    }


def combined_of(keypoints: int, height: int, width: int, kernel: int) -> dict[str, Any]:
    """UDP's combined maps, which have to be blurred whole here as well."""
    maps = planted(BATCH, 3 * keypoints, height, width)
    pixels = {"input_size": (width * 4, height * 4), "heatmap_size": (width, height)}
    codec = mmpose.UDPHeatmap(**pixels, heatmap_type="combined", blur_kernel_size=kernel)

    def original() -> Points:
        smooth = maps.copy()
        for plane in np.ndindex(BATCH, keypoints):
            crop, channel = plane[0], 3 * plane[1]
            cv2.GaussianBlur(smooth[crop, channel], (2 * kernel + 1,) * 2, 0, smooth[crop, channel])
        points, _ = maxima(smooth[:, ::3], -1)
        n, k = np.ogrid[:BATCH, :keypoints]
        x, y = points[..., 0].astype(int), points[..., 1].astype(int)
        offsets = np.stack([smooth[n, 3 * k + axis, y, x] for axis in (1, 2)], axis=-1)
        points += offsets * 0.0546875 * max(width, height)
        return points / [width - 1, height - 1] * pixels["input_size"]

    return {
        "heatpose": lambda: np.concatenate(codec.batch_decode(maps)[0]),
        "original": original,
    }


ROWS = (
    "darkpose get_final_preds",
    "simple_baselines get_final_preds",
    "mmpose MSRAHeatmap, DARK",
    "mmpose MSRAHeatmap, quarter",
    "mmpose UDPHeatmap",
    "mmpose UDPHeatmap, combined",
    "easycv unbiased",
    "easycv default",
    "easycv DARK-UDP",
    "transformers keypoints_from_heatmaps",
    "transformers post_process_pose_estimation",
)
# Of these, times as fast.
DARK = (
    "darkpose get_final_preds",
    "mmpose MSRAHeatmap, DARK",
    "mmpose UDPHeatmap",
    "easycv unbiased",
    "easycv DARK-UDP",
    "transformers keypoints_from_heatmaps",
)
TARGET = 20.0


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("row", ROWS)
def test_adapter(case: Case, row: str, kind: str) -> None:
    keypoints, height, width, kernel = CASES[kind]
    if row == "mmpose UDPHeatmap, combined":
        programs = combined_of(keypoints, height, width, kernel)
    else:
        rows = programs_of(planted(BATCH, keypoints, height, width), kernel)
        if row not in rows:
            pytest.skip("transformers is not installed")
        programs = rows[row]
    wanted = programs["heatpose"]()
    case(
        f"{row}, {kind} {BATCH} x {keypoints}",
        programs,
        # Ill-conditioned steps aside, of which planted maps have none, the answers are equal.
        lambda _, answer: np.testing.assert_allclose(answer, wanted, atol=0.02),
        two_threads=False,
        adapter=row.split()[0],
        # The others read every map once on both sides, or blur it whole.
        target_times=TARGET if row in DARK else None,
    )


if __name__ == "__main__":
    harness.main(__file__)
