"""What the service allows, and where it listens."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass, field, fields

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Settings:
    """Limits of the service; each default is safe for a small machine.

    Attributes:
        host: Address to listen on; the default is reached from this machine only.
        port: Port to listen on.
        api_key: What clients must send as ``Authorization: Bearer KEY`` or ``X-API-Key: KEY``.
            ``None`` asks nothing. The web page, ``/healthz`` and ``/readyz`` never ask.
        hosts: Names, without port, that the header ``Host`` may hold. Empty: those of loopback
            and ``host`` where the service listens there alone, else any.
        max_body_bytes: Most bytes of a request.
        max_pixels: Most pixels of a photo, read from its header before it is decoded.
        max_photos: Most photos of one request.
        max_boxes: Most boxes of one photo.
        max_input_pixels: Most pixels that a photo may have once resized for the network, over all
            scales together: what very elongated photos and large scales run into.
        max_requests: Most requests at work at a time; more are answered 503.
        max_connections: Most open connections; more are answered 503.
        max_queue: Most photos that wait for the network; more are answered 503.
        max_queue_pixels: Most pixels of the photos that wait.
        max_held_pixels: Most pixels of the decoded photos of all requests together, read from their
            headers; a request of more is answered 413, one that waits in vain for room 503.
        max_batch: Most photos in one run of the network, from all clients together.
        batch_wait: Seconds that the first photo of a batch waits for others. With 0 a batch is what
            came while the batch before it ran.
        deadline: Seconds in which an answer must be there once a request was read; else 503.
        body_timeout: Seconds in which a request's body must have come; else 408.
        header_timeout: Seconds in which a connection must have sent its request's headers.
        drain_timeout: Seconds that a stopping server gives the requests at work.
        decode_threads: Photos that are decoded and pictures that are encoded at a time.
        picture_quality: 1..100, of the JPEG pictures in answers.

    Raises:
        ValueError: a limit that is not above 0 (``batch_wait`` may be 0), or an empty key.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    api_key: str | None = field(default=None, repr=False)
    hosts: tuple[str, ...] = ()
    max_body_bytes: int = 20 << 20
    max_pixels: int = 25_000_000
    max_photos: int = 16
    max_boxes: int = 64
    max_input_pixels: int = 1 << 21
    max_requests: int = 128
    max_connections: int = 512
    max_queue: int = 64
    max_queue_pixels: int = 200_000_000
    max_held_pixels: int = 200_000_000
    max_batch: int = 8
    batch_wait: float = 0.0
    deadline: float = 30.0
    body_timeout: float = 20.0
    header_timeout: float = 10.0
    drain_timeout: float = 30.0
    decode_threads: int = 2
    picture_quality: int = 90

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name in ("host", "api_key", "hosts"):
                continue
            least_allowed = one.name in ("batch_wait", "port")
            if not math.isfinite(value) or value < 0 or (value == 0 and not least_allowed):
                raise ValueError(f"{one.name} must be greater than 0 and finite, got {value}")
        object.__setattr__(self, "hosts", tuple(name.lower() for name in self.hosts))
        if self.api_key is not None and not self.api_key.strip():
            raise ValueError("api_key must not be empty")
        if self.picture_quality > 100:
            raise ValueError(f"picture_quality must be 1..100, got {self.picture_quality}")

    @property
    def known_hosts(self) -> tuple[str, ...]:
        """The names that clients may call the service by; empty for any."""
        return self.hosts or ((*LOOPBACK_NAMES, self._own_name) if self.loopback else ())

    @property
    def _own_name(self) -> str:
        """The host as clients write it: IPv6 addresses short and in brackets."""
        try:
            address = ipaddress.ip_address(self.host.strip("[]"))
        except ValueError:
            return self.host.lower()
        return f"[{address}]" if address.version == 6 else str(address)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False
