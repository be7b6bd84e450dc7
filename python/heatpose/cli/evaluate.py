"""``heatpose evaluate``: how good a network is on a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from heatpose.cli.common import DEVICES, describe, set_threads, wait_passively


@click.command("evaluate")
@click.argument("model")
@click.option(
    "--data", required=True, metavar="KIND:PATH", help="A dataset, as of `heatpose train --data`."
)
@click.option(
    "--measure",
    type=click.Choice(("auto", "oks", "distance")),
    default="auto",
    show_default=True,
    help="AP and AR by OKS, or PCK, AUC and EPE by distance; auto: what is usual for the dataset.",
)
@click.option(
    "--size",
    type=click.Choice(("box", "torso", "head")),
    help="What distances are measured by. [default: torso of bodies, box of the rest]",
)
@click.option("--limit", type=click.IntRange(min=1), help="At most so many photos.")
@click.option("--scales", metavar="S,S,...", help="Scale search of networks of whole photos.")
@click.option("--device", type=click.Choice(DEVICES), default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads. [default: all]")
@click.option(
    "--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the numbers."
)
@click.option("--quiet", "-q", is_flag=True, help="No bar.")
def evaluate_command(
    model: str,
    data: str,
    measure: str,
    size: str | None,
    limit: int | None,
    scales: str | None,
    device: str,
    threads: int | None,
    file: Path | None,
    quiet: bool,
) -> None:
    """Judge MODEL on annotated photos.

    MODEL is a weight file, a checkpoint of heatpose train, or a name of heatpose models list.
    Networks of crops see the annotated boxes.

    Exit code: 0 when the numbers are there, 1 when not, 2 for a wrong command line.
    """
    wait_passively()
    options: dict[str, Any] = {"device": device}
    if scales is not None:
        try:
            options["scales"] = tuple(float(part) for part in scales.split(","))
        except ValueError:
            raise click.BadParameter(
                f"{scales!r} is not a list of numbers like 0.5,1,1.5", param_hint="--scales"
            ) from None
    try:
        from heatpose.training.judging import evaluate

        set_threads(threads)
        report = evaluate(
            model, data, measure=measure, size=size, limit=limit, progress=not quiet, **options
        )
        if file is not None:
            report.save_json(file)
    except (OSError, ValueError, TypeError, ImportError) as error:
        raise click.ClickException(describe(error)) from error
    click.echo(str(report))
