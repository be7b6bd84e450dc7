"""``heatpose live``: the people before a camera, in a window."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from heatpose.cli.common import (
    counted,
    describe,
    network_options,
    report,
    set_threads,
    wait_passively,
)
from heatpose.cli.estimate import make_estimator
from heatpose.cli.video_options import followers, following_options, task_options

_ELSEWHERE = (
    "`heatpose serve` shows a browser's camera from a machine without a display, and "
    "`heatpose video` works on files"
)


@click.command("live")
@click.argument("source", default="0")
@task_options
@following_options
@click.option(
    "--record",
    "record_to",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder for the recordings that the key r begins. [default: here]",
)
@click.option("--mirror", is_flag=True, help="Show people as a mirror does.")
@network_options
def live_command(
    source: str,
    task: str,
    model: str,
    weights: Path | None,
    threads: int | None,
    scores: bool,
    quiet: bool,
    record_to: Path,
    mirror: bool,
    track: bool,
    smooth: bool,
    max_gap: float,
    birth_frames: int,
    mincutoff: float,
    beta: float,
    dcutoff: float,
    **options: Any,
) -> None:
    """Show the people before a camera.

    SOURCE is the number of a camera (0 is the first), or the address of a stream or file that
    OpenCV can open. Frames that come while the network is busy are dropped, so that the window
    shows what is now. Keys: q or Escape ends, r begins and ends a recording.

    Exit code: 0 when it was ended, 1 without a display or a camera, 2 for a wrong command line.
    """
    check_display()
    wait_passively()
    import cv2

    from heatpose.drawing import draw_people
    from heatpose.video.live import CvWindow, LatestFrames, run_live

    set_threads(threads)
    given = {**options, "model": model, "weights": weights}
    estimator: Any = make_estimator(task, **given)
    capture = cv2.VideoCapture(int(source) if source.isdecimal() else source)
    if not capture.isOpened():
        what = f"camera {source}" if source.isdecimal() else source
        raise click.ClickException(f"{what} cannot be opened")
    height = round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)) or 480
    tracker, pose_filter = followers(
        height,
        track=track,
        smooth=smooth,
        max_gap=max_gap,
        birth_frames=birth_frames,
        mincutoff=mincutoff,
        beta=beta,
        dcutoff=dcutoff,
    )
    rate = capture.get(cv2.CAP_PROP_FPS)
    pace = 1 / rate if Path(source).is_file() and rate > 0 else 0.0
    began = time.strftime("%Y%m%d-%H%M%S")
    try:
        found = run_live(
            LatestFrames(capture, pace=pace),
            estimator,
            CvWindow(),
            tracker=tracker,
            pose_filter=pose_filter,
            record_to=lambda number: record_to / f"heatpose-{began}-{number}.mp4",
            mirror=mirror,
            draw=lambda image, people, ids: draw_people(
                image, people, ids=ids.tolist(), scores=scores
            ),
            say=report,
        )
    except (OSError, ValueError, TypeError, RuntimeError, cv2.error) as error:
        raise click.ClickException(describe(error)) from error
    if not found.frames:
        raise click.ClickException(f"{source} gave no frame")
    if not quiet:
        click.echo(f"{counted(found.frames, 'frame', 'frames')} shown, {found.dropped} dropped")


def check_display() -> None:
    """Make sure that a window can be opened, before a window library ends the whole program.

    Raises:
        click.ClickException: there is no display, or this OpenCV has no windows.
    """
    displays = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in displays):
        raise click.ClickException(f"there is no display to open a window on: {_ELSEWHERE}")
    # Qt calls abort() where it cannot reach the display: better in another process than here.
    program = "import cv2; cv2.namedWindow('heatpose'); cv2.waitKey(1); cv2.destroyAllWindows()"
    try:
        tried = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
        )
    except subprocess.TimeoutExpired:
        raise click.ClickException(f"the display does not answer: {_ELSEWHERE}") from None
    if tried.returncode == 0:
        return
    if "not implemented" in tried.stderr:
        why = "this OpenCV was built without windows (pip install opencv-python has them)"
    else:
        said = [line.strip() for line in tried.stderr.splitlines() if line.strip()]
        reason = next((line for line in said if "display" in line), " ".join(said[-1:]))
        why = f"no window can be opened ({reason or 'no reason was given'})"
    raise click.ClickException(f"{why}: {_ELSEWHERE}")
