"""The optimiser and schedule of a Lightning module."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LinearLR, LRScheduler, ReduceLROnPlateau

from heatpose.training.options import ScheduleOptions, TrainingOptions
from heatpose.training.schedule import make_optimiser, rate_factor


class FallingRate(Callback):
    """Lets the rate fall where the loss of the validation does not.

    Lightning can do so by itself, but after the epoch's checkpoint: a run that goes on from there
    would miss it.

    Args:
        options: A schedule of the kind "plateau".
    """

    def __init__(self, options: ScheduleOptions) -> None:
        self.options = options
        self._scheduler: ReduceLROnPlateau | None = None
        self._state: dict[str, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes hold of the optimiser."""
        self._scheduler = ReduceLROnPlateau(
            trainer.optimizers[0],
            factor=self.options.factor,
            patience=self.options.patience - 1,  # PyTorch counts those that it forgives
        )
        if self._state:
            self._scheduler.load_state_dict(self._state)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Looks at the loss."""
        if self._scheduler is not None:
            self._scheduler.step(float(trainer.callback_metrics["val/loss"]))

    def state_dict(self) -> dict[str, Any]:
        """What was seen, for checkpoints."""
        return {} if self._scheduler is None else self._scheduler.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from there, at the start of the training."""
        self._state = state_dict


def configure(module: LightningModule, network: nn.Module, options: TrainingOptions) -> Any:
    """What Lightning's ``configure_optimizers`` answers: a rate that changes with every step."""
    optimiser = make_optimiser(network, options.optimiser)
    return {
        "optimizer": optimiser,
        "lr_scheduler": {"scheduler": _scheduler(optimiser, module, options), "interval": "step"},
    }


def _scheduler(
    optimiser: Optimizer, module: LightningModule, options: TrainingOptions
) -> LRScheduler:
    schedule = options.schedule
    if schedule.kind == "plateau":
        # The warm-up alone, which multiplies what it finds: ``FallingRate`` does the rest.
        start = max(schedule.warmup_ratio, 1e-6) if schedule.warmup else 1.0
        return LinearLR(optimiser, start, total_iters=max(schedule.warmup, 1))
    # Lightning's own estimate would make the loader now, before it restores where it stood.
    data: Any = module.trainer.datamodule  # type: ignore[attr-defined]
    steps: int = data.batches_per_epoch

    def factor(step: int) -> float:
        return rate_factor(step, schedule, steps_per_epoch=steps)

    return LambdaLR(optimiser, factor)
