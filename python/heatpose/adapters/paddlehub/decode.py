"""Maps to people and hands with the constants of PaddleHub's modules."""

from __future__ import annotations

from typing import Any

from heatpose.adapters import pytorch_openpose
from heatpose.adapters.openpose_python import (
    CandidateDecoder,
    Float64,
    Int64,
    content_of,
    per_scale,
    photo_size,
)

# The length of a pair is the distance and this; the other programs take 0.001 at least.
NORM: dict[str, Any] = {"min_norm": 1e-12, "norm_offset": 1e-5}


def decode_body(
    heatmaps: Any,
    pafs: Any,
    size: Any,
    *,
    pads: Any = None,
    stride: int = 8,
    classic: bool = True,
) -> tuple[Float64, Float64]:
    """What ``RemovePadding``, ``GetPeak``, ``Connection`` and ``Candidate`` do, without big maps.

    Args:
        heatmaps: [1, 19, h, w] or [19, h, w], the network's second output; or a list, one per
            scale, of which the mean is taken. Arrays or tensors on any device.
        pafs: [1, 38, h, w] or [38, h, w], its first output; or a list.
        size: The photo, or its (height, width) in pixels.
        pads: [up, left, down, right] of ``PadDownRight``, one per scale. None: no padding.
        stride: Input pixels per cell.
        classic: Plateaus and conflicts as in the module, where a peak may come to be in two
            people. False: a plateau is one peak, a peak belongs to one person at most.

    Returns:
        candidate float64 [P, 4], of shape (0,) where there is none, and subset float64 [n, 20].

    Raises:
        TypeError: an array is of another type.
        ValueError: shapes do not fit.
    """
    heat, fields = per_scale("heatmaps", heatmaps, (19, 18)), per_scale("pafs", pafs, (38,))
    return CandidateDecoder(classic=classic, **NORM)(
        heat,
        fields,
        photo_size("size", size),
        content=content_of(heat, pads, stride),
        stride=stride,
    )


def decode_hand(heatmaps: Any, size: Any, *, pads: Any = None, stride: int = 8) -> Int64:
    """What ``hand_estimation`` does after its network: as in pytorch-openpose.

    See :func:`heatpose.adapters.pytorch_openpose.decode_hand`.
    """
    return pytorch_openpose.decode_hand(heatmaps, size, pads=pads, stride=stride)
