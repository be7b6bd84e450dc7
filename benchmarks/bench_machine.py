"""What this machine can do: bytes a second and multiply-adds a second of one core.

The report holds every op against these: the least time for its bytes and its multiply-adds. Memory
is measured at several sizes, because a cache gives what memory does not.

Run: python -m benchmarks.bench_machine
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import harness
from benchmarks.harness import Case

# Bytes of the array that is read or written; of both arrays together for a copy.
SIZES = {"256 KiB": 1 << 18, "2 MiB": 1 << 21, "16 MiB": 1 << 24, "256 MiB": 1 << 28}
SIDE = 1024


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["read", "copy", "fill"])
def test_memory(case: Case, kind: str, size: str) -> None:
    words = SIZES[size] // 4
    array = np.ones(words, np.int32)
    half, other = array[: words // 2], array[words // 2 :]
    # The maximum of whole numbers is the quickest read that NumPy has; of floats it looks for NaN.
    programs = {
        "read": array.max,
        "copy": lambda: np.copyto(half, other),
        "fill": lambda: array.fill(1),
    }
    case(
        f"machine: {kind} {size}",
        {kind: programs[kind]},
        None,
        two_threads=False,
        machine={"kind": kind, "bytes": 4 * words},
    )


def test_multiply_adds(case: Case) -> None:
    torch = pytest.importorskip("torch", reason="its matrix product measures multiply-adds")
    a, b, out = (torch.rand(SIDE, SIDE) for _ in range(3))
    case(
        f"machine: product of two matrices of {SIDE} x {SIDE}",
        {"product": lambda: torch.mm(a, b, out=out)},
        None,
        two_threads=False,
        machine={"kind": "multiply_adds", "multiply_adds": SIDE**3},
    )


if __name__ == "__main__":
    harness.main(__file__)
