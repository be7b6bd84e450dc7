"""Caffe's weight files, both kinds of layers, and broken ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from convert_files import CAFFE_START, caffe_blob, caffe_layer, caffe_old_layer, field, numbers
from heatpose.networks import OpenPoseBody25, OpenPoseFace, OpenPoseHand, OpenPoseVGG19
from heatpose.weights.convert import read_checkpoint


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pose_iter.caffemodel"


KERNEL, BIAS, SLOPES = numbers(4, 3, 5, 5), numbers(4), numbers(4, seed=1)


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("old_sizes", [False, True])
def test_convolutions_and_prelus_become_flat_names(
    path: Path, old_sizes: bool, double: bool
) -> None:
    def blob(array: np.ndarray) -> bytes:
        return caffe_blob(array, old=old_sizes, double=double)

    path.write_bytes(
        CAFFE_START
        + caffe_layer("image", "Input")
        + caffe_layer("conv4_2", "Convolution", blob(KERNEL), blob(BIAS))
        + caffe_layer("prelu4_2", "PReLU", blob(SLOPES))
        + caffe_layer("no_bias", "Convolution", blob(KERNEL))
    )
    tensors = read_checkpoint(path)
    assert list(tensors) == ["conv4_2.weight", "conv4_2.bias", "prelu4_2.weight", "no_bias.weight"]
    for tensor, array in zip(tensors.values(), (KERNEL, BIAS, SLOPES, KERNEL), strict=True):
        assert tensor.dtype == (torch.float64 if double else torch.float32)
        np.testing.assert_array_equal(tensor.numpy(), array)


def test_layers_of_2014_are_read(path: Path) -> None:
    blobs = (caffe_blob(KERNEL, old=True), caffe_blob(BIAS, old=True))
    path.write_bytes(
        CAFFE_START + caffe_old_layer("relu", 18) + caffe_old_layer("conv1_1", 4, *blobs)
    )
    tensors = read_checkpoint(path)
    np.testing.assert_array_equal(tensors["conv1_1.weight"].numpy(), KERNEL)
    np.testing.assert_array_equal(tensors["conv1_1.bias"].numpy(), BIAS)


def test_numbers_may_be_unpacked_or_in_pieces(path: Path) -> None:
    head, tail = (part.tobytes() for part in np.split(BIAS, [1]))
    one_by_one = b"".join(b"\x2d" + value.tobytes() for value in BIAS)  # field 5, four bytes each
    for data in (one_by_one, field(5, head) + field(5, tail)):
        blob = field(7, field(1, 4)) + data  # the shape is one number that is not packed, either
        path.write_bytes(CAFFE_START + caffe_layer("prelu", "PReLU", blob))
        np.testing.assert_array_equal(read_checkpoint(path)["prelu.weight"].numpy(), BIAS)


@pytest.mark.parametrize("network", [OpenPoseVGG19, OpenPoseHand, OpenPoseFace, OpenPoseBody25])
def test_the_names_of_openposes_files_are_those_of_its_networks(
    path: Path, network: type[nn.Module]
) -> None:
    with torch.device("meta"):
        wanted = network()
    layers = [
        (name, "Convolution", numbers(1, 1, 1, 1), numbers(1))
        if isinstance(module, nn.Conv2d)
        else (name, "PReLU", numbers(1))
        for name, module in wanted.named_children()
    ]
    path.write_bytes(
        CAFFE_START
        + b"".join(
            caffe_layer(name, kind, *map(caffe_blob, blobs)) for name, kind, *blobs in layers
        )
    )
    assert read_checkpoint(path).keys() == wanted.state_dict().keys()


# --- Broken files


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (caffe_layer("fc8", "InnerProduct", caffe_blob(numbers(2, 3))), "fc8 of type InnerProduct"),
        (caffe_layer("bn", "BatchNorm", *[caffe_blob(BIAS)] * 3), "bn of type BatchNorm"),
        (caffe_layer("c", "Convolution", caffe_blob(BIAS)), r"numbers \[\[4\]\]"),
        (caffe_old_layer("fc8", 14, caffe_blob(BIAS)), "fc8 of type 14"),
        (caffe_layer("c", "Convolution", *[caffe_blob(KERNEL)] * 3), "expected convolutions"),
        (caffe_layer("p", "PReLU", caffe_blob(BIAS)) * 2, r"p\.weight is there twice"),
        (caffe_layer("relu", "ReLU"), "without weights"),
    ],
)
def test_other_layers_are_refused_by_name(path: Path, layer: bytes, message: str) -> None:
    path.write_bytes(CAFFE_START + layer)
    with pytest.raises(ValueError, match=message) as caught:
        read_checkpoint(path)
    assert "pose_iter.caffemodel" in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4,), "claims 4 values .*, the file has 3"),
        ((1 << 20, 1 << 20, 1 << 20, 1 << 20), "the file has 3"),
        ((1 << 29,), "claims 536870912 values"),
        ((0,), "claims 0 values"),
        ((-1, -3), "negative size"),
    ],
)
def test_claimed_shapes_are_not_trusted(path: Path, shape: tuple[int, ...], message: str) -> None:
    dims = b"".join(field(1, size) for size in shape)
    blob = field(7, dims) + field(5, numbers(3).tobytes())
    path.write_bytes(CAFFE_START + caffe_layer("prelu", "PReLU", blob))
    with pytest.raises(ValueError, match=message):
        read_checkpoint(path)


def test_every_cut_is_noticed(path: Path) -> None:
    data = CAFFE_START + caffe_layer("conv", "Convolution", caffe_blob(KERNEL), caffe_blob(BIAS))
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"pose_iter\.caffemodel"):
            read_checkpoint(path)
    path.write_bytes(data[:-7])
    with pytest.raises(ValueError, match="looks like a Caffe file, but it is cut off or damaged"):
        read_checkpoint(path)


def test_flipped_bytes_never_crash(path: Path) -> None:
    data = CAFFE_START + caffe_layer("conv", "Convolution", caffe_blob(numbers(1, 1, 2, 2)))
    for i in range(len(data)):
        for value in (0, data[i] ^ 0x40, 0xFF):
            path.write_bytes(data[:i] + bytes([value]) + data[i + 1 :])
            try:
                tensors = read_checkpoint(path)
            except ValueError:
                continue
            assert sum(tensor.numel() for tensor in tensors.values()) <= 4
