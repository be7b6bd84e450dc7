"""Who is who from one frame of a video to the next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heatpose.evaluation.oks import oks, sigmas_of
from heatpose.results import People

Floats = NDArray[np.float64]

# Of how many keypoints two poses must share before their likeness means anything.
_COMMON = 3
# The longest time in seconds for which somebody unseen is thought to go on as before.
_COASTING = 0.5
# The share of a new displacement in the speed of a track.
_SPEED_SHARE = 0.5


class Tracker:
    """Give people ids that last over the frames of a video.

    Every track is moved on to the time of the frame with its own speed; the likeness of track and
    person is their OKS over the keypoints that both have, and the pairs of highest total likeness
    are found by the Hungarian method (``scipy.optimize.linear_sum_assignment``), first among tracks
    with an id, then among the new ones. A track that nobody fits waits for ``max_gap`` seconds, its
    tolerance growing, and then ends. Somebody who fits no track begins one, and gets the next id
    once seen in ``birth_frames`` frames running.

    Args:
        threshold: Likeness, 0 to 1, that a pair must exceed.
        max_gap: Seconds for which an id waits for its person. Who was in the frame before is
            looked for however long ago that was.
        birth_frames: Frames running in which somebody must be seen before they get an id: 1 gives
            it at once, to false alarms too.
        growth: How fast the tolerance in pixels grows while somebody is not seen, in shares a
            second: after a second it is ``1 + growth`` times as large.
        sigmas: The spread of each keypoint. Default: the skeleton's ``oks_sigmas``.

    Raises:
        ValueError: a setting out of its range.

    Sources: OKS: Lin et al., COCO. Tracks that must prove themselves and outlive gaps: Bewley et
    al., "Simple Online and Realtime Tracking", ICIP 2016.
    """

    def __init__(
        self,
        *,
        threshold: float = 0.3,
        max_gap: float = 1.0,
        birth_frames: int = 2,
        growth: float = 2.0,
        sigmas: Sequence[float] = (),
    ) -> None:
        if not 0 <= threshold < 1:
            raise ValueError(f"threshold must be 0 or more and below 1, got {threshold}")
        for name, setting in (("max_gap", max_gap), ("growth", growth)):
            if not (math.isfinite(setting) and setting >= 0):
                raise ValueError(f"{name} must be 0 or more and finite, got {setting}")
        if isinstance(birth_frames, bool) or not isinstance(birth_frames, int):
            raise TypeError(f"birth_frames must be a whole number, got {birth_frames!r}")
        if birth_frames < 1:
            raise ValueError(f"birth_frames must be at least 1, got {birth_frames}")
        self.threshold, self.max_gap = float(threshold), float(max_gap)
        self.birth_frames, self.growth, self.sigmas = birth_frames, float(growth), tuple(sigmas)
        self._now = -math.inf
        self._next_id = 1
        self._tracks = _no_tracks(0)

    @property
    def ids(self) -> NDArray[np.int64]:
        """int64 [T], the ids that are alive, those of people out of sight among them."""
        ids: NDArray[np.int64] = self._tracks["ids"][self._tracks["ids"] > 0]
        return ids

    def __call__(self, people: People, time: float) -> NDArray[np.int64]:
        """Say who the people of the next frame are.

        Args:
            people: The people of the frame.
            time: Seconds, later than those of the frame before.

        Returns:
            int64 [P], ids from 1 up, each at most once; -1 for who has none yet.

        Raises:
            ValueError: a time that does not grow, or another number of keypoints than before.
        """
        if not (math.isfinite(time) and time > self._now):
            raise ValueError(f"time must be later than {self._now}, got {time}")
        keypoints = people.keypoints.astype(np.float64)
        tracks = self._tracks
        if not len(tracks["ids"]):
            tracks = _no_tracks(keypoints.shape[1])
        if tracks["keypoints"].shape[1] != keypoints.shape[1]:
            raise ValueError(
                f"people must have {tracks['keypoints'].shape[1]} keypoints as before, "
                f"got {keypoints.shape[1]}"
            )
        before, self._now = self._now, time
        tracks = _picked(tracks, self._waits(tracks["last"], before, time))
        moved = self._moved(tracks, before, time)
        track_of = self._match(tracks, moved, people, keypoints, time)
        matched = np.flatnonzero(track_of >= 0)
        self._update(tracks, moved, track_of[matched], keypoints[matched], time)
        # Who has no id yet must be seen in every frame.
        stays = tracks["ids"] > 0
        stays[track_of[matched]] = True
        ids = np.full(len(keypoints), -1, np.int64)
        ids[matched] = tracks["ids"][track_of[matched]]
        born = np.flatnonzero((track_of < 0) & ~np.isnan(keypoints).all(axis=(1, 2)))
        new = _new_tracks(keypoints[born], time)
        if self.birth_frames == 1:
            new["ids"] = self._new_ids(len(born))
            ids[born] = new["ids"]
        kept = _picked(tracks, stays)
        self._tracks = {name: np.concatenate([kept[name], new[name]]) for name in kept}
        return ids

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that the tracker remembers, as arrays."""
        scalars = {"now": np.array(self._now), "next_id": np.array(self._next_id)}
        return scalars | {name: array.copy() for name, array in self._tracks.items()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` gave."""
        self._now, self._next_id = float(state["now"]), int(state["next_id"])
        self._tracks = {name: state[name].copy() for name in self._tracks}

    def _waits(self, last: Floats, before: float, time: float) -> NDArray[np.bool_]:
        """Whether what was seen at ``last`` still counts: always what the frame before showed."""
        waits: NDArray[np.bool_] = (time - last <= self.max_gap) | (last >= before)
        return waits

    def _moved(self, tracks: dict[str, NDArray[Any]], before: float, time: float) -> Floats:
        """[T, K, 2], where the keypoints of the tracks should be now."""
        gap = np.minimum(time - tracks["last"], _COASTING)
        moved: Floats = tracks["keypoints"] + (tracks["speed"] * gap[:, None])[:, None]
        moved[~self._waits(tracks["seen"], before, time)] = np.nan
        return moved

    def _match(
        self,
        tracks: dict[str, NDArray[Any]],
        moved: Floats,
        people: People,
        keypoints: Floats,
        time: float,
    ) -> NDArray[np.intp]:
        """Intp [P], the track of each person, -1 for none."""
        track_of = np.full(len(keypoints), -1, np.intp)
        if not len(keypoints) or not len(moved):
            return track_of
        # Where frames are further apart than max_gap, it grows no further.
        away = np.minimum(time - tracks["last"], self.max_gap)
        tolerance = (1 + self.growth * away) ** 2
        alike = likeness(
            keypoints, moved, tracks["area"] * tolerance, sigmas_of(people, self.sigmas)
        )
        for group in (tracks["ids"] > 0, tracks["ids"] < 0):
            rows, columns = np.flatnonzero(track_of < 0), np.flatnonzero(group)
            for row, column in _pairs(alike[np.ix_(rows, columns)], self.threshold):
                track_of[rows[row]] = columns[column]
        return track_of

    def _update(
        self,
        tracks: dict[str, NDArray[Any]],
        moved: Floats,
        rows: NDArray[np.intp],
        keypoints: Floats,
        time: float,
    ) -> None:
        """Write what was seen of the tracks ``rows``."""
        found = ~np.isnan(keypoints[..., 0])
        gap = (time - tracks["last"][rows])[:, None]
        # The whole person's way since the last time, which one wrong keypoint does not change.
        way = np.where(found[..., None], keypoints - tracks["keypoints"][rows], np.nan)
        speed = _median(way) / gap
        fresh = tracks["hits"][rows, None] < 2
        share = np.where(fresh, 1.0, _SPEED_SHARE)
        tracks["speed"][rows] = share * speed + (1 - share) * tracks["speed"][rows]
        tracks["keypoints"][rows] = np.where(found[..., None], keypoints, moved[rows])
        tracks["seen"][rows] = np.where(found, time, tracks["seen"][rows])
        # A person of whom less is seen has not become smaller at once.
        tracks["area"][rows] = np.maximum(_areas(keypoints), 0.9 * tracks["area"][rows])
        tracks["last"][rows] = time
        tracks["hits"][rows] += 1
        proven = rows[(tracks["ids"][rows] < 0) & (tracks["hits"][rows] >= self.birth_frames)]
        tracks["ids"][proven] = self._new_ids(len(proven))

    def _new_ids(self, count: int) -> NDArray[np.int64]:
        ids = np.arange(self._next_id, self._next_id + count, dtype=np.int64)
        self._next_id += count
        return ids


def likeness(people: Floats, tracks: Floats, areas: Floats, sigmas: Sequence[float]) -> Floats:
    """OKS of people and tracks over the keypoints that both have.

    COCO's OKS counts what a prediction lacks as wrong; from frame to frame it is hidden rather
    than wrong. Pairs that share fewer than three keypoints (or all, of smaller skeletons) have 0.

    Args:
        people: [P, K, 2], NaN where missing.
        tracks: [T, K, 2], NaN where missing.
        areas: [T], square pixels of the tracks.
        sigmas: K spreads.

    Returns:
        float64 [P, T], 0 to 1.
    """
    known = ~np.isnan(tracks[..., 0])
    common = (~np.isnan(people[..., 0])).astype(np.int64) @ known.T.astype(np.int64)
    total = oks(people, tracks, known, areas, sigmas=sigmas) * known.sum(axis=1)
    enough = common >= min(_COMMON, people.shape[1])
    alike: Floats = np.where(enough, total / np.maximum(common, 1), 0.0)
    return alike


def _pairs(alike: Floats, threshold: float) -> list[tuple[int, int]]:
    """(row, column) of the pairs above the threshold whose sum is the highest."""
    from scipy.optimize import linear_sum_assignment

    allowed = alike > threshold
    rows, columns = linear_sum_assignment(np.where(allowed, alike, 0.0), maximize=True)
    found = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in found if allowed[row, column]]


def _areas(keypoints: Floats) -> Floats:
    """[P], square pixels of the box around each person.

    Somebody seen from the side, or of whom one arm is seen, has a thin box: it counts as at least a
    quarter as wide as it is high, or the other way round.
    """
    shown = ~np.isnan(keypoints)
    size = np.where(shown, keypoints, -np.inf).max(axis=1, initial=-np.inf)
    size = size - np.where(shown, keypoints, np.inf).min(axis=1, initial=np.inf)
    size = np.where(np.isfinite(size), size, 0.0)
    longest = size.max(axis=1, initial=0.0)
    areas: Floats = np.maximum(np.maximum(size.prod(axis=1), longest**2 / 4), 1.0)
    return areas


def _median(ways: Floats) -> Floats:
    """[N, 2], the medians over the keypoints, 0 where no keypoint has a way."""
    medians = np.zeros((len(ways), 2))
    some = ~np.isnan(ways).all(axis=(1, 2))
    if some.any():
        medians[some] = np.nanmedian(ways[some], axis=1)
    return medians


def _no_tracks(count: int) -> dict[str, NDArray[Any]]:
    return _new_tracks(np.empty((0, count, 2)), 0.0)


def _new_tracks(keypoints: Floats, time: float) -> dict[str, NDArray[Any]]:
    people = len(keypoints)
    return {
        "ids": np.full(people, -1, np.int64),
        "hits": np.ones(people, np.int64),
        "last": np.full(people, time),
        "keypoints": keypoints.copy(),
        "seen": np.where(np.isnan(keypoints[..., 0]), -math.inf, time),
        "speed": np.zeros((people, 2)),
        "area": _areas(keypoints),
    }


def _picked(tracks: dict[str, NDArray[Any]], which: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    return {name: array[which] for name, array in tracks.items()}
