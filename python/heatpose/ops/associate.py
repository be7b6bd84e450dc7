"""Grouping peaks into people along part affinity fields (PAFs)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from heatpose.native import core
from heatpose.ops._arrays import (
    Array,
    as_bytes,
    borrow_beside,
    choice,
    finite,
    flag,
    on_device,
    whole,
)
from heatpose.ops._outputs import out_tuple
from heatpose.ops._scales import Size, read_interpolation, read_scales
from heatpose.ops._spaces import Layout, Space
from heatpose.ops._traceable import traceable
from heatpose.ops.find_peaks import Peaks

MATCHINGS = ("limbs", "global")
ROUNDINGS = ("half_even", "half_up")
_FLAGS = ("adaptive", "endpoint", "mean_of_counted", "length_penalty", "classic_conflicts")


@dataclass(frozen=True, kw_only=True)
class AssociateOptions:
    """How pairs of peaks are scored and people are put together.

    Attributes:
        matching: "limbs": limb by limb in the skeleton's order, best pairs first (the Python
            programs). "global": all pairs of all limbs in one list, best first (the C++ OpenPose);
            better in crowds. :meth:`for_global` sets what goes with it.
        samples: Points on the segment between two peaks.
        adaptive: 5 to 25 points by length instead: ``int(sqrt(5 * max(|dx|, |dy|)) + 0.5)``.
        endpoint: The last point lies on the second peak (else a step before it).
        rounding: Of a point to a pixel: "half_even" (Python) or "half_up" (``int(v + 0.5)``).
        point_threshold: A point counts when the field's part along the limb is above it.
        point_ratio: More than this share of the points must count.
        mean_of_counted: The pair's score is the mean over the points that count, not over all.
        min_norm: The segment is taken to be at least this long, in pixels.
        norm_offset: Added to the segment's length, in pixels.
        length_penalty: ``min(0.5 * H / length - 1, 0)`` is added to the pair's score.
        near_score: Score of a rejected pair nearer than ``sqrt(H * W) / 150``; negative: none.
        classic_conflicts: With "limbs": a second slot is overwritten as in the classic programs, so
            that a peak may be in two people; by default a peak belongs to one person at most.
        peak_weight: With "global": share of the two peaks' scores in the order of the list.
        min_parts: People with fewer parts are dropped.
        min_score: People with a lower score per part are dropped.

    Raises:
        TypeError: a setting has the wrong type.
        ValueError: a setting is out of range.
    """

    matching: str = "limbs"
    samples: int = 10
    adaptive: bool = False
    endpoint: bool = True
    rounding: str = "half_even"
    point_threshold: float = 0.05
    point_ratio: float = 0.8
    mean_of_counted: bool = False
    min_norm: float = 1e-3
    norm_offset: float = 0.0
    length_penalty: bool = True
    near_score: float = -1.0
    classic_conflicts: bool = False
    peak_weight: float = 0.1
    min_parts: int = 4
    min_score: float = 0.4

    def __post_init__(self) -> None:
        for name in _FLAGS:
            flag(name, getattr(self, name))
        choice("matching", self.matching, MATCHINGS)
        choice("rounding", self.rounding, ROUNDINGS)
        whole("samples", self.samples, low=1, high=256)
        whole("min_parts", self.min_parts, low=0)
        for name in ("point_threshold", "point_ratio", "near_score", "peak_weight", "min_score"):
            finite(name, getattr(self, name))
        finite("min_norm", self.min_norm, above=0.0)
        finite("norm_offset", self.norm_offset, low=0.0)

    @classmethod
    def for_global(cls, **changes: Any) -> AssociateOptions:
        """The "global" rule with the constants of the C++ OpenPose; ``changes`` on top."""
        settings: dict[str, Any] = {
            "matching": "global",
            "adaptive": True,
            "endpoint": False,
            "rounding": "half_up",
            "point_ratio": 0.95,
            "mean_of_counted": True,
            "length_penalty": False,
            "near_score": 0.05 + 1e-6,
            "min_parts": 3,
        }
        return cls(**{**settings, **changes})


class Association(NamedTuple):
    """People as indices of peaks, padded to P people and M pairs a limb.

    Attributes:
        people: int32 [..., P, K], index of a peak among its keypoint's peaks, -1 where missing.
        scores: float32 [..., P], sum of a person's peak and pair scores.
        parts: int32 [..., P], how many keypoints a person has (with ``classic_conflicts`` as the
            classic programs count them: an overwritten part counts twice).
        counts: int32 [...], how many of the P entries are people, in the order they were found.
        overflow: bool [...], True where more than P were found; those with the highest score stay.
        pairs: int32 [..., L, M, 2], the pairs taken of each limb (peak of a, peak of b), best
            first; -1 past the count.
        pair_scores: float32 [..., L, M].
        pair_counts: int32 [..., L].
    """

    people: Any
    scores: Any
    parts: Any
    counts: Any
    overflow: Any
    pairs: Any
    pair_scores: Any
    pair_counts: Any


@traceable
def associate(
    peaks: Peaks,
    pafs: Array | Sequence[Array],
    limbs: Sequence[tuple[int, int]] | npt.NDArray[Any],
    paf_channels: Sequence[tuple[int, int]] | npt.NDArray[Any],
    canvas: Size,
    *,
    content: Size | Sequence[Size | None] | None = None,
    stride: int = 8,
    weights: Sequence[float] | None = None,
    interpolation: str | tuple[str, str] = "cubic",
    starts: Sequence[bool] | npt.NDArray[Any] | None = None,
    max_people: int = 128,
    options: AssociateOptions | None = None,
    out: Association | None = None,
) -> Association:
    """Group peaks into people; the fields are sampled straight from the network's cells.

    Every peak of a limb's one keypoint is scored with every peak of the other, so that the time
    grows with the product of their counts. ``max_peaks`` of :func:`peaks_from_cells` and
    :func:`find_peaks` bounds it.

    Args:
        peaks: Of K keypoints on the canvas, from :func:`peaks_from_cells` or :func:`find_peaks`.
        pafs: float32, float16 or bfloat16 [C, h, w] or [N, C, h, w]; or a sequence, one per scale.
        limbs: [L, 2], keypoints (a, b) of each limb, in the order of association.
        paf_channels: [L, 2], field channels (x, y) of each limb.
        canvas: (H, W), size of the photo in pixels.
        content: As in :func:`peaks_from_cells`.
        stride: Network-input pixels per cell.
        weights: Share of each scale in the average. None: 1 / S each.
        interpolation: As in :func:`peaks_from_cells`.
        starts: [L], whether a pair of this limb may start a person ("limbs" rule). None: all may.
        max_people: P, people kept per image.
        options: None: the defaults.
        out: Association to write to: arrays of the shapes and types that are returned, on the
            device of ``pafs``. Default: fresh ones.

    Returns:
        Association, arrays of the kind of ``pafs``.

    Raises:
        TypeError: an array is of another type.
        ValueError: shapes, channels or settings do not fit, or the place or score of a peak is
            not finite, or there are more than 12 scales on a CUDA device.

    Source: Cao et al., 2017, arXiv:1611.08050; the "global" rule: Cao et al., 2019,
    arXiv:1812.08008.
    """
    settings = options if options is not None else AssociateOptions()
    if not isinstance(settings, AssociateOptions):
        raise TypeError(f"options must be AssociateOptions, got {type(settings).__name__}")
    if not isinstance(peaks, Peaks):
        raise TypeError(f"peaks must be heatpose.ops.Peaks, got {type(peaks).__name__}")
    scales = read_scales("pafs", pafs, canvas, content=content, stride=stride, weights=weights)
    pair = read_interpolation(interpolation)
    space = scales.space
    xy, scores, counts = _read_peaks(peaks, scales.lead[:-1], space)
    limb_array = _pairs("limbs", limbs)
    _check_limbs(limb_array, xy.shape[1])
    channel_array = _pairs("paf_channels", paf_channels)
    if len(channel_array) != len(limb_array):
        raise ValueError(
            f"paf_channels must have one row per limb ({len(limb_array)}), got {len(channel_array)}"
        )
    _check_channels("pafs", channel_array, scales.lead[-1])
    limb_array, channel_array = (
        np.ascontiguousarray(array, np.int32) for array in (limb_array, channel_array)
    )
    start_array = np.ones(len(limb_array), np.uint8)
    if starts is not None:
        start_array[:] = _flags("starts", starts, len(limb_array))
    images, keypoints, max_peaks = xy.shape[:3]
    most = whole("max_people", max_people, low=1)
    limb_array, channel_array, start_array = (
        space.table((name, array.tobytes()), lambda array=array: array)  # type: ignore[misc]
        for name, array in (
            ("limbs", limb_array),
            ("paf_channels", channel_array),
            ("starts", start_array),
        )
    )
    with space.queue():
        layout = association_layout(scales.lead[:-1], keypoints, max_peaks, len(limb_array), most)
        reads = [("pafs", cells) for cells, *_ in scales.native]
        reads += [("peaks", array) for array in (xy, scores, counts)]
        result, answer = out_tuple("out", out, Association, layout, space, reads)
        flat = Association(*(a.reshape(images, *a.shape[len(scales.lead) - 1 :]) for a in result))
        core.associate(
            xy,
            scores,
            counts,
            scales.native,
            canvas_height=scales.canvas[0],
            canvas_width=scales.canvas[1],
            enlarge=pair[0],
            resize=pair[1],
            limbs=limb_array,
            paf_channels=channel_array,
            starts=start_array,
            options={
                **{f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)},
                "matching": MATCHINGS.index(settings.matching),
                "rounding": ROUNDINGS.index(settings.rounding),
            },
            people=flat.people,
            person_scores=flat.scores,
            person_parts=flat.parts,
            person_counts=flat.counts,
            overflow=as_bytes(flat.overflow),
            pairs=flat.pairs,
            pair_scores=flat.pair_scores,
            pair_counts=flat.pair_counts,
            cuda=scales.call("associate", pair),
        )
    return answer  # type: ignore[no-any-return]


def association_layout(
    lead: tuple[int, ...], keypoints: int, max_peaks: int, limbs: int, max_people: int
) -> Layout:
    """Shapes and types of the people of images with leading shape ``lead``."""
    return (
        ((*lead, max_people, keypoints), "int32"),
        ((*lead, max_people), "float32"),
        ((*lead, max_people), "int32"),
        (lead, "int32"),
        (lead, "bool"),
        ((*lead, limbs, max_peaks, 2), "int32"),
        ((*lead, limbs, max_peaks), "float32"),
        ((*lead, limbs), "int32"),
    )


def _read_peaks(peaks: Peaks, lead: tuple[int, ...], space: Space) -> tuple[Any, Any, Any]:
    xy = borrow_beside("peaks.xy", peaks.xy, space, dtypes=("int32", "float32"))
    scores = borrow_beside("peaks.scores", peaks.scores, space, dtypes=("float32",))
    counts = borrow_beside("peaks.counts", peaks.counts, space, dtypes=("int32",))
    shape = tuple(xy.shape)
    if len(shape) != len(lead) + 3 or shape[: len(lead)] != lead or shape[-2] < 1:
        expected = ", ".join(str(n) for n in lead) + (", " if lead else "")
        raise ValueError(f"peaks.xy must have shape ({expected}K, M, 2), got {shape}")
    images = lead[0] if lead else 1
    keypoints, max_peaks = shape[-3:-1]
    for name, array, expected_shape in (
        ("peaks.scores", scores, shape[:-1]),
        ("peaks.counts", counts, shape[:-2]),
    ):
        if tuple(array.shape) != expected_shape:
            raise ValueError(f"{name} must have shape {expected_shape}, got {tuple(array.shape)}")
    if not on_device(xy):  # a device would have to be waited for: there such peaks pair with none
        _check_peaks(*(np.asarray(array) for array in (xy, scores, counts)))
    return (
        space.contiguous(xy).reshape(images, keypoints, max_peaks, 2),
        space.contiguous(scores).reshape(images, keypoints, max_peaks),
        space.contiguous(counts).reshape(images, keypoints),
    )


def _check_peaks(xy: Any, scores: Any, counts: Any) -> None:
    most = xy.shape[-2]
    wrong = counts[(counts < 0) | (counts > most)]
    if wrong.size:
        raise ValueError(f"peaks.counts must be between 0 and {most}, got {wrong.flat[0]}")
    counted = np.arange(most) < counts[..., None]
    for name, array in (("peaks.scores", scores), ("peaks.xy", xy)):
        if array.dtype.kind == "f" and not np.isfinite(array[counted]).all():
            raise ValueError(f"{name} must be finite for the peaks that count")


def _pairs(name: str, value: Any) -> npt.NDArray[Any]:
    """Whole numbers [L, 2] in the type they came in, so that their range can still be checked."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must be whole numbers of shape [L, 2], got {value!r}") from None
    if array.size == 0:
        return np.empty((0, 2), np.int32)
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be whole numbers of shape [L, 2], got {array.dtype} {array.shape}"
        )
    return array


def _check_limbs(limbs: npt.NDArray[Any], keypoints: int) -> None:
    wrong = limbs[(limbs < 0) | (limbs >= keypoints)]
    if wrong.size:
        raise ValueError(f"limbs must be between 0 and {keypoints - 1}, got {wrong[0]}")
    loops = limbs[limbs[:, 0] == limbs[:, 1]]
    if len(loops):
        raise ValueError(f"limbs must join two keypoints, got {tuple(loops[0].tolist())}")


def _flags(name: str, value: Any, count: int) -> npt.NDArray[np.bool_]:
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.empty((), object)
    if array.shape != (count,) or array.dtype.kind not in "bui":
        raise ValueError(f"{name} must be one flag per limb ({count}), got {value!r}")
    return array.astype(np.bool_)


def _check_channels(name: str, channels: npt.NDArray[Any], count: int) -> None:
    if channels.size and not 0 <= channels.min() <= channels.max() < count:
        raise ValueError(
            f"{name} must have the channels that paf_channels name ({channels.min()} to "
            f"{channels.max()}), got {count} channels"
        )
