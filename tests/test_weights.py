"""Weight files: the kinds that are read, and what is said about the others."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from heatpose.weights import load_into, load_state_dict, load_weights


@pytest.fixture
def state() -> dict[str, Tensor]:
    return {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.tensor([1.0, -1.0])}


def assert_same(got: dict[str, Tensor], want: dict[str, Tensor]) -> None:
    assert got.keys() == want.keys()
    for name in want:
        assert torch.equal(got[name], want[name])


class RunsCode:
    """Pickles to a call: what a hostile weight file looks like."""

    ran = False

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, (f"import {__name__} as m; m.RunsCode.ran = True",)


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
    with pytest.raises(FileNotFoundError, match="is a folder"):
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
    "content", [b"hello, no weights\n" * 9, b"i am junk", b"\x01\x02\x03", bytes(range(256)), b""]
)
def test_junk_is_called_neither_kind(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="neither safetensors nor a PyTorch file of plain tensors"):
        load_state_dict(path)


def test_every_first_byte_gives_a_message_with_words(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    for first in range(256):
        for start in (bytes([first]), b"\x80\x02" + bytes([first])):
            path.write_bytes(start + b"hello, no weights")
            with pytest.raises(ValueError, match=r"neither safetensors|\(\w+: ") as caught:
                load_state_dict(path)
            assert "damaged PyTorch file (1" not in str(caught.value)


@pytest.mark.parametrize("kind", ["safetensors", "torch"])
def test_a_cut_file_is_called_damaged(tmp_path: Path, kind: str, state: dict[str, Tensor]) -> None:
    path = tmp_path / "w.bin"
    if kind == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"w\.bin is a damaged"):
        load_state_dict(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_no_code_of_the_file_is_run(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "w.pth"
    torch.save({"weight": RunsCode()}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match="files that need code to be run are not opened"):
        load_state_dict(path)
    path.write_bytes(pickle.dumps(RunsCode(), protocol=2))
    with pytest.raises(ValueError, match=r"w\.pth"):
        load_state_dict(path)
    assert not RunsCode.ran


@pytest.mark.parametrize("content", [[1, 2], {}, {"state_dict": {}}, 3])
def test_a_checkpoint_without_a_state_dict_is_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "w.pth"
    torch.save(content, path)
    with pytest.raises(ValueError, match="holds no state dict"):
        load_state_dict(path)


def test_other_values_than_tensors_are_named(tmp_path: Path, state: dict[str, Tensor]) -> None:
    path = tmp_path / "w.pth"
    torch.save({**state, "epoch": 7}, path)
    with pytest.raises(ValueError, match="not tensors are epoch"):
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
