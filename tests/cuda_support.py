"""What tests of the CUDA backend compare with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from heatpose.ops import _spaces


@contextmanager
def cpu_backend() -> Iterator[None]:
    """NumPy arrays go to the CPU backend, also where the kernels run on the host."""
    patch = pytest.MonkeyPatch()
    patch.setattr(_spaces.HostSpace, "cuda", False)
    try:
        yield
    finally:
        patch.undo()


def host(value: Any) -> np.ndarray:
    """An array of either kind, as NumPy."""
    return value if isinstance(value, np.ndarray) else value.cpu().numpy()
