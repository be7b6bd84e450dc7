"""Pickles, read without running anything of them.

A pickle is a program: it names functions of any module, and has them called. Checkpoints are
pickles too, and those of training programs hold objects of those programs beside their tensors.
Here the program is not given to ``pickle``. ``pickletools`` splits it into its steps, which is all
that library does with it, and ``read_pickle`` follows them with a stack of plain values. What is
named is never imported; what would be called is an ``Inert`` object with a name, unless the caller
knows how to make a plain value of it. So nothing that a file says can run, whatever it says.

PyTorch's own restricted unpickler refuses the harmless parts of such files, and lets some hostile
ones through in versions before 2.6 (CVE-2025-32434).
"""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True)
class Name:
    """A class or function that a pickle names; it is not imported.

    Attributes:
        full: ``module.name``, as written in the file.
    """

    full: str


@dataclass(frozen=True)
class Inert:
    """Stands for an object that the pickle would have had made by a call; nothing was called.

    Attributes:
        name: Of what would have been called: ``module.name``.
    """

    name: str


Make = Callable[[str, tuple[object, ...]], object]
"""What stands for the answer of a call, by the name of what is called and its arguments."""

# The steps that push their own argument.
_LITERALS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("BYTEARRAY8", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
}
# Whose hash runs no code and does not follow other values, however deep.
_KEYS = (str, bytes, int, float, type(None))


def read_pickle(
    file: IO[bytes],
    *,
    make: Make = lambda name, _arguments: Inert(name),
    persistent: Callable[[object], object] = lambda _name: Inert("persistent id"),
) -> object:
    """Read one pickle, of any protocol.

    Numbers, text, bytes, lists, tuples and dicts are made as written, sets as lists. Items of a
    dict whose key is neither text, bytes, a number nor None are left out, and so is the state of
    any object.

    Args:
        file: Where the pickle starts; afterwards it is where the pickle ended.
        make: Gives what stands for a call's answer. The default, and what it should do for
            anything it does not know, is ``Inert``.
        persistent: Gives what stands for an object that lies outside of the pickle.

    Returns:
        The pickle's value.

    Raises:
        pickle.UnpicklingError: these bytes are no pickle, or only the start of one.
    """
    machine = _Machine(make, persistent)
    try:
        for step, argument, _position in pickletools.genops(file):
            machine.run(step.name, argument)
        (value,) = machine.stack
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise pickle.UnpicklingError(f"not a whole pickle: {error}") from error
    return value


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self, make: Make, persistent: Callable[[object], object]) -> None:
        self.stack: list[object] = []
        self._make = make
        self._persistent = persistent
        self._marks: list[int] = []
        self._memo: dict[object, object] = {}

    def run(self, step: str, argument: object) -> None:
        """Follow one step, by its name in ``pickletools``; an unknown one is a LookupError."""
        push = self.stack.append
        match step:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case "NONE":
                push(None)
            case "NEWTRUE" | "NEWFALSE":
                push(step == "NEWTRUE")
            case _ if step in _LITERALS:
                push(argument)
            case "MARK":
                self._marks.append(len(self.stack))
            case "POP" | "POP_MARK":
                at_mark = self._marks[-1:] == [len(self.stack)]
                self._pop_to_mark() if step == "POP_MARK" or at_mark else self._pop(1)
            case "DUP":
                push(self.stack[-1])
            case "GET" | "BINGET" | "LONG_BINGET":
                push(self._memo[argument])
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = self.stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = self.stack[-1]
            case "GLOBAL":
                push(_name(argument))
            case "STACK_GLOBAL":
                push(_name(*self._pop(2)))
            case "REDUCE":
                push(self._called(*self._pop(2)))
            case "NEWOBJ" | "NEWOBJ_EX":
                push(_instance(self._pop(2 if step == "NEWOBJ" else 3)[0]))
            case "OBJ":
                push(_instance(self._pop_to_mark()[0]))
            case "INST":
                self._pop_to_mark()
                push(_instance(_name(argument)))
            case "BUILD":
                self._pop(1)
            case "PERSID":
                push(self._persistent(argument))
            case "BINPERSID":
                push(self._persistent(*self._pop(1)))
            case _:
                self._contain(step)

    def _contain(self, step: str) -> None:
        """Follow a step that makes or fills a container."""
        push = self.stack.append
        match step:
            case "EMPTY_LIST" | "EMPTY_SET":
                push([])
            case "EMPTY_TUPLE":
                push(())
            case "EMPTY_DICT":
                push({})
            case "LIST" | "FROZENSET":
                push(self._pop_to_mark())
            case "TUPLE":
                push(tuple(self._pop_to_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                push(tuple(self._pop(int(step[-1]))))
            case "DICT":
                items = self._pop_to_mark()
                push({})
                self._fill(items)
            case "APPEND":
                self._fill(self._pop(1))
            case "SETITEM":
                self._fill(self._pop(2))
            case "APPENDS" | "ADDITEMS" | "SETITEMS":
                self._fill(self._pop_to_mark())
            case _:
                raise LookupError(f"{step} is not known here")

    def _pop(self, count: int) -> list[object]:
        if count > len(self.stack):
            raise LookupError("the stack is empty")
        start = len(self.stack) - count
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def _pop_to_mark(self) -> list[object]:
        return self._pop(len(self.stack) - self._marks.pop())

    def _fill(self, items: list[object]) -> None:
        """Put items into the container on the stack; what is inert stays so."""
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif isinstance(target, dict):
            for key, value in zip(items[::2], items[1::2], strict=True):
                if isinstance(key, _KEYS):
                    target[key] = value

    def _called(self, function: object, arguments: object) -> object:
        if isinstance(function, Name) and isinstance(arguments, tuple):
            return self._make(function.full, arguments)
        return Inert("no function")


def _name(*words: object) -> Name:
    """The name in "module name" or in both words; text only, since printing others may not end."""
    if not all(isinstance(word, str) for word in words):
        raise ValueError("a name that is no text")
    return Name(".".join(map(str, words)).replace(" ", "."))


def _instance(of: object) -> Inert:
    return Inert(of.full if isinstance(of, Name) else "no class")
