"""What a training tells: photos per second, and pictures of predictions."""

from __future__ import annotations

import time
from typing import Any

import cv2
import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from numpy.typing import NDArray

from heatpose.decoders import BodyDecoder
from heatpose.drawing import draw_people
from heatpose.results import People
from heatpose.training.inputs import network_input

UInt8 = NDArray[np.uint8]

_PEAK = 0.1  # of the decoder: what prediction takes for a keypoint


class Throughput(Callback):
    """Logs photos per second of every epoch, and the share of the time spent waiting for data."""

    def __init__(self) -> None:
        self._start = self._ended = self._waited = 0.0
        self._photos = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts the clock: a run that goes on within an epoch does not start that one."""
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts the clock."""
        self._start = self._ended = time.perf_counter()
        self._waited, self._photos = 0.0, 0

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """The batch is here: what passed since the last one ended was waiting."""
        self._waited += time.perf_counter() - self._ended

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Counts the photos."""
        self._photos += len(batch.images) * trainer.world_size
        self._ended = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Logs. A validation inside the epoch is not in it, as the last batch ended before."""
        passed = self._ended - self._start
        if self._photos and passed > 0:
            pl_module.log("train/photos_per_second", self._photos / passed, prog_bar=True)
            pl_module.log("train/waiting", self._waited / passed)


class Pictures(Callback):
    """Draws predictions on the first photos of every validation, for TensorBoard.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def on_validation_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Draws the first batch; the averaged weights are in the network by now."""
        logger = trainer.logger
        first = batch_idx == 0 and dataloader_idx == 0 and trainer.is_global_zero
        if not first or self.count < 1 or not isinstance(logger, TensorBoardLogger):
            return
        pictures = draw_predictions(pl_module, batch.images[: self.count])
        for i, picture in enumerate(pictures):
            logger.experiment.add_image(
                f"val/photo{i}", picture[..., ::-1].copy(), trainer.global_step, dataformats="HWC"
            )


@torch.no_grad()
def draw_predictions(module: Any, images: torch.Tensor) -> list[UInt8]:
    """People that a network finds in its own input, over the maxima of its heatmaps.

    Args:
        module: A training of heatpose.
        images: uint8 [N, H, W, 3] BGR.

    Returns:
        Pictures, uint8 [H, 2 W, 3] BGR: skeletons left, heatmaps right.
    """
    answer = module.network(network_input(images, module.spec))
    heatmaps, pafs = answer if isinstance(answer, tuple) else (answer, None)
    skeleton, photos = module.skeleton, images.cpu().numpy()
    maps = heatmaps.float().cpu().numpy()
    drawn = []
    for i, photo in enumerate(photos):
        size = (photo.shape[0], photo.shape[1])
        if pafs is not None:
            decoder = BodyDecoder(skeleton, threshold=_PEAK)
            people = decoder(
                maps[i], pafs[i].float().cpu().numpy(), size, stride=module.spec.stride
            )
        else:
            people = _maxima(maps[i], skeleton, size, module.spec.stride)
        shown = maps[i, : skeleton.num_keypoints].max(axis=0)
        drawn.append(np.hstack([draw_people(photo, people), _over(photo, shown)]))
    return drawn


def _maxima(maps: NDArray[Any], skeleton: Any, size: tuple[int, int], stride: int) -> People:
    count, _, width = maps.shape
    best = maps.reshape(count, -1).argmax(axis=1)
    keypoints = np.stack([best % width, best // width], axis=1).astype(np.float32) * stride
    scores = maps.reshape(count, -1).max(axis=1).clip(0, 1)
    score = scores.mean(keepdims=True).astype(np.float32)
    return People(keypoints[None], scores[None].astype(np.float32), score, skeleton, size)


def _over(photo: UInt8, heat: NDArray[Any]) -> UInt8:
    grey = (heat.clip(0, 1) * 255).astype(np.uint8)
    large = cv2.resize(grey, (photo.shape[1], photo.shape[0]), interpolation=cv2.INTER_LINEAR)
    coloured = cv2.applyColorMap(large, cv2.COLORMAP_INFERNO)
    return np.asarray(cv2.addWeighted(photo, 0.4, coloured, 0.8, 0), np.uint8)
