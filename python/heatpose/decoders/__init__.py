"""Maps to results: ops put together for the networks that people use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heatpose.decoders.body import BodyDecoder
    from heatpose.decoders.hand import HandMapDecoder
    from heatpose.decoders.keypoint import KeypointDecoder
    from heatpose.decoders.queued import Queued

__all__ = ["BodyDecoder", "HandMapDecoder", "KeypointDecoder", "Queued"]

_HOME = {
    "BodyDecoder": "body",
    "HandMapDecoder": "hand",
    "KeypointDecoder": "keypoint",
    "Queued": "queued",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'heatpose.decoders' has no attribute {name!r}")
    return getattr(importlib.import_module(f"heatpose.decoders.{_HOME[name]}"), name)
