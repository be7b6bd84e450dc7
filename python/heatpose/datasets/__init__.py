"""Datasets of keypoints: photos with annotations, read from the formats they come in."""

from __future__ import annotations

from heatpose.datasets.samples import Annotation, KeypointDataset, Problem, Sample

__all__ = ["Annotation", "KeypointDataset", "Problem", "Sample"]
