"""A server of one file on this machine, which misbehaves as it is told."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass
class Request:
    """What a client asked."""

    path: str
    range: str | None
    if_range: str | None


@dataclass
class Answer:
    """How the server answers one request.

    Attributes:
        body: The file as it is at that time.
        status: Of the answer; errors have no file.
        ranges: Whether parts of the file are given.
        etag: The version, None for none.
        cut: Bytes of the body after which the connection breaks, None for all.
        length: The Content-Length that is said, None for the true one, -1 for none.
        hang: Whether to say nothing until the server stops.
        stall: Whether to keep the connection open after the cut, until the server stops.
        content_range: Said instead of the true one.
        before: Called before the answer.
    """

    body: bytes = b""
    status: int = 200
    ranges: bool = True
    etag: str | None = '"1"'
    cut: int | None = None
    length: int | None = None
    hang: bool = False
    stall: bool = False
    content_range: str | None = None
    before: Callable[[], None] | None = None


@dataclass
class FileServer:
    """Gives the answers in turn, the last one again and again; remembers the requests."""

    answers: list[Answer]
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> FileServer:
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str = "file.bin") -> str:
        """The address of a path; all paths give the same file."""
        return f"http://127.0.0.1:{self._server.server_port}/{path}"

    def _next(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            return self.answers[min(len(self.requests), len(self.answers)) - 1]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = self.headers
                request = Request(self.path, headers.get("Range"), headers.get("If-Range"))
                answer = server._next(request)
                self.close_connection = True
                if answer.before:
                    answer.before()
                if answer.hang:
                    server._stopped.wait(10)
                    return
                self._answer(request, answer)

            def _answer(self, request: Request, answer: Answer) -> None:
                body, status = answer.body, answer.status
                extra = {"ETag": answer.etag} if answer.etag else {}
                asked = re.match(r"bytes=(\d+)-$", request.range or "")
                fresh = request.if_range in (None, answer.etag)
                if status == 200 and asked and answer.ranges and fresh:
                    start = int(asked[1])
                    total = len(body)
                    if start >= total:
                        status, body, extra = 416, b"", {"Content-Range": f"bytes */{total}"}
                    else:
                        said = f"bytes {start}-{total - 1}/{total}"
                        extra["Content-Range"] = answer.content_range or said
                        status, body = 206, body[start:]
                self.send_response(status)
                for name, value in extra.items():
                    self.send_header(name, value)
                if answer.length != -1:
                    self.send_header("Content-Length", str(answer.length or len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                with contextlib.suppress(OSError):  # the client may have had enough
                    self.wfile.write(body[: answer.cut])
                    if answer.stall:
                        self.wfile.flush()
                        server._stopped.wait(10)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
