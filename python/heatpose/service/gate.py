"""What stands before every request: hosts, the key, room, size and time."""

from __future__ import annotations

import hmac
import math
import time
from typing import Any

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heatpose.service import paddlehub
from heatpose.service.metrics import Metrics
from heatpose.service.problems import Problem
from heatpose.service.settings import Settings

# The page, and what watches whether the service lives.
_OPEN = ("/", "/page.js", "/page.css", "/icon.svg", "/healthz", "/readyz")
_SPARE_SECONDS = 10  # for what is neither the body nor the network
# Nothing but the server's own files, and pictures that the page itself holds.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Gate:
    """ASGI middleware that refuses what the limits do not allow, and counts what it lets in.

    Args:
        app: What is behind it.
        settings: The limits.
        metrics: The counters.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app = app
        self.settings = settings
        self.metrics = metrics
        self.at_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.monotonic()
        said: dict[str, Any] = {"status": 0}

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                said["status"] = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if message["status"] in (408, 413, 431):  # the rest of the body is not read
                    headers["Connection"] = "close"
            await send(message)

        try:
            await self._admit(scope, receive, answer, said)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.requests.labels(route, str(said["status"])).inc()
            self.metrics.seconds.labels(route).observe(time.monotonic() - started)

    async def _admit(
        self, scope: Scope, receive: Receive, send: Send, said: dict[str, Any]
    ) -> None:
        settings = self.settings
        try:
            self._check(scope)
        except Problem as problem:
            await paddlehub.answer_to(scope["path"], problem)(scope, receive, send)
            return
        working = scope["method"] == "POST"
        self.at_work += working
        self.metrics.at_work.set(self.at_work)
        seconds = settings.body_timeout + settings.deadline + _SPARE_SECONDS
        try:
            with anyio.move_on_after(seconds) as limit:
                await self.app(scope, _Body(receive, settings), send)
            if limit.cancelled_caught and not said["status"]:
                self.metrics.refused.labels("time").inc()
                late = Problem(503, "the request took too long", retry_after=5)
                await paddlehub.answer_to(scope["path"], late)(scope, receive, send)
        finally:
            self.at_work -= working
            self.metrics.at_work.set(self.at_work)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        settings = self.settings
        # A page of another site whose name was made to mean this machine sends that name.
        known = settings.known_hosts
        if known and _host(headers.get("host", "")) not in known:
            raise Problem(421, "the service does not go by this name")
        if settings.api_key is not None and scope["path"] not in _OPEN:
            scheme, _, token = headers.get("authorization", "").partition(" ")
            given = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
            if not hmac.compare_digest(given.encode(), settings.api_key.encode()):
                raise Problem(
                    401, "the API key is missing or wrong", headers={"WWW-Authenticate": "Bearer"}
                )
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > settings.max_body_bytes:
            raise _too_large(settings)
        if scope["method"] == "POST" and self.at_work >= settings.max_requests:
            self.metrics.refused.labels("requests").inc()
            raise Problem(503, "too many requests are at work", retry_after=1)


class _Body:
    """A request's body that ends in a problem where it is too large or too slow."""

    def __init__(self, receive: Receive, settings: Settings) -> None:
        self.receive = receive
        self.settings = settings
        self.until = time.monotonic() + settings.body_timeout
        self.bytes = 0
        self.complete = False

    async def __call__(self) -> Message:
        left = math.inf if self.complete else self.until - time.monotonic()
        try:
            with anyio.fail_after(max(left, 0)):
                message = await self.receive()
        except TimeoutError:
            seconds = self.settings.body_timeout
            raise Problem(408, f"the request did not come within {seconds:g} seconds") from None
        if message["type"] == "http.request":
            self.bytes += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
            if self.bytes > self.settings.max_body_bytes:
                raise _too_large(self.settings)
        return message


def _too_large(settings: Settings) -> Problem:
    return Problem(413, f"the request is larger than {settings.max_body_bytes} bytes")


def _host(header: str) -> str:
    name, colon, port = header.lower().rpartition(":")
    return name if colon and port.isdecimal() else header.lower()
