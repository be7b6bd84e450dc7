"""One file over HTTP, resumed where it broke off, and never taken for complete when it is not."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

_CHUNK = 1 << 16  # as much is lost where a connection breaks
MOST_BYTES = 1 << 33  # where no size is known: more is no checkpoint, and would fill the disk
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
_CONTENT_RANGE = re.compile(r"^bytes (\d+)-(\d+)/(\d+|\*)$")

Progress = Callable[[int, int | None], None]
"""Called with the bytes there are, and with those there will be, None if unknown."""


@dataclass(frozen=True)
class Policy:
    """How long to try.

    Attributes:
        attempts: Failures in a row, without a new byte, after which an address is given up.
        wait: Seconds before the second attempt, doubled before each further one.
        timeout: Seconds without an answer, or without a byte, after which an attempt has failed.
    """

    attempts: int = 4
    wait: float = 0.5
    timeout: float = 20.0


class TransferError(Exception):
    """An address does not give the file; the message says why."""


class _TransientError(Exception):
    """An attempt failed in a way that another one may not."""


class Partial:
    """A file that is not complete yet, and what its server said to tell its version by.

    Args:
        path: The file; beside it, a small one remembers the version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version_path = path.with_name(f"{path.name}.json")

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def is_link(self) -> bool:
        """Whether somebody put a link there, through which another file would be written."""
        return self.path.is_symlink() or self._version_path.is_symlink()

    def version_of(self, url: str) -> str | None:
        """The validator under which the bytes came from this address, None if not from it."""
        try:
            said = json.loads(self._version_path.read_text(encoding="utf-8"))
            return str(said["validator"]) if said["url"] == url and said["validator"] else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def restart(self, url: str, validator: str | None) -> None:
        """Forget the bytes; those to come are of this version."""
        self.path.write_bytes(b"")
        said = json.dumps({"url": url, "validator": validator})
        self._version_path.write_text(said, encoding="utf-8")

    def discard(self) -> None:
        """Leave nothing behind."""
        self.path.unlink(missing_ok=True)
        self._version_path.unlink(missing_ok=True)

    def take(self, path: Path) -> None:
        """Give the bytes to another name in the same folder, in one step."""
        self.path.replace(path)
        self.discard()


def transfer(
    url: str,
    partial: Partial,
    *,
    size: int | None = None,
    policy: Policy | None = None,
    progress: Progress | None = None,
) -> bool:
    """Complete a file from an address.

    Bytes that are there are not asked for again, if the server gives parts and still has the same
    version; otherwise it starts anew. A failure that may pass (no connection, a silent or
    overloaded server, a body that breaks off) is tried again, with growing pauses.

    Args:
        url: The address.
        partial: Takes the bytes; keeps them when this fails on the way.
        size: Of the complete file in bytes, None if unknown.
        policy: How long to try; None for the usual.
        progress: Told of every piece.

    Returns:
        Whether the file was put together from more than one answer, so that a wrong hash may be
        that of two halves which do not belong together.

    Raises:
        TransferError: this address does not give the file.
        OSError: the file cannot be written.
    """
    policy = policy or Policy()
    if partial.is_link or (size is not None and partial.size > size):
        partial.discard()
    stitched = partial.size > 0
    if stitched and partial.size == size:  # a program that ended before it could check them
        return True
    failures, best = 0, partial.size
    while True:
        try:
            resumed = _attempt(url, partial, size, policy, progress)
            return stitched and resumed
        except _TransientError as error:
            if partial.size > best:
                failures, best = 0, partial.size
            failures += 1
            if failures >= policy.attempts:
                raise TransferError(str(error)) from error
            stitched = True
            time.sleep(policy.wait * 2 ** (failures - 1))


def _attempt(
    url: str, partial: Partial, size: int | None, policy: Policy, progress: Progress | None
) -> bool:
    """Ask once, from where the file ends; gives whether the answer continued it."""
    have = partial.size
    headers = {"Accept-Encoding": "identity"}  # sizes and parts are those of the file itself
    if have:
        headers["Range"] = f"bytes={have}-"
        validator = partial.version_of(url)
        if validator:
            headers["If-Range"] = validator
    with _answer(url, headers, policy) as response:
        if have and response.status_code == 416:  # the server has no byte after ours
            partial.discard()
            raise _TransientError("the file there has changed")
        total = _check_status(response, have, size, partial)
        resumed = response.status_code == 206
        if not resumed:
            have = 0
            partial.restart(url, _validator(response))
        _write_body(response, partial, have, total, policy, progress)
    return resumed


def _check_status(
    response: requests.Response, have: int, size: int | None, partial: Partial
) -> int | None:
    """The size of the complete file as the server says it, if it does."""
    status = response.status_code
    if status in _TRANSIENT:
        raise _TransientError(f"HTTP {status} {response.reason}")
    if status == 206:
        start, total = _content_range(response)
        if start != have:
            partial.discard()
            raise _TransientError(f"the server sent another part of the file than asked ({start})")
    elif status == 200:
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
    else:
        raise TransferError(f"HTTP {status} {response.reason}")
    if total is not None and size is not None and total != size:
        partial.discard()
        raise TransferError(f"the file there has {total} bytes instead of {size}")
    if total is not None and total > MOST_BYTES:
        partial.discard()
        raise TransferError(f"the file there has {total} bytes, which is more than {MOST_BYTES}")
    return size if total is None else total


def _content_range(response: requests.Response) -> tuple[int, int | None]:
    found = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    if not found:
        return -1, None
    return int(found[1]), None if found[3] == "*" else int(found[3])


def _validator(response: requests.Response) -> str | None:
    """What tells this version of the file from others, fit for ``If-Range``."""
    etag = str(response.headers.get("ETag", ""))
    if etag and not etag.startswith("W/"):
        return etag
    return response.headers.get("Last-Modified")


def _write_body(
    response: requests.Response,
    partial: Partial,
    have: int,
    total: int | None,
    policy: Policy,
    progress: Progress | None,
) -> None:
    most = MOST_BYTES if total is None else total
    with partial.path.open("ab") as file:
        if progress:
            progress(have, total)
        for chunk in _chunks(response, policy):
            have += len(chunk)
            if have > most:
                break
            file.write(chunk)
            if progress:
                progress(have, total)
    if have > most:
        partial.discard()
        raise TransferError(f"the server sent more than {most} bytes")
    if total is not None and have < total:
        raise _TransientError(f"the answer broke off after {have} of {total} bytes")


@contextmanager
def _answer(url: str, headers: dict[str, str], policy: Policy) -> Iterator[requests.Response]:
    import requests

    with _requests_errors(policy):
        response = requests.get(url, headers=headers, stream=True, timeout=policy.timeout)
    with response:
        hops = [hop.url for hop in (*response.history, response)]
        if url.startswith("https:") and not all(hop.startswith("https:") for hop in hops):
            raise TransferError("the server sends on to an address that is not encrypted")
        yield response


def _chunks(response: requests.Response, policy: Policy) -> Iterator[bytes]:
    with _requests_errors(policy):
        yield from response.iter_content(_CHUNK)


@contextmanager
def _requests_errors(policy: Policy) -> Iterator[None]:
    """Sort the errors of the library; those of our own files pass, though they are of a kind."""
    import requests

    try:
        yield
    except requests.exceptions.RequestException as error:
        first = _first_cause(error)
        if isinstance(first, TimeoutError) or "timed out" in str(error).lower():
            raise _TransientError(f"no answer within {policy.timeout:g} s") from error
        if isinstance(first, http.client.IncompleteRead):
            raise _TransientError("the answer broke off") from error
        passing = (
            requests.exceptions.ConnectionError,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.Timeout,
        )
        if isinstance(error, passing):
            raise _TransientError(str(first)) from error
        raise TransferError(str(error)) from error


def _first_cause(error: BaseException) -> BaseException:
    """The error at the bottom: the library wraps them in several coats that repeat the address."""
    below: Any = error
    while below.__cause__ or below.__context__:
        below = below.__cause__ or below.__context__
    return below  # type: ignore[no-any-return]
