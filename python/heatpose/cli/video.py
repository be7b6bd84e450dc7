"""``heatpose video``: the people of a video, with ids that last, as JSON lines and a new video."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

import heatpose as hp
from heatpose.cli.common import (
    counted,
    describe,
    network_options,
    report,
    set_threads,
    wait_passively,
)
from heatpose.cli.estimate import make_estimator
from heatpose.cli.video_options import file_facts, followers, following_options, task_options


@click.command("video")
@click.argument(
    "source", metavar="IN", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Video to write (.mp4, .m4v, .mov, .mkv), with the times, rotation and sound of IN.",
)
@click.option(
    "--json",
    "json_to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of JSON lines to write: a header, and then a line for every frame.",
)
@task_options
@following_options
@click.option(
    "--quality",
    type=click.IntRange(0, 51),
    default=20,
    show_default=True,
    help="Of --out: x264's constant rate factor, less is better and larger.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, 256),
    default=4,
    show_default=True,
    help="Frames in one run of the network.",
)
@click.option("--restart", is_flag=True, help="Begin anew where a stopped run could go on.")
@network_options
def video_command(
    source: Path,
    out: Path | None,
    json_to: Path | None,
    task: str,
    model: str,
    weights: Path | None,
    threads: int | None,
    scores: bool,
    quiet: bool,
    quality: int,
    batch: int,
    restart: bool,
    track: bool,
    smooth: bool,
    max_gap: float,
    birth_frames: int,
    mincutoff: float,
    beta: float,
    dcutoff: float,
    **options: Any,
) -> None:
    """Find the people in a video, frame by frame.

    A stopped run goes on where it was when the same command is given again; until the end its work
    lies in a folder beside the output, called like it and .parts. A frame that is broken is
    reported and left out.

    Exit code: 0 when the outputs are there, 1 when not, 2 for a wrong command line.
    """
    if out is None and json_to is None:
        raise click.UsageError("give --out FILE, --json FILE or both")
    wait_passively()
    from tqdm import tqdm

    from heatpose import video

    set_threads(threads)
    try:
        with video.VideoReader(source) as reader:
            info = reader.info
        tracker, pose_filter = followers(
            info.canvas[0],
            track=track,
            smooth=smooth,
            max_gap=max_gap,
            birth_frames=birth_frames,
            mincutoff=mincutoff,
            beta=beta,
            dcutoff=dcutoff,
        )
        estimator: Any = make_estimator(task, model=model, weights=weights, **options)
        deciding = {**options, "device": None, "scores": scores, "task": task, "model": model}
        settings = {**deciding, "weights": file_facts(weights), "heatpose": hp.__version__}
        bar = tqdm(total=info.frames, unit="frame", disable=True if quiet else None)

        def advance(done: int, _: int | None) -> None:
            if not bar.n:  # what an earlier run has done is no measure of speed
                bar.initial = done - 1
            bar.update(done - bar.n)

        def tell(message: str) -> None:
            with tqdm.external_write_mode(file=sys.stderr):
                report(message)

        with bar:
            found = video.process_video(
                source,
                estimator,
                out=out,
                json_to=json_to,
                tracker=tracker,
                pose_filter=pose_filter,
                draw=partial(_draw, scores=scores),
                quality=quality,
                batch=batch,
                settings=settings,
                restart=restart,
                report=tell,
                progress=advance,
            )
    except click.ClickException:
        raise
    except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:
        raise click.ClickException(describe(error)) from error
    if not quiet:
        click.echo(_line(source, found))


def _draw(image: Any, people: Any, ids: Any, *, scores: bool) -> Any:
    from heatpose.drawing import draw_people

    return draw_people(image, people, ids=ids.tolist(), scores=scores)


def _line(source: Path, found: Any) -> str:
    parts = [counted(found.frames, "frame", "frames")]
    if found.resumed:
        parts.append(f"{found.resumed} of them by an earlier run")
    if found.broken:
        parts.append(f"{found.broken} broken")
    if found.people is not None:
        parts.append(counted(found.people, "person", "people"))
    return f"{source}: {', '.join(parts)}"
