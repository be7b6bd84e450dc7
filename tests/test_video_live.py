"""The live window, with cameras and windows that are none."""

from __future__ import annotations

import itertools
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

from heatpose.cli import live as cli_live
from heatpose.cli import main
from heatpose.video import PoseFilter, Tracker
from heatpose.video.live import CvWindow, LatestFrames, run_live
from video_scenes import square_estimator

SIZE = (48, 64, 3)


def _picture(number: int) -> Any:
    image = np.zeros(SIZE, np.uint8)
    image[8:16, 4 + number % 40 : 12 + number % 40] = 255
    return image


class Camera:
    """Gives numbered pictures, each when the test lets it."""

    def __init__(self, frames: int, *, every: float = 0.002) -> None:
        self.left, self.every, self.released = frames, every, False
        self.number = 0

    def read(self) -> tuple[bool, Any]:
        if self.number >= self.left:
            return False, None
        time.sleep(self.every)
        self.number += 1
        return True, _picture(self.number)

    def release(self) -> None:
        self.released = True


class FakeWindow:
    """Keeps what it is shown, and presses keys: at some pictures, and between pictures."""

    def __init__(self, keys: dict[int, str] | None = None, between: Sequence[str] = ()) -> None:
        self.keys, self.shown, self.closed = keys or {}, 0, False
        self.between = iter(between)
        self.last: Any = None

    def show(self, image: Any) -> str | None:
        self.shown += 1
        self.last = image
        return self.keys.get(self.shown)

    def poll(self) -> str | None:
        return next(self.between, None)

    def close(self) -> None:
        self.closed = True


def _one(image: Any) -> Any:
    return square_estimator([image])[0]


def test_late_frames_are_dropped_and_none_is_shown_twice() -> None:
    camera, window = Camera(60), FakeWindow()
    seen: list[int] = []

    def slow(image: Any) -> Any:
        seen.append(int(np.nonzero(image[..., 1])[1].min()) - 4)
        time.sleep(0.02)
        return _one(image)

    found = run_live(
        LatestFrames(camera), slow, window, tracker=Tracker(), pose_filter=PoseFilter()
    )
    assert camera.released and window.closed
    assert found.frames == window.shown == len(seen)
    assert found.frames + found.dropped == 60 and found.dropped > 10
    assert all(a != b for a, b in itertools.pairwise(seen))


@pytest.mark.parametrize("key", ["q", "\x1b", "close"])
def test_a_key_or_the_window_ends_it(key: str) -> None:
    camera, window = Camera(10**9, every=0.001), FakeWindow({3: key})
    found = run_live(LatestFrames(camera), _one, window)
    assert found.frames == 3 and camera.released and window.closed


def test_the_window_shows_people_and_the_rate() -> None:
    window = FakeWindow()
    run_live(LatestFrames(Camera(1)), _one, window)
    assert (window.last != _picture(1)).any() and window.last.shape == SIZE


def test_a_mirror_shows_the_other_way_round() -> None:
    window = FakeWindow()

    def place(image: Any) -> Any:
        assert image[10, -6].all() and not image[10, 6].any()
        return _one(image)

    run_live(LatestFrames(Camera(1)), place, window, mirror=True)


def test_r_records_with_the_times_of_the_camera(tmp_path: Path) -> None:
    pytest.importorskip("av")
    from heatpose import video

    window = FakeWindow({2: "r", 12: "r", 14: "r", 18: "q"})
    told: list[str] = []
    found = run_live(
        LatestFrames(Camera(10**9, every=0.01)),
        _one,
        window,
        record_to=lambda number: tmp_path / "new" / f"{number}.mp4",
        say=told.append,
    )
    assert found.recordings == (tmp_path / "new" / "1.mp4", tmp_path / "new" / "2.mp4")
    assert len(told) == 2 and told[0].startswith("recording to")
    with video.VideoReader(found.recordings[0]) as reader:
        frames = list(reader.frames())
    assert len(frames) == 10 and frames[0].image is not None and frames[0].image.shape == SIZE
    assert frames[-1].time - frames[0].time >= 0.08


def test_an_error_of_camera_or_network_comes_out_and_all_is_closed() -> None:
    def fails(image: Any) -> Any:
        raise RuntimeError("out of memory")

    camera, window = Camera(10**9, every=0.001), FakeWindow()
    with pytest.raises(RuntimeError, match="out of memory"):
        run_live(LatestFrames(camera), fails, window)
    assert camera.released and window.closed

    class Broken(Camera):
        def read(self) -> tuple[bool, Any]:
            raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        run_live(LatestFrames(Broken(1)), _one, FakeWindow())


def test_a_camera_that_hangs_does_not_hang_the_end() -> None:
    free = threading.Event()

    class Hangs(Camera):
        def read(self) -> tuple[bool, Any]:
            if self.number:
                free.wait(30)
            return super().read()

    began = time.monotonic()
    run_live(LatestFrames(Hangs(9)), _one, FakeWindow({1: "q"}))
    assert time.monotonic() - began < 10
    free.set()


@pytest.mark.parametrize(("frames", "key"), [(0, "q"), (1, "close")])
def test_keys_and_the_window_work_while_the_camera_hangs(frames: int, key: str) -> None:
    free = threading.Event()

    class Hangs(Camera):
        def read(self) -> tuple[bool, Any]:
            if self.number == frames:
                free.wait(60)
                return False, None
            return super().read()

    told: list[str] = []
    window = FakeWindow(between=["r", "x", key])
    began = time.monotonic()
    found = run_live(LatestFrames(Hangs(9)), _one, window, say=told.append)
    assert time.monotonic() - began < 30
    free.set()
    assert found.frames == frames and window.closed
    assert len(told) == frames  # a recording needs a picture first


def test_a_window_of_opencv_is_asked_for_keys_between_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import cv2

    keys, visible = iter([-1, ord("q"), -1, -1]), 0.0
    for name in ("namedWindow", "resizeWindow", "imshow", "destroyWindow"):
        monkeypatch.setattr(cv2, name, lambda *_: None)
    monkeypatch.setattr(cv2, "waitKey", lambda _: next(keys))
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: visible)
    window = CvWindow()
    assert window.poll() is None  # before the first picture no window need be visible
    assert window.poll() == "q"
    assert window.show(_picture(0)) == "close"
    visible = 1.0
    assert window.poll() is None


def test_without_a_display_the_web_page_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    found = CliRunner().invoke(main, ["live", "--model", "any"])
    assert found.exit_code == 1
    assert "no display" in found.output and "heatpose serve" in found.output


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ("error: (-2) The function is not implemented. Rebuild", "built without windows"),
        ("qt.qpa.xcb: could not connect to display :7\n", "could not connect to display :7"),
        ("", "no reason was given"),
    ],
)
def test_a_window_that_cannot_be_opened_is_told_and_nothing_aborts(
    monkeypatch: pytest.MonkeyPatch, stderr: str, message: str
) -> None:
    monkeypatch.setenv("DISPLAY", ":7")
    done = subprocess.CompletedProcess([], -6, "", stderr)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(click.ClickException, match=message) as caught:
        cli_live.check_display()
    assert "heatpose serve" in caught.value.message


def test_the_command_runs_a_camera(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import cv2

    opened: list[Any] = []

    class Captured(Camera):
        def __init__(self, source: Any) -> None:
            super().__init__(5)
            opened.append(source)

        def isOpened(self) -> bool:  # noqa: N802
            return opened[-1] != 7

        def get(self, _: int) -> float:
            return 48.0

    monkeypatch.setattr(cli_live, "check_display", lambda: None)
    monkeypatch.setattr(cli_live, "make_estimator", lambda *_, **__: _one)
    monkeypatch.setattr(cv2, "VideoCapture", Captured)
    monkeypatch.setattr("heatpose.video.live.CvWindow", FakeWindow)
    found = CliRunner().invoke(main, ["live", "--record", str(tmp_path)])
    assert found.exit_code == 0, found.output
    assert "shown" in found.output and opened == [0]
    found = CliRunner().invoke(main, ["live", "7"])
    assert found.exit_code == 1 and "camera 7 cannot be opened" in found.output
