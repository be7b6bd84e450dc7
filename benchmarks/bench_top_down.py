"""Everything around a top-down network: crops in, the flip test's average, DARK, affine out.

The network is a stand-in that answers at once with planted maps, so that only what lies around it
is timed. Beside it: the same with one cv2.warpAffine per crop and one cv2 blur per map, as the
published programs do it.

Run: python -m benchmarks.bench_top_down
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmarks.bench_decode_heatmaps import planted, with_cv2
from benchmarks.bench_warp_crops import with_warp_affine
from benchmarks.harness import compare, one_thread, report
from heatpose import ops
from heatpose.estimators import HandEstimator, WholeBodyEstimator
from heatpose.networks import CropSpec
from heatpose.results import Boxes

CROPS = 32
# keypoints, crop, kernel, milliseconds that are allowed without the flip test
CASES: dict[str, tuple[int, tuple[int, int], int, float]] = {
    "whole bodies": (133, (384, 288), 17, 45.0),
    "hands": (21, (256, 256), 11, 15.0),
}


class Planted(nn.Module):
    """Answers every batch with the same maps, in one of two places by turns.

    Two, because the flip test writes the average over the first of its two answers.
    """

    def __init__(self, maps: npt.NDArray[np.float32], size: tuple[int, int]) -> None:
        super().__init__()
        self.crop_spec = CropSpec(*size)
        self.keypoints = maps.shape[1]
        self.places = [torch.from_numpy(maps), torch.from_numpy(maps.copy())]

    def forward(self, x: Tensor) -> Tensor:
        self.places.reverse()
        return self.places[0][: len(x)]


def with_opencv(
    image: npt.NDArray[np.uint8],
    boxes: npt.NDArray[np.float32],
    size: tuple[int, int],
    maps: npt.NDArray[np.float32],
    kernel: int,
    flip: tuple[int, ...] | None = None,
) -> npt.NDArray[Any]:
    """Keypoints in the photo: crops by cv2, DARK map by map, back by one matrix per crop.

    With ``flip`` the flip test as the published programs do it: two arrays of maps, the second
    turned back, reordered and moved by a cell.
    """
    center, extent = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    width = 1.25 * np.maximum(extent[:, 0], extent[:, 1] * size[1] / size[0])
    scales = np.stack([width, width * size[0] / size[1]], axis=1)
    matrices = ops.crop_matrices(center, scales, size, pixel_std=1.0)
    with_warp_affine(image, matrices.photo_from_crop, size)
    if flip is not None:
        turned = maps[:, list(flip), :, ::-1].copy()
        turned[..., 1:] = turned[..., :-1].copy()
        maps = (maps + turned) * np.float32(0.5)
    cells = with_cv2(maps, kernel)
    back = matrices.photo_from_cells
    return cells @ back[:, :, :2].transpose(0, 2, 1) + back[:, None, :, 2]


def main() -> None:
    torch.set_num_threads(1)
    one_thread()
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 256, (720, 1280, 3), np.uint8), (9, 9), 2)
    for name, (keypoints, size, kernel, target) in CASES.items():
        height, width = size
        maps = planted(CROPS, keypoints, height // 4, width // 4)
        corner = rng.uniform((0, 0), (1000, 400), (CROPS, 2))
        extent = rng.uniform(120, 400, (CROPS, 2))
        boxes = np.concatenate([corner, corner + extent], axis=1).astype(np.float32)
        make: Any = WholeBodyEstimator if keypoints == 133 else HandEstimator
        given = Boxes(boxes)
        settings = {"batch_size": CROPS, "kernel": kernel, "device": "cpu"}
        plain = make(Planted(maps, size), flip_test=False, **settings)
        flipping = make(Planted(maps, size), flip_test=True, **settings)
        found = in_order(plain, image, given)
        wanted = with_opencv(image, boxes, size, maps, kernel)
        np.testing.assert_allclose(found, wanted, atol=0.05)  # pixels of the photo
        title = f"around the network, {CROPS} {name} {height}x{width}"
        programs = {
            "heatpose": lambda e=plain, b=given: e(image, boxes=b),
            "OpenCV + NumPy": lambda b=boxes, s=size, m=maps, k=kernel: with_opencv(
                image, b, s, m, k
            ),
        }
        report(title, compare(programs, seconds=40), target_ms=target)
        flip = plain.skeleton.flip
        report(
            f"{title}, with the flip test",
            compare(
                {
                    "heatpose": lambda e=flipping, b=given: e(image, boxes=b),
                    "OpenCV + NumPy": lambda b=boxes, s=size, m=maps, k=kernel, f=flip: with_opencv(
                        image, b, s, m, k, f
                    ),
                },
                seconds=40,
            ),
        )


def in_order(estimator: Any, image: Any, boxes: Boxes) -> Any:
    """Keypoints [N, K, 2] in the order of the boxes."""
    if isinstance(estimator, WholeBodyEstimator):
        return estimator.in_order(image, boxes=boxes).keypoints
    return estimator(image, boxes=boxes).keypoints


if __name__ == "__main__":
    main()
