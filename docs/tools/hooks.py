"""What mkdocs does beside Markdown: pictures, tables from the package, formulas, a last look.

A page asks for what is made with a comment, ``<!-- make: models -->``. Nothing that a page shows as
measured or listed is typed by hand: numbers come from files of ``benchmarks/results``, checkpoints,
skeletons and options from the package.
"""

from __future__ import annotations

import ast
import html
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import latex2mathml.converter
from click.testing import CliRunner
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
sys.path.insert(0, str(Path(__file__).parent))

import pictures  # noqa: E402

_MAKE = re.compile(r"^<!-- make: (\w+)(?: (.+?))? -->$", re.MULTILINE)
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?![a-z]+:|#)([^)]+)\)")


def on_config(config: Any) -> Any:
    """Put the pages of docs/adapters below the list of them."""
    for section in config.nav:
        for pages in section.values():
            if isinstance(pages, list) and {"Overview": "adapters.md"} in pages:
                pages += [{_title(path): f"adapters/{path.name}"} for path in _adapters()]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pictures, drawn now by the ops themselves."""
    for name, content in pictures.draw_all():
        files.append(File.generated(config, f"pictures/{name}.png", content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace what the page asks to be made."""
    return _MAKE.sub(lambda asked: _MAKERS[asked[1]](asked[2] or ""), markdown)


def on_page_content(content: str, **_: Any) -> str:
    """Write formulas as MathML, which browsers show without a script."""

    def formula(found: re.Match[str]) -> str:
        tag, source = found[1], html.unescape(found[2]).strip()
        display = "inline" if tag == "span" else "block"
        math = latex2mathml.converter.convert(source, display=display)
        return f'<{tag} class="arithmatex">{math}</{tag}>'

    return _FORMULA.sub(formula, content)


def on_post_build(config: Any) -> None:
    """Refuse a site that loads anything from another host, or shows a formula's source."""
    problems = []
    for path in sorted(Path(config.site_dir).rglob("*")):
        if path.suffix == ".html":
            text = path.read_text()
            problems += [f"{path.name} loads {url}" for url in _loaded(text) if _elsewhere(url)]
            if "<!-- make:" in text or 'class="arithmatex">\\' in text:
                problems.append(f"{path.name} holds what was not made")
        elif path.suffix == ".css":
            urls = re.findall(r"url\(\s*[\"']?([^\"')]+)", path.read_text())
            problems += [f"{path.name} loads {url}" for url in urls if _elsewhere(url)]
    if problems:
        raise PluginError("\n".join(problems))


def _elsewhere(url: str) -> bool:
    return url.startswith(("http:", "https:", "//"))


def _loaded(text: str) -> Iterator[str]:
    """Addresses that a browser fetches by itself; links that a reader follows are not such."""
    found: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            values = dict(attrs)
            if tag == "link" and values.get("rel") not in ("canonical", "next", "prev"):
                found.append(values.get("href") or "")
            elif tag != "link":
                found.extend(
                    values[key] or "" for key in ("src", "srcset", "data") if key in values
                )

    Parser().feed(text)
    yield from found


def _adapters() -> list[Path]:
    return sorted((ROOT / "docs" / "adapters").glob("*.md"))


def _title(path: Path) -> str:
    heading = path.read_text().partition("\n")[0].removeprefix("# ").strip()
    return heading.removeprefix("In place of ").removeprefix("the ")


def _without_links(markdown: str) -> str:
    """The text with links into the repository taken off: the site has no such files."""
    return _LINK.sub(r"\1", markdown)


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def make_adapters(_: str) -> str:
    """The drop-in decoders, with the first line of their modules."""
    rows = []
    for path in _adapters():
        package = ROOT / "python/heatpose/adapters" / path.stem
        module = package / "__init__.py" if package.is_dir() else package.with_suffix(".py")
        what = ast.get_docstring(ast.parse(module.read_text())) or ""
        what = what.partition("\n")[0].replace("``", "`")
        rows.append(
            (f"[{_title(path)}](adapters/{path.name})", f"`heatpose.adapters.{path.stem}`", what)
        )
    return _table(("in place of", "import", "what"), rows)


def make_models(task: str) -> str:
    """The checkpoints of a task."""
    from heatpose.weights import models

    rows = []
    for model in models().values():
        if model.task == task:
            size = f"{model.bytes / 1e6:.1f} MB" if model.bytes else "not stated"
            rows.append((f"`{model.name}`", model.architecture, size, model.licence.name))
    return _table(("name", "network", "size", "licence"), rows)


def make_skeletons(_: str) -> str:
    """The skeletons."""
    from heatpose.skeletons import BY_NAME

    rows = [
        (f"`{name}`", s.num_keypoints, len(s.limbs), "yes" if s.paf_channels else "no")
        for name, s in BY_NAME.items()
    ]
    return _table(("name", "keypoints", "limbs", "has fields"), rows)


def make_help(command: str) -> str:
    """The help of a command of ``heatpose``."""
    from heatpose.cli import main

    shown = CliRunner().invoke(
        main, [*command.split(), "--help"], prog_name="heatpose", terminal_width=96
    )
    if shown.exit_code:
        raise PluginError(f"heatpose {command} --help: {shown.output}")
    return f"```text\n{shown.output.rstrip()}\n```"


def make_source(asked: str) -> str:
    """A file of the repository, or one of its functions, folded."""
    place, _, name = asked.partition(" ")
    path = ROOT / place
    text = path.read_text()
    if name:
        nodes = [node for node in ast.parse(text).body if getattr(node, "name", "") == name]
        if not nodes:
            raise PluginError(f"{place} has no {name}")
        first = min(node.lineno for node in (nodes[0], *nodes[0].decorator_list))
        text = "\n".join(text.splitlines()[first - 1 : nodes[0].end_lineno])
    language = "python" if path.suffix == ".py" else "cpp"
    block = f"```{language}\n{text.rstrip()}\n```"
    title = f"`{place}`" + (f", `{name}`" if name else "")
    return f'??? example "{title}"\n\n' + textwrap.indent(block, "    ") + "\n"


def make_api(package: str) -> str:
    """The reference of all names that a package gives."""
    text = (ROOT / "python" / Path(*package.split(".")) / "__init__.py").read_text()
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names = ast.literal_eval(node.value)
            return "\n\n".join(f"::: {package}.{name}" for name in names)
    raise PluginError(f"{package} has no __all__")


def make_headline(_: str) -> str:
    """The benchmark table of the README."""
    readme = (ROOT / "README.md").read_text()
    found = re.search(r"<!-- bench(?:: headline)? -->\n(.*?)<!-- /bench -->", readme, re.DOTALL)
    if found is None:
        raise PluginError("README.md has no <!-- bench --> ... <!-- /bench -->")
    return _without_links(found[1])


def make_results(_: str) -> str:
    """All result files that are tables, the newest first, and the plots that were made of them."""
    plots = sorted((ROOT / "docs" / "plots").glob("*"))
    parts = [f"![{path.stem}](plots/{path.name})" for path in plots]
    for path in sorted(RESULTS.glob("[0-9]*.md"), reverse=True):
        text = re.sub(r"^(#+) ", r"##\1 ", path.read_text(), flags=re.MULTILINE)
        where = f"`{path.relative_to(ROOT)}`"
        parts.append(_without_links(text.rstrip()) + f"\n\n(from {where})")
    return "\n\n".join(parts)


_MAKERS: dict[str, Callable[[str], str]] = {
    "api": make_api,
    "adapters": make_adapters,
    "headline": make_headline,
    "help": make_help,
    "models": make_models,
    "results": make_results,
    "skeletons": make_skeletons,
    "source": make_source,
}
