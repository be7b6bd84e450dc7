"""A cache of smaller photos: resized once, read many times."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np

from heatpose.datasets.entries import PathLike
from heatpose.datasets.photos import each_sample, photo_state, read_sample
from heatpose.datasets.problems import OnProblem, ProblemLog
from heatpose.datasets.samples import Annotation, KeypointDataset, Sample, Size
from heatpose.files import write_atomically
from heatpose.media import write_image
from heatpose.results import FloatArray

_INDEX = "sizes.json"
# After so many new photos the index is written; the work since then is lost in a crash.
_SAVE_EVERY = 500


def cache_photos(
    dataset: KeypointDataset,
    folder: PathLike,
    longest_side: int,
    *,
    quality: int = 92,
    threads: int | None = None,
    on_problem: OnProblem = "skip",
    progress: bool = False,
) -> KeypointDataset:
    """Resize the photos of a dataset once, and bring its annotations along.

    Photos whose longer side exceeds ``longest_side`` are shrunk (by area averages) and kept as
    JPEG; smaller ones stay where they are and are only decoded once, to know that they can be. A
    photo is known by its path, size in bytes and time of change, so that a run that stopped goes on
    where it was, and the next starts at once.

    Args:
        dataset: Any; it is not changed.
        folder: Where the smaller photos go; made where it is missing.
        longest_side: Of the smaller photos, in pixels.
        quality: Of their JPEG files, 1..100.
        threads: That resize; ``None`` takes what the machine has.
        on_problem: What to do with photos that cannot be read; see ``check_photos``.
        progress: Whether to show a bar.

    Returns:
        The dataset with the paths, sizes and annotations of the smaller photos. ``Sample.scale``
        leads back to the pixels of the originals.

    Raises:
        TypeError: ``longest_side`` is not a whole number.
        ValueError: a setting out of its range, or the first problem where ``on_problem`` is
            ``"raise"``.
        OSError: the folder cannot be written to.
    """
    if isinstance(longest_side, bool) or not hasattr(longest_side, "__index__"):
        raise TypeError(f"longest_side must be a whole number, got {longest_side!r}")
    if longest_side < 8:
        raise ValueError(f"longest_side must be at least 8 pixels, got {longest_side}")
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must be 1..100, got {quality}")
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    index = _Index(place)
    log = ProblemLog(on_problem)

    def shrink(sample: Sample) -> tuple[str, Size, Size]:
        key = _key(sample, longest_side, quality)
        known = index.sizes.get(key)
        if known is not None and sample.size in (None, known[0]):
            cached = place / f"{key}.jpg"
            if known[0] == known[1] or cached.is_file():
                return key, *known
        image = read_sample(sample)
        size: Size = image.shape[0], image.shape[1]
        smaller = _shrunk(size, longest_side)
        if smaller != size:
            resized = cv2.resize(image, smaller[::-1], interpolation=cv2.INTER_AREA)
            write_image(place / f"{key}.jpg", np.asarray(resized, np.uint8), quality=quality)
        return key, size, smaller

    samples = []
    try:
        for sample, (key, size, smaller) in each_sample(
            shrink, dataset, log, threads, progress, "cached"
        ):
            index.add(key, size, smaller)
            path = sample.path if size == smaller else place / f"{key}.jpg"
            samples.append(_scaled(sample, path, size, smaller))
    finally:
        index.save()
    return dataset.with_samples(samples, log.found)


class _Index:
    """The sizes of the photos before and after, by their keys."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _INDEX
        self.sizes: dict[str, tuple[Size, Size]] = {}
        self._unsaved = 0
        try:
            content = json.loads(self.path.read_bytes())
            for key, (h, w, small_h, small_w) in content.items():
                self.sizes[key] = (int(h), int(w)), (int(small_h), int(small_w))
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, AttributeError):
            # Only time is lost without it.
            self.sizes = {}

    def add(self, key: str, size: Size, smaller: Size) -> None:
        if key not in self.sizes:
            self.sizes[key] = size, smaller
            self._unsaved += 1
        if self._unsaved >= _SAVE_EVERY:
            self.save()

    def save(self) -> None:
        if self._unsaved:
            rows = {key: [*size, *smaller] for key, (size, smaller) in self.sizes.items()}
            write_atomically(self.path, json.dumps(rows).encode())
            self._unsaved = 0


def _key(sample: Sample, longest_side: int, quality: int) -> str:
    text = f"{photo_state(sample)}|{longest_side}|{quality}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _shrunk(size: Size, longest_side: int) -> Size:
    factor = longest_side / max(size)
    if factor >= 1:
        return size
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _scaled(sample: Sample, path: Path, size: Size, smaller: Size) -> Sample:
    """The sample in the pixels of the smaller photo."""
    factors = np.array([smaller[1] / size[1], smaller[0] / size[0]])

    def move(points: FloatArray) -> FloatArray:
        moved: FloatArray = ((points.reshape(-1, 2) + 0.5) * factors - 0.5).astype(np.float32)
        return moved.reshape(points.shape)

    def scale(annotation: Annotation) -> Annotation:
        extra = dict(annotation.extra)
        if "head_size" in extra:
            extra["head_size"] *= float(np.sqrt(factors.prod()))
        area, box = annotation.area, annotation.box
        return dataclasses.replace(
            annotation,
            keypoints=move(annotation.keypoints),
            box=None if box is None else move(box),
            area=None if area is None else area * float(factors.prod()),
            extra=extra,
        )

    return dataclasses.replace(
        sample,
        path=path,
        size=smaller,
        annotations=tuple(scale(annotation) for annotation in sample.annotations),
        unlabelled=tuple(move(box) for box in sample.unlabelled),
        scale=(sample.scale[0] * float(factors[0]), sample.scale[1] * float(factors[1])),
    )
