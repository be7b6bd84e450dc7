"""Bytes of a stranger to a photo: nothing is decoded whose size is not known and allowed."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from heatpose.media import Image, decode_image
from heatpose.service.problems import Problem
from heatpose.service.settings import Settings

# A progressive JPEG of some kilobytes may ask for its pixels to be gone through again and again.
_MOST_SCANS = 128
_NO_SIZE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers of JPEG that stand alone
# What a PNG may hold beside its pixels; of the rest, texts and profiles unfold to far more memory
# than the file has, and there may be a thousand of them.
_PNG_EXTRAS = frozenset((b"tRNS", b"gAMA", b"sRGB", b"cHRM", b"sBIT", b"eXIf"))
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class Header(NamedTuple):
    """What the first bytes of an image file say.

    Attributes:
        kind: JPEG, PNG, WebP or BMP.
        height: In pixels.
        width: In pixels.
    """

    kind: str
    height: int
    width: int


def read_header(data: bytes) -> Header:
    """Kind and size of an image file, and whether it is there as a whole.

    Raises:
        Problem: 415 for another kind of file, 422 for one that is damaged or cut short.
    """
    for kind, (fits, size) in _KINDS.items():
        if fits(data):
            try:
                height, width = size(data)
            except (struct.error, IndexError):
                raise _damaged(kind) from None
            if height < 1 or width < 1:
                raise _damaged(kind)
            return Header(kind, height, width)
    raise Problem(415, "the photo must be a JPEG, PNG, WebP or BMP file")


def read_photo(data: bytes, settings: Settings) -> Image:
    """Decode a photo within the limits.

    Returns:
        uint8 [H, W, 3] BGR, turned as its EXIF orientation says.

    Raises:
        Problem: 413 for too many pixels, 415 for another kind of file, 422 for a damaged one.
    """
    if not data:
        raise Problem(422, "the photo is empty")
    header = read_header(data)
    pixels = header.height * header.width
    if pixels > settings.max_pixels:
        raise Problem(
            413,
            f"the photo has {header.width}x{header.height} pixels, more than the "
            f"{settings.max_pixels} that are allowed",
        )
    if header.kind == "PNG":
        data = _plain_png(data)
    try:
        photo = decode_image(data, name="the photo")
    except (ValueError, MemoryError):
        raise _damaged(header.kind) from None
    if sorted(photo.shape[:2]) != sorted((header.height, header.width)):
        raise _damaged(header.kind)
    return photo


def _damaged(kind: str) -> Problem:
    return Problem(422, f"the photo is a damaged {kind} file, or it is cut short")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at, size = 2, None
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:  # filling before a marker
            at += 1
        if data[at] != 0xFF:
            raise _damaged("JPEG")
        marker = data[at + 1]
        if marker in _NO_SIZE:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in _FRAMES:
            if size is not None:
                raise _damaged("JPEG")
            size = struct.unpack_from(">HH", data, at + 5)
        elif marker == 0xDA:
            break
        elif marker == 0xD9 or length < 2:
            raise _damaged("JPEG")
        at += 2 + length
    # Thumbnails lie before the first scan, so that what ends here is the photo.
    end = data.find(b"\xff\xd9", at)
    if size is None or end < 0 or data.count(b"\xff\xda", at, end) > _MOST_SCANS:
        raise _damaged("JPEG")
    return size[0], size[1]


def _png_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    at, image = 8, False
    while True:  # the chunks must be there up to the last
        length, name = struct.unpack_from(">I4s", data, at)
        if (at == 8) != (name == b"IHDR"):
            raise _damaged("PNG")
        at += 12 + length
        if at > len(data):
            raise _damaged("PNG")
        image = image or name == b"IDAT"
        if name == b"IEND":
            break
    if not image:
        raise _damaged("PNG")
    return height, width


def _plain_png(data: bytes) -> bytes:
    """The same picture without what is not needed to show it; the chunks were looked at."""
    parts, seen, at = [data[:8]], set(), 8
    while True:
        length, name = struct.unpack_from(">I4s", data, at)
        needed = not name[0] & 0x20  # a capital: no picture without it
        if needed or (name in _PNG_EXTRAS and name not in seen):
            parts.append(data[at : at + 12 + length])
            seen.add(name)
        at += 12 + length
        if name == b"IEND":
            return b"".join(parts)


def _webp_size(data: bytes) -> tuple[int, int]:
    (length,) = struct.unpack_from("<I", data, 4)
    if length + 8 > len(data):
        raise _damaged("WebP")
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return height & 0x3FFF, width & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return ((bits >> 14) & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return height, width
    raise _damaged("WebP")


def _bmp_size(data: bytes) -> tuple[int, int]:
    (head,) = struct.unpack_from("<I", data, 14)
    if head < 40:
        raise _damaged("BMP")
    width, height = struct.unpack_from("<ii", data, 18)
    bits, coding = struct.unpack_from("<HI", data, 28)
    (start,) = struct.unpack_from("<I", data, 10)
    rows = (width * bits + 31) // 32 * 4 * abs(height)
    if width < 1 or (coding in (0, 3) and start + rows > len(data)):
        raise _damaged("BMP")
    return abs(height), width


_Fits = Callable[[bytes], bool]
_Size = Callable[[bytes], tuple[int, int]]
_KINDS: dict[str, tuple[_Fits, _Size]] = {
    "JPEG": (lambda data: data.startswith(b"\xff\xd8\xff"), _jpeg_size),
    "PNG": (lambda data: data.startswith(b"\x89PNG\r\n\x1a\n"), _png_size),
    "WebP": (lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", _webp_size),
    "BMP": (lambda data: data.startswith(b"BM"), _bmp_size),
}
