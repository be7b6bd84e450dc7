"""What a dataset is: photos, and what is annotated on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from heatpose.results import FloatArray, Side
from heatpose.skeletons import Skeleton

Size = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """One person or one hand of a photo.

    Attributes:
        keypoints: float32 [K, 2], (x, y) in pixels of the photo, pixel centres on integers, NaN
            where not annotated. They may lie outside the photo.
        visibility: uint8 [K]: 0 not labelled, 1 labelled but hidden, 2 labelled and visible. Files
            that know only 0 and 1 keep their 1, which then says no more than "labelled".
        box: float32 [4], (x1, y1, x2, y2) in pixels of the photo, without margin; None where the
            file has none.
        area: Pixels of the photo that the person or the hand covers; None where not known.
        crowd: Whether this stands for a group of people.
        side: Which hand it is, seen by the person; None for bodies and where not known.
        id: The name of the annotation in its file.
        extra: What an evaluation needs besides: ``num_keypoints``, ``foot_valid`` and the like of
            COCO-WholeBody, ``head_size`` in pixels of the photo.
    """

    keypoints: FloatArray
    visibility: NDArray[np.uint8]
    box: FloatArray | None = None
    area: float | None = None
    crowd: bool = False
    side: Side | None = None
    id: int | str = 0
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Bool [K], whether the keypoint has a place."""
        return self.visibility > 0


@dataclass(frozen=True, eq=False)
class Sample:
    """One photo and its annotations.

    Attributes:
        path: The image file.
        image_id: The name of the photo in its file of annotations.
        annotations: The people or hands, in the order of the file.
        size: (height, width) of the photo in pixels as its file of annotations states it; None
            where it states none.
        unlabelled: float32 [4] boxes (x1, y1, x2, y2), in pixels of the photo, of regions with
            people that nobody annotated: crowds, and people without keypoints.
        scale: Pixels of this photo for one pixel of the photo that was annotated, along x and y;
            not 1 in a cache of smaller photos. A point p of the annotated photo is at
            ``(p + 0.5) * scale - 0.5`` here.
    """

    path: Path
    image_id: int | str
    annotations: tuple[Annotation, ...] = ()
    size: Size | None = None
    unlabelled: tuple[FloatArray, ...] = ()
    scale: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class Problem:
    """Something in a dataset that cannot be used.

    Attributes:
        where: The file, and the entry in it.
        what: What is wrong, in words that are the same for all problems of the kind.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class KeypointDataset(Sequence[Sample]):
    """Photos with annotations of one skeleton, and what of them could not be used.

    ``dataset[0]`` is a ``Sample``, ``dataset[:100]`` a dataset of the first hundred.

    Attributes:
        name: What it is called in reports.
        skeleton: Names of the K keypoints.
        samples: The photos.
        problems: What was left out, and why.
    """

    def __init__(
        self,
        name: str,
        skeleton: Skeleton,
        samples: Iterable[Sample],
        problems: Iterable[Problem] = (),
    ) -> None:
        self.name = name
        self.skeleton = skeleton
        self.samples = list(samples)
        self.problems = list(problems)

    def __len__(self) -> int:
        return len(self.samples)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> KeypointDataset: ...

    def __getitem__(self, index: int | slice) -> Sample | KeypointDataset:
        if isinstance(index, slice):
            return self.with_samples(self.samples[index])
        return self.samples[index]

    def __repr__(self) -> str:
        return f"KeypointDataset({self.name!r}, {self.skeleton.name}, {len(self)} photos)"

    def with_samples(
        self, samples: Iterable[Sample], problems: Iterable[Problem] = ()
    ) -> KeypointDataset:
        """The same dataset with other photos, and with more problems."""
        return KeypointDataset(self.name, self.skeleton, samples, [*self.problems, *problems])

    @property
    def num_annotations(self) -> int:
        """People or hands in all photos."""
        return sum(len(sample.annotations) for sample in self.samples)

    @property
    def labelled_share(self) -> NDArray[np.float64]:
        """float64 [K], in which share of the annotations each keypoint is labelled; 0 of none.

        A keypoint of share 0 is one that this dataset does not know: its absence says nothing.
        """
        total = np.zeros(self.skeleton.num_keypoints)
        for sample in self.samples:
            for annotation in sample.annotations:
                total += annotation.labelled
        return total / max(self.num_annotations, 1)

    def summary(self, examples: int = 3) -> str:
        """What is in it, and a line for each kind of problem with its first examples."""
        regions = sum(len(sample.unlabelled) for sample in self.samples)
        lines = [
            f"{self.name}: {len(self)} photos, {self.num_annotations} annotations of "
            f"{self.skeleton.name}, {regions} regions without labels, {len(self.problems)} problems"
        ]
        kinds: dict[str, list[str]] = {}
        for problem in self.problems:
            kinds.setdefault(problem.what, []).append(problem.where)
        for what, places in sorted(kinds.items(), key=lambda kind: -len(kind[1])):
            more = ", ..." if len(places) > examples else ""
            lines.append(f"  {len(places)} x {what}: {', '.join(places[:examples])}{more}")
        return "\n".join(lines)
