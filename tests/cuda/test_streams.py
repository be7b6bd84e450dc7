"""What only a real device shows: streams, graphs, waits, other devices."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import heatpose as hp
from heatpose import demo, ops
from heatpose.ops import _spaces

torch = pytest.importorskip("torch")

CANVAS = (368, 480)
SKELETON = hp.skeletons.COCO18


def crowd(people: int, seed: int, device: Any) -> tuple[Any, Any]:
    planted = demo.planted_crowd(people, cells=(46, 60), canvas=CANVAS, seed=seed)
    heatmaps, pafs = (torch.from_numpy(maps).to(device) for maps in planted[:2])
    return heatmaps, pafs


def same_people(one: hp.People, other: hp.People) -> None:
    np.testing.assert_array_equal(one.keypoints, other.keypoints)
    np.testing.assert_array_equal(one.person_scores, other.person_scores)


@pytest.fixture
def no_waits(gpu: Any) -> Iterator[Callable[[], None]]:
    """After a call, torch refuses to wait for the device."""
    yield lambda: torch.cuda.set_sync_debug_mode("error")
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")  # of PyTorch: a prototype
def test_nothing_waits(gpu: Any, no_waits: Callable[[], None]) -> None:
    decoder = hp.BodyDecoder(SKELETON)
    maps = crowd(3, 0, gpu)
    top_down = torch.rand((8, 17, 64, 48), device=gpu)
    photo = torch.zeros((99, 88, 3), dtype=torch.uint8, device=gpu)
    matrices = torch.zeros((4, 2, 3), dtype=torch.float64, device=gpu)

    def everything() -> Any:
        queued = decoder.queue(*maps, CANVAS)
        ops.decode_heatmaps(ops.average_flipped(top_down, top_down, range(17), shift=True))
        ops.decode_hand_maps(maps[0], CANVAS)
        ops.gaussian_smooth(ops.resize_average(maps[0], CANVAS), 3.0)
        ops.warp_crops(photo, matrices, (64, 48))
        ops.prepare_image(photo, scale=0.5)
        return queued

    everything()  # brings the tables of these geometries there
    no_waits()
    queued = everything()
    torch.cuda.set_sync_debug_mode("default")
    assert len(queued.result()) == 3


def test_two_streams_at_once(gpu: Any) -> None:
    decoder = hp.BodyDecoder(SKELETON)
    scenes = [crowd(count, count, gpu) for count in (2, 5)]
    want = [decoder(*maps, CANVAS) for maps in scenes]
    streams = [torch.cuda.Stream(gpu) for _ in scenes]
    torch.cuda.synchronize()
    for _ in range(20):
        queued = []
        for maps, stream in zip(scenes, streams, strict=True):
            with torch.cuda.stream(stream):
                queued.append(decoder.queue(*maps, CANVAS))
        for one, stream, people in zip(queued, streams, want, strict=True):
            with torch.cuda.stream(stream):
                same_people(one.result(), people)


def test_an_answer_is_read_on_the_stream_that_it_was_queued_on(gpu: Any) -> None:
    decoder = hp.BodyDecoder(SKELETON)
    maps = crowd(3, 0, gpu)
    want = decoder(*maps, CANVAS)
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream(gpu)):
        torch.cuda._sleep(100_000_000)  # cycles: the decoder's kernels come late
        queued = decoder.queue(*maps, CANVAS)
    same_people(queued.result(), want)


def test_a_raw_stream_handle(gpu: Any) -> None:
    maps = crowd(4, 1, gpu)
    decoder = hp.BodyDecoder(SKELETON)
    handle = torch.cuda.Stream(gpu).cuda_stream
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.ExternalStream(handle)):
        people = decoder(*maps, CANVAS)
    same_people(people, decoder(*maps, CANVAS))


@pytest.mark.parametrize("scales", [1, 4])
@pytest.mark.parametrize("matching", ["limbs", "global"])
def test_a_captured_body_decoder_takes_new_maps(gpu: Any, scales: int, matching: str) -> None:
    association = (
        ops.AssociateOptions() if matching == "limbs" else ops.AssociateOptions.for_global()
    )
    decoder = hp.BodyDecoder(SKELETON, association=association)
    first, second = crowd(2, 0, gpu), crowd(6, 1, gpu)
    heatmaps, pafs = ([m.clone() for _ in range(scales)] for m in first)
    decoder(heatmaps, pafs, CANVAS)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        queued = decoder.queue(heatmaps, pafs, CANVAS)
    for maps in (second, first, second):
        for stack, new in zip((heatmaps, pafs), maps, strict=True):
            for static in stack:
                static.copy_(new)
        graph.replay()
        same_people(queued.result(), decoder([maps[0]] * scales, [maps[1]] * scales, CANVAS))


@pytest.mark.parametrize("method", ["quarter", "dark", "dark_udp"])
def test_a_captured_top_down_decoder_takes_new_maps(gpu: Any, method: str) -> None:
    decoder = hp.KeypointDecoder(hp.skeletons.COCO17, method=method)
    static = torch.rand((4, 17, 64, 48), device=gpu)
    transform = torch.eye(3, dtype=torch.float64, device=gpu)[:2].repeat(4, 1, 1)
    decoder.crops(static, transform=transform)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        queued = decoder.queue(static, transform=transform)
    for seed in range(3):
        torch.manual_seed(seed)
        static.copy_(torch.rand_like(static))
        graph.replay()
        want = decoder.crops(static, transform=transform)
        for mine, theirs in zip(queued.result(), want, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def capture(maps: Any, work: Callable[[], Any]) -> None:
    with torch.cuda.graph(torch.cuda.CUDAGraph()):
        maps.clone()  # PyTorch warns of a graph without any work
        work()


def test_a_new_geometry_is_refused_in_a_capture(gpu: Any) -> None:
    maps = torch.rand((2, 9, 9), device=gpu)
    with pytest.raises(RuntimeError, match="call the op once before"):
        capture(maps, lambda: ops.resize_average(maps, (71, 73)))


def test_a_transform_on_the_host_is_refused_in_a_capture(gpu: Any) -> None:
    maps = torch.rand((1, 2, 16, 12), device=gpu)
    ops.decode_heatmaps(maps, transform=np.eye(2, 3))
    with pytest.raises(RuntimeError, match="a tensor on the device"):
        capture(maps, lambda: ops.decode_heatmaps(maps, transform=np.eye(2, 3)))


def test_captured_tables_are_kept(gpu: Any) -> None:
    maps = torch.rand((2, 9, 9), device=gpu)
    want = ops.resize_average(maps, (50, 51))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        got = ops.resize_average(maps, (50, 51))
    for i in range(_spaces._Tables.KEPT + 8):
        ops.resize_average(maps, (10 + i, 20))
    graph.replay()
    torch.testing.assert_close(got, want)


def test_the_same_bits_every_time(gpu: Any) -> None:
    heatmaps, pafs = crowd(8, 2, gpu)
    decoder = hp.BodyDecoder(SKELETON, refine="taylor")
    runs = [decoder.queue(heatmaps, pafs, CANVAS) for _ in range(10)]
    hands = [ops.decode_hand_maps(heatmaps, CANVAS) for _ in range(10)]
    for run in runs[1:]:
        for one, other in zip(runs[0].arrays, run.arrays, strict=True):
            assert torch.equal(one, other)
    for hand in hands[1:]:
        for one, other in zip(hands[0], hand, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


def test_another_device(gpu: Any) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("one CUDA device only")
    other = torch.device("cuda", 1)
    decoder = hp.BodyDecoder(SKELETON)
    want = decoder(*crowd(4, 3, gpu), CANVAS)
    same_people(decoder(*crowd(4, 3, other), CANVAS), want)
    assert torch.cuda.current_device() == 0
    with pytest.raises(ValueError, match="must be on cuda:0"):
        ops.find_peaks(
            torch.zeros((1, 4, 4), device=gpu), score_maps=torch.zeros((1, 4, 4), device=other)
        )


def test_arrays_on_two_places_are_refused(gpu: Any) -> None:
    maps = torch.zeros((2, 8, 8), device=gpu)
    with pytest.raises(ValueError, match=r"out must be on cuda:0 like the other arrays, got cpu"):
        ops.gaussian_smooth(maps, 1.0, out=np.zeros((2, 8, 8), np.float32))


def test_the_example_of_the_docs(gpu: Any) -> None:
    path = Path(__file__).parents[2] / "docs/cuda_graph.py"
    spec = importlib.util.spec_from_file_location("cuda_graph", path)
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    assert example.main([]) == 0
