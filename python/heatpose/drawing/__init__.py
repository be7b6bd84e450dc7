"""Drawing people and hands on photos."""

from __future__ import annotations

from heatpose.drawing.hands import draw_hands
from heatpose.drawing.people import draw_people
from heatpose.drawing.style import ColorBy

__all__ = ["ColorBy", "draw_hands", "draw_people"]
