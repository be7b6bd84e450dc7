"""Errors as RFC 9457 wants them: ``application/problem+json`` with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


class ProblemDocument(BaseModel):
    """The body of every error (RFC 9457)."""

    type: str = Field(
        default="about:blank", description="What kind of problem: none beyond the status."
    )
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong with this request.")
    errors: list[dict[str, str]] | None = Field(
        default=None, description="For a wrong document: where (JSON Pointer) and what."
    )


class Problem(Exception):  # noqa: N818
    """A request that is refused, and why.

    Args:
        status: The HTTP status, 4xx or 5xx.
        detail: What is wrong, for the client; nothing of the photo.
        errors: For a wrong document, ``pointer`` and ``detail`` of each place.
        retry_after: Seconds after which it is worth asking again.
        headers: More headers of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[dict[str, str]] | None = None,
        retry_after: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)

    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors is not None:
            document["errors"] = list(self.errors)
        return document

    def response(self) -> JSONResponse:
        """The answer."""
        return JSONResponse(
            self.document(), self.status, headers=self.headers, media_type=MEDIA_TYPE
        )

    @classmethod
    def of_validation(cls, error: ValidationError) -> Problem:
        """The problem of a document that does not fit; what came is not repeated."""
        found = error.errors(include_url=False, include_context=False, include_input=False)
        if found and found[0]["type"] == "json_invalid":
            return cls(400, "the body is not JSON")
        rows = [
            {
                "pointer": "".join(f"/{str(step)[:80]}" for step in one["loc"][:8]),
                "detail": str(one["msg"])[:300],
            }
            for one in found[:10]
        ]
        first = rows[0] if rows else {"pointer": "", "detail": "does not fit"}
        place = first["pointer"].lstrip("/") or "the document"
        return cls(422, f"{place}: {first['detail']}", errors=rows)
