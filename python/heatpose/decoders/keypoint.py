"""Top-down decoding: the heatmaps of crops, one person or hand each, to keypoints in the photo."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from heatpose import ops
from heatpose.decoders.queued import Queued
from heatpose.ops import Array, Size
from heatpose.ops._arrays import LARGEST, as_float64, device_space, finite
from heatpose.ops._spaces import empty_block
from heatpose.results import FloatArray, People
from heatpose.skeletons import Skeleton


class CropKeypoints(NamedTuple):
    """The keypoints of B crops, in the order of the crops.

    Attributes:
        keypoints: float32 [B, K, 2], (x, y) in pixels of the photo (or cells), NaN where missing.
        scores: float32 [B, K], maximum of each map, 0 where missing.
        person_scores: float32 [B], mean score of the keypoints found, times the box's score; 0
            where none was found.
    """

    keypoints: FloatArray
    scores: FloatArray
    person_scores: FloatArray


class KeypointDecoder:
    """Heatmaps of a top-down network in, people out.

    Keeps no state between calls: threads may share one.

    Example:
        >>> decoder = hp.KeypointDecoder(hp.skeletons.HAND21)
        >>> hands = decoder(heatmaps, centers=centers, scales=scales, canvas=(720, 1280))

    Source: see :func:`heatpose.ops.decode_heatmaps`.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        *,
        method: str = "dark",
        kernel: int | None = None,
        quarter_border: str = "joint",
        convention: str = "mmpose",
        pixel_std: float = 200.0,
        threshold: float = 0.0,
    ) -> None:
        """Choose the rule.

        Args:
            skeleton: Names of the K keypoints, one heatmap channel each.
            method: "none", "quarter", "dark" or "dark_udp".
            kernel: Cells under the blur of the DARK methods, odd. None, the kernels that published
                models were tested with: 17 for maps of at least 96 rows (384 x 288 inputs), 11 for
                smaller ones.
            quarter_border: Where the quarter shift moves, "joint" or "per_axis".
            convention: What centres and scales mean: "microsoft", "mmpose", "mmpose_udp" or
                "darkpose"; see :func:`heatpose.ops.crop_transform`.
            pixel_std: Photo pixels per unit of ``scales``.
            threshold: A keypoint's score exceeds it, or the keypoint is missing. At least 0.

        Raises:
            TypeError: skeleton is no Skeleton, or threshold no number.
            ValueError: threshold is below 0 or not finite. Other settings are checked when used.
        """
        if not isinstance(skeleton, Skeleton):
            raise TypeError(f"skeleton must be a heatpose Skeleton, got {type(skeleton).__name__}")
        self.skeleton = skeleton
        self.kernel = kernel
        self.convention = convention
        self.pixel_std = pixel_std
        self.threshold = finite("threshold", threshold, low=0)
        self._options: dict[str, Any] = {"method": method, "quarter_border": quarter_border}

    def __call__(
        self,
        heatmaps: Array,
        *,
        transform: Array | None = None,
        centers: Array | None = None,
        scales: Array | None = None,
        canvas: Size | None = None,
        box_scores: Array | None = None,
    ) -> People:
        """Decode the crops of one photo.

        Args:
            heatmaps: float32, float16 or bfloat16 [B, K, h, w], or [K, h, w] for one crop.
            transform: [2, 3] or [B, 2, 3], affine map from cells to the photo.
            centers: [2] or [B, 2], centre (x, y) of each crop in photo pixels; with ``scales``, in
                place of ``transform``.
            scales: A number, [2] or [B, 2], (width, height) of each crop in units of ``pixel_std``
                photo pixels.
            canvas: (H, W) of the photo in pixels. Needed where the keypoints go to a photo;
                without a transform they stay in cells, and the canvas is the map.
            box_scores: [B], scores of the boxes that were cropped. Default: 1.

        Returns:
            People, best first. Use :meth:`crops` for the keypoints in the order of the crops.

        Raises:
            TypeError: an array is of another type.
            ValueError: shapes do not fit each other or the skeleton, or the canvas is missing.
        """
        placed = transform is not None or centers is not None or scales is not None
        if placed and canvas is None:
            raise ValueError("canvas, the (H, W) of the photo, is needed to place keypoints in it")
        found = self.crops(
            heatmaps, transform=transform, centers=centers, scales=scales, box_scores=box_scores
        )
        if canvas is None:
            height, width = heatmaps.shape[-2:]
            canvas = max(int(height), 1), max(int(width), 1)
        order = np.argsort(-found.person_scores, kind="stable")
        return People(
            found.keypoints[order],
            found.scores[order],
            found.person_scores[order],
            self.skeleton,
            canvas,
        )

    def crops(
        self,
        heatmaps: Array,
        *,
        transform: Array | None = None,
        centers: Array | None = None,
        scales: Array | None = None,
        box_scores: Array | None = None,
    ) -> CropKeypoints:
        """Decode crops, maybe of several photos, and keep their order.

        A keypoint is missing where its map's maximum is not above the threshold, or is infinite.

        Args:
            heatmaps: As for a call.
            transform: As for a call.
            centers: As for a call.
            scales: As for a call.
            box_scores: As for a call.

        Returns:
            CropKeypoints, NumPy arrays with B = 1 for maps of one crop.

        Raises:
            TypeError: an array is of another type.
            ValueError: shapes do not fit each other or the skeleton.
        """
        return self.queue(
            heatmaps, transform=transform, centers=centers, scales=scales, box_scores=box_scores
        ).result()

    def queue(
        self,
        heatmaps: Array,
        *,
        transform: Array | None = None,
        centers: Array | None = None,
        scales: Array | None = None,
        box_scores: Array | None = None,
    ) -> Queued[CropKeypoints]:
        """Queue :meth:`crops` on the current CUDA stream, and do not wait.

        Arguments and errors are those of :meth:`crops`. A CUDA graph may capture it, with the
        transform (not centers and scales) as a tensor on the device; else RuntimeError. Centers and
        scales on a device are waited for.

        Returns:
            Queued, whose ``result()`` is what :meth:`crops` returns. Its arrays are those of
            DecodedHeatmaps. Maps on the CPU are decoded at once.
        """
        if (centers is None) != (scales is None):
            raise ValueError("centers and scales must come together")
        if transform is not None and centers is not None:
            raise ValueError("transform must be left out when centers and scales are given")
        shape = tuple(getattr(heatmaps, "shape", ()))
        count = self.skeleton.num_keypoints
        if len(shape) in (3, 4) and shape[-3] != count:
            raise ValueError(
                f"heatmaps must have {count} channels for {self.skeleton.name}, got shape {shape}"
            )
        if centers is not None and scales is not None and len(shape) in (3, 4):
            transform = ops.crop_transform(
                centers, scales, shape[-2:], convention=self.convention, pixel_std=self.pixel_std
            )
            if len(shape) == 3 and transform.ndim == 3 and len(transform) == 1:
                transform = transform[0]
        kernel = self.kernel
        if kernel is None:
            kernel = 17 if shape[-2:-1] >= (96,) else 11
        space = device_space("heatmaps", heatmaps)
        out = None
        if space is not None:
            with space.queue():  # in one piece of memory
                layout = (((*shape[:-2], 2), "float32"), (shape[:-2], "float32"))
                out = tuple(empty_block(space, layout))
        decoded = ops.decode_heatmaps(
            heatmaps, transform=transform, kernel=kernel, out=out, **self._options
        )

        def finish(arrays: list[npt.NDArray[Any]]) -> CropKeypoints:
            return self._crops(*arrays, box_scores=box_scores)

        return Queued(tuple(decoded), finish, nullcontext if space is None else space.later())

    def _crops(self, coords: Any, values: Any, *, box_scores: Array | None) -> CropKeypoints:
        """Keypoints from arrays on the host."""
        count = self.skeleton.num_keypoints
        keypoints, scores = coords.reshape(-1, count, 2).copy(), values.reshape(-1, count).copy()
        missing = ~((scores > self.threshold) & (scores < np.inf))
        missing |= ~np.isfinite(keypoints).all(axis=-1)
        keypoints[missing], scores[missing] = np.nan, 0.0
        found = np.maximum((~missing).sum(axis=1), 1)
        weights = _box_scores(box_scores, len(scores))
        means = scores.sum(axis=1, dtype=np.float64) / found * weights
        return CropKeypoints(keypoints, scores, means.astype(np.float32))


def _box_scores(box_scores: Array | None, batch: int) -> npt.NDArray[np.float64]:
    if box_scores is None:
        return np.ones(batch)
    weights = as_float64("box_scores", box_scores)
    if weights.shape != (batch,):
        raise ValueError(f"box_scores must be {batch} finite numbers, got shape {weights.shape}")
    if (np.abs(weights) > LARGEST).any():
        raise ValueError("box_scores must be within float32's range")
    return weights
