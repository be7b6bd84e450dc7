"""What decoders, detectors and estimators return: frozen dataclasses of arrays."""

from __future__ import annotations

from heatpose.results.boxes import Boxes, Side
from heatpose.results.checks import FloatArray
from heatpose.results.hands import Hand, Hands
from heatpose.results.people import Part, People, Person

__all__ = ["Boxes", "FloatArray", "Hand", "Hands", "Part", "People", "Person", "Side"]
