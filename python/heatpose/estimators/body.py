"""Bottom-up body estimation: photos become people."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from heatpose import ops
from heatpose.decoders import BodyDecoder
from heatpose.estimators.photo import Photo, as_photo
from heatpose.estimators.setup import pick_device, pick_dtype, pick_network
from heatpose.networks import InputSpec
from heatpose.results import People
from heatpose.skeletons import COCO18

# A search scale far beyond any photo's worth: an error instead of an hour of swapping.
_MAX_INPUT_PIXELS = 1 << 26


class BodyEstimator:
    """Find everyone in a photo: scale search, network, decoder.

    For every scale ``s`` the photo is resized by ``s * box / H``, padded right and down to a
    multiple of the network's stride, and run through the network; ``BodyDecoder`` makes people of
    the maps of all scales. Nothing is kept between calls, so many threads may share one estimator.

    Args:
        model: A network of ``heatpose.networks``, or any ``nn.Module`` with an ``input_spec``
            that maps [N, 3, H, W] to ``(heatmaps, pafs)``; it is moved to ``device`` and ``dtype``
            and put into evaluation mode. Or a name, with ``weights``: ``"mobilenet-v2-small"``,
            ``"vgg19"``, or ``"auto"`` to tell the network by the weights.
        weights: Weight file to load; see ``heatpose.weights.load_state_dict``.
        device: Where the network runs. ``"auto"`` leaves a module where it is, and puts a named
            network on the first CUDA device that PyTorch can use, or on the CPU. The decoder
            runs on the CPU.
        dtype: Element type of the network, float32, float16 or bfloat16. ``None`` keeps a module's,
            and means float32 for a named network.
        scales: Scales of the search, each relative to ``box``.
        box: Height in pixels of the resized photo at scale 1. ``None`` takes the network's.
        batch_size: Most photos in one run of the network, and most photos in memory.
        decoder: The decoder. ``None`` makes ``BodyDecoder(COCO18, **decoder_options)``.
        **decoder_options: Settings of ``BodyDecoder``.

    Raises:
        TypeError: model is neither a name nor a module with an ``input_spec``; an unknown setting.
        ValueError: an unknown name, a name without weights, weights of another network, a
            device that is not there, or a setting out of its range.
        FileNotFoundError: no such weight file.

    Sources: the scale search of Cao et al., "Realtime Multi-Person 2D Pose Estimation using Part
    Affinity Fields", 2017.
    """

    def __init__(
        self,
        model: nn.Module | str = "default",
        *,
        weights: str | os.PathLike[str] | None = None,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype | None = None,
        scales: Sequence[float] = (1.0,),
        box: int | None = None,
        batch_size: int = 8,
        decoder: BodyDecoder | None = None,
        **decoder_options: Any,
    ) -> None:
        if decoder is not None and decoder_options:
            raise ValueError(f"give a decoder or its settings, got both: {sorted(decoder_options)}")
        self.scales = _checked_scales(scales)
        self.batch_size = _at_least_one("batch_size", batch_size)
        self.decoder = BodyDecoder(COCO18, **decoder_options) if decoder is None else decoder
        network = pick_network(model, weights)
        self.input_spec: InputSpec = network.input_spec  # type: ignore[assignment]
        self.box = self.input_spec.box if box is None else _at_least_one("box", box)
        self.device = pick_device(device, network if isinstance(model, nn.Module) else None)
        self.dtype = pick_dtype(dtype, network)
        self.network = network.to(self.device, self.dtype).eval()

    @overload
    def __call__(self, images: Photo) -> People: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(self, images: Iterable[Photo]) -> list[People]: ...

    def __call__(self, images: Photo | Iterable[Photo]) -> People | list[People]:
        """Find everyone in one photo or in many.

        Args:
            images: A photo, or an iterable of photos, which may differ in kind and size. A photo is
                the path of an image file, or a uint8 array or tensor: [H, W, 3] BGR, [H, W]
                or [H, W, 1] grey, [H, W, 4] BGRA (laid on white).

        Returns:
            The people of the photo, in its pixels; for an iterable a list, in its order, with
            the same answers as one by one.

        Raises:
            TypeError: not a photo, or not uint8.
            ValueError: an array of another shape or without pixels, a file that is no image, or a
                photo so elongated that its resized form would exceed 2^26 pixels.
            FileNotFoundError: no such file.
        """
        if isinstance(images, (str, os.PathLike, np.ndarray, Tensor)):
            return self._estimate([as_photo(images, "image")])[0]
        if not isinstance(images, Iterable):
            raise TypeError(
                "image must be a path, a uint8 array or tensor, or an iterable of these, "
                f"got {type(images).__name__}"
            )
        named = ((f"images[{i}]", image) for i, image in enumerate(images))
        people: list[People] = []
        while chunk := [as_photo(image, name) for name, image in islice(named, self.batch_size)]:
            people += self._estimate(chunk)
        return people

    def _estimate(self, photos: list[NDArray[np.uint8]]) -> list[People]:
        searched = [self._maps_at(photos, scale) for scale in self.scales]
        people = []
        for photo, maps in zip(photos, zip(*searched, strict=True), strict=True):
            heatmaps, pafs, content = (list(part) for part in zip(*maps, strict=True))
            canvas = (photo.shape[0], photo.shape[1])
            people.append(
                self.decoder(
                    heatmaps, pafs, canvas=canvas, content=content, stride=self.input_spec.stride
                )
            )
        return people

    def _maps_at(
        self, photos: list[NDArray[np.uint8]], scale: float
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32], tuple[int, int]]]:
        """Heatmaps, PAFs and content size of every photo at one scale of the search."""
        prepared = [self._prepare(photo, scale) for photo in photos]
        maps: dict[int, tuple[Tensor, Tensor]] = {}
        for same in _same_shape([tensor for tensor, _ in prepared]):
            batch = np.concatenate([prepared[i][0] for i in same])
            heatmaps, pafs = self._run(batch)
            maps |= {i: (heatmaps[n], pafs[n]) for n, i in enumerate(same)}
        return [
            (maps[i][0].numpy(), maps[i][1].numpy(), content)
            for i, (_, content) in enumerate(prepared)
        ]

    def _prepare(
        self, photo: NDArray[np.uint8], scale: float
    ) -> tuple[NDArray[np.float32], tuple[int, int]]:
        spec = self.input_spec
        factor = scale * self.box / photo.shape[0]
        pixels = factor * photo.shape[0] * factor * photo.shape[1]
        if pixels > _MAX_INPUT_PIXELS:
            raise ValueError(
                f"a photo of {photo.shape[1]}x{photo.shape[0]} pixels at scale {scale} and box "
                f"{self.box} would be resized to {pixels:.2g} pixels, more than {_MAX_INPUT_PIXELS}"
            )
        tensor, content = ops.prepare_image(
            photo,
            scale=factor,
            stride=spec.stride,
            pad_value=spec.pad_value,
            norm_scale=spec.norm_scale,
            norm_offset=spec.norm_offset,
            swap_rgb=spec.colour == "rgb",
        )
        return tensor, content

    @torch.inference_mode()
    def _run(self, batch: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        heatmaps, pafs = self.network(torch.from_numpy(batch).to(self.device, self.dtype))
        return heatmaps.float().cpu(), pafs.float().cpu()

    def __repr__(self) -> str:
        return (
            f"BodyEstimator({type(self.network).__name__}, device={str(self.device)!r}, "
            f"dtype={str(self.dtype).removeprefix('torch.')!r}, scales={self.scales}, "
            f"box={self.box})"
        )


def _same_shape(arrays: Sequence[NDArray[np.float32]]) -> Iterator[list[int]]:
    """The positions of the arrays, grouped by shape."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, array in enumerate(arrays):
        groups.setdefault(array.shape, []).append(i)
    yield from groups.values()


def _checked_scales(scales: Sequence[float]) -> tuple[float, ...]:
    try:
        checked = tuple(float(scale) for scale in scales)
    except TypeError:
        raise TypeError(f"scales must be a sequence of numbers, got {scales!r}") from None
    if not checked or not all(math.isfinite(scale) and scale > 0 for scale in checked):
        raise ValueError(f"scales must be positive numbers, at least one, got {scales!r}")
    return checked


def _at_least_one(name: str, value: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return int(value)
