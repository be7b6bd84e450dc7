"""Every network, with random weights, through its estimator: time per photo and peak memory.

Each runs in a process of its own, on one thread. Peak memory is what the process grew by while the
network was made and run, its weights included. Networks of boxes get three of them.

Run: python -m benchmarks.networks [PHOTO]
"""

from __future__ import annotations

import datetime
import json
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import results_file
from benchmarks.harness import one_thread
from benchmarks.tables import machine_words

HEAD = ("network", "parameters", "input", "ms a photo", "peak MiB")
BOXES = 3
PHOTO = (425, 640)


def cases() -> dict[str, tuple[Callable[[], Any], Any, dict[str, Any], str]]:
    """Network, estimator, settings and input of each row."""
    from heatpose import networks as n
    from heatpose.estimators import (
        BodyEstimator,
        FaceEstimator,
        HandEstimator,
        WholeBodyEstimator,
    )

    def bottom_up(make: Callable[[], Any]) -> tuple[Callable[[], Any], Any, dict[str, Any], str]:
        return make, BodyEstimator, {}, "photo, height 368"

    def crops(
        make: Callable[[], Any], estimator: Any, size: str
    ) -> tuple[Callable[[], Any], Any, dict[str, Any], str]:
        return make, estimator, {}, f"{BOXES} crops of {size}, flip test"

    return {
        "MobileNetV2-small": bottom_up(n.OpenPoseMobileNetV2Small),
        "heatpose-lite": bottom_up(n.HeatposeLite),
        "OpenPose VGG-19, COCO-18": bottom_up(n.OpenPoseVGG19),
        "OpenPose BODY_25": bottom_up(n.OpenPoseBody25),
        "OpenPose VGG-19, AI-Challenger-14": bottom_up(n.OpenPoseAIC14),
        "HRNet-W32, COCO-17": crops(n.HRNet, BodyEstimator, "256x192"),
        "SimpleBaseline-50, COCO-17": crops(
            lambda: n.SimpleBaseline(50, 17), BodyEstimator, "256x192"
        ),
        "HRNet-W48, whole body": crops(
            lambda: n.HRNet(48, 133, crop_size=(384, 288)), WholeBodyEstimator, "384x288"
        ),
        "OpenPose hand": (
            n.OpenPoseHand, HandEstimator, {}, f"{BOXES} boxes, scales 0.5 1 1.5 2 of 368"
        ),
        "OpenPose face": (n.OpenPoseFace, FaceEstimator, {}, f"{BOXES} boxes of 368"),
        "HRNetV2-W18, hand": crops(n.HRNetV2, HandEstimator, "256x256"),
        "Lite-HRNet-18, hand": crops(n.LiteHRNet, HandEstimator, "256x256"),
        "SimpleBaseline-18, hand": crops(
            lambda: n.SimpleBaseline(18, 21, crop_size=(224, 224)), HandEstimator, "224x224"
        ),
        "U-Net, hand": (n.HandUNet, HandEstimator, {}, f"{BOXES} crops of 128x128"),
    }  # fmt: skip


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_one(name: str, photo: str) -> None:
    """Print the row of one network as JSON."""
    import torch

    from heatpose import media

    # Random maps are full of peaks, of which the body's decoder keeps the best and says so.
    warnings.simplefilter("ignore", RuntimeWarning)
    one_thread()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    noise = np.random.default_rng(0).integers(0, 256, (*PHOTO, 3), np.uint8)
    image = media.read_image(photo) if photo else noise
    make, estimator_class, settings, size = cases()[name]
    before = peak_mib()
    network = make()
    parameters = sum(p.numel() for p in network.parameters())
    estimator = estimator_class(network, device="cpu", **settings)
    height, width = image.shape[:2]
    corners = np.array([[0.1, 0.1], [0.3, 0.2], [0.5, 0.3]]) * (width, height)
    boxes = np.concatenate([corners, corners + 0.45 * min(height, width)], axis=1)
    given = {} if size.startswith("photo") else {"boxes": boxes}
    times = []
    for _ in range(3):
        start = time.perf_counter()
        estimator(image, **given)
        times.append(1e3 * (time.perf_counter() - start))
    row = (
        name,
        f"{parameters / 1e6:.2f} M",
        size,
        f"{np.median(times):.0f}",
        f"{peak_mib() - before:.0f}",
    )
    print(json.dumps(row))


def main(photo: str) -> None:
    today = datetime.date.today().isoformat()
    machine = machine_words(results_file.machine(), results_file.versions(), today)
    print(f"{machine}, one thread, photo of {photo or 'noise, 640x425'}\n")
    for row in (HEAD, ("---",) * len(HEAD)):
        print("| " + " | ".join(row) + " |", flush=True)
    for name in cases():
        command = [sys.executable, "-m", "benchmarks.networks", photo, "--only", name]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        print("| " + " | ".join(json.loads(answer.splitlines()[-1])) + " |", flush=True)


if __name__ == "__main__":
    photo = sys.argv[1] if len(sys.argv) > 1 else ""
    if "--only" in sys.argv:
        run_one(sys.argv[sys.argv.index("--only") + 1], photo)
    else:
        main(photo)
