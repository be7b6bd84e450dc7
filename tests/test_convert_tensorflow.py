"""TensorFlow's frozen graphs: which constants are weights, their layouts, and broken graphs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from convert_files import (
    TF_END,
    TF_IMAGE,
    field,
    mobilenet_graph,
    numbers,
    tf_const,
    tf_content,
    tf_floats,
    tf_halves,
    tf_node,
    tf_tensor,
)
from heatpose.networks import OpenPoseMobileNetV2Small
from heatpose.networks.mobilenet_v2_small import _tensorflow_names
from heatpose.weights import load_into
from heatpose.weights.convert import read_checkpoint


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "graph_opt.pb"


KERNEL, DEPTHWISE, BIAS = numbers(3, 5, 2, 4), numbers(3, 5, 2, 1), numbers(4)


def conv(weights: str = "Conv/weights") -> bytes:
    return tf_node("Conv/Conv2D", "Conv2D", "image", weights)


def bias_add(constant: bytes) -> bytes:
    return TF_IMAGE + tf_const("b", constant) + tf_node("add", "BiasAdd", "image", "b") + TF_END


def test_kernels_get_pytorchs_layout(path: Path) -> None:
    path.write_bytes(
        TF_IMAGE
        + tf_const("Conv/weights", tf_content(KERNEL))
        + conv()
        + tf_const("dw/depthwise_weights", tf_content(DEPTHWISE))
        + tf_node("dw", "DepthwiseConv2dNative", "Conv/Conv2D", "dw/depthwise_weights", "^image")
        + tf_const("Conv/biases", tf_content(BIAS))
        + tf_node("add", "BiasAdd", "dw", "Conv/biases:0")
        + TF_END
    )
    tensors = read_checkpoint(path)
    assert set(tensors) == {"Conv/weights", "dw/depthwise_weights", "Conv/biases"}
    x = torch.from_numpy(numbers(1, 2, 3, 5))
    # By the definitions, on one window: sum over rows, columns and channels.
    window = x[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(
        torch.conv2d(x, tensors["Conv/weights"]).flatten().numpy(),
        np.einsum("hwi,hwio->o", window, KERNEL),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        torch.conv2d(x, tensors["dw/depthwise_weights"], groups=2).flatten().numpy(),
        np.einsum("hwi,hwi->i", window, DEPTHWISE[..., 0]),
        rtol=1e-5,
    )
    np.testing.assert_array_equal(tensors["Conv/biases"].numpy(), BIAS)


@pytest.mark.parametrize("suffix", ["", "/read", "/read/_2__cf__2", "/_2__cf__2"])
def test_names_are_those_of_the_variables(path: Path, suffix: str) -> None:
    path.write_bytes(
        TF_IMAGE
        + tf_const(f"Conv/weights{suffix}", tf_content(KERNEL))
        + conv(f"Conv/weights{suffix}")
        + TF_END
    )
    assert list(read_checkpoint(path)) == ["Conv/weights"]


def test_constants_are_found_behind_identities_and_others_are_left(path: Path) -> None:
    path.write_bytes(
        TF_IMAGE
        + tf_const("Conv/weights", tf_content(KERNEL))
        + tf_node("Conv/weights/read", "Identity", "Conv/weights")
        + conv("Conv/weights/read")
        + tf_const("size", tf_tensor([2], field(4, bytes(8)), dtype=3))
        + tf_const("unused/weights", tf_content(KERNEL))
        + tf_node("resize", "ResizeBilinear", "Conv/Conv2D", "size")
        + tf_node("computed", "Conv2D", "image", "resize")
        + TF_END
    )
    assert list(read_checkpoint(path)) == ["Conv/weights"]


def test_norms_have_four_vectors_or_two(path: Path) -> None:
    names = ["gamma", "beta", "moving_mean", "moving_variance"]
    graph = TF_IMAGE + b"".join(
        tf_const(f"{layer}/{name}", tf_content(numbers(4, seed=i)))
        for layer in "AB"
        for i, name in enumerate(names[: 4 if layer == "A" else 2])
    )
    graph += tf_const("empty", tf_tensor([0], b""))
    graph += tf_node("A/norm", "FusedBatchNorm", "image", *(f"A/{name}" for name in names))
    graph += tf_node("B/norm", "FusedBatchNormV3", "A/norm", "B/gamma", "B/beta", "empty", "empty")
    path.write_bytes(graph + TF_END)
    tensors = read_checkpoint(path)
    assert set(tensors) == {*(f"A/{name}" for name in names), "B/gamma", "B/beta"}
    np.testing.assert_array_equal(tensors["A/moving_mean"].numpy(), numbers(4, seed=2))


@pytest.mark.parametrize(
    ("constant", "want"),
    [
        (tf_floats([3], 1, 2, 3), [1, 2, 3]),
        (tf_floats([3], 1.5), [1.5, 1.5, 1.5]),
        (tf_floats([4], 1, 2), [1, 2, 2, 2]),
        (tf_halves([2], 0.5, -2), [0.5, -2]),
        (tf_halves([3], -0.25), [-0.25, -0.25, -0.25]),
        (tf_content(np.array([1, -2], "<f2")), [1, -2]),
        (tf_content(np.array([1, -2], "<f8")), [1, -2]),
        (tf_tensor([2], field(6, np.array([3.0, 4]).tobytes()), dtype=2), [3, 4]),
    ],
    ids=["floats", "one float", "last repeats", "halves", "half", "half bytes", "doubles", "f8"],
)
def test_values_are_read_in_all_their_spellings(
    path: Path, constant: bytes, want: list[float]
) -> None:
    path.write_bytes(bias_add(constant))
    assert read_checkpoint(path)["b"].tolist() == want


def test_a_repeated_value_takes_no_memory(path: Path) -> None:
    path.write_bytes(bias_add(tf_floats([1 << 39], 1.0)))
    tensor = read_checkpoint(path)["b"]
    assert tensor.shape == (1 << 39,)
    assert tensor.untyped_storage().nbytes() == 4
    with pytest.raises(ValueError, match="of another shape: bias"):
        load_into(torch.nn.Linear(2, 3), {"weight": torch.zeros(3, 2), "bias": tensor})


def test_the_whole_small_network(path: Path) -> None:
    """Every name of the graph comes to its place: read, renamed, loaded, same numbers."""
    torch.manual_seed(0)
    network, loaded = OpenPoseMobileNetV2Small(), OpenPoseMobileNetV2Small()
    state = {key: part for key, part in network.state_dict().items() if "num_batches" not in key}
    for key, part in state.items():
        if "norm" in key and not key.endswith("norm.weight"):
            part.uniform_(0.5, 1.5)
    theirs = {ours: name for name, ours in _tensorflow_names().items()}
    path.write_bytes(mobilenet_graph({theirs[key]: part.numpy() for key, part in state.items()}))
    load_into(loaded, read_checkpoint(path))
    for key, part in loaded.state_dict().items():
        assert torch.equal(part, network.state_dict()[key]), key


# --- Broken graphs


@pytest.mark.parametrize(
    ("constant", "message"),
    [
        (tf_floats([3], 1, 2, 3, 4), "claims 3 values .*, the file has 4"),
        (tf_floats([1 << 29], 1, 2), "claims 536870912 values .*, the file has 2"),
        (tf_floats([1 << 62, 1 << 62], 1), "the file has 1"),
        (tf_floats([-1], 1), "negative size"),
        (tf_floats([3]), "the file has 0"),
        (tf_tensor([1 << 29], field(4, bytes(8))), "claims 2147483648 bytes .*, the file has 8"),
        (tf_tensor([2], field(4, bytes(7))), "claims 8 bytes .*, the file has 7"),
        (tf_floats([2, 2], 1, 2, 3, 4), r"b has 2 axes \[2, 2\]: BiasAdd needs 1"),
        (tf_tensor([1], field(7, 3), dtype=3), "b has type number 3"),
    ],
)
def test_claimed_shapes_are_not_trusted(path: Path, constant: bytes, message: str) -> None:
    path.write_bytes(bias_add(constant))
    with pytest.raises(ValueError, match=message) as caught:
        read_checkpoint(path)
    assert "graph_opt.pb looks like a TensorFlow graph" in str(caught.value)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (TF_IMAGE + conv("image"), "without frozen weights"),
        (TF_IMAGE + tf_node("w", "Const") + conv("w"), "w has no value"),
        (TF_IMAGE + tf_node("w", "Identity", "w") + conv("w"), "has no end"),
        (TF_IMAGE * 2, "two of its nodes have one name"),
        (
            TF_IMAGE
            + tf_const("w", tf_content(DEPTHWISE))
            + conv("w")
            + tf_node("dw", "DepthwiseConv2dNative", "image", "w"),
            "w is read in two ways",
        ),
    ],
)
def test_odd_graphs_are_refused(path: Path, graph: bytes, message: str) -> None:
    path.write_bytes(graph + TF_END)
    with pytest.raises(ValueError, match=message):
        read_checkpoint(path)


def test_every_cut_is_noticed(path: Path) -> None:
    data = TF_IMAGE + tf_const("Conv/weights", tf_content(KERNEL)) + conv()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"graph_opt\.pb"):
            read_checkpoint(path)
    path.write_bytes(data[:-7])
    with pytest.raises(ValueError, match="TensorFlow graph, but it is cut off or damaged"):
        read_checkpoint(path)


def test_flipped_bytes_never_crash(path: Path) -> None:
    data = bias_add(tf_floats([2], 1, 2))
    for i in range(len(data)):
        for value in (0, data[i] ^ 0x40, 0xFF):
            path.write_bytes(data[:i] + bytes([value]) + data[i + 1 :])
            try:
                read_checkpoint(path)
            except ValueError:
                continue
