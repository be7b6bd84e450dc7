"""One thread owns the networks; the photos of all clients meet in its queue."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeAlias

from heatpose.service.metrics import Metrics
from heatpose.service.models import Question, Result, Scales, ServedModel
from heatpose.service.problems import Problem
from heatpose.service.settings import Settings

Key: TypeAlias = "tuple[str, Scales]"
_log = logging.getLogger("heatpose.service")


@dataclass
class Job:
    """A photo that waits.

    Attributes:
        model: Who shall look at it.
        scales: Of the search.
        question: The photo.
        cost: Pixels of the network's input.
        deadline: ``time.monotonic()`` after which nobody waits for the answer.
        since: When it came.
        answer: Holds the result.
    """

    model: ServedModel
    scales: Scales
    question: Question
    cost: float
    deadline: float
    since: float = field(default_factory=time.monotonic)
    answer: Future[Result] = field(default_factory=Future)

    @property
    def key(self) -> Key:
        """Jobs of one key can share a run of the network."""
        return (self.model.name, self.scales)

    @property
    def pixels(self) -> int:
        """What it holds of the memory."""
        return int(self.question.photo.size // 3)


class Worker:
    """A bounded queue before one thread, which answers what waits in batches.

    A batch is the oldest job and those behind it that ask the same of the same network, whoever
    sent them.

    Args:
        settings: Its limits.
        metrics: What it counts.
        warm_up: Called in the thread before the first job; the service is ready after it.
    """

    def __init__(
        self, settings: Settings, metrics: Metrics, warm_up: Callable[[], None] | None = None
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self.ready = threading.Event()
        self._warm_up = warm_up
        self._jobs: deque[Job] = deque()
        self._pixels = 0
        self._changed = threading.Condition()
        self._closing = False
        self._failed = False
        self._seconds_per_photo = 0.05  # a running mean, of which Retry-After is made
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to answer, again if the service was stopped."""
        if not self.alive:
            self._closing = self._failed = False
            self._thread = threading.Thread(target=self._work, name="heatpose-worker", daemon=True)
            self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether jobs are answered."""
        return self._thread is not None and self._thread.is_alive()

    def submit(self, jobs: Sequence[Job]) -> None:
        """Queue jobs, all or none.

        Raises:
            Problem: 503 where the networks do not run; with Retry-After where the queue is full or
                the service stops.
        """
        pixels = sum(job.pixels for job in jobs)
        with self._changed:
            if self._failed:
                raise _broken()
            if self._closing:
                raise Problem(503, "the service is stopping", retry_after=5)
            too_many = len(self._jobs) + len(jobs) > self.settings.max_queue
            if too_many or (self._jobs and self._pixels + pixels > self.settings.max_queue_pixels):
                self.metrics.refused.labels("queue").inc()
                raise Problem(503, "too many photos are waiting", retry_after=self._wait())
            self._jobs.extend(jobs)
            self._pixels += pixels
            self.metrics.queued.set(len(self._jobs))
            self._changed.notify_all()

    def close(self, timeout: float) -> bool:
        """Take no more jobs and answer those that wait; whether that was done in time."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        with self._changed:
            left = self._emptied()
        for job in left:
            if job.answer.set_running_or_notify_cancel():
                job.answer.set_exception(Problem(503, "the service stopped", retry_after=5))
        return not self.alive

    def _emptied(self) -> list[Job]:
        """What waited; the caller holds the lock."""
        left = list(self._jobs)
        self._jobs.clear()
        self._pixels = 0
        self.metrics.queued.set(0)
        return left

    def _wait(self) -> int:
        """Whole seconds until what waits now is likely to be answered."""
        return max(1, min(60, math.ceil(len(self._jobs) * self._seconds_per_photo)))

    def _work(self) -> None:
        batch: list[Job] | None = []
        try:
            if self._warm_up is not None:
                self._warm_up()
            self.ready.set()
            while (batch := self._next_batch()) is not None:
                if batch:
                    self._answer(batch)
        except BaseException as error:  # never ready again, which /readyz says
            told = "" if self.ready.is_set() else f": {error}"  # of no photo before the first
            _log.error("the networks do not run: %s%s", type(error).__name__, told)
            self._fail(batch or [])
        finally:
            self.ready.clear()

    def _fail(self, batch: list[Job]) -> None:
        """Take no more jobs, and tell those of the batch and those that wait."""
        with self._changed:
            self._failed = True
            left = self._emptied()
        for job in batch:
            if not job.answer.done():
                job.answer.set_exception(_broken())
        for job in left:
            if job.answer.set_running_or_notify_cancel():
                job.answer.set_exception(_broken())

    def _next_batch(self) -> list[Job] | None:
        """The next jobs of one key, perhaps none; None when the service has stopped."""
        with self._changed:
            while not self._jobs and not self._closing:
                self._changed.wait()
            if not self._jobs:
                return None
            key, until = self._jobs[0].key, self._jobs[0].since + self.settings.batch_wait
            while not self._closing and (left := until - time.monotonic()) > 0:
                if sum(job.key == key for job in self._jobs) >= self.settings.max_batch:
                    break
                self._changed.wait(left)
            batch: list[Job] = []
            others: deque[Job] = deque()
            room = 2.0 * self.settings.max_input_pixels
            for job in self._jobs:
                fits = job.key == key and len(batch) < self.settings.max_batch
                if fits and (not batch or job.cost <= room):
                    batch.append(job)
                    room -= job.cost
                else:
                    others.append(job)
            self._jobs = others
            self._pixels -= sum(job.pixels for job in batch)
            self.metrics.queued.set(len(others))
        now = time.monotonic()
        wanted = []
        for job in batch:
            self.metrics.waited.observe(now - job.since)
            if not job.answer.set_running_or_notify_cancel():
                continue  # the client has gone
            if now > job.deadline:
                job.answer.set_exception(late())
                continue
            wanted.append(job)
        return wanted

    def _answer(self, batch: list[Job]) -> None:
        model, scales = batch[0].model, batch[0].scales
        started = time.monotonic()
        try:
            found = model.run([job.question for job in batch], scales)
            if len(found) != len(batch):
                raise RuntimeError(f"{len(found)} answers to {len(batch)} photos")
        except Exception as error:
            if len(batch) > 1:  # one photo that cannot be answered does no harm to the others
                for job in batch:
                    self._answer([job])
            else:
                batch[0].answer.set_exception(_problem(error, model))
            return
        seconds = time.monotonic() - started
        self._seconds_per_photo += 0.2 * (seconds / len(batch) - self._seconds_per_photo)
        self.metrics.batch.observe(len(batch))
        self.metrics.network.labels(model.name).observe(seconds)
        self.metrics.photos.labels(model.name).inc(len(batch))
        for job, result in zip(batch, found, strict=True):
            job.answer.set_result(result)


def late() -> Problem:
    """The problem of a photo that was not answered in time."""
    return Problem(503, "the photo was not answered within the time limit", retry_after=5)


def _broken() -> Problem:
    return Problem(503, "the networks do not run")


def _problem(error: Exception, model: ServedModel) -> Exception:
    if isinstance(error, Problem):
        return error
    if isinstance(error, (ValueError, TypeError)):
        return Problem(422, f"the model {model.name} cannot look at this photo: {error}"[:500])
    # The message may hold anything; its kind is enough to look for it.
    _log.error("%s failed: %s", model.name, type(error).__name__)
    return Problem(500, f"the model {model.name} failed: {type(error).__name__}")
