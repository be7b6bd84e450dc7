"""Small ONNX files that answer as the detectors' models do, made in the test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STRIDES = (8, 16, 32)


def model_bytes(
    nodes: Sequence[Any],
    constants: dict[str, Any],
    outputs: dict[str, tuple[int, Sequence[Any]]],
    *,
    shape: Sequence[Any] = (1, 3, 64, 96),
    element: int = TensorProto.FLOAT,
    inputs: Sequence[str] = ("images",),
) -> bytes:
    """A model of the given nodes; outputs are (element type, declared shape) by name."""
    graph = helper.make_graph(
        list(nodes),
        "detector",
        [helper.make_tensor_value_info(name, element, list(shape)) for name in inputs],
        [
            helper.make_tensor_value_info(name, kind, list(sizes))
            for name, (kind, sizes) in outputs.items()
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 13)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def constant_model(
    outputs: dict[str, Any], *, declared: dict[str, Sequence[Any]] | None = None, **options: Any
) -> bytes:
    """A model that gives the same arrays for every photo, in declared or in their own shapes.

    Where shapes are declared the true ones depend on the photo (on 0 times its brightest pixel),
    so that nobody can know them before.
    """
    kinds = {"f": TensorProto.FLOAT, "i": TensorProto.INT64}
    constants = {f"{name}_value": value for name, value in outputs.items()}
    if declared is None:
        nodes = [helper.make_node("Identity", [f"{name}_value"], [name]) for name in outputs]
    else:
        constants |= {f"{name}_shape": np.array(value.shape) for name, value in outputs.items()}
        constants["zero"] = np.float32(0)
        nodes = [
            helper.make_node("ReduceMax", ["images"], ["brightest"], keepdims=0),
            helper.make_node("Mul", ["brightest", "zero"], ["nothing"]),
            helper.make_node("Cast", ["nothing"], ["whole"], to=TensorProto.INT64),
        ]
        for name in outputs:
            nodes += [
                helper.make_node("Add", [f"{name}_shape", "whole"], [f"{name}_late"]),
                helper.make_node("Reshape", [f"{name}_value", f"{name}_late"], [name]),
            ]
    shapes = declared or {name: value.shape for name, value in outputs.items()}
    return model_bytes(
        nodes,
        constants,
        {name: (kinds[value.dtype.kind], shapes[name]) for name, value in outputs.items()},
        **options,
    )


def pixel_model(pixels: Sequence[tuple[int, int, int]], size: tuple[int, int]) -> bytes:
    """A model with suppression inside whose scores are input pixels (channel, y, x), in order."""
    where = [(c * size[0] + y) * size[1] + x for c, y, x in pixels]
    count = len(pixels)
    boxes = np.tile(np.array([0, 0, 8, 8], np.float32), (1, count, 1))
    return model_bytes(
        [
            helper.make_node("Reshape", ["images", "flat"], ["line"]),
            helper.make_node("Gather", ["line", "where"], ["values"]),
            helper.make_node("Reshape", ["values", "column"], ["scores"]),
            helper.make_node("Concat", ["boxes", "scores"], ["dets"], axis=2),
            helper.make_node("Identity", ["no_labels"], ["labels"]),
        ],
        {
            "flat": np.array([-1], np.int64),
            "where": np.array(where, np.int64),
            "column": np.array([1, count, 1], np.int64),
            "boxes": boxes,
            "no_labels": np.zeros((1, count), np.int64),
        },
        {"dets": (TensorProto.FLOAT, (1, count, 5)), "labels": (TensorProto.INT64, (1, count))},
        shape=(1, 3, *size),
    )


def anchors(size: tuple[int, int]) -> int:
    return sum((size[0] // stride) * (size[1] // stride) for stride in STRIDES)


def raw_grid(
    planted: Sequence[tuple[Sequence[float], int, dict[int, float]]],
    size: tuple[int, int] = (64, 96),
    *,
    classes: int = 80,
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The raw output [1, A, 5 + classes] with boxes planted: (box, stride, score by class).

    Objectness is 0.5 where a box is, so that class scores are twice the box's.
    """
    raw = np.zeros((1, anchors(size), 5 + classes), np.float32)
    for (x1, y1, x2, y2), stride, scores in planted:
        x, y = (x1 + x2) / 2 / stride, (y1 + y2) / 2 / stride
        before = sum((size[0] // s) * (size[1] // s) for s in STRIDES if s < stride)
        rows, columns = size[0] // stride, size[1] // stride
        column, row = min(max(int(x), 0), columns - 1), min(max(int(y), 0), rows - 1)
        cell = raw[0, before + row * columns + column]
        assert not cell.any(), "two boxes in one cell"
        cell[:5] = (
            x - column,
            y - row,
            np.log((x2 - x1) / stride),
            np.log((y2 - y1) / stride),
            0.5,
        )
        for number, score in scores.items():
            cell[5 + number] = score / 0.5
    return raw


def checked(model: bytes) -> bytes:
    """The model, once ONNX's own checker has passed it."""
    onnx.checker.check_model(onnx.load_from_string(model))
    return model
