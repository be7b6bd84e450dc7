"""PaddleHub's endpoints, asked as that system's manual asks them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import anyio
import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from heatpose.results import People
from heatpose.service import ServedModel, Settings, create_app
from heatpose.service import gate as gate_module
from heatpose.service.gate import Gate
from heatpose.service.metrics import Metrics
from heatpose.service.paddlehub import candidate_subset
from heatpose.skeletons import COCO17
from service_support import Bodies, HandsOf, b64, jpeg, photo_of, png

PEOPLE = "/predict/openpose_body_estimation"
HANDS = "/predict/openpose_hands_estimation"
HEAD = [(b"host", b"localhost")]
ONE_HAND = "/predict/hand_pose_localization"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    bodies = Bodies()
    models = [ServedModel("b", "body", bodies), ServedModel("h", "hand", HandsOf(bodies))]
    with TestClient(create_app(models, Settings()), base_url="http://localhost:8866") as client:
        yield client


def posted(client: TestClient, path: str, *photos: Any, **more: Any) -> Any:
    """As the manual posts: JSON as text, under a header of that spelling."""
    data = {"images": [b64(jpeg(photo)) for photo in photos], **more}
    answer = client.post(
        path, headers={"Content-type": "application/json"}, content=json.dumps(data)
    )
    assert answer.status_code == 200, answer.text
    envelope = answer.json()
    assert (envelope["status"], envelope["msg"]) == ("000", "")
    assert list(envelope) == ["status", "msg", "results"]
    return envelope["results"]


def picture(text: str) -> Any:
    return cv2.imdecode(np.frombuffer(base64.b64decode(text.encode("utf8")), np.uint8), 1)


def test_bodies(client: TestClient) -> None:
    results = posted(client, PEOPLE, photo_of(30))
    candidate, subset = np.array(results["candidate"]), np.array(results["subset"])
    assert candidate.shape == (17, 4) and subset.shape == (1, 20)
    assert (candidate[:, 3] == np.arange(17)).all() and (candidate[:, 2] == 0.5).all()
    assert subset[0, 0] == -1 and subset[0, 1:18].tolist() == list(range(17))
    assert subset[0, 18:].tolist() == [9, 17]
    assert picture(results["data"]).shape == (40, 60, 3)


def test_hands(client: TestClient) -> None:
    results = posted(client, HANDS, photo_of(30), visualization=True, scale=[0.5, 1.0])
    first, second = results["all_hand_peaks"]
    assert len(first) == 21 and first[0] == [5, 5] and first[3] == [0, 0]
    assert second[0] == [35, 5]
    assert picture(results["data"]).shape == (40, 60, 3)


def test_one_hand_in_each_photo(client: TestClient) -> None:
    first, second = posted(client, ONE_HAND, photo_of(30), photo_of(40, 20, 20))
    assert len(first) == len(second) == 21
    assert first[0] == [5, 5] and first[3] is None


def test_all_images_are_answered(client: TestClient) -> None:
    results = posted(client, PEOPLE, photo_of(30), photo_of(50, 20, 30), photo_of(10))
    assert results["candidate"] and picture(results["data"]).shape == (40, 60, 3)
    second, third = results["more"]
    assert picture(second["data"]).shape == (20, 30, 3)
    assert np.array(third["candidate"])[:, 0].max() < 20


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/predict/lac", {"images": []}, 404, "111"),
        (PEOPLE, {"images": []}, 422, "101"),
        (PEOPLE, {"images": ["*"]}, 422, "101"),
        (PEOPLE, {"paths": ["/etc/passwd"]}, 422, "101"),
        (PEOPLE, {"images": [b64(png(photo_of(13)))]}, 422, "101"),
        (PEOPLE, {"images": ["AAAA"] * 17}, 413, "101"),
    ],
)
def test_refusals_keep_the_envelope(
    client: TestClient, path: str, body: Any, status: int, code: str
) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == status
    envelope = answer.json()
    assert (envelope["status"], envelope["results"]) == (code, "")
    assert envelope["msg"] and "etc" not in envelope["msg"]


def enveloped(answer: Any, status: int) -> str:
    """The message of a refusal."""
    assert answer.status_code == status, answer.text
    envelope = answer.json()
    assert list(envelope) == ["status", "msg", "results"]
    assert (envelope["status"], envelope["results"]) == ("101", "")
    message: str = envelope["msg"]
    return message


def test_refusals_before_the_endpoints_keep_the_envelope_too() -> None:
    body = {"images": [b64(jpeg(photo_of(30)))]}
    settings = Settings(api_key="k", max_body_bytes=1000)
    app = create_app([ServedModel("b", "body", Bodies())], settings)
    with TestClient(app, base_url="http://localhost") as client:
        answer = client.post(PEOPLE, json=body)
        assert "key" in enveloped(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
        key = {"X-API-Key": "k"}
        assert "name" in enveloped(client.post(PEOPLE, json=body, headers={"Host": "a.b"}), 421)
        large = {"images": ["A" * 2000]}
        assert "larger" in enveloped(client.post(PEOPLE, json=large, headers=key), 413)
        pieces = iter([b"A" * 600] * 2)  # without Content-Length
        json_of = {**key, "Content-Type": "application/json"}
        assert "larger" in enveloped(client.post(PEOPLE, content=pieces, headers=json_of), 413)
        elsewhere = client.post("/v1/poses", json=large, headers=key)
        assert elsewhere.status_code == elsewhere.json()["status"] == 413


def test_refusals_of_a_busy_service_keep_the_envelope_too() -> None:
    bodies = Bodies()
    app = create_app([ServedModel("b", "body", bodies)], Settings(max_requests=1))
    body = {"images": [b64(jpeg(photo_of(30)))]}
    with (
        TestClient(app, base_url="http://localhost") as client,
        ThreadPoolExecutor(1) as pool,
    ):
        assert app.state.desk.worker.ready.wait(30) and bodies.entered.acquire(timeout=30)
        bodies.hold()
        first = pool.submit(client.post, PEOPLE, json=body)
        try:
            assert bodies.entered.acquire(timeout=30)
            answer = client.post(PEOPLE, json=body)
            assert "too many" in enveloped(answer, 503) and answer.headers["retry-after"] == "1"
        finally:
            bodies.release()
        assert first.result(30).status_code == 200


def test_the_time_limit_keeps_the_envelope_too() -> None:
    async def never(scope: Any, receive: Any, send: Any) -> None:
        await anyio.sleep(60)

    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def ask() -> None:
        gate = Gate(never, Settings(body_timeout=0.1, deadline=0.1), Metrics())
        scope = {"type": "http", "method": "POST", "path": PEOPLE, "headers": HEAD}
        with mock.patch.object(gate_module, "_SPARE_SECONDS", 0):
            await gate(scope, never, send)  # type: ignore[arg-type]

    anyio.run(ask)
    assert said[0]["status"] == 503
    envelope = json.loads(said[1]["body"])
    assert envelope["status"] == "101" and "too long" in envelope["msg"]


def test_forms_are_not_read(client: TestClient) -> None:
    answer = client.post(PEOPLE, files={"image": jpeg(photo_of(30))})
    assert (answer.status_code, answer.json()["status"]) == (415, "112")


def test_without_hands_their_modules_are_not_there() -> None:
    app = create_app([ServedModel("b", "body", Bodies())])
    with TestClient(app, base_url="http://localhost") as client:
        answer = client.post(HANDS, json={"images": [b64(jpeg(photo_of(30)))]})
        assert (answer.status_code, answer.json()["status"]) == (404, "111")


def test_the_neck_of_skeletons_that_have_none() -> None:
    keypoints = np.full((1, 17, 2), np.nan, np.float32)
    scores = np.zeros((1, 17), np.float32)
    left, right = (COCO17.keypoints.index(f"{side}_shoulder") for side in ("left", "right"))
    keypoints[0, left], keypoints[0, right] = (10, 20), (30, 40)
    scores[0, [left, right]] = 0.8, 0.6
    people = People(keypoints, scores, np.ones(1, np.float32), COCO17, (50, 50))
    found = candidate_subset(people)
    neck = found["candidate"][int(found["subset"][0][1])]
    assert neck[:2] == [20, 30] and neck[2] == pytest.approx(0.6)
    assert found["subset"][0][-1] == 3
    assert candidate_subset(People.empty(COCO17, (5, 5))) == {"candidate": [], "subset": []}
