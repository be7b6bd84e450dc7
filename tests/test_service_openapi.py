"""Requests that schemathesis makes of the OpenAPI document: none may end in a 5xx."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("schemathesis")
import schemathesis
from hypothesis import HealthCheck, settings

from heatpose.service import ServedModel, Settings, create_app
from service_support import Bodies, HandsOf

BODIES = Bodies()
APP = create_app(
    [ServedModel("planted", "body", BODIES), ServedModel("hands", "hand", HandsOf(BODIES))],
    Settings(hosts=("localhost", "testserver", "127.0.0.1")),
)
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", APP)


@SCHEMA.parametrize()
@settings(max_examples=5, suppress_health_check=list(HealthCheck))
def test_no_request_ends_in_a_server_error(case: schemathesis.Case) -> None:
    answer = case.call()
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        document = answer.json()
        assert document.get("detail") or document.get("msg")
