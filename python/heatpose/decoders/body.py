"""Bottom-up decoding: heatmaps and part affinity fields to people."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose import ops
from heatpose.decoders.queued import Queued
from heatpose.ops import Array, AssociateOptions, Association, Peaks, Size
from heatpose.ops._arrays import borrow, device_space, whole
from heatpose.ops._spaces import Space, empty_block
from heatpose.ops.associate import association_layout
from heatpose.ops.find_peaks import peaks_layout
from heatpose.results import People
from heatpose.skeletons import Skeleton


class BodyDecoder:
    """Heatmaps and PAFs of a bottom-up network in, people out.

    Keeps no state between calls: threads may share one.

    Example:
        >>> decoder = hp.BodyDecoder(hp.skeletons.COCO18)
        >>> people = decoder(heatmaps, pafs, canvas=(720, 1280))

    Source: OpenPose (Cao et al., 2017, arXiv:1611.08050, and 2019, arXiv:1812.08008).
    """

    def __init__(
        self,
        skeleton: Skeleton,
        *,
        sigma: float = 3.0,
        threshold: float = 0.1,
        connectivity: int = 4,
        ties: str = "first",
        refine: str = "none",
        taps: Sequence[float] | None = None,
        border: str = "reflect",
        interpolation: str | tuple[str, str] = "cubic",
        max_peaks: int = 128,
        max_people: int = 128,
        association: AssociateOptions | None = None,
    ) -> None:
        """Choose how peaks are found and people are put together.

        Args:
            skeleton: With PAF channels: COCO18, BODY25, AIC14 or your own.
            sigma: Smoothing of the heatmaps before the peak search, in canvas pixels.
            threshold: A peak's smoothed value exceeds it.
            connectivity: 4 or 8 neighbours a peak must beat.
            ties: Between equal neighbours: "first", "all" (classic programs) or "none".
            refine: Sub-pixel peaks: "none", "centroid" or "taylor".
            taps: Weights of another smoothing, in place of the Gaussian's.
            border: What the smoothing sees outside the canvas (SciPy's names).
            interpolation: From cells to canvas, see :func:`heatpose.ops.peaks_from_cells`.
            max_peaks: Peaks kept per keypoint; of more, the best, with a warning.
            max_people: People kept per photo; of more, the best, with a warning.
            association: How pairs are scored and people grow; None for the defaults.

        Raises:
            TypeError: skeleton is no Skeleton.
            ValueError: the skeleton has no PAF channels. Other settings are checked when used.
        """
        if not isinstance(skeleton, Skeleton):
            raise TypeError(f"skeleton must be a heatpose Skeleton, got {type(skeleton).__name__}")
        if not skeleton.paf_channels:
            raise ValueError(
                f"skeleton {skeleton.name} has no PAF channels: it belongs to a top-down network, "
                "use KeypointDecoder"
            )
        self.skeleton = skeleton
        self.association = association if association is not None else AssociateOptions()
        self.max_people = max_people
        self._find: dict[str, Any] = {
            "sigma": sigma,
            "threshold": threshold,
            "connectivity": connectivity,
            "ties": ties,
            "refine": refine,
            "taps": taps,
            "border": border,
            "max_peaks": max_peaks,
        }
        self._interpolation = interpolation
        self._limbs = np.asarray(skeleton.limbs, np.int32)
        self._channels = np.asarray(skeleton.paf_channels, np.int32)
        self._starts = np.ones(len(skeleton.limbs), np.bool_)
        self._starts[list(skeleton.non_starting_limbs)] = False

    @classmethod
    def classic(cls, skeleton: Skeleton, **changes: Any) -> BodyDecoder:
        """A decoder that repeats the classic Python programs (pytorch-openpose) to the last peak.

        Every pixel of a plateau edge is a peak, and a second slot is overwritten in a conflict.
        """
        settings: dict[str, Any] = {
            "ties": "all",
            "association": AssociateOptions(classic_conflicts=True),
        }
        return cls(skeleton, **{**settings, **changes})

    def __call__(
        self,
        heatmaps: Array | Sequence[Array],
        pafs: Array | Sequence[Array],
        canvas: Size,
        *,
        content: Size | Sequence[Size | None] | None = None,
        stride: int = 8,
        weights: Sequence[float] | None = None,
        paf_weights: Sequence[float] | None = None,
    ) -> Any:
        """Decode the maps of one photo, or of a batch of photos of one size.

        Args:
            heatmaps: float32, float16 or bfloat16 [C, h, w] or [N, C, h, w] with one channel per
                keypoint of the skeleton, and the background last where it has one (it may be
                missing); or a sequence of such, one per scale.
            pafs: The same with the skeleton's PAF channels.
            canvas: (H, W), size of the photo in pixels; the answers refer to it.
            content: (height, width) in network-input pixels that the photo covered, per scale.
                None: the map covers the whole canvas.
            stride: Network-input pixels per cell.
            weights: Share of each scale in the average. None: 1 / S each. Their sum is not
                checked: it scales the maps, and what the thresholds mean.
            paf_weights: Another share for the PAFs. None: ``weights``.

        Returns:
            People; for a batch, a list of them. A person's score is the sum of its keypoint and
            limb scores.

        Raises:
            TypeError: an array is of another type.
            ValueError: shapes do not fit each other or the skeleton.

        Warns:
            RuntimeWarning: more peaks or people were found than are kept; or nobody was found in
                maps that hold NaN or infinity (a pixel that touches such a cell is no peak).
        """
        return self.queue(
            heatmaps,
            pafs,
            canvas,
            content=content,
            stride=stride,
            weights=weights,
            paf_weights=paf_weights,
        ).result()

    def queue(
        self,
        heatmaps: Array | Sequence[Array],
        pafs: Array | Sequence[Array],
        canvas: Size,
        *,
        content: Size | Sequence[Size | None] | None = None,
        stride: int = 8,
        weights: Sequence[float] | None = None,
        paf_weights: Sequence[float] | None = None,
    ) -> Queued[Any]:
        """Queue the decoding of maps on a CUDA device on the current stream, and do not wait.

        Arguments, errors and warnings are those of a call; the warnings come with the result. A
        CUDA graph may capture it, after one call with the same geometry outside the capture.

        Returns:
            Queued, whose ``result()`` is what the call returns. Its arrays are those of Peaks and
            Association. Maps on the CPU are decoded at once.
        """
        _check_same_grid(heatmaps, pafs)
        several = isinstance(heatmaps, (list, tuple)) and len(heatmaps) > 0
        first: Any = heatmaps[0] if several else heatmaps
        space = device_space("heatmaps", first)
        out_peaks, out_groups = None, None
        if space is not None:
            out_peaks, out_groups = self._outputs(tuple(first.shape[:-3]), space)
        peaks = self.find_peaks(
            heatmaps, canvas, content=content, stride=stride, weights=weights, out=out_peaks
        )
        groups = self.associate(
            peaks,
            pafs,
            canvas,
            content=content,
            stride=stride,
            weights=paf_weights if paf_weights is not None else weights,
            out=out_groups,
        )

        def finish(arrays: list[npt.NDArray[Any]]) -> Any:
            found, grouped = Peaks(*arrays[:4]), Association(*arrays[4:])
            return self._answer(found, grouped, canvas, heatmaps=heatmaps, pafs=pafs)

        return Queued((*peaks, *groups), finish, nullcontext if space is None else space.later())

    def _outputs(self, lead: tuple[int, ...], space: Space) -> tuple[Peaks, Association]:
        """The arrays of both halves in one piece of memory."""
        count = self.skeleton.num_keypoints
        max_peaks = whole("max_peaks", self._find["max_peaks"], low=1)
        max_people = whole("max_people", self.max_people, low=1)
        places = "int32" if self._find["refine"] == "none" else "float32"
        with space.queue():
            arrays = empty_block(
                space,
                (
                    *peaks_layout((*lead, count), max_peaks, places),
                    *association_layout(lead, count, max_peaks, len(self._limbs), max_people),
                ),
            )
        return Peaks(*arrays[:4]), Association(*arrays[4:])

    def _answer(self, peaks: Peaks, groups: Association, canvas: Size, **maps: Any) -> Any:
        """People from arrays on the host; one People, or a list of them for a batch."""
        self._warn(peaks, groups)
        if not groups.counts.any():
            _warn_of_bad_cells(**maps)
        if groups.counts.ndim == 0:
            return self._people(peaks, groups, canvas)
        return [
            self._people(
                Peaks(*(field[i] for field in peaks)),
                Association(*(field[i] for field in groups)),
                canvas,
            )
            for i in range(len(groups.counts))
        ]

    def find_peaks(self, heatmaps: Array | Sequence[Array], canvas: Size, **geometry: Any) -> Peaks:
        """The first half: peaks of every keypoint; ``geometry`` as in a call."""
        count = self.skeleton.num_keypoints
        expected = (count, count + 1) if self.skeleton.has_background else (count,)
        channels = take_channels("heatmaps", heatmaps, count, expected, self.skeleton.name)
        return ops.peaks_from_cells(
            channels, canvas, interpolation=self._interpolation, **geometry, **self._find
        )

    def associate(
        self, peaks: Peaks, pafs: Array | Sequence[Array], canvas: Size, **geometry: Any
    ) -> Association:
        """The second half: peaks grouped into people; ``geometry`` as in a call."""
        count = self.skeleton.num_pafs
        channels = take_channels("pafs", pafs, count, (count,), self.skeleton.name)
        return ops.associate(
            peaks,
            channels,
            self._limbs,
            self._channels,
            canvas,
            interpolation=self._interpolation,
            starts=self._starts,
            max_people=self.max_people,
            options=self.association,
            **geometry,
        )

    def _people(self, peaks: Peaks, groups: Association, canvas: Size) -> People:
        """Peak indices to places, best person first (the first found among equals)."""
        count = int(groups.counts)
        order = np.argsort(-groups.scores[:count], kind="stable")
        index = groups.people[:count][order]
        keypoint = np.arange(self.skeleton.num_keypoints)
        missing = index < 0
        keypoints = peaks.xy[keypoint, index].astype(np.float32)
        keypoints[missing] = np.nan
        scores = np.where(missing, np.float32(0), peaks.scores[keypoint, index])
        return People(keypoints, scores, groups.scores[:count][order], self.skeleton, canvas)

    def _warn(self, peaks: Peaks, groups: Association) -> None:
        if peaks.overflow.any():
            channels = np.nonzero(peaks.overflow.reshape(-1, self.skeleton.num_keypoints).any(0))[0]
            names = ", ".join(self.skeleton.keypoints[k] for k in channels)
            _warn_caller(
                f"more than max_peaks={self._find['max_peaks']} peaks were found for {names}; "
                "only the best were kept"
            )
        if groups.overflow.any():
            _warn_caller(
                f"more than max_people={self.max_people} people were found; only the best were kept"
            )


def take_channels(
    name: str,
    maps: Any,
    count: int,
    expected: tuple[int, ...],
    skeleton: str,
) -> Any:
    """The first ``count`` channels of maps, per scale, after a check of their number."""
    if isinstance(maps, (list, tuple)):
        return [
            _take_from_one(f"{name}[{i}]", one, count, expected, skeleton)
            for i, one in enumerate(maps)
        ]
    return _take_from_one(name, maps, count, expected, skeleton)


def _take_from_one(
    name: str, maps: Any, count: int, expected: tuple[int, ...], skeleton: str
) -> Any:
    shape = getattr(maps, "shape", None)
    if shape is None:
        raise TypeError(
            f"{name} must be a NumPy array or a torch tensor, got {type(maps).__name__}"
        )
    if len(shape) not in (3, 4):
        raise ValueError(f"{name} must have 3 or 4 dimensions, got shape {tuple(shape)}")
    layout = str(getattr(maps, "layout", "torch.strided"))
    if layout != "torch.strided":
        raise TypeError(f"{name} must be a dense tensor, got layout {layout}")
    dtype = str(getattr(maps, "dtype", "")).removeprefix("torch.")
    if dtype not in ("float32", "float16", "bfloat16"):
        raise TypeError(f"{name} must be float32, float16 or bfloat16, got {dtype}")
    if shape[-3] not in expected:
        wanted = " or ".join(str(n) for n in expected)
        hint = ""
        if shape[-1] in expected:
            axes = "2, 0, 1" if len(shape) == 3 else "0, 3, 1, 2"
            hint = f"; channels come first: {name}.transpose({axes})"
        raise ValueError(
            f"{name} must have {wanted} channels for the skeleton {skeleton}, "
            f"got shape {tuple(shape)}{hint}"
        )
    return maps if shape[-3] == count else maps[..., :count, :, :]


def _check_same_grid(heatmaps: Any, pafs: Any) -> None:
    """Raise unless heatmaps and PAFs have the same scales, images and cells."""
    stacks = [maps if isinstance(maps, (list, tuple)) else [maps] for maps in (heatmaps, pafs)]
    counts = [len(stack) for stack in stacks]
    if counts[0] != counts[1]:
        raise ValueError(
            f"heatmaps and pafs must have the same scales, got {counts[0]} and {counts[1]}"
        )
    for heat, field in zip(*stacks, strict=True):
        shapes = [tuple(getattr(maps, "shape", ())) for maps in (heat, field)]
        if any(len(shape) not in (3, 4) for shape in shapes):
            continue  # told by name further on
        first, second = ((shape[:-3], shape[-2:]) for shape in shapes)
        if first != second:
            raise ValueError(
                "heatmaps and pafs must have the same images and cells, "
                f"got shapes {shapes[0]} and {shapes[1]}"
            )


def _warn_of_bad_cells(**stacks: Any) -> None:
    bad = [name for name, maps in stacks.items() if not _all_finite(maps)]
    if bad:
        _warn_caller(f"nobody was found, and {' and '.join(bad)} hold NaN or infinity")


def _warn_caller(message: str) -> None:
    """Warn of the line that called heatpose: a decoder, a queued result or an estimator."""
    level, frame = 2, inspect.currentframe()
    while (
        frame
        and frame.f_back
        and frame.f_back.f_globals.get("__name__", "").startswith("heatpose.")
    ):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, RuntimeWarning, stacklevel=level)


def _all_finite(maps: Any) -> bool:
    if isinstance(maps, (list, tuple)):
        return all(_all_finite(one) for one in maps)
    array, space = borrow("maps", maps)
    if isinstance(array, np.ndarray):
        return bool(np.isfinite(array).all())
    with space.queue():
        return bool(array.isfinite().all())
