"""heatpose: heatmaps to poses, at the speed of the memory they lie in.

The names below load when first used, so that ``import heatpose`` costs neither PyTorch nor OpenCV.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from heatpose import ops, reference, skeletons
    from heatpose.decoders import BodyDecoder, HandMapDecoder, KeypointDecoder
    from heatpose.estimators import BodyEstimator
    from heatpose.native import (
        cuda_status,
        get_num_threads,
        set_num_threads,
        set_vector_unit,
        vector_unit,
        vector_units,
    )
    from heatpose.results import People
    from heatpose.skeletons import Skeleton

_HOME = {
    "BodyDecoder": "heatpose.decoders",
    "HandMapDecoder": "heatpose.decoders",
    "KeypointDecoder": "heatpose.decoders",
    "BodyEstimator": "heatpose.estimators",
    "People": "heatpose.results",
    "Skeleton": "heatpose.skeletons",
    "cuda_status": "heatpose.native",
    "get_num_threads": "heatpose.native",
    "set_num_threads": "heatpose.native",
    "set_vector_unit": "heatpose.native",
    "vector_unit": "heatpose.native",
    "vector_units": "heatpose.native",
}
_MODULES = ("ops", "reference", "skeletons", "networks")

__all__ = [
    "BodyDecoder",
    "BodyEstimator",
    "HandMapDecoder",
    "KeypointDecoder",
    "People",
    "Skeleton",
    "__version__",
    "cuda_status",
    "get_num_threads",
    "ops",
    "reference",
    "set_num_threads",
    "set_vector_unit",
    "skeletons",
    "vector_unit",
    "vector_units",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"heatpose.{name}")
    else:
        raise AttributeError(f"module 'heatpose' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOME) | set(_MODULES))
