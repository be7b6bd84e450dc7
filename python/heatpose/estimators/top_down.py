"""The top-down way: crops of one size, the network, the flip test, sub-pixel decoding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from heatpose import ops
from heatpose.decoders import KeypointDecoder
from heatpose.decoders.keypoint import CropKeypoints
from heatpose.decoders.queued import Queued
from heatpose.estimators.crops import CropPlaces, cut_crops, place_crops
from heatpose.estimators.pipeline import BoxKeypoints, BoxTask
from heatpose.estimators.runner import Runner
from heatpose.estimators.setup import Settings
from heatpose.networks import CropSpec


class TopDown:
    """Runs a top-down network on the crops of many photos at once.

    With the flip test the maps that the network returns are overwritten by the averages.

    Args:
        runner: The network, which has a ``crop_spec``.
        decoder: Decodes its maps.
        settings: How crops are made and their maps averaged.
        batch_size: Most crops in one run of the network.
    """

    def __init__(
        self,
        runner: Runner,
        decoder: KeypointDecoder,
        settings: Settings,
        *,
        batch_size: int,
    ) -> None:
        self.runner = runner
        self.decoder = decoder
        self.settings = settings
        self.batch_size = batch_size
        spec = runner.network.crop_spec
        assert isinstance(spec, CropSpec)
        self.spec = spec
        # The classic map brings cell 0 to the box's corner and not half a cell inside, so that a
        # mirrored map lies almost a cell off (``SHIFT_HEATMAP`` of Simple Baselines).
        self._shift_flipped = not (settings.udp or spec.pixel_areas)
        flip = np.array(decoder.skeleton.flip)
        self._channels = np.array(settings.channels or range(len(flip)))
        # Which map of the mirrored crop is that of each map: the skeleton's flip, in map order.
        flipped = np.empty_like(flip)
        flipped[self._channels] = self._channels[flip]
        self._flip = tuple(flipped.tolist())

    def __call__(self, tasks: Sequence[BoxTask]) -> list[BoxKeypoints]:
        """The keypoints of every box of every photo; crops of all photos share the runs."""
        places = [self._places(task) for task in tasks]
        box_scores = np.concatenate([[], *(task.boxes.scores for task in tasks)])
        queued: list[Queued[CropKeypoints]] = []
        first = 0
        for batch in self._batches([len(task.boxes) for task in tasks]):
            crops = self._crops(tasks, places, batch)
            back = np.concatenate([places[i].photo_from_cells[rows] for i, rows in batch])
            queued.append(
                self.decoder.queue(
                    self._maps(crops),
                    transform=back,
                    box_scores=box_scores[first : first + len(back)],
                )
            )
            first += len(back)
        # On a device all batches are queued before the first answer is waited for.
        return self._answers([one.result() for one in queued], places)

    def _places(self, task: BoxTask) -> CropPlaces:
        return place_crops(
            task.boxes.boxes,
            self.spec,
            self.spec.maps_size,
            padding=1.0 if task.boxes.padded else self.settings.padding,
            udp=self.settings.udp,
            mirrored=task.mirrored,
        )

    def _batches(self, counts: Sequence[int]) -> Iterator[list[tuple[int, slice]]]:
        """Runs of the network: which boxes of which photos are in each."""
        batch: list[tuple[int, slice]] = []
        free = self.batch_size
        for i, count in enumerate(counts):
            start = 0
            while start < count:
                taken = min(free, count - start)
                batch.append((i, slice(start, start + taken)))
                start, free = start + taken, free - taken
                if not free:
                    yield batch
                    batch, free = [], self.batch_size
        if batch:
            yield batch

    def _crops(
        self, tasks: Sequence[BoxTask], places: Sequence[CropPlaces], batch: list[tuple[int, slice]]
    ) -> Tensor:
        count = sum(rows.stop - rows.start for _, rows in batch)
        crops = self._empty((count, 3, self.spec.height, self.spec.width))
        first = 0
        for i, rows in batch:
            last = first + rows.stop - rows.start
            cut_crops(tasks[i].photo, places[i], rows, self.spec, crops[first:last])
            first = last
        return crops

    def _empty(self, shape: tuple[int, ...]) -> Tensor:
        """Room for crops, in float16 where the network takes that."""
        half = self.runner.dtype == torch.float16
        if self.runner.decodes_on_device:
            dtype = torch.float16 if half else torch.float32
            return torch.empty(shape, dtype=dtype, device=self.runner.device)
        # NumPy asks the system for large pages, PyTorch does not: a third of the time to fill it.
        return torch.from_numpy(np.empty(shape, np.float16 if half else np.float32))

    def _mirror(self, crops: Tensor) -> Tensor:
        if crops.device.type != "cpu":
            return crops.flip(-1)
        mirrored = self._empty(tuple(crops.shape))
        rows = (crops.numpy(), mirrored.numpy())
        # Three times as fast as PyTorch's; float16 is bits of 16 to OpenCV.
        bits = np.dtype(f"u{crops.element_size()}") if crops.element_size() == 2 else np.float32
        source, target = (part.reshape(-1, part.shape[-1]).view(bits) for part in rows)
        cv2.flip(source, 1, dst=target)
        return mirrored

    @torch.inference_mode()
    def _maps(self, crops: Tensor) -> Any:
        maps = self._run(crops)
        if not self.settings.flip_test:
            return maps
        return ops.average_flipped(
            maps, self._run(self._mirror(crops)), self._flip, shift=self._shift_flipped, out=maps
        )

    def _run(self, crops: Tensor) -> Any:
        batch = self.runner.to_network(crops)
        maps = self.runner.network(batch)
        wanted = (len(batch), self.decoder.skeleton.num_keypoints, *self.spec.maps_size)
        if tuple(maps.shape) != wanted:
            raise ValueError(
                f"{type(self.runner.network).__name__} must give maps of shape {wanted} for "
                f"{self.decoder.skeleton.name} and its crop_spec, got {tuple(maps.shape)}"
            )
        return self.runner.to_decoder(maps.contiguous())

    def _answers(
        self, found: list[CropKeypoints], places: Sequence[CropPlaces]
    ) -> list[BoxKeypoints]:
        count = self.decoder.skeleton.num_keypoints
        nothing = np.empty((0, count, 2), np.float32)
        empty = CropKeypoints(nothing, nothing[..., 0], nothing[:, 0, 0])
        keypoints, scores, box_scores = (
            np.concatenate(parts) for parts in zip(empty, *found, strict=True)
        )
        keypoints, scores = keypoints[:, self._channels], scores[:, self._channels]
        answers = []
        first = 0
        for place in places:
            rows = slice(first, first + len(place.boxes))
            answers.append(
                BoxKeypoints(
                    keypoints[rows], scores[rows], box_scores[rows], place.boxes.astype(np.float32)
                )
            )
            first = rows.stop
        return answers
