"""The optimiser and schedule of a Lightning module."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from heatpose.training.options import TrainingOptions
from heatpose.training.schedule import make_optimiser, rate_factor


def configure(module: LightningModule, network: nn.Module, options: TrainingOptions) -> Any:
    """What Lightning's ``configure_optimizers`` answers: a rate that changes with every step."""
    optimiser = make_optimiser(network, options.optimiser)
    # Lightning's own estimate would make the loader now, before it restores where it stood.
    data: Any = module.trainer.datamodule  # type: ignore[attr-defined]
    steps: int = data.batches_per_epoch

    def factor(step: int) -> float:
        return rate_factor(step, options.schedule, steps_per_epoch=steps)

    schedule = {"scheduler": LambdaLR(optimiser, factor), "interval": "step"}
    return {"optimizer": optimiser, "lr_scheduler": schedule}
