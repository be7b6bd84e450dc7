"""``tf_pose.estimator``: people as the program's other parts take them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose import ops
from heatpose.adapters._arrays import real_numbers
from heatpose.adapters._rooms import everybody
from heatpose.adapters.tf_pose._boxes import face_box, upper_body_box
from heatpose.adapters.tf_pose._grouping import (
    MIN_PARTS,
    MIN_SCORE,
    MOST_FAILURES,
    PARTS,
    PEAK_THRESHOLD,
    POINT_THRESHOLD,
    SAMPLES,
)
from heatpose.adapters.tf_pose.common import CocoPart
from heatpose.adapters.tf_pose.pafprocess import PafProcess
from heatpose.adapters.tf_pose.peaks import KERNEL_SIGMAS, KERNEL_SIZE, kernel_taps
from heatpose.decoders import BodyDecoder
from heatpose.ops._arrays import whole
from heatpose.ops._outputs import to_host
from heatpose.skeletons import COCO18


class BodyPart:
    """One part of a person.

    Attributes:
        uidx: "person-part".
        part_idx: Channel of the part.
        x, y: Place as a share of the picture's width and height.
        score: The heatmap's value.
    """

    __slots__ = ("part_idx", "score", "uidx", "x", "y")

    def __init__(self, uidx: str, part_idx: int, x: float, y: float, score: float) -> None:
        self.uidx = uidx
        self.part_idx = part_idx
        self.x, self.y = x, y
        self.score = score

    def get_part_name(self) -> CocoPart:
        """The part's name."""
        return CocoPart(self.part_idx)

    def __repr__(self) -> str:
        return f"BodyPart:{self.part_idx}-({self.x:.2f}, {self.y:.2f}) score={self.score:.2f}"


class Human:
    """One person.

    Attributes:
        body_parts: By channel; what was not found is missing.
        pairs: Kept empty: nobody adds pairs since the grouping became C++.
        uidx_list: Kept empty likewise.
        score: Score per part.
    """

    __slots__ = ("body_parts", "pairs", "score", "uidx_list")

    def __init__(self, pairs: Any = ()) -> None:
        if len(pairs):
            raise ValueError("pairs must be empty: people come from estimate_paf")
        self.body_parts: dict[int, BodyPart] = {}
        self.pairs: list[Any] = []
        self.uidx_list: set[str] = set()
        self.score = 0.0

    def part_count(self) -> int:
        """How many parts were found."""
        return len(self.body_parts)

    def get_max_score(self) -> float:
        """The best part's score.

        Raises:
            ValueError: the person has no part.
        """
        return max(part.score for part in self.body_parts.values())

    def get_face_box(self, img_w: float, img_h: float, mode: int = 0) -> dict[str, int] | None:
        """Where the face is, from nose, neck, eyes and ears that score more than 0.2.

        Args:
            img_w: Width of the picture in pixels.
            img_h: Its height.
            mode: 0: a third of the square lies above the nose, and x, y are its centre. 1: more
                does, x, y are its upper left corner, and there is no box without an eye.

        Returns:
            "x", "y", "w" and "h" in whole pixels of what is in the picture; None where the face was
            not found.

        Raises:
            ValueError: a size is not above 0.
        """
        _check_size(img_w, img_h)
        return face_box(self.body_parts, img_w, img_h, mode)

    def get_upper_body_box(self, img_w: float, img_h: float) -> dict[str, int] | None:
        """Where head and torso are, if five of their parts score more than 0.3.

        Args:
            img_w: Width of the picture in pixels.
            img_h: Its height.

        Returns:
            "x", "y" (of the centre), "w" and "h" in whole pixels of what is in the picture, or
            None.

        Raises:
            ValueError: a size is not above 0.
        """
        _check_size(img_w, img_h)
        return upper_body_box(self.body_parts, img_w, img_h)

    def __repr__(self) -> str:
        return " ".join(str(part) for part in self.body_parts.values())


def _check_size(img_w: float, img_h: float) -> None:
    if not (img_w > 0 and img_h > 0):
        raise ValueError(f"img_w and img_h must be above 0, got {img_w} and {img_h}")


class PoseEstimator:
    """Peaks, heatmaps and fields of one picture in, people out."""

    @staticmethod
    def estimate_paf(
        peaks: npt.ArrayLike, heat_mat: npt.ArrayLike, paf_mat: npt.ArrayLike
    ) -> list[Human]:
        """Group peaks into people; safe to call from many threads.

        Args:
            peaks: [H, W, 18 or more], see :func:`heatpose.adapters.tf_pose.find_peaks`.
            heat_mat: [H, W, 18 or more], heatmaps.
            paf_mat: [H, W, 38 or more], part affinity fields.

        Returns:
            People in the order in which they were found.

        Raises:
            TypeError: an array does not hold numbers.
            ValueError: an array has another shape.
        """
        process = PafProcess()
        process.process_paf(peaks, heat_mat, paf_mat)
        height, width = np.shape(heat_mat)[:2]
        humans = []
        for person in range(process.get_num_humans()):
            human = Human()
            human.score = process.get_score(person)
            for part in range(PARTS):
                cid = process.get_part_cid(person, part)
                if cid >= 0:
                    human.body_parts[part] = BodyPart(
                        f"{person}-{part}",
                        part,
                        process.get_part_x(cid) / width,
                        process.get_part_y(cid) / height,
                        process.get_part_score(cid),
                    )
            humans.append(human)
        return humans


_RULES = ops.AssociateOptions(
    samples=SAMPLES,
    endpoint=False,
    rounding="half_up",
    point_threshold=float(POINT_THRESHOLD),
    point_ratio=(SAMPLES - MOST_FAILURES - 1) / SAMPLES,
    min_norm=1e-12,
    classic_conflicts=True,
    min_parts=MIN_PARTS,
    min_score=float(MIN_SCORE),
)


def estimate(output: ops.Array, upsample_size: int = 4) -> list[Human]:
    """People straight from the network's output, without a map of the picture's size.

    The answer of ``estimate_paf`` for maps that were enlarged by a whole number (pixel by pixel, as
    TensorFlow's resize_area does it), smoothed and searched for peaks. Smoothing and scores are
    rounded otherwise, by less than 1e-6.

    Args:
        output: [h, w, 57] or [1, h, w, 57], the network's heatmaps and fields: real numbers, a
            NumPy array or a torch tensor, on the CPU or on a CUDA device.
        upsample_size: How many times larger the maps are that people are looked for in; the
            program's ``--resize-out-ratio``.

    Returns:
        People in the order in which they were found.

    Raises:
        TypeError: output is of another type, or upsample_size is no whole number.
        ValueError: output has another shape, or upsample_size is below 1.
    """
    shape = tuple(getattr(output, "shape", ()))
    channels = COCO18.num_heatmaps + COCO18.num_pafs
    if len(shape) == 4 and shape[0] == 1:
        output, shape = output[0], shape[1:]
    if len(shape) != 3 or shape[2] != channels:
        raise ValueError(f"output must have shape (h, w, {channels}), got {shape}")
    times = whole("upsample_size", upsample_size, low=1)
    output = real_numbers("output", output)
    maps = output.transpose(2, 0, 1) if isinstance(output, np.ndarray) else output.permute(2, 0, 1)
    heatmaps, pafs = maps[: COCO18.num_heatmaps], maps[COCO18.num_heatmaps :]
    canvas = (shape[0] * times, shape[1] * times)

    def decode(most_peaks: int, most_people: int) -> Sequence[Any]:
        decoder = _decoder(most_peaks, most_people)
        found = decoder.find_peaks(heatmaps, canvas, stride=times)
        grouped = decoder.associate(found, pafs, canvas, stride=times)
        return to_host([*found, *grouped])

    peaks, groups = everybody(decode, canvas)
    return _humans(peaks, groups, canvas)


@functools.lru_cache(maxsize=8)
def _decoder(most_peaks: int, most_people: int) -> BodyDecoder:
    return BodyDecoder(
        COCO18,
        taps=kernel_taps(KERNEL_SIZE, KERNEL_SIGMAS),
        border="constant",
        interpolation="nearest",
        threshold=float(PEAK_THRESHOLD),
        connectivity=8,
        ties="all",
        max_peaks=most_peaks,
        max_people=most_people,
        association=_RULES,
    )


def _humans(peaks: ops.Peaks, groups: ops.Association, canvas: ops.Size) -> list[Human]:
    height, width = canvas
    humans = []
    for person in range(int(groups.counts)):
        human = Human()
        human.score = float(groups.scores[person] / groups.parts[person])
        for part, peak in enumerate(groups.people[person].tolist()):
            if peak >= 0:
                x, y = peaks.xy[part, peak].tolist()
                score = float(peaks.scores[part, peak])
                human.body_parts[part] = BodyPart(
                    f"{person}-{part}", part, x / width, y / height, score
                )
        humans.append(human)
    return humans
