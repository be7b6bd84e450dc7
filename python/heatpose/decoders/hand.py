"""Maps of a hand network (OpenPose style, multi-scale) to the keypoints of one hand."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose import ops
from heatpose.decoders.body import take_channels
from heatpose.decoders.queued import Queued
from heatpose.ops import Array, Size
from heatpose.ops._arrays import device_space
from heatpose.ops._spaces import empty_block
from heatpose.results import People
from heatpose.skeletons import HAND21, Skeleton


class HandMapDecoder:
    """Maps of one hand's crop in, that hand out. Keeps no state between calls.

    Source: see :func:`heatpose.ops.decode_hand_maps`.
    """

    def __init__(
        self,
        skeleton: Skeleton = HAND21,
        *,
        sigma: float = 3.0,
        threshold: float = 0.05,
        interpolation: str | tuple[str, str] = "cubic",
    ) -> None:
        """Choose the rule.

        Args:
            skeleton: Names of the K keypoints.
            sigma: Smoothing of the maps in canvas pixels.
            threshold: Of the smoothed map; a keypoint with no pixel above it is missing.
            interpolation: From cells to canvas, see :func:`heatpose.ops.peaks_from_cells`.

        Raises:
            TypeError: skeleton is no Skeleton. Other settings are checked when used.
        """
        if not isinstance(skeleton, Skeleton):
            raise TypeError(f"skeleton must be a heatpose Skeleton, got {type(skeleton).__name__}")
        self.skeleton = skeleton
        self._options: dict[str, Any] = {
            "sigma": sigma,
            "threshold": threshold,
            "interpolation": interpolation,
        }

    def __call__(
        self,
        heatmaps: Array | Sequence[Array],
        canvas: Size,
        *,
        content: Size | Sequence[Size | None] | None = None,
        stride: int = 8,
        weights: Sequence[float] | None = None,
    ) -> Any:
        """Decode the maps of one crop, or of a batch of crops of one size.

        Args:
            heatmaps: float32, float16 or bfloat16 [C, h, w] or [N, C, h, w], one channel per
                keypoint, and maybe the background last; or a sequence of such, one per scale.
            canvas: (H, W), size of the crop in pixels; the answers refer to it.
            content: (height, width) in network-input pixels that the crop covered, per scale.
            stride: Network-input pixels per cell.
            weights: Share of each scale in the average. None: 1 / S each.

        Returns:
            People with one hand whose score is the sum of its keypoints' scores, or with nobody
            when no keypoint was found; for a batch, a list of such.

        Raises:
            TypeError: an array is of another type.
            ValueError: shapes do not fit each other or the skeleton.
        """
        return self.queue(
            heatmaps, canvas, content=content, stride=stride, weights=weights
        ).result()

    def queue(
        self,
        heatmaps: Array | Sequence[Array],
        canvas: Size,
        *,
        content: Size | Sequence[Size | None] | None = None,
        stride: int = 8,
        weights: Sequence[float] | None = None,
    ) -> Queued[Any]:
        """Queue the decoding of maps on a CUDA device on the current stream, and do not wait.

        Arguments and errors are those of a call. A CUDA graph may capture it, after one call with
        the same geometry outside the capture.

        Returns:
            Queued, whose ``result()`` is what the call returns. Its arrays are those of
            HandKeypoints. Maps on the CPU are decoded at once.
        """
        count = self.skeleton.num_keypoints
        channels = take_channels(
            "heatmaps", heatmaps, count, (count, count + 1), self.skeleton.name
        )
        first: Any = channels[0] if isinstance(channels, list) and channels else channels
        space = device_space("heatmaps", first)
        out = None
        if space is not None:
            with space.queue():  # in one piece of memory
                lead = tuple(first.shape[:-2])
                layout = (((*lead, 2), "float32"), (lead, "float32"))
                out = ops.HandKeypoints(*empty_block(space, layout))
        found = ops.decode_hand_maps(
            channels,
            canvas,
            content=content,
            stride=stride,
            weights=weights,
            out=out,
            **self._options,
        )

        def finish(arrays: list[npt.NDArray[Any]]) -> Any:
            coords, scores = arrays
            if coords.ndim == 2:
                return self._hand(coords, scores, canvas)
            return [self._hand(*one, canvas) for one in zip(coords, scores, strict=True)]

        return Queued(tuple(found), finish, nullcontext if space is None else space.later())

    def _hand(self, coords: Any, scores: Any, canvas: Size) -> People:
        if np.isnan(coords).all():
            return People.empty(self.skeleton, canvas)
        # A place can be the best of its component and still have no positive value.
        scores = np.maximum(scores, 0)
        total = scores.sum(keepdims=True)
        return People(coords[None], scores[None], total, self.skeleton, canvas)
