"""What an evaluation by distance says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from heatpose.evaluation.distances import Pck
from heatpose.evaluation.tables import Cell, text_table
from heatpose.formats import write_json
from heatpose.skeletons import Skeleton


@dataclass(frozen=True, eq=False)
class KeypointReport:
    """How far keypoints are from where they should be; prints as a table.

    Attributes:
        skeleton: The keypoints.
        images: How many photos.
        people: How many people (or hands) with a labelled keypoint.
        judged: How many of them have the size that distances are measured by; the others are in
            ``auc``, ``epe`` and ``missing`` alone.
        size: What that size is.
        pck: Accuracy at each threshold.
        auc: Area under PCK from 0 to ``auc_size`` pixels.
        auc_size: In pixels.
        epe: Mean distance in pixels of the keypoints found.
        nme: The same in shares of the size.
        missing: Share of the labelled keypoints that were not found.
    """

    skeleton: Skeleton
    images: int
    people: int
    judged: int
    size: str
    pck: tuple[Pck, ...]
    auc: float
    auc_size: float
    epe: float
    nme: float
    missing: float

    def numbers(self) -> dict[str, float]:
        """All numbers in one dict, ``PCK@0.2`` and so on; ``pooled`` is over all keypoints."""
        means = {f"PCK@{one.threshold:g}": one.mean for one in self.pck}
        pooled = {f"PCK@{one.threshold:g} pooled": one.pooled for one in self.pck}
        rest = {"AUC": self.auc, "EPE": self.epe, "NME": self.nme, "missing": self.missing}
        return means | pooled | rest

    def to_dict(self) -> dict[str, Any]:
        """The report as a JSON document; None where there is no number."""
        names = self.skeleton.keypoints
        return {
            "skeleton": self.skeleton.name,
            "images": self.images,
            "people": self.people,
            "judged": self.judged,
            "size": self.size,
            "auc_size": self.auc_size,
            **{name: _number(value) for name, value in self.numbers().items()},
            "keypoints": {
                f"PCK@{one.threshold:g}": dict(
                    zip(names, map(_number, one.per_keypoint.tolist()), strict=True)
                )
                for one in self.pck
            },
        }

    def save_json(self, path: str | os.PathLike[str]) -> None:
        """Write the report to a JSON file, in one step."""
        write_json(path, self.to_dict())

    def __str__(self) -> str:
        header = ["keypoint", "labelled", *(f"PCK@{one.threshold:g}" for one in self.pck)]
        names = self.skeleton.keypoints
        rows: list[list[Cell]] = []
        if self.pck:
            counts = [str(count) for count in self.pck[0].counts.tolist()]
            columns = [one.per_keypoint.tolist() for one in self.pck]
            rows = [list(row) for row in zip(names, counts, *columns, strict=True)]
            total = str(int(self.pck[0].counts.sum()))
            rows.append(["mean of keypoints", total, *(one.mean for one in self.pck)])
            rows.append(["all together", total, *(one.pooled for one in self.pck)])
        return (
            f"{self.skeleton.name}, {self.images} photos, {self.people} annotated, "
            f"{self.judged} with a size ({self.size})\n{text_table(header, rows)}\n"
            f"AUC to {self.auc_size:g} px {self.auc:.4f}   EPE {self.epe:.2f} px   "
            f"NME {self.nme:.4f}   not found {self.missing:.4f}"
        )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
