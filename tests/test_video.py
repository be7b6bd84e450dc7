"""Videos in and out: times, turns, sound, broken frames, and stops half-way."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="PyAV (heatpose[video]) is not installed")

import av

from heatpose import video
from heatpose.video import process
from heatpose.video.ahead import estimate_ahead, read_ahead
from video_scenes import TIMES, make_video, square_estimator


def _frames(path: Path) -> list[video.Frame]:
    with video.VideoReader(path) as reader:
        return list(reader.frames())


def _process(source: Path, estimate: Any = square_estimator, **options: Any) -> video.VideoSummary:
    folder = source.parent
    settings: dict[str, Any] = {
        "out": folder / "out.mp4",
        "json_to": folder / "out.jsonl",
        "tracker": video.Tracker(birth_frames=1),
        "pose_filter": video.PoseFilter(),
        "piece": 5,
        "batch": 2,
    }
    return video.process_video(source, estimate, **{**settings, **options})


def _sound(path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        return [
            (float(packet.pts * packet.time_base), bytes(packet))
            for packet in container.demux(audio=0)
            if packet.pts is not None
        ]


def test_times_of_variable_rate_are_those_of_the_file(tmp_path: Path) -> None:
    frames = _frames(make_video(tmp_path / "in.mp4"))
    assert [frame.number for frame in frames] == list(range(len(TIMES)))
    assert [frame.pts for frame in frames] == TIMES
    assert [frame.time for frame in frames] == pytest.approx([t / 90000 for t in TIMES])


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_turned_frames_come_upright(tmp_path: Path, rotation: int) -> None:
    path = make_video(tmp_path / "in.mp4", rotation=rotation)
    (straight, *_), (turned, *_) = _frames(make_video(tmp_path / "0.mp4")), _frames(path)
    assert straight.image is not None and turned.image is not None
    np.testing.assert_array_equal(turned.image, np.rot90(straight.image, rotation // 90))


@pytest.mark.parametrize(("codec", "suffix"), [("mjpeg", "mkv"), ("libx264", "mp4")])
def test_a_broken_frame_is_told_and_the_others_come(
    tmp_path: Path, codec: str, suffix: str
) -> None:
    path = make_video(tmp_path / f"in.{suffix}", codec=codec, damage=[len(TIMES) - 2])
    frames = _frames(path)
    assert len(frames) == len(TIMES)
    broken = [frame for frame in frames if frame.error]
    assert broken and all(frame.image is None for frame in broken)
    assert all(frame.image is not None for frame in frames if not frame.error)
    times = [frame.time for frame in frames]
    assert times == sorted(times)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        video.VideoReader(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(ValueError, match=r"text.mp4 is not a video"):
        video.VideoReader(tmp_path / "text.mp4")
    with pytest.raises(IsADirectoryError):
        video.VideoReader(tmp_path)


def test_a_video_goes_through_with_its_times_turns_and_sound(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", rotation=90, sound="aac")
    found = _process(source, draw=lambda image, people, ids: image, quality=5)
    assert found == video.VideoSummary(frames=len(TIMES), broken=0, resumed=0, people=1)
    assert _sound(tmp_path / "out.mp4") == _sound(source)
    with video.VideoReader(source) as before, video.VideoReader(tmp_path / "out.mp4") as after:
        assert (before.info.turns, before.info.canvas) == (1, (64, 48))
        assert (after.info.turns, after.info.canvas) == (1, (64, 48))
        for old, new in zip(before.frames(), after.frames(), strict=True):
            assert old.time == pytest.approx(new.time, abs=1e-4)
            assert old.image is not None and new.image is not None
            assert np.abs(old.image.astype(int) - new.image).mean() < 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.jsonl", "out.mp4"]


def test_lines_say_who_is_where_and_when(tmp_path: Path) -> None:
    _process(make_video(tmp_path / "in.mp4"), pose_filter=None)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert rows[0]["format"] == "heatpose-video" and rows[0]["canvas"] == {
        "height": 48,
        "width": 64,
    }
    assert [row["frame"] for row in rows[1:]] == list(range(len(TIMES)))
    assert [row["people"][0]["id"] for row in rows[1:]] == [1] * len(TIMES)
    for number, line in enumerate(video.read_lines(tmp_path / "out.jsonl")):
        assert line.people is not None and line.ids.tolist() == [1]
        assert line.time == pytest.approx(TIMES[number] / 90000, abs=1e-6)
        # Of the middle of the square, to the codec's blur.
        assert line.people.keypoints[0, :, 0].mean() == pytest.approx(7.5 + 2 * number, abs=1)


def test_a_broken_frame_has_a_line_and_no_picture(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", codec="mjpeg", damage=[3])
    told: list[str] = []
    found = _process(source, report=told.append)
    assert (found.frames, found.broken) == (len(TIMES), 1)
    assert len(told) == 1 and "frame 3 (0.100 s) is left out: it cannot be decoded" in told[0]
    lines = list(video.read_lines(tmp_path / "out.jsonl"))
    assert [line.number for line in lines if line.people is None] == [3]
    assert lines[3].error is not None and len(lines) == len(TIMES)
    assert len(_frames(tmp_path / "out.mp4")) == len(TIMES) - 1


@pytest.mark.parametrize("seen", [0, 3, 7, 11])
def test_a_stopped_run_goes_on_and_writes_the_same(tmp_path: Path, seen: int) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    source = make_video(tmp_path / "in.mp4", sound="aac")
    outputs = {name: f"out{suffix}" for name, suffix in (("out", ".mp4"), ("json_to", ".jsonl"))}
    _process(source, **{name: whole / file for name, file in outputs.items()})

    def stop(done: int, _: Any) -> None:
        if done > seen:
            raise KeyboardInterrupt

    places = {name: parts / file for name, file in outputs.items()}
    with pytest.raises(KeyboardInterrupt):
        _process(source, progress=stop, **places)
    assert [path.name for path in parts.iterdir()] == ["out.mp4.parts"]
    found = _process(source, **places)
    assert found.resumed == seen // 5 * 5 and found.frames == len(TIMES) and found.people == 1
    for file in outputs.values():
        assert (parts / file).read_bytes() == (whole / file).read_bytes()


@pytest.mark.parametrize("batch", [2, 3, 7])
def test_going_on_gives_the_estimator_the_same_batches(tmp_path: Path, batch: int) -> None:
    """The estimator's answer depends on how many images it is given, as a GPU's last bits do."""

    def estimate(images: list[Any]) -> Any:
        return [
            replace(people, keypoints=people.keypoints + len(images))
            for people in square_estimator(images)
        ]

    source = make_video(tmp_path / "in.mp4")
    options = {"out": None, "batch": batch, "pose_filter": None}
    _process(source, estimate, json_to=tmp_path / "whole.jsonl", **options)

    def stop(done: int, _: Any) -> None:
        if done > 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _process(source, estimate, progress=stop, **options)
    done: list[int] = []
    found = _process(source, estimate, progress=lambda now, _: done.append(now), **options)
    assert found.resumed == 5 and done == list(range(6, len(TIMES) + 1))
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    program = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from heatpose import video
from video_scenes import square_estimator
folder = Path(sys.argv[1])
video.process_video(folder / "in.mp4", square_estimator, json_to=folder / "out.jsonl", piece=3,
    tracker=video.Tracker(birth_frames=1), batch=1,
    progress=lambda done, of: os.kill(os.getpid(), 9) if done == 8 else None)
"""
    source = make_video(tmp_path / "in.mp4")
    command = [sys.executable, "-c", program, str(tmp_path), str(Path(__file__).parent)]
    assert subprocess.run(command, capture_output=True).returncode == -9
    options = {"out": None, "pose_filter": None, "piece": 3, "batch": 1}
    assert _process(source, **options).resumed == 6
    lines = list(video.read_lines(tmp_path / "out.jsonl"))
    assert [line.number for line in lines] == list(range(len(TIMES)))
    assert [line.ids.tolist() for line in lines] == [[1]] * len(TIMES)


def test_other_settings_do_not_go_on(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4")

    def stop(done: int, _: Any) -> None:
        if done > 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _process(source, progress=stop)
    with pytest.raises(ValueError, match=r"other settings \(settings\)"):
        _process(source, settings={"model": "another"})
    with pytest.raises(ValueError, match=r"other settings \(batch\)"):
        _process(source, batch=3)
    with pytest.raises(ValueError, match=r"other settings \(tracker\)"):
        _process(source, tracker=video.Tracker())
    assert _process(source, settings={"model": "another"}, restart=True).resumed == 0


def test_a_restart_that_is_stopped_leaves_nothing_of_the_older_run(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4")

    def stop_after(frames: int) -> Any:
        def stop(done: int, _: Any) -> None:
            if done > frames:
                raise KeyboardInterrupt

        return stop

    with pytest.raises(KeyboardInterrupt):
        _process(source, progress=stop_after(10))
    parts = tmp_path / "out.mp4.parts"
    assert (parts / "000001.nut").exists()
    with pytest.raises(KeyboardInterrupt):
        _process(source, restart=True, progress=stop_after(2))
    assert not (parts / "progress.json").exists() and not (parts / "000001.nut").exists()
    assert _process(source).resumed == 0
    assert len(_frames(tmp_path / "out.mp4")) == len(TIMES)


@pytest.mark.parametrize("lost", [["000000.nut"], ["000000.nut", "000001.nut"]])
def test_pictures_that_are_missing_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: list[str]
) -> None:
    source = make_video(tmp_path / "in.mp4", times=TIMES[:8])
    assemble = process._assemble

    def loses(pieces: Any, *rest: Any) -> None:
        for name in lost:
            (pieces.folder / name).unlink()
        assemble(pieces, *rest)

    monkeypatch.setattr(process, "_assemble", loses)
    with pytest.raises(ValueError, match="of 8 pictures: begin anew with restart"):
        _process(source, piece=4)
    assert not (tmp_path / "out.mp4").exists()


def test_two_do_not_write_the_same_output(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4")
    errors: list[Any] = []

    def second(done: int, _: Any) -> None:
        if done == 3:
            with pytest.raises(BlockingIOError, match="another process") as caught:
                _process(source)
            errors.append(caught)

    assert _process(source, progress=second).frames == len(TIMES)
    assert len(errors) == 1


def test_an_error_of_the_estimator_comes_out_and_no_output_is_made(tmp_path: Path) -> None:
    def fails(images: list[Any]) -> Any:
        raise RuntimeError("out of memory")

    threads = threading.active_count()
    with pytest.raises(RuntimeError, match="out of memory"):
        _process(make_video(tmp_path / "in.mp4"), fails)
    assert threading.active_count() == threads
    assert not (tmp_path / "out.mp4").exists() and not (tmp_path / "out.jsonl").exists()


def test_odd_sizes_are_written_one_larger(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", codec="ffv1", size=(33, 47), times=TIMES[:3])
    _process(source)
    with video.VideoReader(tmp_path / "out.mp4") as reader:
        assert reader.info.canvas == (34, 48)


def test_sound_that_does_not_fit_is_left_out_and_told(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", sound="wavpack")
    told: list[str] = []
    _process(source, report=told.append)
    assert len(told) == 1 and "wavpack" in told[0] and ".mkv can hold it" in told[0]
    assert len(_frames(tmp_path / "out.mp4")) == len(TIMES)


def test_outputs_are_checked_before_work_begins(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", times=TIMES[:2])
    with pytest.raises(ValueError, match="give out, json_to or both"):
        _process(source, out=None, json_to=None)
    with pytest.raises(ValueError, match="never overwritten"):
        _process(source, out=source)
    with pytest.raises(ValueError, match="out must end with one of"):
        _process(source, out=tmp_path / "out.gif")
    with pytest.raises(ValueError, match="pose_filter needs a tracker"):
        _process(source, tracker=None)
    (tmp_path / "link").symlink_to(tmp_path)
    for same in ("a.mp4", "link/a.mp4"):
        with pytest.raises(ValueError, match="out and json_to are the same file"):
            _process(source, out=tmp_path / "a.mp4", json_to=tmp_path / same)
    (tmp_path / "link").unlink()
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_an_estimator_on_a_video_answers_as_on_its_frames(tmp_path: Path) -> None:
    """A network's people from two threads and in batches, beside those of one frame at a time."""
    pytest.importorskip("torch")
    import heatpose as hp
    from spot_networks import CropSpots, photo_with_spots

    source = make_video(
        tmp_path / "in.mp4",
        size=(64, 96),
        paint=lambda number: photo_with_spots(64, 96, (20 + 4 * number, 30)),
    )
    estimate = hp.BodyEstimator(CropSpots(17), device="cpu", flip_test=False)
    found = _process(source, estimate, tracker=None, pose_filter=None)
    assert (found.frames, found.people) == (len(TIMES), None)
    lines = list(video.read_lines(tmp_path / "out.jsonl"))
    for frame, line in zip(_frames(source), lines, strict=True):
        assert frame.image is not None and line.people is not None
        alone = estimate(frame.image)
        np.testing.assert_allclose(line.people.keypoints, alone.keypoints, atol=2e-3)
        assert abs(alone.keypoints[0, :, 0].mean() - (20 + 4 * line.number)) < 4


def test_frames_are_read_while_the_network_runs() -> None:
    """The estimator waits until the reader is two batches further."""
    read = [0]
    ahead = threading.Condition()

    def frames() -> Any:
        for number in range(12):
            with ahead:
                read[0] += 1
                ahead.notify_all()
            yield video.Frame(number, number / 30, number, np.zeros((4, 4, 3), np.uint8))

    seen: list[int] = []

    def estimate(images: list[Any]) -> Any:
        with ahead:
            seen.append(len(images))
            target = min(12, 2 * len(seen) + 3)
            assert ahead.wait_for(lambda: read[0] >= target, timeout=20)
        return square_estimator(images)

    found = list(estimate_ahead(frames(), estimate, batch=2, workers=2))
    assert [frame.number for frame, _ in found] == list(range(12)) and sum(seen) == 12


def test_two_calls_of_the_estimator_run_at_once() -> None:
    both = threading.Barrier(2, timeout=20)

    def estimate(images: list[Any]) -> Any:
        both.wait()
        return square_estimator(images)

    image = np.zeros((4, 4, 3), np.uint8)
    frames = [video.Frame(number, number / 30, number, image) for number in range(8)]
    assert len(list(estimate_ahead(frames, estimate, batch=2, workers=2))) == 8


def test_a_reader_that_fails_fails_in_order_and_ends_with_its_caller() -> None:
    def items() -> Any:
        yield 1
        raise OSError("gone")

    got = read_ahead(items(), 4)
    assert next(got) == 1
    with pytest.raises(OSError, match="gone"):
        next(got)
    threads = threading.active_count()
    endless = read_ahead(iter(int, 1), 2)
    next(endless)
    endless.close()  # type: ignore[attr-defined]
    assert threading.active_count() == threads
