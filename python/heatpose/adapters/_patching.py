"""Parts of an installed program taken out for ours, and put back whatever else was patched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class _Layer:
    owner: Any
    name: str
    old: Any
    new: Any
    read: Callable[[Any, str], Any]
    write: Callable[[Any, str, Any], None]


_layers: list[_Layer] = []
"""Those in force, the oldest first."""


def _attribute(owner: Any, name: str) -> Any:
    return vars(owner).get(name)


class Replacements:
    """What one patch has put in place.

    Patches may be taken back in any order: the last one in force counts, and with the last one the
    original returns. What others have put over ours is left alone.
    """

    def __init__(self) -> None:
        self._own: list[_Layer] = []

    def __bool__(self) -> bool:
        """Whether anything is in force."""
        return bool(self._own)

    def put(
        self,
        owner: Any,
        name: str,
        new: Any,
        *,
        read: Callable[[Any, str], Any] = _attribute,
        write: Callable[[Any, str, Any], None] = setattr,
    ) -> None:
        """Put ``new`` in the place of an attribute; of one that is met twice, the first time.

        Args:
            owner: A module or class.
            name: Its attribute.
            new: What takes the place.
            read: Gives what an owner has under a name, other than by attributes.
            write: Puts something under a name of an owner.
        """
        if any(layer.owner is owner and layer.name == name for layer in self._own):
            return
        layer = _Layer(owner, name, read(owner, name), new, read, write)
        write(owner, name, new)
        self._own.append(layer)
        _layers.append(layer)

    def undo(self) -> None:
        """Put back what was there. Calling it again does nothing."""
        while self._own:
            layer = self._own.pop()
            place = _layers.index(layer)
            del _layers[place]
            over = [
                above
                for above in _layers[place:]
                if above.owner is layer.owner and above.name == layer.name
            ]
            if over and over[0].old is layer.new:
                over[0].old = layer.old
            elif not over and layer.read(layer.owner, layer.name) is layer.new:
                layer.write(layer.owner, layer.name, layer.old)
