"""``heatpose evaluate``: how good a network is on a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from heatpose.cli.common import DEVICES, describe, report, set_threads, wait_passively

if TYPE_CHECKING:
    from heatpose.datasets.problems import OnProblem


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
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the estimator: --set padding=1.1 --set method=dark --set flip_test=false.",
)
@click.option(
    "--on-problem",
    type=click.Choice(("skip", "raise")),
    default="skip",
    show_default=True,
    help="Leave photos and entries out that cannot be used, and say so; or stop there.",
)
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
    settings: tuple[str, ...],
    on_problem: OnProblem,
    device: str,
    threads: int | None,
    file: Path | None,
    quiet: bool,
) -> None:
    """Judge MODEL on annotated photos.

    MODEL is a weight file, a checkpoint of heatpose train, or a name of heatpose models list, which
    runs with its published settings. Networks of crops see the annotated boxes. AP counts all
    photos of the file, also those of nobody.

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
        from heatpose.training.loading import parse_values

        options.update(parse_values(settings))
        set_threads(threads)
        found = evaluate(
            model,
            data,
            measure=measure,
            size=size,
            limit=limit,
            on_problem=on_problem,
            progress=not quiet,
            say=report,
            **options,
        )
        if file is not None:
            found.save_json(file)
    except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:
        raise click.ClickException(describe(error)) from error
    click.echo(str(found))
