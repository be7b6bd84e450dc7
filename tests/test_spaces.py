"""What the ops do on a CUDA device beside the kernels, as far as no device is needed to see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from heatpose.ops import _spaces
from heatpose.ops._arrays import as_float64_there
from heatpose.ops._spaces import TorchSpace

torch = pytest.importorskip("torch")

DEVICE = torch.device("cuda", 0)


class Machine:
    """Stands in for torch.cuda: whether a graph is being captured, and who has waited."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.capturing = False
        self.waits: list[Any] = []
        stream = SimpleNamespace(synchronize=lambda: None)
        patch.setattr(torch.cuda, "is_current_stream_capturing", lambda: self.capturing)
        patch.setattr(torch.cuda, "current_stream", lambda device: stream)
        patch.setattr(torch.cuda, "synchronize", self.waits.append)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_arrays_on_the_host_are_refused_in_a_capture(machine: Machine) -> None:
    machine.capturing = True
    with pytest.raises(RuntimeError, match="give it as a tensor on the device"):
        TorchSpace(DEVICE).put(np.zeros((1, 2, 3)))


def test_tables_are_let_go_once_nobody_can_read_them(machine: Machine) -> None:
    tables = _spaces._Tables()
    space: Any = SimpleNamespace(device=DEVICE, put=lambda array: array)

    def get(key: int) -> int:
        return int(tables.get(space, key, lambda: np.array(key)))

    get(1)
    machine.capturing = True
    get(1)
    machine.capturing = False
    for key in range(tables.KEPT):
        get(key)
    assert not machine.waits
    get(tables.KEPT)
    assert machine.waits == [DEVICE]
    assert len(tables._kept) == tables.KEPT // 2 + 1

    machine.capturing = True
    assert get(1) == 1
    with pytest.raises(RuntimeError, match="call the op once before"):
        get(0)


def test_copies_belong_to_the_callers_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    inside: list[bool] = []
    copied: list[str] = []

    @contextmanager
    def queue(space: TorchSpace) -> Iterator[None]:
        inside.append(True)
        yield
        inside.pop()

    class Strided:
        def is_contiguous(self) -> bool:
            return False

        def contiguous(self) -> Strided:
            assert inside
            copied.append("contiguous")
            return self

        def double(self) -> Strided:
            assert inside
            copied.append("double")
            return self

    monkeypatch.setattr(TorchSpace, "queue", queue)
    space = TorchSpace(DEVICE, stream=16)
    array = Strided()
    assert space.contiguous(array) is array
    monkeypatch.setattr("heatpose.ops._arrays.on_device", lambda value: True)
    monkeypatch.setattr("heatpose.ops._arrays.borrow_beside", lambda *a, **k: array)
    as_float64_there("transform", array, space)
    assert copied == ["contiguous", "double", "contiguous"]
