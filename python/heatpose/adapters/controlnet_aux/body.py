"""Body poses as controlnet_aux gives them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from heatpose.adapters.controlnet_aux.results import BodyResult, Keypoint
from heatpose.adapters.openpose_python import (
    CandidateDecoder,
    Float64,
    content_of,
    one_photo,
    photo_size,
)
from heatpose.adapters.pytorch_openpose.util import check_people
from heatpose.ops import Size

if TYPE_CHECKING:
    import torch
    from torch import nn

_SCALE, _BOX = 0.5, 368


def decode_body(
    heatmaps: Any, pafs: Any, size: Any, *, pad: Any = None, classic: bool = True
) -> tuple[Float64, Float64]:
    """All that ``Body.__call__`` does after its network, without making a map of the photo's size.

    Maps are enlarged by LANCZOS4, and brought to the photo by LANCZOS4 or, where they shrink, by
    areas.

    Args:
        heatmaps: [1, 19, h, w] or [19, h, w], array or tensor on any device.
        pafs: [1, 38, h, w] or [38, h, w].
        size: The photo, or its (height, width) in pixels.
        pad: [up, left, down, right] of ``util.padRightDownCorner``. None: no padding.
        classic: Plateaus and conflicts as in the program, where a peak may come to be in two
            people. False: a plateau is one peak, a peak belongs to one person at most.

    Returns:
        candidate float64 [P, 4] (x, y, score, id), of shape (0,) where there is none; and subset
        float64 [n, 20]: 18 ids or -1, total score, number of parts.

    Raises:
        TypeError: an array is of another type.
        ValueError: shapes do not fit.
    """
    heat, fields = one_photo("heatmaps", heatmaps, (19, 18)), one_photo("pafs", pafs, (38,))
    (content,) = content_of([heat], pad, 8)
    return _decode(heat, fields, photo_size("size", size), content, classic=classic)


def _decode(
    heat: Any, fields: Any, canvas: Size, content: Size, *, classic: bool
) -> tuple[Float64, Float64]:
    last = "area" if sum(canvas) < sum(content) else "lanczos4"
    decoder = CandidateDecoder(classic=classic, interpolation=("lanczos4", last))
    return decoder(heat, fields, canvas, content=content)


def find_bodies(network: nn.Module, photo: Any, *, classic: bool = True) -> tuple[Float64, Float64]:
    """What ``Body.__call__`` gives for a photo, uint8 [H, W, 3] BGR."""
    from heatpose.adapters.controlnet_aux.running import check_picture, resized, run, to_decoder

    check_picture("oriImg", photo)
    height, width = photo.shape[:2]
    factor = _SCALE * _BOX / height
    small = (int(height * factor), max(int(width * factor), 1))
    outputs, content = run(network, resized(photo, small, factor))
    channels = [maps.shape[1] for maps in outputs]
    if sorted(channels) != [19, 38]:
        raise ValueError(f"the network must give maps of 19 and 38 channels, got {channels}")
    heat, fields = (to_decoder(outputs[channels.index(count)]) for count in (19, 38))
    return _decode(heat, fields, (height, width), content, classic=classic)


class Body:
    """``candidate, subset = Body(model_path)(photo)``.

    Args:
        model_path: ``body_pose_model.pth``, or any weight file of that network that
            :func:`heatpose.weights.convert.read_checkpoint` reads; or a network, a module that maps
            [1, 3, H, W] to PAFs and heatmaps.
        classic: See :func:`decode_body`.

    Attributes:
        model: The network, which is put into evaluation mode.

    Raises:
        TypeError: neither a path nor a module.
        FileNotFoundError: no such file.
        ValueError: other weights.
    """

    def __init__(
        self, model_path: str | os.PathLike[str] | nn.Module, *, classic: bool = True
    ) -> None:
        from heatpose.adapters.openpose_networks import body_network

        self.model = body_network(model_path).eval()
        self.classic = classic

    def to(self, device: str | torch.device) -> Body:
        """Move the network to a device."""
        self.model.to(device)
        return self

    def __call__(self, oriImg: Any) -> tuple[Float64, Float64]:  # noqa: N803
        """Find everyone in a photo, uint8 [H, W, 3] BGR; see :func:`decode_body`."""
        return find_bodies(self.model, oriImg, classic=self.classic)

    @staticmethod
    def format_body_result(
        candidate: npt.NDArray[Any], subset: npt.NDArray[Any]
    ) -> list[BodyResult]:
        """The rows of subset as named tuples, in pixels.

        Raises:
            ValueError: another shape, or subset names a peak that candidate has not.
        """
        check_people(candidate, subset)
        return [
            BodyResult(
                [
                    Keypoint(*candidate[index]) if index >= 0 else None
                    for index in row[:18].astype(int)
                ],
                row[18],
                row[19],
            )
            for row in subset
        ]
