"""The flip test's average, in place: whole bodies (133 x 96 x 72) and hands (21 x 64 x 64).

Beside it: what the published programs do in PyTorch, NumPy channel by channel on views that read
backwards, and the floor: as many bytes read, changed and written, in order.

Run: python -m benchmarks.bench_average_flipped
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks import harness
from benchmarks.harness import Case, Program, Work
from heatpose import ops, reference, skeletons

Maps = npt.NDArray[Any]
# 256 whole bodies in float32 are a gigabyte with their mirror images; PyTorch's way needs four.
BATCHES = (1, 8, 32, 64, 256)
MOST_COMPARED = 32
CASES = {
    "whole body": ((133, 96, 72), skeletons.WHOLEBODY133.flip),
    # A hand's mirror image is a hand with the same keypoints.
    "hand": ((21, 64, 64), skeletons.HAND21.flip),
}


def with_numpy(maps: Maps, mirrored: Maps, flip: tuple[int, ...], shift: bool) -> Maps:
    """In place, a channel of a crop at a time, which stays in the cache from one step to the next.

    The halves' sum is rounded, and could overflow, before it is halved.
    """
    half = maps.dtype.type(0.5)
    for crop, other in zip(maps, mirrored, strict=True):
        for plane, k in zip(crop, flip, strict=True):
            turned = other[k, :, ::-1]
            if shift:
                plane[:, 1:] += turned[:, :-1]
                plane[:, 0] += turned[:, 0]
            else:
                plane += turned
            plane *= half
    return maps


def torch_program(
    maps: Maps, mirrored: Maps, flip: tuple[int, ...], shift: bool
) -> dict[str, Program]:
    try:
        import torch
    except ImportError:
        return {}
    heatmaps, others = torch.from_numpy(maps), torch.from_numpy(mirrored)
    order = list(flip)

    def program() -> Maps:
        turned = others.flip(3)[:, order]
        if shift:
            turned[..., 1:] = turned[..., :-1].clone()
        return ((heatmaps + turned) / 2).numpy()

    return {"torch": program}


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize(("batch", "shift"), [(32, False), *((n, True) for n in BATCHES)])
@pytest.mark.parametrize("kind", CASES)
def test_average(case: Case, kind: str, batch: int, shift: bool, dtype: str) -> None:
    shape, flip = CASES[kind]
    rng = np.random.default_rng(0)
    some = rng.random((2, min(batch, 32), *shape), np.float32).astype(dtype)
    maps, mirrored = (np.tile(a, (-(-batch // len(a)), 1, 1, 1)) for a in some)
    few, others = maps[:2].copy(), mirrored[:2]
    wanted = reference.average_flipped(few, others, flip, shift=shift)
    rounding = 1e-3 if maps.dtype == np.float16 else 1e-7
    # In place, so that a second turn averages what the first one gave: each checks its own few.
    programs: dict[str, Program] = {
        "heatpose": lambda: ops.average_flipped(maps, mirrored, flip, shift=shift, out=maps)
    }
    if batch == MOST_COMPARED:
        programs |= torch_program(maps, mirrored, flip, shift)
        programs["numpy"] = lambda: with_numpy(maps, mirrored, flip, shift)
    on_few = {
        "heatpose": lambda: ops.average_flipped(few.copy(), others, flip, shift=shift),
        "numpy": lambda: with_numpy(few.copy(), others, flip, shift),
        **torch_program(few, others, flip, shift),
    }

    def check(name: str, _: Any) -> None:
        heatpose = name in ("heatpose", harness.TWO_THREADS)
        error = np.abs(on_few["heatpose" if heatpose else name]() - wanted).max()
        assert error <= rounding, f"{name} gives another answer: off by {error}"

    # As many bytes read, changed and written, in order; each number stays one of the two's.
    words = [array.view(np.uint32) for array in (maps, mirrored)]
    case(
        f"average_flipped {kind} {batch} x {' x '.join(map(str, shape))}, {dtype}"
        + (", shifted" if shift else ""),
        programs,
        check,
        beside={"floor: read two, write one": lambda: np.maximum(*words, out=words[0])},
        work=Work(
            read=2 * maps.nbytes,
            written=maps.nbytes,
            multiply_adds=maps.size,
            growth=(f"average_flipped {kind}, {dtype}", "batch", batch) if shift else (),
        ),
    )


if __name__ == "__main__":
    harness.main(__file__)
