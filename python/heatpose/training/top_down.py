"""Training networks of crops: heatmaps of one person or hand."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from heatpose.networks import CropSpec
from heatpose.skeletons import Skeleton
from heatpose.training.crop_inputs import CropBatch
from heatpose.training.inputs import network_input
from heatpose.training.losses import keypoint_loss
from heatpose.training.optimising import configure
from heatpose.training.options import TrainingOptions
from heatpose.training.scores import found_keypoints


class TopDownTraining(LightningModule):
    """Weighted squared error over the keypoints.

    Logged: ``train/loss``, ``val/loss`` and ``val/pck``, the share of keypoints that
    ``heatpose.training.scores`` finds.

    Args:
        network: With a ``crop_spec``.
        options: The training's.
        skeleton: Of its heatmaps.
    """

    def __init__(self, network: nn.Module, options: TrainingOptions, skeleton: Skeleton) -> None:
        super().__init__()
        self.network = network
        self.options = options
        self.skeleton = skeleton
        self.spec: CropSpec = network.crop_spec  # type: ignore[assignment]
        self._found = self._labelled = 0

    def training_step(self, batch: CropBatch, batch_index: int) -> Tensor:
        """The loss of a batch."""
        found = self.network(network_input(batch.images, self.spec))
        loss = keypoint_loss(found, batch.heatmaps, batch.weights)
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.images))
        return loss

    def validation_step(self, batch: CropBatch, batch_index: int) -> None:
        """Adds to the loss and the score."""
        found = self.network(network_input(batch.images, self.spec)).float()
        loss = keypoint_loss(found, batch.heatmaps, batch.weights)
        self.log("val/loss", loss, batch_size=len(batch.images), sync_dist=True)
        maps, places = found.cpu().numpy(), batch.cells.cpu().numpy()
        for heatmaps, cells in zip(maps, places, strict=True):
            right, labelled = found_keypoints(
                heatmaps, cells[None], self.skeleton, stride=1, shift=0, whole=True
            )
            self._found, self._labelled = self._found + right, self._labelled + labelled

    def on_validation_epoch_end(self) -> None:
        """Logs the score."""
        counts = torch.tensor([self._found, self._labelled], device=self.device)
        gathered = self.all_gather(counts)
        assert isinstance(gathered, Tensor)
        found, labelled = gathered.view(-1, 2).sum(dim=0).tolist()
        self._found = self._labelled = 0
        self.log("val/pck", found / max(labelled, 1), prog_bar=True, rank_zero_only=False)

    def configure_optimizers(self) -> Any:
        """The optimiser and the schedule of the options."""
        return configure(self, self.network, self.options)
