"""What networks are trained to make small."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def two_branch_loss(
    stages: Sequence[tuple[Tensor, Tensor]],
    heatmaps: Tensor,
    pafs: Tensor,
    heatmap_weights: Tensor,
    paf_weights: Tensor,
    *,
    pafs_factor: float = 1.0,
) -> Tensor:
    """Weighted squared error over the stages of a two-branch network.

    Args:
        stages: (heatmaps, pafs) of each stage, [N, C, h, w].
        heatmaps: Target [N, K + 1, h, w].
        pafs: Target [N, 2L, h, w].
        heatmap_weights: Of every cell, like ``heatmaps``; 0 where the target is not known.
        paf_weights: Like ``pafs``.
        pafs_factor: Weight of the PAFs beside the heatmaps.

    Returns:
        Scalar float32: summed over the maps and the stages, mean over photos and cells.

    Source: Cao et al., "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields",
    2017, equation 5, but for the mean.
    """
    total = heatmaps.new_zeros((), dtype=torch.float32)
    for found_heatmaps, found_pafs in stages:
        total = total + _squared(found_heatmaps, heatmaps, heatmap_weights)
        total = total + pafs_factor * _squared(found_pafs, pafs, paf_weights)
    return total


def keypoint_loss(found: Tensor, heatmaps: Tensor, weights: Tensor) -> Tensor:
    """Weighted squared error of a top-down network.

    Args:
        found: [N, K, h, w].
        heatmaps: Target of the same shape.
        weights: [N, K], 0 for keypoints that are not labelled.

    Returns:
        Scalar float32: the mean over all photos, keypoints and cells, as mmpose's and EasyCV's
        JointsMSELoss have it (Microsoft's is half of it).
    """
    error = (found.float() - heatmaps).square().mean(dim=(2, 3))
    return (error * weights).mean()


def _squared(found: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    return ((found.float() - target).square() * weights).sum(dim=1).mean()
