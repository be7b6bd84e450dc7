"""Working ahead: reading, the network and the decoding of its maps at the same time."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from heatpose.results import People
from heatpose.video.reading import Frame

Item = TypeVar("Item")
Estimate = Callable[[list[Any]], "list[People]"]

_END = object()


def read_ahead(items: Iterable[Item], depth: int) -> Iterator[Item]:
    """The same items, made in a thread of their own, up to ``depth`` before they are asked for.

    What goes wrong there is raised here. When the caller stops early, the thread ends too.
    """
    ready: queue.Queue[Any] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(item: Any) -> bool:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
        except BaseException as error:
            put((None, error))
        else:
            put((_END, None))

    thread = threading.Thread(target=work, name="heatpose-reader", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stopped.set()
        thread.join()


def estimate_ahead(
    frames: Iterable[Frame], estimate: Estimate, *, batch: int, workers: int
) -> Iterator[tuple[Frame, People | None]]:
    """Each frame with its people, in order; a broken frame with None.

    Frames are read in one thread; in ``workers`` others the estimator works on ``batch`` frames at
    a time, so that one prepares frames or decodes maps while the network runs in another.

    Args:
        frames: The frames.
        estimate: Gives the people of some images; called from several threads at once.
        batch: Frames in one call.
        workers: Calls at once.
    """
    ahead = read_ahead(frames, depth=batch * (workers + 1))
    waiting: deque[tuple[list[Frame], Future[list[People]] | None]] = deque()

    def submit(pool: ThreadPoolExecutor) -> bool:
        some = list(islice(ahead, batch))
        images = [frame.image for frame in some if frame.image is not None]
        if some:
            waiting.append((some, pool.submit(estimate, images) if images else None))
        return bool(some)

    with ThreadPoolExecutor(workers, thread_name_prefix="heatpose-estimator") as pool:
        try:
            while len(waiting) <= workers and submit(pool):
                pass
            while waiting:
                some, future = waiting.popleft()
                found = iter(future.result() if future else ())
                submit(pool)
                for frame in some:
                    yield frame, None if frame.image is None else next(found)
        finally:
            for _, future in waiting:
                if future is not None:
                    future.cancel()
            ahead.close()  # type: ignore[attr-defined]
