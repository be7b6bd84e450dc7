"""Datasets by a line of text, as command lines and presets name them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from heatpose import datasets
from heatpose.datasets import KeypointDataset
from heatpose.datasets.problems import OnProblem
from heatpose.skeletons import Skeleton

_WITH_PHOTOS: dict[str, Callable[..., KeypointDataset]] = {
    "coco": datasets.read_coco,
    "coco-wholebody": datasets.read_coco_wholebody,
    "coco-wholebody-hands": datasets.read_coco_wholebody_hands,
    "aic": datasets.read_aic,
    **{
        kind: partial(datasets.read_hands, kind=kind)
        for kind in ("freihand", "onehand10k", "panoptic", "rhd")
    },
}
_WITH_EMPTY = ("coco", "coco-wholebody", "aic")
KINDS = ("lsp", *_WITH_PHOTOS, "photos")
"""The kinds of datasets that ``read_source`` knows."""


def read_source(
    source: str,
    skeleton: Skeleton,
    *,
    on_problem: OnProblem = "skip",
    convert: bool = True,
    keep_empty: bool = False,
) -> KeypointDataset:
    """Read a dataset that a line of text names.

    Args:
        source: One of

            - ``lsp:FOLDER`` or ``lsp:FOLDER,train``: the folder with ``joints.npz``, and the split;
            - ``coco:FILE.json,FOLDER`` and likewise ``coco-wholebody``, ``coco-wholebody-hands``,
              ``aic``, ``freihand``, ``onehand10k``, ``panoptic`` and ``rhd``: the annotations and
              the folder of the photos;
            - ``photos:FOLDER``: photos without annotations, for a teacher.
        skeleton: Keypoints of the network; others are brought to it by name.
        on_problem: What to do with entries that cannot be used.
        convert: Whether annotations of other skeletons are brought to this one; otherwise they keep
            theirs, as evaluations want it.
        keep_empty: Whether photos without an annotated person are kept, of ``coco``,
            ``coco-wholebody`` and ``aic``: whoever is found there is a mistake.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: not such a line, or as of the readers.
    """
    kind, colon, rest = source.partition(":")
    if not colon or kind not in KINDS or not rest:
        near = difflib.get_close_matches(kind, KINDS, 1)
        hint = f"; did you mean {near[0]}:...?" if near else ""
        raise ValueError(
            f"data must be KIND:PATH with a kind of {', '.join(KINDS)}, got {source!r}{hint}"
        )
    parts = [part.strip() for part in rest.split(",")]
    if kind == "photos":
        return datasets.read_photos(parts, skeleton=skeleton)
    if kind == "lsp":
        folder = Path(parts[0])
        split = parts[1] if len(parts) > 1 else None
        if split not in (None, "train", "val") or len(parts) > 2:
            raise ValueError(f"data: expected lsp:FOLDER or lsp:FOLDER,train|val, got {source!r}")
        return datasets.read_lsp(
            folder / "joints.npz",
            folder,
            split,  # type: ignore[arg-type]
            skeleton=skeleton,
            on_problem=on_problem,
        )
    if len(parts) != 2:
        raise ValueError(f"data: expected {kind}:FILE.json,FOLDER-OF-PHOTOS, got {source!r}")
    settings = {"keep_empty": keep_empty} if kind in _WITH_EMPTY else {}
    dataset = _WITH_PHOTOS[kind](parts[0], parts[1], on_problem=on_problem, **settings)
    if not convert or dataset.skeleton.keypoints == skeleton.keypoints:
        return dataset
    return datasets.as_skeleton(dataset, skeleton)


def read_sources(
    sources: Sequence[str], skeleton: Skeleton, *, on_problem: OnProblem = "skip"
) -> KeypointDataset:
    """Several datasets as one, in the order in which they are named; see :func:`read_source`."""
    read = partial(read_source, skeleton=skeleton, on_problem=on_problem)
    found = [read(source) for source in sources]
    if len(found) == 1:
        return found[0]
    return KeypointDataset(
        "+".join(one.name for one in found),
        skeleton,
        [sample for one in found for sample in one.samples],
        [problem for one in found for problem in one.problems],
    )
