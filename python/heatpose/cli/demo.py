"""``heatpose demo``: the whole way from maps to a picture, without a network."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

import click

import heatpose as hp
from heatpose.cli import outputs
from heatpose.cli.common import (
    FiniteRange,
    counted,
    network_options,
    set_threads,
    wait_passively,
)
from heatpose.cli.predict import find_photos, predict_photos


@click.command("demo")
@click.argument("photo", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--people",
    type=click.IntRange(0, 60),
    default=12,
    show_default=True,
    help="How many people to plant.",
)
@click.option(
    "--noise",
    type=FiniteRange(0, 0.2),
    default=0.02,
    show_default=True,
    help="Standard deviation of the noise on the maps, whose peaks are 1.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Another seed plants another crowd.",
)
@click.option("--out", default="demo.png", show_default=True, help="The picture to write.")
@network_options
def demo_command(
    photo: str | None, people: int, noise: float, seed: int, out: str, **options: Any
) -> None:
    """Decode the maps of a planted crowd, or find the people in PHOTO, and draw them.

    Without PHOTO neither network nor weights are needed: heatpose makes the heatmaps and fields of
    a crowd of stick people, adds noise, decodes them and says how many it got back.
    """
    if photo is not None:
        wait_passively()
        photos, failed = find_photos([photo])
        failed += predict_photos(photos, None, out, "heatpose", **options)
        if failed:
            sys.exit(1)
        return
    set_threads(options["threads"])
    _planted_demo(people, noise, seed, out, scores=options["scores"], quiet=options["quiet"])


def _planted_demo(
    count: int, noise: float, seed: int, out: str, *, scores: bool, quiet: bool
) -> None:
    from heatpose import demo

    canvas = (720, 1280)
    (target,) = outputs.picture_paths([Path("demo")], out, "--out")
    assert target is not None  # since out is given
    outputs.make_folders([target])
    heatmaps, pafs, truth = demo.planted_crowd(count, canvas=canvas, seed=seed, noise=noise)
    decoder = hp.BodyDecoder(hp.skeletons.COCO18)
    milliseconds = []
    for _ in range(6):  # the first one also makes and caches the operators of this geometry
        start = time.perf_counter()
        people = decoder(heatmaps, pafs, canvas=canvas)
        milliseconds.append(1000 * (time.perf_counter() - start))
    people.draw(demo.background(canvas), to=target, scores=scores)
    if quiet:
        return
    for rank, person in enumerate(people):
        x1, y1, x2, y2 = person.box
        click.echo(
            f"person {rank + 1:>3}: score {person.score:6.2f}, "
            f"{int(person.visible.sum()):>2} keypoints, "
            f"x {x1:6.1f} to {x2:6.1f}, y {y1:5.1f} to {y2:5.1f}"
        )
    right, planted = demo.count_recovered(people, truth)
    click.echo(
        f"planted {counted(count, 'person', 'people')}, found {len(people)}; "
        f"{right} of {planted} keypoints within {demo.NEAR:g} px; "
        f"decoded in {statistics.median(milliseconds[1:]):.2f} ms "
        f"on {counted(hp.get_num_threads(), 'thread', 'threads')}; wrote {target}"
    )
