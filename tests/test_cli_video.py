"""The command ``heatpose video``; the estimator is a stand-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("av", reason="PyAV (heatpose[video]) is not installed")

from heatpose import video
from heatpose.cli import main
from heatpose.cli import video as cli_video
from video_scenes import TIMES, make_video, square_estimator


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_video, "make_estimator", lambda *_, **__: square_estimator)


def _run(*arguments: Any) -> Any:
    return CliRunner().invoke(main, ["video", *map(str, arguments)])


def test_a_video_becomes_a_video_and_lines(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", sound="aac")
    found = _run(source, "--out", tmp_path / "new/out.mp4", "--json", tmp_path / "out.jsonl")
    assert found.exit_code == 0, found.output
    assert found.output.splitlines()[-1] == f"{source}: 12 frames, 1 person"
    ids = [line.ids.tolist() for line in video.read_lines(tmp_path / "out.jsonl")]
    assert ids == [[-1]] + [[1]] * (len(TIMES) - 1)
    with video.VideoReader(tmp_path / "new/out.mp4") as reader:
        assert reader.info.audio == ("aac",)
        drawn = next(iter(reader.frames())).image
    assert drawn is not None and drawn.std(axis=2).max() > 20  # colours, on a grey video


def test_without_tracking_nobody_has_an_id(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", times=TIMES[:3])
    assert _run(source, "--json", tmp_path / "out.jsonl", "--no-track").exit_code == 0
    assert all((line.ids == -1).all() for line in video.read_lines(tmp_path / "out.jsonl"))


def test_a_broken_frame_is_reported(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", codec="mjpeg", damage=[3])
    found = _run(source, "--json", tmp_path / "out.jsonl")
    assert found.exit_code == 0
    assert "heatpose: frame 3 (0.100 s) is left out" in found.output
    assert "12 frames, 1 broken" in found.output


def test_a_stopped_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_video(tmp_path / "in.mp4", times=range(0, 300 * 3000, 3000), size=(32, 640))
    calls = [0]

    def fails(images: list[Any]) -> Any:
        calls[0] += len(images)
        if calls[0] > 260:
            raise RuntimeError("out of memory")
        return square_estimator(images)

    monkeypatch.setattr(cli_video, "make_estimator", lambda *_, **__: fails)
    arguments = (source, "--json", tmp_path / "out.jsonl")
    found = _run(*arguments)
    assert found.exit_code == 1 and "out of memory" in found.output
    assert not (tmp_path / "out.jsonl").exists()
    monkeypatch.setattr(cli_video, "make_estimator", lambda *_, **__: square_estimator)
    found = _run(*arguments, "--beta", "0.1")
    assert found.exit_code == 1 and "other settings (filter)" in found.output
    found = _run(*arguments)
    assert found.exit_code == 0 and "300 frames, 240 of them by an earlier run" in found.output
    lines = list(video.read_lines(tmp_path / "out.jsonl"))
    assert [line.number for line in lines] == list(range(300))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "give --out FILE, --json FILE or both"),
        (("--out", "out.gif"), 1, "out must end with one of"),
        (("--json", "out.jsonl", "--mincutoff", "0"), 2, "--mincutoff"),
        (("--json", "out.jsonl", "--beta", "nan"), 2, "--beta"),
    ],
)
def test_wrong_command_lines(
    tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    found = _run(make_video(tmp_path / "in.mp4", times=TIMES[:1]), *arguments)
    assert found.exit_code == code and message in found.output


def test_no_video_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "in.mp4").write_text("text")
    found = _run(tmp_path / "in.mp4", "--json", tmp_path / "out.jsonl")
    assert found.exit_code == 1 and "is not a video that FFmpeg can read" in found.output
    assert "Traceback" not in found.output
