"""Hands and faces: what their estimators share, whose networks may be of either kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heatpose.decoders import HandMapDecoder, KeypointDecoder
from heatpose.detectors import Detector, WholeImage
from heatpose.estimators.images import at_least_one
from heatpose.estimators.map_crops import MapCrops
from heatpose.estimators.people_in_boxes import detected
from heatpose.estimators.pipeline import BoxPipeline
from heatpose.estimators.runner import Runner
from heatpose.estimators.scale_search import ScaleSearch, checked_scales
from heatpose.estimators.setup import Picked, Settings
from heatpose.estimators.top_down import TopDown
from heatpose.networks import CropSpec
from heatpose.results import Boxes, People
from heatpose.skeletons import Skeleton

Body = Callable[[list[NDArray[np.uint8]]], list[People]]


class BoxSource:
    """Where to look in photos: the caller says it, else a body, else a detector.

    Args:
        body: Finds the people whose parts are meant.
        boxes_of: The boxes of these parts.
        detector: In place of both; without it, the whole photo is one box.

    Raises:
        ValueError: both a body and a detector.
    """

    def __init__(
        self, body: Body | None, boxes_of: Callable[[People], Boxes], detector: Detector | None
    ) -> None:
        if body is not None and detector is not None:
            raise ValueError("give a body or a detector, got both")
        self.body = body
        self.boxes_of = boxes_of
        self.detector: Detector = WholeImage() if detector is None else detector

    def __call__(self, images: list[NDArray[np.uint8]], given: list[Boxes | None]) -> list[Boxes]:
        """The boxes of every photo, ``given`` where they are not None.

        Raises:
            TypeError: the body gave something else than a list of People, one for each photo.
        """
        if self.body is None:
            return [
                detected(self.detector, image) if one is None else one
                for image, one in zip(images, given, strict=True)
            ]
        # People are looked for in all photos at once, so that these share the body's runs too.
        boxless = [image for image, one in zip(images, given, strict=True) if one is None]
        found = self.body(boxless) if boxless else []
        if not isinstance(found, (list, tuple)) or len(found) != len(boxless):
            raise TypeError(
                f"body must give a list of People, one for each of {len(boxless)} photos, got "
                f"{type(found).__name__}"
                + (f" of {len(found)}" if isinstance(found, (list, tuple)) else "")
            )
        people = iter(found)
        return [self.boxes_of(next(people)) if one is None else one for one in given]


class Way(NamedTuple):
    """The way from boxes to keypoints that a network needs.

    Attributes:
        pipeline: Goes it.
        decoder: A ``KeypointDecoder`` or a ``HandMapDecoder``.
        settings: How crops are made.
    """

    pipeline: BoxPipeline
    decoder: Any
    settings: Settings


def pick_way(
    picked: Picked,
    runner: Runner,
    skeleton: Skeleton,
    asked: Mapping[str, Any],
    *,
    decoder: KeypointDecoder | HandMapDecoder | None,
    decoder_options: Mapping[str, Any],
    scales: Sequence[float] | None,
    usual_scales: tuple[float, ...],
    box: int | None,
    usual_padding: float,
    batch_size: int,
) -> Way:
    """``TopDown`` for a network with a ``crop_spec``, ``MapCrops`` for a network of maps.

    Args:
        picked: The network.
        runner: The same, where it runs.
        skeleton: The skeleton of its keypoints.
        asked: What the user asked for, of ``Settings``.
        decoder: The user's; None makes one.
        decoder_options: Its settings.
        scales: Of the search that the user asked for. Networks of maps only.
        usual_scales: In place of None.
        box: Height of the crop at scale 1 that the user asked for. Networks of maps only.
        usual_padding: Of networks of maps, which do not say it.
        batch_size: Most crops in one run of the network.

    Raises:
        TypeError: an unknown setting of the decoder, or a decoder of the other kind of network.
        ValueError: a setting out of its range, or of the other kind of network.
    """
    if isinstance(picked.spec, CropSpec):
        picked.refuse("bottom-up", {"scales": scales, "box": box})
        picked.check_decoder(decoder, KeypointDecoder)
        settings = picked.settings(asked)
        keypoints: Any = decoder or KeypointDecoder(
            skeleton, **{**picked.decoder_options(), **decoder_options}
        )
        top_down = TopDown(runner, keypoints, settings, batch_size=batch_size)
        return Way(top_down, keypoints, settings)
    picked.refuse("top-down", {name: asked.get(name) for name in ("flip_test", "udp")})
    picked.check_decoder(decoder, HandMapDecoder)
    settings = picked.settings(asked, padding=usual_padding)
    maps: Any = decoder or HandMapDecoder(skeleton, **decoder_options)
    search = ScaleSearch(
        runner,
        picked.spec,
        scales=checked_scales(usual_scales if scales is None else scales),
        box=picked.spec.box if box is None else at_least_one("box", box),
    )
    crops = MapCrops(search, maps, padding=settings.padding, batch_size=batch_size)
    return Way(crops, maps, settings)
