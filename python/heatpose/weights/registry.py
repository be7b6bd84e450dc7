"""The checkpoints that heatpose knows: what they are, where they lie, what one may do.

The facts are data, in ``known_models/*.json``; what is not known is null there. Of the checkpoints
of mmpose the first eight digits of the hash are published, in their names, where its
``tools/misc/publish_model.py`` puts them. A checkpoint of which no digit is known is not listed: it
could not be checked.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

TASKS = ("body", "hand", "wholebody", "face", "person-boxes", "hand-boxes")
_FILES = ("shipped", "bodies", "hands", "wholebodies", "faces", "detectors")
_NEAR_NAMES = 3


@dataclass(frozen=True)
class Licence:
    """Under what terms a checkpoint may be used.

    Attributes:
        name: Of the licence, or of what there is instead of one.
        note: In plain words, what one may do.
        commercial: Whether commercial use is allowed; None where nobody says.
        url: Where the terms are written.
    """

    name: str
    note: str
    commercial: bool | None
    url: str

    @property
    def kind(self) -> str:
        """``commercial``, ``non-commercial`` or ``unclear``."""
        return {True: "commercial", False: "non-commercial", None: "unclear"}[self.commercial]


@dataclass(frozen=True)
class Model:
    """A published checkpoint.

    Attributes:
        name: Of the checkpoint, unique.
        task: One of ``TASKS``.
        architecture: Key of ``heatpose.networks.NETWORKS``, or ``"yolox"`` or ``"rtmdet"``, which
            are ONNX detectors.
        file: Its name in the cache folder, unique.
        urls: Addresses of the same file, or of the archive that holds it, the best first; none of
            what comes with the package.
        bytes: Size of the file, None if unknown.
        sha256: Hash of the file in hexadecimal, None if unknown; then ``sha256_prefix`` is known.
        sha256_prefix: Its first digits, where only they were published.
        licence: Its terms.
        input: Size of what the network takes, height x width, or ``"any"``.
        normalisation: What becomes of the grey levels, in words.
        arguments: Keyword arguments of the architecture's class.
        skeleton: Key of ``heatpose.skeletons.BY_NAME``, None for boxes.
        decoding: How the publisher cuts the crops and reads the maps, as far as it is known:

            - ``method``: "quarter", "dark" or "dark_udp";
            - ``kernel``: of the blur of the DARK methods, in cells;
            - ``udp``: whether crops and answers follow UDP, whose flip test moves no map;
            - ``padding``: factor on the box;
            - ``flip_test``: whether the published metrics are with it;
            - ``mirror_left``: whether left hands must be mirrored, as it was trained on right ones;
            - ``channels``: the map of each keypoint of the skeleton, where the order differs;
            - ``box``: height of the resized photo;
            - ``threshold``: of ``BodyDecoder``, ``min_parts``: of its association.
        metrics: Published numbers, by name.
        sources: Where the facts were read.
        note: What else one should know.
        member: Where ``urls`` are of a zip archive, the path of the file in it, or the end of it.
        archive_bytes: Size of the archive, None if unknown.
        archive_sha256: Hash of the archive, None if unknown.
        shipped: Whether it comes with the package, and is never downloaded.
    """

    name: str
    task: str
    architecture: str
    file: str
    urls: tuple[str, ...]
    bytes: int | None
    sha256: str | None
    sha256_prefix: str | None
    licence: Licence
    input: str
    normalisation: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    skeleton: str | None = None
    decoding: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    note: str = ""
    member: str | None = None
    archive_bytes: int | None = None
    archive_sha256: str | None = None
    shipped: bool = False

    @property
    def digest(self) -> str | None:
        """What is known of the file's sha256: all of it or its first digits."""
        return self.sha256 or self.sha256_prefix

    @property
    def download_file(self) -> str:
        """The name of what the addresses give: the file, or its archive."""
        return self.file if self.member is None else f"{PurePosixPath(self.file).stem}.zip"


def models() -> Mapping[str, Model]:
    """All known checkpoints by name, in the order of the listing.

    Returns:
        New objects at each call: what a caller does to them stays with the caller.
    """
    licences = {key: Licence(**terms) for key, terms in _read("licences").items()}
    found = [_model(entry, licences) for name in _FILES for entry in _read(name)]
    return MappingProxyType({model.name: model for model in found})


def find_model(name: str) -> Model:
    """The checkpoint of a name.

    Args:
        name: As ``heatpose models list`` prints it.

    Returns:
        The checkpoint.

    Raises:
        ValueError: there is none; the message has the names that come near.
    """
    known = models()
    if name in known:
        return known[name]
    # Names are long and begin alike: what contains the wanted one is nearer than what resembles it.
    holding = [other for other in known if name and name.lower() in other.lower()]
    near = difflib.get_close_matches(name.lower(), known, n=_NEAR_NAMES, cutoff=0.5)
    shown = list(dict.fromkeys(holding[:_NEAR_NAMES] + near))[: 2 * _NEAR_NAMES]
    hint = f"did you mean {' or '.join(shown)}?" if shown else "heatpose models list shows all"
    raise ValueError(f"model: no checkpoint is called {name!r}: {hint}")


def _read(name: str) -> Any:
    file = resources.files("heatpose.weights") / "known_models" / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8"))


def _model(entry: dict[str, Any], licences: Mapping[str, Licence]) -> Model:
    arguments = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in entry["arguments"].items()
    }
    return Model(
        **entry
        | {
            "arguments": arguments,
            "urls": tuple(entry["urls"]),
            "sources": tuple(entry["sources"]),
            "licence": licences[entry["licence"]],
        }
    )
