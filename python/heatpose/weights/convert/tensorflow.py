"""TensorFlow's frozen graphs (``.pb``): the constants that its convolutions and norms read.

A graph has hundreds of constants, most of which are sizes and axes. Weights are those that a known
operation takes as such; the operation tells the layout too. They are named after the variable that
was frozen: ``MobilenetV2/Conv/weights``, without what the freezing put behind it.

Source: the messages GraphDef, NodeDef, AttrValue and TensorProto of TensorFlow.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from heatpose.weights.convert.arrays import check_shape, tensor_of
from heatpose.weights.convert.protobuf import Field, message_type, parse, text

_MESSAGES = {
    "Dim": {"size": Field(1, "int64")},
    "Shape": {"dim": Field(2, "Dim", repeated=True)},
    "Tensor": {
        "dtype": Field(1, "int32"),
        "shape": Field(2, "Shape"),
        "content": Field(4, "bytes"),
        "float_val": Field(5, "float", repeated=True),
        "double_val": Field(6, "double", repeated=True),
        "half_val": Field(13, "int32", repeated=True),
    },
    "Value": {"tensor": Field(8, "Tensor")},
    "Attribute": {"key": Field(1, "bytes"), "value": Field(2, "Value")},  # an entry of a map
    "Node": {
        "name": Field(1, "bytes"),
        "op": Field(2, "bytes"),
        "input": Field(3, "bytes", repeated=True),
        "attributes": Field(5, "Attribute", repeated=True),
    },
    "Graph": {"node": Field(1, "Node", repeated=True)},
}
_Graph = message_type("heatpose.tensorflow", _MESSAGES, "Graph")

# Which inputs of an operation are weights, and the order of axes that makes them PyTorch's:
# [h, w, in, out] to [out, in, h, w]; of a depthwise one [h, w, channels, 1] to [channels, 1, h, w].
_VECTOR = (0,)
_NORM = dict.fromkeys(range(1, 5), _VECTOR)
_WEIGHTS: Mapping[bytes, Mapping[int, tuple[int, ...]]] = {
    b"Conv2D": {1: (3, 2, 0, 1)},
    b"DepthwiseConv2dNative": {1: (2, 3, 0, 1)},
    b"BiasAdd": {1: _VECTOR},
    b"FusedBatchNorm": _NORM,
    b"FusedBatchNormV2": _NORM,
    b"FusedBatchNormV3": _NORM,
}
_PASSING_ON = (b"Identity", b"StopGradient")
_FROZEN = re.compile(r"(/read)?(/_\d+__cf__\d+)?$")

_DTYPES: Mapping[int, np.dtype[Any]] = {1: np.dtype("<f4"), 2: np.dtype("<f8"), 19: np.dtype("<f2")}
_LONGEST = 2**40  # values that a tensor may claim: far beyond all, and safe to multiply
_LONGEST_CHAIN = 16  # nodes between a constant and the operation that reads it
_PADDED = 1024  # values per stored one, where the last is repeated


def read(path: Path) -> dict[str, Tensor]:
    """Read the weights of a graph's convolutions, biases and norms.

    Args:
        path: The file.

    Returns:
        Tensors by the names of the variables, in PyTorch's layouts. A constant of equal values is
        a view of one number.

    Raises:
        ValueError: the file is damaged, or has no such operations.
    """
    try:
        graph = parse(_Graph, path.read_bytes())
        nodes = {_name(node.name): node for node in graph.node}
        if len(nodes) < len(graph.node):
            raise ValueError("two of its nodes have one name")
        tensors = _weights_of(nodes)
    except ValueError as error:
        raise ValueError(f"weights: {path} looks like a TensorFlow graph, but {error}") from error
    if not tensors:
        raise ValueError(f"weights: {path} is a TensorFlow graph without frozen weights")
    return tensors


def _weights_of(nodes: Mapping[str, Any]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    layouts: dict[str, tuple[str, tuple[int, ...]]] = {}
    for node in nodes.values():
        for position, axes in _WEIGHTS.get(node.op, {}).items():
            constant = _constant_of(node, position, nodes)
            if constant is None:
                continue
            source = _name(constant.name)
            name = _FROZEN.sub("", source)
            if layouts.setdefault(name, (source, axes)) != (source, axes):
                raise ValueError(f"{name} is read in two ways")
            if name in tensors:
                continue
            tensor = _tensor_of(constant, name)
            if tensor.numel() == 0:
                continue  # the statistics that a norm in training mode does not have
            if tensor.ndim != len(axes):
                raise ValueError(
                    f"{name} has {tensor.ndim} axes {list(tensor.shape)}: {text(node.op)} needs "
                    f"{len(axes)}"
                )
            tensors[name] = tensor.permute(axes)
    return tensors


def _constant_of(node: Any, position: int, nodes: Mapping[str, Any]) -> Any:
    """The constant behind an input of a node; None where the input is computed or absent."""
    if position >= len(node.input):
        return None
    for _ in range(_LONGEST_CHAIN):
        source = nodes.get(_name(node.input[position]))
        if source is None or source.op == b"Const":
            return source
        if source.op not in _PASSING_ON or not source.input:
            return None
        node, position = source, 0
    raise ValueError(f"the chain of nodes at {_name(node.name)} has no end")


def _name(name: bytes) -> str:
    """The name of a node; an input may name an output of it (``split:1``)."""
    return re.sub(r":\d+$", "", text(name))


def _tensor_of(constant: Any, name: str) -> Tensor:
    """The value of a constant: raw bytes, or a list of values of which the last one repeats."""
    proto = next((a.value.tensor for a in constant.attributes if a.key == b"value"), None)
    if proto is None or proto.dtype not in _DTYPES:
        found = "no value" if proto is None else f"type number {proto.dtype}"
        raise ValueError(f"{name} has {found}: expected a float16, float32 or float64 tensor")
    dtype = _DTYPES[proto.dtype]
    shape = [dim.size for dim in proto.shape.dim]
    if proto.content:
        return tensor_of(proto.content, dtype, shape, name)
    if proto.dtype == 19:
        bits = np.array(proto.half_val, np.int64).astype(np.uint16)
        values = torch.from_numpy(bits.view(np.float16).copy())
    else:
        stored = proto.float_val if proto.dtype == 1 else proto.double_val
        values = torch.from_numpy(np.array(stored, dtype.newbyteorder("=")))
    return _filled(values, shape, name)


def _filled(values: Tensor, shape: list[int], name: str) -> Tensor:
    """Repeat the last value until the shape is full."""
    count = math.prod(shape)
    few = 0 < len(values) < count
    if not few or any(size < 0 for size in shape) or count > _LONGEST:
        check_shape(shape, len(values), 1, name)
        return values.reshape(shape)
    if len(values) == 1:
        return values.reshape([1] * len(shape)).expand(
            shape
        )  # takes no memory, whatever is claimed
    if count > _PADDED * len(values):
        raise ValueError(f"{name} claims {count} values ({shape}), the file has {len(values)}")
    return torch.cat([values, values[-1:].expand(count - len(values))]).reshape(shape)
