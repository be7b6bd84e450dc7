"""The ops as nodes of torch's graphs: ``torch.ops.heatpose.<op>``, with fake implementations.

Who writes ``heatpose.ops.<op>`` in a module that torch.compile or torch.export traces need not
import this: the op does. A program that loads an exported module imports it for its effect, which
is to register the ops (needs PyTorch 2.4).

A schema is read from the signature of the public op, by the annotations of its parameters. What
torch has no type for is flattened:

- maps of one or several scales: ``Tensor[]``;
- content: one (height, width) per scale, all in one list;
- interpolation: always the pair (enlarge, resize);
- mean, std and border_value: always three numbers;
- limbs and paf_channels: ``[a0, b0, a1, b1, ...]``;
- peaks: peaks_xy, peaks_scores and peaks_counts;
- options: the fields of AssociateOptions.

What lies in a graph as numbers (limbs, mean, weights and so on) must be known while tracing: lists
or tuples, not arrays. Named tuples come back as their fields, and prepare_image as its tensor
alone. There is no ``out``, and the public ops refuse it while they are traced: the compiler plans
the memory.

None of the ops is differentiable. The public ones cut the graph, traced or not: their answers
require no grad. A registered op called directly with inputs that require grad runs, and its
backward raises NotImplementedError.

``crop_transform`` and ``crop_matrices`` are not among them: they work on a few numbers of a box, in
NumPy's float64, and answer NumPy.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from heatpose import ops
from heatpose.ops._torch_arguments import (
    PARAMETERS,
    PEAKS,
    RULES,
    bind,
    content,
    decode,
    encode,
    like,
)
from heatpose.ops._traceable import TRACEABLE

if not hasattr(torch.library, "custom_op"):
    raise ImportError(f"heatpose in traced programs needs PyTorch 2.4, got {torch.__version__}")

_RESULTS = {
    "associate": ops.Association,
    "connect_peaks": ops.ConnectedPeaks,
    "decode_hand_maps": ops.HandKeypoints,
    "decode_heatmaps": ops.DecodedHeatmaps,
    "find_peaks": ops.Peaks,
    "grid_people": ops.GridPeople,
    "peaks_from_cells": ops.Peaks,
}


def call(name: str, args: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """Call the registered op with the arguments of the public one, and answer as that does.

    Raises:
        TypeError: arguments are missing, unknown or doubled, ``out`` is given, or a setting that
            must be known while tracing is an array.
        ValueError: a setting does not fit. The rest is checked when the op runs.
    """
    given = bind(name, args, settings)
    numpy = isinstance(like(given), np.ndarray)
    if numpy and not torch.compiler.is_dynamo_compiling():
        return TRACEABLE[name](*args, **settings)  # only Dynamo makes tensors of arrays
    answer = getattr(torch.ops.heatpose, name).default(**encode(name, given))
    if numpy:
        answer = answer.numpy() if isinstance(answer, torch.Tensor) else [a.numpy() for a in answer]
    if name == "prepare_image":
        return answer, content(given["image"], given["size"], given["scale"])
    return _RESULTS[name](*answer) if name in _RESULTS else answer


# --- Fake implementations: the shapes and types of the answers.

_Like = list[tuple[Sequence[Any], torch.dtype]]


def _prepared(a: Any) -> _Like:
    padded = (-(-n // a.stride) * a.stride for n in content(a.image, a.size, a.scale))
    return [((1, 3, *padded), getattr(torch, a.dtype))]


def _keypoints(lead: Sequence[Any]) -> _Like:
    return [((*lead, 2), torch.float32), (lead, torch.float32)]


def _peaks(lead: Sequence[Any], most: int, xy: torch.dtype = torch.int32) -> _Like:
    rest = [(lead, torch.int32), (lead, torch.bool)]
    return [((*lead, most, 2), xy), ((*lead, most), torch.float32), *rest]


def _association(a: Any) -> _Like:
    lead, most, limbs = a.pafs[0].shape[:-3], a.max_people, len(a.limbs)
    keypoints, max_peaks = a.peaks.scores.shape[-2:]
    return [
        ((*lead, most, keypoints), torch.int32),
        ((*lead, most), torch.float32),
        ((*lead, most), torch.int32),
        (lead, torch.int32),
        (lead, torch.bool),
        ((*lead, limbs, max_peaks, 2), torch.int32),
        ((*lead, limbs, max_peaks), torch.float32),
        ((*lead, limbs), torch.int32),
    ]


def _grid_people(a: Any) -> _Like:
    lead, keypoints, most = a.heatmaps.shape[:-3], a.heatmaps.shape[-3], a.max_peaks
    return [
        *_peaks((*lead, keypoints), most),
        ((*lead, keypoints, most, 2), torch.float32),
        ((*lead, a.max_people, keypoints), torch.int32),
        (lead, torch.int32),
    ]


_FAKES: dict[str, Callable[[Any], _Like]] = {
    "resize_average": lambda a: [((*a.maps[0].shape[:-2], *a.canvas), torch.float32)],
    "gaussian_smooth": lambda a: [(a.maps.shape, torch.float32)],
    "average_flipped": lambda a: [(a.heatmaps.shape, a.heatmaps.dtype)],
    "find_peaks": lambda a: _peaks(a.maps.shape[:-2], a.max_peaks),
    "peaks_from_cells": lambda a: _peaks(
        a.maps[0].shape[:-2], a.max_peaks, torch.int32 if a.refine == "none" else torch.float32
    ),
    "associate": _association,
    "grid_people": _grid_people,
    "refine_peaks": lambda a: [(a.xy.shape, torch.float32)],
    "score_pairs": lambda a: [
        ((*a.pafs.shape[:-3], len(a.limbs), *[a.places.shape[-2]] * 2), torch.float32)
    ],
    "assign_pairs": lambda a: [
        ((*a.scores.shape[:-3], len(a.limbs), 2, a.scores.shape[-1]), torch.int32)
    ],
    "connect_peaks": lambda a: [
        ((*a.counts.shape[:-1], a.max_people, a.counts.shape[-1]), torch.int32),
        (a.counts.shape[:-1], torch.int32),
    ],
    "decode_heatmaps": lambda a: _keypoints(a.heatmaps.shape[:-2]),
    "decode_hand_maps": lambda a: _keypoints(a.maps[0].shape[:-2]),
    "warp_crops": lambda a: [((a.matrices.shape[0], 3, *a.size), getattr(torch, a.dtype))],
    "prepare_image": _prepared,
}


# --- Registration.


def _schema(name: str) -> str:
    """The schema of an op, with the defaults that torch can write down.

    Nothing is keyword-only: custom ops cannot have such tensors, and Inductor (of PyTorch 2.13)
    hands keywords to a function of its own, which has a parameter ``kernel`` like decode_heatmaps.
    """
    parts = []
    for p in PARAMETERS[name]:
        if p.name == "peaks":
            parts += [f"Tensor {key}" for key in PEAKS]
        elif p.name == "options":
            for field in dataclasses.fields(ops.AssociateOptions):
                parts.append(_declared(str(field.type), field.name, field.default))
        elif p.name != "out":
            parts.append(_declared(RULES[p.annotation].kind, p.name, p.default))
    parts.sort(key=lambda part: "=" in part)  # what has a default comes last
    count = len(_RESULTS[name]._fields) if name in _RESULTS else 1  # type: ignore[attr-defined]
    returns = "Tensor" if count == 1 else f"({', '.join(['Tensor'] * count)})"
    return f"({', '.join(parts)}) -> {returns}"


def _declared(kind: str, name: str, default: Any) -> str:
    if default is inspect.Parameter.empty or (kind.endswith("]") and default is not None):
        return f"{kind} {name}"
    word = f'"{default}"' if isinstance(default, str) else repr(default)
    return f"{kind} {name}={word}"


def _register(name: str, op: Callable[..., Any]) -> None:
    arguments: list[Any] = []

    def read(args: tuple[Any, ...], settings: dict[str, Any]) -> dict[str, Any]:
        """The public op's arguments; torch leaves out those that have the schema's default."""
        encoded = {one.name: one.default_value for one in arguments}
        encoded.update(zip(list(encoded), args, strict=False))
        return decode(name, {**encoded, **settings})

    def run(*args: Any, **settings: Any) -> Any:
        answer = op(**read(args, settings))
        if name == "prepare_image":
            return answer[0]
        return tuple(answer) if name in _RESULTS else answer

    def fake(*args: Any, **settings: Any) -> Any:
        given = read(args, settings)
        results = _FAKES[name](SimpleNamespace(**given))
        answer = tuple(like(given).new_empty(shape, dtype=dtype) for shape, dtype in results)
        return answer if name in _RESULTS else answer[0]

    def backward(context: Any, *grads: Any) -> Any:
        raise NotImplementedError(f"heatpose::{name} is not differentiable")

    full = f"heatpose::{name}"
    registered = torch.library.custom_op(full, run, mutates_args=(), schema=_schema(name))
    registered.register_fake(fake)
    registered.register_autograd(backward)
    arguments.extend(getattr(torch.ops.heatpose, name).default._schema.arguments)


for _name, _op in TRACEABLE.items():
    _register(_name, _op)
