"""Training networks of whole photos: heatmaps and part affinity fields."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from heatpose.networks import InputSpec
from heatpose.skeletons import Skeleton
from heatpose.training.distillation import (
    WeightedTargets,
    distilled_targets,
    foreground_weights,
)
from heatpose.training.inputs import network_input, stages_of
from heatpose.training.losses import two_branch_loss
from heatpose.training.optimising import configure
from heatpose.training.options import TrainingOptions
from heatpose.training.photo_inputs import PhotoBatch
from heatpose.training.scores import found_keypoints


class TwoBranchTraining(LightningModule):
    """Masked squared error over all stages, with a teacher where nobody labelled.

    Logged: ``train/loss``, ``val/loss`` and ``val/pck``, the share of keypoints that
    ``heatpose.training.scores`` finds.

    Args:
        network: With an ``input_spec`` and a skeleton with PAFs.
        options: The training's.
        teacher: A network of the same skeleton, whose weights stay. It is no part of checkpoints.
    """

    def __init__(
        self, network: nn.Module, options: TrainingOptions, teacher: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self.options = options
        self.spec: InputSpec = network.input_spec  # type: ignore[assignment]
        self.skeleton: Skeleton = network.skeleton  # type: ignore[assignment]
        if teacher is not None:
            facts: Any = teacher.requires_grad_(False).eval()
            if facts.skeleton.name != self.skeleton.name:
                raise ValueError(
                    f"the teacher's skeleton must be {self.skeleton.name}, that of the network, "
                    f"got {facts.skeleton.name}"
                )
            if facts.input_spec.stride != self.spec.stride:
                raise ValueError(f"the teacher's stride must be {self.spec.stride}")
        # In a list it is no module of this one: not trained, averaged or saved.
        self._teacher: list[Any] = [] if teacher is None else [teacher]
        self._found = self._labelled = 0

    def training_step(self, batch: PhotoBatch, batch_index: int) -> Tensor:
        """The loss of a batch."""
        loss = self._loss(batch, stages_of(self.network, network_input(batch.images, self.spec)))
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.images))
        return loss

    def validation_step(self, batch: PhotoBatch, batch_index: int) -> None:
        """Adds to the loss and the score."""
        stages = stages_of(self.network, network_input(batch.images, self.spec))
        size = len(batch.images)
        self.log("val/loss", self._loss(batch, stages), batch_size=size, sync_dist=True)
        heatmaps = stages[-1][0].float().cpu().numpy()
        for maps, keypoints in zip(heatmaps, batch.keypoints, strict=True):
            found, labelled = found_keypoints(
                maps, keypoints.cpu().numpy(), self.skeleton, stride=self.spec.stride
            )
            self._found, self._labelled = self._found + found, self._labelled + labelled

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

    @torch.no_grad()
    def targets(self, batch: PhotoBatch) -> WeightedTargets:
        """What the network should answer to a batch, and the weights of that."""
        targets = WeightedTargets(
            batch.heatmaps, batch.pafs, batch.heatmap_weights, batch.paf_weights
        )
        if self._teacher:
            options = self.options.teacher
            targets = distilled_targets(
                targets,
                self._ask_teacher(batch.images),
                weight=options.weight,
                labelled_weight=options.labelled_weight,
                background=self.skeleton.has_background,
            )
        return foreground_weights(targets, self.options.loss.foreground)

    def _loss(self, batch: PhotoBatch, stages: list[tuple[Tensor, Tensor]]) -> Tensor:
        return two_branch_loss(stages, *self.targets(batch), pafs_factor=self.options.loss.pafs)

    def _ask_teacher(self, images: Tensor) -> tuple[Tensor, Tensor]:
        teacher = self._teacher[0].to(images.device)
        half = self.options.teacher.bfloat16
        with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
            heatmaps, pafs = teacher(network_input(images, teacher.input_spec))
        return heatmaps.float(), pafs.float()
