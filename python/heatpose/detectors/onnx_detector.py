"""What the detectors of ONNX Runtime have in common: photo in, letterbox, run, boxes out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from heatpose.detectors.letterbox import Float32, boxes_in_photo, letterbox
from heatpose.detectors.onnx_session import ModelSource, Provider, fits, open_session, shapes
from heatpose.media import check_image
from heatpose.results import Boxes

DETS = (1, None, 5)
LABELS = (1, None)


class OnnxDetector(ABC):
    """A detector whose network takes one letterboxed photo, float32 [1, 3, h, w] BGR.

    Subclasses say how colours are normalised and how boxes are read from the outputs. Nothing is
    kept between calls, so many threads may share one detector.

    Attributes:
        size: (h, w) of the network's input in pixels.
        score_threshold: Boxes of this score or less are dropped.
        classes: The classes whose boxes are kept.
    """

    _architecture: ClassVar[str]
    _free_size: ClassVar[int]  # for models that leave the size of their input open
    _mean: ClassVar[tuple[float, float, float] | None] = None  # BGR, 0..255
    _std: ClassVar[tuple[float, float, float] | None] = None

    def __init__(
        self,
        model: ModelSource,
        *,
        score_threshold: float,
        classes: Sequence[int],
        size: int | tuple[int, int] | None,
        providers: Sequence[Provider] | None,
        threads: int | None,
    ) -> None:
        self.score_threshold = checked_fraction("score_threshold", score_threshold)
        self.classes = _checked_classes(classes)
        wanted = _checked_size(size)
        self._session, self._name = open_session(
            model, architecture=self._architecture, providers=providers, threads=threads
        )
        self.size = self._input_size(wanted)
        self._check_outputs(self._session.get_outputs())

    def __call__(self, image: npt.NDArray[np.uint8], /) -> Boxes:
        """Find the boxes of one photo.

        Args:
            image: uint8 [H, W, 3] BGR.

        Returns:
            The boxes, best first, clipped to the photo: a photo spans (0, 0, W, H).

        Raises:
            TypeError: not a uint8 array.
            ValueError: another shape, no pixels, or a model whose outputs are not a detector's.
        """
        check_image(image)
        canvas, ratio = letterbox(image, self.size)
        outputs = self._session.run(
            self._outputs(), {self._session.get_inputs()[0].name: self._prepare(canvas)}
        )
        boxes, scores = self._read(outputs)
        return boxes_in_photo(boxes, scores, ratio, (image.shape[0], image.shape[1]))

    @abstractmethod
    def _check_outputs(self, outputs: Sequence[Any]) -> None:
        """Refuse a model whose declared outputs cannot be a detector's."""

    @abstractmethod
    def _read(self, outputs: Sequence[npt.NDArray[Any]]) -> tuple[Float32, Float32]:
        """Boxes [M, 4] (x1, y1, x2, y2) on the canvas, and scores [M], above the threshold."""

    def _outputs(self) -> list[str]:
        # Models that also give masks have a third.
        return [output.name for output in self._session.get_outputs()[:2]]

    def _prepare(self, canvas: npt.NDArray[np.uint8]) -> Float32:
        pixels = canvas.astype(np.float32)
        if self._mean is not None and self._std is not None:
            mean, std = np.array([self._mean, self._std], np.float32)
            pixels = (pixels - mean) / std
        return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])

    def _input_size(self, wanted: tuple[int, int] | None) -> tuple[int, int]:
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if inputs else ()
        right = len(inputs) == 1 and inputs[0].type == "tensor(float)" and len(shape) == 4
        if not right or not fits(shape, (1, 3, None, None)):
            raise ValueError(
                f"{self._name} must have one input, float [1, 3, h, w], got {shapes(inputs)}"
            )
        free = wanted or (self._free_size, self._free_size)
        size = tuple(
            declared if isinstance(declared, int) else chosen
            for declared, chosen in zip(shape[2:], free, strict=True)
        )
        if wanted is not None and size != wanted:
            raise ValueError(f"size must be {size}, which the model fixes, got {wanted}")
        return size[0], size[1]

    def _read_nms(self, outputs: Sequence[npt.NDArray[Any]]) -> tuple[Float32, Float32]:
        """Boxes of a model that has its non-maximum suppression inside."""
        dets, labels = outputs
        if not (dets.ndim and fits(dets.shape, DETS) and labels.shape == dets.shape[:2]):
            raise ValueError(
                f"{self._name} must give dets [1, N, 5] and labels [1, N], "
                f"got {list(dets.shape)} and {list(labels.shape)}"
            )
        boxes, scores = dets[0, :, :4], dets[0, :, 4]
        kept = (scores > self.score_threshold) & np.isin(labels[0], self.classes)
        return boxes[kept].astype(np.float32), scores[kept].astype(np.float32)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self._name!r}, size={self.size}, "
            f"score_threshold={self.score_threshold}, classes={self.classes})"
        )


def declares_nms(outputs: Sequence[Any]) -> bool:
    """Whether the declared outputs can be boxes after suppression, and their labels."""
    return len(outputs) >= 2 and fits(outputs[0].shape, DETS) and fits(outputs[1].shape, LABELS)


def checked_fraction(name: str, value: float) -> float:
    """A number of 0..1.

    Raises:
        TypeError: not a number.
        ValueError: out of range.
    """
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not (math.isfinite(value) and 0 <= value <= 1):
        raise ValueError(f"{name} must be 0..1, got {value}")
    return float(value)


def _checked_classes(classes: Sequence[int]) -> tuple[int, ...]:
    if isinstance(classes, str) or not all(
        hasattr(one, "__index__") and not isinstance(one, bool) for one in classes
    ):
        raise TypeError(f"classes must be whole numbers, got {classes!r}")
    checked = tuple(dict.fromkeys(int(one) for one in classes))
    if not checked or min(checked) < 0:
        raise ValueError(f"classes must be numbers from 0, at least one, got {classes!r}")
    return checked


def _checked_size(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    pair = (size, size) if isinstance(size, int) else tuple(size)
    if len(pair) != 2 or not all(
        hasattr(side, "__index__") and not isinstance(side, bool) for side in pair
    ):
        raise TypeError(f"size must be a whole number or (height, width), got {size!r}")
    if min(pair) < 32 or any(side % 32 for side in pair):
        raise ValueError(f"size must be multiples of 32, got {size!r}")
    return int(pair[0]), int(pair[1])
