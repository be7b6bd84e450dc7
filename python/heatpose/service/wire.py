"""What clients may ask, as JSON or as a form."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from heatpose.formats import Format
from heatpose.service.problems import Problem
from heatpose.service.settings import Settings

Task = Literal["body", "hand", "wholebody", "face"]
Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
Box = Annotated[
    list[Number], Field(min_length=4, max_length=4, description="x1, y1, x2, y2 in pixels.")
]
Boxes = list[Box]
Scale = Annotated[float, Field(ge=0.1, le=4, allow_inf_nan=False)]
# Base64 of one pixel as PNG, so that the examples of the document are complete.
EXAMPLE_PHOTO = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4//8/AAX+Av4N70a4AAAAAElFTkSuQmCC"
)


class Options(BaseModel):
    """What is asked of a photo."""

    model_config = ConfigDict(extra="forbid")

    task: Task | None = Field(
        default=None, description="What to find. Default: the first that is served."
    )
    model: str | None = Field(
        default=None,
        max_length=200,
        description="A model of GET /v1/models. Default: the task's first.",
    )
    scales: list[Scale] | None = Field(
        default=None,
        min_length=1,
        max_length=8,
        description="Scale search of networks that see whole photos, and of OpenPose's hands.",
    )
    format: Format = Field(default="heatpose", description="Of the result: see GET /v1/models.")
    picture: bool = Field(
        default=False, description="Whether to send the photo with the result drawn."
    )


class PoseRequest(Options):
    """One photo."""

    image: str = Field(description="An image file in base64, or a data: URL of one.")
    boxes: Boxes | None = Field(
        default=None, description="Where to look, for networks that see boxes and for hands."
    )


class BatchRequest(Options):
    """Several photos."""

    images: list[str] = Field(min_length=1, description="Image files in base64.")
    boxes: list[Boxes | None] | None = Field(default=None, description="An entry for each photo.")


class PoseAnswer(BaseModel):
    """The people of one photo."""

    task: Task
    model: str
    format: Format
    result: dict[str, Any] | list[dict[str, Any]] = Field(
        description="The document of the format: people with keypoints and scores, and hands."
    )
    picture: str | None = Field(
        default=None, description="JPEG in base64, only when it was asked for."
    )


class Asked(NamedTuple):
    """A request as it was read.

    Attributes:
        photos: The image files, in base64 or as they are.
        boxes: Of each photo, or None.
        options: The rest.
    """

    photos: list[str | bytes]
    boxes: list[Any]
    options: Options


class _MemoryParser(MultiPartParser):
    """Starlette's, but no part of a request is ever written to a file."""

    spool_max_size = 1 << 40

    async def parse(self) -> FormData:
        """The form; what came of one that cannot be read is let go at once."""
        try:
            return await super().parse()
        except BaseException:
            for file in self._files_to_close_on_error:
                file.close()
            raise


_Document = TypeVar("_Document", bound=BaseModel)


async def read_asked(request: Request, settings: Settings, *, many: bool) -> Asked:
    """Read the question of a request, JSON or form.

    Raises:
        Problem: 400, 408, 413, 415 or 422.
    """
    kind = content_type(request)
    if kind == "multipart/form-data":
        form = await _read_form(request, settings)
        try:
            return _of_form(form, settings, many=many)
        finally:
            await form.close()
    if kind != "application/json":
        raise Problem(415, "the body must be application/json or multipart/form-data")
    body = await read_body(request)
    if many:
        batch = parse(BatchRequest, body, settings)
        count = len(batch.images)
        return _checked(Asked([*batch.images], batch.boxes or [None] * count, batch), settings)
    one = parse(PoseRequest, body, settings)
    return _checked(Asked([one.image], [one.boxes], one), settings)


def content_type(request: Request) -> str:
    """The media type of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request) -> bytes:
    """The body of a request.

    Raises:
        Problem: too large, or too slow; or the client has gone.
    """
    try:
        return await request.body()
    except ClientDisconnect:
        raise Problem(400, "the request ended before its body") from None


def parse(kind: type[_Document], body: bytes, settings: Settings) -> _Document:
    """A JSON document of a kind.

    Raises:
        Problem: 400 where it is no JSON, 413 where it holds too many values, 422 where it does not
            fit.
    """
    _check_values(body, settings)
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise Problem.of_validation(error) from None


def _check_values(text: bytes, settings: Settings) -> None:
    """Refuse a document of more values than any question needs, before it costs their memory.

    Commas within strings count too: base64 has none, a data: URL one.
    """
    most = 256 + settings.max_photos * (8 + 8 * settings.max_boxes)
    if sum(text.count(mark) for mark in (b",", b"[", b"{")) > most:
        raise Problem(413, "the JSON document holds more values than are allowed")


def photo_bytes(photo: str | bytes, name: str = "image") -> bytes:
    """The image file that base64 is of.

    Raises:
        Problem: 422 where it is no base64.
    """
    if isinstance(photo, bytes):
        return photo
    if photo.startswith("data:"):
        head, comma, photo = photo.partition(",")
        if not comma or not head.endswith(";base64"):
            raise Problem(422, f"{name} is a URL; only data:...;base64, URLs are read")
    try:
        return base64.b64decode("".join(photo.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Problem(422, f"{name} is not base64") from None


async def _read_form(request: Request, settings: Settings) -> FormData:
    async def chunks() -> AsyncIterator[bytes]:
        try:
            async for chunk in request.stream():
                yield chunk
        except ClientDisconnect:
            raise Problem(400, "the request ended before its body") from None

    parser = _MemoryParser(
        request.headers,
        chunks(),  # type: ignore[arg-type]
        max_files=settings.max_photos + 1,
        max_fields=16,
        max_part_size=1 << 16,
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise Problem(400, f"the form cannot be read: {error.message}"[:300]) from None
    except (KeyError, ValueError, LookupError):
        raise Problem(400, "the form cannot be read") from None


def _of_form(form: FormData, settings: Settings, *, many: bool) -> Asked:
    photos: list[str | bytes] = []
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name != "file":
                raise Problem(422, "photos come in the field file")
            photos.append(value.file.read())
        elif name in fields:
            raise Problem(422, "a field of the form comes twice")
        elif value != "":
            fields[name] = value
    boxes = _json_field(fields, "boxes", settings)
    if "scales" in fields:
        fields["scales"] = [part.strip() for part in fields["scales"].strip("[] ").split(",")]
    # The same rules as of JSON, but a form's numbers are words.
    kind = BatchRequest if many else PoseRequest
    held: dict[str, Any] = {"images": [""] * len(photos)} if many else {"image": ""}
    try:
        asked: Any = kind.model_validate({**fields, **held, "boxes": boxes})
    except ValidationError as error:
        if many and not photos:
            raise Problem(422, "file: at least one photo is needed") from None
        raise Problem.of_validation(error) from None
    if not many and len(photos) != 1:
        raise Problem(422, f"file: one photo is needed, got {len(photos)}")
    each = (asked.boxes or [None] * len(photos)) if many else [asked.boxes]
    return _checked(Asked(photos, each, asked), settings)


def _json_field(fields: dict[str, Any], name: str, settings: Settings) -> Any:
    if name not in fields:
        return None
    _check_values(fields[name].encode(errors="replace"), settings)
    try:
        return json.loads(fields.pop(name))
    except (ValueError, RecursionError):
        raise Problem(422, f"{name} must be JSON, as [[x1, y1, x2, y2]]") from None


def _checked(asked: Asked, settings: Settings) -> Asked:
    if len(asked.photos) > settings.max_photos:
        raise Problem(
            413, f"{len(asked.photos)} photos are more than the {settings.max_photos} allowed"
        )
    if len(asked.boxes) != len(asked.photos):
        raise Problem(422, "boxes: one entry for each photo is needed, or none at all")
    for boxes in asked.boxes:
        if boxes is not None and len(boxes) > settings.max_boxes:
            raise Problem(
                422, f"boxes: {len(boxes)} are more than the {settings.max_boxes} allowed"
            )
    return asked
