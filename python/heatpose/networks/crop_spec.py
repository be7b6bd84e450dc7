"""What a top-down network expects of its input: the facts an estimator needs to cut its crops."""

from __future__ import annotations

from dataclasses import dataclass

from heatpose.networks.input_spec import ColourOrder
from heatpose.ops import IMAGENET_MEAN, IMAGENET_STD


@dataclass(frozen=True)
class CropSpec:
    """How a box of a photo becomes the input of a top-down network.

    The box is cut out and resized to ``height`` x ``width``, and its grey levels are normalised to
    ``(grey / 255 - mean) / std``: the settings of ``heatpose.ops.warp_crops``. Which keypoints
    change places in a mirrored crop is a fact of the skeleton and stands there.

    Attributes:
        height: Pixels of a crop, a multiple of ``stride``.
        width: Pixels of a crop, a multiple of ``stride``.
        mean: One per channel, in the order of ``colour``, in units of 0..1.
        std: One per channel, in the order of ``colour``, in units of 0..1.
        colour: Order of the three channels.
        stride: Crop pixels per cell of the maps.
    """

    height: int
    width: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    colour: ColourOrder = "rgb"
    stride: int = 4

    @property
    def maps_size(self) -> tuple[int, int]:
        """(height, width) of the maps in cells."""
        return self.height // self.stride, self.width // self.stride
