"""Hand estimation: boxes of hands become 21 keypoints each, with networks of either kind."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from heatpose.decoders import HandMapDecoder, KeypointDecoder
from heatpose.detectors import Detector, hand_boxes
from heatpose.estimators.images import at_least_one, estimate_each
from heatpose.estimators.parts import Body, BoxSource, pick_way
from heatpose.estimators.photo import Photo
from heatpose.estimators.pipeline import BoxKeypoints, BoxTask
from heatpose.estimators.setup import Settings, pick_network, pick_runner
from heatpose.results import Boxes, Hands
from heatpose.skeletons import HAND21, Skeleton


class HandEstimator:
    """Find the keypoints of hands: 21 each, with side and owner where these are known.

    The boxes come from a body estimator (a box beyond each wrist, see
    :func:`heatpose.detectors.hand_boxes`), from a detector, or from the caller. What happens to
    them is the network's choice. OpenPose's network of maps (with an ``input_spec``) sees the
    pixels of each box at several scales; ``HandMapDecoder`` looks for the best component of each
    averaged map. A top-down network (with a ``crop_spec``) sees crops of one size, and their
    mirror images; ``KeypointDecoder`` finds the maxima below a cell. Crops of many photos share
    the runs of the network. Nothing is kept between calls, so many threads may share one estimator.

    Args:
        model: The name of a checkpoint (``heatpose models list --task hand``), which is downloaded
            when first used. Or, with ``weights``, the name of a network, or ``"auto"``. Or any
            ``nn.Module`` with an ``input_spec`` or a ``crop_spec`` that maps images to heatmaps.
        weights: Weight file to load; see ``heatpose.weights.convert.read_checkpoint``.
        body: Finds the people whose hands are meant: ``BodyEstimator``, or any function from a list
            of photos to a list of ``People``. With it, every hand says which it is and whose.
        detector: Finds the boxes of hands, in place of ``body``; see ``heatpose.detectors``.
            Without both, and without boxes in a call, the whole photo is one hand.
        device: As of :class:`BodyEstimator`.
        dtype: As of :class:`BodyEstimator`.
        mirror_left: Whether the network sees left hands mirrored. ``None``: as it was trained,
            which is on right hands alone for OpenPose's and on both for most others.
        scales: Scales of the search, each relative to ``box``; (0.5, 1, 1.5, 2) by default.
            Networks of maps only.
        box: Height in pixels of the resized crop at scale 1. ``None`` takes the network's. Networks
            of maps only.
        padding: Factor on boxes that hold no margin yet (those of ``body`` do). ``None`` takes
            the checkpoint's, else the network's (``CropSpec.padding``), and 2 for networks of
            maps: a hand of 18 cm, in the 37 cm that 1.5 times a forearm is.
        flip_test: Whether maps are averaged with those of the mirrored crop. ``None`` takes the
            checkpoint's, else True, unless the network knows right hands alone. Top-down only.
        udp: Whether crops and cells are mapped as UDP does. ``None`` takes the checkpoint's, else
            False. Top-down only.
        batch_size: Most crops in one run of the network, and most photos in memory.
        decoder: The decoder. ``None`` makes ``KeypointDecoder(HAND21, **decoder_options)`` or
            ``HandMapDecoder(HAND21, **decoder_options)``.
        **decoder_options: Settings of the decoder.

    Raises:
        TypeError: model is neither a name nor a module with a spec; an unknown setting; a decoder
            of the other kind of network.
        ValueError: as of :class:`BodyEstimator`; or both a body and a detector.
        FileNotFoundError: no such weight file.
        heatpose.weights.LicenceNotAccepted: the checkpoint is not free to use for everything.
        heatpose.weights.DownloadError: the checkpoint cannot be fetched.

    Sources: Simon et al., "Hand Keypoint Detection in Single Images using Multiview Bootstrapping",
    2017, and OpenPose's hand boxes; Zhang et al., "Distribution-Aware Coordinate Representation for
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
        mirror_left: bool | None = None,
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
        asked = Settings.asked(
            padding=padding, mirror_left=mirror_left, flip_test=flip_test, udp=udp
        )
        self._boxes = BoxSource(body, hand_boxes, detector)
        self.body, self.detector = self._boxes.body, self._boxes.detector
        picked = pick_network(model, weights, task="hand")
        skeleton = picked.skeleton(HAND21)
        self._runner = pick_runner(picked, device, dtype)
        self.network = self._runner.network
        self.device, self.dtype = self._runner.device, self._runner.dtype
        self.decodes_on_device = self._runner.decodes_on_device
        self._pipeline, self.decoder, settings = pick_way(
            picked,
            self._runner,
            skeleton,
            asked,
            decoder=decoder,
            decoder_options=decoder_options,
            scales=scales,
            usual_scales=(0.5, 1.0, 1.5, 2.0),
            box=box,
            usual_padding=2.0,
            batch_size=self.batch_size,
        )
        self.mirror_left = settings.mirror_left

    @property
    def skeleton(self) -> Skeleton:
        """Names and limbs of the keypoints that hands have."""
        skeleton: Skeleton = self.decoder.skeleton
        return skeleton

    @overload
    def __call__(self, images: Photo, *, boxes: Any = None) -> Hands: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(self, images: Iterable[Photo], *, boxes: Any = None) -> list[Hands]: ...

    def __call__(
        self, images: Photo | Iterable[Photo], *, boxes: Any = None
    ) -> Hands | list[Hands]:
        """Find the hands of one photo or of many.

        Args:
            images: As of :meth:`BodyEstimator.__call__`.
            boxes: Where to look, in place of body and detector: ``Boxes`` or [N, 4] numbers (x1,
                y1, x2, y2) in pixels; for an iterable of photos a list with such an entry for each.
                ``Boxes`` may say side and person, and whether they hold a margin.

        Returns:
            The hands of the photo, in its pixels, one for each box in the order of the boxes; for
            an iterable a list, in its order, with the same answers as one by one.

        Raises:
            TypeError: not a photo, not uint8, or something else than boxes; or the body gave
                something else than a list of People.
            ValueError: an array of another shape or without pixels, a file that is no image, or
                boxes that do not fit.
            FileNotFoundError: no such file.
        """
        found: Hands | list[Hands] = estimate_each(images, boxes, self.batch_size, self._estimate)
        return found

    def _estimate(self, images: list[NDArray[np.uint8]], given: list[Boxes | None]) -> list[Hands]:
        boxes = self._boxes(images, given)
        tasks = [
            BoxTask(self._runner.upload(image), one, self._mirrored(one))
            for image, one in zip(images, boxes, strict=True)
        ]
        return [
            self._hands(found, one, (image.shape[0], image.shape[1]))
            for image, one, found in zip(images, boxes, self._pipeline(tasks), strict=True)
        ]

    def _mirrored(self, boxes: Boxes) -> NDArray[np.bool_]:
        return np.array([self.mirror_left and side == "left" for side in boxes.sides or ()], bool)

    def _hands(self, found: BoxKeypoints, boxes: Boxes, canvas: tuple[int, int]) -> Hands:
        assert boxes.sides is not None and boxes.persons is not None
        return Hands(
            found.keypoints,
            found.scores,
            found.box_scores,
            found.boxes,
            boxes.sides,
            boxes.persons,
            self.skeleton,
            canvas,
            boxes.people,
        )

    def __repr__(self) -> str:
        return f"HandEstimator({self._runner.describe()}, mirror_left={self.mirror_left})"
