"""Small weight files of other programs, written byte by byte: nothing here reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]


def numbers(*shape: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Different float32 values of a shape."""
    return np.random.default_rng([seed, *shape]).random(shape, dtype=np.float32) - 0.5


# --- Protobuf


def varint(number: int) -> bytes:
    data = b""
    while number >= 0x80:
        data += bytes([number & 0x7F | 0x80])
        number >>= 7
    return data + bytes([number])


def field(number: int, value: int | str | bytes) -> bytes:
    """A field: a number as varint, else with its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value % 2**64)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def packed(values: Iterable[int]) -> bytes:
    return b"".join(varint(value) for value in values)


# --- Caffe


def caffe_blob(array: Array, *, old: bool = False, double: bool = False) -> bytes:
    """A blob: with a shape, or with the four sizes of old files."""
    if old:
        sizes = [1] * (4 - array.ndim) + list(array.shape)
        shape = b"".join(field(i + 1, size) for i, size in enumerate(sizes))
    else:
        shape = field(7, field(1, packed(array.shape)))
    if double:
        return shape + field(8, array.astype("<f8").tobytes())
    gradient = field(6, np.zeros(3, "<f4").tobytes())  # which a reader skips
    return shape + field(5, array.astype("<f4").tobytes()) + gradient


def caffe_layer(name: str, kind: str, *blobs: bytes) -> bytes:
    """A layer with an input and an output, as a field of the network."""
    data = field(1, name) + field(2, kind) + field(3, "below") + field(4, name) + field(10, 1)
    return field(100, data + b"".join(field(7, blob) for blob in blobs))


def caffe_old_layer(name: str, kind: int, *blobs: bytes) -> bytes:
    data = field(2, "below") + field(3, name) + field(4, name) + field(5, kind)
    return field(2, data + b"".join(field(6, blob) for blob in blobs))


CAFFE_START = field(1, "pose") + field(3, "image") + b"".join(field(4, n) for n in (1, 3, 16, 16))


# --- TensorFlow


def tf_tensor(shape: Sequence[int], values: bytes, *, dtype: int = 1) -> bytes:
    """A tensor of encoded values (see ``tf_content``, ``tf_floats``, ``tf_halves``)."""
    dims = b"".join(field(2, field(1, size)) for size in shape)
    return field(1, dtype) + field(2, dims) + values


def tf_content(array: Array) -> bytes:
    return tf_tensor(
        array.shape,
        field(4, array.tobytes()),
        dtype={"f2": 19, "f4": 1, "f8": 2}[array.dtype.str[1:]],
    )


def tf_floats(shape: Sequence[int], *values: float) -> bytes:
    return tf_tensor(shape, field(5, np.array(values, "<f4").tobytes()))


def tf_halves(shape: Sequence[int], *values: float) -> bytes:
    bits = np.array(values, np.float16).view(np.uint16).tolist()
    return tf_tensor(shape, field(13, packed(bits)), dtype=19)


def tf_node(name: str, op: str, *inputs: str, **attributes: bytes) -> bytes:
    data = field(1, name) + field(2, op) + b"".join(field(3, source) for source in inputs)
    for key, value in attributes.items():
        data += field(5, field(1, key) + field(2, value))
    return field(1, data)


def tf_const(name: str, tensor: bytes) -> bytes:
    return tf_node(name, "Const", dtype=field(6, 1), value=field(8, tensor))


TF_END = field(3, 21) + field(4, field(1, 24))  # the graph's versions


TF_IMAGE = tf_node("image", "Placeholder", dtype=field(6, 1))


def mobilenet_graph(weights: Mapping[str, Array]) -> bytes:
    """The graph's constants and their readers, of arrays by variable name in PyTorch's layout."""
    graph = TF_IMAGE
    norms: dict[str, list[str]] = {}
    for i, (name, array) in enumerate(weights.items()):
        if name.endswith("depthwise_weights"):
            op, array = "DepthwiseConv2dNative", array.transpose(2, 3, 0, 1)
        elif name.endswith("weights"):
            op, array = "Conv2D", array.transpose(2, 3, 1, 0)
        else:
            norms.setdefault(name.rpartition("/")[0], []).append(name)
            op = ""
        node = name if name.endswith("Const") else f"{name}/read/_{i}__cf__{i}"
        equal = array.size > 1 and (array == array.flat[0]).all()
        value = tf_floats(array.shape, array.flat[0]) if equal else tf_content(array)
        graph += tf_const(node, value)
        if op:
            graph += tf_node(f"{name}/{op}", op, "image", node)
        else:
            norms[name.rpartition("/")[0]][-1] = node
    order = ["gamma", "Const", "beta", "moving_mean", "moving_variance"]
    for layer, nodes in norms.items():
        nodes.sort(key=lambda node: order.index(node.split("BatchNorm/")[1].split("/")[0]))
        graph += tf_node(f"{layer}/FusedBatchNorm", "FusedBatchNorm", "image", *nodes)
    return graph + TF_END


# --- Keras


def write_keras(
    path: Path, layers: Mapping[str, Mapping[str, Array]], *, inside: str = "model_weights"
) -> None:
    """A file of ``model.save``, or with ``inside=""`` of ``save_weights``."""
    with h5py.File(path, "w") as file:
        root = file.require_group(inside or "/")
        root.attrs["layer_names"] = [name.encode() for name in layers]
        root.attrs["backend"] = b"tensorflow"
        for layer, variables in layers.items():
            group = root.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in variables]
            for name, array in variables.items():
                group.create_dataset(name, data=array)
        if inside:
            file.create_group("optimizer_weights").create_dataset("Adam/m:0", data=np.zeros(3))
