"""``heatpose models``: the published checkpoints, and those that are here."""

from __future__ import annotations

import dataclasses
import json
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from heatpose import weights
from heatpose.cli.common import describe, report
from heatpose.weights import Model

_WIDTH = 100
_LABEL = 15
_EXTRA = "pip install 'heatpose[torch]'"


def _cache_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--cache",
        type=click.Path(file_okay=False, path_type=Path),
        help="The cache folder. [default: HEATPOSE_CACHE, or the platform's]",
    )(command)


@click.group("models")
def models_command() -> None:
    """Known checkpoints: list them, download them, check and convert files.

    One comes with heatpose. Downloads go to a cache folder: HEATPOSE_CACHE, or the platform's.
    HEATPOSE_MIRROR is an address under which files are looked for first; HEATPOSE_OFFLINE=1 forbids
    downloads.
    """


@models_command.command("list")
@click.option("--task", type=click.Choice(weights.TASKS), help="Only those of one task.")
@click.option("--json", "as_json", is_flag=True, help="Print all that is known, as JSON.")
@_cache_option
def list_command(task: str | None, as_json: bool, cache: Path | None) -> None:
    """List the checkpoints that heatpose knows."""
    found = [model for model in weights.models().values() if task in (None, model.task)]
    paths = [_cached(model, cache) for model in found]
    if as_json:
        rows = [
            dataclasses.asdict(model) | {"cached": str(path) if path else None}
            for model, path in zip(found, paths, strict=True)
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    lines = [("name", "task", "input", "size", "use", "here")]
    lines += [
        (
            model.name,
            model.task,
            model.input,
            _size(model.bytes),
            model.licence.kind,
            "ships" if model.shipped else "yes" if path else "",
        )
        for model, path in zip(found, paths, strict=True)
    ]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


@models_command.command("show")
@click.argument("name")
@_cache_option
def show_command(name: str, cache: Path | None) -> None:
    """Show all that is known of a checkpoint."""
    (model,) = _find([name])
    for label, value in _facts(model, _cached(model, cache)):
        lines = _wrapped(value)
        click.echo(f"{label:<{_LABEL}}{lines[0]}")
        for line in lines[1:]:
            click.echo(f"{'':<{_LABEL}}{line}")


@models_command.command("download")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--accept-licence",
    is_flag=True,
    help="Accept the terms of checkpoints for non-commercial use; asked once.",
)
@_cache_option
def download_command(names: tuple[str, ...], accept_licence: bool, cache: Path | None) -> None:
    """Download checkpoints, and print where they are.

    One that cannot be had is reported and the others go on. Exit code: 0 when all are there, 1 when
    any failed, 2 for a wrong command line.
    """
    failed = 0
    for model in _find(names):
        try:
            with _errors():
                path = weights.fetch(
                    model, accept_licence=accept_licence, progress=True, cache=cache
                )
        except (weights.DownloadError, weights.LicenceNotAccepted) as error:
            report(str(error))
            failed += 1
        except ValueError as error:  # a variable of the environment
            raise click.UsageError(str(error)) from error
        else:
            click.echo(str(path))
    _end(failed, len(set(names)))


@models_command.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--all", "every", is_flag=True, help="All that are here.")
@_cache_option
def verify_command(names: tuple[str, ...], every: bool, cache: Path | None) -> None:
    """Hash downloaded checkpoints again.

    Exit code: 0 when all are right, 1 when one is wrong or not there, 2 for a wrong command line.
    """
    if bool(names) == every:
        raise click.UsageError("name checkpoints, or give --all")
    with _errors():
        folder = weights.cache_folder(cache)
    chosen = _find(names) if names else list(weights.models().values())
    if every:
        chosen = [model for model in chosen if weights.place_of(model, folder).is_file()]
    failed = 0
    for model in chosen:
        problem = _problem(model, weights.place_of(model, folder))
        if problem:
            report(f"{model.name}: {problem}")
            failed += 1
        else:
            whole = model.sha256 is not None
            checked = "sha256" if whole else f"first {len(model.digest or '')} digits of sha256"
            click.echo(f"{model.name}: right ({checked})")
    if not chosen:
        click.echo(f"no checkpoint in {folder}")
    _end(failed, len(chosen))


@models_command.command("convert")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--architecture", metavar="NAME", help="The network. [default: told by the file]")
def convert_command(file: Path, out: Path, architecture: str | None) -> None:
    """Convert FILE, of another program, to safetensors OUT.

    Exit code: 0 when OUT was written, 1 when not, 2 for a wrong command line.
    """
    try:
        with _errors():
            from heatpose.weights.convert import convert

            line = convert(file, out, architecture=architecture)
    except (OSError, ValueError, TypeError) as error:
        raise click.ClickException(describe(error)) from error
    click.echo(line)


def _find(names: Sequence[str]) -> list[Model]:
    try:
        return [weights.find_model(name) for name in dict.fromkeys(names)]
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@contextmanager
def _errors() -> Iterator[None]:
    """Say of a missing library how to get it."""
    try:
        yield
    except ImportError as error:
        hint = "" if "pip install" in str(error) else f": {_EXTRA}"
        raise click.ClickException(f"{error}{hint}") from error


def _cached(model: Model, cache: Path | None) -> Path | None:
    """The file, if here; without the libraries for downloads no folder is known to look in."""
    if model.shipped:
        return weights.find_cached(model, Path())
    try:
        return weights.find_cached(model, weights.cache_folder(cache))
    except ImportError:
        return None


def _problem(model: Model, path: Path) -> str | None:
    if not path.is_file():
        return f"not downloaded: {path} is not there"
    try:
        with _errors():
            problem = weights.problem_of(model, path)
    except OSError as error:
        return str(error)
    if problem is None:
        return None
    mend = "install heatpose again" if model.shipped else f"delete {path} and download it again"
    return f"{problem}; {mend}"


def _end(failed: int, total: int) -> None:
    if failed:
        if total > 1:
            report(f"{failed} of {total} failed")
        sys.exit(1)


def _size(count: int | None) -> str:
    return "" if count is None else f"{count / 1e6:.1f} MB"


def _facts(model: Model, path: Path | None) -> Iterator[tuple[str, str]]:
    """What ``show`` prints, line by line."""
    licence = model.licence
    yield "name", model.name
    yield "task", model.task
    yield "network", _call(model.architecture, model.arguments)
    yield "skeleton", model.skeleton or "none"
    yield "input", f"{model.input}; {model.normalisation}"
    if model.decoding:
        yield "decoding", _settings(model.decoding)
    if model.metrics:
        yield "published", _settings(model.metrics)
    if model.note:
        yield "note", model.note
    yield "use", f"{licence.kind}: {licence.name}"
    yield "", licence.note
    yield "", licence.url
    yield "file", model.file
    yield "here", str(path) if path else "no"
    yield "size", f"{model.bytes} bytes" if model.bytes is not None else "unknown"
    yield "sha256", model.sha256 or f"{model.sha256_prefix}... (the rest is not published)"
    if model.shipped:
        yield "card", str(weights.card_of(model))
    if model.member:
        yield "in archive", model.member
    for label, values in (("from", model.urls), ("facts from", model.sources)):
        for i, value in enumerate(values):
            yield label if i == 0 else "", value


def _call(name: str, arguments: Any) -> str:
    return f"{name} ({_settings(arguments)})" if arguments else name


def _wrapped(text: str) -> list[str]:
    """Lines of a width that is read with ease; addresses and names are not broken."""
    lines = textwrap.wrap(text, _WIDTH - _LABEL, break_long_words=False, break_on_hyphens=False)
    return lines or [""]


def _settings(values: Any) -> str:
    return ", ".join(f"{key} {_plain(value)}" for key, value in values.items())


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return "x".join(map(str, value)) if len(value) == 2 else " ".join(map(str, value))
    return str(value)
