"""Targets of labels and of a teacher in one."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class WeightedTargets(NamedTuple):
    """What a two-branch network should answer, and how much that matters.

    Attributes:
        heatmaps: float32 [N, K + 1, h, w].
        pafs: float32 [N, 2L, h, w].
        heatmap_weights: float32 like ``heatmaps``.
        paf_weights: float32 like ``pafs``.
    """

    heatmaps: Tensor
    pafs: Tensor
    heatmap_weights: Tensor
    paf_weights: Tensor


def distilled_targets(
    labels: WeightedTargets,
    teacher: tuple[Tensor, Tensor],
    *,
    weight: float,
    labelled_weight: float = 0.0,
    background: bool = True,
) -> WeightedTargets:
    """Labels where there are some, and the teacher's maps elsewhere.

    The squared error towards two targets a and b of weights v and w is, but for a constant, that
    towards their weighted mean, of weight v + w: so one target serves both losses.

    Args:
        labels: Targets and masks of the labels.
        teacher: (heatmaps, pafs) of the same shapes.
        weight: Of cells without labels, where labelled ones have 1.
        labelled_weight: Of the teacher's maps where there are labels too.
        background: Whether the last heatmap is the background. It is made anew, 1 - the maximum of
            the others, as labels alone do not know it beside people without labels.

    Returns:
        New targets.
    """
    heatmaps, heatmap_weights = _mixed(
        labels.heatmaps, labels.heatmap_weights, teacher[0].clamp(0, 1), weight, labelled_weight
    )
    pafs, paf_weights = _mixed(
        labels.pafs, labels.paf_weights, teacher[1].clamp(-1, 1), weight, labelled_weight
    )
    if background:
        keypoints = heatmaps[:, :-1]
        rest = 1 - keypoints.amax(dim=1, keepdim=True)
        heatmaps = torch.cat([keypoints, rest], dim=1)
    return WeightedTargets(heatmaps, pafs, heatmap_weights, paf_weights)


def foreground_weights(targets: WeightedTargets, factor: float) -> WeightedTargets:
    """More weight for cells where something is: ``1 + factor * size of the target``.

    Most cells are empty; without it the first epochs learn little but that. The background's cells
    are weighted by what is not background. PAF cells by the longer of their two components.
    """
    if factor == 0:
        return targets
    heatmaps, pafs, heatmap_weights, paf_weights = targets
    size = heatmaps.clone()
    size[:, -1] = 1 - size[:, -1]
    n, channels, height, width = pafs.shape
    pairs = pafs.abs().view(n, channels // 2, 2, height, width)
    longer = pairs.amax(dim=2, keepdim=True).expand_as(pairs).reshape_as(pafs)
    return WeightedTargets(
        heatmaps,
        pafs,
        heatmap_weights * (1 + factor * size),
        paf_weights * (1 + factor * longer),
    )


def _mixed(
    labels: Tensor, known: Tensor, teacher: Tensor, weight: float, labelled_weight: float
) -> tuple[Tensor, Tensor]:
    share = weight * (1 - known) + labelled_weight * known
    total = known + share
    mixed = (labels * known + teacher * share) / total.clamp(min=1e-6)
    return torch.where(total > 0, mixed, labels), total
