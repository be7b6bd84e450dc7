"""Frames of a video, upright, with their times; what is broken is told, and the rest goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatpose.media import Image

if TYPE_CHECKING:
    import av.container
    import av.video.frame


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a video, or the place of one that is broken.

    Attributes:
        number: Which frame it is, from 0, broken ones counted.
        time: Seconds, as the file has them.
        pts: The same in units of the video's ``time_base``.
        image: uint8 [H, W, 3] BGR, upright; None where broken, or not asked for.
        error: What is wrong with it, None for a good frame.
    """

    number: int
    time: float
    pts: int
    image: Image | None
    error: str | None = None


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says of itself.

    Attributes:
        canvas: (height, width) of the upright frames in pixels.
        turns: Quarter turns, against the clock, that make a stored frame upright: 0 to 3.
        time_base: Seconds of one unit of ``pts``.
        rate: Frames a second on average; None where the file does not say.
        frames: Number of frames as the file says or its length lets one guess; None if neither.
        colorspace: FFmpeg's number of the colour space of the first frame.
        aspect: Width of a pixel over its height; 1 almost always.
        audio: Names of the codecs of the sound tracks.
    """

    canvas: tuple[int, int]
    turns: int
    time_base: Fraction
    rate: Fraction | None
    frames: int | None
    colorspace: int
    aspect: Fraction
    audio: tuple[str, ...]


class VideoReader:
    """Read the first video track of a file.

    A frame that the decoder gives up, or says is damaged, comes as a ``Frame`` with an error in the
    place where its time belongs. Frames turned by the file's metadata (telephones) come upright.

    Args:
        path: Any file that FFmpeg reads.

    Raises:
        ModuleNotFoundError: PyAV is missing.
        FileNotFoundError: no such file.
        ValueError: not a video, without a video track, or without a frame that can be decoded.

    Use it as a context manager, or call ``close``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.info = self._look()
        self._container: av.container.InputContainer = _open(self.path)

    def frames(self, skip: int = 0) -> Iterator[Frame]:
        """The frames in the order of their times, from the beginning.

        Args:
            skip: So many frames come without an image, which is much quicker; they are decoded all
                the same, so that numbers and pictures are those of a reading from the start.
        """
        last: int | None = None
        base = self.info.time_base
        step = max(1, round(1 / (self.info.rate or 30) / base))
        for number, (pts, frame, error) in enumerate(self._in_order()):
            if pts is None or (last is not None and pts <= last):
                # Streams without times, and times that stand still, as broken files have them.
                pts = 0 if last is None else last + (step if pts is None else 1)
            last = pts
            image = None
            if frame is not None and number >= skip:
                image = upright(frame.to_ndarray(format="bgr24"), self.info.turns)
                if image.shape[:2] != self.info.canvas:
                    error = (
                        f"its size is {image.shape[1]} x {image.shape[0]}, the video's "
                        f"{self.info.canvas[1]} x {self.info.canvas[0]}"
                    )
                    image = None
            yield Frame(number, float(pts * base), pts, image, error)

    def _in_order(self) -> Iterator[tuple[int | None, Any, str | None]]:
        """(pts, decoded frame or None, error or None) in the order of the times.

        Decoders do not always say that they made nothing of a packet. So a packet is broken when a
        frame of a later time comes out and none of its own has.
        """
        pending: dict[int, str] = {}
        for frame, pts, error in _decoded(self._container, self._container.streams.video[0]):
            if frame is None:
                if pts is None:
                    yield None, None, error
                else:
                    pending[pts] = error or "nothing can be decoded of it"
                continue
            if pts is not None:
                pending.pop(pts, None)
                for lost in sorted(time for time in pending if time < pts):
                    yield lost, None, pending.pop(lost)
            yield (pts, None, error) if error else (pts, frame, None)
        for lost in sorted(pending):
            yield lost, None, pending[lost]

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _look(self) -> VideoInfo:
        """Decode the first good frame, which knows what the header does not."""
        with _open(self.path) as container:
            if not container.streams.video:
                raise ValueError(f"{self.path} has no video track")
            stream = container.streams.video[0]
            for frame, _, error in _decoded(container, stream):
                if frame is not None and error is None:
                    break
            else:
                raise ValueError(f"{self.path}: not one frame can be decoded")
            turns = round(frame.rotation / 90) % 4
            size = (frame.height, frame.width)
            rate = stream.average_rate
            count = stream.frames or None
            if count is None and rate and container.duration:
                count = max(1, round(container.duration / 1e6 * rate))
            return VideoInfo(
                canvas=size if turns % 2 == 0 else (size[1], size[0]),
                turns=turns,
                time_base=stream.time_base,
                rate=rate,
                frames=count,
                colorspace=int(frame.colorspace),
                aspect=stream.sample_aspect_ratio or Fraction(1),
                audio=tuple(track.codec_context.name for track in container.streams.audio),
            )


def upright(image: Image, turns: int) -> Image:
    """Turn an image by quarter turns against the clock."""
    return np.ascontiguousarray(np.rot90(image, turns)) if turns % 4 else image


def _open(path: Path) -> Any:
    try:
        import av
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "videos need PyAV: pip install 'heatpose[video]'", name="av"
        ) from error
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, not a video")
    if not path.exists():
        raise FileNotFoundError(f"no such file: {path}")
    try:
        return av.open(str(path))
    except av.FFmpegError as error:
        raise ValueError(f"{path} is not a video that FFmpeg can read: {error.strerror}") from error


def _decoded(container: Any, stream: Any) -> Iterator[tuple[Any, int | None, str | None]]:
    """(frame, pts, error) for every frame, and before it (None, pts, error or None) per packet."""
    from av import FFmpegError

    # With threads per frame, an error comes with another packet than the broken one.
    stream.thread_type = "SLICE"
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError as error:
            yield None, None, f"the file breaks off: {error.strerror}"
            return
        if packet is None:
            return
        if packet.pts is not None and packet.size and not packet.is_discard:
            yield None, packet.pts, None
        try:
            frames = packet.decode()
        except FFmpegError as error:
            yield None, packet.pts, f"it cannot be decoded: {error.strerror}"
            continue
        for frame in frames:
            yield frame, frame.pts, "it is damaged" if frame.is_corrupt else None
