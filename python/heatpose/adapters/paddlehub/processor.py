"""The processor classes of PaddleHub's OpenPose modules, each the door to one op.

They pass maps of the photo's size from one to the next, which is most of the time that is left:
``decode_body`` and ``BodyPoseModel`` do without.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from heatpose import media, ops
from heatpose.adapters._rooms import every_peak
from heatpose.adapters.openpose_python import Float64, hand_squares, one_photo, photo_size
from heatpose.adapters.paddlehub.decode import NORM
from heatpose.adapters.pytorch_openpose import util
from heatpose.adapters.pytorch_openpose.util import npmax
from heatpose.ops import AssociateOptions, Peaks
from heatpose.ops._arrays import finite
from heatpose.reference.associate import Pair, assemble_by_limbs, score_pairs
from heatpose.skeletons import COCO18, HAND21

# ruff: noqa: N803

__all__ = [
    "CalculateVector",
    "Candidate",
    "Connection",
    "DrawHandPose",
    "DrawPose",
    "GetPeak",
    "HandDetect",
    "PadDownRight",
    "RemovePadding",
    "ResizeScaling",
    "base64_to_cv2",
    "check_dir",
    "cv2_to_base64",
    "npmax",
]

Peak = tuple[int, int, float, int]
AllPeaks = list[list[Peak]]
Image = npt.NDArray[np.uint8]

_PARTS, _FIRST_PAF = 18, 19
_STARTING_LIMBS = 17  # the others, from shoulder to ear, never start a person
_LIMB_SEQ = [[a + 1, b + 1] for a, b in COCO18.limbs]
_MAP_IDX = [[x + _FIRST_PAF, y + _FIRST_PAF] for x, y in COCO18.paf_channels]


class ResizeScaling:
    """Resize a photo to ``scale_search * target`` rows, keeping its shape."""

    def __init__(self, target: int = 368, interpolation: int = cv2.INTER_CUBIC) -> None:
        self.target = target
        self.interpolation = interpolation

    def __call__(self, img: npt.NDArray[Any], scale_search: float) -> npt.NDArray[Any]:
        """The resized photo.

        Raises:
            TypeError: img is no array, or scale_search no number.
            ValueError: img has no pixels, or scale_search is not above 0.
        """
        if not isinstance(img, np.ndarray):
            raise TypeError(f"img must be an array, got {type(img).__name__}")
        if img.ndim not in (2, 3) or img.size == 0:
            raise ValueError(f"img must be [H, W, C] with pixels, got {list(img.shape)}")
        scale_search = finite("scale_search", scale_search, above=0)
        scale = scale_search * self.target / img.shape[0]
        return cv2.resize(img, (0, 0), fx=scale, fy=scale, interpolation=self.interpolation)


class PadDownRight:
    """Pad a photo right and down to multiples of the stride."""

    def __init__(self, stride: int = 8, padValue: int = 128) -> None:
        self.stride = stride
        self.padValue = padValue

    def __call__(self, img: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], list[int]]:
        """The padded photo, and [up, left, down, right] in pixels."""
        return util.padRightDownCorner(img, self.stride, self.padValue)


class RemovePadding:
    """Bring a network's maps to the size of the photo."""

    def __init__(self, stride: int = 8) -> None:
        self.stride = stride

    def __call__(
        self, data: Any, imageToTest_padded: Any, oriImg: Any, pad: Sequence[int]
    ) -> npt.NDArray[np.float32]:
        """The maps of one photo, enlarged.

        Args:
            data: [1, C, h, w] or [C, h, w].
            imageToTest_padded: The network's input as a picture, or its (height, width).
            oriImg: The photo, or its (height, width).
            pad: [up, left, down, right] of ``PadDownRight``.

        Returns:
            float32 [H, W, C], a view of [C, H, W].
        """
        height, width = photo_size("imageToTest_padded", imageToTest_padded)
        maps = one_photo("data", data, (data.shape[-3],) if len(data.shape) > 2 else ())
        large = ops.resize_average(
            np.asarray(maps),
            photo_size("oriImg", oriImg),
            content=(height - pad[2], width - pad[3]),
            stride=self.stride,
        )
        enlarged: npt.NDArray[np.float32] = large.transpose(1, 2, 0)
        return enlarged


class GetPeak:
    """Find the peaks of each of the 18 parts."""

    def __init__(self, thresh: float = 0.1) -> None:
        self.thresh = thresh

    def __call__(self, heatmap: npt.NDArray[Any]) -> AllPeaks:
        """The peaks of maps [H, W, 18 or more]: per part a list of (x, y, score, id).

        Raises:
            TypeError: no array.
            ValueError: another shape.
        """
        _check_maps("heatmap", heatmap, _PARTS)
        maps = np.ascontiguousarray(heatmap[:, :, :_PARTS].transpose(2, 0, 1), np.float32)
        smooth = ops.gaussian_smooth(maps, 3.0)
        found = every_peak(smooth, score_maps=maps, threshold=self.thresh, ties="all")
        answer: AllPeaks = []
        number = 0
        for xy, scores, count in zip(found.xy, found.scores, found.counts.tolist(), strict=True):
            rows = zip(xy[:count].tolist(), scores[:count].tolist(), strict=True)
            answer.append([(x, y, score, number + i) for i, ((x, y), score) in enumerate(rows)])
            number += count
        return answer


class CalculateVector:
    """Score every pair of peaks of a limb."""

    def __init__(self, thresh: float = 0.05) -> None:
        self.thresh = thresh

    def __call__(
        self,
        candA: Sequence[Peak],
        candB: Sequence[Peak],
        nA: int,
        nB: int,
        score_mid: npt.NDArray[Any],
        oriImg: Any,
    ) -> list[list[Any]]:
        """The accepted pairs, by (i, j): [i, j, score, score and both peaks' scores].

        Args:
            candA: Peaks of the limb's first part.
            candB: Peaks of its second.
            nA: How many of the first count.
            nB: How many of the second count.
            score_mid: [H, W, 2], the limb's field.
            oriImg: The photo, or its (height, width), which the field's must be.

        Raises:
            ValueError: the field has another height than the photo.
        """
        _check_height(score_mid, oriImg)
        options = AssociateOptions(point_threshold=self.thresh, **NORM)
        starts, ends = (_places(peaks) for peaks in (candA[:nA], candB[:nB]))
        field = np.asarray(score_mid, np.float64)
        return [
            [i, j, score, score + candA[i][2] + candB[j][2]]
            for score, i, j in score_pairs(starts, ends, field[..., 0], field[..., 1], options)
        ]


def _default_limbs() -> tuple[list[list[int]], list[list[int]]]:
    """Lists of one's own, for they can be changed."""
    return [list(pair) for pair in _MAP_IDX], [list(limb) for limb in _LIMB_SEQ]


class _Limbs:
    """Limbs and field channels in the modules' numbering, which starts at 1 and at 19."""

    def __init__(
        self,
        mapIdx: Sequence[Sequence[int]] | None = None,
        limbSeq: Sequence[Sequence[int]] | None = None,
    ) -> None:
        given: Any = (mapIdx, limbSeq) if mapIdx and limbSeq else _default_limbs()
        self.mapIdx, self.limbSeq = given

    @property
    def _limbs(self) -> npt.NDArray[np.int64]:
        return np.array(self.limbSeq, np.int64)[: len(self.mapIdx)] - 1

    @property
    def _channels(self) -> npt.NDArray[np.int64]:
        return np.array(self.mapIdx, np.int64) - _FIRST_PAF

    def _check_parts(self, all_peaks: AllPeaks) -> None:
        parts = int(self._limbs.max(initial=-1)) + 1
        if len(all_peaks) < parts:
            raise ValueError(
                f"all_peaks must have {parts} parts or more for the limbs, got {len(all_peaks)}"
            )


class Connection(_Limbs):
    """Join the peaks of each limb, best pairs first, every peak once.

    Attributes:
        caculate_vector: Its ``thresh`` counts; the name is the modules' own.
    """

    def __init__(
        self,
        mapIdx: Sequence[Sequence[int]] | None = None,
        limbSeq: Sequence[Sequence[int]] | None = None,
    ) -> None:
        super().__init__(mapIdx, limbSeq)
        self.caculate_vector = CalculateVector()

    def __call__(
        self, all_peaks: AllPeaks, paf_avg: npt.NDArray[Any], orgimg: Any
    ) -> tuple[list[Any], list[int]]:
        """Pairs of every limb.

        Args:
            all_peaks: Of ``GetPeak``.
            paf_avg: [H, W, 38].
            orgimg: The photo, or its (height, width).

        Returns:
            Per limb float64 [n, 5] (id a, id b, score, index a, index b), or [] for the limbs that
            the second list names: those without a peak at one end.

        Raises:
            TypeError: paf_avg is no array.
            ValueError: the fields have another height than the photo, or too few channels, or
                there are too few parts.
        """
        _check_maps("paf_avg", paf_avg, int(self._channels.max(initial=-1)) + 1)
        self._check_parts(all_peaks)
        _check_height(paf_avg, orgimg)
        peaks = _padded(all_peaks)
        fields = np.ascontiguousarray(paf_avg.transpose(2, 0, 1), np.float32)
        found = ops.associate(
            peaks,
            fields,
            self._limbs,
            self._channels,
            (fields.shape[1], fields.shape[2]),
            stride=1,
            interpolation="nearest",
            options=AssociateOptions(point_threshold=self.caculate_vector.thresh, **NORM),
        )
        connections: list[Any] = []
        special = []
        for limb, (a, b) in enumerate(self._limbs.tolist()):
            if not all_peaks[a] or not all_peaks[b]:
                special.append(limb)
                connections.append([])
                continue
            count = int(found.pair_counts[limb])
            rows = np.zeros((count, 5))
            rows[:, 3:] = found.pairs[limb, :count]
            rows[:, 2] = found.pair_scores[limb, :count]
            for row in rows:
                row[:2] = all_peaks[a][int(row[3])][3], all_peaks[b][int(row[4])][3]
            connections.append(rows)
        return connections, special


class Candidate(_Limbs):
    """Put people together from the pairs of all limbs."""

    def __call__(
        self, all_peaks: AllPeaks, connection_all: Sequence[Any], special_k: Sequence[int]
    ) -> tuple[Float64, Float64]:
        """Candidate and subset of all peaks and the pairs of ``Connection``.

        A pair that fits three people is left out, where the module raises an IndexError.

        Raises:
            ValueError: all_peaks has too few parts for the limbs.
        """
        self._check_parts(all_peaks)
        candidate = np.array([peak for part in all_peaks for peak in part], np.float64)
        pairs = [
            []
            if limb in special_k
            else [Pair(float(row[2]), int(row[3]), int(row[4])) for row in connection_all[limb]]
            for limb in range(len(self.mapIdx))
        ]
        people = assemble_by_limbs(
            pairs,
            [np.array([peak[2] for peak in part], np.float64) for part in all_peaks],
            [(int(a), int(b)) for a, b in self._limbs],
            [limb < _STARTING_LIMBS for limb in range(len(self.mapIdx))],
            classic=True,
        )
        rows = [
            [
                *(part[i][3] if i >= 0 else -1 for part, i in zip(all_peaks, p.peaks, strict=True)),
                p.score,
                p.parts,
            ]
            for p in people
            if p.parts >= 4 and p.score / p.parts >= 0.4
        ]
        return candidate, np.array(rows, np.float64).reshape(-1, len(all_peaks) + 2)


class DrawPose:
    """Draw bodies; see :func:`heatpose.adapters.pytorch_openpose.util.draw_bodypose`."""

    def __init__(self, stickwidth: int = 4) -> None:
        self.stickwidth = stickwidth
        self.limbSeq = [list(limb) for limb in _LIMB_SEQ]
        self.colors = [list(color) for color in util.COLORS]

    def __call__(
        self, canvas: Image, candidate: npt.NDArray[Any], subset: npt.NDArray[Any]
    ) -> Image:
        """A new picture with the people on it."""
        return util.draw_bodypose(
            canvas,
            candidate,
            subset,
            stickwidth=self.stickwidth,
            colors=self.colors,
            limbs=[(a - 1, b - 1) for a, b in self.limbSeq[:_STARTING_LIMBS]],
        )


class HandDetect:
    """Squares in which hands are looked for."""

    def __init__(self, ratioWristElbow: float = 0.33) -> None:
        self.ratioWristElbow = ratioWristElbow

    def __call__(
        self, candidate: npt.NDArray[Any], subset: npt.NDArray[Any], oriImg: Any
    ) -> list[list[Any]]:
        """[x, y, width, is_left] in whole pixels for every hand of at least 20 pixels."""
        size = photo_size("oriImg", oriImg)
        return hand_squares(candidate, subset, size, beyond_wrist=self.ratioWristElbow)


class DrawHandPose:
    """Draw hands; see :func:`heatpose.adapters.pytorch_openpose.util.draw_handpose`."""

    def __init__(self, show_number: bool = False) -> None:
        self.edges = [list(limb) for limb in HAND21.limbs]
        self.show_number = show_number

    def __call__(self, canvas: Image, all_hand_peaks: Sequence[Any]) -> Image:
        """A new picture, of the size of the canvas, with the hands on it."""
        return util.draw_handpose(canvas, all_hand_peaks, self.show_number, edges=self.edges)


def cv2_to_base64(image: Image) -> str:
    """A picture as base64 of a JPEG."""
    return base64.b64encode(cv2.imencode(".jpg", image)[1].tobytes()).decode("ascii")


def base64_to_cv2(b64str: str) -> Image:
    """A picture of base64.

    Raises:
        ValueError: not base64, or not of a picture.
    """
    return media.decode_image(base64.b64decode(b64str, validate=True), name="b64str")


def check_dir(dir_path: str) -> None:
    """Make a folder. A file of that name is not deleted, as the modules do: FileExistsError."""
    Path(dir_path).mkdir(parents=True, exist_ok=True)


def _check_maps(name: str, maps: Any, channels: int) -> None:
    if not isinstance(maps, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, got {type(maps).__name__}")
    if maps.ndim != 3 or maps.shape[2] < channels:
        raise ValueError(
            f"{name} must have shape (H, W, {channels} or more), got {tuple(maps.shape)}"
        )


def _check_height(field: npt.NDArray[Any], photo: Any) -> None:
    height, _ = photo_size("the photo", photo)
    if field.shape[0] != height:
        raise ValueError(f"the field must have the photo's {height} rows, got {field.shape[0]}")


def _places(peaks: Sequence[Peak]) -> Float64:
    return np.array([peak[:2] for peak in peaks], np.float64).reshape(-1, 2)


def _padded(all_peaks: AllPeaks) -> Peaks:
    most = max((len(part) for part in all_peaks), default=0)
    xy = np.zeros((len(all_peaks), max(most, 1), 2), np.float32)
    scores = np.zeros(xy.shape[:2], np.float32)
    for part, (places, values) in enumerate(zip(xy, scores, strict=True)):
        count = len(all_peaks[part])
        places[:count] = _places(all_peaks[part])
        values[:count] = [peak[2] for peak in all_peaks[part]]
    counts = np.array([len(part) for part in all_peaks], np.int32)
    return Peaks(xy, scores, counts, np.zeros(len(all_peaks), np.bool_))
