"""Photos without annotations, and whether the photos of a dataset can be read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from tqdm import tqdm

from heatpose.datasets.entries import NO_PHOTO, PathLike
from heatpose.datasets.problems import OnProblem, ProblemLog, UnusableError
from heatpose.datasets.samples import KeypointDataset, Sample, Size
from heatpose.media import Image, list_images, read_image
from heatpose.skeletons import COCO18, Skeleton

Answer = TypeVar("Answer")

# Photos that wait for a thread; enough to keep all busy, few enough to stop soon after an error.
_AHEAD = 64


def read_photos(
    photos: PathLike | Iterable[PathLike], *, skeleton: Skeleton = COCO18, name: str = "photos"
) -> KeypointDataset:
    """Photos without annotations, for instance for a teacher to label.

    Args:
        photos: Files, folders and patterns; see ``heatpose.media.list_images``.
        skeleton: Of the labels that they shall get.
        name: Of the dataset.

    Raises:
        FileNotFoundError: one of them names nothing.
    """
    paths = list_images(photos)
    return KeypointDataset(name, skeleton, [Sample(path, str(path)) for path in paths])


def check_photos(
    dataset: KeypointDataset,
    *,
    threads: int | None = None,
    on_problem: OnProblem = "skip",
    progress: bool = False,
) -> KeypointDataset:
    """Decode every photo once, so that none stops a training hours later.

    A photo that is missing, that cannot be decoded, or whose size is not the one that its
    annotations were made on, is left out and noted. Damage in the middle of a JPEG file, which
    decoders paint over, is not found.

    Args:
        dataset: Any; it is not changed.
        threads: That decode; ``None`` takes what the machine has.
        on_problem: ``"raise"`` stops at the first such photo.
        progress: Whether to show a bar.

    Returns:
        The dataset without these photos, each sample with its ``size``.

    Raises:
        ValueError: the first problem, where ``on_problem`` is ``"raise"``.
    """
    log = ProblemLog(on_problem)

    def check(sample: Sample) -> Size:
        image = read_sample(sample)
        return image.shape[0], image.shape[1]

    samples = [
        dataclasses.replace(sample, size=size)
        for sample, size in each_sample(check, dataset, log, threads, progress, "checked")
    ]
    return dataset.with_samples(samples, log.found)


def read_sample(sample: Sample) -> Image:
    """The photo of a sample, uint8 [H, W, 3] BGR.

    Raises:
        UnusableError: it is missing or broken, or has another size than its annotations say.
    """
    try:
        image = read_image(sample.path)
    except FileNotFoundError:
        raise UnusableError(NO_PHOTO) from None
    except (ValueError, OSError):
        raise UnusableError("photo that cannot be decoded") from None
    if sample.size not in (None, image.shape[:2]):
        raise UnusableError("photo of another size than its annotations say")
    return image


def photo_state(sample: Sample) -> str:
    """What a cache knows a photo by: its path, its size in bytes and the time of its last change.

    Raises:
        UnusableError: it is missing.
    """
    try:
        state = sample.path.stat()
    except OSError:
        raise UnusableError(NO_PHOTO) from None
    return f"{sample.path.resolve()}|{state.st_size}|{state.st_mtime_ns}"


def each_sample(
    work: Callable[[Sample], Answer],
    samples: Sequence[Sample],
    log: ProblemLog,
    threads: int | None,
    progress: bool,
    title: str,
) -> Iterator[tuple[Sample, Answer]]:
    """Do something with every sample in threads; those that are ``UnusableError`` go to the log.

    Yields:
        Samples and answers, in the order of the samples.

    Raises:
        ValueError: fewer than one thread, or the first problem where the log raises.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
    waiting = iter(samples)
    with (
        ThreadPoolExecutor(threads) as pool,
        tqdm(total=len(samples), desc=title, unit="photo", disable=not progress) as bar,
    ):
        queue = [(sample, pool.submit(work, sample)) for sample in islice(waiting, _AHEAD)]
        try:
            while queue:
                sample, future = queue.pop(0)
                queue += [(more, pool.submit(work, more)) for more in islice(waiting, 1)]
                try:
                    answer = future.result()
                except UnusableError as error:
                    log(str(sample.path), str(error))
                else:
                    yield sample, answer
                bar.update()
        finally:
            for _, future in queue:
                future.cancel()
