"""A training from beginning to end, or from where it stopped."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import (
    EarlyStopping,
    LearningRateMonitor,
    ModelCheckpoint,
    TQDMProgressBar,
)
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from heatpose.files import write_atomically
from heatpose.training.averaging import AveragedWeights, LastCheckpoint
from heatpose.training.building import make_module, make_network, skeleton_of
from heatpose.training.data import TrainingData
from heatpose.training.loading import as_yaml
from heatpose.training.optimising import FallingRate
from heatpose.training.options import TrainingOptions
from heatpose.training.reports import Pictures, Throughput
from heatpose.training.weight_files import save_weights, weights_of

OPTIONS_FILE, LAST, BEST, WEIGHTS = "options.yaml", "last.ckpt", "best.ckpt", "model.safetensors"

_SCORE = "val/pck"


class TrainingResult(NamedTuple):
    """What a training leaves.

    Attributes:
        weights: The best weights (averaged ones, where weights are averaged), as safetensors.
        checkpoint: The checkpoint that they are from.
        scores: The last value of everything that was logged.
        leads: Whether this process is the first of a distributed run; there is one otherwise.
    """

    weights: Path
    checkpoint: Path
    scores: Mapping[str, float]
    leads: bool = True


def train(
    options: TrainingOptions,
    out: str | os.PathLike[str],
    *,
    resume: bool | str | os.PathLike[str] = False,
    callbacks: list[Callback] | None = None,
    max_steps: int = -1,
) -> TrainingResult:
    """Train a network.

    The folder gets ``options.yaml``, checkpoints ``last.ckpt`` and ``best.ckpt`` (by the share of
    keypoints found in the validation), TensorBoard's logs, and at the end ``model.safetensors``. A
    folder that holds another run's ``last.ckpt`` is refused.

    A run that was stopped at any step and is resumed goes on as if nothing had happened: the same
    samples in the same order with the same changes, bit for bit on the CPU with the same number of
    threads. Steps since the last checkpoint are done again.

    Args:
        options: Everything about it.
        out: A folder; made where it is missing.
        resume: Whether to go on from its ``last.ckpt``, or the checkpoint to go on from.
        callbacks: More of Lightning's callbacks.
        max_steps: Stop after so many optimiser steps; -1 for the epochs of the schedule.

    Returns:
        Where the weights are.

    Raises:
        FileNotFoundError: no such data, weights or checkpoint.
        ValueError: options that do not fit together or this machine, data that cannot be used, or a
            folder with a run that is not resumed.
    """
    folder = Path(out)
    machine = options.trainer
    options.check_validation()
    _precision(machine.precision)
    seed_everything(machine.seed, workers=True, verbose=False)
    if machine.threads is not None:
        torch.set_num_threads(machine.threads)
    start = _checkpoint(folder, resume)
    # The processes that Lightning starts would each say the same.
    speaks = machine.progress and getattr(rank_zero_only, "rank", 0) in (None, 0)
    network = make_network(options.network)
    module = make_module(network, options)
    data = TrainingData(options, network, skeleton_of(network), progress=speaks)
    folder.mkdir(parents=True, exist_ok=True)
    data.ask_teacher(folder, progress=speaks)
    write_atomically(folder / OPTIONS_FILE, as_yaml(options).encode())
    _say(data, speaks)
    best = _best(folder) if data.validation is not None else None
    trainer = _trainer(
        accelerator=machine.accelerator,
        devices=machine.devices,
        num_nodes=machine.nodes,
        strategy=machine.strategy,
        precision=_precision(machine.precision),
        max_epochs=options.schedule.epochs,
        max_steps=max_steps,
        gradient_clip_val=options.optimiser.clip,
        check_val_every_n_epoch=machine.validation_epochs,
        num_sanity_val_steps=0,
        limit_val_batches=None if data.validation is not None else 0,
        log_every_n_steps=max(min(machine.log_steps, len(data.loader())), 1),
        callbacks=[
            *_callbacks(options, data),
            *(callbacks or ()),
            # The last one knows of the best one, so it comes last.
            *([best] if best else ()),
            LastCheckpoint(folder / LAST, machine.checkpoint_steps),
        ],
        logger=TensorBoardLogger(folder, name="logs"),
        default_root_dir=folder,
        enable_progress_bar=machine.progress,
        enable_model_summary=False,
        # Our loader gives each process its own samples.
        use_distributed_sampler=False,
        # On the CPU all that runs here is deterministic; asking for it costs time.
        deterministic=machine.deterministic if torch.cuda.is_available() else None,
    )
    with warnings.catch_warnings():
        _ignore_known_warnings()
        trainer.fit(module, datamodule=data, ckpt_path=start, weights_only=True)
    return _finish(folder, best, trainer)


def _checkpoint(folder: Path, resume: bool | str | os.PathLike[str]) -> str | None:
    if resume is False:
        if (folder / LAST).exists():
            raise ValueError(
                f"{folder} holds the {LAST} of another run: resume it (--resume), or train into "
                "another folder (--out)"
            )
        return None
    path = folder / LAST if resume is True else Path(resume)
    if not path.is_file():
        raise FileNotFoundError(f"nothing to resume: {path} does not exist")
    return str(path)


def _trainer(**settings: Any) -> Trainer:
    try:
        return Trainer(**settings)
    except (MisconfigurationException, ValueError) as error:
        raise ValueError(f"trainer: {error}") from None


def _best(folder: Path) -> ModelCheckpoint:
    return ModelCheckpoint(
        folder,
        filename=BEST.removesuffix(".ckpt"),
        monitor=_SCORE,
        mode="max",
        enable_version_counter=False,
    )


def _callbacks(options: TrainingOptions, data: TrainingData) -> list[Callback]:
    machine = options.trainer
    callbacks: list[Callback] = [Throughput(), LearningRateMonitor("step")]
    if machine.progress:
        callbacks.append(TQDMProgressBar(refresh_rate=10))
    if machine.ema is not None:
        callbacks.append(AveragedWeights(machine.ema))
    if options.schedule.kind == "plateau":
        callbacks.append(FallingRate(options.schedule))
    if data.validation is not None:
        callbacks.append(Pictures(machine.pictures))
        if machine.patience is not None:
            callbacks.append(EarlyStopping(_SCORE, mode="max", patience=machine.patience))
    return callbacks


def _precision(name: str) -> Any:
    known: tuple[Literal["32-true", "bf16-mixed", "16-mixed", "64-true"], ...]
    known = ("32-true", "bf16-mixed", "16-mixed", "64-true")
    if name not in known:
        raise ValueError(f"trainer.precision must be one of {', '.join(known)}, got {name!r}")
    return name


def _say(data: TrainingData, progress: bool) -> None:
    if progress:
        for dataset in (data.train, data.validation):
            if dataset is not None:
                print(dataset.summary())


def _ignore_known_warnings() -> None:
    """Advice of Lightning that does not apply here."""
    for text in (
        ".*does not have many workers.*",
        ".*exists and is not empty.*",
        ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated.*",
    ):
        warnings.filterwarnings("ignore", text)


def _finish(folder: Path, best: ModelCheckpoint | None, trainer: Trainer) -> TrainingResult:
    """The weights beside the checkpoints."""
    trainer.strategy.barrier()
    found = Path(best.best_model_path) if best is not None and best.best_model_path else None
    checkpoint = found if found is not None and found.is_file() else folder / LAST
    if trainer.is_global_zero:
        save_weights(weights_of(checkpoint), folder / WEIGHTS)
    scores = {key: float(value) for key, value in trainer.callback_metrics.items()}
    return TrainingResult(folder / WEIGHTS, checkpoint, scores, trainer.is_global_zero)


def with_epochs(options: TrainingOptions, epochs: int) -> TrainingOptions:
    """The options with another number of epochs; the steps of the schedule keep their share."""
    schedule = options.schedule
    steps = tuple(round(step * epochs / schedule.epochs) for step in schedule.steps)
    schedule = dataclasses.replace(schedule, epochs=epochs, steps=steps)
    return dataclasses.replace(options, schedule=schedule)
