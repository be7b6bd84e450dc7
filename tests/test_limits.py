"""Limits of everything public: the memory of a decode, and no crash whatever comes in."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from heatpose import ops

# Grows the process beyond any earlier peak first, so that the peak afterwards is the decode's own:
# its arrays, its threads' scratch, its cached operators and the pages of code it touches. On Linux
# the peak is VmHWM: ru_maxrss of a child begins at its parent's peak, and would hide all of it.
MEASURE = """
import ctypes, ctypes.util, resource, sys
import numpy as np
import heatpose as hp
from heatpose.demo import planted_crowd

people, scales, height, width, photos, extra = (int(a) for a in sys.argv[1:])
hp.set_num_threads(2)
cells = [(46, 82)] if scales == 1 else [(23, 41), (46, 82), (69, 123), (92, 164)][:scales]
heatmaps, pafs = zip(*(planted_crowd(people, cells=size)[:2] for size in cells))
decoder = hp.BodyDecoder(hp.skeletons.COCO18)
libc = ctypes.CDLL(ctypes.util.find_library("c"))
if hasattr(libc, "malloc_trim"):
    libc.malloc_trim(0)  # or the decode would live in memory that the crowd left
ballast = np.ones(32 << 20)

def peak():
    if sys.platform == "linux":
        lines = open("/proc/self/status").read().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before = peak()
for i in range(photos):
    found = decoder(list(heatmaps), list(pafs), canvas=(height + i, width + i))
    assert len(found) > people // 2
if extra:
    np.ones(extra << 17)
print(peak() - before)
"""


def growth(
    people: int, scales: int, canvas: tuple[int, int], photos: int = 1, extra: int = 0
) -> float:
    """MiB that decoding needs beyond its inputs, in a fresh process that spends `extra` more."""
    pytest.importorskip("resource", reason="peak memory is measured where Python has `resource`")
    arguments = [str(n) for n in (people, scales, *canvas, photos, extra)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    megabytes = int(done.stdout) / (1 << 20)
    print(f"{people} people, {scales} scales, {canvas}, {photos} photos: {megabytes:.2f} MiB")
    return megabytes


@pytest.mark.parametrize(
    ("people", "scales", "canvas"),
    [
        (50, 1, (1080, 1920)),
        (5, 4, (1080, 1920)),
        (5, 1, (2160, 3840)),
        (5, 4, (2160, 3840)),
    ],
)
def test_a_fused_decode_needs_less_than_8_mb(
    people: int, scales: int, canvas: tuple[int, int]
) -> None:
    # The maps of canvas size would be 57 * 2160 * 3840 * 4 bytes = 1.9 GB here.
    assert growth(people, scales, canvas) < 8


def test_photos_of_many_sizes_do_not_pile_up() -> None:
    # Operators are cached per geometry; only the last few stay.
    assert growth(5, 1, (700, 1200), photos=150) < 16


def test_the_measure_sees_memory_even_from_a_large_process() -> None:
    ballast = np.ones(64 << 20)  # this process is larger than the one it starts
    assert 32 <= growth(5, 1, (700, 1200), extra=32) < 48
    assert ballast[-1] == 1


MAPS = np.random.default_rng(0).random((3, 4, 5), np.float32)
IMAGE = np.zeros((20, 30, 3), np.uint8)
PEAKS = ops.Peaks(
    np.zeros((3, 4, 2), np.int32),
    np.ones((3, 4), np.float32),
    np.full(3, 2, np.int32),
    np.zeros(3, np.bool_),
)

# A call of every public op that succeeds; each of its arguments is replaced in turn.
CALLS: dict[str, dict[str, Any]] = {
    "associate": {
        "peaks": PEAKS, "pafs": MAPS, "limbs": [(0, 1), (1, 2)], "paf_channels": [(0, 1), (1, 2)],
        "canvas": (16, 20), "content": None, "stride": 8, "weights": None,
        "interpolation": "cubic", "starts": None, "max_people": 3, "options": None, "out": None,
    },
    "average_flipped": {
        "heatmaps": MAPS, "mirrored": MAPS, "flip": (0, 2, 1), "shift": True, "out": None,
    },
    "crop_matrices": {
        "centers": np.zeros((2, 2)), "scales": np.ones((2, 2)), "size": (8, 6),
        "cells": None, "rotation": 0.0, "pixel_std": 200.0, "udp": False,
    },
    "crop_transform": {
        "centers": np.zeros((2, 2)), "scales": np.ones((2, 2)), "size": (8, 6),
        "convention": "mmpose", "pixel_std": 200.0,
    },
    "decode_hand_maps": {
        "maps": MAPS, "canvas": (16, 20), "content": None, "stride": 8, "weights": None,
        "interpolation": "cubic", "sigma": 3.0, "truncate": 4.0, "border": "reflect",
        "threshold": 0.05, "out": None,
    },
    "decode_heatmaps": {
        "heatmaps": MAPS, "method": "dark", "kernel": 11, "taps": None, "border": "constant",
        "rescale": True, "invalid": "zero", "quarter_border": "joint", "places": None,
        "transform": None, "out": None,
    },
    "find_peaks": {
        "maps": MAPS, "score_maps": None, "threshold": 0.1, "connectivity": 4, "ties": "first",
        "max_peaks": 9, "window": None, "inclusive": False, "keep": "best",
        "out": None,
    },
    "gaussian_smooth": {
        "maps": MAPS, "sigma": 1.0, "truncate": 4.0, "kernel_size": None, "border": "reflect",
        "taps": None, "out": None,
    },
    "peaks_from_cells": {
        "maps": MAPS, "canvas": (16, 20), "content": None, "stride": 8, "weights": None,
        "interpolation": "cubic", "sigma": 3.0, "truncate": 4.0, "taps": None,
        "border": "reflect", "threshold": 0.1, "connectivity": 4, "ties": "first",
        "max_peaks": 9, "refine": "none", "out": None,
    },
    "prepare_image": {
        "image": IMAGE, "size": (16, 24), "stride": 8, "pad_value": 128, "norm_scale": 1 / 256,
        "norm_offset": -0.5, "swap_rgb": False, "dtype": "float32", "out": None,
    },
    "resize_average": {
        "maps": MAPS, "canvas": (16, 20), "content": None, "stride": 8, "weights": None,
        "interpolation": "cubic", "out": None,
    },
    "grid_people": {
        "heatmaps": MAPS, "pafs": MAPS[:2], "limbs": [(0, 1)], "paf_channels": [(0, 1)],
        "threshold": 0.1, "window": 5, "samples": 7, "link_threshold": 0.1, "max_peaks": 4,
        "max_people": 4, "out": None,
    },
    "refine_peaks": {
        "xy": PEAKS.xy, "counts": PEAKS.counts, "maps": MAPS, "window": 5, "out": None,
    },
    "score_pairs": {
        "places": PEAKS.xy.astype(np.float32), "counts": PEAKS.counts, "pafs": MAPS[:2],
        "limbs": [(0, 1)], "paf_channels": [(0, 1)], "samples": 7, "out": None,
    },
    "assign_pairs": {
        "scores": np.zeros((1, 4, 4), np.float32), "counts": PEAKS.counts, "limbs": [(0, 1)],
        "threshold": 0.1, "out": None,
    },
    "connect_peaks": {
        "partners": np.full((1, 2, 4), -1, np.int32), "counts": PEAKS.counts, "limbs": [(0, 1)],
        "max_people": 4, "out": None,
    },
    "warp_crops": {
        "image": IMAGE, "matrices": np.zeros((2, 2, 3)), "size": (8, 6), "mean": 0.0, "std": 1.0,
        "norm_scale": 1 / 255, "swap_rgb": False, "border_value": 0.0, "dtype": "float32",
        "out": None,
    },
}  # fmt: skip


def odd_values() -> dict[str, Any]:
    """What a caller may hand over by mistake."""
    nan = np.full((3, 4, 5), np.nan, np.float32)
    read_only = MAPS.copy()
    read_only.setflags(write=False)
    return {
        "none": None,
        "text": "text",
        "empty text": "",
        "bytes": b"bytes",
        "minus one": -1,
        "zero": 0,
        "one": 1,
        "half": 0.5,
        "huge": 1 << 40,
        "beyond 64 bits": 1 << 80,
        "nan": float("nan"),
        "infinite": float("inf"),
        "complex": 1j,
        "true": True,
        "an object": object(),
        "a function": len,
        "a dict": {},
        "a set": {1},
        "no list": [],
        "a list of nothing": [None, None],
        "a list of text": ["a", "b"],
        "a pair": (3, 4),
        "a negative pair": (-3, -4),
        "a pair of nan": (float("nan"), float("nan")),
        "a pair of huge numbers": (1 << 40, 1 << 40),
        "a triple": (1, 2, 3),
        "a nested list": [[[1.0]]],
        "an endless nest": (lambda nest: nest.append(nest) or nest)([]),
        "a scalar array": np.array(1.0, np.float32),
        "no numbers": np.zeros(0, np.float32),
        "no channels": np.zeros((0, 4, 5), np.float32),
        "no rows": np.zeros((3, 0, 5), np.float32),
        "no columns": np.zeros((3, 4, 0), np.float32),
        "no images": np.zeros((0, 3, 4, 5), np.float32),
        "one pixel": np.zeros((3, 1, 1), np.float32),
        "five dimensions": np.zeros((1, 1, 3, 4, 5), np.float32),
        "float64": MAPS.astype(np.float64),
        "float16": MAPS.astype(np.float16),
        "another byte order": MAPS.astype(MAPS.dtype.newbyteorder()),
        "int8": MAPS.astype(np.int8),
        "booleans": MAPS > 0.5,
        "complex numbers": MAPS.astype(np.complex64),
        "objects": MAPS.astype(object),
        "texts": MAPS.astype(str),
        "dates": np.zeros((3, 4, 5), "datetime64[s]"),
        "records": np.zeros((3, 4), [("x", "f4")]),
        "all nan": nan,
        "all infinite": np.full_like(nan, np.inf),
        "all minus infinite": np.full_like(nan, -np.inf),
        "largest floats": np.full_like(nan, np.finfo(np.float32).max),
        "smallest floats": np.full_like(nan, np.finfo(np.float32).smallest_subnormal),
        "reversed": MAPS[:, ::-1, ::-1],
        "a constant view": np.broadcast_to(np.float32(1), (3, 4, 5)),
        "unaligned": np.frombuffer(bytes(241), np.uint8)[1:].view(np.float32).reshape(3, 4, 5),
        "read-only": read_only,
        "masked": np.ma.masked_array(MAPS, MAPS > 0.5),
        "a matrix": np.zeros((4, 5), np.float32),
        "two maps": [MAPS, MAPS],
        "a map and nothing": [MAPS, None],
        "bytes of an image": IMAGE,
        "an empty image": IMAGE[:0],
        "peaks": PEAKS,
        "peaks of nothing": ops.Peaks(None, None, None, None),
        "peaks out of bounds": PEAKS._replace(xy=PEAKS.xy + (1 << 30)),
        "peaks at minus infinity": PEAKS._replace(xy=np.full((3, 4, 2), -np.inf, np.float32)),
        "peaks of nan": PEAKS._replace(xy=np.full((3, 4, 2), np.nan, np.float32)),
        "nan scores": PEAKS._replace(scores=np.full((3, 4), np.nan, np.float32)),
        "too many peaks": PEAKS._replace(counts=PEAKS.counts + 1000),
        "fewer than no peaks": PEAKS._replace(counts=PEAKS.counts - 1000),
        "room for none": ops.Peaks(*(a[:, :0] for a in PEAKS[:2]), PEAKS.counts, PEAKS.overflow),
        "no keypoints": ops.Peaks(*(a[:0] for a in PEAKS)),
        "other scores": PEAKS._replace(scores=PEAKS.scores[:2]),
        "other counts": PEAKS._replace(counts=PEAKS.counts[:2]),
    }  # fmt: skip


def call(name: str, arguments: dict[str, Any]) -> None:
    function: Callable[..., Any] = getattr(ops, name)
    function(**arguments)


def test_every_op_has_a_row() -> None:
    functions = {name for name in ops.__all__ if inspect.isfunction(getattr(ops, name))}
    assert functions == CALLS.keys()
    for name, arguments in CALLS.items():
        missing = inspect.signature(getattr(ops, name)).parameters.keys() - arguments.keys()
        assert missing <= {"scale"}  # of prepare_image: in place of its size


@pytest.mark.parametrize("name", CALLS)
def test_the_row_itself_succeeds(name: str) -> None:
    call(name, CALLS[name])


EVERY_ARGUMENT = [(name, argument) for name in CALLS for argument in CALLS[name]]


@pytest.mark.filterwarnings("ignore")  # of NumPy, on casting what came
@pytest.mark.parametrize(("name", "argument"), EVERY_ARGUMENT)
def test_whatever_comes_in_is_answered_or_refused(name: str, argument: str) -> None:
    crashed = {}
    for label, value in odd_values().items():
        try:
            call(name, {**CALLS[name], argument: value})
        except (TypeError, ValueError):
            pass
        except Exception as error:
            crashed[label] = repr(error)
    assert not crashed


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "argument"), EVERY_ARGUMENT)
def test_a_refusal_names_the_argument(name: str, argument: str) -> None:
    # What does not fit together may be told of either side.
    names = re.compile(rf"\b({'|'.join(CALLS[name])})\b")
    unnamed = {}
    for label, value in odd_values().items():
        try:
            call(name, {**CALLS[name], argument: value})
        except Exception as error:
            if not names.search(str(error)):
                unnamed[label] = repr(error)
    assert not unnamed
