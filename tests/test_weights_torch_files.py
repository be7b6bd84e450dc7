"""Files of ``torch.save``: the tensors that come of them, and that nothing of them runs."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import random
import struct
import sys
import types
import zipfile
import zlib
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from heatpose.weights import load_state_dict
from heatpose.weights.safe_pickle import Inert
from heatpose.weights.torch_files import StoredTensor, read_torch_file

both_formats = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "pickles"])


def save(content: object, path: Path, *, zipped: bool, protocol: int = 2) -> None:
    torch.save(content, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)


def small_state(prefix: str = "") -> OrderedDict[str, Tensor]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))
    return OrderedDict((prefix + key, value) for key, value in network.state_dict().items())


def assert_same(got: dict[str, Tensor], want: dict[str, Tensor]) -> None:
    assert list(got) == list(want)
    for name, tensor in want.items():
        assert got[name].dtype == tensor.dtype
        assert got[name].stride() == tensor.stride()
        assert torch.equal(got[name], tensor)


# --- Tensors


@both_formats
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_tensors_come_back_as_torch_load_gives_them(
    tmp_path: Path, zipped: bool, protocol: int
) -> None:
    base = torch.arange(24.0).reshape(2, 3, 4)
    content = {
        "plain": base,
        "a view": base[1, :, 1:3],
        "transposed": base.permute(2, 0, 1),
        "expanded": torch.ones(1, 3).expand(5, 3),
        "scalar": torch.tensor(7),
        "empty": torch.empty(0, 3),
        "parameter": nn.Parameter(torch.tensor([1.5, -2.0])),
        "with gradient": torch.ones(2, requires_grad=True),
        **{
            str(dtype): torch.tensor([0, 1, 1]).to(dtype)
            for dtype in (
                *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64),
                *(torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
            )
        },
    }
    path = tmp_path / "w.pth"
    save(content, path, zipped=zipped, protocol=protocol)
    got = load_state_dict(path)
    assert_same(got, content)
    if protocol == 2:  # the others are beyond PyTorch's own restricted unpickler
        assert_same(got, torch.load(path, weights_only=True))
    assert not any(tensor.requires_grad for tensor in got.values())
    # Tensors that shared their memory still do.
    got["plain"][1, 0, 1] = -1
    assert got["a view"][0, 0] == -1


@both_formats
def test_only_the_first_two_levels_are_read(tmp_path: Path, zipped: bool) -> None:
    tensor = torch.ones(3)
    path = tmp_path / "w.pth"
    save({"a": tensor, "b": {"c": tensor, "d": {"e": tensor}}}, path, zipped=zipped)
    content: Any = read_torch_file(path)
    assert torch.equal(content["a"], tensor)
    assert torch.equal(content["b"]["c"], tensor)
    assert isinstance(content["b"]["d"]["e"], StoredTensor)


# --- Checkpoints of training programs


@pytest.fixture
def history_buffer() -> Iterator[type]:
    """A class of a program that is not installed where the file is read."""
    module = types.ModuleType("training_program")

    class HistoryBuffer:
        def __init__(self) -> None:
            self.values = np.arange(5.0)
            self.statistics = {"mean": np.float64(2.0)}

    HistoryBuffer.__module__, HistoryBuffer.__qualname__ = module.__name__, "HistoryBuffer"
    module.HistoryBuffer = HistoryBuffer  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    yield HistoryBuffer
    sys.modules.pop(module.__name__, None)


@both_formats
def test_checkpoints_of_mmpose_0_and_easycv(tmp_path: Path, zipped: bool) -> None:
    for prefix in ("", "module."):
        content = {
            "meta": {"epoch": 210, "seed": np.int64(3), "AP": np.float32(0.7), "config": "x = 1\n"},
            "state_dict": small_state(prefix),
            "optimizer": {
                "state": {0: {"step": 5, "exp_avg": torch.zeros(3)}},
                "param_groups": [{"lr": np.float64(5e-4), "betas": (0.9, 0.999), "params": [0]}],
            },
        }
        path = tmp_path / "w.pth"
        save(content, path, zipped=zipped)
        assert_same(load_state_dict(path), small_state())


@both_formats
def test_checkpoints_of_mmengine(tmp_path: Path, zipped: bool, history_buffer: type) -> None:
    content = {
        "meta": {"epoch": 3, "path": Path("work_dirs"), "names": {"a", "b"}, ("x", 1): 2},
        "state_dict": small_state(),
        "message_hub": {
            "log_scalars": OrderedDict({"train/loss": history_buffer()}),
            "runtime_info": OrderedDict(iter=np.int64(7), rng=np.random.default_rng(0)),
            "resumed_keys": defaultdict(list, a=[True]),
        },
    }
    path = tmp_path / "w.pth"
    save(content, path, zipped=zipped, protocol=4)
    del sys.modules["training_program"]
    assert_same(load_state_dict(path), small_state())
    hub: Any = read_torch_file(path)
    loss = hub["message_hub"]["log_scalars"]["train/loss"]
    assert loss == Inert("training_program.HistoryBuffer")
    assert hub["message_hub"]["resumed_keys"] == {"a": [True]}


# --- Hostile files


class Calls:
    """Pickles to a call."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


class CallsInItsState(Calls):
    """Pickles to a list whose state, items and setter are to be called."""

    def __reduce__(self) -> Any:
        function, arguments = self.call
        call = Calls(function, *arguments)
        return list, (), {"__class__": call}, iter([call])


Hostile = Callable[[str], object]
HOSTILE: dict[str, Hostile] = {
    "os.system": lambda file: Calls(os.system, f"touch {file}"),
    "eval": lambda file: Calls(eval, f"open({file!r}, 'w').close()"),
    "exec": lambda file: Calls(exec, f"open({file!r}, 'w').close()"),
    "open": lambda file: Calls(open, file, "w"),
    "a chain": lambda file: Calls(
        getattr, Calls(__import__, "os"), Calls(str, "system"), Calls(os.system, f"touch {file}")
    ),
    "map": lambda file: Calls(list, Calls(map, eval, [f"open({file!r}, 'w').close()"])),
    "object array": lambda file: np.array([Calls(os.system, f"touch {file}"), 1], dtype=object),
    "state": lambda file: CallsInItsState(os.system, f"touch {file}"),
    "ordered dict": lambda file: OrderedDict(x=Calls(os.system, f"touch {file}")),
    "rebuilt": lambda file: Calls(
        torch._tensor._rebuild_from_type_v2, os.system, int, (f"touch {file}",), {}
    ),
    "loader": lambda file: Calls(torch.load, Calls(open, file, "w")),
}


@both_formats
@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_of_a_hostile_file_runs(tmp_path: Path, zipped: bool, hostile: str) -> None:
    made = tmp_path / "made"
    path = tmp_path / "w.pth"
    bomb = HOSTILE[hostile](str(made))

    # Beside the state dict it is passed over.
    for protocol in (2, 4):
        content = {"meta": {"x": bomb, "y": [bomb]}, "state_dict": small_state()}
        save(content, path, zipped=zipped, protocol=protocol)
        assert_same(load_state_dict(path), small_state())
        save({**small_state(), "bomb": bomb}, path, zipped=zipped, protocol=protocol)
        with pytest.raises(ValueError, match=r"w\.pth is not a plain state dict: .*bomb"):
            load_state_dict(path)
        save(bomb, path, zipped=zipped, protocol=protocol)
        with pytest.raises(ValueError, match=r"w\.pth"):
            load_state_dict(path)
    path.write_bytes(pickle.dumps(bomb, protocol=2))
    with pytest.raises(ValueError, match=r"w\.pth"):
        load_state_dict(path)
    assert not made.exists()


def test_the_hostile_objects_are_hostile(tmp_path: Path) -> None:
    made = tmp_path / "made"
    for name in ("os.system", "eval", "object array", "state", "map"):
        with contextlib.suppress(AttributeError):  # a list takes no state, but it was made
            pickle.loads(pickle.dumps(HOSTILE[name](str(made))))
        assert made.exists()
        made.unlink()


def test_a_torchscript_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    save(small_state(), path, zipped=True)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("w/constants.pkl", pickle.dumps(()))
    with pytest.raises(ValueError, match="TorchScript program"):
        load_state_dict(path)


# --- Damage


@both_formats
def test_any_damage_is_a_value_error(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "w.pth"
    save(small_state(), path, zipped=zipped)
    whole = path.read_bytes()
    rng = random.Random(0)
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 1, 3, 20])):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        # What is damaged within the numbers of a row of pickles, nothing tells.
        with contextlib.suppress(ValueError):
            assert all(isinstance(tensor, Tensor) for tensor in load_state_dict(path).values())


def repacked(path: Path, change: Callable[[str, bytes], bytes], **how: Any) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", **how) as archive:
        for name, content in entries.items():
            archive.writestr(name, change(name, content))


@pytest.mark.parametrize(
    ("change", "how", "reason"),
    [
        (lambda name, data: data, {"compression": zipfile.ZIP_DEFLATED}, "is compressed"),
        (lambda name, data: data[:-4] if "/data/0" in name else data, {}, "storage 0 is cut off"),
        (lambda name, data: b"big" if "byteorder" in name else data, {}, "big endian"),
        (lambda name, data: data[:-9] if "data.pkl" in name else data, {}, "not a whole pickle"),
    ],
    ids=["compressed", "short", "byte order", "pickle"],
)
def test_odd_archives_are_refused(
    tmp_path: Path, change: Callable[[str, bytes], bytes], how: dict[str, Any], reason: str
) -> None:
    path = tmp_path / "w.pth"
    save(small_state(), path, zipped=True)
    repacked(path, lambda _name, data: data)
    assert_same(load_state_dict(path), small_state())
    repacked(path, change, **how)
    with pytest.raises(ValueError, match=reason):
        load_state_dict(path)


def test_an_archive_of_other_things_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photo.jpg", b"")
    with pytest.raises(ValueError, match=r"without the one data\.pkl"):
        load_state_dict(path)


@both_formats
def test_a_view_beyond_its_numbers_is_refused(tmp_path: Path, zipped: bool) -> None:
    class Beyond:
        def __reduce__(self) -> Any:
            storage = torch.ones(3)._typed_storage()
            return torch._utils._rebuild_tensor_v2, (storage, 1, (9,), (1,), False, OrderedDict())

    path = tmp_path / "w.pth"
    save({"x": Beyond()}, path, zipped=zipped)
    with pytest.raises(ValueError, match="damaged PyTorch file"):
        load_state_dict(path)


# --- Files that ask for more memory than they hold


class Claim:
    """Pickles to a tensor of storage 0, of any number and type of numbers."""

    def __init__(self, dtype: str, count: int) -> None:
        self.words = "storage", getattr(torch, dtype), "0", "cpu", count

    def __reduce__(self) -> Any:
        return torch._utils._rebuild_tensor_v2, (self.words, 0, (2,), (1,), False, {})


class ClaimPickler(pickle.Pickler):
    def persistent_id(self, obj: object) -> object:
        return obj if isinstance(obj, tuple) and obj[:1] == ("storage",) else None


@pytest.mark.parametrize("second", [("FloatStorage", 7), ("HalfStorage", 8)])
def test_a_storage_is_read_once(tmp_path: Path, second: tuple[str, int]) -> None:
    """Read anew for each claim about it, that of a small file would fill the memory."""

    def save_claims(*claims: tuple[str, int]) -> None:
        content = io.BytesIO()
        state = {str(i): Claim(*claim) for i, claim in enumerate(claims)}
        ClaimPickler(content, protocol=2).dump(state)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("w/data.pkl", content.getvalue())
            archive.writestr("w/data/0", bytes(32))

    path = tmp_path / "w.pth"
    save_claims(("FloatStorage", 8), ("FloatStorage", 8))
    assert len(load_state_dict(path)) == 2
    save_claims(("FloatStorage", 8), second)
    with pytest.raises(ValueError, match="storage 0 is of two types or sizes"):
        load_state_dict(path)


def test_entries_that_lie_in_each_other_are_refused(tmp_path: Path) -> None:
    """Each holds all behind it, so that the file is as many times its size as it has entries."""
    names = [*(f"w/data/{i}" for i in range(8)), "w/data.pkl"]
    content = bytes(4096)
    headers: list[bytes] = []
    for name in reversed(names):
        fields = zlib.crc32(content), len(content), len(content), len(name), 0
        headers.append(struct.pack("<5H3L2H", 20, 0, 0, 0, 33, *fields) + name.encode())
        content = b"PK\x03\x04" + headers[-1] + content
    path = tmp_path / "w.pth"
    entries, start = b"", 0
    for header in reversed(headers):
        fixed, name = header[:26], header[26:]
        entries += b"PK\x01\x02" + struct.pack("<H", 20) + fixed
        entries += struct.pack("<3H2L", 0, 0, 0, 0, start) + name
        start += 4 + len(header)
    end = struct.pack("<4H2LH", 0, 0, len(names), len(names), len(entries), len(content), 0)
    path.write_bytes(content + entries + b"PK\x05\x06" + end)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == names
        assert sum(entry.file_size for entry in archive.infolist()) > 5 * path.stat().st_size
    with pytest.raises(ValueError, match="entries claim more than it holds"):
        load_state_dict(path)


@both_formats
def test_a_dict_under_many_names_stays_one(tmp_path: Path, zipped: bool) -> None:
    inner = {str(i): None for i in range(1000)}
    path = tmp_path / "w.pth"
    save({str(i): inner for i in range(1000)}, path, zipped=zipped)
    content: Any = read_torch_file(path)
    assert len(content) == 1000
    assert len({id(item) for item in content.values()}) == 1
