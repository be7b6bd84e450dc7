"""``trt_pose.draw_objects``, and what ``trt_pose.coco`` reads from a category."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from heatpose.adapters.trt_pose._tensors import read_topology
from heatpose.media import check_image

_GREEN, _LINE = (0, 255, 0), 2


class DrawObjects:
    """Draws the people of the first picture of a batch as green lines.

    Args:
        topology: Whole numbers [K, 4], of :class:`ParseObjects`.
    """

    def __init__(self, topology: torch.Tensor) -> None:
        self.topology = topology

    def __call__(
        self,
        image: npt.NDArray[np.uint8],
        object_counts: torch.Tensor,
        objects: torch.Tensor,
        normalized_peaks: torch.Tensor,
    ) -> None:
        """Draw into a picture.

        Args:
            image: uint8 [H, W, 3], painted on; of any size.
            object_counts: int32 [N].
            objects: int32 [N, P, C].
            normalized_peaks: float32 [N, C, M, 2].

        Raises:
            TypeError: image is not a uint8 array.
            ValueError: image has another shape.
        """
        import cv2

        check_image(image)
        limbs, _ = read_topology(self.topology)
        size = np.array(image.shape[1::-1])
        people = objects[0, : int(object_counts[0])].cpu().numpy()
        places = normalized_peaks[0].float().cpu().numpy()[..., ::-1] * size
        for person in people:
            for a, b in limbs.tolist():
                ends = [np.rint(places[c, person[c]]).astype(int) for c in (a, b) if person[c] >= 0]
                if len(ends) == 2:
                    cv2.line(image, ends[0].tolist(), ends[1].tolist(), _GREEN, _LINE)


def coco_category_to_topology(coco_category: Mapping[str, Any]) -> torch.Tensor:
    """The topology of a COCO category: limb k has channels 2 k (rows) and 2 k + 1 (columns).

    Args:
        coco_category: With "keypoints" and "skeleton", pairs of keypoints that count from 1. The
            project's ``human_pose.json`` is one.

    Returns:
        int32 [K, 4].

    Raises:
        ValueError: it has none, or a pair names a keypoint that there is not.
    """
    pairs = _entry(coco_category, "skeleton")
    parts = len(_entry(coco_category, "keypoints"))
    rows = []
    for k, pair in enumerate(pairs):
        a, b = (int(part) for part in pair)
        if not (1 <= a <= parts and 1 <= b <= parts):
            raise ValueError(f"skeleton must name keypoints from 1 to {parts}, got {[a, b]}")
        rows.append([2 * k, 2 * k + 1, a - 1, b - 1])
    return torch.tensor(rows, dtype=torch.int32).reshape(-1, 4)


def coco_category_to_parts(coco_category: Mapping[str, Any]) -> list[str]:
    """The names of a COCO category's keypoints.

    Raises:
        ValueError: it has none.
    """
    names: list[str] = _entry(coco_category, "keypoints")
    return names


def _entry(category: Mapping[str, Any], name: str) -> Any:
    if not isinstance(category, Mapping) or not isinstance(category.get(name), list):
        raise ValueError(f"coco_category must be a COCO category with a list of {name}")
    return category[name]
