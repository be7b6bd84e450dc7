"""The flip test's average, in place: whole bodies (133 x 96 x 72) and hands (21 x 64 x 64).

Beside it: what the published programs do in PyTorch, NumPy channel by channel on views that read
backwards, and the floor: as many bytes read, changed and written, in order.

Run: python -m benchmarks.bench_average_flipped
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness import compare, one_thread, report, report_two_threads
from heatpose import ops, reference, skeletons

Maps = npt.NDArray[Any]
BATCH = 32
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
) -> dict[str, Callable[[], Any]]:
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(1)
    heatmaps, others = torch.from_numpy(maps), torch.from_numpy(mirrored)
    order = list(flip)

    def program() -> Maps:
        turned = others.flip(3)[:, order]
        if shift:
            turned[..., 1:] = turned[..., :-1].clone()
        return ((heatmaps + turned) / 2).numpy()

    return {"torch": program}


def check(maps: Maps, mirrored: Maps, flip: tuple[int, ...], shift: bool) -> None:
    """All answer the same on the first crops, but for the roundings that they have."""
    few, others = maps[:2], mirrored[:2]
    want = reference.average_flipped(few, others, flip, shift=shift)
    rounding = 1e-3 if maps.dtype == np.float16 else 1e-7
    answers = {
        "heatpose": ops.average_flipped(few.copy(), others, flip, shift=shift),
        "numpy": with_numpy(few.copy(), others, flip, shift),
        **{name: run() for name, run in torch_program(few, others, flip, shift).items()},
    }
    for name, answer in answers.items():
        error = np.abs(answer - want).max()
        assert error <= rounding, f"{name} gives another answer: off by {error}"


def main() -> None:
    rng = np.random.default_rng(0)
    for name, (shape, flip) in CASES.items():
        maps, mirrored = (rng.random((BATCH, *shape), np.float32) for _ in range(2))
        title = f"average_flipped {name} {BATCH} x {' x '.join(map(str, shape))}"
        report_two_threads(
            title,
            lambda m=maps, o=mirrored, f=flip: ops.average_flipped(m, o, f, shift=True, out=m),
        )
    one_thread()
    for name, (shape, flip) in CASES.items():
        for dtype in (np.float32, np.float16):
            maps, mirrored = (rng.random((BATCH, *shape), np.float32).astype(dtype) for _ in "ab")
            title = f"average_flipped {name} {BATCH} x {' x '.join(map(str, shape))}"
            for shift in (False, True):
                check(maps, mirrored, flip, shift)
                given = (maps, mirrored, flip)
                words = [array.view(np.uint32) for array in (maps, mirrored)]
                # Two and two, in place, so that both find the same of their maps in the cache.
                medians = compare(
                    {
                        "heatpose": lambda g=given, s=shift: ops.average_flipped(
                            *g, shift=s, out=g[0]
                        ),
                        "floor: read two, write one": lambda w=words: np.maximum(*w, out=w[0]),
                    },
                    rounds=31,
                )
                others = torch_program(*given, shift)
                others["numpy"] = lambda g=given, s=shift: with_numpy(*g, s)
                medians.update(compare(others, rounds=7))
                report(f"{title} {np.dtype(dtype).name}{', shifted' if shift else ''}", medians)


if __name__ == "__main__":
    main()
