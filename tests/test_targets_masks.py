"""Where the loss may look: around people and keypoints that nobody labelled."""

from __future__ import annotations

import numpy as np
import pytest

from heatpose.datasets.targets import (
    TargetOptions,
    body_targets,
    heatmap_targets,
    loss_masks,
    paf_targets,
    person_regions,
)
from heatpose.skeletons import COCO18

SIZE = (20, 30)
LIMBS = ((0, 1), (1, 2))


def masks(points: np.ndarray, known: np.ndarray, **settings: object) -> tuple[np.ndarray, ...]:
    heatmaps = heatmap_targets(points, known, SIZE, 1.0, background=True)
    _, count = paf_targets(points, known, LIMBS, SIZE, 1.0)
    arguments = {"regions": person_regions(points, known), "background": True} | settings
    return loss_masks(heatmaps, count, known, LIMBS, **arguments)  # type: ignore[arg-type]


POSE = np.array([[[5.0, 5.0], [5.0, 10.0], [9.0, 12.0]]])


def test_everything_labelled_is_looked_at_everywhere() -> None:
    heatmap_mask, paf_mask = masks(POSE, np.ones((1, 3), bool))
    assert heatmap_mask.all() and paf_mask.all()
    assert heatmap_mask.shape == (4, *SIZE) and paf_mask.shape == (4, *SIZE)


def test_unlabelled_people_are_left_out_of_every_channel_but_not_labelled_ones_on_them() -> None:
    heatmap_mask, paf_mask = masks(POSE, np.ones((1, 3), bool), unlabelled=[[3, 3, 20, 15]])
    assert not heatmap_mask[:, 4, 18].any() and not paf_mask[:, 4, 18].any()
    assert heatmap_mask[:, 2, 18].all() and paf_mask[:, 4, 21].all()
    # On the labelled keypoint 0 its own channel and the background are known.
    assert heatmap_mask[[0, 3], 5, 5].all() and not heatmap_mask[1, 5, 5]
    assert paf_mask[:2, 7, 5].all() and not paf_mask[2:, 7, 5].any()


def test_a_missing_keypoint_frees_its_channels_around_its_person_only() -> None:
    points = np.concatenate([POSE, POSE + np.array([15, 0])])
    known = np.ones((2, 3), bool)
    known[0, 2] = False
    heatmap_mask, paf_mask = masks(points, known, regions=[[3, 3, 12, 15], [18, 3, 27, 15]])
    assert heatmap_mask[:2].all() and paf_mask[:2].all()
    assert not heatmap_mask[2, 3:16, 3:13].any() and not paf_mask[2:, 3:16, 3:13].any()
    assert heatmap_mask[2, :, 13:].all() and paf_mask[2:, :, 13:].all()
    # The background is known where keypoint 0 of the person is.
    assert heatmap_mask[3, 5, 5] and not heatmap_mask[3, 14, 11] and heatmap_mask[3, 14, 13]


def test_another_person_s_labelled_keypoint_in_the_region_is_still_looked_at() -> None:
    points = np.concatenate([POSE, POSE + np.array([2, 0])])
    known = np.ones((2, 3), bool)
    known[0, 2] = False
    heatmap_mask, paf_mask = masks(points, known, regions=[[3, 3, 14, 15], [3, 3, 14, 15]])
    assert heatmap_mask[2, 12, 11] and heatmap_mask[2, 12, 13] and not heatmap_mask[2, 4, 4]
    assert paf_mask[2:, 11, 9].all() and not paf_mask[2:, 4, 4].any()


def test_turned_regions_are_polygons() -> None:
    known = np.array([[True, True, False]])
    diamond = [[[10, 2], [18, 10], [10, 18], [2, 10]]]
    for corners in (diamond, np.array(diamond)[:, ::-1]):  # either way round
        heatmap_mask, _ = masks(POSE, known, regions=corners)
        assert not heatmap_mask[2, 10, 2:19].any() and not heatmap_mask[2, 2:19, 10].any()
        assert heatmap_mask[2, 4, 4] and heatmap_mask[2, 16, 16]


def test_regions_are_wide_boxes_of_the_labelled_keypoints_where_none_is_given() -> None:
    points = np.concatenate([POSE, POSE, POSE])
    known = np.array([[1, 1, 1], [1, 1, 0], [0, 0, 0]], bool)
    got = person_regions(points, known, margin=0.5)
    np.testing.assert_allclose(got[0].min(axis=0), [1.5, 1.5])
    np.testing.assert_allclose(got[0].max(axis=0), [12.5, 15.5])
    np.testing.assert_allclose(got[1].min(axis=0), [2.5, 2.5])
    assert np.isnan(got[2]).all()
    boxes = np.array([[0.0, 1, 2, 3], [np.nan] * 4, [4.0, 5, 6, 7]])
    given = person_regions(points, known, boxes, margin=0.5)
    np.testing.assert_allclose(given[0], [[0, 1], [2, 1], [2, 3], [0, 3]])
    np.testing.assert_allclose(given[1], got[1])
    np.testing.assert_allclose(given[2].max(axis=0), [6, 7])


def test_a_person_nowhere_masks_nothing() -> None:
    heatmap_mask, paf_mask = masks(POSE, np.zeros((1, 3), bool))
    assert heatmap_mask.all() and paf_mask.all()


def test_body_targets_mask_in_pixels_and_in_the_skeleton_s_channels() -> None:
    points = np.random.default_rng(0).uniform(40, 120, (1, 18, 2))
    known = np.ones((1, 18), bool)
    known[0, 4] = False  # right wrist: limb 3, channels 16 and 17
    got = body_targets(
        points, known, COCO18, (160, 240), TargetOptions(), regions=[[32, 32, 127, 127]]
    )
    unseen = {c for c in range(38) if not got.paf_mask[c].all()}
    assert unseen == {16, 17}
    assert {c for c in range(19) if not got.heatmap_mask[c].all()} == {4, 18}
    hidden = ~got.heatmap_mask[4]
    assert hidden[4:16, 4:16].all() and hidden.sum() == 12 * 12


def test_bad_shapes_are_named() -> None:
    known = np.ones((1, 3), bool)
    with pytest.raises(ValueError, match="regions must be those of 1 people, got 2"):
        masks(POSE, known, regions=np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"unlabelled must have shape \[M, 4\]"):
        masks(POSE, known, unlabelled=np.zeros((2, 5)))
    with pytest.raises(ValueError, match="heatmaps and count must fit 3 keypoints"):
        masks(POSE, known, background=False)
