"""Ops that compilers can see: one decorator, without importing torch."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

Op = TypeVar("Op", bound=Callable[..., Any])

TRACEABLE: dict[str, Callable[..., Any]] = {}
"""The ops as written, by name: what :mod:`heatpose.ops.torch_library` registers."""


def traced() -> bool:
    """Whether torch traces the program: in a compiler, or in a dispatch mode (make_fx, fakes)."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(
        torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack()
    )


def traceable(op: Op) -> Op:
    """Make a public op one node, ``torch.ops.heatpose.<op>``, where torch traces a program.

    That is inside torch.compile, torch.export, make_fx and other torch dispatch modes. Everywhere
    else the op runs as written, half a microsecond later. ``import heatpose`` imports no torch.
    """
    TRACEABLE[op.__name__] = op

    @functools.wraps(op)
    def public(*args: Any, **settings: Any) -> Any:
        if traced():
            # An import, because Dynamo runs it (which registers the ops) rather than trace it.
            from heatpose.ops import torch_library

            return torch_library.call(op.__name__, args, settings)
        return op(*args, **settings)

    return cast(Op, public)
