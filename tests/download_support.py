"""What the tests of downloads share: a checkpoint on a server, short patience, an own cache."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from heatpose.weights import Licence, Model, download
from heatpose.weights.transfer import Policy
from http_server import FileServer

DATA = bytes(range(256)) * 4096  # 1 MiB, several chunks
OTHER = DATA[::-1]
HALF = 6 << 16  # whole chunks: what breaks off within one is lost
FREE = Licence("Free", "Do what you want.", True, "https://example.org/free")
STRICT = Licence("Strict", "For research only.", False, "https://example.org/strict")


def isolate(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Short patience, a cache folder of the test's own, no settings from outside."""
    monkeypatch.setattr(download, "_POLICY", Policy(attempts=3, wait=0.01, timeout=0.5))
    for name in ("HEATPOSE_MIRROR", "HEATPOSE_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEATPOSE_CACHE", str(cache))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def a_model(*urls: str, data: bytes = DATA, **changes: Any) -> Model:
    facts = {
        "name": "test-net",
        "task": "hand",
        "architecture": "hrnetv2",
        "file": "net.bin",
        "urls": urls,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "sha256_prefix": None,
        "licence": FREE,
        "input": "256x256",
        "normalisation": "none",
    }
    return Model(**facts | changes)


def left(tmp_path: Path) -> list[str]:
    """Names of the files in the cache folder, but for those of locks."""
    found = (tmp_path / "cache").rglob("*")
    return sorted(path.name for path in found if path.is_file() and path.suffix != ".lock")


def ranges(server: FileServer) -> list[str | None]:
    return [request.range for request in server.requests]
