"""Small files of annotations and photos for the tests of datasets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from heatpose.media import write_image


def photo(path: Path, height: int = 40, width: int = 60, seed: int = 0) -> Path:
    """A picture of smooth random colours."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    full = np.kron(coarse, np.ones((8, 8, 1)))[:height, :width]
    write_image(path, full.astype(np.uint8))
    return path


def write_json(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def triples(count: int, v: int = 2, start: float = 0) -> list[float]:
    """Keypoint k at (start + k, start + 2 k)."""
    return [value for k in range(count) for value in (start + k, start + 2 * k, v)]


def image(number: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "file_name": f"{number}.jpg", "height": 40, "width": 60, **more}


def person(number: int, image_id: Any = 1, **more: Any) -> dict[str, Any]:
    entry = {
        "id": number,
        "image_id": image_id,
        "category_id": 1,
        "bbox": [5, 6, 20, 30],
        "area": 250.5,
        "iscrowd": 0,
        "keypoints": triples(17),
    }
    return {key: value for key, value in {**entry, **more}.items() if value != "absent"}


def coco_file(folder: Path, annotations: list[Any], images: list[Any] | None = None) -> Path:
    images = [image(1)] if images is None else images
    for entry in images:
        if isinstance(entry, dict) and isinstance(entry.get("file_name"), str):
            photo(folder / entry["file_name"])
    return write_json(folder / "file.json", {"images": images, "annotations": annotations})
