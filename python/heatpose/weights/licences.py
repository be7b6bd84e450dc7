"""Checkpoints that are not free for every use: ask once, remember the answer."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from heatpose.files import write_atomically
from heatpose.weights.registry import Model

ACCEPTED_FILE = "accepted-licences.json"


class LicenceNotAccepted(RuntimeError):  # noqa: N818 (it is no error of the program)
    """The checkpoint is for non-commercial use, and nobody has accepted that yet."""

    def __init__(self, model: Model) -> None:
        licence = model.licence
        super().__init__(
            f"{model.name} is not for commercial use: {licence.name}.\n"
            f"{licence.note}\n"
            f"The terms: {licence.url}\n"
            f"If you accept them: heatpose models download {model.name} --accept-licence, or "
            "accept_licence=True. You are asked once."
        )
        self.model = model


def check_licence(model: Model, folder: Path, *, accept: bool) -> None:
    """Let a checkpoint pass if its terms need no acceptance, or were or are now accepted.

    Args:
        model: The checkpoint.
        folder: The cache folder, which remembers who accepted what: by licence and checkpoint, so
            that new terms are asked for again.
        accept: Whether the user accepts now.

    Raises:
        LicenceNotAccepted: the terms are non-commercial, and not accepted.
        OSError: the acceptance cannot be written down.
    """
    if model.licence.commercial is not False or is_accepted(model, folder):
        return
    if not accept:
        raise LicenceNotAccepted(model)
    import filelock

    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / f".{ACCEPTED_FILE}.lock"):
        accepted = _accepted(folder)
        names = accepted.setdefault(model.licence.name, [])
        names.append(model.name)
        text = json.dumps(accepted, indent=2, sort_keys=True)
        write_atomically(folder / ACCEPTED_FILE, f"{text}\n".encode())


def is_accepted(model: Model, folder: Path) -> bool:
    """Whether the terms of a checkpoint were accepted before."""
    return model.name in _accepted(folder).get(model.licence.name, [])


def _accepted(folder: Path) -> dict[str, list[str]]:
    """Names of checkpoints by licence; a file that is damaged counts as none, and is asked anew."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        found = json.loads((folder / ACCEPTED_FILE).read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return {
                str(licence): [str(name) for name in names]
                for licence, names in found.items()
                if isinstance(names, list)
            }
    return {}
