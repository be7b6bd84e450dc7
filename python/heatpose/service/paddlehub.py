"""The endpoints of PaddleHub Serving for its OpenPose modules, for clients written for these."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from heatpose.results import Hands, People
from heatpose.service.desk import Desk
from heatpose.service.models import Question, Result, Scales, ServedModel
from heatpose.service.problems import Problem
from heatpose.service.wire import EXAMPLE_PHOTO, Options, Scale, content_type, parse, read_body
from heatpose.skeletons import COCO18

PORT = 8866
_PREFIX = "/predict/"
_TASKS = {
    "openpose_body_estimation": "body",
    "openpose_hands_estimation": "hand",
    "hand_pose_localization": "hand",
}
_LEFT_NECK, _RIGHT_NECK = "left_shoulder", "right_shoulder"


class HubRequest(BaseModel):
    """The body of PaddleHub's requests; settings that only write files there change nothing."""

    model_config = ConfigDict(extra="forbid")

    images: list[str] = Field(min_length=1, description="Image files in base64.")
    scale: list[Scale] | None = Field(default=None, min_length=1, max_length=8)
    save_path: str | None = Field(
        default=None, description="Not used: the service writes no files."
    )
    output_dir: str | None = Field(
        default=None, description="Not used: the service writes no files."
    )
    visualization: bool | None = Field(
        default=None, description="Not used: the picture always comes."
    )
    batch_size: int | None = Field(default=None, description="Not used.")


class HubAnswer(BaseModel):
    """The envelope of PaddleHub's answers."""

    status: str = Field(description="000; 101 for a failure, 111 no such module, 112 no JSON.")
    msg: str
    results: Any


def is_path(path: str) -> bool:
    """Whether a path is one of these endpoints."""
    return path.startswith(_PREFIX)


def refusal(problem: Problem) -> JSONResponse:
    """A problem in PaddleHub's envelope, under the HTTP status that says the same."""
    status = {404: "111", 415: "112"}.get(problem.status, "101")
    body = {"status": status, "msg": problem.detail, "results": ""}
    return JSONResponse(body, problem.status, headers=problem.headers)


def answer_to(path: str, problem: Problem) -> JSONResponse:
    """A problem as the clients of a path read it."""
    return refusal(problem) if is_path(path) else problem.response()


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Add the three endpoints, and the answer for any other module."""
    body = {
        "required": True,
        "content": {
            "application/json": {
                "schema": HubRequest.model_json_schema(),
                "example": {"images": [EXAMPLE_PHOTO]},
            }
        },
    }
    answers: dict[int | str, dict[str, Any]] = {
        status: {"model": HubAnswer, "description": "Refused, in the same envelope."}
        for status in (400, 401, 404, 408, 413, 415, 421, 422, 503)
    }

    def add(name: str) -> None:
        @app.post(
            _PREFIX + name,
            tags=["PaddleHub"],
            operation_id=name,
            response_model=HubAnswer,
            responses=answers,
            openapi_extra={"requestBody": body},
        )
        async def module(request: Request) -> JSONResponse:
            """As PaddleHub Serving answers for its module, and further images in ``more``."""
            results = await _answer(desk, name, request)
            return JSONResponse({"status": "000", "msg": "", "results": results})

    for name in _TASKS:
        add(name)

    @app.post(_PREFIX + "{name}", include_in_schema=False)
    async def unknown(name: str) -> JSONResponse:
        return refusal(Problem(404, "this module is not available"))


async def _answer(desk: Desk, name: str, request: Request) -> Any:
    if content_type(request) != "application/json":
        raise Problem(415, "the body must be application/json")
    asked = parse(HubRequest, await read_body(request), desk.settings)
    if len(asked.images) > desk.settings.max_photos:
        raise Problem(413, f"images: more than the {desk.settings.max_photos} allowed")
    try:
        model = desk.pick(Options(task=_TASKS[name]))  # type: ignore[arg-type]
    except Problem as problem:
        raise Problem(404, f"module {name} is not available: {problem.detail}") from None
    searched = model.takes_scales or model.takes_hand_scales
    scales = tuple(asked.scale) if asked.scale is not None and searched else None
    async with desk.opened(asked.images) as photos:
        return await _found(desk, name, model, scales, photos)


async def _found(
    desk: Desk, name: str, model: ServedModel, scales: Scales, photos: Sequence[bytes | Problem]
) -> Any:
    read = await desk.read(photos, [None] * len(photos), model, scales)
    questions = [_answered(one) for one in read]
    if name == "hand_pose_localization":
        questions = [_whole(question) for question in questions]
    found = [_answered(one) for one in await desk.ask(questions, model, scales)]
    if name == "hand_pose_localization":
        return [_localized(result) for result in found]
    rows = [
        await desk.in_thread(partial(_row, desk, name, question, result))
        for question, result in zip(questions, found, strict=True)
    ]
    # The modules answer the first image alone; their clients read its fields where they are.
    return {**rows[0], "more": rows[1:]} if len(rows) > 1 else rows[0]


def _answered(one: Any) -> Any:
    """The same, unless it is a problem: the envelope has no place for the problem of one image."""
    if isinstance(one, Problem):
        raise one
    return one


def _whole(question: Question) -> Question:
    """The question with the photo as one hand's box."""
    from heatpose.detectors import as_boxes

    height, width = question.photo.shape[:2]
    return Question(question.photo, as_boxes([0, 0, width, height], padded=True))


def _row(desk: Desk, name: str, question: Question, result: Result) -> dict[str, Any]:
    picture = desk.jpeg(question.photo, result)
    if name == "openpose_body_estimation":
        assert isinstance(result, People)
        return {**candidate_subset(result), "data": picture}
    return {"all_hand_peaks": hand_peaks(result), "data": picture}


def candidate_subset(people: People) -> dict[str, Any]:
    """People as PaddleHub's arrays: ``candidate`` [P, 4], ``subset`` [n, 20].

    A keypoint is (x, y, score, its row); a person the rows of the 18 keypoints of OpenPose, -1
    where missing, the person's score and the number of keypoints. Of skeletons without a neck it is
    the middle of the shoulders.
    """
    names = people.skeleton.keypoints
    candidate: list[list[float]] = []
    subset = []
    for person in people:
        rows = []
        for name in COCO18.keypoints:
            x, y, score = _place(person, names, name)
            if np.isnan(x):
                rows.append(-1.0)
                continue
            rows.append(float(len(candidate)))
            candidate.append([x, y, score, float(len(candidate))])
        count = sum(row >= 0 for row in rows)
        subset.append([*rows, float(person.score), float(count)])
    return {"candidate": candidate, "subset": subset}


def _place(person: Any, names: tuple[str, ...], name: str) -> tuple[float, float, float]:
    if name in names:
        at = names.index(name)
        x, y = person.keypoints[at].tolist()
        return x, y, float(person.scores[at])
    if name == "neck" and _LEFT_NECK in names and _RIGHT_NECK in names:
        both = [names.index(_LEFT_NECK), names.index(_RIGHT_NECK)]
        x, y = person.keypoints[both].mean(axis=0).tolist()
        return x, y, float(person.scores[both].min())
    return np.nan, np.nan, 0.0


def hand_peaks(result: Result) -> list[list[list[int]]]:
    """[n, 21, 2] whole pixels of the hands in which something was found; (0, 0) where missing."""
    assert isinstance(result, Hands)
    whole = np.where(result.visible[..., None], np.rint(np.nan_to_num(result.keypoints)), 0)
    peaks: list[list[list[int]]] = whole[result.visible.any(axis=1)].astype(int).tolist()
    return peaks


def _localized(result: Result) -> list[list[int] | None]:
    """The 21 places of a photo that is one hand, None where missing."""
    assert isinstance(result, Hands)
    (hand,) = result
    return [None if np.isnan(x) else [round(x), round(y)] for x, y in hand.keypoints.tolist()]
