"""In place of pytorch-openpose: ``Body``, ``Hand`` and ``util``, and its decoders as functions.

``from heatpose.adapters.pytorch_openpose import Body, Hand, util`` takes the place of
``from src.body import Body``, ``from src.hand import Hand`` and ``from src import util``. The
answers keep their shapes, types and conventions; see ``docs/adapters/pytorch_openpose.md`` for what
is equal to the last pixel and what was mended.
"""

from __future__ import annotations

from heatpose.adapters.pytorch_openpose import util
from heatpose.adapters.pytorch_openpose.body import Body, decode_body
from heatpose.adapters.pytorch_openpose.hand import Hand, decode_hand

__all__ = ["Body", "Hand", "decode_body", "decode_hand", "util"]
