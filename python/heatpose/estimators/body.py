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
from heatpose.native import cuda_status
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
            network on the first CUDA device that PyTorch can use, or on the CPU. With a CUDA
            device that heatpose can use too (:func:`heatpose.cuda_status`), photos are prepared and
            maps decoded there, in the network's element type; else on the CPU. The attribute
            ``decodes_on_device`` says which.
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
        self.decodes_on_device = self.device.type == "cuda" and cuda_status().usable
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

    def _estimate(self, images: list[NDArray[np.uint8]]) -> list[People]:
        photos = [self._upload(image) for image in images]
        searched = [self._maps_at(photos, scale) for scale in self.scales]
        # On a device all photos are queued before the first answer is waited for.
        decode: Any = self.decoder.queue if self.decodes_on_device else self.decoder
        decoded = []
        for photo, maps in zip(photos, zip(*searched, strict=True), strict=True):
            heatmaps, pafs, content = (list(part) for part in zip(*maps, strict=True))
            canvas = (photo.shape[0], photo.shape[1])
            stride = self.input_spec.stride
            decoded.append(decode(heatmaps, pafs, canvas=canvas, content=content, stride=stride))
        return [one.result() for one in decoded] if self.decodes_on_device else decoded

    def _upload(self, image: NDArray[np.uint8]) -> Any:
        """The photo where it is prepared and its maps are decoded."""
        if not self.decodes_on_device:
            return image
        photo = torch.from_numpy(np.require(image, requirements=["C", "W"]))
        return photo.pin_memory().to(self.device, non_blocking=True)

    def _maps_at(self, photos: list[Any], scale: float) -> list[tuple[Any, Any, tuple[int, int]]]:
        """Heatmaps, PAFs and content size of every photo at one scale of the search."""
        prepared = [self._prepare(photo, scale) for photo in photos]
        maps: dict[int, tuple[Any, Any]] = {}
        for same in _same_shape([tensor for tensor, _ in prepared]):
            heatmaps, pafs = self._run(torch.cat([prepared[i][0] for i in same]))
            maps |= {i: (heatmaps[n], pafs[n]) for n, i in enumerate(same)}
        return [(*maps[i], content) for i, (_, content) in enumerate(prepared)]

    def _prepare(self, photo: Any, scale: float) -> tuple[Tensor, tuple[int, int]]:
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
        return torch.as_tensor(tensor), content

    @torch.inference_mode()
    def _run(self, batch: Tensor) -> tuple[Any, Any]:
        heatmaps, pafs = self.network(batch.to(self.device, self.dtype))
        if self.decodes_on_device:
            return heatmaps, pafs
        return heatmaps.float().cpu().numpy(), pafs.float().cpu().numpy()

    def __repr__(self) -> str:
        decodes = "" if self.device.type == "cpu" else f", {self.decodes_on_device=}"
        return (
            f"BodyEstimator({type(self.network).__name__}, device={str(self.device)!r}"
            f"{decodes.replace('self.', '')}, "
            f"dtype={str(self.dtype).removeprefix('torch.')!r}, scales={self.scales}, "
            f"box={self.box})"
        )


def _same_shape(tensors: Sequence[Tensor]) -> Iterator[list[int]]:
    """The positions of the tensors, grouped by shape."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, tensor in enumerate(tensors):
        groups.setdefault(tuple(tensor.shape), []).append(i)
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
