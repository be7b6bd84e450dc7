"""One real server on loopback: published clients, slow clients, an orderly end, and a quiet log."""

from __future__ import annotations

import base64
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi")
import requests

from heatpose.service import ServedModel, Settings
from heatpose.service.server import make_server
from service_support import Bodies, HandsOf, photo_of, png


class Live:
    """A server in a thread."""

    def __init__(self, **settings: Any) -> None:
        self.bodies = Bodies()
        models = [
            ServedModel("planted", "body", self.bodies),
            ServedModel("hands", "hand", HandsOf(self.bodies)),
        ]
        self.server = make_server(models, Settings(port=0, **settings))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self._port: int | None = None

    def __enter__(self) -> Live:
        self.thread.start()
        try:
            until = time.monotonic() + 60
            while not self.ready():
                assert self.thread.is_alive() and time.monotonic() < until
                time.sleep(0.02)
        except BaseException:
            self.server.should_exit = True
            raise
        while self.bodies.entered.acquire(blocking=False):
            pass
        return self

    def ready(self) -> bool:
        """Whether it answers photos."""
        try:
            return self.server.started and requests.get(self.url("readyz"), timeout=20).ok
        except requests.ConnectionError:
            return False

    def __exit__(self, *_: object) -> None:
        self.bodies.release()
        self.server.should_exit = True
        self.thread.join(60)
        assert not self.thread.is_alive()

    @property
    def port(self) -> int:
        if self._port is None:
            self._port = self.server.servers[0].sockets[0].getsockname()[1]
        return self._port

    def url(self, path: str) -> str:
        until = time.monotonic() + 20
        while not self.server.started and time.monotonic() < until:
            time.sleep(0.02)
        return f"http://127.0.0.1:{self.port}/{path}"

    def ask(self, blue: int) -> requests.Response:
        return requests.post(self.url("v1/poses"), files={"file": png(photo_of(blue))}, timeout=20)


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with Live(header_timeout=1.5, body_timeout=1.5) as live:
        yield live


def test_the_client_of_the_manual_of_paddlehub(live: Live, tmp_path: Path) -> None:
    """Its lines, but for ``tostring`` and ``fromstring``, which NumPy no longer has."""

    def cv2_to_base64(image: Any) -> str:
        data = cv2.imencode(".jpg", image)[1]
        return base64.b64encode(data.tobytes()).decode("utf8")

    def base64_to_cv2(b64str: str) -> Any:
        data = base64.b64decode(b64str.encode("utf8"))
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)

    org_im = photo_of(30)
    data = {"images": [cv2_to_base64(org_im)]}
    headers = {"Content-type": "application/json"}
    for module in ("openpose_hands_estimation", "openpose_body_estimation"):
        url = live.url(f"predict/{module}")
        r = requests.post(url=url, headers=headers, data=json.dumps(data), timeout=20)
        canvas = base64_to_cv2(r.json()["results"]["data"])
        assert cv2.imwrite(str(tmp_path / "keypoint.png"), canvas)
        assert canvas.shape == org_im.shape
    url = live.url("predict/hand_pose_localization")
    r = requests.post(url=url, headers=headers, data=json.dumps(data), timeout=20)
    assert len(r.json()["results"][0]) == 21


def received(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    connection.settimeout(30)
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("sent", [b"", b"POST /v1/poses HTTP/1.1\r\nHost: localhost\r\nX-A: "])
def test_slow_heads_are_cut_off(live: Live, sent: bytes) -> None:
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall(sent)
        assert received(connection) == b""
    assert 1 < time.monotonic() - started < 30
    assert live.ask(20).ok


def test_slow_second_heads_are_cut_off(live: Live) -> None:
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /heal")
        assert b"200 OK" in received(connection)


def test_slow_bodies_are_408(live: Live) -> None:
    head = (
        b"POST /v1/poses HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 5000\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall(head)
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 408") and b"problem+json" in answer
    assert live.ask(20).ok


def test_large_bodies_are_413_though_nobody_reads_them(live: Live) -> None:
    head = (
        b"POST /v1/poses HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 99999999999999\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall(head)
        assert received(connection).startswith(b"HTTP/1.1 413")
    assert live.ask(20).ok


def test_what_is_no_http_is_400(live: Live) -> None:
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert received(connection).startswith(b"HTTP/1.1 400")
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000)
        assert received(connection).startswith(b"HTTP/1.1 4")
    assert live.ask(20).ok


def test_a_client_that_goes_away_harms_nobody(live: Live) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", live.port)) as connection:
            connection.sendall(
                b"POST /v1/poses HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{"
            )
    assert live.ask(20).ok


def test_no_word_of_a_photo_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "heatpose.service"):
        logging.getLogger(name).propagate = True
    with Live() as live:
        caplog.handler.records.clear()
        secret = "grandmother.png"
        photo = png(photo_of(66))
        url = live.url("v1/poses")
        assert requests.post(url, files={"file": (secret, photo)}, timeout=20).status_code == 500
        body = {"image": base64.b64encode(photo).decode() + "*"}
        assert requests.post(url, json=body, timeout=20).status_code == 422
    ours = [r.getMessage() for r in caplog.records if r.name.startswith(("uvicorn", "heatpose"))]
    told = "\n".join(ours)
    assert "planted failed: RuntimeError" in told
    assert secret not in told and body["image"][:40] not in told and "nobody's" not in told


def taken_by(port: int) -> bool:
    """Whether somebody listens."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionError:
        return False
    return True


def test_stopping_finishes_what_was_taken() -> None:
    with ThreadPoolExecutor(3) as pool, Live() as live:
        live.bodies.hold()
        taken = [pool.submit(live.ask, 20)]
        assert live.bodies.entered.acquire(timeout=10)
        taken.append(pool.submit(live.ask, 21))
        until = time.monotonic() + 10
        while "heatpose_queue_photos 1.0" not in requests.get(live.url("metrics"), timeout=20).text:
            assert time.monotonic() < until
        live.server.should_exit = True
        until = time.monotonic() + 20
        while taken_by(live.port):
            assert time.monotonic() < until
            time.sleep(0.02)
        live.bodies.release()
        for one, blue in zip(taken, (20, 21), strict=True):
            people = one.result(10).json()["result"]["people"]
            assert people[0]["keypoints"][1][0] == blue
