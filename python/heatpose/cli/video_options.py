"""What ``heatpose video`` and ``heatpose live`` share: the options of tracking and smoothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from heatpose.cli.common import FiniteRange, describe

if TYPE_CHECKING:
    from heatpose.video import PoseFilter, Tracker

# Hands have no tracker yet.
TASKS = ("body", "wholebody", "face")
# The height in pixels at which --beta is meant.
LINES = 480


def task_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of what to find."""
    options = (
        click.option(
            "--task",
            type=click.Choice(TASKS),
            default="body",
            show_default=True,
            help="What to find: bodies, bodies with feet, face and hands, or faces.",
        ),
        click.option(
            "--detector",
            metavar="NAME",
            help="Finds the boxes for top-down networks, as of `heatpose predict`. "
            "[default: the whole frame]",
        ),
        click.option(
            "--threshold",
            type=FiniteRange(0, 1),
            help="Score that a peak of a heatmap must exceed. [default: the decoder's]",
        ),
        click.option(
            "--box",
            type=click.IntRange(8, 8192),
            help="Height in pixels of the frame at scale 1. [default: the network's]",
        ),
    )
    return _with(command, options)


def following_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of tracking and smoothing."""
    above = FiniteRange(0, min_open=True)
    options = (
        click.option(
            "--track/--no-track",
            default=True,
            show_default=True,
            help="Give people ids that last from frame to frame.",
        ),
        click.option(
            "--smooth/--no-smooth",
            default=True,
            show_default=True,
            help="One-Euro filter on the keypoints of who has an id.",
        ),
        click.option(
            "--max-gap",
            type=above,
            default=1.0,
            show_default=True,
            help="Seconds for which an id waits for somebody out of sight.",
        ),
        click.option(
            "--birth-frames",
            type=click.IntRange(1, 1000),
            default=2,
            show_default=True,
            help="Frames running in which somebody must be seen to get an id.",
        ),
        click.option(
            "--mincutoff",
            type=above,
            default=1.0,
            show_default=True,
            help="Cutoff in hertz at rest: lower for less jitter, higher for less lag.",
        ),
        click.option(
            "--beta",
            type=FiniteRange(0),
            default=0.05,
            show_default=True,
            help="How much the cutoff grows with speed, in hertz per pixel a second of a picture "
            f"of {LINES} lines: higher for less lag in motion.",
        ),
        click.option(
            "--dcutoff",
            type=above,
            default=1.0,
            show_default=True,
            help="Cutoff in hertz of the speed that --beta goes by.",
        ),
    )
    return _with(command, options)


def followers(
    height: int,
    *,
    track: bool,
    smooth: bool,
    max_gap: float,
    birth_frames: int,
    mincutoff: float,
    beta: float,
    dcutoff: float,
) -> tuple[Tracker | None, PoseFilter | None]:
    """The tracker and the filter of the options, for pictures of a height."""
    from heatpose.video import PoseFilter, Tracker

    try:
        import scipy.optimize  # noqa: F401
    except ImportError as error:
        if track:
            raise click.ClickException(
                f"{describe(error)}: pip install 'heatpose[video]', or give --no-track"
            ) from error
    if not track:
        return None, None
    tracker = Tracker(max_gap=max_gap, birth_frames=birth_frames)
    if not smooth:
        return tracker, None
    unit = height / LINES
    return tracker, PoseFilter(mincutoff=mincutoff, beta=beta, dcutoff=dcutoff, unit=unit)


def file_facts(path: Path | None) -> list[Any] | None:
    """What tells one version of a file from another."""
    if path is None:
        return None
    facts = path.stat()
    return [str(path.resolve()), facts.st_size, facts.st_mtime_ns]


def _with(command: Callable[..., Any], options: tuple[Any, ...]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command
