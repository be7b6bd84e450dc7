"""People and hands as JSON: OpenPose's files, COCO results and heatpose's own document.

All three keep the pixels of the results: (x, y) of the photo with pixel centres on integers, which
is also how COCO's annotations are read. Nothing is shifted or scaled. Coordinates are rounded to
0.001 pixel and scores to 1e-6. No file holds NaN or Infinity, which JSON does not know.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal, get_args, overload

from heatpose.files import write_atomically
from heatpose.formats.coco import to_coco
from heatpose.formats.heatpose_json import VERSION, Result, from_heatpose, to_heatpose
from heatpose.formats.openpose import from_openpose, to_openpose
from heatpose.results import Hands, People
from heatpose.skeletons import Skeleton

__all__ = [
    "FORMATS",
    "VERSION",
    "Format",
    "encode",
    "from_heatpose",
    "from_openpose",
    "read_json",
    "to_coco",
    "to_heatpose",
    "to_openpose",
    "write_json",
]

Format = Literal["heatpose", "openpose", "coco"]
FORMATS: tuple[Format, ...] = get_args(Format)


def encode(result: People | Hands, format: Format = "heatpose", *, image_id: int | str = 0) -> Any:
    """People or hands as the JSON document of a format.

    Args:
        result: The people or the hands of one photo.
        format: ``"heatpose"`` and ``"openpose"`` give a dict, ``"coco"`` a list of dicts.
        image_id: The photo's id in COCO results; not used by the other formats.

    Raises:
        TypeError: neither people nor hands.
        ValueError: unknown format.
    """
    if not isinstance(result, (People, Hands)):
        raise TypeError(f"result must be People or Hands, got {type(result).__name__}")
    if format == "heatpose":
        return to_heatpose(result)
    if format == "openpose":
        return to_openpose(result)
    if format == "coco":
        return to_coco(result, image_id=image_id)
    raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")


def write_json(path: str | os.PathLike[str], document: Any) -> None:
    """Write a document as strict JSON (UTF-8, no NaN), in one step.

    Raises:
        ValueError: the document holds NaN or Infinity.
    """
    text = json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    write_atomically(path, text.encode() + b"\n")


@overload
def read_json(
    path: str | os.PathLike[str],
    kind: None = None,
    *,
    skeleton: Skeleton | None = None,
    hand_skeleton: Skeleton | None = None,
) -> People | Hands: ...


@overload
def read_json(
    path: str | os.PathLike[str],
    kind: type[Result],
    *,
    skeleton: Skeleton | None = None,
    hand_skeleton: Skeleton | None = None,
) -> Result: ...


def read_json(
    path: str | os.PathLike[str],
    kind: type[Any] | None = None,
    *,
    skeleton: Skeleton | None = None,
    hand_skeleton: Skeleton | None = None,
) -> People | Hands:
    """Read a file of heatpose's own format; see ``from_heatpose``.

    Raises:
        ValueError: not JSON, or not heatpose's.
    """
    try:
        document = json.loads(Path(path).read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    return from_heatpose(document, kind, skeleton=skeleton, hand_skeleton=hand_skeleton)
