"""An installed controlnet_aux that decodes with heatpose, and back."""

from __future__ import annotations

import importlib
from types import TracebackType

from heatpose.adapters._patching import Replacements
from heatpose.adapters.controlnet_aux.body import find_bodies
from heatpose.adapters.controlnet_aux.face import decode_face
from heatpose.adapters.controlnet_aux.hand import find_hand

# ruff: noqa: N803

_in_force = Replacements()


class Patch:
    """A patch in force; leaving it as a context manager takes it back."""

    def __init__(self, patched: Replacements) -> None:
        self._patched = patched

    def __enter__(self) -> Patch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._patched.undo()


def patch() -> Patch:
    """Let the installed ``controlnet_aux`` decode bodies, hands and faces with heatpose.

    Its networks, its detectors and what they return stay; objects that exist already are changed
    too. A patch within another changes nothing, and neither does its end.

    Returns:
        A context manager that takes the patch back at its end; or call :func:`unpatch`.

    Raises:
        ModuleNotFoundError: controlnet_aux is not installed.
        RuntimeError: its classes have changed.
    """
    global _in_force
    if _in_force:
        return Patch(Replacements())
    wanted = (
        ("body", "Body", "__call__", lambda self, oriImg: find_bodies(self.model, oriImg)),
        ("hand", "Hand", "__call__", lambda self, oriImgRaw: find_hand(self.model, oriImgRaw)),
        (
            "face",
            "Face",
            "compute_peaks_from_heatmaps",
            lambda self, heatmaps: decode_face(heatmaps),
        ),
    )
    found = []
    for module, name, method, ours in wanted:
        owner = getattr(importlib.import_module(f"controlnet_aux.open_pose.{module}"), name, None)
        if not isinstance(owner, type) or method not in vars(owner):
            raise RuntimeError(
                f"controlnet_aux.open_pose.{module}.{name}.{method} is not there: this version "
                "cannot be patched"
            )
        found.append((owner, method, ours))
    _in_force = Replacements()
    for owner, method, ours in found:  # all of them or none
        _in_force.put(owner, method, ours)
    return Patch(_in_force)


def unpatch() -> None:
    """Give ``controlnet_aux`` its own methods back; without a patch, nothing happens."""
    _in_force.undo()
