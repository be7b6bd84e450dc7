"""The newcomer's check: what README and the site tell a reader to type works, and links lead on.

- Blocks marked ``python`` are run, those of one page one after another, in an empty folder with a
  ``photo.jpg``. Blocks marked ``py`` are for reading (they download): they must parse, and the
  names of heatpose and of checkpoints in them must exist.
- Of ``bash`` blocks every line is tried: cheap commands of heatpose are run; others, which want
  weights, data or hours, are run with ``--help`` added, so that their command and options are read
  but nothing is done. ``make`` shows what it would do (CI itself runs the targets: ``.ci/run``),
  of ``pip install`` the extras are looked up, and of ``curl`` the path. A line of another kind
  fails until this file says how to try it.
- Relative links and their anchors exist. What mkdocs makes is checked by ``make docs``.
"""

from __future__ import annotations

import ast
import functools
import itertools
import operator
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

import heatpose as hp

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *(ROOT / name for name in ("csrc/README.md", "tests/host_blocks/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
# Pages of adapters show programs of other projects, before and after.
OWN = [page for page in PAGES if page.parent.name != "adapters"]
MADE = re.compile(r"pictures/(\w+)\.png")
MODEL_OPTIONS = ("--model", "--hand-model", "--detector")


@functools.cache
def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text())


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """The code blocks of one language, each with the line it begins at."""
    return [
        (token.map[0] + 1, token.content)
        for token in tokens(page)
        if token.type == "fence" and token.info.strip() == language and token.map is not None
    ]


def with_blocks(language: str) -> pytest.MarkDecorator:
    pages = [page for page in OWN if blocks(page, language)]
    assert pages
    return pytest.mark.parametrize("page", pages, ids=lambda page: str(page.relative_to(ROOT)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, but for a photo, without a network to reach."""
    shutil.copy(ROOT / "docs" / "astronaut.jpg", tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEATPOSE_OFFLINE", "1")
    return tmp_path


@with_blocks("python")
def test_python_runs(page: Path, folder: Path) -> None:
    names: dict[str, object] = {"__name__": "page"}
    for line, program in blocks(page, "python"):
        # Empty lines first, so that a traceback shows the line of the page.
        exec(compile("\n" * line + program, str(page), "exec"), names)


@with_blocks("py")
def test_names_of_python_that_downloads_exist(page: Path) -> None:
    for line, program in blocks(page, "py"):
        tree = ast.parse("\n" * line + program, str(page))
        nodes = list(ast.walk(tree))
        chains = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
        for chain in chains:
            if re.fullmatch(r"hp(\.\w+)+", chain):
                operator.attrgetter(chain.removeprefix("hp."))(hp)
        for node in nodes:
            # The first argument of an estimator or a detector is the name of a checkpoint.
            if (
                isinstance(node, ast.Call)
                and node.args
                and re.search(r"(Estimator|Detector)$", ast.unparse(node.func))
            ):
                known_model(ast.literal_eval(node.args[0]))


@with_blocks("bash")
def test_shell_runs(page: Path, folder: Path) -> None:
    for line, block in blocks(page, "bash"):
        for command in block.replace("\\\n", " ").splitlines():
            words = shlex.split(command, comments=True)
            if words:
                try_command(words, f"{page.relative_to(ROOT)}, block at line {line}: {command}")


def try_command(words: list[str], where: str) -> None:
    assert not set(words) & {"|", ">", ">>", "<", "&&", ";"}, f"no shell reads this: {where}"
    program, *arguments = words
    if program == "heatpose":
        try_heatpose(arguments, where)
    elif program == "make":
        command = ["make", "--dry-run", "--directory", str(ROOT), *arguments]
        got = subprocess.run(command, capture_output=True, text=True, check=False)
        assert got.returncode == 0, f"{where}: {got.stderr}"
    elif words[:2] == ["pip", "install"]:
        extras = re.findall(r"\[([\w,]+)\]", command_line := " ".join(arguments))
        assert "." in command_line, where
        project = (ROOT / "pyproject.toml").read_text()
        for extra in ",".join(extras).split(",") if extras else ():
            assert re.search(rf"^{extra} = \[", project, re.MULTILINE), f"no extra: {where}"
    elif program == "curl":  # tests/test_service_live.py has a server to ask
        path = arguments[-1].partition("http://127.0.0.1:8000")[2]
        sources = (ROOT / "python/heatpose/service").glob("*.py")
        known = any(f'"{path}"' in source.read_text() for source in sources)
        if not path or not known:
            pytest.fail(f"the service has no {path}: {where}")
    else:
        pytest.fail(f"this test does not know how to try: {where}")


def try_heatpose(arguments: list[str], where: str) -> None:
    from click.testing import CliRunner

    from heatpose.cli import main

    named = [b for a, b in itertools.pairwise(arguments) if a in MODEL_OPTIONS]
    if arguments[0] == "models" and arguments[1] in ("show", "download"):
        named += [word for word in arguments[2:] if not word.startswith("-")]
    for name in named:
        known_model(name)
    extra = [] if is_cheap(arguments) else ["--help"]
    got = CliRunner().invoke(main, [*arguments, *extra])
    assert got.exit_code == 0, f"{where}: {got.output}"


def is_cheap(arguments: list[str]) -> bool:
    """Whether a command is quick, and needs nothing but what the package and the folder hold."""
    if arguments[:2] == ["predict", "photo.jpg"]:
        return not set(arguments) & {"--task", "--hands", "--weights", *MODEL_OPTIONS}
    return (
        arguments[0] in ("info", "demo")
        or arguments[:2] in (["models", "list"], ["models", "show"])
        or "--show" in arguments
    )


def known_model(name: str) -> None:
    """The name is one of a checkpoint; ValueError says which are near."""
    if name != "default":
        hp.weights.find_model(name)


def slugs(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    found = tokens(page)
    headings = [
        found[i + 1].content for i, token in enumerate(found) if token.type == "heading_open"
    ]
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {word.strip().replace(" ", "-") for word in words}


def links(page: Path) -> list[str]:
    inline = [child for token in tokens(page) for child in token.children or ()]
    found = [str(token.attrGet("href") or token.attrGet("src") or "") for token in inline]
    return [link for link in found if link and not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_on(page: Path) -> None:
    broken = []
    for link in links(page):
        name, _, anchor = link.partition("#")
        if made := MADE.search(name):
            if f'"{made[1]}":' not in (ROOT / "docs/tools/pictures.py").read_text():
                broken.append(link)
            continue
        target = (page.parent / name).resolve() if name else page
        inside = target.is_relative_to(ROOT) and target.exists()
        if not inside or (anchor and target.suffix == ".md" and anchor not in slugs(target)):
            broken.append(link)
    assert not broken


def test_every_op_has_a_page_and_a_picture() -> None:
    ops = {path.stem.removeprefix("bind_") for path in (ROOT / "csrc/bindings").glob("bind_*.cpp")}
    for op in ops - {"runtime"}:
        page = (ROOT / f"docs/ops/{op}.md").read_text()
        assert f"::: heatpose.ops.{op}\n" in page + "\n"
        assert f"pictures/{op}.png" in page
        assert "## Formula" in page and "$$" in page
        assert f"({op}.md)" in (ROOT / "docs/ops/index.md").read_text()


def test_a_wrong_line_is_seen(folder: Path) -> None:
    for line in (
        "heatpose predict photos --no-such-option",
        "heatpose nothing",
        "make nothing",
        "pip install .[nothing]",
        "curl example.org",
    ):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            try_command(shlex.split(line), line)
    with pytest.raises(ValueError, match="no-such-model"):
        try_command(shlex.split("heatpose predict x --model no-such-model"), "")
