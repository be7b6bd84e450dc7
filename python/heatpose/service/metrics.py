"""What ``/metrics`` says, in Prometheus' format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """Counters of one application; labels are few and never come from a request."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "heatpose_requests", "Requests answered.", ("route", "status"), registry=registry
        )
        self.seconds = Histogram(
            "heatpose_request_seconds",
            "From a request's headers to the end of its answer.",
            ("route",),
            registry=registry,
            buckets=_SECONDS,
        )
        self.at_work = Gauge("heatpose_requests_at_work", "Requests at work.", registry=registry)
        self.photos = Counter("heatpose_photos", "Photos answered.", ("model",), registry=registry)
        self.batch = Histogram(
            "heatpose_batch_photos",
            "Photos in one run of a network.",
            registry=registry,
            buckets=(1, 2, 4, 8, 16, 32, 64),
        )
        self.network = Histogram(
            "heatpose_network_seconds",
            "One run of a network, with decoding.",
            ("model",),
            registry=registry,
            buckets=_SECONDS,
        )
        self.waited = Histogram(
            "heatpose_queue_seconds",
            "Seconds that photos waited for the network.",
            registry=registry,
            buckets=_SECONDS,
        )
        self.queued = Gauge("heatpose_queue_photos", "Photos that wait.", registry=registry)
        self.refused = Counter(
            "heatpose_refused", "Refused for want of room or time.", ("why",), registry=registry
        )

    def text(self) -> bytes:
        """All of it."""
        return generate_latest(self.registry)
