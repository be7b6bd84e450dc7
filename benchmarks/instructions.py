"""Instructions that one call of each op takes, counted by valgrind: a guard that needs no clock.

A count is the same on a busy machine as on an idle one, so CI can hold to it what a change costs.
Every op is called on planted data by one thread, with the loops of a vector unit that is named and
not chosen by the processor: "baseline", which is everywhere, and "avx2". (valgrind knows no
AVX-512.) What Python does around an op is counted too, a seventh to a quarter of a million: the
work is large enough for that to be a few hundredths, so that another Python changes little.

Counts belong to a compiler. The committed ones are in benchmarks/results/instructions.json, by
compiler and unit; where there are none for this machine's, or no valgrind, the check says so and
passes.

Run: python -m benchmarks.instructions             count and print
     python -m benchmarks.instructions --check     fail where a count is off by more than 5 %
     python -m benchmarks.instructions --write     replace this compiler's committed counts
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
COMMITTED = ROOT / "benchmarks/results/instructions.json"
MARKS = ROOT / "benchmarks/native/callgrind_marks.c"
TOLERANCE = 0.05
UNITS = ("baseline", "avx2")

Counts = dict[str, dict[str, int]]  # unit, op


class CannotCountError(Exception):
    """This machine has not what the counts need; the message says what."""


# --- What is counted: run inside valgrind.


def cases() -> dict[str, Callable[[], Any]]:
    """One call of every op, of the sizes that photos and crops have."""
    import numpy as np

    import heatpose as hp
    from heatpose import demo, ops

    canvas, skeleton = (720, 1280), hp.skeletons.COCO18
    rng = np.random.default_rng(0)
    heatmaps, pafs, _ = demo.planted_crowd(20, canvas=canvas, seed=1, noise=0.01)
    keypoints = np.ascontiguousarray(heatmaps[:18])
    decoder = hp.BodyDecoder(skeleton)
    peaks = decoder.find_peaks(heatmaps, canvas)
    many = demo.planted_crowd(50, canvas=canvas, seed=1, noise=0.01)
    canvas_maps = ops.resize_average(keypoints[:6], canvas)
    smooth = ops.gaussian_smooth(canvas_maps, 3.0)
    enlarged, blurred = np.empty_like(canvas_maps), np.empty_like(canvas_maps)
    crops = np.stack([np.roll(keypoints[:, :, :46], i, axis=2) for i in range(96)])
    mirrored = rng.random((32, 21, 64, 64), np.float32)
    average = rng.random((32, 21, 64, 64), np.float32)
    hands = [demo.planted_crowd(1, cells=(n, n), canvas=(368, 368))[0][:18] for n in (23, 46, 69)]
    photo = rng.integers(0, 256, (*canvas, 3), np.uint8)
    centers = np.stack([np.linspace(200, 1000, 8), np.linspace(200, 500, 8)], axis=1)
    boxes = ops.crop_matrices(centers, np.full((8, 2), 1.5), (384, 288)).photo_from_crop
    warped = np.empty((8, 3, 384, 288), np.float32)
    flip = hp.skeletons.HAND21.flip
    return {
        "associate": lambda: decoder.associate(peaks, pafs, canvas),
        "average_flipped": lambda: ops.average_flipped(average, mirrored, flip, out=average),
        "decode_hand_maps": lambda: ops.decode_hand_maps(hands, (368, 368)),
        "decode_heatmaps": lambda: ops.decode_heatmaps(crops),
        "find_peaks": lambda: ops.find_peaks(smooth),
        "gaussian_smooth": lambda: ops.gaussian_smooth(canvas_maps, 3.0, out=blurred),
        "grid_people": lambda: ops.grid_people(
            many[0][:18], many[1], skeleton.limbs, skeleton.paf_channels
        ),
        "peaks_from_cells": lambda: ops.peaks_from_cells(keypoints, canvas),
        "prepare_image": lambda: ops.prepare_image(photo, size=(368, 656)),
        "resize_average": lambda: ops.resize_average(keypoints[:6], canvas, out=enlarged),
        "warp_crops": lambda: ops.warp_crops(photo, boxes, (384, 288), out=warped),
    }


def call_between_marks(marks: str) -> None:
    """Every op once to warm up, once counted."""
    import gc

    import heatpose as hp

    hp.set_num_threads(1)
    counter = ctypes.CDLL(marks)
    gc.disable()  # a collection would fall into whichever op is at work
    for name, program in cases().items():
        program()
        counter.begin_count()
        program()
        counter.end_count(name.encode())


# --- Counting.


def compiler() -> str:
    """What compiled the native module, by the module's own words: "GCC 12 x86_64"."""
    import heatpose._core as core

    data = Path(core.__file__).read_bytes()
    gcc = {int(version) for version in re.findall(rb"GCC: \([^)\0]*\) (\d+)\.", data)}
    clang = {int(version) for version in re.findall(rb"clang version (\d+)\.", data)}
    # The C runtime's start files bring their own compiler's words with them.
    name = f"Clang {max(clang)}" if clang else f"GCC {max(gcc)}" if gcc else "unknown compiler"
    return f"{name} {platform.machine()}"


def build_marks(folder: Path) -> Path:
    """Compile the marks.

    Raises:
        CannotCountError: no valgrind, none of its headers, or no C compiler.
    """
    if shutil.which("valgrind") is None:
        raise CannotCountError("valgrind is not installed (Debian: apt-get install valgrind)")
    tool = os.environ.get("CC") or shutil.which("cc")
    if tool is None:
        raise CannotCountError("no C compiler")
    library = folder / "marks.so"
    command = [tool, "-O1", "-shared", "-fPIC", "-o", str(library), str(MARKS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotCountError(f"valgrind's headers are missing:\n{done.stderr}")
    return library


def count() -> Counts:
    """The counts of every unit that this machine has.

    Raises:
        CannotCountError: see ``build_marks``.
    """
    import heatpose as hp

    with tempfile.TemporaryDirectory() as name:
        library = build_marks(Path(name))
        units = [unit for unit in UNITS if unit in hp.vector_units()]
        return {unit: count_unit(unit, library, Path(name)) for unit in units}


def count_unit(unit: str, library: Path, folder: Path) -> dict[str, int]:
    """The counts with the loops of one vector unit."""
    # Python's own hashing, and threads of other libraries, would make two runs differ.
    fixed = {
        "HEATPOSE_VECTOR_UNIT": unit,
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    files = folder / unit
    command = [
        "valgrind",
        "--tool=callgrind",
        "--instr-atstart=no",
        f"--callgrind-out-file={files}",
    ]
    command += [sys.executable, "-m", "benchmarks.instructions", "--inside", str(library)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **fixed}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    counts = {}
    for path in folder.glob(f"{unit}.*"):
        text = path.read_text()
        if found := re.search(r"^desc: Trigger: Client Request: (\w+)$", text, re.MULTILINE):
            total = re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
            assert total is not None, path
            counts[found[1]] = int(total[1])
    return dict(sorted(counts.items()))


# --- Comparing.


def complaints(found: Counts, committed: Counts) -> list[str]:
    """A line for every count that is off by more than the tolerance, missing or new."""
    lines = []
    for unit, counts in found.items():
        wanted = committed.get(unit, {})
        for op in sorted({*counts, *wanted}):
            if op not in counts or op not in wanted:
                lines.append(f"{op} ({unit}) is {'not' if op in wanted else 'newly'} counted")
                continue
            change = counts[op] / wanted[op] - 1
            if abs(change) > TOLERANCE:
                lines.append(
                    f"{op} ({unit}) takes {counts[op]} instructions, {100 * change:+.1f} % of the "
                    f"{wanted[op]} that are committed"
                )
    return lines


def read_committed() -> dict[str, Counts]:
    """The committed counts by compiler."""
    return json.loads(COMMITTED.read_text()) if COMMITTED.exists() else {}


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--inside"]:
        call_between_marks(arguments[1])
        return 0
    try:
        found = count()
    except CannotCountError as error:
        print(f"SKIPPED: instructions were not counted: {error}")
        return 0 if "--check" in arguments else 1
    key = compiler()
    for unit, counts in found.items():
        for op, number in counts.items():
            print(f"{op:20} {unit:10} {number:>12,}")
    everything = read_committed()
    if "--write" in arguments:
        everything[key] = {**everything.get(key, {}), **found}
        COMMITTED.write_text(json.dumps(everything, indent=2, sort_keys=True) + "\n")
        print(f"written for {key}")
    elif "--check" in arguments:
        if key not in everything:
            print(f"SKIPPED: no counts are committed for {key}, only for {', '.join(everything)}")
            return 0
        lines = complaints(found, everything[key])
        for line in lines:
            print(line, file=sys.stderr)
        if lines:
            print("if that is meant: python -m benchmarks.instructions --write", file=sys.stderr)
        return 1 if lines else 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
