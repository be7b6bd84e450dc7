"""Weight files: the kinds that are read, and what is said about the others."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from heatpose.networks import HRNet, OpenPoseHand, OpenPoseVGG19
from heatpose.weights import load_into, load_state_dict, load_weights


@pytest.fixture
def state() -> dict[str, Tensor]:
    return {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.tensor([1.0, -1.0])}


def assert_same(got: dict[str, Tensor], want: dict[str, Tensor]) -> None:
    assert got.keys() == want.keys()
    for name in want:
        assert torch.equal(got[name], want[name])


# --- What is read


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "größe ü.bin"])
def test_safetensors_are_told_by_content(
    tmp_path: Path, name: str, state: dict[str, Tensor]
) -> None:
    save_file(state, tmp_path / name)
    assert_same(load_state_dict(tmp_path / name), state)
    assert_same(load_state_dict(str(tmp_path / name)), state)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
def test_torch_files_with_and_without_a_wrapper(
    tmp_path: Path, zipped: bool, wrapped: bool, state: dict[str, Tensor]
) -> None:
    content = {"meta": {"epoch": 3}, "state_dict": state} if wrapped else state
    path = tmp_path / "w.pth"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert_same(load_state_dict(path), state)


def test_the_data_parallel_prefix_is_removed(tmp_path: Path, state: dict[str, Tensor]) -> None:
    path = tmp_path / "w.pth"
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, path)
    assert_same(load_state_dict(path), state)


def test_load_weights_fills_the_network_and_keeps_its_dtype(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    network = nn.Linear(3, 2)
    path = tmp_path / "w.safetensors"
    save_file({name: tensor.half() for name, tensor in state.items()}, path)
    load_weights(network, path)
    assert_same(network.state_dict(), state)


# --- What is refused


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth does not exist"):
        load_state_dict(tmp_path / "nowhere.pth")
    with pytest.raises(ValueError, match="is a folder, not a weight file"):
        load_state_dict(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"<html>404</html>",
        b"\xff\xd8\xff\xe0 a photo",
        b"PK\x03\x04 cut off",
        b"a" * 99,
    ],
    ids=["empty", "one byte", "html", "jpeg", "zip", "text"],
)
def test_other_files_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"w\.pth"):
        load_state_dict(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"hello, no weights\n" * 9, "$"),
        (b"i am junk", "$"),
        (b"\x01\x02\x03", "$"),
        (bytes(range(256)), "$"),
        (b"", ", it is empty"),
        (b"\n<!DOCTYPE html><title>Not found</title>", ", it is a web page"),
        (b"<HTML>" + b" " * 999, ", it is a web page"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
            ", it is the note of Git LFS",
        ),
    ],
    ids=["text", "words", "bytes", "all bytes", "empty", "html", "old html", "lfs"],
)
def test_what_is_neither_kind_is_told_by_its_start(
    tmp_path: Path, content: bytes, what: str
) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"neither safetensors nor a PyTorch file{what}"):
        load_state_dict(path)


def test_every_first_byte_gives_a_message_with_words(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    for first in range(256):
        for start in (bytes([first]), b"\x80\x02" + bytes([first])):
            path.write_bytes(start + b"hello, no weights")
            with pytest.raises(ValueError, match=r"neither safetensors|damaged .* \(\w+ \w+"):
                load_state_dict(path)


@pytest.mark.parametrize("kind", ["safetensors", "zip", "pickles"])
def test_a_file_cut_anywhere_is_refused(
    tmp_path: Path, kind: str, state: dict[str, Tensor]
) -> None:
    path = tmp_path / "w.bin"
    if kind == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=kind == "zip")
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"w\.bin is (a damaged|neither)"):
            load_state_dict(path)
    path.write_bytes(whole)
    assert_same(load_state_dict(path), state)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([1, 2], "list"),
        ({}, "nothing"),
        ({"state_dict": {}}, "nothing"),
        (3, "int"),
        (nn.Linear(3, 2), r"an object of torch\.nn\.modules\.linear\.Linear"),
    ],
)
def test_a_checkpoint_without_a_state_dict_is_refused(
    tmp_path: Path, content: object, found: str
) -> None:
    path = tmp_path / "w.pth"
    torch.save(content, path)
    with pytest.raises(ValueError, match=rf"holds no state dict \(found {found}"):
        load_state_dict(path)


def test_other_values_than_tensors_are_named(tmp_path: Path, state: dict[str, Tensor]) -> None:
    path = tmp_path / "w.pth"
    torch.save({**state, "epoch": 7}, path)
    with pytest.raises(ValueError, match=r"not tensors are epoch \(int\)"):
        load_state_dict(path)


def test_misfits_are_listed_and_nothing_is_loaded(state: dict[str, Tensor]) -> None:
    network = nn.Linear(3, 2)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    wrong = {"weight": torch.zeros(2, 4), "scale": torch.zeros(2)}
    with pytest.raises(ValueError, match="do not fit Linear") as caught:
        load_into(network, wrong)
    for part in ("1 missing: bias", "1 unknown: scale", "weight (2, 4) instead of (2, 3)"):
        assert part in str(caught.value)
    assert_same(network.state_dict(), before)


def test_the_network_that_the_weights_are_of_is_named() -> None:
    with torch.device("meta"):
        hand, body = OpenPoseHand(), OpenPoseVGG19().state_dict()
        many, few = HRNet(2, 133), HRNet(2, 17).state_dict()
    of_a_copy = {f"model0.{key}": tensor for key, tensor in body.items()}
    for state in (body, of_a_copy):
        with pytest.raises(ValueError, match="do not fit OpenPoseHand") as caught:
            load_into(hand, state)
        for part in (
            "missing: conv4_3.weight, ",
            "unknown: conv4_3_CPM.weight, ",
            "; these look like the weights of vgg19",
        ):
            assert part in str(caught.value)
    # Of the same architecture it is the shapes that say what is wrong.
    with pytest.raises(ValueError, match=r"final_layer\.weight \(17, 2, 1, 1\) instead") as caught:
        load_into(many, few)
    assert "look like" not in str(caught.value)


def test_long_lists_are_cut() -> None:
    found = {f"layer{i}": torch.zeros(1) for i in range(200)}
    with pytest.raises(ValueError, match=r"200 unknown: .*layer4 and 195 more") as caught:
        load_into(nn.Linear(1, 1), found)
    assert len(str(caught.value)) < 300


def test_load_weights_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match=r"other\.safetensors: the weights do not fit Linear"):
        load_weights(nn.Linear(1, 1), path)


def test_no_tensor_hides_another(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({"module.bias": torch.zeros(2), "bias": torch.ones(2)}, path)
    with pytest.raises(ValueError, match=r"names differ by the prefix module\. alone"):
        load_state_dict(path)
