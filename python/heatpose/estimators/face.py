"""Face estimation: boxes become the keypoints of faces."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from heatpose.decoders import HandMapDecoder, KeypointDecoder
from heatpose.detectors import Detector, face_boxes
from heatpose.estimators.images import at_least_one, estimate_each
from heatpose.estimators.parts import Body, BoxSource, pick_way
from heatpose.estimators.people_in_boxes import best_first
from heatpose.estimators.photo import Photo
from heatpose.estimators.pipeline import BoxKeypoints, BoxTask
from heatpose.estimators.setup import Settings, pick_network, pick_runner
from heatpose.results import Boxes, People
from heatpose.skeletons import FACE70, Skeleton


class FaceEstimator:
    """Find the keypoints of faces: brows, eyes, pupils, nose, lips and jaw, 70 in all.

    The boxes come from a body estimator (a box from neck, nose, eyes and ears, see
    :func:`heatpose.detectors.face_boxes`), from a detector, or from the caller. OpenPose's network
    of maps (with an ``input_spec``) sees the pixels of each box; ``HandMapDecoder`` looks for the
    best component of each map. A top-down network (with a ``crop_spec``) sees crops of one size,
    and their mirror images; ``KeypointDecoder`` finds the maxima below a cell. Crops of many photos
    share the runs of the network. Nothing is kept between calls, so many threads may share one
    estimator.

    The answer for a photo is its faces, best first. To know whose each is, make the boxes first::

        boxes = face_boxes(body(photo))
        found = faces.in_order(photo, boxes=boxes)  # found.keypoints[i] is of boxes.persons[i]

    Args:
        model: The name of a checkpoint (``heatpose models list --task face``), which is downloaded
            when first used. Or, with ``weights``, the name of a network, or ``"auto"``. Or any
            ``nn.Module`` with an ``input_spec`` or a ``crop_spec`` that maps images to heatmaps.
            One of other keypoints than OpenPose's has their ``skeleton`` as an attribute.
        weights: Weight file to load; see ``heatpose.weights.convert.read_checkpoint``.
        body: Finds the people whose faces are meant: ``BodyEstimator``, or any function from a list
            of photos to a list of ``People``.
        detector: Finds the boxes of faces, in place of ``body``; see ``heatpose.detectors``.
            Without both, and without boxes in a call, the whole photo is one face.
        device: As of :class:`BodyEstimator`.
        dtype: As of :class:`BodyEstimator`.
        scales: Scales of the search, each relative to ``box``; (1,) by default, as OpenPose does.
            Networks of maps only.
        box: Height in pixels of the resized crop at scale 1. ``None`` takes the network's. Networks
            of maps only.
        padding: Factor on boxes that hold no margin yet (those of ``body`` do). ``None`` takes
            the checkpoint's, else the network's (``CropSpec.padding``), and 1.75 for networks of
            maps: so much larger than an annotator's box are OpenPose's from the annotated bodies of
            three COCO photos (000000000785, 000000040083, 000000197388; 1.36 to 2.29, mean 1.74).
        flip_test: Whether maps are averaged with those of the mirrored crop. ``None`` takes the
            checkpoint's, else True. Top-down only.
        udp: Whether crops and cells are mapped as UDP does. ``None`` takes the checkpoint's, else
            False. Top-down only.
        batch_size: Most crops in one run of the network, and most photos in memory.
        decoder: The decoder. ``None`` makes ``KeypointDecoder(FACE70, **decoder_options)`` or
            ``HandMapDecoder(FACE70, **decoder_options)``.
        **decoder_options: Settings of the decoder.

    Raises:
        TypeError: model is neither a name nor a module with a spec; an unknown setting.
        ValueError: as of :class:`BodyEstimator`; or both a body and a detector.
        FileNotFoundError: no such weight file.
        heatpose.weights.LicenceNotAccepted: the checkpoint is not free to use for everything.
        heatpose.weights.DownloadError: the checkpoint cannot be fetched.

    Sources: Simon et al., "Hand Keypoint Detection in Single Images using Multiview Bootstrapping",
    2017, and OpenPose's face boxes; Zhang et al., "Distribution-Aware Coordinate Representation for
    Human Pose Estimation", 2020 (DARK).
    """

    def __init__(
        self,
        model: nn.Module | str = "auto",
        *,
        weights: str | os.PathLike[str] | None = None,
        body: Body | None = None,
        detector: Detector | None = None,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype | None = None,
        scales: Sequence[float] | None = None,
        box: int | None = None,
        padding: float | None = None,
        flip_test: bool | None = None,
        udp: bool | None = None,
        batch_size: int = 8,
        decoder: KeypointDecoder | HandMapDecoder | None = None,
        **decoder_options: Any,
    ) -> None:
        if decoder is not None and decoder_options:
            raise ValueError(f"give a decoder or its settings, got both: {sorted(decoder_options)}")
        self.batch_size = at_least_one("batch_size", batch_size)
        asked = Settings.asked(padding=padding, flip_test=flip_test, udp=udp)
        self._boxes = BoxSource(body, face_boxes, detector)
        self.body, self.detector = self._boxes.body, self._boxes.detector
        picked = pick_network(model, weights, task="face")
        skeleton = picked.skeleton(FACE70)
        self._runner = pick_runner(picked, device, dtype)
        self.network = self._runner.network
        self.device, self.dtype = self._runner.device, self._runner.dtype
        self.decodes_on_device = self._runner.decodes_on_device
        self._pipeline, self.decoder, _ = pick_way(
            picked,
            self._runner,
            skeleton,
            asked,
            decoder=decoder,
            decoder_options=decoder_options,
            scales=scales,
            usual_scales=(1.0,),
            box=box,
            usual_padding=1.75,
            batch_size=self.batch_size,
        )

    @property
    def skeleton(self) -> Skeleton:
        """Names and limbs of the keypoints that faces have."""
        skeleton: Skeleton = self.decoder.skeleton
        return skeleton

    @overload
    def __call__(self, images: Photo, *, boxes: Any = None) -> People: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(self, images: Iterable[Photo], *, boxes: Any = None) -> list[People]: ...

    def __call__(
        self, images: Photo | Iterable[Photo], *, boxes: Any = None
    ) -> People | list[People]:
        """Find the faces of one photo or of many.

        Args:
            images: As of :meth:`BodyEstimator.__call__`.
            boxes: Where to look, in place of body and detector: ``Boxes`` or [N, 4] numbers (x1,
                y1, x2, y2) in pixels; for an iterable of photos a list with such an entry for each.

        Returns:
            The faces of the photo, in its pixels, best first, each a person of ``FACE70``; a box
            without any keypoint is none. For an iterable a list, in its order, with the same
            answers as one by one.

        Raises:
            TypeError: not a photo, not uint8, or something else than boxes.
            ValueError: an array of another shape or without pixels, a file that is no image, or
                boxes that do not fit.
            FileNotFoundError: no such file.
        """
        found: People | list[People] = estimate_each(images, boxes, self.batch_size, self._faces)
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
            images, boxes, self.batch_size, self._in_order
        )
        return found

    def _in_order(
        self, images: list[NDArray[np.uint8]], given: list[Boxes | None]
    ) -> list[BoxKeypoints]:
        tasks = [
            BoxTask(self._runner.upload(image), boxes, np.zeros(len(boxes), bool))
            for image, boxes in zip(images, self._boxes(images, given), strict=True)
        ]
        return self._pipeline(tasks)

    def _faces(self, images: list[NDArray[np.uint8]], given: list[Boxes | None]) -> list[People]:
        return [
            best_first(found, self.skeleton, (image.shape[0], image.shape[1]))
            for image, found in zip(images, self._in_order(images, given), strict=True)
        ]

    def __repr__(self) -> str:
        return f"FaceEstimator({self._runner.describe()})"
