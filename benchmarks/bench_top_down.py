"""Everything around a top-down network: crops in, the flip test's average, DARK, affine out.

The network is a stand-in that answers at once with planted maps, so that only what lies around it
is timed. Beside it: the same with one cv2.warpAffine per crop and one cv2 blur per map, as the
published programs do it.

Run: python -m benchmarks.bench_top_down
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from benchmarks import harness
from benchmarks.bench_decode_heatmaps import planted, with_cv2
from benchmarks.bench_warp_crops import with_warp_affine
from benchmarks.harness import Case
from benchmarks.scenes import CANVAS, smooth_noise
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


def in_order(estimator: Any, image: Any, boxes: Boxes) -> Any:
    """Keypoints [N, K, 2] in the order of the boxes."""
    if isinstance(estimator, WholeBodyEstimator):
        return estimator.in_order(image, boxes=boxes).keypoints
    return estimator(image, boxes=boxes).keypoints


@pytest.mark.parametrize("flip_test", [False, True], ids=["plain", "flip"])
@pytest.mark.parametrize("kind", CASES)
def test_around_the_network(case: Case, kind: str, flip_test: bool) -> None:
    keypoints, size, kernel, target = CASES[kind]
    rng = np.random.default_rng(0)
    image = smooth_noise(*CANVAS)
    maps = planted(CROPS, keypoints, size[0] // 4, size[1] // 4)
    corner = rng.uniform((0, 0), (1000, 400), (CROPS, 2))
    extent = rng.uniform(120, 400, (CROPS, 2))
    boxes = np.concatenate([corner, corner + extent], axis=1).astype(np.float32)
    make: Any = WholeBodyEstimator if keypoints == 133 else HandEstimator
    settings = {"batch_size": CROPS, "kernel": kernel, "device": "cpu"}
    plain = make(Planted(maps, size), flip_test=False, **settings)
    np.testing.assert_allclose(  # pixels of the photo
        in_order(plain, image, Boxes(boxes)),
        with_opencv(image, boxes, size, maps, kernel),
        atol=0.05,
    )
    estimator = make(Planted(maps, size), flip_test=flip_test, **settings)
    flip = estimator.skeleton.flip if flip_test else None
    case(
        f"around the network, {CROPS} {kind} {size[0]}x{size[1]}"
        + (", with the flip test" if flip_test else ""),
        {
            "heatpose": lambda: estimator(image, boxes=boxes),
            "OpenCV + NumPy": lambda: with_opencv(image, boxes, size, maps, kernel, flip),
        },
        # The flip test averages in place, so that its maps are others at every turn.
        None,
        target_ms=None if flip_test else target,
    )


if __name__ == "__main__":
    harness.main(__file__)
