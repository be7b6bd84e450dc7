"""Writing videos: pieces that can be finished one by one, and the whole made of them."""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2

from heatpose.media import Image, check_image
from heatpose.video.reading import VideoInfo, upright

CODEC = "libx264"
# What H.264 may lie in.
SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")


class VideoWriter:
    """Write frames with their times as H.264.

    Sizes that H.264 cannot have are rounded up to even ones, the last row or column repeated.

    Args:
        path: File to make.
        info: Of the video that the frames belong to: size, turns, time base and colours are kept.
        container: Name of FFmpeg's format; None goes by the suffix.
        quality: x264's constant rate factor, 0 (lossless) to 51; 18 looks like the original.

    Raises:
        ModuleNotFoundError: PyAV is missing.
        ValueError: quality out of range, or a PyAV without x264.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        info: VideoInfo,
        *,
        container: str | None = None,
        quality: int = 20,
    ) -> None:
        import av

        if not 0 <= quality <= 51:
            raise ValueError(f"quality must be 0..51, got {quality}")
        if CODEC not in av.codecs_available:
            raise ValueError(f"this PyAV has no {CODEC} to write videos with")
        self._info = info
        self._container: Any = av.open(str(path), "w", format=container)
        # No frame refers to a later one, so that pieces can follow each other.
        options = {"crf": str(quality), "preset": "veryfast", "bf": "0"}
        stream = self._container.add_stream(CODEC, rate=info.rate or 30, options=options)
        height, width = info.canvas if info.turns % 2 == 0 else info.canvas[::-1]
        stream.height, stream.width = height + height % 2, width + width % 2
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = info.time_base
        stream.codec_context.sample_aspect_ratio = info.aspect
        stream.codec_context.colorspace = info.colorspace
        stream.codec_context.thread_count = min(os.cpu_count() or 1, 8)
        if container is None and info.turns:
            stream.set_display_rotation(_degrees(info.turns))
        self._stream = stream

    def write(self, image: Image, pts: int) -> None:
        """Write one frame.

        Args:
            image: uint8 [H, W, 3] BGR, upright, of the video's canvas.
            pts: Its time in units of the time base, later than the frame before.

        Raises:
            ValueError: an image of another size.
        """
        import av

        check_image(image)
        if image.shape[:2] != self._info.canvas:
            raise ValueError(
                f"image must be {self._info.canvas} (height, width), got {image.shape[:2]}"
            )
        stored: Any = upright(image, -self._info.turns)
        height, width = stored.shape[:2]
        if height % 2 or width % 2:
            edge = cv2.BORDER_REPLICATE
            stored = cv2.copyMakeBorder(stored, 0, height % 2, 0, width % 2, edge)
        frame = av.VideoFrame.from_ndarray(stored, format="bgr24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=self._info.colorspace)
        frame.pts, frame.time_base = pts, self._info.time_base
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is still inside, and close the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()


def join(
    pieces: Sequence[Path],
    source: Path,
    info: VideoInfo,
    out: Path,
    report: Callable[[str], None],
    *,
    pictures: int,
) -> None:
    """Make a video of its pieces and the sound of another one, in one step.

    Pictures and sound are copied as they are. A sound track that the file's format cannot hold is
    left out, and reported.

    Args:
        pieces: Files of ``VideoWriter``, in order.
        source: The video whose sound is taken.
        info: Of the source.
        out: File to make or replace; its suffix names the format.
        report: Is told what had to be left out.
        pictures: How many there must be in the pieces.

    Raises:
        ValueError: another number of pictures in the pieces.
    """
    if not pieces:
        raise ValueError(_missing(0, pictures))
    handle, name = tempfile.mkstemp(prefix=f".{out.stem[:60]}.", suffix=out.suffix, dir=out.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        if info.audio and not _mux(pieces, source, info, temporary, pictures, sound=True):
            report(
                f"{out}: the sound of {source} ({', '.join(info.audio)}) cannot lie in "
                f"{out.suffix} and is left out; .mkv can hold it"
            )
            _mux(pieces, source, info, temporary, pictures, sound=False)
        elif not info.audio:
            _mux(pieces, source, info, temporary, pictures, sound=False)
        umask = os.umask(0o022)
        os.umask(umask)
        temporary.chmod(out.stat().st_mode & 0o777 if out.exists() else 0o666 & ~umask)
        temporary.replace(out)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _missing(found: int, pictures: int) -> str:
    return f"the pieces hold {found} of {pictures} pictures: begin anew with restart"


def _mux(
    pieces: Sequence[Path],
    source: Path,
    info: VideoInfo,
    out: Path,
    count: int,
    *,
    sound: bool,
) -> bool:
    """Whether the file could be written: False where the format refuses the sound."""
    import av

    with av.open(str(source)) as original, av.open(str(out), "w") as container:
        with av.open(str(pieces[0])) as first:
            video = container.add_stream_from_template(first.streams.video[0])
            video.time_base = info.time_base
        if info.turns:
            video.set_display_rotation(_degrees(info.turns))
        tracks: dict[int, Any] = {}
        try:
            for track in original.streams.audio if sound else ():
                tracks[track.index] = container.add_stream_from_template(track)
            container.start_encoding()
        except (ValueError, av.FFmpegError):
            if sound:
                return False
            raise
        pictures = _pictures(pieces, video)
        sounds = _sounds(original, tracks) if tracks else iter(())
        found = 0
        for _, packet in heapq.merge(pictures, sounds, key=lambda timed: timed[0]):
            found += packet.stream is video
            container.mux(packet)
        if found != count:
            raise ValueError(_missing(found, count))
    return True


def _pictures(pieces: Sequence[Path], stream: Any) -> Iterator[tuple[Fraction, Any]]:
    import av

    for piece in pieces:
        with av.open(str(piece)) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.dts is not None:
                    time = packet.dts * packet.time_base
                    packet.stream = stream
                    yield time, packet


def _sounds(original: Any, tracks: dict[int, Any]) -> Iterator[tuple[Fraction, Any]]:
    from av import FFmpegError

    wanted = [track for track in original.streams.audio if track.index in tracks]
    packets = original.demux(wanted)
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:  # where the file breaks off, the sound ends too
            return
        if packet is None:
            return
        if packet.dts is not None:
            time = packet.dts * packet.time_base
            packet.stream = tracks[packet.stream.index]
            yield time, packet


def _degrees(turns: int) -> int:
    return turns * 90 if turns < 3 else -90
