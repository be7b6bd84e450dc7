"""Boxes of hands by RTMDet, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from heatpose.detectors.letterbox import Float32
from heatpose.detectors.onnx_detector import OnnxDetector, declares_nms
from heatpose.detectors.onnx_session import ModelSource, Provider, shapes


class RtmdetDetector(OnnxDetector):
    """Find hands with an RTMDet model that has its non-maximum suppression inside.

    Its outputs are ``dets`` [1, N, 5] (x1, y1, x2, y2, score) and ``labels`` [1, N]. Which hand it
    is the model does not say: ``sides`` are None.

    The photo is resized to fit the network's input, top left, on grey 114, and given as BGR less
    the mean (103.53, 116.28, 123.675), over (57.375, 57.12, 58.395).

    Args:
        model: An ONNX file, its content, or a name of the registry such as
            ``"rtmdet-nano-hand-onnx"``, which is downloaded once.
        score_threshold: Boxes of this score or less are dropped.
        classes: Classes to keep; the hand is 0.
        size: Side, or (height, width), of the input of a model that leaves it open, in multiples of
            32. ``None``: 320.
        providers: Execution providers of ONNX Runtime; ``None`` is the CPU.
        threads: Threads of one run; ``None`` lets ONNX Runtime choose.

    Raises:
        ImportError: onnxruntime is missing.
        TypeError: an argument of another type.
        ValueError: a number out of range; not an ONNX model; a model with other inputs or outputs.
        FileNotFoundError: no such file.

    Source: Lyu et al., "RTMDet: An Empirical Study of Designing Real-Time Object Detectors", 2022,
    arXiv:2212.07784; the hand model is mmpose's.
    """

    _architecture = "rtmdet"
    _free_size = 320
    _mean = (103.53, 116.28, 123.675)
    _std = (57.375, 57.12, 58.395)

    def __init__(
        self,
        model: ModelSource,
        *,
        score_threshold: float = 0.3,
        classes: Sequence[int] = (0,),
        size: int | tuple[int, int] | None = None,
        providers: Sequence[Provider] | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(
            model,
            score_threshold=score_threshold,
            classes=classes,
            size=size,
            providers=providers,
            threads=threads,
        )

    def _check_outputs(self, outputs: Sequence[Any]) -> None:
        if not declares_nms(outputs):
            raise ValueError(
                f"{self._name} must have the outputs of an RTMDet detector, dets [1, N, 5] and "
                f"labels [1, N], got {shapes(outputs)}"
            )

    def _read(self, outputs: Sequence[npt.NDArray[Any]]) -> tuple[Float32, Float32]:
        return self._read_nms(outputs)
