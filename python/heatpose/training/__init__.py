"""Training of networks, on Lightning: ``pip install 'heatpose[train]'``.

``load_options`` reads a preset, ``train`` runs it. Every piece can be used alone: the losses, the
inputs of both kinds of networks, and the Lightning modules.
"""

from __future__ import annotations

try:
    import lightning.pytorch  # noqa: F401
    import yaml  # noqa: F401
except ImportError as error:
    raise ImportError(f"{error}: training needs pip install 'heatpose[train]'") from error

from heatpose.training.building import make_module, make_network, skeleton_of
from heatpose.training.data import TrainingData
from heatpose.training.loading import as_yaml, load_options, parse_settings, presets
from heatpose.training.options import TrainingOptions
from heatpose.training.run import TrainingResult, train, with_epochs
from heatpose.training.weight_files import save_weights, weights_of

__all__ = [
    "TrainingData",
    "TrainingOptions",
    "TrainingResult",
    "as_yaml",
    "load_options",
    "make_module",
    "make_network",
    "parse_settings",
    "presets",
    "save_weights",
    "skeleton_of",
    "train",
    "weights_of",
    "with_epochs",
]
