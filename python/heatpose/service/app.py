"""The ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response

import heatpose
from heatpose.service import documents, paddlehub
from heatpose.service.desk import Desk
from heatpose.service.gate import Gate
from heatpose.service.metrics import CONTENT_TYPE, Metrics
from heatpose.service.models import Question, Result, ServedModel
from heatpose.service.problems import Problem
from heatpose.service.settings import Settings
from heatpose.service.wire import Asked, PoseAnswer, read_asked

_PAGE = Path(__file__).with_name("page")
_FILES = {"/": "page.html", "/page.js": "page.js", "/page.css": "page.css", "/icon.svg": "icon.svg"}


def create_app(models: Sequence[ServedModel], settings: Settings | None = None) -> FastAPI:
    """The service as an ASGI application; one process of it owns the networks.

    Args:
        models: What is served; the first of a task is that task's default.
        settings: The limits; None takes the defaults.

    Raises:
        ValueError: no models, or two of one name.
    """
    limits = Settings() if settings is None else settings
    metrics = Metrics()
    desk = Desk(models, limits, metrics)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        desk.worker.start()
        yield
        await anyio.to_thread.run_sync(desk.worker.close, limits.drain_timeout)

    app = FastAPI(
        title="heatpose",
        version=heatpose.__version__,
        description=documents.DESCRIPTION,
        docs_url=None,  # its page takes scripts from another host
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.desk = desk
    app.add_middleware(Gate, settings=limits, metrics=metrics)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(Exception, _unexpected)
    _add_poses(app, desk)
    _add_watching(app, desk)
    _add_page(app)
    paddlehub.add_routes(app, desk)
    return app


def _add_poses(app: FastAPI, desk: Desk) -> None:
    @app.post("/v1/poses", tags=["poses"], **documents.ONE)
    async def poses(request: Request) -> Response:
        """Find the people, hands or faces of one photo."""
        asked = await read_asked(request, desk.settings, many=False)
        (answer,) = await _answer(desk, asked)
        if isinstance(answer, Problem):
            raise answer
        return JSONResponse(answer)

    @app.post("/v1/poses/batch", tags=["poses"], **documents.MANY)
    async def batch(request: Request) -> Response:
        """Find those of several photos; a photo that cannot be read has an error in its place."""
        asked = await read_asked(request, desk.settings, many=True)
        answers = await _answer(desk, asked)
        rows = [{"error": a.document()} if isinstance(a, Problem) else a for a in answers]
        return JSONResponse({"results": rows})

    @app.get("/v1/models", tags=["poses"])
    async def models() -> dict[str, Any]:
        """What is served, with the skeletons, and the limits of a request."""
        return documents.models(desk)


async def _answer(desk: Desk, asked: Asked) -> list[dict[str, Any] | Problem]:
    model = desk.pick(asked.options)
    async with desk.opened(asked.photos) as photos:
        return await _found(desk, asked, model, photos)


async def _found(
    desk: Desk, asked: Asked, model: ServedModel, photos: Sequence[bytes | Problem]
) -> list[dict[str, Any] | Problem]:
    options = asked.options
    scales = None if options.scales is None else tuple(options.scales)
    read = await desk.read(photos, asked.boxes, model, scales)
    questions = [one for one in read if isinstance(one, Question)]
    found = iter(await desk.ask(questions, model, scales) if questions else ())

    def encoded(number: int, question: Question, result: Result) -> dict[str, Any]:
        answer = PoseAnswer(
            task=model.task,  # type: ignore[arg-type]
            model=model.name,
            format=options.format,
            result=documents.encoded(result, options.format, number),
        )
        if options.picture:
            answer.picture = desk.jpeg(question.photo, result)
        return answer.model_dump(exclude_none=False, exclude=None if options.picture else _PICTURE)

    answers: list[dict[str, Any] | Problem] = []
    for number, one in enumerate(read):
        result = one if isinstance(one, Problem) else next(found)
        if isinstance(one, Problem) or isinstance(result, Problem):
            answers.append(result)  # type: ignore[arg-type]
            continue
        answers.append(await desk.in_thread(partial(encoded, number, one, result)))
    return answers


_PICTURE = {"picture"}


def _add_watching(app: FastAPI, desk: Desk) -> None:
    @app.get("/healthz", tags=["watching"])
    async def healthz() -> dict[str, str]:
        """Whether the process lives."""
        if not desk.worker.alive:
            raise Problem(503, "the worker has ended")
        return {"status": "ok"}

    @app.get("/readyz", tags=["watching"], responses={503: documents.PROBLEM})
    async def readyz() -> dict[str, str]:
        """Whether photos are answered without waiting for the networks to start."""
        if not (desk.worker.alive and desk.worker.ready.is_set()):
            raise Problem(503, "the networks are not ready", retry_after=1)
        return {"status": "ready"}

    @app.get("/metrics", tags=["watching"], response_class=Response)
    async def metrics() -> Response:
        """Counters in Prometheus' format."""
        return Response(desk.metrics.text(), media_type=CONTENT_TYPE)


def _add_page(app: FastAPI) -> None:
    def add(path: str, name: str) -> None:
        @app.get(path, include_in_schema=False)
        async def page() -> FileResponse:
            return FileResponse(_PAGE / name)

    for path, name in _FILES.items():
        add(path, name)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return paddlehub.answer_to(request.url.path, error)


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = Problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))
    return await _problem(request, problem)


async def _unexpected(request: Request, error: Exception) -> Response:
    return await _problem(request, Problem(500, f"the service failed: {type(error).__name__}"))
