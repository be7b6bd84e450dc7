"""Checkpoints from the web into the cache folder: whole and checked, or not at all."""

from __future__ import annotations

import os
import shutil
import sys
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heatpose.weights.cache import cache_folder, is_offline, mirror
from heatpose.weights.licences import check_licence
from heatpose.weights.registry import Model, find_model
from heatpose.weights.transfer import MOST_BYTES, Partial, Policy, Progress, TransferError, transfer

SHIPPED_FOLDER = Path(__file__).parent / "shipped"
CARDS_FOLDER = Path(__file__).parent / "cards"
WORK_FOLDER = ".partial"  # within the cache folder: what is not complete yet, and the locks

_POLICY = Policy()


class DownloadError(RuntimeError):
    """A checkpoint could not be had; nothing was left under its name.

    Attributes:
        failures: The addresses that were tried, in turn, and why each failed.
    """

    def __init__(self, message: str, failures: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.failures = failures


def fetch(
    model: str | Model,
    *,
    accept_licence: bool = False,
    offline: bool | None = None,
    progress: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Path:
    """The file of a checkpoint, downloaded if the cache folder does not have it.

    What comes with the package is there. Of the rest, all addresses are tried in turn,
    ``HEATPOSE_MIRROR`` first. An interrupted download goes on where it stopped, also in a later
    process. The file takes its name when its size and hash are right. Processes that want the same
    file wait for the one that downloads it.

    Args:
        model: A name of ``heatpose models list``, or a checkpoint of your own making.
        accept_licence: Accept the terms of a checkpoint for non-commercial use; they are asked
            for once, and remembered in the cache folder.
        offline: Whether to fail rather than to download. None: as ``HEATPOSE_OFFLINE`` says.
        progress: Show a bar, if stderr is a terminal.
        cache: The cache folder; None as :func:`heatpose.weights.cache_folder` tells it.

    Returns:
        The file.

    Raises:
        ValueError: no checkpoint has this name, or a variable of the environment is wrong.
        LicenceNotAccepted: its terms are not accepted.
        DownloadError: it could not be had, or not be written.
        ImportError: the libraries of ``heatpose[torch]`` are missing.
    """
    if isinstance(model, str):
        model = find_model(model)
    if model.shipped:
        return _shipped(model)
    folder = cache_folder(cache)
    offline = is_offline(offline)
    try:
        check_licence(model, folder, accept=accept_licence)
        cached = find_cached(model, folder)
        if cached:
            return cached
        if offline:
            raise DownloadError(
                f"{model.name}: {_state(model, folder)}, and downloads are off (offline, or "
                "HEATPOSE_OFFLINE=1)"
            )
        work = folder / WORK_FOLDER
        work.mkdir(parents=True, exist_ok=True)
        with _lock(work / f"{model.file}.lock", tell=progress):
            return find_cached(model, folder) or _download(model, folder, progress=progress)
    except OSError as error:
        raise DownloadError(f"{model.name}: cannot write to {folder}: {error}") from error


def place_of(model: Model, folder: Path) -> Path:
    """Where the file of a checkpoint is or would be: in the package, or in the cache folder."""
    return SHIPPED_FOLDER / model.file if model.shipped else folder / model.file


def card_of(model: Model) -> Path:
    """The card of a network that comes with the package: how it was trained, what it fails at."""
    return CARDS_FOLDER / f"{model.name}.md"


def find_cached(model: Model, folder: Path) -> Path | None:
    """The file of a checkpoint, if it is there and as long as it should be.

    Its hash was checked when it came; :func:`problem_of` checks it again.
    """
    path = place_of(model, folder)
    complete = path.is_file() and model.bytes in (None, path.stat().st_size)
    return path if complete else None


def problem_of(model: Model, path: Path) -> str | None:
    """What is wrong with the file of a checkpoint: its size or its hash. None if nothing is.

    Args:
        model: The checkpoint.
        path: Its file.

    Raises:
        OSError: the file cannot be read.
    """
    return _problem(path, model.bytes, model.digest)


def _shipped(model: Model) -> Path:
    path = find_cached(model, SHIPPED_FOLDER)
    if path is None:
        raise DownloadError(
            f"{model.name} comes with heatpose, but {_state(model, SHIPPED_FOLDER)}: the "
            "installation is damaged, install heatpose again"
        )
    return path


def _download(model: Model, folder: Path, *, progress: bool) -> Path:
    """Try the addresses in turn; the caller holds the lock."""
    if model.digest is None:
        raise DownloadError(f"{model.name}: no hash is known by which its file could be checked")
    base = mirror()
    urls = [f"{base}/{urllib.parse.quote(model.download_file)}"] if base else []
    urls += model.urls
    partial = Partial(folder / WORK_FOLDER / f"{model.download_file}.part")
    failures = []
    with _bar(model, show=progress) as shown:
        for url in urls:
            try:
                return _download_from(url, model, partial, folder / model.file, shown)
            except TransferError as error:
                failures.append((url, str(error)))
            except OSError:  # a full disk needs the room, and another address would not help
                partial.discard()
                raise
    tried = "".join(f"\n  {url}: {reason}" for url, reason in failures)
    raise DownloadError(
        f"{model.name} could not be downloaded:{tried}\n"
        f"If you get the file elsewhere, put it there: {folder / model.file}",
        tuple(failures),
    )


def _download_from(
    url: str, model: Model, partial: Partial, target: Path, progress: Progress
) -> Path:
    size = model.bytes if model.member is None else model.archive_bytes
    # Two halves of different versions give a wrong hash too, where the server names no versions:
    # once more then, in one piece.
    stitched, problem = True, None
    for _ in range(2):
        if stitched:
            stitched = transfer(url, partial, size=size, policy=_POLICY, progress=progress)
            problem = _take(model, partial, target)
            if problem is None:
                return target
            partial.discard()
    raise TransferError(problem)


def _take(model: Model, partial: Partial, target: Path) -> str | None:
    """Give a complete download its name, if it is right; what is wrong with it otherwise."""
    if model.member is None:
        problem = problem_of(model, partial.path)
        if problem is None:
            partial.take(target)
        return problem
    problem = _problem(partial.path, model.archive_bytes, model.archive_sha256)
    if problem is not None:
        return problem
    extracted = Partial(target.parent / WORK_FOLDER / f"{model.file}.part")
    extracted.discard()
    try:
        problem = _extract(partial.path, model, extracted.path)
        problem = problem or problem_of(model, extracted.path)
        if problem is None:
            extracted.take(target)
            partial.discard()
    finally:
        extracted.discard()
    return problem


def _extract(archive: Path, model: Model, target: Path) -> str | None:
    """Write the wanted member of an archive; its name there decides nothing but which it is."""
    member = str(model.member)
    try:
        with zipfile.ZipFile(archive) as opened:
            found = [
                info
                for info in opened.infolist()
                if info.filename == member or info.filename.endswith(f"/{member}")
            ]
            if len(found) != 1:
                return f"the archive holds {len(found)} files {member} instead of one"
            if model.bytes not in (None, found[0].file_size):
                return f"{member} has {found[0].file_size} bytes instead of {model.bytes}"
            if found[0].file_size > MOST_BYTES:
                return f"{member} has {found[0].file_size} bytes, which is more than {MOST_BYTES}"
            with opened.open(found[0]) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        return f"the archive is damaged ({error})"
    return None


def _problem(path: Path, size: int | None, digest: str | None) -> str | None:
    import pooch

    found = path.stat().st_size
    if size not in (None, found):
        return f"the file has {found} bytes instead of {size}"
    if digest is None:
        return None
    sha256 = pooch.file_hash(path)[: len(digest)]
    return None if sha256 == digest else f"the sha256 is {sha256} instead of {digest}"


def _state(model: Model, folder: Path) -> str:
    path = place_of(model, folder)
    if not path.is_file():
        return f"{path} is not there"
    return f"{path} has {path.stat().st_size} bytes instead of {model.bytes}"


@contextmanager
def _lock(path: Path, *, tell: bool) -> Iterator[None]:
    import filelock

    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        if tell:
            print("waiting for another process that downloads the same file", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _bar(model: Model, *, show: bool) -> Iterator[Progress]:
    from tqdm import tqdm

    # disable=None: no bar where stderr is a file.
    with tqdm(
        desc=model.name, unit="B", unit_scale=True, leave=False, disable=None if show else True
    ) as bar:

        def update(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield update
