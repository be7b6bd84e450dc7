"""What a network of whole photos is trained on: changed photos, their maps and masks."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from heatpose.datasets import KeypointDataset
from heatpose.datasets.augment import PhotoAugmentation, Scene, augment_photo, fit_photo
from heatpose.datasets.targets import (
    TargetOptions,
    body_targets,
    cells_from_crop,
    person_regions,
)
from heatpose.training.loader import Draw
from heatpose.training.scenes import SceneReader

Maps = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]

_SUBCELLS = 4  # bits of a cell that OpenCV's polygons are drawn with


class PhotoInput(NamedTuple):
    """One input of a two-branch network.

    Attributes:
        image: uint8 [H, W, 3] BGR.
        heatmaps: float32 [K + 1, h, w].
        pafs: float32 [2L, h, w].
        heatmap_weights: float32 like ``heatmaps``, 0 where nothing is known.
        paf_weights: float32 like ``pafs``.
        keypoints: float32 [P, K, 2], (x, y) in pixels of the image, NaN where not labelled.
    """

    image: NDArray[np.uint8]
    heatmaps: NDArray[np.float32]
    pafs: NDArray[np.float32]
    heatmap_weights: NDArray[np.float32]
    paf_weights: NDArray[np.float32]
    keypoints: NDArray[np.float32]


class PhotoBatch(NamedTuple):
    """A batch of them; [N, ...] tensors but for the keypoints, which differ in number."""

    images: Tensor
    heatmaps: Tensor
    pafs: Tensor
    heatmap_weights: Tensor
    paf_weights: Tensor
    keypoints: list[Tensor]


class PhotoInputs:
    """Reads, changes and draws: samples for an ``EpochLoader``.

    Args:
        dataset: Photos of a skeleton with PAF channels.
        size: (height, width) of the input in pixels.
        targets: How maps are drawn.
        augmentation: What may happen; None for the whole photo as it is, fitted into the size.
        seed: Of all random numbers.
        elsewhere: Weight of the cells outside the regions of annotated people: 1 where everybody is
            annotated, 0 where nobody knows.
        donors: Other photos that are read where people are pasted.
        on_problem: What to do with a photo that cannot be read any more.
    """

    def __init__(
        self,
        dataset: KeypointDataset,
        size: tuple[int, int],
        targets: TargetOptions,
        augmentation: PhotoAugmentation | None = None,
        *,
        seed: int = 0,
        elsewhere: float = 1.0,
        donors: int = 3,
        on_problem: str = "skip",
    ) -> None:
        self.skeleton, self.size, self.targets = dataset.skeleton, size, targets
        if augmentation is not None:
            place = dataclasses.replace(augmentation.place, size=size)
            augmentation = dataclasses.replace(augmentation, place=place)
        self.augmentation, self.seed = augmentation, seed
        self.elsewhere = elsewhere
        self.donors = min(donors, len(dataset) - 1)
        self._read = SceneReader(dataset, on_problem)

    def __len__(self) -> int:
        return len(self._read)

    def __getitem__(self, draw: Draw) -> PhotoInput:
        rng = draw.generator(self.seed)
        scene = self._read(draw.row)
        if self.augmentation is None:
            scene = fit_photo(scene, self.skeleton, self.size)
        else:
            rows = self._donors(draw.row, self.augmentation.paste.probability, rng)
            paste = dataclasses.replace(self.augmentation.paste, probability=float(bool(rows)))
            options = dataclasses.replace(self.augmentation, paste=paste)
            donors = [self._read(row) for row in rows]
            scene = augment_photo(scene, self.skeleton, options, rng, donors=donors)
        return PhotoInput(scene.photo, *self._draw(scene), scene.keypoints.astype(np.float32))

    def _donors(self, index: int, probability: float, rng: np.random.Generator) -> list[int]:
        """Other photos to take people from; reading is what pasting costs, so only where it is."""
        if self.donors < 1 or rng.random() >= probability:
            return []
        others = rng.choice(len(self) - 1, self.donors, replace=False)
        return [int(row) + int(row >= index) for row in others]

    def _draw(self, scene: Scene) -> Maps:
        """Heatmaps, PAFs, and the weights of both."""
        regions = person_regions(
            scene.keypoints,
            scene.labelled,
            # A box tight around the keypoints of one person (LSP) says nothing about missing ones.
            scene.regions if self.elsewhere == 1 and len(scene.regions) else None,
            margin=self.targets.margin,
        )
        drawn = body_targets(
            scene.keypoints,
            scene.labelled,
            self.skeleton,
            self.size,
            self.targets,
            regions=regions if len(regions) else None,
            unlabelled=scene.unlabelled,
        )
        weights = np.float32(1)
        if self.elsewhere != 1:
            inside = _inside(regions, self.size, drawn.heatmaps.shape[1:])
            weights = np.where(inside, np.float32(1), np.float32(self.elsewhere))
        heatmap_weights, paf_weights = (
            (mask * weights).astype(np.float32) for mask in (drawn.heatmap_mask, drawn.paf_mask)
        )
        return drawn.heatmaps, drawn.pafs, heatmap_weights, paf_weights


def _inside(
    regions: NDArray[np.float64], size: tuple[int, int], cells: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Cells [h, w] in the regions of people."""
    inside = np.zeros(cells, np.uint8)
    for corners in cells_from_crop(regions, size, cells):
        if np.isfinite(corners).all():
            points = np.round(corners * 2**_SUBCELLS).astype(np.int32)
            cv2.fillConvexPoly(inside, points, 1, shift=_SUBCELLS)
    return inside.astype(bool)


def collate_photos(inputs: list[PhotoInput]) -> PhotoBatch:
    """A batch of inputs, images as [N, H, W, 3] bytes: the device makes numbers of them."""
    *stacks, keypoints = zip(*inputs, strict=True)
    images, heatmaps, pafs, heatmap_weights, paf_weights = (
        torch.from_numpy(np.stack(stack)) for stack in stacks
    )
    points = [torch.from_numpy(one) for one in keypoints]
    return PhotoBatch(images, heatmaps, pafs, heatmap_weights, paf_weights, points)
