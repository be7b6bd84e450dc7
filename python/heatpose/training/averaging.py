"""Averaged weights, and the last checkpoint of a run."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
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


class SaveAtEnd(Callback):
    """Writes the last checkpoint when all epochs are over.

    It comes before the averaging in the list of callbacks: that one puts the averaged weights in
    the place of the trained ones, from which a longer training could not go on.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves."""
        trainer.save_checkpoint(self.path)
