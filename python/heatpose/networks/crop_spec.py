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
        padding: Factor on both sides of a tight box, for the margin that the network is used to.
        antialias: Whether the crop is made by a bilinear resize that averages over the area of each
            of its pixels where the box has more pixels than the crop, as Pillow does, instead of
            reading four pixels of the photo for each.
        pixel_areas: Whether crop and maps cover the box from edge to edge, pixel ``i`` of a crop's
            ``n`` being the part from ``i / n`` to ``(i + 1) / n`` of the box, and a cell likewise.
            Otherwise pixel 0 and cell 0 are the corner of the box, and ``i`` is ``i / n`` of it.
    """

    height: int
    width: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    colour: ColourOrder = "rgb"
    stride: int = 4
    padding: float = 1.25
    antialias: bool = False
    pixel_areas: bool = False

    @property
    def maps_size(self) -> tuple[int, int]:
        """(height, width) of the maps in cells."""
        return self.height // self.stride, self.width // self.stride
