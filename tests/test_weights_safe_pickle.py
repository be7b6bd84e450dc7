"""Pickles: plain values are made as written, nothing is called, damage is told."""

from __future__ import annotations

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatpose.weights.safe_pickle import Inert, read_pickle

# --- Pickles of plain values

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.builds(bytearray, st.binary()),
    lambda parts: (
        st.lists(parts)
        | st.tuples(parts, parts, parts, parts)
        | st.tuples(parts)
        | st.dictionaries(st.text() | st.integers() | st.binary(), parts)
    ),
    max_leaves=30,
)


@settings(max_examples=60, deadline=None)
@given(plain, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_are_as_pickle_makes_them(value: object, protocol: int) -> None:
    def made(name: str, arguments: tuple[Any, ...]) -> object:
        # What old protocols write for bytes.
        function = {"_codecs.encode": str.encode, "builtins.bytearray": bytearray}.get(
            name.replace("__builtin__", "builtins"), bytes
        )
        return function(*arguments)

    file = io.BytesIO(pickle.dumps(value, protocol=protocol) + b"what follows")
    got = read_pickle(file, make=made)
    assert got == value
    assert file.read() == b"what follows"


def test_sets_become_lists_and_odd_keys_are_left_out() -> None:
    value = {"set": {3}, "frozen": frozenset([4]), (1, 2): 5, None: 6, 2.5: 7, True: 8}
    got = read_pickle(io.BytesIO(pickle.dumps(value, protocol=4)))
    assert got == {"set": [3], "frozen": [4], None: 6, 2.5: 7, True: 8}


def test_what_is_in_itself_stays_so() -> None:
    value: list[object] = [1]
    value.append({"again": value})
    got: Any = read_pickle(io.BytesIO(pickle.dumps(value)))
    assert got[0] == 1
    assert got[1]["again"] is got


@pytest.mark.parametrize(
    "steps",
    [
        b"",
        b".",
        b"a.",
        b"0.",
        b"1.",
        b"(",
        b"R.",
        b"g5\n.",
        b"K",
        b"]]a]s",
        b"\x82\x01.",
        b"K\x01K\x02.",
    ],
)
def test_what_is_no_pickle_is_refused(steps: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError, match="not a whole pickle"):
        read_pickle(io.BytesIO(steps))


def test_every_step_of_the_language_is_known_but_those_that_need_more_than_the_file() -> None:
    unknown = set()
    for step in pickletools.opcodes:
        try:
            read_pickle(io.BytesIO(step.code.encode("latin-1") + b"\n" * 9))
        except pickle.UnpicklingError as error:
            if "is not known here" in str(error):
                unknown.add(step.name)
    assert unknown == {"EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER"}


# --- Calls


@pytest.mark.parametrize(
    "steps",
    [
        b"cos\nsystem\n(S'touch %s'\ntR.",
        b"(S'touch %s'\nios\nsystem\n.",
        b"(cos\nsystem\nS'touch %s'\no.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93S'touch %s'\n\x85\x81.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93S'touch %s'\n\x85}\x92.",
        b"\x80\x04\x8c\x02os\x8c\x0asystem.foo\x93S'touch %s'\n\x85R.",
        b"cbuiltins\ngetattr\n(cos\nsystem\nS'__call__'\ntR(S'touch %s'\ntR.",
        b"ccollections\nOrderedDict\n(((S'a'\ncos\nsystem\ntltR}S'x'\nS'touch %s'\nsb.",
    ],
    ids=["global", "inst", "obj", "newobj", "newobj_ex", "dotted", "getattr", "build"],
)
def test_no_step_of_the_language_calls_or_imports(tmp_path: Path, steps: bytes) -> None:
    made = tmp_path / "made"
    program = steps.replace(b"%s", str(made).encode())
    value = read_pickle(io.BytesIO(program), make=lambda name, arguments: (name, arguments))
    assert isinstance(value, (tuple, Inert))
    assert not made.exists()
