"""What a download must be to be taken: its hash, its archive, its licence, its folder."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from download_support import DATA, FREE, HALF, OTHER, STRICT, a_model, isolate, left, ranges
from heatpose import weights
from heatpose.weights import (
    DownloadError,
    Licence,
    LicenceNotAccepted,
    fetch,
    find_cached,
    problem_of,
)
from heatpose.weights.licences import ACCEPTED_FILE
from http_server import Answer, FileServer


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path / "cache")


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def damaged(archive: bytes) -> bytes:
    return archive[:200] + bytes(byte ^ 255 for byte in archive[200:220]) + archive[220:]


def test_the_folder_of_the_argument_wins(tmp_path: Path) -> None:
    with FileServer([Answer(DATA)]) as server:
        path = fetch(a_model(server.url()), cache=tmp_path / "mine")
    assert path == tmp_path / "mine/net.bin"
    assert not (tmp_path / "cache").exists()


def test_the_first_digits_of_a_hash_are_checked(tmp_path: Path) -> None:
    known = hashlib.sha256(DATA).hexdigest()[:8]
    with FileServer([Answer(DATA)]) as server:
        right = a_model(server.url(), sha256=None, sha256_prefix=known, bytes=None)
        wrong = a_model(server.url(), file="b", sha256=None, sha256_prefix="0" * 8, bytes=None)
        path = fetch(right)
        with pytest.raises(DownloadError, match=f"the sha256 is {known} instead of 00000000"):
            fetch(wrong)
    assert problem_of(wrong, path) == f"the sha256 is {known} instead of 00000000"
    assert left(tmp_path) == ["net.bin"]


def test_what_cannot_be_checked_is_not_taken(tmp_path: Path) -> None:
    with FileServer([Answer(DATA)]) as server:
        with pytest.raises(DownloadError, match="no hash is known"):
            fetch(a_model(server.url(), sha256=None))
        assert server.requests == []


def test_a_cached_file_of_the_wrong_size_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "cache/net.bin"
    path.parent.mkdir()
    path.write_bytes(DATA[:-1])
    with FileServer([Answer(DATA)]) as server:
        model = a_model(server.url())
        assert find_cached(model, path.parent) is None
        with pytest.raises(DownloadError, match=r"bytes instead of .* downloads are off"):
            fetch(model, offline=True)
        assert fetch(model).read_bytes() == DATA


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    offline = True if how == "argument" else None
    if how == "variable":
        monkeypatch.setenv("HEATPOSE_OFFLINE", "1")
    with FileServer([Answer(DATA)]) as server:
        model = a_model(server.url())
        with pytest.raises(DownloadError, match=r"is not there, and downloads are off"):
            fetch(model, offline=offline)
        assert server.requests == []
        path = fetch(model, offline=False)
        assert fetch(model, offline=offline) == path


@pytest.mark.parametrize(
    ("name", "value"), [("HEATPOSE_OFFLINE", "perhaps"), ("HEATPOSE_MIRROR", "ftp://example.org")]
)
def test_wrong_variables_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"{name}: expected .*{value}"):
        fetch(a_model("http://127.0.0.1:9/none"))


def test_licences_are_asked_for_once(tmp_path: Path) -> None:
    with FileServer([Answer(DATA)]) as server:
        model = a_model(server.url(), licence=STRICT)
        with pytest.raises(LicenceNotAccepted) as caught:
            fetch(model)
        for part in ("test-net", "Strict", "For research only.", STRICT.url, "--accept-licence"):
            assert part in str(caught.value)
        assert server.requests == []
        assert left(tmp_path) == []
        path = fetch(model, accept_licence=True)
        assert fetch(model) == path
        other = a_model(server.url(), licence=STRICT, name="other-net", file="other.bin")
        with pytest.raises(LicenceNotAccepted, match="other-net"):
            fetch(other)
        fetch(other, accept_licence=True)
        fetch(model)
        changed = Licence("Strict 2", "For you only.", False, STRICT.url)
        with pytest.raises(LicenceNotAccepted, match="Strict 2"):
            fetch(a_model(server.url(), licence=changed))
    remembered = json.loads((tmp_path / "cache" / ACCEPTED_FILE).read_text())
    assert remembered == {"Strict": ["test-net", "other-net"]}


@pytest.mark.parametrize("text", ["{", "[]", '{"Strict": 3}', "\udcff"])
def test_a_damaged_memory_of_licences_is_asked_anew(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cache" / ACCEPTED_FILE
    file.parent.mkdir()
    file.write_bytes(text.encode(errors="surrogateescape"))
    with FileServer([Answer(DATA)]) as server:
        model = a_model(server.url(), licence=STRICT)
        with pytest.raises(LicenceNotAccepted):
            fetch(model)
        fetch(model, accept_licence=True)
    assert json.loads(file.read_text()) == {"Strict": ["test-net"]}


def test_unclear_terms_need_no_acceptance(tmp_path: Path) -> None:
    unclear = Licence("Unclear", "Nobody says.", None, "https://example.org/unclear")
    with FileServer([Answer(DATA)]) as server:
        assert fetch(a_model(server.url(), licence=unclear)).exists()
    assert left(tmp_path) == ["net.bin"]


def test_a_member_of_an_archive(tmp_path: Path) -> None:
    archive = zipped(("readme.txt", b"hello"), ("a/b/end2end.onnx", DATA))
    with FileServer([Answer(archive, cut=HALF), Answer(archive)]) as server:
        for member in ("a/b/end2end.onnx", "end2end.onnx", "b/end2end.onnx"):
            path = fetch(a_model(server.url(), member=member, archive_bytes=len(archive)))
            assert path.read_bytes() == DATA
            assert left(tmp_path) == ["net.bin"]
            path.unlink()
    assert ranges(server)[:2] == [None, f"bytes={HALF}-"]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: zipped(("x.onnx", OTHER)), "the sha256 is"),
        (lambda: zipped(("x.onnx", DATA[:9])), "x.onnx has 9 bytes instead of"),
        (lambda: zipped(("y.onnx", DATA)), "holds 0 files x.onnx"),
        (lambda: zipped(("a/x.onnx", DATA), ("x.onnx", DATA)), "holds 2 files x.onnx"),
        (lambda: zipped(("x.onnx", DATA))[:-30], "the archive is damaged"),
        (lambda: b"<html>no archive</html>", "the archive is damaged"),
        (lambda: damaged(zipped(("x.onnx", DATA))), "the archive is damaged"),
        (
            lambda: damaged(zipped(("x.onnx", DATA), method=zipfile.ZIP_DEFLATED)),
            "the archive is damaged",
        ),
    ],
    ids=[
        "wrong",
        "wrong size",
        "none",
        "two",
        "cut",
        "no archive",
        "damaged",
        "damaged, deflated",
    ],
)
def test_wrong_archives_leave_nothing_behind(
    tmp_path: Path, make: Callable[[], bytes], reason: str
) -> None:
    with (
        FileServer([Answer(make())]) as server,
        pytest.raises(DownloadError, match=reason),
    ):
        fetch(a_model(server.url(), member="x.onnx"))
    assert left(tmp_path) == []


def test_an_archive_writes_nowhere_else(tmp_path: Path) -> None:
    archive = zipped(("../../x.onnx", DATA), ("../../../evil.txt", b"evil"))
    with FileServer([Answer(archive)]) as server:
        path = fetch(a_model(server.url(), member="x.onnx"))
    assert path == tmp_path / "cache/net.bin"
    assert {file.name for file in tmp_path.rglob("*") if file.is_file()} == {
        "net.bin",
        "net.bin.lock",
    }


def test_an_archive_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small archive may hold a file of any size; where the size is not known there is an end."""
    archive = zipped(("x.onnx", bytes(1 << 20)), method=zipfile.ZIP_DEFLATED)
    monkeypatch.setattr("heatpose.weights.download.MOST_BYTES", 1 << 19)
    with (
        FileServer([Answer(archive)]) as server,
        pytest.raises(DownloadError, match=r"x\.onnx has 1048576 bytes, which is more than 524288"),
    ):
        fetch(a_model(server.url(), member="x.onnx", bytes=None))
    assert left(tmp_path) == []


@pytest.mark.parametrize("link", ["net.bin.part", "net.bin.part.json"])
@pytest.mark.parametrize("archived", [False, True], ids=["file", "archive"])
def test_links_in_the_cache_are_not_written_through(
    tmp_path: Path, link: str, archived: bool
) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_bytes(b"mine")
    (tmp_path / "cache/.partial").mkdir(parents=True)
    (tmp_path / "cache/.partial" / link).symlink_to(mine)
    data = zipped(("x.onnx", DATA)) if archived else DATA
    with FileServer([Answer(data)]) as server:
        path = fetch(a_model(server.url(), member="x.onnx" if archived else None))
    assert mine.read_bytes() == b"mine"
    assert path.read_bytes() == DATA
    assert not path.is_symlink()


def test_the_hash_of_an_archive_is_checked_where_it_is_known(tmp_path: Path) -> None:
    archive = zipped(("x.onnx", DATA))
    with FileServer([Answer(archive)]) as server:
        model = a_model(server.url(), member="x.onnx", archive_sha256="0" * 64)
        with pytest.raises(DownloadError, match=f"instead of {'0' * 64}"):
            fetch(model)
    assert left(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o500)
    with (
        FileServer([Answer(DATA)]) as server,
        pytest.raises(DownloadError, match=f"cannot write to {tmp_path}"),
    ):
        fetch(a_model(server.url()))


def test_a_cache_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    for licence in (FREE, STRICT):
        with pytest.raises(DownloadError, match=f"cannot write to {tmp_path}"):
            fetch(a_model("http://127.0.0.1:9/x", licence=licence), accept_licence=True)


def test_the_platform_has_a_folder_for_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEATPOSE_CACHE")
    monkeypatch.setitem(
        sys.modules, "pooch", types.SimpleNamespace(os_cache=lambda name: Path("~/caches") / name)
    )
    assert weights.cache_folder() == Path.home() / "caches/heatpose"
    monkeypatch.setenv("HEATPOSE_CACHE", "relative")
    assert weights.cache_folder() == Path.cwd() / "relative"
