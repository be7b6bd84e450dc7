"""Where fetched checkpoints lie, and the settings of fetching that the environment holds."""

from __future__ import annotations

import os
from pathlib import Path

_YES = ("1", "true", "yes", "on")
_NO = ("", "0", "false", "no", "off")


def cache_folder(folder: str | os.PathLike[str] | None = None) -> Path:
    """The folder of fetched checkpoints.

    Args:
        folder: The caller's choice; None for the environment variable ``HEATPOSE_CACHE``, and where
            that is not set, the platform's folder for caches: ``~/.cache/heatpose`` on Linux,
            ``~/Library/Caches/heatpose`` on macOS.

    Returns:
        Its absolute path; the folder need not exist.
    """
    chosen = folder or os.environ.get("HEATPOSE_CACHE")
    if not chosen:
        import pooch  # brings platformdirs, and is needed only where nothing was chosen

        chosen = pooch.os_cache("heatpose")
    return Path(chosen).expanduser().absolute()


def is_offline(offline: bool | None = None) -> bool:
    """Whether nothing may be fetched: the argument, or else ``HEATPOSE_OFFLINE`` (1 or 0).

    Raises:
        ValueError: the variable says neither yes nor no.
    """
    if offline is not None:
        return offline
    value = os.environ.get("HEATPOSE_OFFLINE", "").strip().lower()
    if value not in (*_YES, *_NO):
        raise ValueError(f"HEATPOSE_OFFLINE: expected 1 or 0, got {value!r}")
    return value in _YES


def mirror() -> str | None:
    """The address of ``HEATPOSE_MIRROR``, under which files are looked for first, by their names.

    Raises:
        ValueError: it is no address of the web.
    """
    base = os.environ.get("HEATPOSE_MIRROR", "").strip()
    if base and not base.startswith(("https://", "http://")):
        raise ValueError(f"HEATPOSE_MIRROR: expected https://... or http://..., got {base!r}")
    return base.rstrip("/") or None
