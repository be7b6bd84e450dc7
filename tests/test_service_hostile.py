"""Photos that mean harm, or are only unusual: answered or refused, and the next one answered."""

from __future__ import annotations

import io
import resource
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from unittest import mock

import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from heatpose.media import decode_image
from heatpose.service import ServedModel, Settings, create_app, photos
from heatpose.service.photos import read_header, read_photo
from heatpose.service.problems import Problem
from service_support import Bodies, HandsOf, b64, jpeg, photo_of, png

SETTINGS = Settings()
PADDLEHUB = "/predict/openpose_body_estimation"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = create_app([ServedModel("planted", "body", Bodies())], SETTINGS)
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def most_memory() -> int:
    """Bytes that this process held at its height."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_that_says(width: int, height: int, data: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", data or zlib.compress(bytes(1 << 20)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def jpeg_that_says(width: int, height: int) -> bytes:
    data = bytearray(jpeg(photo_of(20)))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def noise(height: int = 60, width: int = 80) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def exif(orientation: int) -> bytes:
    tiff = b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x112, 3, 1, orientation) + bytes(4)
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def many_scans() -> bytes:
    setting = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    data = cv2.imencode(".jpg", noise(), setting)[1].tobytes()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 200 + data[-2:]


HARMFUL: dict[str, tuple[Callable[[], bytes], int]] = {
    "nothing": (lambda: b"", 422),
    "text": (lambda: b"hello", 415),
    "HTML": (lambda: b"<svg onload=alert(1)>", 415),
    "zip": (lambda: b"PK\3\4" + bytes(100), 415),
    "GIF": (lambda: b"GIF89a" + bytes(100), 415),
    "TIFF": (lambda: b"II*\0" + bytes(100), 415),
    "magic alone": (lambda: b"\xff\xd8\xff", 422),
    "JPEG cut in its head": (lambda: jpeg(noise())[:100], 422),
    "JPEG cut in its pixels": (lambda: jpeg(noise())[:-400], 422),
    "JPEG of many scans": (many_scans, 422),
    "JPEG bomb": (lambda: jpeg_that_says(65_000, 65_000), 413),
    "JPEG without rows": (lambda: jpeg_that_says(60, 0), 422),
    "PNG cut": (lambda: png(noise())[:-40], 422),
    "PNG bomb": (lambda: png_that_says(50_000, 50_000), 413),
    "PNG of 2^31 rows": (lambda: png_that_says(1, 0xFFFF_FFFF), 413),
    "PNG with other pixels": (lambda: png_that_says(100, 100, b"no zlib"), 422),
    "PNG of no pixels": (lambda: png_that_says(0, 5), 422),
    "WebP cut": (lambda: cv2.imencode(".webp", noise())[1].tobytes()[:-50], 422),
    "BMP cut": (lambda: cv2.imencode(".bmp", noise())[1].tobytes()[:-50], 422),
    "BMP bomb": (
        lambda: b"BM" + struct.pack("<IHHIIiiHHII", 0, 0, 0, 54, 40, 60_000, 60_000, 1, 8, 1, 0)
        + bytes(50), 413,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMFUL)
def test_harmful_files_have_a_reason(client: TestClient, name: str) -> None:
    make, status = HARMFUL[name]
    data, started = make(), time.monotonic()
    answer = client.post("/v1/poses", files={"file": data})
    assert answer.status_code == status, answer.text
    assert len(answer.json()["detail"]) > 10
    assert time.monotonic() - started < 30
    again = client.post("/v1/poses", json={"image": b64(data)})
    assert again.json() == answer.json()
    assert client.post("/v1/poses", json={"image": b64(png(photo_of(20)))}).status_code == 200


FLOODS = {
    "numbers": b'{"images":[' + b"1," * 4_000_000 + b"1]}",
    "lists": b'{"images":["AAAA"],"boxes":[' + b"[]," * 2_000_000 + b"[]]}",
    "nested": b"[" * 4_000_000,
    "keys": b"{" + b",".join(b'"%d":1' % n for n in range(600_000)) + b"}",
}


@pytest.mark.parametrize("path", ["/v1/poses", "/v1/poses/batch", PADDLEHUB])
@pytest.mark.parametrize("name", FLOODS)
def test_floods_of_json_values_cost_nothing(client: TestClient, name: str, path: str) -> None:
    started, before = time.monotonic(), most_memory()
    answer = client.post(path, content=FLOODS[name], headers={"Content-Type": "application/json"})
    assert answer.status_code == 413, answer.text[:300]
    assert "more values" in answer.text and len(answer.content) < 1000
    assert time.monotonic() - started < 30
    assert most_memory() - before < 150e6


def test_the_largest_question_is_no_flood() -> None:
    app = create_app([ServedModel("planted", "hand", HandsOf(Bodies()))], SETTINGS)
    photo = "data:image/png;base64," + b64(png(photo_of(20)))
    boxes = [[[0.5, 0.5, 20.5, 20.5]] * SETTINGS.max_boxes] * SETTINGS.max_photos
    with TestClient(app, base_url="http://localhost") as client:
        question = {"images": [photo] * SETTINGS.max_photos, "boxes": boxes}
        answer = client.post("/v1/poses/batch", json=question)
    assert answer.status_code == 200, answer.text[:300]
    assert len(answer.json()["results"]) == SETTINGS.max_photos


def png_with(*extras: bytes, photo: np.ndarray | None = None) -> bytes:
    """A PNG with more chunks behind its head."""
    data = png(photo_of(20) if photo is None else photo)
    return data[:33] + b"".join(extras) + data[33:]


@pytest.mark.parametrize(
    ("name", "head"),
    [(b"zTXt", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0"), (b"iCCP", b"a\0\0")],
)
def test_texts_of_a_png_are_not_unfolded(client: TestClient, name: bytes, head: bytes) -> None:
    text = chunk(name, head + zlib.compress(bytes(7_900_000)))
    data = png_with(*[text] * 100)
    started, before = time.monotonic(), most_memory()
    answer = client.post("/v1/poses", files={"file": data})
    assert answer.status_code == 200, answer.text
    assert time.monotonic() - started < 30
    assert most_memory() - before < 150e6
    with mock.patch.object(photos, "decode_image", wraps=decode_image) as decoded:
        assert np.array_equal(read_photo(data, SETTINGS), photo_of(20))
    assert decoded.call_args.args[0] == png(photo_of(20))


def test_a_png_keeps_what_shows_it() -> None:
    grey_and_hole = chunk(b"tRNS", struct.pack(">H", 7))
    grey = np.full((3, 4), 100, np.uint8)
    grey[1, 2] = 7
    data = png_with(grey_and_hole, chunk(b"tEXt", b"a\0b"), photo=grey)
    photo = read_photo(data, SETTINGS)
    assert np.array_equal(photo, decode_image(data)) and photo[0, 0].tolist() == [100] * 3
    with pytest.raises(Problem):
        read_photo(png_with(chunk(b"ABCD", b"unknown, but needed")), SETTINGS)


def cmyk() -> bytes:
    image = pytest.importorskip("PIL.Image").fromarray(noise()).convert("CMYK")
    file = io.BytesIO()
    image.save(file, "JPEG")
    return file.getvalue()


UNUSUAL: dict[str, tuple[Callable[[], bytes], tuple[int, int]]] = {
    "CMYK": (cmyk, (60, 80)),
    "grey": (lambda: jpeg(noise()[..., 0]), (60, 80)),
    "16 bits": (lambda: png(noise().astype(np.uint16) * 257), (60, 80)),
    "alpha": (lambda: png(np.dstack([noise(), noise()[..., 0]])), (60, 80)),
    "16 bits and alpha": (
        lambda: png(np.dstack([noise(), noise()[..., 0]]).astype(np.uint16) * 257), (60, 80),
    ),
    "WebP": (lambda: cv2.imencode(".webp", noise())[1].tobytes(), (60, 80)),
    "lossless WebP": (
        lambda: cv2.imencode(".webp", noise(), [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes(),
        (60, 80),
    ),
    "BMP": (lambda: cv2.imencode(".bmp", noise())[1].tobytes(), (60, 80)),
    "progressive": (
        lambda: cv2.imencode(".jpg", noise(), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes(),
        (60, 80),
    ),
    "turned": (lambda: jpeg(noise())[:2] + exif(6) + jpeg(noise())[2:], (80, 60)),
    "polyglot": (lambda: jpeg(noise()) + b"PK\3\4<script>alert(1)</script>", (60, 80)),
    "one pixel": (lambda: png(photo_of(20, 1, 1)), (1, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_files_are_answered(client: TestClient, name: str) -> None:
    make, (height, width) = UNUSUAL[name]
    answer = client.post("/v1/poses", files={"file": make()})
    assert answer.status_code == 200, answer.text
    assert answer.json()["result"]["canvas"] == {"height": height, "width": width}
    assert "script" not in answer.text


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_any_cut_and_any_wrong_byte_is_a_problem_or_a_photo(suffix: str) -> None:
    data = cv2.imencode(suffix, noise(24, 32))[1].tobytes()
    rng = np.random.default_rng(1)
    for end in rng.integers(0, len(data) - 1, 40):
        with pytest.raises(Problem) as refused:
            read_photo(data[:end], SETTINGS)
        assert refused.value.status in (415, 422)
    for at in rng.integers(0, min(len(data), 200), 150):
        wrong = bytearray(data)
        wrong[at] = rng.integers(256)
        try:
            photo = read_photo(bytes(wrong), SETTINGS)
        except Problem as problem:
            assert 400 <= problem.status < 500  # noqa: PT017
        else:
            assert photo.dtype == np.uint8 and photo.ndim == 3


def test_headers_say_the_size() -> None:
    for suffix, kind in ((".jpg", "JPEG"), (".png", "PNG"), (".webp", "WebP"), (".bmp", "BMP")):
        data = cv2.imencode(suffix, noise(33, 21))[1].tobytes()
        assert read_header(data) == (kind, 33, 21)


def test_photos_too_long_for_the_network() -> None:
    torch = pytest.importorskip("torch")
    import heatpose as hp
    from spot_networks import MapSpots

    class Maps(MapSpots):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            maps = super().forward(x)
            return maps, maps.repeat(1, 2, 1, 1)

    body = hp.BodyEstimator(Maps(18), device="cpu")
    app = create_app([ServedModel("maps", "body", body)], SETTINGS)
    with TestClient(app, base_url="http://localhost") as client:
        for size in ((1, 100_000), (2, 60_000)):
            answer = client.post("/v1/poses", files={"file": png(photo_of(0, *size))})
            assert answer.status_code == 422 and "resized" in answer.json()["detail"]
        tall = client.post("/v1/poses", files={"file": png(photo_of(0, 100_000, 1))})
        assert tall.status_code in (200, 422)
        photo = {"image": b64(png(photo_of(0, 40, 60)))}
        large = client.post("/v1/poses", json={**photo, "scales": [4.0] * 8})
        assert large.status_code == 200
        assert client.post("/v1/poses", json={**photo, "scales": [0.5, 1, 2]}).status_code == 200
        long = {"image": b64(png(photo_of(0, 10, 2000))), "scales": [4.0] * 8}
        assert client.post("/v1/poses", json=long).status_code == 422
    assert len(body.network.seen) > 5
