"""The CUDA backend, where there is a device: the cases of ``benchmarks.cuda``, as replayed graphs.

Run: python -m benchmarks.bench_cuda
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

import heatpose as hp
from benchmarks import harness
from benchmarks.harness import Case, Work


def cases() -> dict[str, Any]:
    """The cases by name; none without a device."""
    if not hp.cuda_status().usable:
        return {}
    from benchmarks import cuda

    return {one.name: one for one in cuda.cases()}


CASES = cases()


@cache
def copy_speed() -> float:
    """Bytes a microsecond of a device copy."""
    from benchmarks import cuda

    return cuda.copy_speed()


@pytest.mark.skipif(not CASES, reason="no CUDA device")
@pytest.mark.parametrize("name", CASES or ["any case"])
def test_cuda(case: Case, name: str) -> None:
    import torch

    from benchmarks import cuda

    given = CASES[name]
    graph, result = cuda.captured(given.work)

    def replay() -> Any:
        graph.replay()
        torch.cuda.synchronize()
        return result

    case(
        f"CUDA: {name}",
        {"heatpose": replay},
        lambda _, answer: given.check(answer),
        work=Work(read=given.bytes),
        target_ms=None if given.target is None else given.target / 1e3,
        two_threads=False,
        device=torch.cuda.get_device_name(),
        # By CUDA events, with something else in the cache before each replay.
        event_ms=cuda.microseconds(graph) / 1e3,
        device_copy=copy_speed(),
    )


if __name__ == "__main__":
    harness.main(__file__)
