"""Datasets of keypoints: photos with annotations, read from the formats they come in.

Every reader makes a ``KeypointDataset``. What it cannot use (a missing photo, an entry without
keypoints, another skeleton's) is left out and named in ``problems``; with ``on_problem="raise"`` it
stops the reading instead. ``check_photos`` decodes all photos before a training does.
"""

from __future__ import annotations

from heatpose.datasets.aic import read_aic
from heatpose.datasets.cache import cache_photos
from heatpose.datasets.coco import read_coco, read_coco_wholebody, read_coco_wholebody_hands
from heatpose.datasets.hands import HandSet, read_hands
from heatpose.datasets.lsp import read_lsp
from heatpose.datasets.mapping import as_skeleton
from heatpose.datasets.photos import check_photos, read_photos
from heatpose.datasets.samples import Annotation, KeypointDataset, Problem, Sample
from heatpose.datasets.teacher import TeacherLabels, TeacherMaps, label_with_teacher, read_maps

__all__ = [
    "Annotation",
    "HandSet",
    "KeypointDataset",
    "Problem",
    "Sample",
    "TeacherLabels",
    "TeacherMaps",
    "as_skeleton",
    "cache_photos",
    "check_photos",
    "label_with_teacher",
    "read_aic",
    "read_coco",
    "read_coco_wholebody",
    "read_coco_wholebody_hands",
    "read_hands",
    "read_lsp",
    "read_maps",
    "read_photos",
]
