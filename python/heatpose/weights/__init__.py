"""Checkpoints: reading weight files and putting them into networks."""

from __future__ import annotations

from heatpose.weights.load import load_into, load_state_dict, load_weights

__all__ = ["load_into", "load_state_dict", "load_weights"]
