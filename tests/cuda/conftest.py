"""What the tests of the CUDA backend share.

They need a CUDA device, and skip, saying why, without one; with HEATPOSE_REQUIRE_CUDA=1 they fail
instead. Where the kernels run on the host (tests/host_blocks), tensors on the CPU take the place of
those on a device, and only what needs a real device is skipped.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import heatpose as hp
from heatpose.native import core

torch = pytest.importorskip("torch")

ON_HOST = core.cuda_device_type == 1


def _why_not() -> str:
    """Why no device can be used; empty when one can."""
    status = hp.cuda_status()
    if not status.usable:
        return f"heatpose: {status.reason}"
    return "" if torch.cuda.is_available() else "PyTorch finds no CUDA device"


def _without(reason: str) -> None:
    if os.environ.get("HEATPOSE_REQUIRE_CUDA") == "1":
        pytest.fail(f"HEATPOSE_REQUIRE_CUDA=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def device() -> Any:
    """The device that tensors of these tests lie on."""
    if ON_HOST:
        return torch.device("cpu")
    reason = _why_not()
    if reason:
        _without(reason)
    return torch.device("cuda", 0)


@pytest.fixture(scope="session")
def gpu() -> Any:
    """A real device."""
    reason = "the kernels run on the host" if ON_HOST else _why_not()
    if ON_HOST:
        pytest.skip(reason)
    if reason:
        _without(reason)
    return torch.device("cuda", 0)


@pytest.fixture(scope="session")
def put(device: Any) -> Callable[..., Any]:
    """Brings a NumPy array (or a list of them) to the device, maybe as another type."""

    def bring(array: Any, dtype: str | None = None) -> Any:
        if isinstance(array, (list, tuple)):
            return [bring(one, dtype) for one in array]
        tensor = torch.from_numpy(np.array(array)).to(device)
        return tensor if dtype is None else tensor.to(getattr(torch, dtype))

    return bring
