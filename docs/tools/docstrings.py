"""Docstrings for the site: Sphinx's roles and tables as Markdown says them.

The docstrings are written for whoever reads the source or asks ``help()``.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:func|class|meth|attr|mod):`([^`]+)`")
_TABLE = re.compile(r"^(=+(?: +=+)+)\n.*\n\1\n(?:.+\n)+?\1$", re.MULTILINE)


class Roles(griffe.Extension):
    """Makes links of ``:func:`...```, and blocks of what Markdown would run together."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **_: Any) -> None:
        """Go through all docstrings, once the whole package is known."""
        _hoist(pkg)
        self._visit(pkg, pkg, set())

    def _visit(self, obj: Any, package: griffe.Module, seen: set[str]) -> None:
        if obj.is_alias or obj.path in seen:
            return
        seen.add(obj.path)
        if obj.docstring is not None:
            obj.docstring.value = self._markdown(obj, package)
        for member in obj.members.values():
            self._visit(member, package, seen)

    def _markdown(self, obj: Any, package: griffe.Module) -> str:
        text = _TABLE.sub(lambda table: f"```text\n{table[0]}\n```", obj.docstring.value)
        text = re.sub(r"::$", ":", text, flags=re.MULTILINE)
        return _ROLE.sub(lambda role: self._link(role[1], obj, package), text)

    def _link(self, name: str, obj: Any, package: griffe.Module) -> str:
        home, homes = obj, []
        while home is not None:  # from the object outwards
            homes.append(home.path)
            home = home.parent
        for path in (name, f"{package.name}.ops.{name}", *(f"{home}.{name}" for home in homes)):
            first, *parts = path.split(".")
            if first == package.name and (target := _path(package, parts)):
                # Optional: not everything that is named has a place on the site.
                return f'<autoref optional identifier="{target}"><code>{name}</code></autoref>'
        return f"`{name}`"


def _hoist(package: griffe.Module) -> None:
    """Let a public name stand for what it is, where a module has the same name.

    ``heatpose.ops.find_peaks`` is a function; its file is seen first by who only reads.
    """
    for name, module in list(package.members.items()):
        if module.is_alias or not module.is_module:
            continue
        _hoist(module)
        if name in (package.exports or ()) and name in module.members:
            for public in set(module.members) & {str(each) for each in package.exports or ()}:
                found = module.members[public]
                if not found.is_alias:
                    package.members[public] = found
                    found.parent = package


def _path(obj: Any, parts: list[str]) -> str | None:
    """Where what has a name is written down, None where nothing has it."""
    for part in parts:
        if obj.is_alias or part not in obj.members:
            return None
        obj = obj.members[part]
        if obj.is_alias:
            try:
                obj = obj.final_target
            except griffe.AliasResolutionError:
                return None
    return str(obj.path) if parts else None
