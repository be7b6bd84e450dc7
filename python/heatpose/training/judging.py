"""How good a network is on a dataset that a line of text names."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import nn
from tqdm import tqdm

from heatpose.datasets import KeypointDataset, Sample, check_photos
from heatpose.datasets.problems import OnProblem
from heatpose.estimators import BodyEstimator, HandEstimator, WholeBodyEstimator
from heatpose.evaluation import CocoReport, KeypointReport, evaluate_coco, evaluate_keypoints
from heatpose.evaluation.ground_truth import GroundTruth, read_ground_truth
from heatpose.networks import CropSpec
from heatpose.results import Boxes, Hands, People
from heatpose.training.exporting import load_network
from heatpose.training.sources import read_source
from heatpose.weights import find_model, models

Measure = Literal["auto", "oks", "distance"]

_ESTIMATORS: dict[str, Any] = {
    "body": BodyEstimator,
    "hand": HandEstimator,
    "wholebody": WholeBodyEstimator,
}
_IN_COCOS_FILE = ("coco", "coco-wholebody")
_BY_OKS = (*_IN_COCOS_FILE, "aic")
# The boxes of this dataset are its whole photos, of which mmpose's protocol cuts the middle.
_USUAL_PADDING = {"freihand": 0.8}


def evaluate(
    model: str | os.PathLike[str] | nn.Module,
    source: str,
    *,
    measure: str = "auto",
    size: str | None = None,
    limit: int | None = None,
    on_problem: OnProblem = "skip",
    progress: bool = False,
    say: Callable[[str], object] | None = None,
    **options: Any,
) -> CocoReport | KeypointReport:
    """Run a network on the photos of a dataset and judge what it finds.

    Networks of hands and whole bodies, and other top-down ones, see the annotated boxes. Named
    checkpoints run with the settings that they were published with. By OKS all photos count, also
    those of nobody; COCO's files are judged as they are, with their crowds and areas.

    Args:
        model: As of ``heatpose.training.exporting.load_network``, or a network.
        source: As of ``heatpose.training.sources.read_source``.
        measure: "oks" for COCO's AP and AR, "distance" for PCK, AUC and EPE; "auto" takes what is
            usual for the dataset.
        size: Of distances: "box", "torso" or "head"; None for the torso of bodies, else the box.
        limit: At most so many photos.
        on_problem: Whether photos and entries that cannot be used are left out and named, or stop
            the evaluation before it begins.
        progress: Whether to show a bar.
        say: Is told what was left out, if anything; None warns.
        **options: Of the estimator: ``scales=(0.5, 1, 1.5)``, ``padding=1.1``, ``device="cuda"``.
            Boxes of FreiHAND, which are its whole photos, have a padding of 0.8 by default.

    Raises:
        FileNotFoundError: no such model or data.
        ValueError: data or options that do not fit, said before the network runs.
    """
    if measure not in ("auto", "oks", "distance"):
        raise ValueError(f"measure must be 'auto', 'oks' or 'distance', got {measure!r}")
    kind, _, rest = source.partition(":")
    by_oks = measure == "oks" or (measure == "auto" and kind in _BY_OKS)
    estimate, task = _estimator(model, kind, options)
    dataset = read_source(
        source, estimate.skeleton, on_problem=on_problem, convert=False, keep_empty=by_oks
    )
    dataset = check_photos(dataset if limit is None else dataset[:limit], on_problem=on_problem)
    if dataset.problems:
        (say or (lambda text: warnings.warn(text, stacklevel=3)))(dataset.summary())
    if dataset.num_annotations == 0:
        raise ValueError(f"nothing to judge by is in {dataset.summary()}")
    judge: Callable[[Any], CocoReport | KeypointReport]
    if by_oks:
        file = rest.split(",")[0].strip() if kind in _IN_COCOS_FILE else None
        judge = _by_oks(dataset, file, on_problem)
    else:
        judge = _by_distance(dataset, size or ("torso" if task == "body" else "box"))
    # A network may run for hours: what does not fit is found with the answers of one that finds
    # nobody.
    judge({sample.image_id: _nobody(estimate.skeleton) for sample in dataset})
    boxes = task != "body" or isinstance(getattr(estimate.network, "crop_spec", None), CropSpec)
    return judge(
        {
            sample.image_id: _estimate(estimate, sample, boxes)
            for sample in tqdm(dataset, desc=dataset.name, unit="photo", disable=not progress)
        }
    )


def _estimator(model: Any, kind: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    """The estimator of a network, and its task."""
    network = model
    if not isinstance(model, nn.Module):
        named = str(model) in models()
        # By its name, so that the settings that it was published with come along.
        network = str(model) if named else load_network(model)
    task = find_model(network).task if isinstance(network, str) else network.task
    if task not in _ESTIMATORS:
        raise ValueError(f"networks of the task {task} are not judged here")
    usual: dict[str, Any] = {}
    if kind in _USUAL_PADDING and task == "hand":
        usual["padding"] = _USUAL_PADDING[kind]
    return _ESTIMATORS[task](network, **{**usual, **options}), task


def _by_oks(
    dataset: KeypointDataset, file: str | None, on_problem: OnProblem
) -> Callable[[Mapping[Any, People | Hands]], CocoReport]:
    truth: GroundTruth | list[Sample] = list(dataset)
    if file is not None:
        try:
            truth = read_ground_truth(Path(file), dataset.skeleton)
        except ValueError:
            # A file with bad entries; the samples are what is left of it.
            if on_problem == "raise":
                raise
    ids = [sample.image_id for sample in dataset]
    return lambda found: evaluate_coco(found, truth, dataset.skeleton, image_ids=ids)


def _by_distance(
    dataset: KeypointDataset, size: Any
) -> Callable[[Mapping[Any, People | Hands]], KeypointReport]:
    def judge(found: Mapping[Any, People | Hands]) -> KeypointReport:
        report = evaluate_keypoints(found, list(dataset), dataset.skeleton, size=size)
        if report.judged == 0:
            raise ValueError(
                f"{dataset.name}: none of its {report.people} annotated people has what distances "
                f"are measured by (size {size!r})"
            )
        return report

    return judge


def _nobody(skeleton: Any) -> People:
    count = skeleton.num_keypoints
    empty = np.empty((0, count, 2), np.float32), np.empty((0, count), np.float32)
    return People(*empty, np.empty(0, np.float32), skeleton, (1, 1))


def _estimate(estimate: Any, sample: Sample, boxes: bool) -> Any:
    if not boxes:
        return estimate(sample.path)
    people = [one for one in sample.annotations if one.box is not None and not one.crowd]
    corners = np.array([one.box for one in people], np.float32).reshape(-1, 4)
    sides = tuple(one.side for one in people)
    return estimate(sample.path, boxes=Boxes(corners, sides=sides))
