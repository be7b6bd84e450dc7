"""``heatpose predict``: people of photos, as JSON and as pictures."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from heatpose.cli import outputs
from heatpose.cli.common import (
    TASKS,
    FiniteRange,
    counted,
    describe,
    network_options,
    report,
    set_threads,
    wait_passively,
)
from heatpose.cli.estimate import boxes_for, make_estimator, read_boxes
from heatpose.formats import FORMATS, Format

if TYPE_CHECKING:
    from heatpose.cli.estimate import Result
    from heatpose.results import Boxes


@click.command("predict")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "--task",
    type=click.Choice(TASKS),
    default="body",
    show_default=True,
    help="What to find: bodies, hands, bodies with feet, face and hands, or faces.",
)
@click.option("--hands", is_flag=True, help="Find the hands of the bodies too.")
@click.option(
    "--hand-model",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="The network of --hands: a checkpoint (see `heatpose models list --task hand`).",
)
@click.option(
    "--hand-weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of the weights of --hands.",
)
@click.option(
    "--boxes",
    "boxes_from",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file of where to look in each photo, for top-down networks: "
    '{"photo.jpg": [[x1, y1, x2, y2], ...]}, or COCO results or annotations.',
)
@click.option(
    "--detector",
    metavar="NAME",
    help="Finds the boxes of what --task asks for: a checkpoint (see `heatpose models list`) or an "
    "ONNX file, RTMDet for hands and else YOLOX. [default: the whole photo]",
)
@click.option("--json", "json_to", metavar="PATH", help="JSON file (one photo) or folder.")
@click.option("--draw", "draw_to", metavar="PATH", help="Picture (one photo) or folder.")
@click.option(
    "--format",
    "json_format",
    type=click.Choice(FORMATS),
    default="heatpose",
    show_default=True,
    help="Format of the JSON; with coco, one file takes all photos.",
)
@click.option(
    "--threshold",
    type=FiniteRange(0, 1),
    help="Score that a peak of a heatmap must exceed. [default: the decoder's]",
)
@click.option(
    "--box",
    type=click.IntRange(8, 8192),
    help="Height in pixels of the photo at scale 1. [default: the network's]",
)
@network_options
def predict_command(
    inputs: tuple[str, ...],
    json_to: str | None,
    draw_to: str | None,
    json_format: str,
    **options: Any,
) -> None:
    """Find the people, hands or faces in photos: files, folders, patterns such as 'photos/*.jpg'.

    A photo that cannot be read is reported and the others go on. Exit code: 0 when every photo went
    well, 1 when any failed, 2 for a wrong command line.
    """
    wait_passively()
    photos, missing = find_photos(inputs)
    failed = predict_photos(photos, json_to, draw_to, cast(Format, json_format), **options)
    if missing + failed:
        if missing + len(photos) > 1:
            report(f"{missing + failed} of {missing + len(photos)} failed")
        sys.exit(1)


def find_photos(inputs: Sequence[str]) -> tuple[list[Path], int]:
    """The photos that the inputs name, and how many inputs name none (each is reported)."""
    from heatpose import media

    found: dict[Path, Path] = {}
    failed = 0
    for name in inputs:
        try:
            for path in media.list_images(name):
                found.setdefault(path.resolve(), path)
        except OSError as error:
            report(str(error))
            failed += 1
    return list(found.values()), failed


def predict_photos(
    photos: list[Path],
    json_to: str | None,
    draw_to: str | None,
    json_format: Format,
    *,
    model: str,
    weights: Path | None,
    threads: int | None,
    scores: bool,
    quiet: bool,
    task: str = "body",
    boxes_from: Path | None = None,
    **options: Any,
) -> int:
    """Find, write and draw what is in each photo; gives the number of photos that failed.

    The options that are not named here are those of ``make_estimator``.
    """
    from tqdm import tqdm

    from heatpose import formats

    if boxes_from is not None and options.get("detector") is not None:
        raise click.UsageError("give --boxes or --detector, got both")
    together = json_format == "coco" and len(photos) > 1 and outputs.is_file(json_to)
    json_paths = [None] * len(photos) if together else _json_paths(photos, json_to, json_format)
    draw_paths = outputs.picture_paths(photos, draw_to, "--draw")
    collected = [Path(json_to)] if together and json_to else []
    written = [path for path in (*json_paths, *draw_paths, *collected) if path is not None]
    outputs.refuse_inputs(photos, written)
    if not photos:
        return 0
    set_threads(threads)
    boxes = read_boxes(boxes_from)
    estimator = make_estimator(task, model=model, weights=weights, **options)
    outputs.make_folders(written)
    image_ids = outputs.image_ids(photos)

    failed = 0
    results: list[Any] = []
    # disable=None: no bar where stderr is a file; lines on stdout pause the bar.
    bar = tqdm(photos, unit="photo", disable=True if quiet or len(photos) < 2 else None)
    for path, json_path, draw_path, image_id in zip(
        bar, json_paths, draw_paths, image_ids, strict=True
    ):
        try:
            found, line = _predict_photo(estimator, path, draw_path, boxes, scores=scores)
            if json_path is not None:
                found.save_json(json_path, json_format, image_id=image_id)
            if together:
                results += formats.encode(found, "coco", image_id=image_id)
        except Exception as error:  # whatever is wrong with one photo, the others go on
            message = describe(error)
            with tqdm.external_write_mode(file=sys.stderr):
                report(message if str(path) in message else f"{path}: {message}")
            failed += 1
            continue
        if not quiet:
            with tqdm.external_write_mode(file=sys.stdout):
                click.echo(line)
    for file in collected:
        formats.write_json(file, results)
    return failed


def _json_paths(
    photos: Sequence[Path], json_to: str | None, json_format: Format
) -> list[Path | None]:
    # In a folder the files are called as OpenPose calls them, so that its readers find them.
    suffix = "_keypoints.json" if json_format == "openpose" else ".json"
    return outputs.json_paths(photos, json_to, "--json", suffix=suffix)


def _predict_photo(
    estimator: Callable[..., Result],
    path: Path,
    draw_path: Path | None,
    boxes: Mapping[str, Boxes] | None,
    *,
    scores: bool,
) -> tuple[Result, str]:
    """What is in one photo, and a line about it."""
    from heatpose import media

    start = time.perf_counter()
    image = media.read_image(path)
    found = estimator(image, **boxes_for(path, boxes))
    seconds = time.perf_counter() - start
    if draw_path is not None:
        found.draw(image, to=draw_path, scores=scores)
    height, width = found.canvas
    return found, f"{path}: {_counts(found)}, {width}x{height} px, {1000 * seconds:.0f} ms"


def _counts(found: Result) -> str:
    """``2 people, 30 keypoints``, with hands ``2 people, 4 hands, 30 + 80 keypoints``."""
    from heatpose.results import Hands
    from heatpose.skeletons import FACE70

    people = found.people if isinstance(found, Hands) else found
    is_face = people is not None and people.skeleton.name == FACE70.name
    words = ("face", "faces") if is_face else ("person", "people")
    parts = [] if people is None else [counted(len(people), *words)]
    keypoints = [] if people is None else [str(int(people.visible.sum()))]
    if isinstance(found, Hands):
        parts.append(counted(int(found.visible.any(axis=1).sum()), "hand", "hands"))
        keypoints.append(str(int(found.visible.sum())))
    return f"{', '.join(parts)}, {' + '.join(keypoints)} keypoints"
