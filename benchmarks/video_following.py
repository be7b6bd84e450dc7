"""What following people costs and gives: lag and jitter of the filter, mix-ups of the tracker.

Planted motion, so that the truth is known; no network, no timing. A figure of 17 keypoints, 170
pixels high in a picture of 480 lines, is measured with Gaussian noise on every keypoint.

At rest, jitter is the standard deviation of the smoothed keypoint. In motion the figure swings to
and fro; lag is the time by which the smoothed places fit the true ones best, and the error is the
root mean square distance along an axis to where the figure is at that moment. After a jump of 100
pixels, the settling time is until 90 % of it are made.

Run: python -m benchmarks.video_following        prints Markdown tables
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from heatpose.results import People
from heatpose.skeletons import COCO17
from heatpose.video import PoseFilter, Tracker

SECONDS = 20
NOISE = 1.5
AMPLITUDE = 100.0
# Of a standing person, in pixels from its middle.
FIGURE = np.array(
    [
        *[[0, -80], [8, -88], [-8, -88], [16, -84], [-16, -84], [32, -56], [-32, -56], [40, -20]],
        *[[-40, -20], [44, 12], [-44, 12], [18, 12], [-18, 12], [20, 52], [-20, 52]],
        *[[20, 92], [-20, 92]],
    ],
    np.float64,
)


def smoothed(places: Any, times: Any, settings: dict[str, float] | None) -> Any:
    """[F, K, 2], what the filter makes of measured places; None leaves them."""
    if settings is None:
        return places
    smooth = PoseFilter(**settings)
    return np.concatenate([smooth([1], p[None], t) for p, t in zip(places, times, strict=True)])


def measure(settings: dict[str, float] | None, rate: float) -> list[float]:
    """Jitter at rest; error and lag of a slow and of a fast swing; settling time after a jump."""
    rng = np.random.default_rng(1)
    times = np.arange(round(SECONDS * rate)) / rate
    noise = rng.normal(0, NOISE, (len(times), len(FIGURE), 2))
    warm = times > 2
    rest = smoothed(FIGURE + noise, times, settings)
    numbers = [float(rest[warm].std(axis=0).mean())]
    for hertz in (0.25, 1.0):
        swing = AMPLITUDE * np.sin(2 * math.pi * hertz * times)
        found = smoothed(FIGURE + swing[:, None, None] + noise, times, settings) - FIGURE
        numbers.append(float(np.sqrt(((found - swing[:, None, None])[warm] ** 2).mean())))
        lags = np.arange(0, 0.4, 0.002)
        mean = found[warm].mean(axis=(1, 2))
        errors = [
            ((mean - AMPLITUDE * np.sin(2 * math.pi * hertz * (times[warm] - lag))) ** 2).mean()
            for lag in lags
        ]
        numbers.append(1000 * float(lags[int(np.argmin(errors))]))
    jump = np.where(times < 5, 0.0, 100.0)
    made = smoothed(FIGURE + jump[:, None, None] + noise, times, settings) - FIGURE
    after = made.mean(axis=(1, 2))[times >= 5]
    numbers.append(1000 * float(np.argmax(after >= 90)) / rate)
    return numbers


def filter_table(rate: float) -> str:
    """The table of the filter at a frame rate."""
    rows: list[tuple[str, dict[str, float] | None]] = [("none", None)]
    for mincutoff, beta in itertools.product((0.5, 1.0, 2.0), (0.0, 0.01, 0.05, 0.2)):
        rows.append((f"{mincutoff:g}, {beta:g}", {"mincutoff": mincutoff, "beta": beta}))
    lines = [
        "| mincutoff, beta | jitter at rest, px | 0.25 Hz: error, px | lag, ms | 1 Hz: error, px "
        "| lag, ms | 90 % of a jump, ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, settings in rows:
        rest, slow, slow_lag, fast, fast_lag, jump = measure(settings, rate)
        lines.append(
            f"| {name} | {rest:.2f} | {slow:.1f} | {slow_lag:.0f} | {fast:.1f} | {fast_lag:.0f} "
            f"| {jump:.0f} |"
        )
    return "\n".join(lines)


def crowd(people: int, rate: float, missing: float, seed: int) -> tuple[int, int, int, int]:
    """(switches, ids, people, sightings) of people who walk to and fro at will, partly unseen."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(SECONDS * rate)) / rate
    place = rng.uniform((60, 100), (1220, 620), (people, 2))
    speed = rng.uniform(30, 150, (people, 1)) * np.sign(rng.normal(size=(people, 2))) * (1, 0.3)
    tracker = Tracker()
    last: dict[int, int] = {}
    switches = sightings = 0
    given: set[int] = set()
    for time in times:
        place = place + speed / rate
        speed = np.where((place < (60, 100)) | (place > (1220, 620)), -speed, speed)
        place = place.clip((60, 100), (1220, 620))
        seen = np.flatnonzero(rng.random(people) >= missing)
        points = FIGURE + place[seen][:, None] + rng.normal(0, NOISE, (len(seen), len(FIGURE), 2))
        points[rng.random(points.shape[:2]) < missing] = np.nan
        scores = np.where(np.isnan(points[..., 0]), 0, 0.5).astype(np.float32)
        ones = np.ones(len(seen), np.float32)
        found = People(points.astype(np.float32), scores, ones, COCO17, (720, 1280))
        for person, who in zip(seen.tolist(), tracker(found, float(time)).tolist(), strict=True):
            sightings += 1
            if who > 0:
                switches += last.get(person, who) != who
                last[person] = who
                given.add(who)
    return switches, len(given), people, sightings


def tracker_table() -> str:
    """The table of the tracker."""
    lines = [
        "| people in 1280 x 720 | frames/s | unseen | sightings | ids given | switches |",
        "|---|---|---|---|---|---|",
    ]
    for people, rate, missing in itertools.product((2, 5, 10), (30, 10), (0.0, 0.2)):
        runs = [crowd(people, rate, missing, seed) for seed in range(5)]
        switches, ids, truth, sightings = np.sum(runs, axis=0).tolist()
        lines.append(
            f"| {people} | {rate} | {missing:.0%} | {sightings} | {ids} of {truth} | {switches} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    for rate in (30, 10):
        print(f"One-Euro filter, {rate} frames a second, noise {NOISE} px, swings of 100 px:\n")
        print(filter_table(rate), "\n")
    print(
        f"Tracker, 5 crowds of {SECONDS} s each; unseen: of people and of keypoints, at random:\n"
    )
    print(tracker_table())


if __name__ == "__main__":
    main()
