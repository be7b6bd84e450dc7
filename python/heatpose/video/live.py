"""A camera's people in a window, now: frames that come too late are dropped, not queued."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from heatpose.media import Image
from heatpose.results import People
from heatpose.video.one_euro import PoseFilter
from heatpose.video.process import Draw, draw_ids, follow
from heatpose.video.reading import VideoInfo
from heatpose.video.tracking import Tracker
from heatpose.video.writing import VideoWriter

_MILLISECONDS = 1000
# How long to wait for a frame before looking after the window again, in seconds.
_PATIENCE = 0.05
_END_KEYS = ("q", "\x1b", "close")


class Capture(Protocol):
    """What ``cv2.VideoCapture`` does for us."""

    def read(self) -> tuple[bool, Any]:
        """Whether there is a frame, and the frame."""
        ...

    def release(self) -> None:
        """Give the camera back."""
        ...


class Window(Protocol):
    """Where frames are shown, and keys come from."""

    def show(self, image: Image) -> str | None:
        """Show a frame; gives the key that was pressed, ``"close"`` for the window's own button."""
        ...

    def poll(self) -> str | None:
        """The same without a new frame."""
        ...

    def close(self) -> None:
        """Take the window away."""
        ...


class LatestFrames:
    """Read a camera in a thread of its own, and keep its latest frame only.

    Args:
        capture: The camera or stream.
        pace: Seconds between two reads at least, for files, which come as fast as they are read.

    Attributes:
        dropped: Frames that came and went unseen.
    """

    def __init__(self, capture: Capture, *, pace: float = 0.0) -> None:
        self._capture, self._pace = capture, pace
        self._fresh = threading.Condition()
        self._frame: tuple[Image, float] | None = None
        self._ended = False
        self._error: BaseException | None = None
        self.dropped = 0
        self._thread = threading.Thread(target=self._work, name="heatpose-camera", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            while not self._ended:
                began = time.monotonic()
                good, image = self._capture.read()
                if not good or image is None:
                    return
                with self._fresh:
                    self.dropped += self._frame is not None
                    self._frame = image, time.monotonic()
                    self._fresh.notify()
                if self._pace:
                    time.sleep(max(0.0, self._pace - (time.monotonic() - began)))
        except BaseException as error:
            self._error = error
        finally:
            with self._fresh:
                self._ended = True
                self._fresh.notify()
            self._capture.release()

    def wait(self, timeout: float) -> bool:
        """Whether ``latest`` has an answer, waiting so many seconds for it."""
        with self._fresh:
            return self._fresh.wait_for(lambda: self._frame is not None or self._ended, timeout)

    def latest(self) -> tuple[Image, float] | None:
        """The latest frame that was not given yet, and when it came; None at the end."""
        with self._fresh:
            self._fresh.wait_for(lambda: self._frame is not None or self._ended)
            frame, self._frame = self._frame, None
        if frame is None and self._error is not None:
            raise self._error
        return frame

    def close(self) -> None:
        """Stop reading; a camera that hangs is left to its thread."""
        self._ended = True
        self._thread.join(timeout=2.0)


class CvWindow:
    """A window of OpenCV."""

    def __init__(self, title: str = "heatpose") -> None:
        self._title = title
        cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        self._shown = False

    def show(self, image: Image) -> str | None:
        """Show a frame; gives the key that was pressed."""
        if not self._shown:
            cv2.resizeWindow(self._title, image.shape[1], image.shape[0])
            self._shown = True
        cv2.imshow(self._title, image)
        return self.poll()

    def poll(self) -> str | None:
        """The key that was pressed."""
        key = cv2.waitKey(1)
        if self._shown and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            return "close"
        return None if key < 0 else chr(key & 0xFF)

    def close(self) -> None:
        """Take the window away."""
        cv2.destroyWindow(self._title) if self._shown else cv2.destroyAllWindows()


@dataclass(frozen=True)
class LiveSummary:
    """What a live run did.

    Attributes:
        frames: Frames shown.
        dropped: Frames that came too late to be looked at.
        recordings: Files that were made.
    """

    frames: int
    dropped: int
    recordings: tuple[Path, ...]


def run_live(
    frames: LatestFrames,
    estimate: Callable[[Image], People],
    window: Window,
    *,
    tracker: Tracker | None = None,
    pose_filter: PoseFilter | None = None,
    record_to: Callable[[int], Path] | None = None,
    mirror: bool = False,
    draw: Draw = draw_ids,
    say: Callable[[str], None] = lambda message: None,
) -> LiveSummary:
    """Show a camera's people until a key, the window or the camera ends it.

    Keys: q and Escape end it, r begins and ends a recording of what the window shows.

    Args:
        frames: The camera.
        estimate: Gives the people of an image.
        window: Where to show them.
        tracker: Gives people their ids; None for none.
        pose_filter: Smooths the keypoints of who has an id.
        record_to: Names the file of the n-th recording, from 1; None allows no recording.
        mirror: Whether to show people as a mirror does; it is the mirrored picture that is seen by
            the network.
        draw: Draws people and ids on a frame.
        say: Is told where recordings go, and why one cannot be made.
    """
    recorder = _Recorder(record_to, say)
    shown = 0
    recent: deque[float] = deque(maxlen=30)
    picture: Image | None = None
    when = 0.0
    try:
        while True:
            # A camera may be slow, or hang: the window is looked after all the same.
            if not frames.wait(_PATIENCE):
                key = window.poll()
                if key in _END_KEYS:
                    break
                if key == "r" and picture is not None:
                    recorder.toggle(picture, when)
                continue
            latest = frames.latest()
            if latest is None:
                break
            image, when = latest
            if mirror:
                image = np.ascontiguousarray(image[:, ::-1])
            people, ids = follow(estimate(image), when, tracker, pose_filter)
            picture = draw(image, people, ids)
            recorder.write(picture, when)
            recent.append(time.monotonic())
            _write_rate(picture, _rate(recent), recording=recorder.on)
            key = window.show(picture)
            shown += 1
            if key == "r":
                recorder.toggle(picture, when)
            elif key in _END_KEYS:
                break
    finally:
        frames.close()
        recorder.stop()
        window.close()
    return LiveSummary(shown, frames.dropped, tuple(recorder.files))


class _Recorder:
    """Writes what is shown, with the times at which the frames came."""

    def __init__(self, record_to: Callable[[int], Path] | None, say: Callable[[str], None]) -> None:
        self._record_to, self._say = record_to, say
        self._writer: VideoWriter | None = None
        self._began = 0.0
        self._last = -1
        self._canvas = (0, 0)
        self.files: list[Path] = []

    @property
    def on(self) -> bool:
        return self._writer is not None

    def toggle(self, picture: Image, when: float) -> None:
        if self.on:
            self.stop()
            return
        if self._record_to is None:
            self._say("nothing is recorded: no place for recordings was named")
            return
        path = self._record_to(len(self.files) + 1)
        height, width = picture.shape[:2]
        base = Fraction(1, _MILLISECONDS)
        # 5 is BT.601, what cv2 takes pictures for.
        info = VideoInfo((height, width), 0, base, Fraction(30), None, 5, Fraction(1), ())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = VideoWriter(path, info)
        except (ImportError, OSError, ValueError) as error:
            self._say(f"nothing is recorded: {error}")
            return
        self._began, self._last, self._canvas = when, -1, (height, width)
        self.files.append(path)
        self._say(f"recording to {path}")

    def write(self, picture: Image, when: float) -> None:
        if self._writer is None:
            return
        if picture.shape[:2] != self._canvas:
            self._say("the camera changed its size: the recording ends")
            self.stop()
            return
        self._last = max(self._last + 1, round((when - self._began) * _MILLISECONDS))
        self._writer.write(picture, self._last)

    def stop(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()


def _rate(recent: deque[float]) -> float:
    """Frames a second over the last ones; 0 of one frame."""
    span = recent[-1] - recent[0]
    return (len(recent) - 1) / span if span > 0 else 0.0


def _write_rate(picture: Image, rate: float, *, recording: bool) -> None:
    from heatpose.drawing.labels import write_label

    text = f"{rate:.1f} frames/s" + (" - recording" if recording else "")
    write_label(picture, text, (0.0, 0.0), 90.0, (80, 80, 255) if recording else (255, 255, 255))
