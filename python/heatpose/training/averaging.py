"""Averaged weights, and the last checkpoint of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, WeightAveraging
from torch import Tensor


class AveragedWeights(WeightAveraging):
    """An exponential moving average of weights and norms' statistics.

    It is validated and kept as the result. Lightning's own ``EMAWeightAveraging`` holds the random
    weights of the first step for ``1 / (1 - decay)`` steps; here the decay after n steps is
    ``(1 + n) / (10 + n)`` as long as that is less.

    Args:
        decay: Of the average, after the first steps.
    """

    def __init__(self, decay: float) -> None:
        def average(averaged: Tensor, current: Tensor, steps: Tensor | int) -> Tensor:
            now = min(decay, (1 + int(steps)) / (10 + int(steps)))
            if averaged.is_floating_point():
                return averaged.lerp(current, 1 - now)
            return current  # counters

        super().__init__(avg_fn=average)


class LastCheckpoint(Checkpoint):
    """Keeps the last checkpoint of a run, from which it can go on.

    One is written after every so many steps, and after every epoch with its validation. The step
    before a validation gets none: who went on from there would never see what it says.

    Args:
        path: The file.
        steps: Steps between two checkpoints of an epoch.
    """

    def __init__(self, path: Path, steps: int) -> None:
        self.path, self.steps = path, steps

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Saves, every so often."""
        if trainer.global_step % self.steps == 0 and not trainer.is_last_batch:
            trainer.save_checkpoint(self.path)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves."""
        trainer.save_checkpoint(self.path)
