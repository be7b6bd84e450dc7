"""What an evaluation by OKS says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heatpose.evaluation.tables import text_table
from heatpose.formats import write_json


@dataclass(frozen=True)
class OksScores:
    """Average precision and recall of one part, 0 to 1; -1 where nothing of the kind is annotated.

    Attributes:
        people: How many annotated people count.
        predictions: How many predicted people were compared with them.
        ap: Precision, averaged over recalls and over the OKS thresholds 0.5, 0.55, ..., 0.95.
        ap50: Precision at OKS 0.5.
        ap75: Precision at OKS 0.75.
        ap_medium: ``ap`` of people of 32^2 to 96^2 square pixels.
        ap_large: ``ap`` of larger people.
        ar: Recall, averaged over the thresholds; at most 20 people of a photo are looked at.
        ar50: Recall at OKS 0.5.
        ar75: Recall at OKS 0.75.
        ar_medium: ``ar`` of medium people.
        ar_large: ``ar`` of large people.
    """

    people: int
    predictions: int
    ap: float
    ap50: float
    ap75: float
    ap_medium: float
    ap_large: float
    ar: float
    ar50: float
    ar75: float
    ar_medium: float
    ar_large: float

    def numbers(self) -> dict[str, float]:
        """The ten numbers by their usual names: ``AP``, ``AP50``, ..., ``AR_L``."""
        return {name: getattr(self, field) for name, field in _NAMES.items()}


_NAMES = {
    "AP": "ap", "AP50": "ap50", "AP75": "ap75", "AP_M": "ap_medium", "AP_L": "ap_large",
    "AR": "ar", "AR50": "ar50", "AR75": "ar75", "AR_M": "ar_medium", "AR_L": "ar_large",
}  # fmt: skip


@dataclass(frozen=True)
class CocoReport:
    """Numbers of every part that was judged; prints as a table.

    Attributes:
        kind: Which evaluation: ``"coco"``, ``"wholebody"`` or ``"aic"``.
        skeleton: Name of the skeleton.
        images: How many photos were judged.
        parts: Numbers by part: ``"keypoints"`` alone, or those of a whole body, ``"whole"`` last.
    """

    kind: str
    skeleton: str
    images: int
    parts: Mapping[str, OksScores]

    @property
    def scores(self) -> OksScores:
        """The numbers to quote: of all keypoints together."""
        return list(self.parts.values())[-1]

    def __getitem__(self, part: str) -> OksScores:
        try:
            return self.parts[part]
        except KeyError:
            raise ValueError(
                f"no part {part!r} was judged; there is {', '.join(self.parts)}"
            ) from None

    def numbers(self) -> dict[str, float]:
        """All numbers in one dict: ``AP``, or ``whole/AP`` where there are several parts."""
        many = len(self.parts) > 1
        return {
            f"{part}/{name}" if many else name: value
            for part, scores in self.parts.items()
            for name, value in scores.numbers().items()
        }

    def to_dict(self) -> dict[str, Any]:
        """The report as a JSON document."""
        return {
            "kind": self.kind,
            "skeleton": self.skeleton,
            "images": self.images,
            "parts": {
                name: {**part.numbers(), "people": part.people, "predictions": part.predictions}
                for name, part in self.parts.items()
            },
        }

    def save_json(self, path: str | os.PathLike[str]) -> None:
        """Write the report to a JSON file, in one step."""
        write_json(path, self.to_dict())

    def __str__(self) -> str:
        rows = [
            [
                name,
                *(None if value == -1 else value for value in part.numbers().values()),
                str(part.people),
                str(part.predictions),
            ]
            for name, part in self.parts.items()
        ]
        title = f"OKS, {self.kind}, {self.skeleton}, {self.images} photos"
        return title + "\n" + text_table(["part", *_NAMES, "people", "found"], rows)
