"""Load on the service over loopback: ``python -m benchmarks.bench_service [--requests 2000]``.

Clients 1, 8 and 64, with and without common batches; each client sends its next photo when the one
before is answered. The server is a process of its own, whose memory is read from /proc.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import requests

PHOTO = Path(__file__).parents[1] / "docs/astronaut.jpg"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Server:
    """``heatpose serve`` with its default network, or other options."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        program = "from heatpose.cli import main; main()"
        command = [sys.executable, "-c", program, "serve", "--port", str(self.port), *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __enter__(self) -> Server:
        until = time.monotonic() + 120
        while True:
            try:
                if requests.get(self.url("readyz"), timeout=5).ok:
                    return self
            except requests.ConnectionError:
                pass
            if time.monotonic() > until or self.process.poll() is not None:
                raise RuntimeError("the server did not start")
            time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def memory(self) -> float:
        """Resident MiB, nan where the system does not tell."""
        try:
            text = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return float("nan")
        line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


def load(server: Server, photo: bytes, clients: int, count: int) -> tuple[float, list[float], int]:
    """Seconds in all, seconds of each answer, and how many were errors."""
    left = iter(range(count))
    lock = threading.Lock()
    seconds: list[float] = []
    errors = 0

    def client() -> None:
        nonlocal errors
        session = requests.Session()
        while True:
            with lock:
                if next(left, None) is None:
                    return
            started = time.perf_counter()
            try:
                good = session.post(server.url("v1/poses"), files={"file": photo}, timeout=120).ok
            except requests.RequestException:
                good = False
            with lock:
                seconds.append(time.perf_counter() - started)
                errors += not good

    threads = [threading.Thread(target=client) for _ in range(clients)]
    started = time.perf_counter()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return time.perf_counter() - started, seconds, errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=300, help="of each row; %(default)s")
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("options", nargs="*", help="of heatpose serve, after --")
    asked = parser.parse_args()
    photo = asked.photo.read_bytes()
    print("| clients | max batch | requests/s | p50 | p95 | p99 | errors | MiB before, after |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for batch in (1, 8):
        with Server("--max-batch", str(batch), "--max-queue", "128", *asked.options) as server:
            load(server, photo, 4, 20)
            for clients in asked.clients:
                before = server.memory()
                total, seconds, errors = load(server, photo, clients, asked.requests)
                p50, p95, p99 = 1000 * np.percentile(seconds, [50, 95, 99])
                print(
                    f"| {clients} | {batch} | {len(seconds) / total:.1f} | {p50:.0f} ms | "
                    f"{p95:.0f} ms | {p99:.0f} ms | {errors / len(seconds):.1%} | "
                    f"{before:.0f}, {server.memory():.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
