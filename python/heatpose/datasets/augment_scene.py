"""A photo and its people as arrays, and what moving the photo does to all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from heatpose import ops
from heatpose.datasets.samples import Sample
from heatpose.datasets.target_masks import box_corners
from heatpose.skeletons import Skeleton

Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Scene:
    """A photo, the people in it, and the regions that nobody annotated.

    Attributes:
        photo: uint8 [H, W, 3] BGR.
        keypoints: float64 [P, K, 2], (x, y) in pixels of the photo, NaN where not labelled. They
            may lie outside the photo.
        visibility: uint8 [P, K]: 0 not labelled, 1 labelled but hidden, 2 visible.
        regions: float64 [P, 4, 2], corners of a box around each person, turned with the photo; NaN
            where none is known.
        unlabelled: float64 [M, 4, 2], corners of boxes with people that nobody annotated.
    """

    photo: UInt8
    keypoints: Float64
    visibility: UInt8
    regions: Float64
    unlabelled: Float64

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Whether each keypoint has a place, bool [P, K]."""
        return self.visibility > 0

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the photo."""
        return self.photo.shape[0], self.photo.shape[1]


def scene_of(photo: UInt8, sample: Sample, keypoints: int) -> Scene:
    """The scene of a sample whose photo was read.

    A crowd is a region that nobody annotated; so is a person without any labelled keypoint.

    Args:
        photo: uint8 [H, W, 3] BGR, the file ``sample.path``.
        sample: Its annotations.
        keypoints: K of the dataset's skeleton, for photos without people.

    Raises:
        ValueError: an annotation has another number of keypoints.
    """
    people, unlabelled = [], [np.asarray(box, np.float64) for box in sample.unlabelled]
    for annotation in sample.annotations:
        if len(annotation.keypoints) != keypoints:
            raise ValueError(
                f"annotation {annotation.id} of {sample.path.name} has "
                f"{len(annotation.keypoints)} keypoints, the skeleton {keypoints}"
            )
        if not annotation.crowd and (annotation.visibility > 0).any():
            people.append(annotation)
        elif annotation.box is not None:
            unlabelled.append(np.asarray(annotation.box, np.float64))
    boxes = [np.full(4, np.nan) if one.box is None else one.box for one in people]
    visibility = np.array([one.visibility for one in people], np.uint8).reshape(-1, keypoints)
    points = np.array([one.keypoints for one in people], np.float64).reshape(-1, keypoints, 2)
    return Scene(
        photo,
        np.where(visibility[..., None] > 0, points, np.nan),
        visibility,
        box_corners(boxes),
        box_corners(unlabelled),
    )


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a network's input lies in a photo: one affine map for pixels, keypoints and regions.

    Attributes:
        photo_from_crop: float64 [2, 3], photo (x, y) from crop (x, y, 1), pixel centres on whole
            numbers.
        size: (h, w) of the crop.
        mirrored: Whether the crop shows the photo's mirror image.
    """

    photo_from_crop: Float64
    size: tuple[int, int]
    mirrored: bool

    @property
    def crop_from_photo(self) -> Float64:
        """The inverse map, float64 [2, 3]."""
        inverse = np.linalg.inv(self.photo_from_crop[:, :2])
        back = -inverse @ self.photo_from_crop[:, 2:]
        both: Float64 = np.concatenate([inverse, back], axis=1)
        return both


def apply_affine(matrix: Float64, points: Float64) -> Float64:
    """Points [..., 2] through a [2, 3] map."""
    moved: Float64 = points @ matrix[:, :2].T + matrix[:, 2]
    return moved


def move_photo(photo: UInt8, placement: Placement, border: float = 128) -> UInt8:
    """The crop of a photo, uint8 [h, w, 3] or, of a grey one, uint8 [h, w].

    Args:
        photo: uint8 [H, W, 3] or [H, W].
        placement: Where the crop lies.
        border: Grey level outside the photo.
    """
    planes = ops.warp_crops(
        photo,
        placement.photo_from_crop[None],
        placement.size,
        mean=-0.5,  # half a grey level up, so that cutting the fraction off rounds
        norm_scale=1.0,
        border_value=border,
    )[0]
    if photo.ndim == 2:
        grey: UInt8 = planes[0].astype(np.uint8)
        return grey
    return np.asarray(cv2.merge([plane.astype(np.uint8) for plane in planes]), np.uint8)


def move_scene(
    scene: Scene, placement: Placement, skeleton: Skeleton, *, border: float = 128
) -> Scene:
    """The scene as the crop shows it, all in its pixels; left and right swap if it is mirrored.

    Args:
        scene: In pixels of its photo.
        placement: Where the crop lies.
        skeleton: Whose ``flip`` says which keypoints swap.
        border: Grey level outside the photo.
    """
    matrix = placement.crop_from_photo
    order = list(skeleton.flip) if placement.mirrored else slice(None)
    return Scene(
        move_photo(scene.photo, placement, border),
        apply_affine(matrix, scene.keypoints[:, order]),
        scene.visibility[:, order],
        apply_affine(matrix, scene.regions),
        apply_affine(matrix, scene.unlabelled),
    )


def hide_keypoints(scene: Scene, cover: NDArray[np.bool_]) -> Scene:
    """The scene with the keypoints under ``cover`` [H, W] marked as hidden; they stay labelled."""
    under = cells_at(cover, scene.keypoints)
    visibility = np.where(under & (scene.visibility > 1), 1, scene.visibility).astype(np.uint8)
    return replace(scene, visibility=visibility)


def cells_at(mask: NDArray[np.bool_], points: Float64) -> NDArray[np.bool_]:
    """Values [...] of a mask [H, W] at the nearest pixels of points [..., 2]; False outside it."""
    height, width = mask.shape
    # Far outside and NaN alike become -1, so that they can be whole numbers.
    near = np.where(np.isfinite(points), points, -1)
    x, y = np.moveaxis(np.clip(np.floor(near + 0.5), -1, (width, height)).astype(np.int64), -1, 0)
    there = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    found: NDArray[np.bool_] = there & mask[np.where(there, y, 0), np.where(there, x, 0)]
    return found
