"""``heatpose serve``: the HTTP service and its web page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from heatpose.cli.common import DEVICES, TASKS, FiniteRange, set_threads, wait_passively
from heatpose.cli.estimate import make_estimator

_KEY = "HEATPOSE_API_KEY"


def _parse_weights(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> list[tuple[str, Path]]:
    found = []
    for value in values:
        task, equals, file = value.partition("=")
        tasks = ", ".join(TASKS)
        if not equals or task not in TASKS:
            raise click.BadParameter(f"{value!r} is not TASK=FILE with a task of {tasks}")
        if not Path(file).is_file():
            raise click.BadParameter(f"{file}: no such file")
        found.append((task, Path(file)))
    return found


@click.command("serve")
@click.option(
    "--model",
    "models",
    metavar="NAME",
    multiple=True,
    help="A checkpoint to serve (see `heatpose models list`); may be given again, the first of a "
    "task is its default. [default: heatpose-lite, which comes with the package]",
)
@click.option(
    "--weights",
    metavar="TASK=FILE",
    multiple=True,
    callback=_parse_weights,
    help="Weights to serve for body, hand, wholebody or face; may be given again.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port to listen on. [default: 8000; with --paddlehub 8866]",
)
@click.option("--paddlehub", is_flag=True, help="Listen on PaddleHub Serving's port, 8866.")
@click.option(
    "--api-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"File with the key that clients must send. [default: the variable {_KEY}]",
)
@click.option(
    "--device", type=click.Choice(DEVICES), default="auto", show_default=True,
    help="Where the networks run.",
)  # fmt: skip
@click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads. [default: all]")
@click.option(
    "--max-batch", type=click.IntRange(1, 256), default=8, show_default=True,
    help="Most photos of all clients in one run of the network.",
)  # fmt: skip
@click.option(
    "--batch-wait", type=FiniteRange(0, 1000), default=0.0, show_default=True, metavar="MS",
    help="Milliseconds that a photo waits for others to share its run.",
)  # fmt: skip
@click.option(
    "--max-queue", type=click.IntRange(1, 100_000), default=64, show_default=True,
    help="Most photos that wait; more are answered 503.",
)  # fmt: skip
@click.option(
    "--deadline", type=FiniteRange(0.1, 3600), default=30.0, show_default=True, metavar="S",
    help="Seconds in which an answer must be there; else 503.",
)  # fmt: skip
@click.option(
    "--max-body", type=FiniteRange(0.001, 1024), default=20.0, show_default=True, metavar="MIB",
    help="Most MiB of a request.",
)  # fmt: skip
@click.option(
    "--max-pixels", type=click.IntRange(1, 1 << 30), default=25_000_000, show_default=True,
    help="Most pixels of a photo.",
)  # fmt: skip
@click.option(
    "--allow-host",
    "hosts",
    metavar="NAME",
    multiple=True,
    help="A name that clients may call the service by, as behind a proxy; may be given again. "
    "[default: on loopback that of this machine, else any]",
)
@click.option("--access-log", is_flag=True, help="Log address, method, path and status.")
def serve_command(
    models: tuple[str, ...],
    weights: list[tuple[str, Path]],
    paddlehub: bool,
    port: int | None,
    api_key_file: Path | None,
    threads: int | None,
    device: str,
    batch_wait: float,
    max_body: float,
    access_log: bool,
    **limits: Any,
) -> None:
    """Answer photos by HTTP, and show a web page to try it, until Ctrl-C.

    POST /v1/poses takes a photo as a form or in base64; GET /openapi.json says the rest. Where
    bodies and hands are served, the hands of the bodies are found. Only this machine can reach the
    service unless --host says otherwise.
    """
    wait_passively()
    try:
        from heatpose import service
    except ImportError as error:
        raise click.ClickException(f"{error}: pip install 'heatpose[serve,torch]'") from error

    try:
        settings = service.Settings(
            port=port or (8866 if paddlehub else 8000),
            api_key=_key(api_key_file),
            batch_wait=batch_wait / 1000,
            max_body_bytes=int(max_body * (1 << 20)),
            **limits,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    set_threads(threads)
    served = load_models(models, weights, device=device, batch_size=settings.max_batch)
    names = ", ".join(f"{model.name} ({model.task})" for model in served)
    click.echo(f"http://{settings.host}:{settings.port} serves {names}")
    service.run(served, settings, access_log=access_log)


def load_models(
    names: tuple[str, ...],
    weights: list[tuple[str, Path]],
    *,
    device: str,
    batch_size: int,
) -> list[Any]:
    """The models of the options, bodies first: with them the hands of people are found.

    Raises:
        click.UsageError: an unknown checkpoint, or none that can be served.
        click.ClickException: a network cannot be made.
    """
    from heatpose.service import ServedModel
    from heatpose.weights import find_model

    wanted: list[tuple[str, str, Path | None]] = []
    for name in names:
        try:
            task = find_model(name).task
        except ValueError as error:
            raise click.UsageError(f"--model: {error}") from error
        if task not in TASKS:
            raise click.UsageError(f"--model {name} is for {task}, which is not served")
        wanted.append((task, name, None))
    wanted += [(task, "auto", file) for task, file in weights]
    if not wanted:
        wanted = [("body", "heatpose-lite", None)]
    served: list[Any] = []
    for task, name, file in sorted(wanted, key=lambda one: one[0] != "body"):
        options: dict[str, Any] = {"device": device, "batch_size": batch_size}
        if task == "hand" and served and served[0].task == "body":
            options["body"] = served[0].estimator
        estimator = make_estimator(task, model=name, weights=file, **options)
        title = name if file is None else file.stem
        taken = {one.name for one in served}
        title = title if title not in taken else f"{title}-{len(served) + 1}"
        served.append(ServedModel(title, task, estimator))
    return served


def _key(file: Path | None) -> str | None:
    """The key of the file, else of the environment; never of the command line, which others see."""
    if file is not None:
        return file.read_text().strip()
    return os.environ.get(_KEY) or None
