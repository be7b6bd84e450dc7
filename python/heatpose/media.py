"""Photos in and pictures out: reading, writing and finding image files."""

from __future__ import annotations

import glob
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from heatpose.files import write_atomically

Image = NDArray[np.uint8]
PathLike = str | os.PathLike[str]

# What a folder is searched for. A file named by the caller is read whatever its suffix.
IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".jp2", ".avif")
) | frozenset((".pbm", ".pgm", ".ppm", ".pnm"))

_QUALITY_SETTINGS = {
    ".jpg": cv2.IMWRITE_JPEG_QUALITY,
    ".jpeg": cv2.IMWRITE_JPEG_QUALITY,
    ".jpe": cv2.IMWRITE_JPEG_QUALITY,
    ".webp": cv2.IMWRITE_WEBP_QUALITY,
}


def read_image(path: PathLike) -> Image:
    """Read a photo as the networks and drawings want it.

    The EXIF orientation is applied. Grey images become three equal channels, 16-bit images keep
    their upper 8 bits, transparent ones are laid on white. Of an animation the first frame is read.

    Args:
        path: An image file of any kind OpenCV reads; the name may hold any character.

    Returns:
        uint8 [H, W, 3], BGR, writable.

    Raises:
        FileNotFoundError: no such file.
        IsADirectoryError: a folder.
        ValueError: an empty file, or not an image.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, not an image")
    if not path.exists():
        raise FileNotFoundError(f"no such file: {path}")
    return decode_image(path.read_bytes(), name=str(path))


def decode_image(data: bytes, *, name: str = "data") -> Image:
    """Decode the bytes of an image file; see ``read_image``.

    Args:
        data: The whole file.
        name: What error messages call it.

    Raises:
        ValueError: no bytes, or not an image.
    """
    if not data:
        raise ValueError(f"{name} is empty")
    encoded = np.frombuffer(data, np.uint8)
    try:
        if _may_have_alpha(data):
            layers = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
            if layers is not None and layers.ndim == 3 and layers.shape[2] == 4:
                return _on_white(_oriented(layers, _exif_orientation(data)))
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    except cv2.error as error:  # for instance an image of more than 2^30 pixels
        raise ValueError(f"{name} cannot be decoded: {error.err}") from error
    if image is None:
        raise ValueError(f"{name} is not an image that OpenCV can read, or it is damaged")
    return cast(Image, image)


def write_image(path: PathLike, image: Image, *, quality: int = 95) -> None:
    """Write a picture, in one step; the suffix names the format.

    Args:
        path: File to make or replace; its folder must exist.
        image: uint8 [H, W, 3] BGR, or [H, W] grey.
        quality: 1..100, of JPEG and WebP files.

    Raises:
        TypeError: not a uint8 array.
        ValueError: another shape, an empty image, an unknown suffix, or a quality out of range.
    """
    path = Path(path)
    check_image(image, grey=True)
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must be 1..100, got {quality}")
    suffix = path.suffix.lower()
    if not can_write(suffix):
        known = ", ".join(sorted(IMAGE_SUFFIXES))
        raise ValueError(f"cannot write {path}: unknown image suffix {suffix!r} (known: {known})")
    setting = _QUALITY_SETTINGS.get(suffix)
    written, encoded = cv2.imencode(suffix, image, [] if setting is None else [setting, quality])
    if not written:
        raise ValueError(f"cannot write {path}: OpenCV has no encoder for {suffix}")
    write_atomically(path, encoded.tobytes())


def can_write(suffix: str) -> bool:
    """Whether pictures with this suffix (``".png"``) can be written."""
    suffix = suffix.lower()
    return suffix in IMAGE_SUFFIXES and bool(cv2.haveImageWriter(f"x{suffix}"))


def list_images(inputs: PathLike | Iterable[PathLike]) -> list[Path]:
    """The image files that files, folders and glob patterns name.

    A folder gives the images in it (by suffix, not those in folders below), a pattern what it
    matches (``**`` goes into folders). Each is sorted by name; the inputs keep their order; a file
    that is named twice comes once.

    Args:
        inputs: One or more files, folders or patterns.

    Raises:
        FileNotFoundError: an input that names nothing: no such file, a folder without images, a
            pattern without a match.
    """
    if isinstance(inputs, (str, os.PathLike)):
        inputs = [inputs]
    found: dict[Path, Path] = {}
    for name in inputs:
        for path in _expand(name):
            found.setdefault(path.resolve(), path)
    return list(found.values())


def check_image(image: object, *, grey: bool = False, name: str = "image") -> None:
    """Refuse anything but a non-empty uint8 [H, W, 3] (or, with ``grey``, [H, W]) array.

    Raises:
        TypeError: not a NumPy array of uint8.
        ValueError: another shape, or no pixels.
    """
    if not isinstance(image, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, got {type(image).__name__}")
    if image.dtype != np.uint8:
        raise TypeError(f"{name} must be uint8, got {image.dtype}")
    fits = (image.ndim == 3 and image.shape[2] == 3) or (grey and image.ndim == 2)
    if not fits or image.size == 0:
        wanted = "[H, W, 3] or [H, W]" if grey else "[H, W, 3]"
        raise ValueError(f"{name} must be {wanted} with pixels, got {list(image.shape)}")


def _expand(name: PathLike) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        images = sorted(
            file
            for file in path.iterdir()
            if file.suffix.lower() in IMAGE_SUFFIXES
            and not file.name.startswith(".")
            and file.is_file()
        )
        if not images:
            raise FileNotFoundError(f"no images in the folder {path}")
        return images
    # A file first: real names may hold [ and ], which a pattern would read as a set of characters.
    if path.exists():
        return [path]
    text = os.fspath(name)
    if glob.has_magic(text):
        matches = sorted(Path(match) for match in glob.glob(text, recursive=True))  # noqa: PTH207
        images = [match for match in matches if match.is_file()]
        if not images:
            raise FileNotFoundError(f"no file matches {text}")
        return images
    raise FileNotFoundError(f"no such file or folder: {path}")


def _on_white(layers: NDArray[Any]) -> Image:
    """[H, W, 4] BGRA of 8 or 16 bits, or of floats 0..1 -> uint8 [H, W, 3] BGR on white."""
    full = np.iinfo(layers.dtype).max if layers.dtype.kind == "u" else 1
    bgra = layers.astype(np.float32) * np.float32(1 / full)
    alpha = bgra[..., 3:]
    blended = 255 * (bgra[..., :3] * alpha + (1 - alpha))
    return cast(Image, np.rint(np.clip(blended, 0, 255)).astype(np.uint8))


def _may_have_alpha(data: bytes) -> bool:
    """Whether it is worth decoding with the alpha channel, from the first bytes of the file."""
    if data.startswith(b"\x89PNG"):
        return data[25:26] in (b"\x04", b"\x06") or b"tRNS" in data[:4096]
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return data[12:16] == b"VP8L" or (data[12:16] == b"VP8X" and bool(data[20] & 0x10))
    if data[:4] in (b"II*\0", b"MM\0*"):
        return True
    # Not BMP, whose fourth channel is filling and often 0.
    return data[4:8] == b"ftyp" or data.startswith(b"GIF8")


def _oriented(layers: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn an image the way its EXIF orientation (1..8) says, as OpenCV does for colour images."""
    if orientation in (5, 6, 7, 8):
        layers = layers.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        layers = layers[:, ::-1]
    if orientation in (3, 4, 7, 8):
        layers = layers[::-1]
    return np.ascontiguousarray(layers)


def _exif_orientation(data: bytes) -> int:
    """EXIF orientation of a PNG or WebP file, 1 where there is none.

    OpenCV does not apply it when it keeps the alpha channel.
    """
    if data.startswith(b"\x89PNG"):
        chunk, order = b"eXIf", ">"
    elif data.startswith(b"RIFF"):
        chunk, order = b"EXIF", "<"
    else:
        return 1
    at = data.find(chunk)
    if at < 4:
        return 1
    if order == ">":  # PNG: the length stands before the name of a chunk, in WebP after it
        (size,) = struct.unpack_from(">I", data, at - 4)
        exif = data[at + 4 : at + 4 + size]
    else:
        (size,) = struct.unpack_from("<I", data, at + 4)
        exif = data[at + 8 : at + 8 + size]
    return _tiff_orientation(exif.removeprefix(b"Exif\0\0"))


def _tiff_orientation(exif: bytes) -> int:
    try:
        order = {b"II": "<", b"MM": ">"}[exif[:2]]
        (directory,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, directory)
        for entry in range(entries):
            tag, _, _, value = struct.unpack_from(order + "HHIH", exif, directory + 2 + 12 * entry)
            if tag == 0x0112:
                return value if 1 <= value <= 8 else 1
    except (KeyError, struct.error):
        pass
    return 1
