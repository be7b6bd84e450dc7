"""The people of a photo: a shape and a unit on every field."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from heatpose.results.checks import (
    FloatArray,
    check_array,
    check_points,
    checked_canvas,
    frozen,
    tight_boxes,
)
from heatpose.results.pictures import draw_on
from heatpose.skeletons import Skeleton

if TYPE_CHECKING:
    from heatpose.formats import Format


class Part(NamedTuple):
    """One part of everybody, such as the faces: views into the arrays of ``People``.

    Attributes:
        keypoints: float32 [P, J, 2], (x, y) in pixels of the canvas, NaN where missing.
        scores: float32 [P, J], 0 where missing.
    """

    keypoints: FloatArray
    scores: FloatArray


@dataclass(frozen=True, eq=False, repr=False)
class People:
    """The people of one photo, best first.

    A frozen value: the arrays are copies and read-only. ``people[0]`` is a ``Person``; a slice or a
    boolean mask over the people gives fewer ``People``; iteration yields each ``Person``.

    Attributes:
        keypoints: float32 [P, K, 2], (x, y) in pixels of the canvas, pixel centres on integers,
            NaN where missing.
        scores: float32 [P, K], confidence per keypoint in the heatmap's units, 0 where missing.
        person_scores: float32 [P], descending. The unit is the decoder's: ``BodyDecoder`` sums the
            scores of the keypoints and of the limbs between them.
        skeleton: Names and limbs of the K keypoints.
        canvas: (height, width) of the photo in pixels.

    Raises:
        TypeError: an array is not a NumPy float32 array, or ``skeleton`` is no ``Skeleton``.
        ValueError: shapes that do not fit together, half-missing points, infinite values, a score
            on a missing keypoint, or people out of order.
    """

    keypoints: FloatArray
    scores: FloatArray
    person_scores: FloatArray
    skeleton: Skeleton
    canvas: tuple[int, int]

    def __post_init__(self) -> None:
        if not isinstance(self.skeleton, Skeleton):
            raise TypeError(f"skeleton must be a Skeleton, got {type(self.skeleton).__name__}")
        count = self.skeleton.num_keypoints
        check_array("keypoints", self.keypoints, (None, count, 2))
        people = len(self.keypoints)
        check_array("scores", self.scores, (people, count))
        check_array("person_scores", self.person_scores, (people,))
        canvas = checked_canvas(self.canvas)
        check_points(self.keypoints, self.scores)
        if not np.isfinite(self.person_scores).all():
            raise ValueError("person_scores must be finite")
        if (np.diff(self.person_scores) > 0).any():
            raise ValueError("person_scores must be in descending order")
        object.__setattr__(self, "canvas", canvas)
        for name in ("keypoints", "scores", "person_scores"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @classmethod
    def empty(cls, skeleton: Skeleton, canvas: tuple[int, int]) -> People:
        """Nobody on a canvas of (height, width) pixels."""
        keypoints = np.empty((0, skeleton.num_keypoints, 2), np.float32)
        return cls(keypoints, keypoints[..., 0], keypoints[:, 0, 0], skeleton, canvas)

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Bool [P, K], whether the keypoint was found."""
        return ~np.isnan(self.keypoints[..., 0])

    @property
    def boxes(self) -> FloatArray:
        """float32 [P, 4], (x1, y1, x2, y2) around the keypoints found; NaN for a person of none.

        The corners are keypoints: the box is tight, and a margin is the caller's choice.
        """
        return tight_boxes(self.keypoints)

    def part(self, name: str) -> Part:
        """A part of everybody, as views: ``people.part("left_hand").keypoints``.

        Args:
            name: One of ``skeleton.parts``; ``wholebody133`` has body, feet, face, left_hand and
                right_hand.

        Raises:
            ValueError: the skeleton has no such part.
        """
        place = self.skeleton.part(name)
        return Part(self.keypoints[:, place], self.scores[:, place])

    def __len__(self) -> int:
        return len(self.keypoints)

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> Person: ...

    @overload
    def __getitem__(self, index: slice | NDArray[np.bool_]) -> People: ...

    def __getitem__(
        self, index: int | np.integer[Any] | slice | NDArray[np.bool_]
    ) -> Person | People:
        if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
            if not -len(self) <= index < len(self):
                raise IndexError(f"person {index} of {len(self)}")
            return Person(
                self.keypoints[index],
                self.scores[index],
                float(self.person_scores[index]),
                self.skeleton,
                self.canvas,
            )
        if isinstance(index, np.ndarray) and index.dtype != np.bool_:
            raise TypeError(f"people are picked by int, slice or bool mask, got {index.dtype}")
        if not isinstance(index, (slice, np.ndarray)):
            raise TypeError(
                f"people are picked by int, slice or bool mask, got {type(index).__name__}"
            )
        return People(
            self.keypoints[index],
            self.scores[index],
            self.person_scores[index],
            self.skeleton,
            self.canvas,
        )

    def __iter__(self) -> Iterator[Person]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        height, width = self.canvas
        scores = ", ".join(f"{score:.3g}" for score in self.person_scores[:4])
        more = ", ..." if len(self) > 4 else ""
        return (
            f"People({len(self)} x {self.skeleton.name} on {width}x{height} px, "
            f"person_scores=[{scores}{more}])"
        )

    def draw(
        self,
        image: NDArray[np.uint8] | str | os.PathLike[str],
        to: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> NDArray[np.uint8]:
        """Draw the people on a photo.

        Args:
            image: uint8 [H, W, 3] BGR, or the path of a photo. Not changed.
            to: File for the picture; the suffix names its format. ``None`` writes nothing.
            **options: Settings of ``heatpose.drawing.draw_people``.

        Returns:
            uint8 [H, W, 3] BGR, the photo with the people on it.

        Raises:
            TypeError: image is neither a uint8 array nor a path.
            ValueError: image has another shape, or another aspect ratio than the canvas.
        """
        from heatpose.drawing import draw_people

        return draw_on(image, to, lambda photo: draw_people(photo, self, **options))

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
        """Write the people to a JSON file, in one step.

        Args:
            path: File to write.
            format: ``"heatpose"``, ``"openpose"`` or ``"coco"``; see ``heatpose.formats``.
            image_id: The photo's id in COCO results; not used by the other formats.
        """
        from heatpose import formats

        formats.write_json(path, formats.encode(self, format, image_id=image_id))


@dataclass(frozen=True, eq=False)
class Person:
    """One person of a photo: a row of ``People``.

    Attributes:
        keypoints: float32 [K, 2], (x, y) in pixels of the canvas, NaN where missing.
        scores: float32 [K], 0 where missing.
        score: The person's score, in the decoder's unit.
        skeleton: Names and limbs of the K keypoints.
        canvas: (height, width) of the photo in pixels.
    """

    keypoints: FloatArray
    scores: FloatArray
    score: float
    skeleton: Skeleton = field(repr=False)
    canvas: tuple[int, int] = field(repr=False)

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Bool [K], whether the keypoint was found."""
        return ~np.isnan(self.keypoints[:, 0])

    @property
    def box(self) -> FloatArray:
        """float32 [4], (x1, y1, x2, y2) around the keypoints found; NaN when there is none."""
        found = self.keypoints[self.visible]
        if not len(found):
            return np.full(4, np.nan, np.float32)
        return np.array([*found.min(axis=0), *found.max(axis=0)], np.float32)

    def __getitem__(self, keypoint: str) -> FloatArray:
        """(x, y) of a keypoint by name, NaN where missing: ``person["left_wrist"]``."""
        point: FloatArray = self.keypoints[self.skeleton.index(keypoint)]
        return point
