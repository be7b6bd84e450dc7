"""What the commands share: the options of the network, and how they speak."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import heatpose as hp

TASKS = ("body", "hand", "wholebody", "face")
DEVICES = ("auto", "cpu", "cuda")


def _parse_scales(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    if value is None:
        return None
    try:
        scales = tuple(float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list of numbers like 0.5,1,1.5,2") from None
    if not all(0 < scale <= 16 for scale in scales):
        raise click.BadParameter(f"scales must be above 0 and at most 16, got {value}")
    return scales


class FiniteRange(click.FloatRange):
    """Numbers of a range; click itself lets nan through, which compares with nothing."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number, or click's error for a wrong option."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


def network_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose and run the network, shared by predict and demo."""
    options = (
        click.option(
            "--model",
            metavar="NAME",
            default="auto",
            show_default=True,
            help="A checkpoint (see `heatpose models list`), or with --weights a network; auto is "
            "heatpose-lite, which comes with the package, or tells the network from the weights.",
        ),
        click.option(
            "--weights",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="File of the network's weights.",
        ),
        click.option(
            "--scales",
            metavar="S,S,...",
            callback=_parse_scales,
            help="Scale search: the network sees the photo at each, and the maps are averaged. "
            "[default: 1; of OpenPose's hands 0.5,1,1.5,2]",
        ),
        click.option(
            "--device",
            type=click.Choice(DEVICES),
            default="auto",
            show_default=True,
            help="Where the network runs.",
        ),
        click.option(
            "--threads",
            type=click.IntRange(1, 1024),
            help="CPU threads; idle ones sleep unless OMP_WAIT_POLICY says else. [default: all]",
        ),
        click.option("--scores", is_flag=True, help="Write the people's scores on the pictures."),
        click.option("--quiet", "-q", is_flag=True, help="Print errors only."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def wait_passively() -> None:
    """Let idle OpenMP threads sleep, unless the user chose; call before PyTorch is imported.

    Threads that spin while they wait take the processor from those that work: on a machine with
    other load the network can be several times slower. OpenMP reads this once, when it is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def set_threads(threads: int | None) -> None:
    """Let heatpose and PyTorch use so many CPU threads; None leaves them alone."""
    if threads is None:
        return
    hp.set_num_threads(threads)
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(threads)


def report(message: str) -> None:
    """Say on stderr what went wrong."""
    click.echo(f"heatpose: {message}", err=True)


def describe(error: Exception) -> str:
    """The message for a user; errors that say nothing by themselves are named."""
    known = isinstance(error, (OSError, ValueError, TypeError)) and str(error)
    return str(error) if known else f"{type(error).__name__}: {error}"


def counted(count: int, one: str, many: str) -> str:
    """``1 person``, ``2 people``."""
    return f"{count} {one if count == 1 else many}"
