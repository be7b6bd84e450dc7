"""The hands of a photo: which hand, and whose."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from heatpose.results.boxes import Side, checked_persons, checked_sides
from heatpose.results.checks import (
    FloatArray,
    check_array,
    check_points,
    checked_canvas,
    frozen,
    tight_boxes,
)
from heatpose.results.people import People
from heatpose.results.pictures import draw_on
from heatpose.skeletons import Skeleton

if TYPE_CHECKING:
    from heatpose.formats import Format


@dataclass(frozen=True, eq=False, repr=False)
class Hands:
    """The hands of one photo, in the order of their boxes.

    A frozen value: the arrays are read-only copies. ``hands[0]`` is a ``Hand``. A box in which no
    keypoint was found keeps its row, of NaN and 0, so that rows and boxes stay together.

    Attributes:
        keypoints: float32 [H, K, 2], (x, y) in pixels of the canvas, pixel centres on integers, NaN
            where missing.
        scores: float32 [H, K], confidence per keypoint in the heatmap's units, 0 where missing.
        hand_scores: float32 [H], mean score of the keypoints found, times the box's; 0 where there
            is none.
        boxes: float32 [H, 4], (x1, y1, x2, y2), the part of the photo that the network looked at.
        sides: H of ``"left"``, ``"right"`` (seen by the person) or None where not known.
        persons: int64 [H], the row of ``people`` whose hand it is, -1 where not known.
        skeleton: Names and limbs of the K keypoints.
        canvas: (height, width) of the photo in pixels.
        people: The people whom the boxes were made from, if they were.

    Raises:
        TypeError: an array is not a NumPy float32 array, persons are not whole numbers,
            ``skeleton`` is no ``Skeleton``, or ``people`` are not ``People``.
        ValueError: shapes that do not fit together, half-missing points, infinite values, a score
            on a missing keypoint, an unknown side, a person that is not in ``people``, or people
            of another canvas.
    """

    keypoints: FloatArray
    scores: FloatArray
    hand_scores: FloatArray
    boxes: FloatArray
    sides: tuple[Side | None, ...]
    persons: NDArray[np.int64]
    skeleton: Skeleton
    canvas: tuple[int, int]
    people: People | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.skeleton, Skeleton):
            raise TypeError(f"skeleton must be a Skeleton, got {type(self.skeleton).__name__}")
        count = self.skeleton.num_keypoints
        check_array("keypoints", self.keypoints, (None, count, 2), rows="H")
        hands = len(self.keypoints)
        check_array("scores", self.scores, (hands, count))
        check_array("hand_scores", self.hand_scores, (hands,))
        check_array("boxes", self.boxes, (hands, 4))
        check_points(self.keypoints, self.scores)
        for name in ("hand_scores", "boxes"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} must be finite")
        object.__setattr__(self, "sides", checked_sides(self.sides, hands))
        object.__setattr__(self, "persons", checked_persons(self.persons, hands, self.people))
        object.__setattr__(self, "canvas", checked_canvas(self.canvas))
        if self.people is not None and self.people.canvas != self.canvas:
            raise ValueError(
                f"canvas must be the people's, {self.people.canvas}, got {self.canvas}"
            )
        for name in ("keypoints", "scores", "hand_scores", "boxes"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @classmethod
    def empty(
        cls, skeleton: Skeleton, canvas: tuple[int, int], people: People | None = None
    ) -> Hands:
        """No hand on a canvas of (height, width) pixels."""
        keypoints = np.empty((0, skeleton.num_keypoints, 2), np.float32)
        boxes = np.empty((0, 4), np.float32)
        nobody = np.empty(0, np.int64)
        return cls(
            keypoints, keypoints[..., 0], boxes[:, 0], boxes, (), nobody, skeleton, canvas, people
        )

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Bool [H, K], whether the keypoint was found."""
        return ~np.isnan(self.keypoints[..., 0])

    @property
    def keypoint_boxes(self) -> FloatArray:
        """float32 [H, 4], (x1, y1, x2, y2) tight around the keypoints found; NaN around none."""
        return tight_boxes(self.keypoints)

    def of(self, person: int, side: Side | None = None) -> list[Hand]:
        """The hands of a person of ``people``, or one side of them."""
        return [
            hand for hand in self if hand.person == person and (side is None or hand.side == side)
        ]

    def __len__(self) -> int:
        return len(self.keypoints)

    def __getitem__(self, index: int | np.integer[Any]) -> Hand:
        if isinstance(index, bool) or not isinstance(index, (int, np.integer)):
            raise TypeError(f"hands are picked by int, got {type(index).__name__}")
        if not -len(self) <= index < len(self):
            raise IndexError(f"hand {index} of {len(self)}")
        return Hand(
            self.keypoints[index],
            self.scores[index],
            float(self.hand_scores[index]),
            self.boxes[index],
            self.sides[index],
            int(self.persons[index]),
            self.skeleton,
            self.canvas,
        )

    def __iter__(self) -> Iterator[Hand]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        height, width = self.canvas
        whose = [
            (side or "?") + (f" of {person}" if person >= 0 else "")
            for side, person in zip(self.sides, self.persons.tolist(), strict=True)
        ]
        return f"Hands({len(self)} on {width}x{height} px: {', '.join(whose) or 'none'})"

    def as_people(self) -> People:
        """The hands with at least one keypoint as ``People``, best first: one person each."""
        found = np.flatnonzero(self.visible.any(axis=1))
        order = found[np.argsort(-self.hand_scores[found], kind="stable")]
        return People(
            self.keypoints[order],
            self.scores[order],
            self.hand_scores[order],
            self.skeleton,
            self.canvas,
        )

    def draw(
        self,
        image: NDArray[np.uint8] | str | os.PathLike[str],
        to: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> NDArray[np.uint8]:
        """Draw the hands on a photo, over the people whose hands they are, if these are known.

        Args:
            image: uint8 [H, W, 3] BGR, or the path of a photo. Not changed.
            to: File for the picture; the suffix names its format. ``None`` writes nothing.
            **options: Settings of ``heatpose.drawing.draw_hands``.

        Returns:
            uint8 [H, W, 3] BGR, the photo with the hands on it.

        Raises:
            TypeError: image is neither a uint8 array nor a path.
            ValueError: image has another shape, or another aspect ratio than the canvas.
        """
        from heatpose.drawing import draw_hands

        return draw_on(image, to, lambda photo: draw_hands(photo, self, **options))

    def to_dict(self) -> dict[str, Any]:
        """Heatpose's own JSON document as a dict; see ``heatpose.formats.to_heatpose``."""
        from heatpose import formats

        return formats.to_heatpose(self)

    def save_json(
        self,
        path: str | os.PathLike[str],
        format: Format = "heatpose",
        *,
        image_id: int | str = 0,
    ) -> None:
        """Write the hands, and the people whose they are, to a JSON file, in one step.

        Args:
            path: File to write.
            format: ``"heatpose"``, ``"openpose"`` or ``"coco"``; see ``heatpose.formats``.
            image_id: The photo's id in COCO results; not used by the other formats.
        """
        from heatpose import formats

        formats.write_json(path, formats.encode(self, format, image_id=image_id))


@dataclass(frozen=True, eq=False)
class Hand:
    """One hand of a photo: a row of ``Hands``.

    Attributes:
        keypoints: float32 [K, 2], (x, y) in pixels of the canvas, NaN where missing.
        scores: float32 [K], 0 where missing.
        score: The hand's score.
        box: float32 [4], (x1, y1, x2, y2), the part of the photo that the network looked at.
        side: ``"left"``, ``"right"``, or None where not known.
        person: The row of ``Hands.people`` whose hand it is, -1 where not known.
        skeleton: Names and limbs of the K keypoints.
        canvas: (height, width) of the photo in pixels.
    """

    keypoints: FloatArray
    scores: FloatArray
    score: float
    box: FloatArray
    side: Side | None
    person: int
    skeleton: Skeleton = field(repr=False)
    canvas: tuple[int, int] = field(repr=False)

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Bool [K], whether the keypoint was found."""
        return ~np.isnan(self.keypoints[:, 0])

    def __getitem__(self, keypoint: str) -> FloatArray:
        """(x, y) of a keypoint by name, NaN where missing: ``hand["thumb4"]``."""
        point: FloatArray = self.keypoints[self.skeleton.index(keypoint)]
        return point
