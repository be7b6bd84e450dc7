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
    from heatpose.estimators import (
        BodyEstimator,
        FaceEstimator,
        HandEstimator,
        WholeBodyEstimator,
    )
    from heatpose.native import (
        cuda_status,
        get_num_threads,
        set_num_threads,
        set_vector_unit,
        vector_unit,
        vector_units,
    )
    from heatpose.results import Boxes, Hands, People
    from heatpose.skeletons import Skeleton

_HOME = {
    "BodyDecoder": "heatpose.decoders",
    "HandMapDecoder": "heatpose.decoders",
    "KeypointDecoder": "heatpose.decoders",
    "BodyEstimator": "heatpose.estimators",
    "FaceEstimator": "heatpose.estimators",
    "HandEstimator": "heatpose.estimators",
    "WholeBodyEstimator": "heatpose.estimators",
    "Boxes": "heatpose.results",
    "Hands": "heatpose.results",
    "People": "heatpose.results",
    "Skeleton": "heatpose.skeletons",
    "cuda_status": "heatpose.native",
    "get_num_threads": "heatpose.native",
    "set_num_threads": "heatpose.native",
    "set_vector_unit": "heatpose.native",
    "vector_unit": "heatpose.native",
    "vector_units": "heatpose.native",
}
_MODULES = (
    "adapters",
    "datasets",
    "demo",
    "detectors",
    "drawing",
    "evaluation",
    "formats",
    "media",
    "networks",
    "ops",
    "reference",
    "results",
    "skeletons",
    "training",
    "video",
    "weights",
)
# What needs PyTorch, so that its absence is told in one line.
_NEED_TORCH = (
    "BodyEstimator",
    "FaceEstimator",
    "HandEstimator",
    "WholeBodyEstimator",
    "networks",
)

__all__ = [
    "BodyDecoder",
    "BodyEstimator",
    "Boxes",
    "FaceEstimator",
    "HandEstimator",
    "HandMapDecoder",
    "Hands",
    "KeypointDecoder",
    "People",
    "Skeleton",
    "WholeBodyEstimator",
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
    if name not in _HOME and name not in _MODULES:
        raise AttributeError(f"module 'heatpose' has no attribute {name!r}")
    try:
        home = importlib.import_module(_HOME.get(name, f"heatpose.{name}"))
    except ModuleNotFoundError as error:
        if name in _NEED_TORCH and error.name in ("torch", "safetensors"):
            raise ImportError(
                f"heatpose.{name} needs {error.name}: pip install 'heatpose[torch]'"
            ) from error
        raise
    value = getattr(home, name) if name in _HOME else home
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOME) | set(_MODULES))
