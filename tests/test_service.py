"""The service: what it answers, what it refuses, and what it tells of itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from heatpose.service import ServedModel, Settings, create_app
from service_support import Bodies, HandsOf, b64, jpeg, photo_of, png

FIELD = b'--x\r\nContent-Disposition: form-data; name="task"\r\n\r\nbody\r\n--x--\r\n'
PAGE = Path(__file__).parents[1] / "python/heatpose/service/page"


def client_of(*models: ServedModel, **settings: Any) -> TestClient:
    return TestClient(create_app(models, Settings(**settings)), base_url="http://localhost")


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    bodies = Bodies()
    models = (
        ServedModel("planted", "body", bodies),
        ServedModel("other", "body", Bodies()),
        ServedModel("planted-hands", "hand", HandsOf(bodies)),
    )
    with client_of(*models) as client:
        yield client


def refused(answer: Any, status: int) -> str:
    """The detail of a problem, whose document is RFC 9457's."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status and document["type"] == "about:blank"
    assert document["title"]
    detail: str = document["detail"]
    return detail


def test_a_photo_in_base64(client: TestClient) -> None:
    answer = client.post("/v1/poses", json={"image": b64(png(photo_of(20)))})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["task"], found["model"], found["format"]) == ("body", "planted", "heatpose")
    assert "picture" not in found
    (person,) = found["result"]["people"]
    assert person["keypoints"][0] is None
    assert person["keypoints"][1] == [20, 20, 0.5]
    assert found["result"]["canvas"] == {"height": 40, "width": 60}


def test_the_same_as_a_form_and_as_a_data_url(client: TestClient) -> None:
    data = png(photo_of(20))
    want = client.post("/v1/poses", json={"image": b64(data)}).json()
    assert client.post("/v1/poses", files={"file": ("../../etc/passwd", data)}).json() == want
    wrapped = "data:image/png;base64," + base64.encodebytes(data).decode()
    assert client.post("/v1/poses", json={"image": wrapped}).json() == want


def test_the_picture_comes_only_when_it_is_asked_for(client: TestClient) -> None:
    form = {"picture": "true"}
    found = client.post("/v1/poses", files={"file": png(photo_of(20))}, data=form).json()
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(found["picture"]), np.uint8), 1)
    assert picture.shape == (40, 60, 3)
    assert np.ptp(picture.reshape(-1, 3), axis=0).max() > 30  # something is drawn


@pytest.mark.parametrize("kind", ["openpose", "coco"])
def test_formats(client: TestClient, kind: str) -> None:
    answer = client.post("/v1/poses", json={"image": b64(png(photo_of(20))), "format": kind})
    result = answer.json()["result"]
    assert isinstance(result, list) if kind == "coco" else result["people"]


def test_hands_with_people_and_in_boxes(client: TestClient) -> None:
    asked = {"image": b64(png(photo_of(20))), "task": "hand"}
    result = client.post("/v1/poses", json=asked).json()["result"]
    assert len(result["hands"]) == 2 and len(result["people"]) == 1
    asked["boxes"] = [[10, 10, 30, 30]]  # type: ignore[assignment]
    result = client.post("/v1/poses", json=asked).json()["result"]
    assert result["hands"][0]["keypoints"][0] == [15.4, 15.4, 0.7]
    form = {"task": "hand", "boxes": "[[10, 10, 30, 30]]"}
    again = client.post("/v1/poses", files={"file": png(photo_of(20))}, data=form).json()["result"]
    assert again == result


def test_a_model_by_name(client: TestClient) -> None:
    asked = {"image": b64(png(photo_of(20))), "model": "other"}
    assert client.post("/v1/poses", json=asked).json()["model"] == "other"
    assert "model" in refused(client.post("/v1/poses", json={**asked, "model": "no"}), 422)
    assert "task" in refused(client.post("/v1/poses", json={**asked, "task": "face"}), 422)


def test_many_photos_keep_their_order_and_their_errors(client: TestClient) -> None:
    files = [png(photo_of(20)), b"no photo", png(photo_of(13)), jpeg(photo_of(0, 30, 30))]
    answer = client.post("/v1/poses/batch", json={"images": [b64(one) for one in files]})
    first, second, third, fourth = answer.json()["results"]
    assert first["result"]["people"][0]["keypoints"][1] == [20, 20, 0.5]
    assert second["error"]["status"] == 415
    assert third["error"]["status"] == 422 and "unlucky" in third["error"]["detail"]
    assert fourth["result"]["canvas"] == {"height": 30, "width": 30}
    form = client.post("/v1/poses/batch", files=[("file", one) for one in files])
    assert form.json() == answer.json()


def test_too_many_photos(client: TestClient) -> None:
    images = [b64(png(photo_of(20)))] * 17
    assert "17" in refused(client.post("/v1/poses/batch", json={"images": images}), 413)


def test_a_failing_network_tells_its_kind_alone(client: TestClient) -> None:
    detail = refused(client.post("/v1/poses", json={"image": b64(png(photo_of(66)))}), 500)
    assert detail == "the model planted failed: RuntimeError"


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"", 400, "JSON"),
        (b"{", 400, "JSON"),
        (b"[" * 5_000, 400, "JSON"),
        (b"[" * 100_000, 413, "values"),
        (b"\xff\xfe", 400, "JSON"),
        (b"[]", 422, "object"),
        (b"{}", 422, "image"),
        (b'{"image": 5}', 422, "image"),
        (b'{"image": "AAAA", "path": "/etc/passwd"}', 422, "path"),
        (b'{"image": "*"}', 422, "base64"),
        (b'{"image": "AAA"}', 422, "base64"),
        (b'{"image": ""}', 422, "empty"),
        (b'{"image": "/etc/passwd"}', 422, "base64"),
        (b'{"image": "https://example.org/a.jpg"}', 422, "base64"),
        (b'{"image": "data:text/plain,hello"}', 422, "URL"),
        (b'{"image": "AAAA", "scales": []}', 422, "scales"),
        (b'{"image": "AAAA", "scales": [1e999]}', 422, "scales"),
        (b'{"image": "AAAA", "scales": [0]}', 422, "scales"),
        (b'{"image": "AAAA", "boxes": [[1, 2, 3]]}', 422, "boxes"),
        (b'{"image": "AAAA", "task": "cat"}', 422, "task"),
    ],
)
def test_wrong_documents(client: TestClient, body: bytes, status: int, word: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/poses", content=body, headers=headers)
    assert word in refused(answer, status)
    assert "/etc" not in answer.text and "example.org" not in answer.text


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, b"", 415),
        ({"Content-Type": "text/plain"}, b"hello", 415),
        ({"Content-Type": "multipart/form-data"}, b"hello", 400),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"hello", 400),
        ({"Content-Type": "multipart/form-data; boundary=x; charset=no"}, FIELD, 422),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--\r\n", 422),
    ],
)
def test_wrong_bodies(
    client: TestClient, headers: dict[str, str], body: bytes, status: int
) -> None:
    refused(client.post("/v1/poses", content=body, headers=headers), status)


def test_wrong_forms(client: TestClient) -> None:
    photo = png(photo_of(20))
    assert "got 0" in refused(client.post("/v1/poses", files={"task": (None, "body")}), 422)
    two = [("file", photo), ("file", photo)]
    assert "got 2" in refused(client.post("/v1/poses", files=two), 422)
    assert "file" in refused(client.post("/v1/poses", files={"photo": photo}), 422)
    for fields in ({"boxes": "["}, {"scales": "a"}, {"picture": "perhaps"}, {"url": "file:///x"}):
        refused(client.post("/v1/poses", files={"file": photo}, data=fields), 422)


def test_boxes_and_scales_only_where_the_network_takes_them(client: TestClient) -> None:
    asked = {"image": b64(png(photo_of(20))), "scales": [1.0]}
    assert "scales" in refused(client.post("/v1/poses", json=asked), 422)
    boxes = {"image": asked["image"], "task": "hand", "boxes": [[5, 5, 5, 9]]}
    refused(client.post("/v1/poses", json=boxes), 422)


def test_size_is_refused_before_and_while_it_is_read() -> None:
    with client_of(ServedModel("planted", "body", Bodies()), max_body_bytes=1000) as client:
        assert "1000" in refused(client.post("/v1/poses", content=b"x" * 1001), 413)

        def chunks() -> Iterator[bytes]:
            for _ in range(5):
                yield b"x" * 300

        headers = {"Content-Type": "application/json"}
        answer = client.post("/v1/poses", content=chunks(), headers=headers)
        assert "1000" in refused(answer, 413)
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        refused(client.post("/v1/poses", content=chunks(), headers=headers), 413)


def test_the_key() -> None:
    with client_of(ServedModel("planted", "body", Bodies()), api_key="open sesame") as client:
        photo = {"image": b64(png(photo_of(20)))}
        answer = client.post("/v1/poses", json=photo)
        refused(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
        refused(client.post("/v1/poses", json=photo, headers={"X-API-Key": "open"}), 401)
        refused(client.get("/metrics"), 401)
        for headers in ({"X-API-Key": "open sesame"}, {"Authorization": "bearer open sesame"}):
            assert client.post("/v1/poses", json=photo, headers=headers).status_code == 200
        for path in ("/", "/page.js", "/healthz"):
            assert client.get(path).status_code == 200
    assert "sesame" not in repr(Settings(api_key="open sesame"))


def test_names_of_other_hosts_are_refused_on_loopback(client: TestClient) -> None:
    for name in ("evil.example", "localhost.evil.example:8000", ""):
        refused(client.get("/healthz", headers={"Host": name}), 421)
    for name in ("localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"):
        assert client.get("/healthz", headers={"Host": name}).status_code == 200
    assert Settings(host="0.0.0.0").known_hosts == ()
    assert Settings(hosts=("Poses.Example",)).known_hosts == ("poses.example",)


def test_watching(client: TestClient) -> None:
    client.post("/v1/poses", json={"image": b64(png(photo_of(20)))})
    client.get("/secret-name-of-a-client")
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    text = client.get("/metrics").text
    assert 'heatpose_requests_total{route="/v1/poses",status="200"}' in text
    assert 'heatpose_photos_total{model="planted"}' in text
    assert "heatpose_batch_photos_bucket" in text
    assert "secret" not in text


def test_unknown_paths_and_methods(client: TestClient) -> None:
    for path in ("/nothing", "/docs", "/page.html", "/../pyproject.toml", "/%2e%2e/README.md"):
        refused(client.get(path), 404)
    refused(client.get("/v1/poses"), 405)


def test_models(client: TestClient) -> None:
    told = client.get("/v1/models").json()
    assert [one["name"] for one in told["models"]] == ["planted", "other", "planted-hands"]
    skeleton = told["models"][0]["skeleton"]
    assert skeleton["name"] == "coco18" and len(skeleton["limbs"]) == 17
    assert told["models"][2]["people_skeleton"]["name"] == "coco18"


def test_the_openapi_document(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert {"/v1/poses", "/v1/poses/batch", "/predict/hand_pose_localization"} <= set(
        document["paths"]
    )
    assert "#/$defs" not in json.dumps(document)
    post = document["paths"]["/v1/poses"]["post"]
    content = post["requestBody"]["content"]
    assert {"application/json", "multipart/form-data"} == set(content)
    example = content["application/json"]["example"]
    assert client.post("/v1/poses", json=example).status_code == 200
    assert "application/problem+json" in post["responses"]["422"]["content"]


def test_the_page_needs_no_other_host(client: TestClient) -> None:
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    for file in PAGE.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text and "url(" not in text, file
    for path in ("/page.js", "/page.css", "/icon.svg"):
        assert f'"{path}"' in answer.text
        assert client.get(path).status_code == 200


def test_settings_are_checked() -> None:
    for wrong in ({"max_pixels": 0}, {"deadline": float("nan")}, {"picture_quality": 101}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Settings(**wrong)
    with pytest.raises(ValueError, match="api_key"):
        Settings(api_key=" ")
    with pytest.raises(ValueError, match="different names"):
        create_app([ServedModel("a", "body", Bodies())] * 2)
    with pytest.raises(ValueError, match="at least one"):
        create_app([])


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("127.0.0.1", "localhost"),
        ("127.0.0.2", "127.0.0.2:8000"),
        ("127.0.0.2", "127.0.0.1"),
        ("LOCALHOST", "LocalHost:80"),
        ("::1", "[::1]:8000"),
        ("0:0:0:0:0:0:0:1", "[::1]"),
    ],
)
def test_the_service_goes_by_the_host_it_listens_on(host: str, name: str) -> None:
    with client_of(ServedModel("planted", "body", Bodies()), host=host) as client:
        assert client.get("/healthz", headers={"Host": name}).status_code == 200
        refused(client.get("/healthz", headers={"Host": "127.0.0.9"}), 421)
