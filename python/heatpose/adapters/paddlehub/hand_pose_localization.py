"""PaddleHub's ``hand_pose_localization``: pictures of one hand each, one pass of a network."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from heatpose import media, ops
from heatpose.adapters.paddlehub import processor
from heatpose.ops._arrays import flag, whole
from heatpose.skeletons import HAND21

if TYPE_CHECKING:
    from torch import nn

    Model = str | os.PathLike[str] | nn.Module

Image = npt.NDArray[Any]
Point = list[int]

_HEIGHT, _LEAST_WIDTH, _MOST_PIXELS = 368, 8, 1 << 26
_THRESHOLD = 0.1
_LINE, _YELLOW, _DOT, _RED = 3, (0, 255, 255), 8, (0, 0, 255)


def needed(what: str, load_checkpoint: Model | None) -> Model:
    """The weights of a module.

    Raises:
        ValueError: there are none.
    """
    if load_checkpoint is None:
        raise ValueError(f"load_checkpoint must be given: no {what} ships with heatpose")
    return load_checkpoint


class HandPoseLocalization:
    """In place of ``hand_pose_localization``: a picture is a hand.

    Args:
        load_checkpoint: A weight file of OpenPose's hand network that
            :func:`heatpose.weights.convert.read_checkpoint` reads; or a network, a torch module
            that maps [N, 3, 368, W], ``grey / 255``, to 21 heatmaps or 22.
        use_gpu: Run it on the first CUDA device.

    Raises:
        TypeError: neither a path nor a module, or use_gpu is not bool.
        FileNotFoundError: no such file.
        ValueError: none, other weights, or no CUDA device.
    """

    name: ClassVar[str] = "hand_pose_localization"

    def __init__(self, load_checkpoint: Model | None = None, use_gpu: bool = False) -> None:
        from heatpose.adapters.openpose_networks import hand_network
        from heatpose.estimators.runner import Runner
        from heatpose.estimators.setup import pick_device, pick_dtype

        model = hand_network(needed("hand network", load_checkpoint))
        device = pick_device("cuda" if flag("use_gpu", use_gpu) else "cpu", model)
        self._runner = Runner(model, device, pick_dtype(None, model))

    def keypoint_detection(
        self,
        images: Sequence[Image] | None = None,
        paths: Sequence[str | os.PathLike[str]] | None = None,
        batch_size: int = 1,
        output_dir: str = "output",
        visualization: bool = False,
    ) -> list[list[Point | None]]:
        """Find the hand of every picture.

        Args:
            images: [H, W, 3] BGR, uint8 or floats of 0..255.
            paths: Picture files, which are answered before ``images``.
            batch_size: Pictures that the network sees at once, if they have equal shapes.
            output_dir: Folder for drawings, made where it is missing.
            visualization: Save drawings there, as ``<number>_<time>.jpg``.

        Returns:
            For each picture 21 places [x, y] in its whole pixels, None where missing.

        Raises:
            TypeError: an argument is of another type.
            FileNotFoundError: no such file.
            ValueError: not a picture, one too narrow or too wide, or a network with other outputs.
        """
        most = whole("batch_size", batch_size, low=1)
        pictures = [
            *(media.read_image(path).astype(np.float32) for path in _several("paths", paths)),
            *(_picture(f"images[{i}]", one) for i, one in enumerate(_several("images", images))),
        ]
        first = len(pictures) - len(images or ())
        inputs = [
            _network_input(f"images[{i - first}]" if i >= first else f"paths[{i}]", one)
            for i, one in enumerate(pictures)
        ]
        answers: list[list[Point | None]] = [[] for _ in pictures]
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for i, one in enumerate(inputs):
            by_shape.setdefault(one.shape, []).append(i)
        for alike in by_shape.values():
            for start in range(0, len(alike), most):
                batch = alike[start : start + most]
                maps = self._maps(np.concatenate([inputs[i] for i in batch]))
                for i, own in zip(batch, maps, strict=True):
                    answers[i] = _places(own, pictures[i].shape[:2])
        if visualization:
            _draw(output_dir, pictures, answers)
        return answers

    def serving_method(self, images: Sequence[str], **kwargs: Any) -> list[list[Point | None]]:
        """``keypoint_detection`` for pictures in base64."""
        return self.keypoint_detection([processor.base64_to_cv2(one) for one in images], **kwargs)

    def _maps(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The maps [N, 21, h, w] of inputs [N, 3, 368, W]."""
        import torch

        count = HAND21.num_keypoints
        with torch.inference_mode():
            outputs = self._runner.network(self._runner.to_network(torch.from_numpy(batch)))
        several = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
        for maps in reversed(several):
            if maps.ndim == 4 and maps.shape[1] in (count, count + 1):
                answer: npt.NDArray[np.float32] = maps[:, :count].float().cpu().numpy()
                return answer
        shapes = [tuple(maps.shape) for maps in several]
        raise ValueError(f"the network must give {count} or {count + 1} maps, got {shapes}")


def _several(name: str, values: Sequence[Any] | None) -> Sequence[Any]:
    if values is None:
        return []
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"{name} must be a list, got {type(values).__name__}")
    return values


def _picture(name: str, image: Any) -> Image:
    if not isinstance(image, np.ndarray) or image.dtype.kind not in "fu":
        given = getattr(image, "dtype", type(image).__name__)
        raise TypeError(f"{name} must be an array of uint8 or floats, got {given}")
    if image.dtype != np.uint8 and image.dtype.kind == "u":
        raise TypeError(f"{name} must be uint8 or floats, got {image.dtype}")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"{name} must have shape (H, W, 3), got {image.shape}")
    if image.size == 0:
        raise ValueError(f"{name} must have pixels, got {image.shape}")
    if image.dtype == np.uint8:
        return image
    if not np.isfinite(image).all():
        raise ValueError(f"{name} must be finite")
    return image.astype(np.float32)


def _network_input(name: str, picture: Image) -> npt.NDArray[np.float32]:
    """float32 [1, 3, 368, W]: the picture's shape is kept, its width not a multiple of 8."""
    height, width = picture.shape[:2]
    columns = int(width / height * _HEIGHT)
    if columns < _LEAST_WIDTH:
        raise ValueError(f"{name} is too narrow to be resized to {_HEIGHT} rows: {picture.shape}")
    if columns * _HEIGHT > _MOST_PIXELS:
        raise ValueError(f"{name} is too wide to be resized to {_HEIGHT} rows: {picture.shape}")
    blob = cv2.dnn.blobFromImage(
        np.ascontiguousarray(picture), 1 / 255, (columns, _HEIGHT), (0, 0, 0), swapRB=False
    )
    return np.asarray(blob, np.float32)


def _places(maps: npt.NDArray[np.float32], size: tuple[int, int]) -> list[Point | None]:
    """The largest value of each map at the picture's size, if it is large enough."""
    height, width = size
    large = np.stack([cv2.resize(one, (width, height)) for one in maps])
    coords, scores = ops.decode_heatmaps(large, method="none")
    return [
        [int(x), int(y)] if score > _THRESHOLD else None
        for (x, y), score in zip(coords.tolist(), scores.tolist(), strict=True)
    ]


def _draw(folder: str, pictures: Sequence[Image], answers: Sequence[list[Point | None]]) -> None:
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    for number, (picture, points) in enumerate(zip(pictures, answers, strict=True)):
        canvas = np.clip(picture, 0, 255).astype(np.uint8)
        for a, b in HAND21.limbs:
            start, end = points[a], points[b]
            if start is not None and end is not None:
                cv2.line(canvas, start, end, _YELLOW, _LINE)
                cv2.circle(canvas, start, _DOT, _RED, cv2.FILLED)
        media.write_image(path / f"{number}_{time.time()}.jpg", canvas)
