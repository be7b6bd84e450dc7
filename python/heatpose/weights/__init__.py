"""Checkpoints: which are known, fetching them, reading them and putting them into networks.

What reads tensors needs PyTorch, and loads when first used; what fetches needs neither.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from heatpose.weights.cache import cache_folder
from heatpose.weights.download import (
    DownloadError,
    card_of,
    fetch,
    find_cached,
    place_of,
    problem_of,
)
from heatpose.weights.licences import LicenceNotAccepted
from heatpose.weights.registry import TASKS, Licence, Model, find_model, models

if TYPE_CHECKING:
    from heatpose.weights.load import load_into, load_state_dict, load_weights

_NEED_TORCH = ("load_into", "load_state_dict", "load_weights")

__all__ = [
    "TASKS",
    "DownloadError",
    "Licence",
    "LicenceNotAccepted",
    "Model",
    "cache_folder",
    "card_of",
    "fetch",
    "find_cached",
    "find_model",
    "load_into",
    "load_state_dict",
    "load_weights",
    "models",
    "place_of",
    "problem_of",
]


def __getattr__(name: str) -> Any:
    if name not in _NEED_TORCH:
        raise AttributeError(f"module 'heatpose.weights' has no attribute {name!r}")
    try:
        home = importlib.import_module("heatpose.weights.load")
    except ModuleNotFoundError as error:
        if error.name in ("torch", "safetensors"):
            raise ImportError(
                f"heatpose.weights.{name} needs {error.name}: pip install 'heatpose[torch]'",
                name=error.name,
            ) from error
        raise
    value = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
