"""``heatpose train``: a preset, data, and a network comes out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click

from heatpose.cli.common import describe, set_threads, wait_passively


@click.command("train")
@click.argument("preset", required=False)
@click.option(
    "--data",
    multiple=True,
    metavar="KIND:PATH",
    help="Training data: lsp:FOLDER,train, coco:FILE.json,FOLDER and likewise coco-wholebody, "
    "coco-wholebody-hands, aic, freihand, onehand10k, panoptic, rhd, or photos:FOLDER for a "
    "teacher. May be given several times.",
)
@click.option("--val", multiple=True, metavar="KIND:PATH", help="Validation data, likewise.")
@click.option(
    "--teacher",
    type=click.Path(exists=True, dir_okay=False),
    help="Weights of a body network that answers where nobody labelled.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a setting: --set schedule.epochs=5. See --show.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("training"),
    show_default=True,
    help="Folder of checkpoints, logs and the weights.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on from OUT's last checkpoint; without a PRESET with the settings of OUT too.",
)
@click.option(
    "--max-epochs",
    type=click.IntRange(min=1),
    help="Epochs; steps of the schedule keep their share. [default: the preset's]",
)
@click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads. [default: all]")
@click.option("--show", is_flag=True, help="Print all settings as YAML, and end.")
@click.option("--quiet", "-q", is_flag=True, help="No bar, and nothing of Lightning but warnings.")
def train_command(
    preset: str | None,
    data: tuple[str, ...],
    val: tuple[str, ...],
    teacher: str | None,
    settings: tuple[str, ...],
    out: Path,
    resume: bool,
    max_epochs: int | None,
    threads: int | None,
    show: bool,
    quiet: bool,
) -> None:
    """Train the network of PRESET, a preset's name or a YAML file.

    Presets: heatpose-lite, openpose-aic14, hrnetv2-w18-hand-dark, simplebaseline-hand,
    hrnet-w48-wholebody.

    OUT gets options.yaml, last.ckpt, best.ckpt, TensorBoard's logs, and model.safetensors, which
    heatpose predict takes as --weights. Another run's OUT is refused without --resume.

    Exit code: 0 when the training ended, 1 when it could not, 2 for a wrong command line.
    """
    wait_passively()
    if preset is None and not resume:
        raise click.UsageError("name a PRESET, or --resume a run")
    try:
        from heatpose import training

        changes: dict[str, Any] = dict(training.parse_settings(settings))
        given = {"data.train": list(data), "data.validation": list(val), "teacher.weights": teacher}
        changes.update({key: value for key, value in given.items() if value})
        if threads is not None:
            changes["trainer.threads"] = threads
        if quiet:
            changes["trainer.progress"] = False
            logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
        source = out / "options.yaml" if resume and preset is None else preset
        options = training.load_options(source, changes)
        if max_epochs is not None:
            options = training.with_epochs(options, max_epochs)
        if show:
            click.echo(training.as_yaml(options), nl=False)
            return
        set_threads(threads)
        result = training.train(options, out, resume=resume)
    except (OSError, ValueError, TypeError, ImportError) as error:
        raise click.ClickException(describe(error)) from error
    scores = ", ".join(
        f"{name.removeprefix('val/')} {value:.4g}"
        for name, value in sorted(result.scores.items())
        if name.startswith("val/")
    )
    if not result.leads:
        return  # one process of several speaks
    click.echo(f"wrote {result.weights}{f' ({scores})' if scores else ''}")
