"""A teacher's maps, moved with the photo, are those of the moved people."""

from __future__ import annotations

import numpy as np
import pytest

import heatpose as hp
from augment_scenes import walker
from heatpose.datasets.augment import PhotoPlaces, Placement, Spread, move_maps, move_scene
from heatpose.datasets.augment import photo_placement as place
from heatpose.datasets.augment_maps import mirrored_limbs
from heatpose.datasets.targets import TargetOptions, body_targets
from heatpose.skeletons import AIC14, BODY25, COCO18, Skeleton

WIDE = TargetOptions(sigma=1.5, width=1.5)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("skeleton", [COCO18, AIC14], ids=lambda s: s.name)
def test_moved_maps_are_the_targets_of_the_moved_people(skeleton: Skeleton, mirrored: bool) -> None:
    scene = walker(skeleton, size=(240, 320), people=2)
    before = body_targets(scene.keypoints, scene.labelled, skeleton, scene.size, WIDE)
    options = PhotoPlaces((240, 320), None, (1.0, 1.0), Spread(40.0), Spread(30.0))
    rng = np.random.default_rng(4)
    placement = place(scene, options, rng, mirrored=mirrored)
    moved = move_scene(scene, placement, skeleton)
    want = body_targets(moved.keypoints, moved.labelled, skeleton, moved.size, WIDE)
    heatmaps, pafs = move_maps(
        before.heatmaps, before.pafs, placement, skeleton, photo=scene.size, cells=(30, 40)
    )
    matrix = placement.photo_from_crop
    # A map ends with its photo; the interpolation fades into its border.
    y, x = np.mgrid[:30, :40] * 8 + 3.5
    photo = np.stack([x, y], -1) @ matrix[:, :2].T + matrix[:, 2]
    inside = ((photo >= 8) & (photo < np.array([312, 232]))).all(-1)
    assert np.abs(heatmaps - want.heatmaps)[:, inside].max() < 0.2
    assert np.abs(pafs - want.pafs)[:, inside].mean() < 0.02
    strong = np.hypot(want.pafs[0::2], want.pafs[1::2]) > 0.9
    dots = pafs[0::2] * want.pafs[0::2] + pafs[1::2] * want.pafs[1::2]
    assert np.median(dots[strong & inside]) > 0.9
    assert dots[strong & inside].min() > -0.5
    assert (heatmaps[-1, ~inside] > 0.4).mean() > 0.9


def test_the_same_place_gives_the_same_maps_and_people() -> None:
    scene = walker(COCO18, size=(240, 320), people=2)
    before = body_targets(scene.keypoints, scene.labelled, COCO18, scene.size)
    same = Placement(np.eye(2, 3), (240, 320), False)
    heatmaps, pafs = move_maps(
        before.heatmaps, before.pafs, same, COCO18, photo=(240, 320), cells=(30, 40)
    )
    np.testing.assert_allclose(heatmaps, before.heatmaps, atol=1e-6)
    np.testing.assert_allclose(pafs, before.pafs, atol=1e-6)
    assert len(hp.BodyDecoder(COCO18)(heatmaps, pafs, canvas=(240, 320))) == 2


@pytest.mark.parametrize("skeleton", [COCO18, BODY25, AIC14], ids=lambda s: s.name)
def test_every_limb_has_a_mirror_image(skeleton: Skeleton) -> None:
    rows, signs = mirrored_limbs(skeleton)
    assert sorted(rows) == list(range(len(skeleton.limbs)))
    assert (rows[rows] == np.arange(len(rows))).all() and set(signs) == {1.0}


def test_maps_of_another_skeleton_are_refused() -> None:
    place_ = Placement(np.eye(2, 3), (80, 80), False)
    with pytest.raises(ValueError, match="maps of coco18 must have 18 or 19 heatmaps and 38 pafs"):
        move_maps(
            np.zeros((15, 10, 10), np.float32), np.zeros((30, 10, 10), np.float32), place_, COCO18,
            photo=(80, 80), cells=(10, 10),
        )  # fmt: skip
    with pytest.raises(ValueError, match="share a size"):
        move_maps(
            np.zeros((18, 10, 10), np.float32), np.zeros((38, 9, 10), np.float32), place_, COCO18,
            photo=(80, 80), cells=(10, 10),
        )  # fmt: skip
