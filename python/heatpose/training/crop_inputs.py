"""What a top-down network is trained on: crops of people or hands, their heatmaps and weights."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from heatpose.datasets import Annotation, KeypointDataset
from heatpose.datasets.augment import BoxAugmentation, Scene, augment_box
from heatpose.datasets.targets import cells_from_crop, heatmap_targets, keypoint_weights
from heatpose.networks import CropSpec
from heatpose.results import Side
from heatpose.training.loader import Draw
from heatpose.training.options import TargetsOptions
from heatpose.training.scenes import SceneReader


class CropInput(NamedTuple):
    """One input of a top-down network.

    Attributes:
        image: uint8 [H, W, 3] BGR.
        heatmaps: float32 [K, h, w].
        weights: float32 [K], 0 where a keypoint is not labelled or not on the crop.
        cells: float32 [K, 2], (x, y) of the keypoints in cells, NaN where not labelled.
    """

    image: NDArray[np.uint8]
    heatmaps: NDArray[np.float32]
    weights: NDArray[np.float32]
    cells: NDArray[np.float32]


class CropBatch(NamedTuple):
    """A batch of them, [N, ...]."""

    images: Tensor
    heatmaps: Tensor
    weights: Tensor
    cells: Tensor


class CropInputs:
    """Reads, crops, changes and draws: samples for an ``EpochLoader``, one a person or hand.

    Args:
        dataset: Photos.
        spec: Size and stride of the network's crops.
        targets: How heatmaps are drawn.
        augmentation: What may happen, and how wide a box is cut.
        training: Whether anything random happens.
        seed: Of all random numbers.
        right_hands_only: Whether crops of left hands are mirrored, and no others.
        on_problem: What to do with a photo that cannot be read any more.

    Raises:
        ValueError: the dataset has no person or hand with a keypoint.
    """

    def __init__(
        self,
        dataset: KeypointDataset,
        spec: CropSpec,
        targets: TargetsOptions,
        augmentation: BoxAugmentation,
        *,
        training: bool,
        seed: int = 0,
        right_hands_only: bool = False,
        on_problem: str = "skip",
    ) -> None:
        self.skeleton, self.spec, self.targets, self.seed = dataset.skeleton, spec, targets, seed
        udp = targets.grid == "udp"
        place = dataclasses.replace(augmentation.place, size=(spec.height, spec.width), udp=udp)
        self.augmentation = dataclasses.replace(augmentation, place=place)
        self.training, self.right_hands_only = training, right_hands_only
        self._read = SceneReader(dataset, on_problem)
        self._boxes = [
            (index, person, _box(annotation), annotation.side)
            for index, sample in enumerate(dataset)
            for person, annotation in enumerate(_people(sample.annotations))
        ]
        if not self._boxes:
            raise ValueError(f"{dataset.name} has no annotation with keypoints")

    def __len__(self) -> int:
        return len(self._boxes)

    def __getitem__(self, draw: Draw) -> CropInput:
        rng = draw.generator(self.seed) if self.training else None
        scene, person, box, side = self._read_box(draw.row)
        scene, _ = augment_box(
            scene,
            person,
            self.skeleton,
            self.augmentation,
            rng,
            box=box,
            mirrored=side == "left" if self.right_hands_only else None,
        )
        size, labelled = self.spec.maps_size, scene.labelled
        cells = cells_from_crop(
            scene.keypoints, (self.spec.height, self.spec.width), size, grid=self.targets.grid
        )
        sigma = self.targets.sigma
        heatmaps = heatmap_targets(
            cells, labelled, size, sigma, self.targets.unbiased, floor=self.targets.floor
        )
        weights = keypoint_weights(cells, labelled, size, sigma)[0]
        return CropInput(scene.photo, heatmaps, weights, cells[0].astype(np.float32))

    def _read_box(self, row: int) -> tuple[Scene, int, NDArray[np.float64], Side | None]:
        """A box with its photo; where that cannot be read any more, the next box that has one."""
        count = len(self._boxes)
        place, scene = self._read.first(
            self._boxes[(row + step) % count][0] for step in range(count)
        )
        return scene, *self._boxes[(row + place) % count][1:]


def _people(annotations: tuple[Annotation, ...]) -> list[Annotation]:
    """Those that ``scene_of`` gives rows to, in its order."""
    return [one for one in annotations if not one.crowd and one.labelled.any()]


def _box(annotation: Annotation) -> NDArray[np.float64]:
    """The box of a person or hand; that of its keypoints where none with an area is given."""
    points = annotation.keypoints[annotation.labelled]
    around = np.concatenate([points.min(axis=0), points.max(axis=0)])
    for box in (annotation.box, around):
        if box is not None and np.isfinite(box).all() and (box[2:] > box[:2]).all():
            return np.asarray(box, np.float64)
    middle = (around[:2] + around[2:]) / 2
    return np.concatenate([middle - 1, middle + 1]).astype(np.float64)


def collate_crops(inputs: list[CropInput]) -> CropBatch:
    """A batch of inputs, images as [N, H, W, 3] bytes: the device makes numbers of them."""
    columns = zip(*inputs, strict=True)
    return CropBatch(*(torch.from_numpy(np.stack(column)) for column in columns))
