"""Labels for what nobody annotated: the people that a trained network finds in the photos."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from heatpose.datasets import Annotation, KeypointDataset, Sample
from heatpose.datasets.photos import photo_state, read_sample
from heatpose.datasets.problems import UnusableError
from heatpose.files import write_atomically
from heatpose.media import Image
from heatpose.results import People

FloatArray = NDArray[np.floating]

_FEWEST = 3  # shared keypoints that tell whether two people are the same
_TOUCHING = 0.3  # of a found person's keypoints inside an annotated one's box: too near to tell


def find_people(
    dataset: KeypointDataset,
    estimate: Callable[[Image], People],
    cache: Path,
    *,
    about: str,
    progress: bool = False,
) -> list[FloatArray]:
    """What a network finds in every photo, kept in a file, as it takes minutes.

    Args:
        dataset: The photos.
        estimate: An estimator of the dataset's skeleton.
        cache: Folder of the file.
        about: What the estimator is, in words that change with it.
        progress: Whether to show a bar.

    Returns:
        A float32 [P, K, 3] array of (x, y, score) a photo, NaN and 0 where a keypoint is missing.
    """
    names = [_state(sample) for sample in dataset]
    key = hashlib.sha256(json.dumps([about, dataset.skeleton.name, names]).encode()).hexdigest()
    file = cache / f"people-{key[:16]}.npz"
    if file.is_file():
        with np.load(file, allow_pickle=False) as arrays:
            return np.split(arrays["people"], np.cumsum(arrays["counts"])[:-1])
    found = []
    for sample in tqdm(dataset, desc="teacher", unit="photo", disable=not progress):
        try:
            people = estimate(read_sample(sample))
        except UnusableError:
            found.append(np.empty((0, dataset.skeleton.num_keypoints, 3), np.float32))
            continue
        found.append(np.concatenate([people.keypoints, people.scores[..., None]], axis=2))
    stream = io.BytesIO()
    np.savez(stream, people=np.concatenate(found), counts=[len(people) for people in found])
    cache.mkdir(parents=True, exist_ok=True)
    write_atomically(file, stream.getvalue())
    return found


def _state(sample: Sample) -> str:
    try:
        return photo_state(sample)
    except UnusableError:
        return str(sample.path)


def with_people(
    dataset: KeypointDataset,
    found: list[FloatArray],
    *,
    threshold: float,
    agreement: float,
) -> KeypointDataset:
    """The dataset with what was found, where it says more than the annotations.

    Annotated keypoints are never changed. A found person whose keypoints lie where an annotated
    one's do gives it those that it misses. One that lies on an annotated person and disagrees is a
    mistake, and left out. The rest are people whom nobody annotated: they are added.

    Args:
        dataset: With annotations.
        found: As of :func:`find_people`.
        threshold: Score that a keypoint must exceed.
        agreement: See ``TeacherOptions``.
    """
    samples = [
        _completed(sample, people, threshold, agreement)
        for sample, people in zip(dataset, found, strict=True)
    ]
    return dataset.with_samples(samples)


def _completed(sample: Sample, found: FloatArray, threshold: float, agreement: float) -> Sample:
    annotations = list(sample.annotations)
    added = []
    for person in found:
        points, good = person[:, :2], person[:, 2] > threshold
        if not good.any():
            continue
        apart = [_distance(one, points, good) for one in annotations]
        nearest = int(np.argmin(apart)) if apart else -1
        if nearest >= 0 and apart[nearest] < agreement:
            annotations[nearest] = _filled(annotations[nearest], points, good)
        elif not any(_touches(one, points[good]) for one in annotations):
            added.append(_person(points, good))
    return dataclasses.replace(sample, annotations=(*annotations, *added))


def _distance(annotation: Annotation, points: FloatArray, good: NDArray[np.bool_]) -> float:
    """Mean distance of the shared keypoints, as a share of their longer side."""
    shared = annotation.labelled & good
    if shared.sum() < _FEWEST:
        return np.inf
    ours, theirs = annotation.keypoints[shared], points[shared]
    side = float((ours.max(axis=0) - ours.min(axis=0)).max())
    return float(np.hypot(*(ours - theirs).T).mean()) / max(side, 1.0)


def _filled(annotation: Annotation, points: FloatArray, good: NDArray[np.bool_]) -> Annotation:
    missing = ~annotation.labelled & good
    keypoints, visibility = annotation.keypoints.copy(), annotation.visibility.copy()
    keypoints[missing], visibility[missing] = points[missing], 2
    return dataclasses.replace(annotation, keypoints=keypoints, visibility=visibility)


def _touches(annotation: Annotation, points: FloatArray) -> bool:
    known = annotation.keypoints[annotation.labelled]
    low, high = known.min(axis=0), known.max(axis=0)
    inside = ((points >= low) & (points <= high)).all(axis=1)
    return bool(inside.mean() > _TOUCHING)


def _person(points: FloatArray, good: NDArray[np.bool_]) -> Annotation:
    keypoints = np.where(good[:, None], points, np.nan).astype(np.float32)
    return Annotation(keypoints, np.where(good, 2, 0).astype(np.uint8), id="teacher")
