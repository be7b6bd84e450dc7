"""Caffe's ``.caffemodel``: the layers of a network with their numbers, as one protobuf message.

A convolution has its kernel [out, in, height, width] and its bias, a PReLU its slopes: PyTorch's
layouts. Files of 2014 have other layer messages, and numbers with four sizes always.

Source: the messages NetParameter, LayerParameter, V1LayerParameter and BlobProto of Caffe.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from heatpose.weights.convert.arrays import add, check_shape
from heatpose.weights.convert.protobuf import Field, message_type, parse, text

_MESSAGES = {
    "Shape": {"dim": Field(1, "int64", repeated=True)},
    "Blob": {
        "num": Field(1, "int32"),
        "channels": Field(2, "int32"),
        "height": Field(3, "int32"),
        "width": Field(4, "int32"),
        "data": Field(5, "float", repeated=True),
        "shape": Field(7, "Shape"),
        "double_data": Field(8, "double", repeated=True),
    },
    "Layer": {
        "name": Field(1, "bytes"),
        "type": Field(2, "bytes"),
        "blobs": Field(7, "Blob", repeated=True),
    },
    "OldLayer": {
        "name": Field(4, "bytes"),
        "type": Field(5, "int32"),
        "blobs": Field(6, "Blob", repeated=True),
    },
    "Net": {
        "old_layer": Field(2, "OldLayer", repeated=True),
        "layer": Field(100, "Layer", repeated=True),
    },
}
_Net = message_type("heatpose.caffe", _MESSAGES, "Net")

# The types whose numbers lie as PyTorch's do. 4 and 39 are the convolutions of the old layers.
_CONVOLUTIONS = (b"Convolution", b"Deconvolution", 4, 39)
_PRELU = b"PReLU"


def read(path: Path) -> dict[str, Tensor]:
    """Read the convolutions and PReLUs of a network.

    Args:
        path: The file.

    Returns:
        ``<layer>.weight`` and ``<layer>.bias``, of the file's float type.

    Raises:
        ValueError: the file is damaged, or has numbers in other kinds of layers.
    """
    tensors: dict[str, Tensor] = {}
    try:
        net = parse(_Net, path.read_bytes())
        for layer in (*net.layer, *net.old_layer):
            for name, tensor in _tensors_of(layer).items():
                add(tensors, name, tensor)
    except ValueError as error:
        raise ValueError(f"weights: {path} looks like a Caffe file, but {error}") from error
    if not tensors:
        raise ValueError(f"weights: {path} is a Caffe file without weights")
    return tensors


def _tensors_of(layer: Any) -> dict[str, Tensor]:
    """The tensors of one layer by name; most layers have none."""
    name = text(layer.name)
    blobs = [_tensor_of(blob, f"number {i} of {name}") for i, blob in enumerate(layer.blobs)]
    if not blobs:
        return {}
    if layer.type == _PRELU and len(blobs) == 1:
        return {f"{name}.weight": blobs[0].flatten()}
    if layer.type not in _CONVOLUTIONS or len(blobs) > 2 or blobs[0].ndim != 4:
        kind = text(layer.type) if isinstance(layer.type, bytes) else layer.type
        shapes = ", ".join(str(list(blob.shape)) for blob in blobs)
        raise ValueError(
            f"layer {name} of type {kind} has numbers [{shapes}]: expected convolutions and PReLUs"
        )
    # Old files call a bias [1, 1, 1, out].
    return {
        f"{name}.{key}": blob if key == "weight" else blob.flatten()
        for key, blob in zip(("weight", "bias"), blobs, strict=False)
    }


def _tensor_of(blob: Any, what: str) -> Tensor:
    data, dtype = (
        (blob.double_data, np.float64) if len(blob.double_data) else (blob.data, np.float32)
    )
    old_shape = [blob.num, blob.channels, blob.height, blob.width]
    shape = list(blob.shape.dim) if blob.HasField("shape") else old_shape
    check_shape(shape, len(data), 1, what)
    return torch.from_numpy(np.array(data, dtype).reshape(shape))
