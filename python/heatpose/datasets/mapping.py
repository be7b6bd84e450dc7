"""Bringing the annotations of one skeleton to another, by the names of the keypoints."""

from __future__ import annotations

import dataclasses

import numpy as np

from heatpose.datasets.samples import Annotation, KeypointDataset
from heatpose.skeletons import Skeleton

# Keypoints that networks have and COCO does not annotate: the middle of two that it does.
_MIDDLES = {
    "neck": ("left_shoulder", "right_shoulder"),
    "mid_hip": ("left_hip", "right_hip"),
}


def as_skeleton(dataset: KeypointDataset, skeleton: Skeleton) -> KeypointDataset:
    """The same photos with the keypoints of another skeleton.

    Keypoints are matched by name. A neck or a middle of the hips that the dataset does not have
    lies between the shoulders or the hips where both are labelled, and is visible where both are.
    Others that it does not have are not labelled. Boxes, areas and ``extra`` stay.

    Args:
        dataset: For instance of ``COCO17``.
        skeleton: For instance ``COCO18``.

    Returns:
        A dataset of ``skeleton``. Annotations without a labelled keypoint of it become regions
        without labels.

    Raises:
        ValueError: the skeletons have no keypoint in common.
    """
    names = dataset.skeleton.keypoints
    copied = [(k, names.index(key)) for k, key in enumerate(skeleton.keypoints) if key in names]
    if not copied:
        raise ValueError(f"{dataset.skeleton.name} and {skeleton.name} have no keypoint in common")
    middles = [
        (k, names.index(_MIDDLES[key][0]), names.index(_MIDDLES[key][1]))
        for k, key in enumerate(skeleton.keypoints)
        if key not in names and key in _MIDDLES and set(_MIDDLES[key]) <= set(names)
    ]
    to, source = (list(column) for column in zip(*copied, strict=True))

    def convert(annotation: Annotation) -> Annotation:
        keypoints = np.full((skeleton.num_keypoints, 2), np.nan, np.float32)
        visibility = np.zeros(skeleton.num_keypoints, np.uint8)
        keypoints[to] = annotation.keypoints[source]
        visibility[to] = annotation.visibility[source]
        for k, a, b in middles:
            visibility[k] = min(annotation.visibility[[a, b]])
            if visibility[k]:
                keypoints[k] = annotation.keypoints[[a, b]].mean(axis=0)
        return dataclasses.replace(annotation, keypoints=keypoints, visibility=visibility)

    samples = []
    for sample in dataset.samples:
        converted = [convert(annotation) for annotation in sample.annotations]
        kept = tuple(annotation for annotation in converted if annotation.labelled.any())
        regions = tuple(
            annotation.box
            for annotation in converted
            if annotation.box is not None and not annotation.labelled.any()
        )
        samples.append(
            dataclasses.replace(sample, annotations=kept, unlabelled=(*sample.unlabelled, *regions))
        )
    return KeypointDataset(dataset.name, skeleton, samples, dataset.problems)
