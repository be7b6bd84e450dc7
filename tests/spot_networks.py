"""Small networks whose answers can be read off the photo: a map is how blue each cell is."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from heatpose.networks import CropSpec, InputSpec

Image = npt.NDArray[np.uint8]


def photo_with_spots(height: int, width: int, *places: tuple[float, float]) -> Image:
    """A black photo with a soft blue spot at each (x, y), rimmed with green on its right."""
    ys, xs = np.mgrid[:height, :width]
    photo = np.zeros((height, width, 3))
    for x, y in places:
        photo[..., 0] += 250 * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * 5.0**2))
        photo[..., 1] += 250 * np.exp(-((xs - x - 20) ** 2 + (ys - y) ** 2) / (2 * 5.0**2))
    return photo.clip(0, 255).astype(np.uint8)


class CropSpots(nn.Module):
    """Top-down: every map is the blue of the crop, in 0..1; keeps the crops that it saw."""

    crop_spec: CropSpec = CropSpec(64, 64, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), colour="bgr")

    def __init__(
        self, keypoints: int = 21, crop_spec: CropSpec | None = None, *, udp: bool = False
    ) -> None:
        super().__init__()
        self.keypoints = keypoints
        self.udp = udp
        if crop_spec is not None:
            self.crop_spec = crop_spec
        self.gain = nn.Parameter(torch.ones(1, keypoints, 1, 1))
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().clone())
        blue = nn.functional.avg_pool2d(x[:, :1], 5, stride=1, padding=2)
        # Cell c is crop pixel 4 c, as targets are made; UDP's last cell is the last pixel.
        if not self.udp:
            return blue[..., ::4, ::4] * self.gain
        size = self.crop_spec.maps_size
        return (
            nn.functional.interpolate(blue, size, mode="bilinear", align_corners=True) * self.gain
        )


class MapSpots(nn.Module):
    """OpenPose style: maps of the picture's blue and a background; keeps the sizes it saw."""

    input_spec: ClassVar[InputSpec] = InputSpec(
        box=64, norm_scale=1 / 255, norm_offset=0.0, pad_value=0
    )

    def __init__(self, keypoints: int = 21) -> None:
        super().__init__()
        self.maps = keypoints + 1
        self.gain = nn.Parameter(torch.ones(1, self.maps, 1, 1))
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(tuple(x.shape))
        return nn.functional.avg_pool2d(x[:, :1], 8) * self.gain


def points_of(found: Any) -> npt.NDArray[np.float64]:
    """The mean keypoint [N, 2] of hands or people, NaN where all are missing."""
    points: npt.NDArray[np.float64] = np.asarray(found.keypoints, np.float64).mean(axis=1)
    return points
