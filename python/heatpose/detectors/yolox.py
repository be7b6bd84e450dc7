"""Boxes of people by YOLOX, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from heatpose.detectors.letterbox import Float32
from heatpose.detectors.onnx_detector import OnnxDetector, checked_fraction, declares_nms
from heatpose.detectors.onnx_session import ModelSource, Provider, fits, shapes

_STRIDES = (8, 16, 32)


class YoloxDetector(OnnxDetector):
    """Find people, or other things, with a YOLOX model.

    Two exports are read, told apart by their outputs. The raw one of the authors gives
    [1, A, 5 + C]: for each of A cells of the three grids the box, its objectness and the scores of
    C classes; the boxes are decoded and suppressed here, each class by itself. The other has
    the suppression inside and gives ``dets`` [1, N, 5] (x1, y1, x2, y2, score) and ``labels``
    [1, N].

    The photo is resized to fit the network's input, top left, on grey 114, and given as BGR 0..255.

    Args:
        model: An ONNX file, its content, or a name of the registry such as ``"megvii-yolox_nano"``,
            which is downloaded once.
        score_threshold: Boxes of this score (objectness times class) or less are dropped.
        iou_threshold: Of two boxes of a class that overlap by more than this share of their union
            only the better one stays. Not used where the model has the suppression inside.
        classes: Classes to keep; 0 is the person of COCO and of Human-Art.
        size: Side, or (height, width), of the input of a model that leaves it open, in multiples of
            32. ``None``: 640.
        providers: Execution providers of ONNX Runtime; ``None`` is the CPU.
        threads: Threads of one run; ``None`` lets ONNX Runtime choose.

    Raises:
        ImportError: onnxruntime is missing.
        TypeError: an argument of another type.
        ValueError: a number out of range; not an ONNX model; a model with other inputs or outputs.
        FileNotFoundError: no such file.

    Source: Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430.
    """

    _architecture = "yolox"
    _free_size = 640

    def __init__(
        self,
        model: ModelSource,
        *,
        score_threshold: float = 0.3,
        iou_threshold: float = 0.45,
        classes: Sequence[int] = (0,),
        size: int | tuple[int, int] | None = None,
        providers: Sequence[Provider] | None = None,
        threads: int | None = None,
    ) -> None:
        self.iou_threshold = checked_fraction("iou_threshold", iou_threshold)
        super().__init__(
            model,
            score_threshold=score_threshold,
            classes=classes,
            size=size,
            providers=providers,
            threads=threads,
        )
        self._cells, self._cell_strides = grid_cells(self.size)

    def _check_outputs(self, outputs: Sequence[Any]) -> None:
        anchors = sum((self.size[0] // s) * (self.size[1] // s) for s in _STRIDES)
        if len(outputs) == 1:
            shape = outputs[0].shape
            columns = shape[2] if len(shape) == 3 and isinstance(shape[2], int) else None
            right = fits(shape, (1, anchors, None)) and (columns is None or columns > 5)
            if right and columns is not None:
                self._check_classes(columns)
        else:
            right = declares_nms(outputs)
        if not right:
            raise ValueError(
                f"{self._name} must have the outputs of a YOLOX detector: one [1, {anchors}, 5 + C]"
                f" for an input of {self.size}, or dets [1, N, 5] and labels [1, N]; "
                f"got {shapes(outputs)}"
            )

    def _check_classes(self, columns: int) -> None:
        if max(self.classes) >= columns - 5:
            raise ValueError(
                f"classes must be 0..{columns - 6} with {self._name}, got {self.classes}"
            )

    def _read(self, outputs: Sequence[npt.NDArray[Any]]) -> tuple[Float32, Float32]:
        if len(outputs) == 2:
            return self._read_nms(outputs)
        raw = outputs[0]
        if raw.ndim != 3 or raw.shape[:2] != (1, len(self._cells)) or raw.shape[2] < 6:
            raise ValueError(
                f"{self._name} must give [1, {len(self._cells)}, 5 + C], got {list(raw.shape)}"
            )
        self._check_classes(raw.shape[2])
        found = [self._read_class(raw[0], one) for one in self.classes]
        boxes, scores = (np.concatenate(part) for part in zip(*found, strict=True))
        return boxes, scores

    def _read_class(self, raw: Float32, number: int) -> tuple[Float32, Float32]:
        every_score = raw[:, 4] * raw[:, 5 + number]
        rows = np.flatnonzero(every_score > self.score_threshold)
        scores, strides = every_score[rows], self._cell_strides[rows]
        centers = (raw[rows, :2] + self._cells[rows]) * strides
        with np.errstate(over="ignore"):  # a box without end is dropped below
            half = np.exp(raw[rows, 2:4]) * strides / 2
        boxes = np.concatenate([centers - half, centers + half], axis=1)
        finite = np.isfinite(boxes).all(axis=1)
        boxes, scores = boxes[finite], scores[finite]
        corners_and_sizes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
        kept = cv2.dnn.NMSBoxes(
            corners_and_sizes.astype(np.float64).tolist(),
            scores.tolist(),
            self.score_threshold,
            self.iou_threshold,
        )
        # OpenCV gives a column, a row or an empty tuple, depending on its version and the number.
        chosen = np.asarray(kept, np.int64).ravel()
        return boxes[chosen], scores[chosen]


def grid_cells(size: tuple[int, int]) -> tuple[Float32, Float32]:
    """The cells of the three grids over an input of ``size``, in the order of the raw output.

    Returns:
        float32 [A, 2], (x, y) of each cell in its grid, and float32 [A, 1], pixels per cell: grids
        of strides 8, 16, 32, each row by row.
    """
    cells, strides = [], []
    for stride in _STRIDES:
        rows, columns = np.indices((size[0] // stride, size[1] // stride), np.float32)
        cells.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full((rows.size, 1), stride, np.float32))
    return np.concatenate(cells), np.concatenate(strides)
