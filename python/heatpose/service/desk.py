"""From the bytes of a request to its answer: decoding, the queue, encoding."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import cv2

from heatpose.detectors import as_boxes
from heatpose.media import Image
from heatpose.service.metrics import Metrics
from heatpose.service.models import Question, Result, Scales, ServedModel
from heatpose.service.photos import read_header, read_photo
from heatpose.service.problems import Problem
from heatpose.service.settings import Settings
from heatpose.service.wire import Options, photo_bytes
from heatpose.service.worker import Job, Worker, late

Answer = TypeVar("Answer")


class Desk:
    """What the routes share: the models, their worker, and threads for the image files.

    Args:
        models: What is served; the first of a task is that task's default.
        settings: The limits.
        metrics: The counters.

    Raises:
        ValueError: no models, or two of one name.
    """

    def __init__(self, models: Sequence[ServedModel], settings: Settings, metrics: Metrics) -> None:
        if not models:
            raise ValueError("models must hold at least one model")
        if len({model.name for model in models}) != len(models):
            raise ValueError("models must have different names")
        self.models = list(models)
        self.settings = settings
        self.metrics = metrics
        self.worker = Worker(settings, metrics, self._warm_up)
        self._room: anyio.CapacityLimiter | None = None
        self._held = 0  # pixels, of all requests
        self._freed = asyncio.Event()

    def pick(self, options: Options) -> ServedModel:
        """The model that is asked for.

        Raises:
            Problem: 422 where none fits.
        """
        for model in self.models:
            if options.model in (None, model.name) and options.task in (None, model.task):
                return model
        if options.model is not None:
            raise Problem(422, "model: not served for this task; see GET /v1/models")
        tasks = ", ".join(dict.fromkeys(model.task for model in self.models))
        raise Problem(422, f"task: no model for {options.task} is served, only for {tasks}")

    async def in_thread(self, work: Callable[[], Answer]) -> Answer:
        """Do work on image files beside the event loop, few at a time."""
        if self._room is None:
            self._room = anyio.CapacityLimiter(self.settings.decode_threads)
        return await anyio.to_thread.run_sync(work, limiter=self._room)

    @asynccontextmanager
    async def opened(self, photos: Sequence[str | bytes]) -> AsyncIterator[list[bytes | Problem]]:
        """The image files of a request, and room for their pixels until its answer is made.

        Raises:
            Problem: 413 where they are more than may ever be held, 503 where no room came.
        """
        files = []
        pixels = 0
        for number, photo in enumerate(photos):
            work = partial(self._open_one, photo, _name(number, len(photos)))
            file, its_pixels = await self.in_thread(work)
            files.append(file)
            pixels += its_pixels
        most = self.settings.max_held_pixels
        if pixels > most:
            raise Problem(413, f"the photos have {pixels} pixels, more than the {most} allowed")
        deadline = time.monotonic() + self.settings.deadline
        while self._held + pixels > most:
            try:
                await asyncio.wait_for(self._freed.wait(), deadline - time.monotonic())
            except asyncio.TimeoutError:
                self.metrics.refused.labels("pixels").inc()
                raise Problem(503, "too many photos are at work", retry_after=5) from None
        self._held += pixels
        try:
            yield files
        finally:
            self._held -= pixels
            self._freed.set()
            self._freed = asyncio.Event()

    def _open_one(self, photo: str | bytes, name: str) -> tuple[bytes | Problem, int]:
        try:
            file = photo_bytes(photo, name)
            if not file:
                return file, 0
            header = read_header(file)
        except Problem as problem:
            return problem, 0
        pixels = header.height * header.width
        return file, pixels if pixels <= self.settings.max_pixels else 0  # never decoded

    async def read(
        self,
        photos: Sequence[bytes | Problem],
        boxes: Sequence[Any],
        model: ServedModel,
        scales: Scales,
    ) -> list[Question | Problem]:
        """The photos of a request, or why one cannot be looked at."""
        found = []
        for photo, where in zip(photos, boxes, strict=True):
            work = partial(self._read_one, photo, where, model, scales)
            found.append(await self.in_thread(work))
        return found

    def _read_one(
        self, photo: bytes | Problem, boxes: Any, model: ServedModel, scales: Scales
    ) -> Question | Problem:
        if isinstance(photo, Problem):
            return photo
        try:
            image = read_photo(photo, self.settings)
            model.check(image, boxes, scales, max_input_pixels=self.settings.max_input_pixels)
            return Question(image, None if boxes is None else as_boxes(boxes))
        except Problem as problem:
            return problem
        except (TypeError, ValueError) as error:
            return Problem(422, str(error)[:300])

    async def ask(
        self, questions: Sequence[Question], model: ServedModel, scales: Scales
    ) -> list[Result | Problem]:
        """The answers of the network, which other clients' photos share.

        Raises:
            Problem: 503 where there is no room.
        """
        deadline = time.monotonic() + self.settings.deadline
        jobs = [
            Job(model, scales, one, model.input_pixels(one.photo, scales), deadline)
            for one in questions
        ]
        self.worker.submit(jobs)
        waiting = [asyncio.wrap_future(job.answer) for job in jobs]
        await asyncio.wait(waiting, timeout=deadline - time.monotonic())
        answers: list[Result | Problem] = []
        for future in waiting:
            if not future.done():
                future.cancel()
                self.metrics.refused.labels("deadline").inc()
                answers.append(late())
                continue
            error = future.exception()
            if error is None:
                answers.append(future.result())
            elif isinstance(error, Problem):
                answers.append(error)
            else:
                raise error
        return answers

    def jpeg(self, photo: Image, result: Result) -> str:
        """The photo with the result drawn on it, as base64 of a JPEG."""
        setting = [cv2.IMWRITE_JPEG_QUALITY, self.settings.picture_quality]
        encoded = cv2.imencode(".jpg", result.draw(photo), setting)[1]
        return base64.b64encode(encoded.tobytes()).decode("ascii")

    def _warm_up(self) -> None:
        """One run of each network, so that the first client does not wait for what is lazy."""
        import numpy as np

        photo = np.zeros((64, 64, 3), np.uint8)
        for model in self.models:
            model.run([Question(photo)], None)


def _name(number: int, count: int) -> str:
    return "image" if count == 1 else f"images/{number}"
