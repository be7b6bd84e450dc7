"""Whole-body estimation: boxes of people become 133 keypoints each."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, overload

import torch
from torch import nn

from heatpose.decoders import KeypointDecoder
from heatpose.detectors import Detector
from heatpose.estimators.images import at_least_one, estimate_each
from heatpose.estimators.people_in_boxes import PeopleInBoxes
from heatpose.estimators.photo import Photo
from heatpose.estimators.pipeline import BoxKeypoints
from heatpose.estimators.setup import Settings, pick_network, pick_runner
from heatpose.networks import CropSpec
from heatpose.results import People
from heatpose.skeletons import WHOLEBODY133, Skeleton


class WholeBodyEstimator:
    """Find body, feet, face and hands of every person in a photo: 133 keypoints.

    A box of each person, from a detector or from the caller, is widened, cut out and resized for
    the network (384x288 for the published ones); its maps, averaged with those of the mirrored
    crop, are decoded below a cell and mapped back to the photo. Crops of many photos share the runs
    of the network. Nothing is kept between calls, so many threads may share one estimator.

    ``people.part("face")`` and its like are views of one part.

    Args:
        model: The name of a checkpoint (``heatpose models list --task wholebody``), which is
            downloaded when first used. Or, with ``weights``, the name of a network, or ``"auto"``.
            Or any ``nn.Module`` with a ``crop_spec`` that maps crops [N, 3, h, w] to heatmaps
            [N, 133, h / stride, w / stride].
        weights: Weight file to load; see ``heatpose.weights.convert.read_checkpoint``.
        detector: Finds the boxes of people where the caller gives none; see
            ``heatpose.detectors``. ``None`` takes the whole photo as one box.
        device: As of :class:`BodyEstimator`.
        dtype: As of :class:`BodyEstimator`.
        padding: Factor on the boxes. ``None`` takes the checkpoint's, else the
            network's (``CropSpec.padding``).
        flip_test: Whether maps are averaged with those of the mirrored crop. ``None`` takes the
            checkpoint's, else True.
        udp: Whether crops and cells are mapped as UDP does. ``None`` takes the checkpoint's, else
            False.
        batch_size: Most crops in one run of the network, and most photos in memory.
        decoder: The decoder. ``None`` makes ``KeypointDecoder(skeleton, **decoder_options)``, with
            the checkpoint's method, else DARK; ``method="quarter"`` is the quarter shift.
        skeleton: Another one than COCO-WholeBody's.
        **decoder_options: Settings of ``KeypointDecoder``.

    Raises:
        TypeError: model is neither a name nor a module with a ``crop_spec``; an unknown setting.
        ValueError: as of :class:`BodyEstimator`.
        FileNotFoundError: no such weight file.
        heatpose.weights.LicenceNotAccepted: the checkpoint is not free to use for everything.
        heatpose.weights.DownloadError: the checkpoint cannot be fetched.

    Sources: Jin et al., "Whole-Body Human Pose Estimation in the Wild", 2020; Zhang et al.,
    "Distribution-Aware Coordinate Representation for Human Pose Estimation", 2020 (DARK).
    """

    def __init__(
        self,
        model: nn.Module | str = "auto",
        *,
        weights: str | os.PathLike[str] | None = None,
        detector: Detector | None = None,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype | None = None,
        padding: float | None = None,
        flip_test: bool | None = None,
        udp: bool | None = None,
        batch_size: int = 32,
        decoder: KeypointDecoder | None = None,
        skeleton: Skeleton = WHOLEBODY133,
        **decoder_options: Any,
    ) -> None:
        if decoder is not None and decoder_options:
            raise ValueError(f"give a decoder or its settings, got both: {sorted(decoder_options)}")
        self.batch_size = at_least_one("batch_size", batch_size)
        asked = Settings.asked(padding=padding, flip_test=flip_test, udp=udp)
        picked = pick_network(model, weights, task="wholebody", spec=CropSpec)
        skeleton = picked.skeleton(skeleton)
        picked.check_decoder(decoder, KeypointDecoder)
        options = {**picked.decoder_options(), **decoder_options}
        self.decoder = decoder or KeypointDecoder(skeleton, **options)
        self._runner = pick_runner(picked, device, dtype)
        self.network = self._runner.network
        self.device, self.dtype = self._runner.device, self._runner.dtype
        self.decodes_on_device = self._runner.decodes_on_device
        self._in_boxes = PeopleInBoxes(
            self._runner, self.decoder, detector, picked.settings(asked), self.batch_size
        )

    @property
    def skeleton(self) -> Skeleton:
        """Names and limbs of the keypoints that people have."""
        return self.decoder.skeleton

    @overload
    def __call__(self, images: Photo, *, boxes: Any = None) -> People: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(self, images: Iterable[Photo], *, boxes: Any = None) -> list[People]: ...

    def __call__(
        self, images: Photo | Iterable[Photo], *, boxes: Any = None
    ) -> People | list[People]:
        """Find everyone in one photo or in many; see :meth:`BodyEstimator.__call__`."""
        found: People | list[People] = estimate_each(images, boxes, self.batch_size, self._in_boxes)
        return found

    @overload
    def in_order(self, images: Photo, *, boxes: Any = None) -> BoxKeypoints: ...  # type: ignore[overload-overlap]

    @overload
    def in_order(self, images: Iterable[Photo], *, boxes: Any = None) -> list[BoxKeypoints]: ...

    def in_order(
        self, images: Photo | Iterable[Photo], *, boxes: Any = None
    ) -> BoxKeypoints | list[BoxKeypoints]:
        """The same keypoints as plain arrays in the order of the boxes, for who keeps books."""
        found: BoxKeypoints | list[BoxKeypoints] = estimate_each(
            images, boxes, self.batch_size, self._in_boxes.in_order
        )
        return found

    def __repr__(self) -> str:
        return f"WholeBodyEstimator({self._runner.describe()}, {self._in_boxes.describe()})"
