"""How good a network is on a dataset that a line of text names."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from torch import nn
from tqdm import tqdm

from heatpose.datasets import Sample, check_photos
from heatpose.estimators import BodyEstimator, HandEstimator, WholeBodyEstimator
from heatpose.evaluation import CocoReport, KeypointReport, evaluate_coco, evaluate_keypoints
from heatpose.networks import CropSpec
from heatpose.results import Boxes
from heatpose.training.building import skeleton_of
from heatpose.training.exporting import load_network
from heatpose.training.sources import read_source

_ESTIMATORS: dict[str, Any] = {
    "body": BodyEstimator,
    "hand": HandEstimator,
    "wholebody": WholeBodyEstimator,
}
_BY_OKS = ("coco", "coco-wholebody", "aic")


def evaluate(
    model: str | os.PathLike[str] | nn.Module,
    source: str,
    *,
    measure: str = "auto",
    size: str | None = None,
    limit: int | None = None,
    progress: bool = False,
    **options: Any,
) -> CocoReport | KeypointReport:
    """Run a network on the photos of a dataset and judge what it finds.

    Top-down networks see the annotated boxes.

    Args:
        model: As of ``heatpose.training.exporting.load_network``, or a network.
        source: As of ``heatpose.training.sources.read_source``.
        measure: "oks" for COCO's AP and AR, "distance" for PCK, AUC and EPE; "auto" takes what is
            usual for the dataset.
        size: Of distances: "box", "torso" or "head"; None for the torso of bodies, else the box.
        limit: At most so many photos.
        progress: Whether to show a bar.
        **options: Of the estimator: ``scales=(0.5, 1, 1.5)``, ``device="cuda"``.

    Raises:
        FileNotFoundError: no such model or data.
        ValueError: data or options that do not fit.
    """
    if measure not in ("auto", "oks", "distance"):
        raise ValueError(f"measure must be 'auto', 'oks' or 'distance', got {measure!r}")
    network: Any = model if isinstance(model, nn.Module) else load_network(model)
    task, skeleton = network.task, skeleton_of(network)
    if task not in _ESTIMATORS:
        raise ValueError(f"networks of the task {task} are not judged here")
    dataset = read_source(source, skeleton, convert=False)
    dataset = check_photos(dataset if limit is None else dataset[:limit])
    estimate = _ESTIMATORS[task](network, **options)
    boxes = isinstance(getattr(network, "crop_spec", None), CropSpec)
    found = {
        sample.image_id: _estimate(estimate, sample, boxes)
        for sample in tqdm(dataset, desc=dataset.name, unit="photo", disable=not progress)
    }
    if measure == "oks" or (measure == "auto" and source.partition(":")[0] in _BY_OKS):
        return evaluate_coco(found, list(dataset), dataset.skeleton)
    chosen: Any = size or ("torso" if task == "body" else "box")
    return evaluate_keypoints(found, list(dataset), dataset.skeleton, size=chosen)


def _estimate(estimate: Any, sample: Sample, boxes: bool) -> Any:
    if not boxes:
        return estimate(sample.path)
    people = [one for one in sample.annotations if one.box is not None and not one.crowd]
    corners = np.array([one.box for one in people], np.float32).reshape(-1, 4)
    sides = tuple(one.side for one in people)
    return estimate(sample.path, boxes=Boxes(corners, sides=sides))
