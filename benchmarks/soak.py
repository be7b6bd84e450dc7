"""A thousand photos through one BodyEstimator: what they ask of the heap, and whether it grows.

The network answers at once with planted people, so that what is counted is ours: preparing,
decoding, and the people. Ten photos of several sizes come over and over, so that every hundred asks
for the same. Where there is a C compiler, allocations are counted by a library in front of malloc,
Python's own objects among them.

Run: python -m benchmarks.soak [--photos 1000]        prints one line of JSON
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "benchmarks/native/count_allocations.c"
SIZES = ((480, 640), (720, 1280), (425, 640), (640, 425), (1080, 1920))
HUNDRED = 100


def resident_bytes() -> int:
    """What the process has in memory now."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return 0
    return int(status.read_text().split()[1]) * resource.getpagesize()


def soak(photos: int) -> dict[str, Any]:
    """Run the photos; counts of the second and the last hundred, and memory at both."""
    import torch

    import heatpose as hp
    from benchmarks.planted_network import PlantedNetwork
    from benchmarks.scenes import smooth_noise

    torch.set_num_threads(1)
    hp.set_num_threads(1)
    spec = hp.networks.OpenPoseVGG19.input_spec
    network = PlantedNetwork(None, spec, 5, SIZES[0])
    estimate = hp.BodyEstimator(network, device="cpu")
    images = [smooth_noise(*size, seed=i) for i, size in enumerate(SIZES * 2)]
    count = counter()
    asked, resident, peak = [count()], [resident_bytes()], [peak_bytes()]
    for done in range(photos):
        estimate(images[done % len(images)])
        if (done + 1) % HUNDRED == 0:
            asked.append(count())
            resident.append(resident_bytes())
            peak.append(peak_bytes())
    hundreds = [(b - a) / HUNDRED for a, b in itertools.pairwise(asked)]
    # The first hundred fills caches that stay.
    return {
        "photos": photos,
        "allocations_per_photo": hundreds[-1] if asked[-1] else None,
        "allocations_per_photo_before": hundreds[1] if asked[-1] else None,
        "resident_growth_bytes": resident[-1] - resident[2],
        "peak_growth_bytes": peak[-1] - peak[2],
        "peak_bytes": peak[-1],
    }


def peak_bytes() -> int:
    """The most that the process ever had in memory."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def counter() -> Callable[[], int]:
    """What counts allocations; always 0 where nothing was preloaded."""
    library = os.environ.get("HEATPOSE_COUNT_ALLOCATIONS")
    if not library:
        return lambda: 0
    function = ctypes.CDLL(library).allocations_so_far
    function.restype = ctypes.c_long
    return lambda: int(function())


def run(photos: int) -> dict[str, Any]:
    """The soak in a process of its own, with the counter in front of malloc where it compiles."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        library = Path(folder) / "count.so"
        compiler = os.environ.get("CC") or shutil.which("cc")
        if compiler is not None and sys.platform == "linux":
            command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                env |= {
                    "LD_PRELOAD": str(library),
                    "HEATPOSE_COUNT_ALLOCATIONS": str(library),
                    "PYTHONMALLOC": "malloc",
                }
        inside = [sys.executable, "-m", "benchmarks.soak", "--photos", str(photos), "--inside"]
        done = subprocess.run(
            inside, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True
        )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.photos < 3 * HUNDRED:
        parser.error("at least 300 photos: the first hundred only warms up")
    print(json.dumps(soak(given.photos) if given.inside else run(given.photos)))


if __name__ == "__main__":
    main()
