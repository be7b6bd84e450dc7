"""From a video to its people: frame by frame, tracked, smoothed, drawn, written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heatpose.files import write_atomically
from heatpose.media import Image
from heatpose.results import People
from heatpose.video import lines
from heatpose.video.ahead import Estimate, estimate_ahead
from heatpose.video.one_euro import PoseFilter
from heatpose.video.pieces import Pieces, State
from heatpose.video.reading import Frame, VideoInfo, VideoReader
from heatpose.video.tracking import Tracker
from heatpose.video.writing import SUFFIXES, VideoWriter, join

PathLike = str | os.PathLike[str]
Draw = Callable[[Image, People, NDArray[np.int64]], Image]


@dataclass(frozen=True)
class VideoSummary:
    """What became of a video.

    Attributes:
        frames: Frames of the video, broken ones among them.
        broken: Frames that could not be decoded.
        resumed: Frames that an earlier run had done.
        people: Ids that were given; None without a tracker.
    """

    frames: int
    broken: int
    resumed: int
    people: int | None


def process_video(
    source: PathLike,
    estimate: Estimate,
    *,
    out: PathLike | None = None,
    json_to: PathLike | None = None,
    tracker: Tracker | None = None,
    pose_filter: PoseFilter | None = None,
    draw: Draw | None = None,
    quality: int = 20,
    batch: int = 4,
    workers: int = 2,
    piece: int = 240,
    settings: Mapping[str, Any] | None = None,
    restart: bool = False,
    report: Callable[[str], None] = lambda message: None,
    progress: Callable[[int, int | None], None] = lambda done, of: None,
) -> VideoSummary:
    """Find the people of a video, and write them as JSON lines and into a new video.

    While the network runs, frames are read and decoded before it and maps are decoded, people
    tracked, drawn and encoded after it. Work goes on piece by piece in a folder beside the output
    (its name and ``.parts``); a run that is stopped, by whatever, goes on after the last finished
    piece when it is started again with the same settings, and what it writes is the same. The
    outputs appear in one step at the end.

    Args:
        source: The video.
        estimate: Gives the ``People`` of a list of images (uint8 [H, W, 3] BGR): an estimator.
            Called from ``workers`` threads at once.
        out: Video to write, ``.mp4``, ``.m4v``, ``.mov`` or ``.mkv``, as H.264: with the times,
            the rotation and the sound of the source, without its broken frames.
        json_to: File of JSON lines to write; see ``heatpose.video.read_lines``.
        tracker: Gives the people their ids; None for none.
        pose_filter: Smooths the keypoints of who has an id; needs a tracker.
        draw: Draws people and ids (int64 [P], -1 for none) on a frame. Default: ``draw_people``.
        quality: x264's constant rate factor, 0..51, less is better.
        batch: Frames in one call of the estimator.
        workers: Calls of it at once: 2 lets one prepare and decode while the network runs in the
            other.
        piece: Frames in a piece: so many are at most done again after a stop.
        settings: Whatever else decides the answers, such as the network's name: a stopped run is
            continued only where all of it is the same.
        restart: Begin anew, whatever an earlier run has left.
        report: Is told of broken frames and of sound that is left out.
        progress: Is told how many frames are done, and of how many if that is known.

    Raises:
        ValueError: neither out nor json_to, both the same file, an output that is the source, a
            suffix that cannot be written, a filter without tracker, no video, or pieces of other
            settings.
        FileNotFoundError: no such video.
        ModuleNotFoundError: PyAV or SciPy is missing.
        BlockingIOError: another process makes the same output.
    """
    source = Path(source)
    video = None if out is None else Path(out)
    text = None if json_to is None else Path(json_to)
    _check_outputs(source, video, text)
    if pose_filter is not None and tracker is None:
        raise ValueError("pose_filter needs a tracker, which says whose keypoints are whose")
    for name, value in (("batch", batch), ("workers", workers), ("piece", piece)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    main = video or text
    assert main is not None
    with VideoReader(source) as reader:
        stat = source.stat()
        job = {
            "source": [str(source.resolve()), stat.st_size, stat.st_mtime_ns],
            "outputs": [video is not None, text is not None],
            "quality": quality,
            "piece": piece,
            "batch": batch,
            "tracker": _public(tracker),
            "filter": _public(pose_filter),
            "settings": dict(settings or {}),
        }
        pieces = Pieces(main.with_name(f"{main.name}.parts"), job, restart=restart)
        done = False
        try:
            resumed = pieces.frames
            run = _Run(pieces, reader.info, tracker, pose_filter, draw or draw_ids, report)
            run.restore()
            # A network's last bits depend on the size of its batch, so a batch that was begun in
            # the last piece is estimated again as a whole.
            skip = resumed // batch * batch
            found = estimate_ahead(reader.frames(skip=skip), estimate, batch=batch, workers=workers)
            with contextlib.closing(found):  # type: ignore[type-var]
                run.all(found, resumed, piece, quality, video is not None, progress)
            _assemble(pieces, source, reader.info, video, text, report)
            done = True
        finally:
            pieces.close(remove=done)
    people = None if tracker is None else int(tracker.state()["next_id"]) - 1
    return VideoSummary(pieces.frames, pieces.broken, resumed, people)


class _Run:
    """The part after the network, one frame after the other."""

    def __init__(
        self,
        pieces: Pieces,
        info: VideoInfo,
        tracker: Tracker | None,
        pose_filter: PoseFilter | None,
        draw: Draw,
        report: Callable[[str], None],
    ) -> None:
        self.pieces, self.info, self.report = pieces, info, report
        self.tracker, self.filter, self.draw = tracker, pose_filter, draw
        self.header = pieces.header

    def restore(self) -> None:
        """Remember what was known after the last piece."""
        state = self.pieces.state()
        if state is None:
            return
        for prefix, part in self._parts():
            part.restore(
                {
                    name.removeprefix(prefix): array
                    for name, array in state.items()
                    if name.startswith(prefix)
                }
            )

    def state(self) -> State:
        """What must be known to go on."""
        return {
            f"{prefix}{name}": array
            for prefix, part in self._parts()
            for name, array in part.state().items()
        }

    def _parts(self) -> list[tuple[str, Any]]:
        parts = (("tracker.", self.tracker), ("filter.", self.filter))
        return [(prefix, part) for prefix, part in parts if part is not None]

    def all(
        self,
        found: Any,
        resumed: int,
        piece: int,
        quality: int,
        pictures: bool,
        progress: Callable[[int, int | None], None],
    ) -> None:
        """Everything, piece by piece."""
        written: list[bytes] = []
        broken = 0
        writer: VideoWriter | None = None
        try:
            for frame, people in found:
                if frame.number < resumed:
                    continue
                if people is None:
                    self.report(
                        f"frame {frame.number} ({frame.time:.3f} s) is left out: {frame.error}"
                    )
                    broken += 1
                    written.append(lines.dump(lines.line_of(frame, None, ())))
                else:
                    if pictures and writer is None:
                        path = self.pieces.path(self.pieces.count, "nut")
                        writer = VideoWriter(path, self.info, container="nut", quality=quality)
                    written.append(self._one(frame, people, writer))
                progress(frame.number + 1, self.info.frames)
                if len(written) == piece:
                    self._finish(written, broken, writer)
                    written, broken, writer = [], 0, None
            if written:
                self._finish(written, broken, writer)
                writer = None
        finally:
            if writer is not None:
                with contextlib.suppress(Exception):
                    writer.close()

    def _one(self, frame: Frame, people: People, writer: VideoWriter | None) -> bytes:
        if self.header is None:
            self.header = lines.header(self.info, people.skeleton)
        people, ids = follow(people, frame.time, self.tracker, self.filter)
        if writer is not None:
            assert frame.image is not None
            writer.write(self.draw(frame.image, people, ids), frame.pts)
        return lines.dump(lines.line_of(frame, people, ids.tolist()))

    def _finish(self, written: list[bytes], broken: int, writer: VideoWriter | None) -> None:
        if writer is not None:
            writer.close()
        else:  # what a stopped run may have left
            self.pieces.path(self.pieces.count, "nut").unlink(missing_ok=True)
        self.pieces.finish(
            b"".join(written),
            self.state(),
            frames=len(written),
            broken=broken,
            header=self.header,
        )


def follow(
    people: People, time: float, tracker: Tracker | None, pose_filter: PoseFilter | None
) -> tuple[People, NDArray[np.int64]]:
    """The people of the next frame, smoothed, and their ids.

    Args:
        people: The people of the frame.
        time: Seconds, later than those of the frame before.
        tracker: Says who they are; None leaves everybody without an id.
        pose_filter: Smooths the keypoints of who has an id; None leaves them.

    Returns:
        The people in the same order, and int64 [P], -1 for who has no id.
    """
    if tracker is None:
        return people, np.full(len(people), -1, np.int64)
    ids = tracker(people, time)
    if pose_filter is None:
        return people, ids
    keypoints = people.keypoints.copy()
    known = ids > 0
    keypoints[known] = pose_filter(ids[known], keypoints[known], time)
    return replace(people, keypoints=keypoints), ids


def draw_ids(image: Image, people: People, ids: NDArray[np.int64]) -> Image:
    """Draw people in the colours of their limbs, with their ids."""
    from heatpose.drawing import draw_people

    return draw_people(image, people, ids=ids.tolist())


def _assemble(
    pieces: Pieces,
    source: Path,
    info: VideoInfo,
    video: Path | None,
    text: Path | None,
    report: Callable[[str], None],
) -> None:
    if pieces.header is None:
        raise ValueError(f"{source}: not one frame can be decoded")
    if video is not None:
        pictures = pieces.frames - pieces.broken
        join(pieces.paths("nut"), source, info, video, report, pictures=pictures)
    if text is not None:
        parts = [lines.dump(pieces.header), *(p.read_bytes() for p in pieces.paths("jsonl"))]
        write_atomically(text, b"".join(parts))


def _check_outputs(source: Path, video: Path | None, text: Path | None) -> None:
    if video is None and text is None:
        raise ValueError("give out, json_to or both")
    if video is not None and video.suffix.lower() not in SUFFIXES:
        raise ValueError(f"out must end with one of {', '.join(SUFFIXES)}, got {video}")
    if video is not None and text is not None and video.resolve() == text.resolve():
        raise ValueError(f"out and json_to are the same file, {video}")
    for path in (video, text):
        if path is None:
            continue
        if path.resolve() == source.resolve():
            raise ValueError(f"{path} is the input, which is never overwritten")
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder, not a file to write")
        path.parent.mkdir(parents=True, exist_ok=True)


def _public(part: Any) -> dict[str, Any] | None:
    """The settings of a tracker or filter."""
    if part is None:
        return None
    return {name: value for name, value in vars(part).items() if not name.startswith("_")}
