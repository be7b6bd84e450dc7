"""The flip test of top-down networks: maps of a crop averaged with those of its mirror image."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.native import core
from heatpose.ops._arrays import Array, borrow, borrow_beside, dtype_name, flag
from heatpose.ops._outputs import out_array
from heatpose.ops._spaces import HostSpace, Space
from heatpose.ops._traceable import traceable


@traceable
def average_flipped(
    heatmaps: Array,
    mirrored: Array,
    flip: Sequence[int],
    *,
    shift: bool = False,
    out: Array | None = None,
) -> Array:
    """Average the maps of crops with those of their mirror images.

    The maps of a mirrored crop are turned back, left to right, and its keypoints renamed::

        result[b, k, y, x] = (heatmaps[b, k, y, x] + mirrored[b, flip[k], y, w - 1 - x]) / 2

    Computed in float32 and rounded once, half to even, to the maps' type. NaN and infinity add up
    as numbers do.

    Args:
        heatmaps: float32, float16 or bfloat16 [B, K, h, w] or [K, h, w]: maps of the crops. B may
            be 0. What is not C-contiguous is copied.
        mirrored: Same shape and type: maps of the mirrored crops, as the network gave them.
        flip: K whole numbers, a permutation that is its own inverse: keypoint ``k`` of the mirrored
            crop is ``flip[k]`` of the crop. See ``Skeleton.flip``.
        shift: Move the mirrored maps one cell to the right once they are turned back; their first
            column stays as well. For networks whose stride makes the mirrored maps lie one cell
            off (``SHIFT_HEATMAP`` of simple baselines, ``shift_heatmap`` of mmpose).
        out: Array of the maps' shape and type to write to, C-contiguous. It may be ``heatmaps``
            itself, which is the fastest: nothing else is written. It must not overlap ``mirrored``,
            nor ``heatmaps`` in part.

    Returns:
        The averaged maps, shape, type and kind of ``heatmaps``; ``out`` where given.

    Raises:
        TypeError: an array or setting is of another type, or the arrays differ in theirs.
        ValueError: a shape or place differs, flip is not its own inverse, or out does not fit.

    Source: the flip test of Simple Baselines (Xiao et al., 2018, arXiv:1804.06208).
    """
    bits, other_bits = _bits(heatmaps), _bits(mirrored)
    maps, space = borrow("heatmaps", heatmaps if bits is None else bits)
    if maps.ndim not in (3, 4):
        raise ValueError(f"heatmaps must have 3 or 4 dimensions, got shape {tuple(maps.shape)}")
    other = borrow_beside("mirrored", mirrored if other_bits is None else other_bits, space)
    kind, other_kind = _kind(maps, bits), _kind(other, other_bits)
    if other_kind != kind:
        raise TypeError(f"mirrored must be {kind} like heatmaps, got {other_kind}")
    shape = tuple(maps.shape)
    if tuple(other.shape) != shape:
        got = tuple(other.shape)
        raise ValueError(f"mirrored must have shape {shape} like heatmaps, got {got}")
    indices, shifted = _indices(flip, shape[-3]), flag("shift", shift)
    with space.queue():
        maps, other = space.contiguous(maps), space.contiguous(other)
        target, answer = out_array(
            "out",
            out if bits is None or out is None else _bits_of_out(out, space),
            shape,
            space,
            dtype=dtype_name(maps),
            reads=[("mirrored", other)],
            over=("heatmaps", maps),
        )
        batched = (shape[0] if len(shape) == 4 else 1, *shape[-3:])
        core.average_flipped(
            maps.reshape(batched),
            other.reshape(batched),
            indices,
            target.reshape(batched),
            shift=shifted,
            bfloat16=kind == "bfloat16",
            cuda=space.call(),
        )
    if out is not None:
        return out
    return answer if bits is None else answer.view(heatmaps.dtype)


# NumPy has no bfloat16: on the CPU such arrays are handled as float16 ones that lie in the same
# memory, and the native op is told what their bits mean.


def _bits(value: Array) -> Any:
    """The memory of a bfloat16 array on the CPU as float16; None for all other arrays."""
    if isinstance(value, np.ndarray):
        return value.view(np.float16) if value.dtype.name == "bfloat16" else None
    torch = sys.modules.get("torch")
    if (
        torch is not None
        and isinstance(value, torch.Tensor)
        and (value.dtype, value.layout) == (torch.bfloat16, torch.strided)
        and value.device.type == "cpu"
        and not HostSpace().cuda  # there torch's tensors are not made into NumPy's
    ):
        return value.detach().resolve_neg().view(torch.float16)
    return None


def _bits_of_out(out: Array, space: Space) -> Any:
    bits = _bits(out)
    if bits is None:  # its type or its place is wrong, and is said to be
        return borrow_beside("out", out, space, dtypes=("bfloat16",))
    if getattr(out, "requires_grad", False):
        raise ValueError("out must not require grad: give out.detach()")
    if not isinstance(out, np.ndarray) and out.is_neg():
        raise ValueError("out must be an aligned, native-endian array that can be written in place")
    return bits


def _kind(array: Any, bits: Any) -> str:
    return dtype_name(array) if bits is None else "bfloat16"


def _indices(flip: Sequence[int], keypoints: int) -> npt.NDArray[np.int32]:
    """Check that flip is a permutation of the keypoints and its own inverse."""
    try:
        indices = np.asarray(flip)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"flip must be whole numbers, got {type(flip).__name__}") from None
    if indices.size > 0 and indices.dtype.kind not in "iu":
        raise TypeError(f"flip must be whole numbers, got {indices.dtype}")
    if indices.shape != (keypoints,):
        raise ValueError(
            f"flip must have one number for each of the {keypoints} keypoints, "
            f"got shape {indices.shape}"
        )
    outside = (indices < 0) | (indices >= keypoints)
    if outside.any():
        raise ValueError(
            f"flip must be numbers of keypoints, 0 to {keypoints - 1}, got "
            f"{indices[outside.argmax()]}"
        )
    indices = indices.astype(np.int32)
    astray = indices[indices] != np.arange(keypoints)
    if astray.any():
        k = int(astray.argmax())
        raise ValueError(
            f"flip must be its own inverse, but flip[{k}] is {indices[k]} and flip[{indices[k]}] "
            f"is {indices[indices[k]]}"
        )
    return indices
