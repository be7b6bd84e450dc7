"""PaddlePaddle's pickles: arrays and nothing else, whatever the pickle says."""

from __future__ import annotations

import os
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from convert_files import numbers
from heatpose.networks import OpenPoseHand, OpenPoseVGG19
from heatpose.weights.convert import read_checkpoint

KERNEL, BIAS = numbers(4, 3, 2, 2), numbers(4)
STATE = {"model0.conv1_1.weight": KERNEL, "model0.conv1_1.bias": BIAS}
TABLE = {"StructuredToParameterName@@": {name: f"conv2d_{i}" for i, name in enumerate(STATE)}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "openpose_body.pdparams"


class Calls:
    """Pickles to a call."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


def assert_is_state(tensors: dict[str, torch.Tensor]) -> None:
    assert list(tensors) == list(STATE)
    for name, array in STATE.items():
        np.testing.assert_array_equal(tensors[name].numpy(), array)


# --- What is read


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {**STATE, **TABLE},
        OrderedDict({**STATE, **TABLE}),
        [STATE, {"epoch": 3}],
        (STATE,),
        # How paddle.save writes tensors themselves: tuple((name, array)).
        {name: Calls(tuple, (f"conv2d.{name}", array)) for name, array in STATE.items()},
        {name: np.asfortranarray(array) for name, array in STATE.items()},
        {name: array.astype(">f4") for name, array in STATE.items()},
    ],
    ids=["plain", "name table", "ordered", "list", "tuple", "pairs", "columns first", "big-endian"],
)
def test_state_dicts_are_read(path: Path, content: object, protocol: int) -> None:
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    assert_is_state(read_checkpoint(path))


def test_pickles_of_older_numpy_are_read(path: Path) -> None:
    data = pickle.dumps(STATE, protocol=2)
    assert b"numpy._core.multiarray" in data or b"numpy.core.multiarray" in data
    path.write_bytes(data.replace(b"numpy._core.", b"numpy.core."))
    assert_is_state(read_checkpoint(path))


def test_pickles_of_python_2_are_read(path: Path) -> None:
    """There, text and bytes were one type."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(K\x02t"
        b"cnumpy\ndtype\n(U\x02f4K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x08" + np.array([1.5, -2], "<f4").tobytes() + b"tb"
    )
    path.write_bytes(b"\x80\x02}U\x04bias" + array + b"s.")
    assert read_checkpoint(path)["bias"].tolist() == [1.5, -2]


@pytest.mark.parametrize("call", [b"c_codecs\nencode\n", b"c__builtin__\ntuple\n"])
def test_what_a_file_holds_once_is_not_copied_often(path: Path, call: bytes) -> None:
    """A file of some kilobytes would take gigabytes."""
    held = b"(" + 10_000 * b"N" + b"t" if b"tuple" in call else b"X\x10\x27\0\0" + 10_000 * b"a"
    rest = b"\x85R" if b"tuple" in call else b"X\x06\0\0\0latin1\x86R"
    copies = 5 * (call + b"h\x00" + rest)
    path.write_bytes(b"\x80\x02" + held + b"q\x000](" + copies + b"e.")
    with pytest.raises(ValueError, match="copies more than it holds"):
        read_checkpoint(path)


def test_arrays_that_share_their_bytes_are_refused(path: Path) -> None:
    class Shared:
        def __reduce__(self) -> Any:
            made = (np.ndarray, (0,), b"b")
            state = (1, (len(data) // 4,), np.dtype("<f4"), False, data)
            return np.zeros(1).__reduce__()[0], made, state

    data = bytes(1 << 16)
    path.write_bytes(pickle.dumps({"a": Shared()}, 4))
    assert read_checkpoint(path)["a"].nbytes == len(data)
    path.write_bytes(pickle.dumps({"a": Shared(), "b": Shared(), "c": Shared()}, 4))
    with pytest.raises(ValueError, match="its arrays are larger than the file, from b on"):
        read_checkpoint(path)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", "i8"])
def test_number_types_are_kept(path: Path, dtype: str) -> None:
    array = np.arange(6).reshape(2, 3, 1).astype(dtype)
    path.write_bytes(pickle.dumps({"x": array, "scalar": np.array(2, dtype)}))
    tensors = read_checkpoint(path)
    assert tensors["x"].numpy().dtype == dtype
    np.testing.assert_array_equal(tensors["x"].numpy(), array)
    assert tensors["scalar"].item() == 2


def test_norms_and_linear_layers_become_pytorchs(path: Path) -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(4).eval()
    theirs = {
        "fc.weight": numbers(4, 2),  # [in, out]
        "fc.bias": numbers(2),
        "bn.weight": numbers(4, seed=1),
        "bn.bias": numbers(4, seed=2),
        "bn._mean": numbers(4, seed=3),
        "bn._variance": numbers(4, seed=4) + 1,
    }
    path.write_bytes(pickle.dumps(theirs, protocol=4))
    model = nn.ModuleDict({"fc": nn.Linear(4, 2), "bn": norm}).eval()
    model.load_state_dict(read_checkpoint(path))
    x = numbers(3, 4)
    np.testing.assert_allclose(
        model["fc"](torch.from_numpy(x)).detach().numpy(),
        x @ theirs["fc.weight"] + theirs["fc.bias"],
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        model["bn"](torch.from_numpy(x[..., None, None])).detach().numpy()[..., 0, 0],
        (x - theirs["bn._mean"]) / np.sqrt(theirs["bn._variance"] + norm.eps) * theirs["bn.weight"]
        + theirs["bn.bias"],
        rtol=1e-4,
    )


@pytest.mark.parametrize("network", [OpenPoseVGG19, OpenPoseHand])
def test_the_names_of_paddlehubs_modules_are_known(
    path: Path, network: type[OpenPoseVGG19] | type[OpenPoseHand]
) -> None:
    with torch.device("meta"):
        wanted = network().state_dict()
    blocks = {"conv": "model1_0" if network is OpenPoseHand else "model0"}
    content = {}
    for name, tensor in wanted.items():
        stage = name.partition("_stage")[2][:1] or blocks["conv"].removeprefix("model")
        content[f"model{stage}.{name}"] = np.zeros([1] * tensor.ndim, np.float32)
    path.write_bytes(pickle.dumps(content, protocol=4))
    assert network.normalise_keys(read_checkpoint(path)).keys() == wanted.keys()


# --- What is refused


def evil(folder: Path) -> dict[str, Any]:
    mark = f"touch {folder / 'was_here'}"
    nested = np.empty(2, object)
    nested[:] = [Calls(os.system, mark)] * 2
    return {
        "system": Calls(os.system, mark),
        "eval": Calls(eval, f"__import__('os').system({mark!r})"),
        "exec": Calls(exec, f"import os; os.system({mark!r})"),
        "getattr": Calls(getattr, "x", "upper"),
        "object array": nested,
        "load": Calls(pickle.loads, pickle.dumps(Calls(os.system, mark))),
        "numpy load": Calls(np.load, "x.npy", None, True),
        "memmap": Calls(np.memmap, "x.npy"),
        "frombuffer": Calls(np.frombuffer, b"1234"),
    }


@pytest.mark.parametrize("where", ["top", "value", "key of a list"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("attack", evil(Path("x")))
def test_calls_are_refused_by_name_and_never_made(
    path: Path, attack: str, protocol: int, where: str
) -> None:
    call = evil(path.parent)[attack]
    content = {"top": call, "value": {**STATE, "x": call}, "key of a list": [STATE, [call]]}[where]
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    with pytest.raises(ValueError, match=r"pdparams asks for [\w.]+: files that need code"):
        read_checkpoint(path)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "code",
    [
        b"\x80\x02cposix\nsystem\nU\x04true\x85R.",
        b"\x80\x02(U\x04trueiposix\nsystem\n.",  # INST
        b"\x80\x02(cposix\nsystem\nU\x04trueo.",  # OBJ
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",  # STACK_GLOBAL
        b"\x80\x04\x8c\x0bcollections\x8c\x15OrderedDict.__class__\x93.",  # an attribute
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x02U\x01xQ.",  # BINPERSID
        b"\x80\x02cnumpy\nndarray\n)\x81.",  # NEWOBJ
    ],
)
def test_every_way_to_call_is_refused(path: Path, code: bytes) -> None:
    path.write_bytes(code)
    with pytest.raises(ValueError, match="files that need code to be run are not opened"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "code",
    [
        b"cnumpy\ndtype\n}U\x04makeU\x01xsb.",  # the state of a function we own
        b"cnumpy\ndtype\nN}U\x08__call__U\x01xs\x86b.",
        b"ccollections\nOrderedDict\n}U\x04makeU\x01xsb.",
        b"ccollections\nOrderedDict\n)R}U\x04keysU\x01xsb.",
        b"cnumpy\nndarray\n)RK\x05b.",
        b"c_codecs\nencode\nU\x01xU\x05rot13\x86R.",
    ],
)
def test_functions_of_the_reader_cannot_be_changed(path: Path, code: bytes) -> None:
    path.write_bytes(b"\x80\x02" + code)
    with pytest.raises(ValueError, match="damaged pickle"):
        read_checkpoint(path)
    path.write_bytes(pickle.dumps(STATE, protocol=2))
    assert_is_state(read_checkpoint(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "its dict is empty"),
        (TABLE, "its dict is empty"),
        ([1, 2], "it holds a int instead of a dict"),
        ("text", "it holds a str"),
        ({**STATE, "epoch": 3}, "epoch is a int instead of an array"),
        ({"x": [1.0, 2.0]}, "x is a list"),
        ({"x": np.array(["a", "b"])}, "x is of type U1"),
        ({"x": np.zeros(2, "c8")}, "x is of type c8"),
        ({"x": np.zeros(2, [("a", "f4")])}, "x is of type V4"),
        ({1: BIAS}, "a key of its dict is a int"),
        ({"bn._mean": BIAS, "bn.running_mean": BIAS}, "running_mean is there twice"),
    ],
)
def test_other_contents_are_named(path: Path, content: object, message: str) -> None:
    path.write_bytes(pickle.dumps(content, protocol=4))
    with pytest.raises(ValueError, match=message):
        read_checkpoint(path)


def array_pickle(
    shape: bytes, data: bytes = b"1234", order: bytes = b"<", code: bytes = b"f4"
) -> bytes:
    return (
        b"\x80\x03}U\x01xcnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
        b"(K\x01"
        + shape
        + b"cnumpy\ndtype\nU\x02"
        + code
        + b"K\x00K\x01\x87R(K\x03U\x01"
        + order
        + b"NNN"
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89C" + bytes([len(data)]) + data + b"tbs."
    )


def test_the_handmade_array_is_read(path: Path) -> None:
    path.write_bytes(array_pickle(b"K\x01\x85", struct.pack("<f", 1.5)))
    assert read_checkpoint(path)["x"].tolist() == [1.5]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (array_pickle(b"K\x02\x85"), "x claims 8 bytes .*, the file has 4"),
        (array_pickle(b"J\x00\x00\x00\x20\x85"), "x claims 2147483648 bytes .*, the file has 4"),
        (array_pickle(b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"), "the file has 4"),
        (array_pickle(b"J\xff\xff\xff\xff\x85"), "x has a negative size"),
        (array_pickle(b"K\x00\x85"), "x claims 0 bytes"),
        (array_pickle(b"U\x01a\x85"), "x is no array"),
        (array_pickle(b"N"), "x is no array"),
        (array_pickle(b"K\x01\x85", order=b"|"), "array of structures"),
        (array_pickle(b"K\x01\x85", code=b"O8"), "x is of type O8"),
        (array_pickle(b"K\x01\x85", code=b"xx"), "x is of type xx"),
    ],
)
def test_claimed_shapes_are_not_trusted(path: Path, data: bytes, message: str) -> None:
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x03B\xff\xff\xff\x7fabc.",  # 2 GiB of bytes
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        b"\x80\x02X\xff\xff\xff\x7fabc.",  # of text
        b"\x80\x02\x8b\xff\xff\xff\x7fabc.",  # of a number's digits
        b"\x80\x02Nr\xff\xff\xff\x7f.",  # the table of things to remember
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.",  # a frame
    ],
)
def test_no_memory_is_taken_for_lengths_that_are_not_there(path: Path, data: bytes) -> None:
    import tracemalloc

    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"damaged pickle|it holds a NoneType"):
            read_checkpoint(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_every_cut_is_noticed(path: Path) -> None:
    data = pickle.dumps({**STATE, **TABLE}, protocol=4)
    for length in range(2, len(data), 3):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match="damaged pickle"):
            read_checkpoint(path)


def test_flipped_bytes_never_crash(path: Path) -> None:
    data = pickle.dumps({"x": numbers(2)}, protocol=4)
    for i in range(2, len(data)):
        for value in (0, data[i] ^ 0x40, data[i] ^ 1, 0xFF):
            path.write_bytes(data[:i] + bytes([value]) + data[i + 1 :])
            try:
                read_checkpoint(path)
            except ValueError:
                continue
