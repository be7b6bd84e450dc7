"""Serving the application with uvicorn."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from heatpose.service.app import create_app
from heatpose.service.models import ServedModel
from heatpose.service.settings import Settings

_log = logging.getLogger("heatpose.service")


def make_server(
    models: Sequence[ServedModel], settings: Settings, *, access_log: bool = False
) -> uvicorn.Server:
    """A server that is not started yet."""
    config = uvicorn.Config(
        create_app(models, settings),
        host=settings.host.strip("[]"),
        port=settings.port,
        http=_protocol(settings.header_timeout),
        ws="none",
        loop="asyncio",
        access_log=access_log,
        log_level="info",
        server_header=False,
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=min(5, settings.header_timeout),  # type: ignore[arg-type]
        timeout_graceful_shutdown=max(1, int(settings.drain_timeout)),
        h11_max_incomplete_event_size=1 << 14,
        proxy_headers=False,
    )
    return uvicorn.Server(config)


def run(models: Sequence[ServedModel], settings: Settings, *, access_log: bool = False) -> None:
    """Serve until SIGINT or SIGTERM; then take no more, and answer what was taken.

    Args:
        models: What is served.
        settings: Where, and the limits.
        access_log: Whether requests are logged: address, method, path and status.
    """
    if not settings.loopback and settings.api_key is None:
        _log.warning("other machines can reach this service, and no API key is asked for")
    make_server(models, settings, access_log=access_log).run()


def _protocol(header_timeout: float) -> type[asyncio.Protocol]:
    """Uvicorn's protocol, which by itself waits for a request's headers without end."""

    class PatientProtocol(H11Protocol):
        _patience: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None

        def _watch(self) -> None:
            """The clock runs from the first byte (or the connection) to the end of the headers."""
            waiting = self.cycle is None or self.cycle.response_complete
            if not waiting and self._patience is not None:
                self._patience.cancel()
                self._patience = None
            elif waiting and self._patience is None:
                self._patience = self.loop.call_later(header_timeout, self._give_up)

        def _give_up(self) -> None:
            self._patience = None
            if (self.cycle is None or self.cycle.response_complete) and self.transport:
                self.transport.close()

    return PatientProtocol
