"""The CUDA backend on this machine's device: replayed graphs, medians, one Markdown table.

Every case is captured in a CUDA graph, checked against the CPU's answer, and timed with CUDA events
over replays. A case whose bytes are what bounds it also says its share of a device copy's speed.

Run: python -m benchmarks.cuda        (needs a CUDA device)
"""

from __future__ import annotations

import datetime
import platform
import statistics
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

import heatpose as hp
from heatpose import demo, ops

CANVAS = (720, 1280)
CELLS = (46, 82)
SEARCH = (0.5, 1.0, 1.5, 2.0)
SKELETON = hp.skeletons.COCO18
REPLAYS = 200


class Case(NamedTuple):
    """One row: what is timed, the target in microseconds, and the bytes that it must move."""

    name: str
    work: Callable[[], Any]
    check: Callable[[Any], None]
    target: float | None = None
    bytes: int = 0


def device_maps(
    people: int, scales: tuple[float, ...], images: int = 1
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Planted crowds, one per image, as the maps of each scale on the device."""
    stacks: list[list[torch.Tensor]] = [[], []]
    for scale in scales:
        cells = (round(CELLS[0] * scale), round(CELLS[1] * scale))
        planted = [
            demo.planted_crowd(people, cells=cells, canvas=CANVAS, seed=i, noise=0.01)
            for i in range(images)
        ]
        for stack, k in zip(stacks, (0, 1), strict=True):
            maps = torch.from_numpy(np.stack([p[k] for p in planted])).cuda()
            stack.append(maps[0] if images == 1 else maps)
    return stacks[0], stacks[1]


def body_case(
    title: str, people: int, scales: tuple[float, ...], images: int, target: float | None
) -> Case:
    heatmaps, pafs = device_maps(people, scales, images)
    decoder = hp.BodyDecoder(SKELETON)
    host = [[m.cpu().numpy() for m in stack] for stack in (heatmaps, pafs)]
    want = decoder.queue(*host, CANVAS).arrays

    def check(queued: Any) -> None:
        for mine, theirs in zip(queued.arrays, want, strict=True):
            a, b = mine.cpu().numpy(), np.asarray(theirs)
            if a.dtype.kind == "f":
                np.testing.assert_allclose(a, b, atol=1e-4)
            else:
                np.testing.assert_array_equal(a, b)

    return Case(title, lambda: decoder.queue(heatmaps, pafs, CANVAS), check, target)


def near(want: Any, tolerance: float) -> Callable[[Any], None]:
    """A check that tuples of arrays, or one array, are those of the CPU."""
    wanted = want if isinstance(want, tuple) else (want,)

    def check(got: Any) -> None:
        for mine, theirs in zip(got if isinstance(got, tuple) else (got,), wanted, strict=True):
            a, b = mine.float().cpu().numpy(), np.asarray(theirs, np.float32)
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)  # NaN where the other has it

    return check


def top_down_case(maps: tuple[int, ...], dtype: torch.dtype, target: float) -> Case:
    torch.manual_seed(0)
    y, x = (torch.arange(n, device="cuda", dtype=torch.float32) for n in maps[2:])
    cy, cx = (torch.rand(maps[:2], device="cuda")[..., None] * n for n in maps[2:])
    heatmaps = (
        torch.exp(-((y - cy) ** 2) / 8)[..., None] * torch.exp(-((x - cx) ** 2) / 8)[..., None, :]
    )
    heatmaps = heatmaps.to(dtype)
    kernel = 17 if maps[2] >= 96 else 11
    want = ops.decode_heatmaps(heatmaps[:4].cpu(), kernel=kernel)
    name = f"DARK {maps[0]} x {list(maps[1:])} {str(dtype).removeprefix('torch.')}"
    return Case(
        name,
        lambda: ops.decode_heatmaps(heatmaps, kernel=kernel),
        lambda got: near(tuple(want), 1e-3)(tuple(field[:4] for field in got)),
        target,
        heatmaps.numel() * heatmaps.element_size(),
    )


def flip_case(maps: tuple[int, ...], flip: tuple[int, ...], dtype: torch.dtype) -> Case:
    torch.manual_seed(0)
    heatmaps, mirrored = (torch.rand(maps, device="cuda").to(dtype) for _ in range(2))
    out = torch.empty_like(heatmaps)
    want = ops.average_flipped(heatmaps[:4].cpu(), mirrored[:4].cpu(), flip, shift=True)
    return Case(
        f"flip test {maps[0]} x {list(maps[1:])} {str(dtype).removeprefix('torch.')}",
        lambda: ops.average_flipped(heatmaps, mirrored, flip, shift=True, out=out),
        lambda got: near(want, 0)(got[:4]),
        bytes=3 * out.numel() * out.element_size(),
    )


def canvas_cases() -> list[Case]:
    heatmaps, pafs = device_maps(5, (1.0,))
    cells = torch.cat([heatmaps[0], pafs[0]])
    out = torch.empty((57, *CANVAS), device="cuda")
    resized = ops.resize_average(cells.cpu(), CANVAS)
    maps = torch.from_numpy(np.ascontiguousarray(resized[:18])).cuda()
    smooth_out = torch.empty_like(maps)
    smoothed = ops.gaussian_smooth(maps.cpu(), 3.0)
    found = ops.find_peaks(smoothed)
    smooth_maps = torch.as_tensor(np.asarray(smoothed)).cuda()
    hands = [m[:21] for m in device_maps(5, SEARCH)[0]]
    hands = [torch.cat([m, m])[:21] for m in hands]
    hand_want = ops.decode_hand_maps([m.cpu() for m in hands], (368, 368))
    return [
        Case(
            "resize 57 channels 46x82 -> 1280x720",
            lambda: ops.resize_average(cells, CANVAS, out=out),
            near(resized, 1e-5),
            80,
            out.numel() * 4,
        ),
        Case(
            "Gaussian sigma 3, 18 channels of 1280x720",
            lambda: ops.gaussian_smooth(maps, 3.0, out=smooth_out),
            near(smoothed, 1e-5),
            70,
            2 * maps.numel() * 4,
        ),
        Case(
            "NMS, 18 channels of 1280x720",
            lambda: ops.find_peaks(smooth_maps),
            near(tuple(found), 0),
            None,
            maps.numel() * 4,
        ),
        Case(
            "hand maps, 21 channels, 4 scales -> 368x368",
            lambda: ops.decode_hand_maps(hands, (368, 368)),
            near(tuple(hand_want), 1e-4),
        ),
    ]


def photo_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    angle = rng.uniform(-0.5, 0.5, 64)
    matrices = np.stack(
        [
            np.stack([np.cos(angle), -np.sin(angle), rng.uniform(0, 1500, 64)], -1),
            np.stack([np.sin(angle), np.cos(angle), rng.uniform(0, 700, 64)], -1),
        ],
        axis=1,
    )
    image, places = torch.from_numpy(photo).cuda(), torch.from_numpy(matrices).cuda()
    out = torch.empty((64, 3, 384, 288), dtype=torch.float16, device="cuda")
    crops = ops.warp_crops(photo, matrices, (384, 288), dtype="float16")
    want, _ = ops.prepare_image(photo, size=(368, 656), dtype="float16")
    return [
        Case(
            "64 crops 288x384 from one photo, float16",
            lambda: ops.warp_crops(image, places, (384, 288), dtype="float16", out=out),
            near(crops, 0),
            40,
            out.numel() * 2,
        ),
        Case(
            "photo 1920x1080 -> input 656x368, float16",
            lambda: ops.prepare_image(image, size=(368, 656), dtype="float16")[0],
            near(want, 0),
        ),
    ]


def cases() -> list[Case]:
    title = "body decode 46x82 -> 1280x720"
    return [
        body_case(f"{title}, 1 image, 1 scale, 5 people", 5, (1.0,), 1, 45),
        body_case(f"{title}, 1 image, 4 scales, 5 people", 5, SEARCH, 1, 70),
        body_case(f"{title}, 64 images, 1 scale, 5 people each", 5, (1.0,), 64, 700),
        body_case(f"{title}, 1 image, 1 scale, 50 people", 50, (1.0,), 1, 120),
        top_down_case((256, 21, 64, 64), torch.float32, 45),
        top_down_case((256, 21, 64, 64), torch.float16, 30),
        top_down_case((256, 133, 96, 72), torch.float32, 300),
        top_down_case((256, 133, 96, 72), torch.float16, 170),
        *(
            flip_case((256, *shape), skeleton.flip, dtype)
            for shape, skeleton in (
                ((21, 64, 64), hp.skeletons.HAND21),
                ((133, 96, 72), hp.skeletons.WHOLEBODY133),
            )
            for dtype in (torch.float32, torch.float16)
        ),
        *canvas_cases(),
        *photo_cases(),
    ]


def captured(work: Callable[[], Any]) -> tuple[torch.cuda.CUDAGraph, Any]:
    """The work in a graph, after three runs outside it."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            work()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = work()
    return graph, result


def microseconds(graph: torch.cuda.CUDAGraph) -> float:
    """Median of one replay. The cache is filled with something else before each."""
    junk = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
    times = []
    for _ in range(REPLAYS):
        junk.zero_()
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        graph.replay()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) * 1e3)
    return statistics.median(times)


def copy_speed() -> float:
    """Bytes per microsecond, read and written, of a device copy."""
    one = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
    two = torch.empty_like(one)
    graph, _ = captured(lambda: two.copy_(one))
    return 2 * one.numel() / microseconds(graph)


def bench_network(batch: int) -> str:
    """The whole VGG-19 OpenPose and the decoder in one graph, and the decoder's share of it."""
    network = hp.networks.OpenPoseVGG19().cuda().half().to(memory_format=torch.channels_last)
    network.eval()
    photos = torch.rand((batch, 3, 368, 656), device="cuda").half()
    photos = photos.to(memory_format=torch.channels_last)
    planted = device_maps(5, (1.0,), max(batch, 2))
    heatmaps, pafs = (stack[0][:batch].contiguous() for stack in planted)
    decoder = hp.BodyDecoder(SKELETON)

    @torch.inference_mode()
    def infer() -> Any:
        # Random weights find nobody: the decoder reads planted maps after the network has run.
        out = network(photos)
        return out, decoder.queue(heatmaps, pafs, CANVAS)

    both, _ = captured(infer)
    alone, _ = captured(lambda: decoder.queue(heatmaps, pafs, CANVAS))
    whole, decode = microseconds(both), microseconds(alone)
    return (
        f"VGG-19 OpenPose (random weights, float16, channels_last) + decoder, 656x368, batch "
        f"{batch}: {batch / whole * 1e6:.0f} frames/s, decoder {100 * decode / whole:.1f} % "
        f"({decode:.0f} of {whole:.0f} us)"
    )


def main() -> int:
    status = hp.cuda_status()
    if not (status.usable and torch.cuda.is_available()):
        print(f"no CUDA device: {status.reason or 'PyTorch finds none'}", file=sys.stderr)
        return 1
    speed = copy_speed()
    print(
        f"{torch.cuda.get_device_name()}, driver for CUDA {status.driver_version}, runtime "
        f"{status.runtime_version}; PyTorch {torch.__version__}, Python "
        f"{platform.python_version()}, heatpose {hp.__version__}, "
        f"{datetime.date.today().isoformat()}; graph replays, medians of {REPLAYS}, cold cache; a "
        f"device copy moves {speed / 1e6:.2f} TB/s\n"
    )
    print("| work | us | target us | share of a copy's speed |\n| --- | --- | --- | --- |")
    missed = 0
    for case in cases():
        graph, result = captured(case.work)
        graph.replay()
        torch.cuda.synchronize()
        case.check(result)
        time = microseconds(graph)
        verdict = ""
        if case.target is not None:
            verdict = f"{case.target:g} {'met' if time <= case.target else 'MISSED'}"
            missed += time > case.target
        share = f"{100 * case.bytes / time / speed:.0f} %" if case.bytes else ""
        print(f"| {case.name} | {time:.1f} | {verdict} | {share} |", flush=True)
    print()
    for batch in (1, 8):
        print(bench_network(batch), flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
