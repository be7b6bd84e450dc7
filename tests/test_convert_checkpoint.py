"""Telling formats by content, and whole conversions to safetensors."""

from __future__ import annotations

import hashlib
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import heatpose
from convert_files import (
    CAFFE_START,
    TF_END,
    caffe_blob,
    caffe_layer,
    field,
    tf_const,
    tf_content,
    tf_node,
    write_keras,
)
from heatpose.networks import HRNet, HRNetV2, OpenPoseVGG19, SimpleBaseline
from heatpose.weights import load_into, load_state_dict
from heatpose.weights.convert import checkpoint, conversion, convert, read_checkpoint

# --- A network of one layer, in every format


class Dot(nn.Module):
    """Stands for a large network with flat names."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1_1 = nn.Conv2d(3, 2, (3, 1))

    @staticmethod
    def recognises(keys: Mapping[str, Tensor]) -> bool:
        return "conv1_1.weight" in Dot.normalise_keys(keys)

    @staticmethod
    def normalise_keys(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        names = {"conv1_1/weights": "conv1_1.weight", "conv1_1/biases": "conv1_1.bias"}
        return {names.get(key, key.removeprefix("model0.")): state_dict[key] for key in state_dict}


@pytest.fixture
def dot(monkeypatch: pytest.MonkeyPatch) -> Dot:
    """The network of the files below, known to ``convert`` as the only one."""

    def network_for(state_dict: Mapping[str, Tensor]) -> Dot:
        if not Dot.recognises(state_dict):
            raise ValueError(f"the weights belong to no known network: {', '.join(state_dict)}")
        return Dot()

    monkeypatch.setattr(conversion, "NETWORKS", {"dot": Dot})
    monkeypatch.setattr(conversion, "network_for", network_for)
    monkeypatch.setattr(conversion, "network_named", lambda _name, _state_dict: Dot())
    torch.manual_seed(0)
    return Dot()


FORMATS = ["safetensors", "torch", "old torch", "caffe", "tensorflow", "paddle", "keras"]


def write(path: Path, kind: str, network: Dot) -> None:
    state = network.state_dict()
    weight, bias = (tensor.numpy() for tensor in state.values())
    hwio = weight.transpose(2, 3, 1, 0)
    if kind == "safetensors":
        save_file(state, path)
    elif kind in ("torch", "old torch"):
        torch.save(
            {"state_dict": state, "meta": {"epoch": 1}},
            path,
            _use_new_zipfile_serialization=kind == "torch",
        )
    elif kind == "caffe":
        layer = caffe_layer("conv1_1", "Convolution", caffe_blob(weight), caffe_blob(bias))
        path.write_bytes(CAFFE_START + layer)
    elif kind == "tensorflow":
        path.write_bytes(
            tf_const("conv1_1/weights", tf_content(hwio))
            + tf_const("conv1_1/biases", tf_content(bias))
            + tf_node("conv", "Conv2D", "image", "conv1_1/weights")
            + tf_node("add", "BiasAdd", "conv", "conv1_1/biases")
            + TF_END
        )
    elif kind == "paddle":
        content = {"model0.conv1_1.weight": weight, "model0.conv1_1.bias": bias}
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        write_keras(path, {"conv1_1": {"conv1_1/kernel:0": hwio, "conv1_1/bias:0": bias}})


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ["weights.bin", "größe ü.pth"])
def test_every_format_is_told_by_content_and_converted(
    tmp_path: Path, dot: Dot, kind: str, name: str
) -> None:
    source, target = tmp_path / name, tmp_path / "out.safetensors"
    write(source, kind, dot)
    before = source.read_bytes()
    line = convert(source, target)
    assert line == f"{target}: dot, 2 tensors, 0.00 million parameters"
    assert source.read_bytes() == before
    written = load_state_dict(target)
    for key, tensor in dot.state_dict().items():
        assert torch.equal(written[key], tensor)
    with safetensors.safe_open(target, "pt") as file:
        assert file.metadata() == {
            "architecture": "dot",
            "format": "pt",
            "heatpose": heatpose.__version__,
            "source": name,
            "source_sha256": hashlib.sha256(before).hexdigest(),
        }
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, target.name])


@pytest.mark.parametrize("kind", FORMATS)
def test_wrong_shapes_and_names_leave_no_file(tmp_path: Path, dot: Dot, kind: str) -> None:
    source, target = tmp_path / "weights.bin", tmp_path / "out.safetensors"
    dot.conv1_1 = nn.Conv2d(3, 5, 1)
    write(source, kind, dot)
    with pytest.raises(
        ValueError, match=r"weights\.bin: .* \(5, 3, 1, 1\) instead of \(2, 3, 3, 1"
    ):
        convert(source, target)
    dot.conv1_1 = nn.Conv2d(3, 2, (3, 1))
    with torch.no_grad():
        dot.conv1_1.weight[0, 0] = torch.nan
    write(source, kind, dot)
    with pytest.raises(ValueError, match=r"not all numbers are finite in conv1_1\.weight"):
        convert(source, target)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("kind", FORMATS)
def test_cut_files_leave_the_old_target(tmp_path: Path, dot: Dot, kind: str) -> None:
    source, target = tmp_path / "weights.bin", tmp_path / "out.safetensors"
    write(source, kind, dot)
    source.write_bytes(source.read_bytes()[: -40 if kind == "tensorflow" else -20])
    target.write_bytes(b"old")
    with pytest.raises(ValueError, match=r"weights\.bin"):
        convert(source, target)
    assert target.read_bytes() == b"old"


def test_the_source_is_never_overwritten(tmp_path: Path, dot: Dot) -> None:
    source, link = tmp_path / "a.pth", tmp_path / "b.pth"
    write(source, "torch", dot)
    before = source.read_bytes()
    link.symlink_to(source)
    for target in (source, tmp_path / "." / "a.pth", link):
        with pytest.raises(ValueError, match="is the source itself"):
            convert(source, target)
    assert source.read_bytes() == before


def test_an_architecture_can_be_named(tmp_path: Path, dot: Dot) -> None:
    source, target = tmp_path / "a.pth", tmp_path / "out.safetensors"
    write(source, "torch", dot)
    assert ": dot, " in convert(str(source), str(target), architecture="dot")
    with pytest.raises(ValueError, match="architecture: expected one of dot, got 'dott'"):
        convert(source, target, architecture="dott")


def test_unknown_networks_are_refused_with_some_keys(tmp_path: Path) -> None:
    save_file({"block.weight": torch.zeros(1), "block.bias": torch.zeros(1)}, tmp_path / "a")
    with pytest.raises(ValueError, match=r"a: .*no known network.*block\.bias, block\.weight"):
        convert(tmp_path / "a", tmp_path / "b")
    assert not (tmp_path / "b").exists()


# --- Formats


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "w.bin is empty"),
        (b"\x08\x07\x12", "starts with the bytes 08 07 12, which is none of safetensors, PyTorch"),
        (b"<html>404 Not Found</html>", "starts with the bytes 3c 68 74 6d 6c 3e 34 30,"),
        (b"\xff\xd8\xff\xe0 a photo", "starts with the bytes ff d8 ff e0"),
        (b"\n\n some text\n over lines\n", "starts with the bytes 0a 0a"),
        (b"name: 'pose'\nlayer {\n", "starts with the bytes 6e 61"),
        (b"\x0a" + b"\xff" * 20, "starts with the bytes 0a ff"),
        (b"\x1f\x8b\x08 gzip", "starts with the bytes 1f 8b"),
        (b"(dp0\nS'x'\n.", "starts with the bytes 28 64"),
        (field(1, "just a name"), "starts with the bytes 0a 0b"),
        (b"\x80\x04", "is a damaged pickle"),
        (b"PK\x03\x04 cut off", "w.bin"),
        (b"\x10\0\0\0\0\0\0\0{", "damaged safetensors"),
    ],
)
def test_unknown_formats_are_named_by_their_first_bytes(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "w.bin").write_bytes(content)
    with pytest.raises(ValueError) as caught:
        read_checkpoint(tmp_path / "w.bin")
    assert message in str(caught.value)
    assert "w.bin" in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pb does not exist"):
        read_checkpoint(tmp_path / "nowhere.pb")
    with pytest.raises(ValueError, match="is a folder"):
        convert(tmp_path, tmp_path / "x")


def test_the_order_of_fields_does_not_tell_caffe_from_tensorflow(tmp_path: Path, dot: Dot) -> None:
    write(tmp_path / "w", "caffe", dot)
    for start in (b"", field(3, "image"), field(8, field(1, 3)), field(5, 1), field(1, "x" * 500)):
        data = (tmp_path / "w").read_bytes()[len(CAFFE_START) :]
        (tmp_path / "v").write_bytes(start + data)
        assert list(read_checkpoint(tmp_path / "v")) == ["conv1_1.weight", "conv1_1.bias"]


@pytest.mark.parametrize(
    ("kind", "library", "module"),
    [
        ("caffe", "protobuf", "google"),
        ("tensorflow", "protobuf", "google"),
        ("keras", "h5py", "h5py"),
    ],
)
def test_missing_libraries_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dot: Dot, kind: str, library: str, module: str
) -> None:
    write(tmp_path / "w", kind, dot)
    for name in list(sys.modules):
        if name.split(".")[0] == module or name in (
            f"{checkpoint.__package__}.{part}" for part in (kind, "protobuf")
        ):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"needs {library}: pip install 'heatpose\[convert\]'"):
        read_checkpoint(tmp_path / "w")


# --- PyTorch files of other programs, into their networks


def renamed(state: Mapping[str, Tensor], layout: str) -> dict[str, Tensor]:
    """A state dict of a top-down network in the keys of another program."""
    if layout == "mmpose 1":
        return {key.replace("keypoint_head.", "head."): state[key] for key in state}
    if layout == "bare":
        return {key.split(".", 1)[1]: state[key] for key in state}
    if layout == "easycv":
        return {f"module.{key}": state[key] for key in state}
    return dict(state)


@pytest.mark.parametrize("layout", ["mmpose 0", "mmpose 1", "bare", "easycv"])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("hrnet", lambda: HRNet(2, 5)),
        ("simple-baseline", lambda: SimpleBaseline(18, 5)),
    ],
)
def test_top_down_checkpoints_are_converted(
    tmp_path: Path, name: str, make: type[nn.Module], layout: str
) -> None:
    torch.manual_seed(0)
    state = make().state_dict()
    content = renamed(state, layout)
    if layout != "bare":
        content = {"meta": {"epoch": 210, "config": "total_epochs = 210"}, "state_dict": content}
    torch.save(content, tmp_path / "a.pth")
    assert f": {name}, {len(state)} tensors" in convert(tmp_path / "a.pth", tmp_path / "b")
    written = load_state_dict(tmp_path / "b")
    assert written.keys() == state.keys()
    assert all(torch.equal(written[key], state[key]) for key in state)


def test_the_resize_concat_head_is_converted(tmp_path: Path) -> None:
    state = HRNetV2(2, 5).state_dict()
    torch.save({"meta": {}, "state_dict": state}, tmp_path / "a.pth")
    assert ": hrnetv2, " in convert(tmp_path / "a.pth", tmp_path / "b")
    load_into(HRNetV2(2, 5), load_state_dict(tmp_path / "b"))


@pytest.mark.parametrize("prefix", ["", "model0."])
def test_flat_names_in_pytorch_files_are_read(tmp_path: Path, prefix: str) -> None:
    """Of the large network, the keys alone: each tensor here has one number."""
    with torch.device("meta"):
        wanted = OpenPoseVGG19().state_dict()
    content = {f"{prefix}{key}": torch.zeros([1] * part.ndim) for key, part in wanted.items()}
    torch.save(content, tmp_path / "body_pose_model.pth")
    found = read_checkpoint(tmp_path / "body_pose_model.pth")
    assert OpenPoseVGG19.recognises(found)
    assert OpenPoseVGG19.normalise_keys(found).keys() == wanted.keys()
    with pytest.raises(ValueError, match=r"OpenPoseVGG19 \(184 tensors\): .* of another shape"):
        convert(tmp_path / "body_pose_model.pth", tmp_path / "b", architecture="vgg19")


def test_half_precision_becomes_float32(tmp_path: Path, dot: Dot) -> None:
    half = {key: tensor.half() for key, tensor in dot.state_dict().items()}
    save_file(half, tmp_path / "a")
    convert(tmp_path / "a", tmp_path / "b")
    for key, tensor in load_state_dict(tmp_path / "b").items():
        np.testing.assert_array_equal(tensor.numpy(), half[key].numpy().astype(np.float32))
