"""The programs that adapters replace, where they are installed (`make test-originals`)."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

# The tests that need one; `make test-originals` runs them, and there a skip is a failure.
original = pytest.mark.original


def to_tensor(picture: Any) -> torch.Tensor:
    """What torchvision's ToTensor makes of uint8 [H, W, 3]."""
    return torch.from_numpy(np.array(picture).transpose(2, 0, 1).copy()).float() / 255


@contextmanager
def controlnet_aux_open_pose() -> Iterator[ModuleType]:
    """controlnet_aux.open_pose as it is installed; skips without it.

    The package imports all its detectors, and so torchvision and timm; its OpenPose needs two
    functions of torchvision, for faces. It is imported by itself, with these two in the place of a
    torchvision that is missing. Afterwards nothing of it stays imported.
    """
    found = importlib.util.find_spec("controlnet_aux")
    if found is None or found.submodule_search_locations is None:
        pytest.skip("needs controlnet_aux")
    package = ModuleType("controlnet_aux")
    package.__path__ = list(found.submodule_search_locations)
    modules: dict[str, ModuleType] = {"controlnet_aux": package}
    if importlib.util.find_spec("torchvision") is None:
        transforms = ModuleType("torchvision.transforms")
        transforms.ToTensor = lambda: to_tensor  # type: ignore[attr-defined]
        transforms.ToPILImage = lambda: None  # type: ignore[attr-defined]
        modules |= {"torchvision": ModuleType("torchvision"), "torchvision.transforms": transforms}
    with mock.patch.dict(sys.modules, modules), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield importlib.import_module("controlnet_aux.open_pose")
