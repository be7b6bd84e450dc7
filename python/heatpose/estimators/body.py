"""Body estimation: photos become people, with networks of either kind."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from heatpose.decoders import BodyDecoder, KeypointDecoder
from heatpose.detectors import Detector
from heatpose.estimators.images import at_least_one, estimate_each
from heatpose.estimators.people_in_boxes import PeopleInBoxes
from heatpose.estimators.photo import Photo
from heatpose.estimators.scale_search import ScaleSearch, checked_scales
from heatpose.estimators.setup import Settings, pick_network, pick_runner
from heatpose.networks import CropSpec, InputSpec
from heatpose.results import Boxes, People
from heatpose.skeletons import COCO18, Skeleton


class BodyEstimator:
    """Find everyone in a photo.

    A bottom-up network (one with an ``input_spec``, which gives heatmaps and PAFs) sees the whole
    photo: for every scale ``s`` it is resized by ``s * box / H``, padded right and down to a
    multiple of the network's stride, and run through the network; ``BodyDecoder`` makes people of
    the maps of all scales. A top-down network (one with a ``crop_spec``) sees the boxes that a
    detector or the caller gives; ``KeypointDecoder`` finds the keypoints of each. Nothing is kept
    between calls, so many threads may share one estimator.

    Args:
        model: The name of a checkpoint (``heatpose models list``), which is downloaded when first
            used; ``"default"`` is heatpose-lite, which comes with the package (``heatpose models
            show heatpose-lite`` names its card, with what it fails at). Or, with ``weights``, the
            name of a network (``heatpose.networks.NETWORKS``), or ``"auto"`` to tell the network by
            the weights. Or a network of ``heatpose.networks``, or any ``nn.Module`` with an
            ``input_spec`` that maps [N, 3, H, W] to ``(heatmaps, pafs)``, or with a ``crop_spec``
            that maps crops to heatmaps; it is moved to ``device`` and ``dtype`` and put into
            evaluation mode.
        weights: Weight file to load; see ``heatpose.weights.convert.read_checkpoint``.
        device: Where the network runs. ``"auto"`` leaves a module where it is, and puts a named
            network on the first CUDA device that PyTorch can use, or on the CPU. With a CUDA
            device that heatpose can use too (:func:`heatpose.cuda_status`), photos are prepared and
            maps decoded there, in the network's element type; else on the CPU. The attribute
            ``decodes_on_device`` says which.
        dtype: Element type of the network, float32, float16 or bfloat16. ``None`` keeps a module's,
            and means float32 for a named network.
        scales: Scales of the search, each relative to ``box``. Bottom-up only.
        box: Height in pixels of the resized photo at scale 1. ``None`` takes the checkpoint's, else
            the network's. Bottom-up only.
        batch_size: Most photos (bottom-up) or crops (top-down) in one run of the network, and most
            photos in memory.
        detector: Finds the boxes of people where the caller gives none; see
            ``heatpose.detectors``. ``None`` takes the whole photo as one box. Top-down only.
        padding: Factor on the boxes, for the margin that the network is used to. ``None`` takes
            the checkpoint's, else the network's (``CropSpec.padding``). Top-down only.
        flip_test: Whether maps are averaged with those of the mirrored crop. ``None`` takes the
            checkpoint's, else True. Top-down only.
        udp: Whether crops and cells are mapped as UDP does. ``None`` takes the checkpoint's, else
            False. Top-down only.
        decoder: The decoder. ``None`` makes ``BodyDecoder(skeleton, **decoder_options)`` or
            ``KeypointDecoder(skeleton, **decoder_options)`` with the network's skeleton.
        **decoder_options: Settings of the decoder, over those that the checkpoint comes with.

    Raises:
        TypeError: model is neither a name nor a module with a spec; an unknown setting; a decoder
            of the other kind of network.
        ValueError: an unknown name, a network without weights, weights of another network, a
            network of another task, a device that is not there, or a setting out of its range or of
            the other kind of network.
        FileNotFoundError: no such weight file.
        heatpose.weights.LicenceNotAccepted: the checkpoint is not free to use for everything.
        heatpose.weights.DownloadError: the checkpoint cannot be fetched.

    Sources: the scale search of Cao et al., "Realtime Multi-Person 2D Pose Estimation using Part
    Affinity Fields", 2017; the crops of Xiao et al., "Simple Baselines for Human Pose Estimation
    and Tracking", 2018.
    """

    def __init__(
        self,
        model: nn.Module | str = "default",
        *,
        weights: str | os.PathLike[str] | None = None,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype | None = None,
        scales: Sequence[float] | None = None,
        box: int | None = None,
        batch_size: int = 8,
        detector: Detector | None = None,
        padding: float | None = None,
        flip_test: bool | None = None,
        udp: bool | None = None,
        decoder: BodyDecoder | KeypointDecoder | None = None,
        **decoder_options: Any,
    ) -> None:
        if decoder is not None and decoder_options:
            raise ValueError(f"give a decoder or its settings, got both: {sorted(decoder_options)}")
        self.batch_size = at_least_one("batch_size", batch_size)
        asked = Settings.asked(padding=padding, flip_test=flip_test, udp=udp)
        bottom_up_only = {"scales": scales, "box": box}
        checked = checked_scales((1.0,) if scales is None else scales)
        if box is not None:
            at_least_one("box", box)
        picked = pick_network(model, weights, task="body")
        skeleton = picked.skeleton(COCO18)
        runner = pick_runner(picked, device, dtype)
        self.network = runner.network
        self.device, self.dtype = runner.device, runner.dtype
        self.decodes_on_device = runner.decodes_on_device
        self._runner = runner
        self.decoder: Any
        if isinstance(picked.spec, CropSpec):
            picked.refuse("bottom-up", bottom_up_only)
            picked.check_decoder(decoder, KeypointDecoder)
            options = {**picked.decoder_options(), **decoder_options}
            self.decoder = decoder or KeypointDecoder(skeleton, **options)
            self._in_boxes: PeopleInBoxes | None = PeopleInBoxes(
                runner, self.decoder, detector, picked.settings(asked), self.batch_size
            )
        else:
            picked.refuse("top-down", {**asked, "detector": detector})
            picked.check_decoder(decoder, BodyDecoder)
            options = {**picked.decoder_options(), **decoder_options}
            self.decoder = decoder or BodyDecoder(skeleton, **options)
            self._in_boxes = None
            self.input_spec: InputSpec = picked.spec
            self.scales = checked
            self.box = picked.box(picked.spec) if box is None else int(box)
            self._search = ScaleSearch(runner, picked.spec, scales=checked, box=self.box)

    @property
    def skeleton(self) -> Skeleton:
        """Names and limbs of the keypoints that people have."""
        skeleton: Skeleton = self.decoder.skeleton
        return skeleton

    @overload
    def __call__(self, images: Photo, *, boxes: Any = None) -> People: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(self, images: Iterable[Photo], *, boxes: Any = None) -> list[People]: ...

    def __call__(
        self, images: Photo | Iterable[Photo], *, boxes: Any = None
    ) -> People | list[People]:
        """Find everyone in one photo or in many.

        Args:
            images: A photo, or an iterable of photos, which may differ in kind and size. A photo is
                the path of an image file, or a uint8 array or tensor: [H, W, 3] BGR, [H, W]
                or [H, W, 1] grey, [H, W, 4] BGRA (laid on white).
            boxes: Where to look, in place of the detector: ``Boxes`` or [N, 4] numbers (x1, y1, x2,
                y2) in pixels; for an iterable of photos a list with such an entry for each.
                Top-down only.

        Returns:
            The people of the photo, in its pixels, best first; for an iterable a list, in its
            order, with the same answers as one by one.

        Raises:
            TypeError: not a photo, or not uint8.
            ValueError: an array of another shape or without pixels, a file that is no image, a
                photo so elongated that its resized form would exceed 2^26 pixels, or boxes that do
                not fit.
            FileNotFoundError: no such file.
        """
        if boxes is not None and self._in_boxes is None:
            raise ValueError(
                f"{type(self.network).__name__} is bottom-up and looks at the whole photo: "
                "boxes are for top-down networks"
            )
        found: People | list[People] = estimate_each(
            images, boxes, self.batch_size, self._in_boxes or self._bottom_up
        )
        return found

    def _bottom_up(self, images: list[NDArray[np.uint8]], _: list[Boxes | None]) -> list[People]:
        photos = [self._runner.upload(image) for image in images]
        # On a device all photos are queued before the first answer is waited for.
        decode: Any = self.decoder.queue if self.decodes_on_device else self.decoder
        decoded = []
        for photo, found in zip(photos, self._search(photos), strict=True):
            heatmaps, pafs = found.maps
            canvas = (photo.shape[0], photo.shape[1])
            stride = self.input_spec.stride
            decoded.append(
                decode(heatmaps, pafs, canvas=canvas, content=found.content, stride=stride)
            )
        return [one.result() for one in decoded] if self.decodes_on_device else decoded

    def __repr__(self) -> str:
        if self._in_boxes is not None:
            return f"BodyEstimator({self._runner.describe()}, {self._in_boxes.describe()})"
        return f"BodyEstimator({self._runner.describe()}, scales={self.scales}, box={self.box})"
