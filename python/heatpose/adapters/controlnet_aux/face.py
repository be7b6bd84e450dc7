"""Faces as controlnet_aux gives them: the largest value of each map, weak ones left out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from heatpose.adapters.openpose_python import Int64
from heatpose.ops import decode_heatmaps

if TYPE_CHECKING:
    import torch
    from torch import nn

_SIDE = 384


def decode_face(heatmaps: npt.NDArray[np.float32], threshold: float = 0.05) -> Int64:
    """The places of the maps' largest values.

    Args:
        heatmaps: float32 [C, H, W], of the crop's size.
        threshold: A map without a larger value gives no place.

    Returns:
        int64 [n, 2], (x, y) of the maps that gave one, in their order: places after a missing one
        move up. Shape (0,) where there is none.
    """
    coords, scores = decode_heatmaps(np.asarray(heatmaps, np.float32), method="none")
    places: Int64 = np.asarray(coords)[np.asarray(scores) > threshold].astype(np.int64)
    return places if len(places) else np.empty(0, np.int64)


class Face:
    """``heatmaps = Face(model_path)(crop)``.

    Args:
        face_model_path: ``facenet.pth``, or any weight file of that network that
            :func:`heatpose.weights.convert.read_checkpoint` reads; or a network, a module that maps
            [1, 3, H, W] to 71 heatmaps, or to a list that ends with them.
        inference_size: Not looked at, as in the program, whose numbers are fixed: 384 pixels.
        gaussian_sigma: Not looked at: nothing is smoothed.
        heatmap_peak_thresh: Not looked at: the threshold is 0.05.

    Attributes:
        model: The network, which is put into evaluation mode.

    Raises:
        TypeError: neither a path nor a module.
        FileNotFoundError: no such file.
        ValueError: other weights.
    """

    def __init__(
        self,
        face_model_path: str | os.PathLike[str] | nn.Module,
        inference_size: int | None = None,
        gaussian_sigma: float | None = None,
        heatmap_peak_thresh: float | None = None,
    ) -> None:
        from heatpose.adapters.openpose_networks import face_network

        self.model = face_network(face_model_path).eval()

    def to(self, device: str | torch.device) -> Face:
        """Move the network to a device."""
        self.model.to(device)
        return self

    def __call__(self, face_img: Any) -> npt.NDArray[np.float32]:
        """The maps of a crop, uint8 [H, W, 3], at its size: float32 [71, H, W]."""
        from torch.nn import functional

        from heatpose.adapters.controlnet_aux.running import check_picture, resized, run

        check_picture("face_img", face_img)
        height, width = face_img.shape[:2]
        square = resized(face_img, (_SIDE, _SIDE), 2 * _SIDE / (height + width))
        outputs, _ = run(self.model, square)
        large = functional.interpolate(
            outputs[-1], (height, width), mode="bilinear", align_corners=True
        )
        answer: npt.NDArray[np.float32] = large[0].float().cpu().numpy()
        return answer

    def compute_peaks_from_heatmaps(self, heatmaps: npt.NDArray[np.float32]) -> Int64:
        """See :func:`decode_face`."""
        return decode_face(heatmaps)
