"""Body poses as pytorch-openpose gives them: ``candidate`` and ``subset``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from heatpose.adapters.openpose_python import (
    CandidateDecoder,
    Float64,
    content_of,
    per_scale,
    photo_size,
)

if TYPE_CHECKING:
    import torch
    from torch import nn

_HEATMAPS, _PAFS = (19, 18), (38,)


def decode_body(
    heatmaps: Any,
    pafs: Any,
    size: Any,
    *,
    pads: Any = None,
    stride: int = 8,
    as_written: bool = False,
    classic: bool = True,
) -> tuple[Float64, Float64]:
    """All that ``Body.__call__`` does after its network, without making a map of the photo's size.

    Args:
        heatmaps: [1, 19, h, w] or [19, h, w], as the network's second output; or a list of them,
            one per scale. Arrays or tensors on any device.
        pafs: [1, 38, h, w] or [38, h, w], its first output; or a list.
        size: The photo, or its (height, width) in pixels.
        pads: (up, left, down, right) of ``util.padRightDownCorner``, one per scale. None: no scale
            was padded.
        stride: Input pixels per cell.
        as_written: With several scales, average the heatmaps as the program's line
            ``heatmap_avg += heatmap_avg + heatmap / n`` does: each scale doubles the earlier ones,
            so that four have the weights 8 : 4 : 2 : 1. The fields are averaged properly either
            way, and with its one scale of 0.5 the program is right too.
        classic: Plateaus and conflicts as in the program, where a peak may come to be in two
            people. False: a plateau is one peak, a peak belongs to one person at most.

    Returns:
        candidate float64 [P, 4] (x, y, score, id), of shape (0,) where there is none; and subset
        float64 [n, 20]: 18 ids or -1, total score, number of parts.

    Raises:
        TypeError: an array is of another type.
        ValueError: shapes do not fit.
    """
    decoder = CandidateDecoder(classic=classic)
    return _decode(decoder, heatmaps, pafs, size, pads=pads, stride=stride, as_written=as_written)


def _decode(
    decoder: CandidateDecoder,
    heatmaps: Any,
    pafs: Any,
    size: Any,
    *,
    pads: Any,
    stride: int,
    as_written: bool,
) -> tuple[Float64, Float64]:
    heat, fields = per_scale("heatmaps", heatmaps, _HEATMAPS), per_scale("pafs", pafs, _PAFS)
    count = len(heat)
    mean = [1 / count] * count
    return decoder(
        heat,
        fields,
        photo_size("size", size),
        content=content_of(heat, pads, stride),
        stride=stride,
        weights=doubling_weights(count) if as_written else mean,
        paf_weights=mean,
    )


def doubling_weights(count: int) -> list[float]:
    """Shares of the scales in ``average += average + map / count``."""
    return [2.0 ** (count - 1 - i) / count for i in range(count)]


class Body:
    """``candidate, subset = Body(model_path)(photo)``.

    Args:
        model_path: Weight file of the network (``body_pose_model.pth``, or any file that
            :func:`heatpose.weights.convert.read_checkpoint` reads), or a network: a module that
            maps [1, 3, H, W] to PAFs and heatmaps, in any order. Its last heatmap layer has the
            ReLU that the program's has.
        scale_search: Scales of the search, each times 368 pixels of height.
        as_written: See :func:`decode_body`.
        classic: See :func:`decode_body`.
        device: "auto": the first CUDA device, or the CPU; a module stays where it is.

    Attributes:
        model: The network, which is put into evaluation mode.

    Raises:
        TypeError: neither a path nor a module.
        FileNotFoundError: no such file.
        ValueError: other weights, no such device, or a scale that is not above 0.
    """

    def __init__(
        self,
        model_path: str | os.PathLike[str] | nn.Module,
        *,
        scale_search: Sequence[float] = (0.5,),
        as_written: bool = False,
        classic: bool = True,
        device: str | torch.device = "auto",
    ) -> None:
        # Torch loads with the first network, not with the import.
        from heatpose.adapters.openpose_networks import MapSearch, body_network

        self.model = body_network(model_path)
        self.as_written = as_written
        self._search = MapSearch(self.model, scales=scale_search, device=device)
        self._decoder = CandidateDecoder(classic=classic)

    def __call__(self, oriImg: Any) -> tuple[Float64, Float64]:  # noqa: N803
        """Find everyone in a photo.

        Args:
            oriImg: uint8 [H, W, 3], BGR.

        Returns:
            candidate and subset, see :func:`decode_body`.

        Raises:
            TypeError: not a uint8 array.
            ValueError: another shape, or a network with other outputs.
        """
        (heatmaps, pafs), content = self._search(oriImg, outputs=(19, 38))
        count = len(heatmaps)
        mean = [1 / count] * count
        return self._decoder(
            heatmaps,
            pafs,
            photo_size("oriImg", oriImg),
            content=content,
            weights=doubling_weights(count) if self.as_written else mean,
            paf_weights=mean,
        )
