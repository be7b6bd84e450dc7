"""The command line: ``heatpose predict``, ``train``, ``models`` and their like."""

from __future__ import annotations

import click

import heatpose as hp
from heatpose.cli.demo import demo_command
from heatpose.cli.evaluate import evaluate_command
from heatpose.cli.export import export_command
from heatpose.cli.info import info_command
from heatpose.cli.live import live_command
from heatpose.cli.models import models_command
from heatpose.cli.predict import predict_command
from heatpose.cli.serve import serve_command
from heatpose.cli.train import train_command
from heatpose.cli.video import video_command

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(hp.__version__, prog_name="heatpose")
def main() -> None:
    """Heatmaps to poses: find the people in photos and their keypoints."""


for _command in (
    predict_command,
    video_command,
    live_command,
    demo_command,
    models_command,
    train_command,
    evaluate_command,
    export_command,
    serve_command,
    info_command,
):
    main.add_command(_command)
