"""Labels by a teacher: the maps of a trained network, made once for every photo and kept."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from heatpose.datasets.entries import NO_PHOTO, PathLike
from heatpose.datasets.problems import OnProblem, ProblemLog
from heatpose.datasets.samples import Problem, Sample, Size
from heatpose.files import write_atomically
from heatpose.media import Image, decode_image
from heatpose.results import FloatArray
from heatpose.skeletons import Skeleton

if TYPE_CHECKING:
    from torch import nn

    from heatpose.estimators import BodyEstimator

_HALF_MOST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, eq=False)
class TeacherMaps:
    """What a teacher says of one photo.

    Attributes:
        heatmaps: float16 [C, h, w], of the photo and of the padding right and below it.
        pafs: float16 [2L, h, w].
        canvas: (height, width) of the photo in pixels.
        content: (height, width) of the resized photo in pixels of the network's input, without
            padding.
        factor: Pixels of the network's input for one pixel of the photo.
        stride: Pixels of the network's input for one cell of the maps.
    """

    heatmaps: NDArray[np.float16]
    pafs: NDArray[np.float16]
    canvas: Size
    content: Size
    factor: float
    stride: int

    def to_cells(self, points: FloatArray) -> FloatArray:
        """Where points (x, y) of the photo lie in the maps; cell centres are on integers."""
        cells: FloatArray = ((points + 0.5) * (self.factor / self.stride) - 0.5).astype(np.float32)
        return cells


@dataclass(frozen=True)
class TeacherLabels:
    """The maps of a teacher, kept in files.

    ``labels.read(sample.path)`` gives the maps of a photo, ``path in labels`` says whether there
    are any.

    Attributes:
        folder: Where they are.
        skeleton: Of the teacher.
        files: The file of each photo, by the photo's path; photos of the same bytes share one.
        made: How many files this run made; the others were there.
        problems: Photos without maps, and why.
    """

    folder: Path
    skeleton: Skeleton
    files: dict[Path, Path]
    made: int = 0
    problems: list[Problem] = field(default_factory=list)

    def __contains__(self, path: object) -> bool:
        return path in self.files

    def __len__(self) -> int:
        return len(self.files)

    def read(self, path: Path) -> TeacherMaps:
        """The maps of a photo.

        Raises:
            KeyError: the teacher has not seen this photo.
            ValueError: the file is damaged; remove it and label again.
        """
        return read_maps(self.files[path])

    def summary(self) -> str:
        """How many there are, and a line for each photo without."""
        size = sum(file.stat().st_size for file in set(self.files.values()))
        lines = [
            f"maps of {len(self)} photos ({self.made} new, {size / 1e6:.0f} MB) in {self.folder}, "
            f"{len(self.problems)} problems"
        ]
        return "\n".join(lines + [f"  {problem}" for problem in self.problems])


def label_with_teacher(
    samples: Iterable[Sample],
    teacher: BodyEstimator | nn.Module,
    cache: PathLike,
    *,
    batch_size: int = 8,
    on_problem: OnProblem = "skip",
    progress: bool = False,
) -> TeacherLabels:
    """Run a bottom-up network on every photo, and keep its maps as float16.

    The photo is resized to the height of the estimator's ``box`` (its first scale), as in
    prediction. The maps of a photo go to a file named by the hash of the photo's bytes, in a folder
    named by the hash of the teacher's weights, its input and its size; so a run that stopped goes
    on where it was, other sizes and teachers do not get mixed up, and moved photos keep their maps.

    Args:
        samples: A dataset, or any samples; their annotations are not looked at. Take a cache of
            smaller photos if training does.
        teacher: A bottom-up ``BodyEstimator``, or a network to make one of.
        cache: The folder above the teacher's.
        batch_size: Most photos in one run of the network.
        on_problem: What to do with photos that are missing or broken, or of which the teacher makes
            numbers that are not finite.
        progress: Whether to show a bar.

    Returns:
        The labels, without the photos that have a problem.

    Raises:
        TypeError: the teacher has no heatmaps and PAFs.
        ValueError: a setting out of its range, or the first problem where ``on_problem`` is
            ``"raise"``.
        OSError: the folder cannot be written to.
    """
    from heatpose.estimators import BodyEstimator

    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    estimator = teacher if isinstance(teacher, BodyEstimator) else BodyEstimator(teacher)
    if not hasattr(estimator, "input_spec"):
        raise TypeError(f"teacher must be bottom-up, got {type(estimator.network).__name__}")
    log = ProblemLog(on_problem)
    folder = _prepare_folder(Path(cache), estimator)
    network = _Teacher(estimator)
    labels = TeacherLabels(folder, estimator.skeleton, {}, problems=log.found)
    made = 0
    pending: dict[Path, _Pending] = {}

    def work() -> None:
        nonlocal made
        batch = list(pending.values())
        for one, maps in zip(batch, network(batch), strict=True):
            if not (np.isfinite(maps.heatmaps).all() and np.isfinite(maps.pafs).all()):
                log(str(one.paths[0]), "photo of which the teacher makes no finite numbers")
                continue
            write_atomically(one.file, _packed(maps))
            labels.files.update(dict.fromkeys(one.paths, one.file))
            made += 1
        pending.clear()

    for sample in tqdm(samples, desc="labelled", unit="photo", disable=not progress):
        path = sample.path
        try:
            data = path.read_bytes()
        except OSError:
            log(str(path), NO_PHOTO)
            continue
        file = folder / f"{hashlib.sha256(data).hexdigest()[:32]}.npz"
        if file in pending:
            pending[file].paths.append(path)
        elif file.is_file():
            labels.files[path] = file
        else:
            try:
                pending[file] = _Pending(file, [path], decode_image(data, name=str(path)))
            except ValueError:
                log(str(path), "photo that cannot be decoded")
        if len(pending) == batch_size:
            work()
    work()
    return TeacherLabels(folder, estimator.skeleton, labels.files, made, log.found)


def read_maps(file: Path) -> TeacherMaps:
    """The maps in a file of ``label_with_teacher``.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another file, or a damaged one.
    """
    try:
        # Opened here: NumPy leaves files open that turn out to be damaged.
        with file.open("rb") as handle, np.load(handle, allow_pickle=False) as arrays:
            canvas, content = arrays["sizes"].tolist()
            return TeacherMaps(
                arrays["heatmaps"],
                arrays["pafs"],
                (canvas[0], canvas[1]),
                (content[0], content[1]),
                float(arrays["factor"]),
                int(arrays["stride"]),
            )
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} does not hold the maps of a teacher: {error}") from None


@dataclass(frozen=True)
class _Pending:
    file: Path
    paths: list[Path]
    image: Image


class _Teacher:
    """The estimator's network at one scale, without its decoder."""

    def __init__(self, estimator: BodyEstimator) -> None:
        from heatpose.estimators.runner import Runner
        from heatpose.estimators.scale_search import ScaleSearch

        scale = estimator.scales[0]
        self.runner = Runner(estimator.network, estimator.device, estimator.dtype)
        self.spec, self.box = estimator.input_spec, estimator.box * scale
        self.search = ScaleSearch(
            self.runner, estimator.input_spec, scales=(scale,), box=estimator.box
        )

    def __call__(self, batch: list[_Pending]) -> Iterator[TeacherMaps]:
        photos = [self.runner.upload(one.image) for one in batch]
        for one, found in zip(batch, self.search(photos) if photos else [], strict=True):
            heatmaps, pafs = (_half(maps[0]) for maps in found.maps)
            height, width = one.image.shape[:2]
            yield TeacherMaps(
                heatmaps,
                pafs,
                (height, width),
                found.content[0],
                self.box / height,
                self.spec.stride,
            )


def _half(maps: Any) -> NDArray[np.float16]:
    array = maps if isinstance(maps, np.ndarray) else maps.float().cpu().numpy()
    # Beyond float16 lies nothing that a heatmap means; NaN stays, to be noticed.
    half: NDArray[np.float16] = np.clip(array, -_HALF_MOST, _HALF_MOST).astype(np.float16)
    return half


def _packed(maps: TeacherMaps) -> bytes:
    stream = io.BytesIO()
    np.savez(
        stream,
        heatmaps=maps.heatmaps,
        pafs=maps.pafs,
        sizes=np.array([maps.canvas, maps.content]),
        factor=np.float64(maps.factor),
        stride=np.int64(maps.stride),
    )
    return stream.getvalue()


def _prepare_folder(cache: Path, estimator: BodyEstimator) -> Path:
    """The folder of this teacher at this size, with a note of what it is."""
    network, spec = estimator.network, estimator.input_spec
    height = estimator.box * estimator.scales[0]
    about = {
        "network": type(network).__name__,
        "weights": _hash_of(network),
        "skeleton": estimator.skeleton.name,
        "input": repr(spec),
        "height": height,
        "dtype": str(estimator.dtype),
    }
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:12]
    folder = cache / f"{about['network']}-{height:g}-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "teacher.json", json.dumps(about, indent=2).encode())
    return folder


def _hash_of(network: nn.Module) -> str:
    """sha256 of a network's weights and buffers, with their names."""
    digest = hashlib.sha256()
    for key, tensor in sorted(network.state_dict().items()):
        digest.update(f"{key} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()
