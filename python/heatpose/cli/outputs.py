"""Where the command line writes: one path per photo, never over an input."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click


def is_file(target: str | None) -> bool:
    """Whether an output option names a file: it has a suffix, and is no folder."""
    return (
        target is not None
        and not target.endswith(("/", "\\"))
        and Path(target).suffix != ""
        and not Path(target).is_dir()
    )


def json_paths(
    photos: Sequence[Path], target: str | None, option: str, *, suffix: str = ".json"
) -> list[Path | None]:
    """The JSON file of each photo: ``target`` itself, or a file in it for each photo.

    In a folder a file has the photo's name and then ``suffix``.

    Raises:
        click.UsageError: a file for many photos.
    """
    return _paths(photos, target, option, lambda photo: suffix)


def picture_paths(photos: Sequence[Path], target: str | None, option: str) -> list[Path | None]:
    """The picture of each photo: ``target`` itself, or a file in it for each photo.

    In a folder a picture has the photo's suffix where that can be written, and else ``.png``.

    Raises:
        click.UsageError: a file for many photos, or one that is no picture by its suffix.
    """
    from heatpose.media import can_write

    if target is not None and is_file(target) and not can_write(Path(target).suffix):
        raise click.UsageError(
            f"{option} {target}: {Path(target).suffix} is no picture that can be written "
            "(a folder's name ends with /)"
        )

    def suffix(photo: Path) -> str:
        return photo.suffix if can_write(photo.suffix) else ".png"

    return _paths(photos, target, option, suffix)


def refuse_inputs(photos: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Make sure that no output would overwrite an input.

    Raises:
        click.UsageError: an output is an input.
    """
    inputs = {photo.resolve() for photo in photos}
    for path in outputs:
        if path.resolve() in inputs:
            raise click.UsageError(f"{path} is an input, which is never overwritten")


def make_folders(outputs: Iterable[Path]) -> None:
    """Make the folders that the outputs lie in.

    Raises:
        click.ClickException: a folder cannot be made.
    """
    for folder in {path.parent for path in outputs}:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.ClickException(f"cannot make the folder {folder}: {error}") from error


def image_ids(photos: Sequence[Path]) -> list[int | str]:
    """The id of each photo in COCO results.

    A name that is a number, or ends with COCO's 12 digits after an underscore, is that number; any
    other photo is called by its name.
    """
    ids: list[int | str] = []
    for name in unique_names(photos):
        number = re.fullmatch(r"(?:.*_)?(\d{12})|(\d+)", name)
        ids.append(int(number[1] or number[2]) if number else name)
    return ids


def unique_names(photos: Sequence[Path]) -> list[str]:
    """A file name without suffix for each photo, all different on every file system.

    The photo's own name; where photos share it, with its suffix; where they share that too, with
    the names of its folders, as few as tell them apart.
    """
    depth = max((len(photo.resolve().parts) for photo in photos), default=0)
    names = [photo.stem for photo in photos]
    for level in range(1, depth):
        shared = Counter(name.casefold() for name in names)
        if max(shared.values(), default=0) < 2:
            break
        names = [
            "_".join(photo.resolve().parts[-level:]) if shared[name.casefold()] > 1 else name
            for photo, name in zip(photos, names, strict=True)
        ]
    taken: set[str] = set()
    for index, name in enumerate(names):
        number = 2
        while names[index].casefold() in taken:
            names[index] = f"{name}-{number}"
            number += 1
        taken.add(names[index].casefold())
    return names


def _paths(
    photos: Sequence[Path], target: str | None, option: str, suffix: Callable[[Path], str]
) -> list[Path | None]:
    if target is None:
        return [None] * len(photos)
    if is_file(target):
        if len(photos) > 1:
            raise click.UsageError(
                f"{option} {target} is one file for {len(photos)} photos: give a folder"
            )
        return [Path(target)] * len(photos)
    return [
        Path(target) / f"{name}{suffix(photo)}"
        for photo, name in zip(photos, unique_names(photos), strict=True)
    ]
