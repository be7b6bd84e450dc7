"""Optimisers and learning rates of the options."""

from __future__ import annotations

import math

import torch
from torch import nn

from heatpose.training.options import OptimiserOptions, ScheduleOptions

_MOMENTUM = 0.9


def make_optimiser(network: nn.Module, options: OptimiserOptions) -> torch.optim.Optimizer:
    """The optimiser of a network's weights."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if options.name == "sgd":
        return torch.optim.SGD(groups, lr=options.rate, momentum=_MOMENTUM)
    if options.name == "adam":
        return torch.optim.Adam(groups, lr=options.rate)
    return torch.optim.AdamW(groups, lr=options.rate)


def rate_factor(step: int, options: ScheduleOptions, *, steps_per_epoch: int) -> float:
    """What the learning rate is multiplied by at an optimiser step.

    Args:
        step: 0 for the first step.
        options: The schedule.
        steps_per_epoch: Optimiser steps in an epoch.

    Returns:
        At most 1. "steps" drops at whole epochs; "cosine" falls from the end of the warm-up to the
        last step. "plateau" hangs on the validations and is not known here.
    """
    if step < options.warmup:
        risen = step / options.warmup
        return options.warmup_ratio + (1 - options.warmup_ratio) * risen
    if options.kind == "steps":
        passed = sum(step // max(steps_per_epoch, 1) >= epoch for epoch in options.steps)
        return float(options.factor**passed)
    if options.kind == "cosine":
        last = max(options.epochs * steps_per_epoch - 1 - options.warmup, 1)
        share = min((step - options.warmup) / last, 1.0)
        return options.end + (1 - options.end) * (1 + math.cos(math.pi * share)) / 2
    return 1.0
