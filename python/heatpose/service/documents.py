"""The documents of the service: its OpenAPI texts and examples, the list of models, results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heatpose import formats
from heatpose.results import Hands, People
from heatpose.service.problems import MEDIA_TYPE, ProblemDocument
from heatpose.service.wire import EXAMPLE_PHOTO, BatchRequest, PoseAnswer, PoseRequest
from heatpose.skeletons import Skeleton

if TYPE_CHECKING:
    from heatpose.service.desk import Desk

DESCRIPTION = """People, hands and faces of photos, as keypoints.

Photos are JPEG, PNG, WebP or BMP files, as a form or in base64. No request names a file or a URL
for the server to read. Nothing of a photo is kept or logged. Photos of all clients share the runs
of the network; when too many wait the answer is 503 with `Retry-After`.
"""

PROBLEM: dict[str, Any] = {
    "description": "Refused, with the reason.",
    "content": {
        MEDIA_TYPE: {
            "schema": ProblemDocument.model_json_schema(),
            "example": {
                "type": "about:blank",
                "title": "Unprocessable Content",
                "status": 422,
                "detail": "image is not base64",
            },
        }
    },
}
_RESULT = {
    "format": "heatpose",
    "version": 1,
    "skeleton": "coco18",
    "keypoint_names": ["nose", "neck", "..."],
    "canvas": {"height": 480, "width": 640},
    "people": [
        {
            "score": 21.5,
            "box": [101.2, 40.1, 310.8, 460.0],
            "keypoints": [[200.1, 61.5, 0.91], None],
        }
    ],
}
_ANSWER = {"task": "body", "model": "heatpose-lite", "format": "heatpose", "result": _RESULT}
_FORM_FIELDS: dict[str, Any] = {
    "task": {"type": "string", "enum": ["body", "hand", "wholebody", "face"]},
    "model": {"type": "string", "maxLength": 200},
    "scales": {"type": "string", "description": "0.5,1,1.5"},
    "format": {"type": "string", "enum": list(formats.FORMATS)},
    "picture": {"type": "boolean"},
    "boxes": {"type": "string", "description": "JSON: [[x1, y1, x2, y2], ...]"},
}
_FILE = {"type": "string", "format": "binary"}


def _operation(
    kind: type[PoseRequest] | type[BatchRequest],
    file: dict[str, Any],
    example: dict[str, Any],
    answer: dict[str, Any],
    answer_example: dict[str, Any],
) -> dict[str, Any]:
    form = {"type": "object", "required": ["file"], "properties": {"file": file, **_FORM_FIELDS}}
    body = {
        "required": True,
        "content": {
            "application/json": {"schema": _inline(kind.model_json_schema()), "example": example},
            "multipart/form-data": {"schema": form},
        },
    }
    answers: dict[int | str, dict[str, Any]] = {
        200: {
            "description": "What was found.",
            "content": {"application/json": {"schema": answer, "example": answer_example}},
        }
    }
    for status in (400, 401, 408, 413, 415, 421, 422, 503):
        answers[status] = PROBLEM
    return {"openapi_extra": {"requestBody": body}, "responses": answers}


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    """Pydantic's schema, whose references would point to where OpenAPI has nothing."""
    definitions = schema.pop("$defs", {})

    def resolve(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return resolve(definitions[value["$ref"].rpartition("/")[2]])
            return {name: resolve(one) for name, one in value.items()}
        return [resolve(one) for one in value] if isinstance(value, list) else value

    resolved: dict[str, Any] = resolve(schema)
    return resolved


_ONE_ANSWER = _inline(PoseAnswer.model_json_schema())
ONE = _operation(
    PoseRequest,
    _FILE,
    {"image": EXAMPLE_PHOTO, "task": "body", "picture": False},
    _ONE_ANSWER,
    _ANSWER,
)
MANY = _operation(
    BatchRequest,
    {"type": "array", "items": _FILE, "minItems": 1},
    {"images": [EXAMPLE_PHOTO, EXAMPLE_PHOTO], "task": "body"},
    {
        "type": "object",
        "required": ["results"],
        "properties": {
            "results": {
                "type": "array",
                "items": {
                    "anyOf": [
                        _ONE_ANSWER,
                        {
                            "type": "object",
                            "required": ["error"],
                            "properties": {"error": ProblemDocument.model_json_schema()},
                        },
                    ]
                },
            }
        },
    },
    {"results": [_ANSWER, {"error": {"title": "Unprocessable Content", "status": 422,
                                     "type": "about:blank", "detail": "images/1 is not base64"}}]},
)  # fmt: skip


def encoded(result: People | Hands, format: formats.Format, number: int) -> Any:
    """The document of a result; the photos of a request are numbered from 0 in COCO's."""
    return formats.encode(result, format, image_id=number)


def models(desk: Desk) -> dict[str, Any]:
    """What is served, and the limits of a request."""
    settings = desk.settings
    return {
        "models": [
            {
                "name": model.name,
                "task": model.task,
                "scales": model.takes_scales or model.takes_hand_scales,
                "boxes": model.takes_boxes,
                "skeleton": None if model.skeleton is None else _skeleton(model.skeleton),
                "people_skeleton": _people_skeleton(model.estimator),
            }
            for model in desk.models
        ],
        "formats": list(formats.FORMATS),
        "limits": {
            "body_bytes": settings.max_body_bytes,
            "pixels": settings.max_pixels,
            "photos": settings.max_photos,
            "boxes": settings.max_boxes,
            "seconds": settings.deadline,
        },
    }


def _people_skeleton(estimator: Any) -> dict[str, Any] | None:
    """The skeleton of the people whose hands are found."""
    found = getattr(getattr(estimator, "body", None), "skeleton", None)
    return _skeleton(found) if isinstance(found, Skeleton) else None


def _skeleton(skeleton: Skeleton) -> dict[str, Any]:
    return {
        "name": skeleton.name,
        "keypoints": list(skeleton.keypoints),
        "limbs": [
            [*limb, *skeleton.limb_colors[index]]
            for index, limb in enumerate(skeleton.limbs)
            if index not in skeleton.non_starting_limbs
        ],
        "colors": [list(color) for color in skeleton.keypoint_colors],
    }
