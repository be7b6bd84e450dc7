"""The scale search: a network of maps sees a picture at several sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from heatpose import ops
from heatpose.estimators.runner import Runner
from heatpose.networks import InputSpec
from heatpose.ops import Size

# A search scale far beyond any photo's worth: an error instead of an hour of swapping.
_MAX_INPUT_PIXELS = 1 << 26


class SearchedMaps(NamedTuple):
    """The maps of one picture, for each scale of the search.

    Attributes:
        maps: One list per output of the network, with [C, h, w] of each scale.
        content: (height, width) in network-input pixels that the picture covered, of each scale.
    """

    maps: list[list[Any]]
    content: list[Size]


class ScaleSearch:
    """For every scale ``s`` a picture is resized by ``s * box / H``, padded, and run through.

    H is the height of the picture, or, where the picture is what lies in the photo of a box that
    leaves it, that of the box: how much of a hand is to be seen does not change its size.

    Source: Cao et al., "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields", 2017.
    """

    def __init__(
        self, runner: Runner, spec: InputSpec, *, scales: tuple[float, ...], box: int
    ) -> None:
        self.runner = runner
        self.spec = spec
        self.scales = scales
        self.box = box

    def __call__(
        self, pictures: Sequence[Any], heights: Sequence[int] | None = None
    ) -> list[SearchedMaps]:
        """The maps of every picture; pictures of one input size share a run of the network.

        Args:
            pictures: uint8 [H, W, 3] BGR, as :meth:`Runner.upload` gives them.
            heights: Pixels of the H of each. ``None``: of the pictures themselves.

        Raises:
            ValueError: a picture so elongated that its resized form would exceed 2^26 pixels.
        """
        if heights is None:
            heights = [picture.shape[0] for picture in pictures]
        searched = [self._at(pictures, heights, scale) for scale in self.scales]
        answers = []
        for scales in zip(*searched, strict=True):
            outputs, content = zip(*scales, strict=True)
            answers.append(SearchedMaps([list(o) for o in zip(*outputs, strict=True)], [*content]))
        return answers

    def _at(
        self, pictures: Sequence[Any], heights: Sequence[int], scale: float
    ) -> list[tuple[tuple[Any, ...], Size]]:
        """Outputs of the network and content size of every picture at one scale of the search."""
        prepared = [
            self._prepare(picture, scale, scale * self.box / height)
            for picture, height in zip(pictures, heights, strict=True)
        ]
        outputs: dict[int, tuple[Any, ...]] = {}
        for same in _same_shape([tensor for tensor, _ in prepared]):
            batch = self._run(torch.cat([prepared[i][0] for i in same]))
            outputs |= {i: tuple(maps[n] for maps in batch) for n, i in enumerate(same)}
        return [(outputs[i], content) for i, (_, content) in enumerate(prepared)]

    def _prepare(self, picture: Any, scale: float, factor: float) -> tuple[Tensor, Size]:
        spec = self.spec
        height, width = picture.shape[:2]
        pixels = factor * height * factor * width
        if pixels > _MAX_INPUT_PIXELS:
            raise ValueError(
                f"a photo of {width}x{height} pixels at scale {scale} and box "
                f"{self.box} would be resized to {pixels:.2g} pixels, more than {_MAX_INPUT_PIXELS}"
            )
        tensor, content = ops.prepare_image(
            picture,
            scale=factor,
            stride=spec.stride,
            pad_value=spec.pad_value,
            norm_scale=spec.norm_scale,
            norm_offset=spec.norm_offset,
            swap_rgb=spec.colour == "rgb",
        )
        return torch.as_tensor(tensor), content

    @torch.inference_mode()
    def _run(self, batch: Tensor) -> list[Any]:
        outputs = self.runner.network(self.runner.to_network(batch))
        if isinstance(outputs, Tensor):
            outputs = (outputs,)
        return [self.runner.to_decoder(maps) for maps in outputs]


def _same_shape(tensors: Sequence[Tensor]) -> Iterator[list[int]]:
    """The positions of the tensors, grouped by shape."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, tensor in enumerate(tensors):
        groups.setdefault(tuple(tensor.shape), []).append(i)
    yield from groups.values()


def checked_scales(scales: Sequence[float]) -> tuple[float, ...]:
    """The scales of a search.

    Raises:
        TypeError: not a sequence of numbers.
        ValueError: none, or one that is not above 0.
    """
    try:
        checked = tuple(float(scale) for scale in scales)
    except TypeError:
        raise TypeError(f"scales must be a sequence of numbers, got {scales!r}") from None
    if not checked or not all(math.isfinite(scale) and scale > 0 for scale in checked):
        raise ValueError(f"scales must be positive numbers, at least one, got {scales!r}")
    return checked
