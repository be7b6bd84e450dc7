"""The pages of the adapters: what their examples import and name is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("cv2")

PAGES = sorted((Path(__file__).parents[1] / "docs/adapters").glob("*.md"))


def is_ours(name: str | None) -> bool:
    return str(name).partition(".")[0] == "heatpose"


def names_of(page: Path) -> tuple[dict[str, Any], list[list[str]]]:
    """What the examples import from heatpose, and every dotted name in those that do."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL)
    names: dict[str, Any] = {}
    dotted = []
    for block in blocks:
        tree = ast.parse(block)
        imports = [
            node
            for node in tree.body
            if (isinstance(node, ast.ImportFrom) and is_ours(node.module))
            or (isinstance(node, ast.Import) and any(is_ours(a.name) for a in node.names))
        ]
        exec(compile(ast.Module(imports, []), str(page), "exec"), names)
        if not imports and "heatpose" not in block:
            continue  # how it was before
        for node in ast.walk(tree):
            chain = []
            while isinstance(node, ast.Attribute):
                chain.append(node.attr)
                node = node.value
            if isinstance(node, ast.Name) and chain:
                dotted.append([node.id, *reversed(chain)])
    return names, dotted


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_examples_find_what_they_name(page: Path) -> None:
    names, dotted = names_of(page)
    assert any(not name.startswith("__") for name in names), "no example imports heatpose"
    for first, *rest in dotted:
        assert first != "heatpose" or first in names, f"{first}.{'.'.join(rest)} without an import"
        value = names.get(first)
        for name in rest:
            if isinstance(value, (ModuleType, type)):
                value = getattr(value, name)
