"""Keras' files: where the variables lie, their layouts, and files that point elsewhere."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from convert_files import numbers, write_keras
from heatpose.networks import OpenPoseAIC14
from heatpose.weights.convert import read_checkpoint

KERNEL, BIAS = numbers(3, 5, 2, 4), numbers(4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.hdf5"


def assert_is_conv(tensors: dict[str, torch.Tensor], layer: str = "conv1_1") -> None:
    assert set(tensors) == {f"{layer}.weight", f"{layer}.bias"}
    x = torch.from_numpy(numbers(1, 2, 3, 5))
    # By the definition, on one window: sum over rows, columns and channels.
    want = np.einsum("ihw,hwio->o", x[0].numpy(), KERNEL) + BIAS
    got = torch.conv2d(x, tensors[f"{layer}.weight"], tensors[f"{layer}.bias"]).flatten().numpy()
    np.testing.assert_allclose(got, want, rtol=1e-5)


@pytest.mark.parametrize("inside", ["model_weights", ""])
@pytest.mark.parametrize(
    "folder",
    ["conv1_1/", "conv1_1_1/", "", "branch/conv1_1/"],
    ids=["same", "numbered", "no", "deep"],
)
def test_variables_are_found_below_their_layer(path: Path, folder: str, inside: str) -> None:
    layers = {
        "input_1": {},
        "conv1_1": {f"{folder}kernel:0": KERNEL, f"{folder}bias:0": BIAS},
        "weight_stage1_L1": {},
    }
    write_keras(path, layers, inside=inside)
    assert_is_conv(read_checkpoint(path))


def test_layers_of_a_model_inside_the_model_have_their_own_names(path: Path) -> None:
    variables = {"conv1_1/kernel:0": KERNEL, "conv1_1/bias:0": BIAS, "bn/moving_mean:0": BIAS}
    write_keras(path, {"model_1": variables})
    tensors = read_checkpoint(path)
    np.testing.assert_array_equal(tensors.pop("bn.running_mean").numpy(), BIAS)
    assert_is_conv(tensors)


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f2", "<f8"])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_types_and_compression(path: Path, dtype: str, compression: str | None) -> None:
    bias = np.linspace(-1, 1, 100).astype(dtype)
    with h5py.File(path, "w") as file:
        file.create_dataset("conv/bias:0", data=bias, compression=compression)
    tensor = read_checkpoint(path)["conv.bias"]
    np.testing.assert_array_equal(tensor.numpy(), bias)
    assert tensor.dtype == torch.from_numpy(bias.astype(bias.dtype.newbyteorder("="))).dtype


def test_the_names_of_the_ai_challenger_network(path: Path) -> None:
    with torch.device("meta"):
        wanted = OpenPoseAIC14()
    layers = {
        name: {f"{name}/kernel:0": numbers(1, 1, 1, 1), f"{name}/bias:0": numbers(1)}
        for name, _ in wanted.named_children()
    }
    write_keras(path, layers)
    assert OpenPoseAIC14.normalise_keys(read_checkpoint(path)).keys() == wanted.state_dict().keys()


# --- What is refused


def test_links_to_other_files_are_not_followed(path: Path) -> None:
    other = path.parent / "other.h5"
    with h5py.File(other, "w") as file:
        file.create_dataset("conv1_1/bias:0", data=BIAS)
    with h5py.File(path, "w") as file:
        file["conv1_1"] = h5py.ExternalLink("other.h5", "conv1_1")
    with pytest.raises(ValueError, match=r"conv1_1 is a link \(ExternalLink\)"):
        read_checkpoint(path)
    with h5py.File(path, "w") as file:
        file["model_weights"] = h5py.ExternalLink("other.h5", "/")
    with pytest.raises(ValueError, match=r"model_weights is a link \(ExternalLink\)"):
        read_checkpoint(path)
    with h5py.File(path, "w") as file:
        file.create_group("conv1_1")["bias:0"] = h5py.ExternalLink("other.h5", "conv1_1/bias:0")
    with pytest.raises(ValueError, match="links are not followed"):
        read_checkpoint(path)
    with h5py.File(path, "w") as file:
        file["a/bias:0"] = BIAS
        file["b"] = h5py.SoftLink("/a")
    with pytest.raises(ValueError, match=r"b is a link \(SoftLink\)"):
        read_checkpoint(path)


def test_data_in_other_files_is_not_read(path: Path) -> None:
    secret = path.parent / "secret.bin"
    secret.write_bytes(BIAS.tobytes())
    with h5py.File(path, "w") as file:
        file.create_dataset("conv/bias:0", (4,), "f4", external=[(str(secret), 0, 16)])
    with pytest.raises(ValueError, match="bias:0 has its data in another file"):
        read_checkpoint(path)
    with h5py.File(path.parent / "other.h5", "w") as file:
        file["x"] = BIAS
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
        file.create_virtual_dataset("conv/bias:0", layout)
    with pytest.raises(ValueError, match="bias:0 has its data in another file"):
        read_checkpoint(path)


def test_loops_and_deep_folders_are_refused(path: Path) -> None:
    with h5py.File(path, "w") as file:
        group = file.create_group("a")
        group["again"] = group
    with pytest.raises(ValueError, match="a lies in several folders"):
        read_checkpoint(path)
    with h5py.File(path, "w") as file:
        file["/".join("abcdefghijkl")] = BIAS
    with pytest.raises(ValueError, match="is too deep"):
        read_checkpoint(path)


@pytest.mark.parametrize("chunks", [None, True])
def test_claimed_shapes_are_not_trusted(path: Path, chunks: bool | None) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("conv/bias:0", (1 << 29,), "f4", chunks=chunks)  # never written
    assert path.stat().st_size < 10_000
    with pytest.raises(ValueError, match=r"conv/bias:0 claims 2147483648 bytes"):
        read_checkpoint(path)


def test_small_files_cannot_unpack_to_large_ones(path: Path) -> None:
    with h5py.File(path, "w") as file:
        zeros = np.zeros(1 << 22, np.float32)
        file.create_dataset("conv/bias:0", data=zeros, compression="gzip", compression_opts=9)
    assert path.stat().st_size < 100_000
    with pytest.raises(ValueError, match=r"conv/bias:0 claims 16777216 bytes"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"conv": {"alpha:0": BIAS}}, "conv/alpha:0 is of an unknown kind: expected one of kernel"),
        ({"conv": {"kernel:0": numbers(3, 3, 2)}}, r"conv/kernel:0 has 3 axes \[3, 3, 2\]"),
        ({"conv": {"bias:0": np.arange(3)}}, "bias:0 is of type int64: expected floats"),
        ({"conv": {"bias:0": BIAS, "beta:0": BIAS}}, r"conv\.bias is there twice"),
        ({"m": {"a/b/bias:0": BIAS, "c/b/bias:0": BIAS}}, r"b\.bias is there twice"),
        ({"relu": {}}, "without Keras' layers"),
        ({}, "without Keras' layers"),
    ],
)
def test_other_contents_are_named(
    path: Path, layers: dict[str, dict[str, np.ndarray]], message: str
) -> None:
    write_keras(path, layers)
    with pytest.raises(ValueError, match=message) as caught:
        read_checkpoint(path)
    assert "model.hdf5" in str(caught.value)


def test_cut_files_are_called_damaged(path: Path) -> None:
    write_keras(path, {"conv": {"conv/kernel:0": KERNEL, "conv/bias:0": BIAS}})
    data = path.read_bytes()
    for length in (8, 9, 100, 500, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"model\.hdf5 is a damaged HDF5 file"):
            read_checkpoint(path)
