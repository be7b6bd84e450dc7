"""From photo to drawn people: photos a second through BodyEstimator, and where the time goes.

The network runs with the weights that ship with heatpose where there are any, else with random
ones; a planted crowd's maps take the place of its answer, so that there are five people to decode
and to draw in every photo. The video-like stream reads its frames ahead in a thread of its own.

Run: python -m benchmarks.bench_estimators
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

import heatpose as hp
from benchmarks import harness, soak
from benchmarks.harness import Case
from benchmarks.planted_network import PlantedNetwork
from benchmarks.scenes import CANVAS, size, smooth_noise
from heatpose import media, ops

PEOPLE = 5
FRAMES = 40
AHEAD = 4
# What a process may keep between photo 200 and photo 1,000: an allocator's odd pages.
MOST_GROWTH = 4 << 20


def network_of(name: str) -> tuple[str, nn.Module]:
    """A network and what it is called; random weights stand in where none ship with heatpose."""
    torch.manual_seed(0)
    if name == "default":
        try:
            return "default", hp.BodyEstimator(device="cpu").network.eval()
        except (ValueError, OSError):  # none ships yet
            name = "heatpose-lite"
    return f"{name}, random weights", hp.networks.NETWORKS[name]().eval()


def estimator_of(network: nn.Module | None, spec: Any) -> hp.BodyEstimator:
    return hp.BodyEstimator(PlantedNetwork(network, spec, PEOPLE, CANVAS), device="cpu")


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "photo.jpg"
    media.write_image(path, smooth_noise(*CANVAS))
    return path


@pytest.mark.parametrize("name", ["default", "mobilenet-v2-small", "vgg19"])
def test_photo(case: Case, name: str, photo: Path) -> None:
    called, network = network_of(name)
    spec: Any = network.input_spec
    estimate = estimator_of(network, spec)
    image = media.read_image(photo)
    scale = spec.box / image.shape[0]

    def prepare() -> Any:
        return ops.prepare_image(
            image,
            scale=scale,
            stride=spec.stride,
            pad_value=spec.pad_value,
            norm_scale=spec.norm_scale,
            norm_offset=spec.norm_offset,
            swap_rgb=spec.colour == "rgb",
        )

    array, content = prepare()
    batch = torch.as_tensor(array)
    heatmaps, pafs = (m[0].numpy() for m in estimate.network(batch))

    @torch.inference_mode()
    def run_network() -> Any:
        return network(batch)

    def decode() -> Any:
        return estimate.decoder(heatmaps, pafs, canvas=CANVAS, content=content, stride=spec.stride)

    people = decode()
    assert len(people) == PEOPLE
    canvas = image.copy()

    def check(_: str, answer: Any) -> None:
        np.testing.assert_array_equal(answer.keypoints, people.keypoints)

    def whole() -> Any:
        found = estimate(photo)
        found.draw(image)
        return found

    case(
        f"photo of {size(CANVAS)} to drawn people, {called}",
        {"heatpose": whole},
        check,
        beside={
            "read": lambda: media.read_image(photo),
            "prepare": prepare,
            "network": run_network,
            "decode": decode,
            "draw": lambda: people.draw(canvas),
        },
        torch_too=True,
        shares=["read", "prepare", "network", "decode", "draw"],
    )


# --- A stream of frames.


def read_ahead(paths: Sequence[Path], depth: int) -> Iterator[Any]:
    """The photos in order, read by a thread that is at most ``depth`` of them ahead."""
    waiting: queue.Queue[Any] = queue.Queue(depth)

    def read_all() -> None:
        for path in paths:
            waiting.put(media.read_image(path))

    reader = threading.Thread(target=read_all, daemon=True)
    reader.start()
    for _ in paths:
        yield waiting.get()
    reader.join()


def decode_stream(estimate: hp.BodyEstimator, frames: Iterator[Any]) -> tuple[int, float]:
    """People in all frames, and the seconds that were spent waiting for frames."""
    people, waited = 0, 0.0
    while True:
        start = time.perf_counter()
        frame = next(frames, None)
        waited += time.perf_counter() - start
        if frame is None:
            return people, waited
        people += len(estimate(frame))


def test_stream(case: Case, tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.jpg" for i in range(FRAMES)]
    for i, path in enumerate(paths):
        cv2.imwrite(str(path), smooth_noise(*CANVAS, seed=i))
    called, network = network_of("default")
    estimate = estimator_of(network, network.input_spec)
    waits: dict[str, list[float]] = {"heatpose": [], "no prefetch": []}

    def stream(name: str) -> int:
        frames = (
            read_ahead(paths, AHEAD)
            if name == "heatpose"
            else (media.read_image(path) for path in paths)
        )
        people, waited = decode_stream(estimate, frames)
        waits[name].append(1e3 * waited / FRAMES)
        return people

    def check(_: str, answer: Any) -> None:
        assert answer == PEOPLE * FRAMES

    case(
        f"stream of {FRAMES} frames of {size(CANVAS)} with prefetch, {called}",
        {"heatpose": lambda: stream("heatpose"), "no prefetch": lambda: stream("no prefetch")},
        check,
        two_threads=False,
        pinned=False,
        frames=FRAMES,
    )
    case.tell(waited_ms={name: float(np.median(ms)) for name, ms in waits.items()})


# --- Memory.


def test_thousand_photos(benchmark: Any, request: pytest.FixtureRequest) -> None:
    """The heap is asked for as much by the last hundred photos as by the second, and keeps none."""
    photos = 1000 if request.config.getoption("--case-seconds") else 300
    told = benchmark.pedantic(soak.run, args=(photos,), rounds=1, iterations=1)
    assert told["resident_growth_bytes"] <= MOST_GROWTH
    assert told["peak_growth_bytes"] <= MOST_GROWTH
    if told["allocations_per_photo"] is not None:
        before, now = told["allocations_per_photo_before"], told["allocations_per_photo"]
        assert abs(now - before) <= 0.01 * before
    info = {"title": f"{photos} photos through one estimator", "ours": "heatpose"}
    benchmark.extra_info.update(**info, same={}, beside={}, soak=told)


if __name__ == "__main__":
    harness.main(__file__)
