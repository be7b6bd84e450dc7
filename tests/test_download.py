"""Downloads from a server on this machine that misbehaves in every way we could think of."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

from download_support import DATA, HALF, OTHER, a_model, isolate, left, ranges
from heatpose.weights import (
    DownloadError,
    download,
    fetch,
    problem_of,
)
from heatpose.weights.transfer import Partial, Policy, TransferError, transfer
from http_server import Answer, FileServer

PIECE = 2 << 16


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path / "cache")


def test_a_file_comes_once_and_stays(tmp_path: Path) -> None:
    with FileServer([Answer(DATA)]) as server:
        path = fetch(a_model(server.url()))
        assert path == tmp_path / "cache/net.bin"
        assert path.read_bytes() == DATA
        assert fetch(a_model(server.url())) == path
    assert ranges(server) == [None]
    assert left(tmp_path) == ["net.bin"]


@pytest.mark.parametrize("etag", ['"1"', 'W/"1"', None])
def test_a_broken_connection_is_resumed(tmp_path: Path, etag: str | None) -> None:
    with FileServer([Answer(DATA, cut=HALF, etag=etag), Answer(DATA, etag=etag)]) as server:
        assert fetch(a_model(server.url())).read_bytes() == DATA
    assert ranges(server) == [None, f"bytes={HALF}-"]
    assert server.requests[1].if_range == ('"1"' if etag == '"1"' else None)


def test_a_later_process_goes_on_where_an_earlier_one_gave_up(tmp_path: Path) -> None:
    broken = [Answer(DATA, cut=HALF), Answer(status=503)]
    with FileServer([*broken, Answer(status=503), Answer(status=503), Answer(DATA)]) as server:
        with pytest.raises(DownloadError, match="HTTP 503"):
            fetch(a_model(server.url()))
        assert left(tmp_path) == ["net.bin.part", "net.bin.part.json"]
        assert fetch(a_model(server.url())).read_bytes() == DATA
    assert ranges(server) == [None, *[f"bytes={HALF}-"] * 4]
    assert server.requests[-1].if_range == '"1"'
    assert left(tmp_path) == ["net.bin"]


def test_a_server_that_gives_no_parts_starts_anew(tmp_path: Path) -> None:
    answers = [Answer(DATA, cut=HALF, ranges=False), Answer(DATA, ranges=False)]
    with FileServer(answers) as server:
        assert fetch(a_model(server.url())).read_bytes() == DATA
    assert ranges(server) == [None, f"bytes={HALF}-"]


@pytest.mark.parametrize("etags", [('"1"', '"2"'), (None, None)], ids=["told", "not told"])
def test_a_file_that_changed_between_its_halves_comes_whole(
    tmp_path: Path, etags: tuple[str | None, str | None]
) -> None:
    answers = [Answer(OTHER, cut=HALF, etag=etags[0]), Answer(DATA, etag=etags[1])]
    with FileServer(answers) as server:
        assert fetch(a_model(server.url())).read_bytes() == DATA
    expected = [None, f"bytes={HALF}-"]
    # A server that names no version gives two halves that do not fit, which the hash tells.
    assert ranges(server) == (expected if etags[0] else [*expected, None])


def test_a_part_of_another_address_is_checked_by_the_hash(tmp_path: Path) -> None:
    broken = [Answer(OTHER, cut=HALF), *[Answer(status=500)] * 3]
    with FileServer(broken) as first, FileServer([Answer(DATA)]) as second:
        path = fetch(a_model(first.url(), second.url()))
    assert path.read_bytes() == DATA
    assert ranges(second) == [f"bytes={HALF}-", None]
    assert second.requests[0].if_range is None


def test_a_server_that_answers_with_another_part_is_asked_anew(tmp_path: Path) -> None:
    lying = Answer(DATA, content_range=f"bytes 0-{len(DATA) - 1}/{len(DATA)}")
    with FileServer([Answer(DATA, cut=HALF), lying, Answer(DATA)]) as server:
        assert fetch(a_model(server.url())).read_bytes() == DATA
    assert ranges(server) == [None, f"bytes={HALF}-", None]


def test_a_shrunken_file_is_asked_anew(tmp_path: Path) -> None:
    model = a_model("", data=DATA[:HALF], bytes=None)
    answers = [Answer(DATA, cut=HALF, etag=None), Answer(DATA[:HALF], etag=None)]
    with FileServer(answers) as server:
        path = fetch(a_model(server.url(), data=DATA[:HALF], bytes=None))
    assert path.read_bytes() == DATA[:HALF]
    assert problem_of(model, path) is None
    assert ranges(server) == [None, f"bytes={HALF}-", None]


def test_a_part_that_is_complete_is_not_asked_for(tmp_path: Path) -> None:
    work = tmp_path / "cache" / download.WORK_FOLDER
    work.mkdir(parents=True)
    (work / "net.bin.part").write_bytes(DATA)
    with FileServer([Answer(DATA)]) as server:
        assert fetch(a_model(server.url())).read_bytes() == DATA
    assert server.requests == []


@pytest.mark.parametrize("junk", [OTHER, DATA + b"x"], ids=["wrong", "too long"])
def test_a_wrong_part_spoils_one_attempt_only(tmp_path: Path, junk: bytes) -> None:
    work = tmp_path / "cache" / download.WORK_FOLDER
    work.mkdir(parents=True)
    (work / "net.bin.part").write_bytes(junk)
    with FileServer([Answer(DATA)]) as server:
        assert fetch(a_model(server.url())).read_bytes() == DATA
    assert ranges(server) == [None]


def test_failures_that_pass_are_tried_again(tmp_path: Path) -> None:
    with FileServer([Answer(status=500), Answer(status=500), Answer(DATA)]) as server:
        assert fetch(a_model(server.url())).read_bytes() == DATA
    assert len(server.requests) == 3


def test_every_new_byte_buys_patience(tmp_path: Path) -> None:
    pieces = [Answer(DATA, cut=PIECE)] * 5  # each gives that much more
    with FileServer([*pieces, Answer(DATA)]) as server:
        assert fetch(a_model(server.url())).read_bytes() == DATA
    assert ranges(server) == [None, *(f"bytes={PIECE * k}-" for k in range(1, 6))]


def test_a_missing_file_is_not_asked_for_twice(tmp_path: Path) -> None:
    with FileServer([Answer(status=404)]) as server:
        with pytest.raises(DownloadError, match="HTTP 404 Not Found") as caught:
            fetch(a_model(server.url()))
        assert caught.value.failures == ((server.url(), "HTTP 404 Not Found"),)
        for part in ("test-net could not be downloaded", server.url(), "put it there", "net.bin"):
            assert part in str(caught.value)
    assert len(server.requests) == 1
    assert left(tmp_path) == []


def test_the_next_address_helps(tmp_path: Path) -> None:
    bad = [Answer(status=404)], [Answer(OTHER)], [Answer(DATA[:-1])]
    with (
        FileServer(bad[0]) as missing,
        FileServer(bad[1]) as wrong,
        FileServer(bad[2]) as short,
        FileServer([Answer(DATA)]) as good,
    ):
        path = fetch(a_model(*(server.url() for server in (missing, wrong, short, good))))
    assert path.read_bytes() == DATA
    assert [len(server.requests) for server in (missing, wrong, short, good)] == [1, 1, 1, 1]
    assert left(tmp_path) == ["net.bin"]


def test_the_mirror_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FileServer([Answer(DATA)]) as mirror, FileServer([Answer(DATA)]) as server:
        monkeypatch.setenv("HEATPOSE_MIRROR", mirror.url("deep/folder/"))
        fetch(a_model(server.url(), file="my net.bin"))
    assert [request.path for request in mirror.requests] == ["/deep/folder/my%20net.bin"]
    assert server.requests == []


def test_a_mirror_without_the_file_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FileServer([Answer(status=404)]) as mirror, FileServer([Answer(DATA)]) as server:
        monkeypatch.setenv("HEATPOSE_MIRROR", mirror.url(""))
        assert fetch(a_model(server.url())).read_bytes() == DATA
    assert len(mirror.requests) == 1


def test_a_silent_server_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_POLICY", Policy(attempts=2, wait=0.01, timeout=0.1))
    start = time.monotonic()
    with FileServer([Answer(hang=True)]) as server:
        with pytest.raises(DownloadError, match=r"no answer within 0\.1 s"):
            fetch(a_model(server.url()))
        assert len(server.requests) == 2
    assert time.monotonic() - start < 5
    assert left(tmp_path) == []


def test_a_server_that_falls_silent_is_asked_anew(tmp_path: Path) -> None:
    with FileServer([Answer(DATA, cut=HALF, stall=True), Answer(DATA)]) as server:
        assert fetch(a_model(server.url())).read_bytes() == DATA
    assert ranges(server) == [None, f"bytes={HALF}-"]


def test_nobody_there(tmp_path: Path) -> None:
    with FileServer([Answer(DATA)]) as server:
        url = server.url()
    with pytest.raises(DownloadError, match="refused"):
        fetch(a_model(url))
    assert left(tmp_path) == []


@pytest.mark.parametrize("length", [None, -1], ids=["length said", "length not said"])
def test_a_body_that_is_always_short_is_no_file(tmp_path: Path, length: int | None) -> None:
    short = Answer(DATA, cut=HALF, ranges=False, length=length)
    with FileServer([short]) as server:
        with pytest.raises(DownloadError, match="the answer broke off"):
            fetch(a_model(server.url()))
        assert len(server.requests) == 3  # only the first one brought new bytes
    assert "net.bin" not in left(tmp_path)


@pytest.mark.parametrize("size", [len(DATA), None], ids=["size known", "size unknown"])
def test_wrong_bytes_leave_nothing_behind(tmp_path: Path, size: int | None) -> None:
    with FileServer([Answer(OTHER)]) as server:
        with pytest.raises(DownloadError, match="the sha256 is"):
            fetch(a_model(server.url(), bytes=size))
        assert len(server.requests) == 1
    assert left(tmp_path) == []


def test_wrong_bytes_in_two_halves_leave_nothing_behind(tmp_path: Path) -> None:
    answers = [Answer(OTHER, cut=HALF), Answer(OTHER), Answer(OTHER, cut=HALF), Answer(OTHER)]
    with FileServer(answers) as server:
        with pytest.raises(DownloadError, match="the sha256 is"):
            fetch(a_model(server.url()))
        assert ranges(server) == [None, f"bytes={HALF}-"] * 2  # twice, and not for ever
    assert left(tmp_path) == []


def test_a_wrong_size_is_told_before_the_bytes(tmp_path: Path) -> None:
    with (
        FileServer([Answer(DATA + b"more")]) as server,
        pytest.raises(DownloadError, match=f"has {len(DATA) + 4} bytes instead of {len(DATA)}"),
    ):
        fetch(a_model(server.url()))
    assert left(tmp_path) == []


def test_a_size_that_would_fill_the_disk_is_told_before_the_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heatpose.weights.transfer.MOST_BYTES", len(DATA) - 1)
    with (
        FileServer([Answer(DATA)]) as server,
        pytest.raises(DownloadError, match=f"has {len(DATA)} bytes, which is more than"),
    ):
        fetch(a_model(server.url(), bytes=None))
    assert left(tmp_path) == []


def test_an_endless_body_is_cut(tmp_path: Path) -> None:
    with (
        FileServer([Answer(DATA + OTHER, length=-1)]) as server,
        pytest.raises(DownloadError, match=f"sent more than {len(DATA)} bytes"),
    ):
        fetch(a_model(server.url()))
    assert left(tmp_path) == []


def test_two_processes_download_once(tmp_path: Path) -> None:
    child = (
        "import pickle, sys; from heatpose.weights import fetch;"
        "print(fetch(pickle.load(sys.stdin.buffer)))"
    )
    with FileServer([Answer(DATA, before=lambda: time.sleep(0.6))]) as server:
        model = pickle.dumps(a_model(server.url()))
        children = [
            subprocess.Popen(
                [sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            for _ in range(2)
        ]
        for process in children:
            assert process.stdin
            process.stdin.write(model)
            process.stdin.close()
            process.stdin = None
        answers = [process.communicate(timeout=30)[0].decode().strip() for process in children]
    assert answers == [str(tmp_path / "cache/net.bin")] * 2
    assert len(server.requests) == 1
    assert left(tmp_path) == ["net.bin"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Partial, "is_link", False)  # others are not written through
    work = tmp_path / "cache" / download.WORK_FOLDER
    work.mkdir(parents=True)
    (work / "net.bin.part").symlink_to("/dev/full")
    with FileServer([Answer(DATA)]) as server:
        other = a_model(server.url(), server.url("b"))
        with pytest.raises(DownloadError, match="No space left"):
            fetch(other)
        assert len(server.requests) == 1  # another address would not help
    assert left(tmp_path) == []


def test_an_interrupt_keeps_the_part_for_later(tmp_path: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        if done > HALF:
            raise KeyboardInterrupt

    partial = Partial(tmp_path / "x.part")
    with FileServer([Answer(DATA)]) as server:
        with pytest.raises(KeyboardInterrupt):
            transfer(server.url(), partial, progress=interrupt)
        assert 0 < partial.size < len(DATA)
        have = partial.size
        seen: list[tuple[int, int | None]] = []
        stitched = transfer(
            server.url(), partial, progress=lambda done, total: seen.append((done, total))
        )
    assert stitched
    assert ranges(server) == [None, f"bytes={have}-"]
    assert seen[0] == (have, len(DATA))
    assert seen[-1] == (len(DATA), len(DATA))
    assert partial.path.read_bytes() == DATA


def test_a_way_out_of_encryption_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests

    response = requests.Response()
    response.url = "http://example.org/file"
    response.raw = io.BytesIO()
    monkeypatch.setattr(requests, "get", lambda *_, **__: response)
    with pytest.raises(TransferError, match="not encrypted"):
        transfer("https://example.org/file", Partial(tmp_path / "x"))


def test_the_bar_shows_on_a_terminal_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with FileServer([Answer(DATA)]) as server:
        fetch(a_model(server.url()), progress=True)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        fetch(a_model(server.url(), file="b.bin"), progress=True)
        assert "test-net" in capsys.readouterr().err
        fetch(a_model(server.url(), file="c.bin"))
        assert capsys.readouterr().err == ""
