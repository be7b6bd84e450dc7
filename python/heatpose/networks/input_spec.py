"""What a network expects of its input: the facts an estimator needs to prepare a photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColourOrder = Literal["bgr", "rgb"]


@dataclass(frozen=True)
class InputSpec:
    """How a photo becomes the input of a bottom-up network.

    A uint8 photo is resized so that its height is ``box`` pixels times the search scale, padded
    right and down to a multiple of ``stride`` with ``pad_value``, and normalised to
    ``value * norm_scale + norm_offset``.

    Attributes:
        stride: Input pixels per cell of the maps.
        box: Height in pixels of the resized photo at scale 1.
        pad_value: Grey level of the padding, 0..255.
        norm_scale: Factor on the grey levels.
        norm_offset: Added after the factor.
        colour: Order of the three channels.
    """

    stride: int = 8
    box: int = 368
    pad_value: int = 128
    norm_scale: float = 1 / 256
    norm_offset: float = -0.5
    colour: ColourOrder = "bgr"
