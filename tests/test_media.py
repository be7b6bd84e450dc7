"""Reading, writing and finding image files."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from heatpose import media

# Two columns, three rows, every pixel another colour, so that each of the 8 orientations differs.
SMALL = np.arange(18, dtype=np.uint8).reshape(3, 2, 3) * 10


def encode(image: NDArray[Any], suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def exif(orientation: int) -> bytes:
    """A TIFF directory with the one entry."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def png_with_exif(image: NDArray[Any], orientation: int) -> bytes:
    data = encode(image)
    chunk = b"eXIf" + exif(orientation)
    chunk = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data[:33] + chunk + data[33:]  # after the header chunk


def jpeg_with_exif(image: NDArray[Any], orientation: int) -> bytes:
    data = encode(image, ".jpg")
    segment = b"Exif\0\0" + exif(orientation)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]


def test_read_gives_bgr(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(SMALL))
    image = media.read_image(path)
    np.testing.assert_array_equal(image, SMALL)
    assert image.dtype == np.uint8
    assert image.flags.writeable
    np.testing.assert_array_equal(media.read_image(str(path)), SMALL)


@pytest.mark.parametrize("name", ["Straße.png", "写真 1.png", "👩‍🚀[1]%d.png", "no suffix"])
def test_names_may_hold_any_character(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(encode(SMALL))
    np.testing.assert_array_equal(media.read_image(tmp_path / name), SMALL)
    if name.endswith(".png"):
        media.write_image(tmp_path / f"out {name}", SMALL)
        np.testing.assert_array_equal(media.read_image(tmp_path / f"out {name}"), SMALL)


def test_grey_becomes_three_equal_channels() -> None:
    image = media.decode_image(encode(SMALL[..., 0]))
    np.testing.assert_array_equal(image, np.repeat(SMALL[..., :1], 3, axis=2))


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_become_8(channels: int) -> None:
    wide = SMALL[..., :channels].astype(np.uint16) * 256 + 77
    image = media.decode_image(encode(wide))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, np.broadcast_to(SMALL[..., :channels], SMALL.shape))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparent_pixels_are_white(dtype: type[np.unsignedinteger]) -> None:
    full = np.iinfo(dtype).max
    layers = np.zeros((1, 3, 4), dtype)
    layers[..., 2] = full  # red
    layers[0, :, 3] = [0, full // 2, full]
    image = media.decode_image(encode(layers))
    np.testing.assert_allclose(image[0], [[255, 255, 255], [128, 128, 255], [0, 0, 255]], atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    """Alpha takes another way through the decoder, and must turn the same."""
    small = cv2.resize(SMALL, (16, 24), interpolation=cv2.INTER_NEAREST)
    turned = media.decode_image(jpeg_with_exif(small, orientation))
    assert turned.shape == ((24, 16, 3) if orientation <= 4 else (16, 24, 3))
    flat = media.decode_image(png_with_exif(small, orientation))
    opaque = np.dstack([small, np.full(small.shape[:2], 255, np.uint8)])
    layered = media.decode_image(png_with_exif(opaque, orientation))
    np.testing.assert_array_equal(layered, flat)
    assert np.abs(turned.astype(int) - flat).mean() < 12  # JPEG is lossy


def test_unreadable_files_say_why(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no such file: .*none\.jpg"):
        media.read_image(tmp_path / "none.jpg")
    with pytest.raises(IsADirectoryError, match="is a folder, not an image"):
        media.read_image(tmp_path)
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(ValueError, match=r"empty\.jpg is empty"):
        media.read_image(tmp_path / "empty.jpg")
    (tmp_path / "text.jpg").write_text("not an image at all, but long enough to look at")
    with pytest.raises(ValueError, match=r"text\.jpg is not an image"):
        media.read_image(tmp_path / "text.jpg")
    (tmp_path / "cut.png").write_bytes(encode(SMALL)[:40])
    with pytest.raises(ValueError, match=r"cut\.png"):
        media.read_image(tmp_path / "cut.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp", ".bmp", ".tif"])
def test_write_then_read(tmp_path: Path, suffix: str) -> None:
    image = np.full((8, 9, 3), 120, np.uint8)
    path = tmp_path / f"a{suffix}"
    media.write_image(path, image)
    np.testing.assert_allclose(media.read_image(path), image, atol=2)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_write_refuses_what_it_cannot(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown image suffix '\.foo'"):
        media.write_image(tmp_path / "a.foo", SMALL)
    with pytest.raises(ValueError, match="unknown image suffix ''"):
        media.write_image(tmp_path / "a", SMALL)
    with pytest.raises(TypeError, match="image must be uint8, got float32"):
        media.write_image(tmp_path / "a.png", SMALL.astype(np.float32))
    with pytest.raises(TypeError, match="image must be a NumPy array, got list"):
        media.write_image(tmp_path / "a.png", [])  # type: ignore[arg-type]
    for shape in [(0, 4, 3), (4, 4, 2), (4,)]:
        with pytest.raises(ValueError, match=r"image must be \[H, W, 3\] or \[H, W\]"):
            media.write_image(tmp_path / "a.png", np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match=r"quality must be 1\.\.100, got 0"):
        media.write_image(tmp_path / "a.jpg", SMALL, quality=0)
    with pytest.raises(FileNotFoundError, match="no folder"):
        media.write_image(tmp_path / "none" / "a.png", SMALL)
    assert list(tmp_path.iterdir()) == []


def test_list_images_in_files_folders_and_patterns(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.PNG", "c.txt", ".hidden.jpg", "x[1].jpg", "deep/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [path.name for path in media.list_images(tmp_path)]
    assert names == ["a.PNG", "b.jpg", "x[1].jpg"]
    deep = media.list_images(f"{tmp_path}/**/*.jpg")
    assert [path.name for path in deep] == ["b.jpg", "d.jpg", "x[1].jpg"]
    assert media.list_images(tmp_path / "x[1].jpg") == [tmp_path / "x[1].jpg"]
    assert media.list_images([tmp_path / "c.txt"]) == [tmp_path / "c.txt"]
    twice = media.list_images([tmp_path / "b.jpg", tmp_path, f"{tmp_path}/deep/../b.jpg"])
    assert [path.name for path in twice] == ["b.jpg", "a.PNG", "x[1].jpg"]


def test_inputs_that_name_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        media.list_images(tmp_path / "none.jpg")
    with pytest.raises(FileNotFoundError, match="no images in the folder"):
        media.list_images(tmp_path)
    with pytest.raises(FileNotFoundError, match="no file matches"):
        media.list_images(f"{tmp_path}/*.jpg")


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_written_files_have_the_usual_rights(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    media.write_image(tmp_path / "a.png", SMALL)
    assert (tmp_path / "a.png").stat().st_mode == plain.stat().st_mode
