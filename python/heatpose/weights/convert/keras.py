"""Keras' ``.hdf5`` and ``.h5`` files: a folder per layer, its variables inside.

``model.save`` puts the layers into the folder ``model_weights``, ``save_weights`` at the top. A
variable lies below its layer under its own full name: ``conv1_1/conv1_1/kernel:0``, or, where a
model is a layer of another one, ``model_1/conv1_1/kernel:0``.

The kernels are taken to be those of Keras on TensorFlow; attributes are not read, as damaged ones
can make the HDF5 library wait for ever.

HDF5 files can point to other files: links and raw data elsewhere are refused, never followed. What
the library itself does with a file that somebody made to harm it is not in our hands.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor

from heatpose.weights.convert.arrays import add

_WEIGHTS = "model_weights"
_NAMES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_DEEPEST = 8  # folders below each other
_COMPRESSION = 64  # a file holds at most this many times its size


def read(path: Path) -> dict[str, Tensor]:
    """Read the layers of a model.

    Args:
        path: The file.

    Returns:
        ``<layer>.weight``, ``<layer>.bias`` and the like; kernels [h, w, in, out] became
        [out, in, h, w].

    Raises:
        ValueError: the file is damaged, claims more than it can hold, points elsewhere, or has
            variables of unknown kinds.
    """
    try:
        with h5py.File(path, "r") as file:
            tensors = _layers(file, _COMPRESSION * path.stat().st_size)
    # h5py raises these for damaged files, depending on where the damage is.
    except (OSError, KeyError, RuntimeError, TypeError) as error:
        raise ValueError(f"weights: {path} is a damaged HDF5 file ({error})") from error
    except ValueError as error:
        raise ValueError(f"weights: {path} looks like a Keras file, but {error}") from error
    if not tensors:
        raise ValueError(f"weights: {path} is an HDF5 file without Keras' layers")
    return tensors


def _layers(file: h5py.File, budget: int) -> dict[str, Tensor]:
    root = _opened(file, _WEIGHTS) if _WEIGHTS in file else file
    tensors: dict[str, Tensor] = {}
    for layer in root:
        found = list(_variables(_opened(root, layer), (layer,)))
        # The variables of one layer share a folder, whose name may have a number behind it; those
        # of a model inside the model lie in one folder per layer.
        one_layer = len({parents for parents, _, _ in found}) == 1
        for parents, variable, dataset in found:
            budget -= dataset.nbytes
            name = "/".join((*parents, variable))
            tensor = _tensor_of(dataset, name, budget)
            add(tensors, f"{layer if one_layer else parents[-1]}.{_key(variable, name)}", tensor)
    return tensors


def _variables(item: Any, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, Any]]:
    """All datasets below a folder: names of the folders above it, its own, the dataset."""
    if isinstance(item, h5py.Dataset):
        yield names[:-1], names[-1], item
        return
    if len(names) > _DEEPEST:
        raise ValueError(f"{'/'.join(names)} is too deep")
    for name in item:
        yield from _variables(_opened(item, name), (*names, name))


def _opened(folder: Any, name: str) -> Any:
    """What lies in a folder under a name, if it lies there and nowhere else."""
    link = folder.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        kind = type(link).__name__
        raise ValueError(f"{name} is a link ({kind}), and links are not followed")
    item = folder[name]
    if h5py.h5o.get_info(item.id).rc > 1:  # so that the folders are a tree, without loops
        raise ValueError(f"{name} lies in several folders")
    if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
        raise ValueError(f"{name} has its data in another file, which is not opened")
    return item


def _key(variable: str, name: str) -> str:
    key = _NAMES.get(variable.split(":")[0])
    if key is None:
        raise ValueError(f"{name} is of an unknown kind: expected one of {', '.join(_NAMES)}")
    return key


def _tensor_of(dataset: Any, name: str, budget: int) -> Tensor:
    if dataset.dtype.kind != "f":
        raise ValueError(f"{name} is of type {dataset.dtype}: expected floats")
    # What was never written would be read as zeros.
    stored = dataset.id.get_storage_size()
    unpacked = dataset.id.get_create_plist().get_nfilters() == 0
    if budget < 0 or stored == 0 or (unpacked and stored < dataset.nbytes):
        raise ValueError(
            f"{name} claims {dataset.nbytes} bytes {list(dataset.shape)}, which the file lacks"
        )
    array = np.asarray(dataset[()], dataset.dtype.newbyteorder("="))
    tensor = torch.from_numpy(array)
    if not name.split("/")[-1].startswith("kernel"):
        return tensor
    if tensor.ndim == 2:
        return tensor.mT.contiguous()
    if tensor.ndim != 4:
        raise ValueError(f"{name} has {tensor.ndim} axes {list(tensor.shape)}: expected 4 or 2")
    return tensor.permute(3, 2, 0, 1).contiguous()
