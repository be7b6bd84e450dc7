"""What the graph of tf-pose-estimation does to its heatmaps: smoothing and the 3x3 maximum."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose import ops
from heatpose.adapters._rooms import every_peak
from heatpose.ops._arrays import whole

KERNEL_SIZE = 25
KERNEL_SIGMAS = 3.0


@functools.cache
def kernel_taps(kernlen: int, nsig: float) -> tuple[float, ...]:
    """The factor of :func:`gauss_kernel` along one axis.

    The kernel is the square root of an outer product, so that its factor is the root of the
    Gaussian's: with 25 taps over 3 sigmas it has a standard deviation of 5.19 pixels.
    """
    interval = (2 * nsig + 1.0) / kernlen
    edges = np.linspace(-nsig - interval / 2, nsig + interval / 2, kernlen + 1)
    below = np.array([0.5 * (1 + math.erf(edge / math.sqrt(2))) for edge in edges])
    roots = np.sqrt(np.diff(below))
    return tuple((roots / roots.sum()).tolist())


def gauss_kernel(kernlen: int = 21, nsig: float = 3, channels: int = 1) -> npt.NDArray[np.float32]:
    """The weights of ``Smoother``, as TensorFlow takes them.

    Args:
        kernlen: Taps along an axis.
        nsig: Standard deviations of a Gaussian from the middle to either end, whose square root
            each axis gets (so this is no sigma in pixels).
        channels: How many times the kernel is repeated.

    Returns:
        float32 [kernlen, kernlen, channels, 1], of sum 1 for each channel.

    Raises:
        TypeError: kernlen or channels is no whole number.
        ValueError: a size is below 1, or nsig is not above 0.
    """
    whole("kernlen", kernlen, low=1)
    whole("channels", channels, low=1)
    if not nsig > 0:
        raise ValueError(f"nsig must be above 0, got {nsig}")
    taps = kernel_taps(kernlen, float(nsig))
    kernel = np.outer(taps, taps).astype(np.float32)
    repeated: npt.NDArray[np.float32] = np.repeat(kernel[:, :, None, None], channels, axis=2)
    return repeated


def smooth(heat: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """The graph's ``gaussian_heatMat``: 25 taps along each axis, 0 outside.

    Args:
        heat: [H, W, C], heatmaps, taken as float32.

    Returns:
        float32 [H, W, C].

    Raises:
        TypeError: heat does not hold numbers.
        ValueError: heat has another shape.
    """
    maps: npt.NDArray[np.float32] = _smoothed(heat).transpose(1, 2, 0)
    return maps


def find_peaks(heat: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """The graph's ``tensor_peaks``: smoothed heatmaps where they are the largest of 3x3, else 0.

    Negative maxima, which the graph keeps too, are no peaks to ``pafprocess``; they are 0 here.

    Args:
        heat: [H, W, C], heatmaps at the size that ``pafprocess`` shall work at.

    Returns:
        float32 [H, W, C], for ``process_paf`` and ``estimate_paf``.

    Raises:
        TypeError: heat does not hold numbers.
        ValueError: heat has another shape.
    """
    maps = _smoothed(heat)
    found = every_peak(maps, threshold=0.0, connectivity=8, ties="all")
    peaks = np.zeros((*maps.shape[1:], maps.shape[0]), np.float32)
    channel, entry = np.nonzero(np.arange(found.scores.shape[1]) < found.counts[:, None])
    x, y = found.xy[channel, entry].T
    peaks[y, x, channel] = found.scores[channel, entry]
    return peaks


def _smoothed(heat: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Smoothed maps [C, H, W]."""
    array: npt.NDArray[Any] = np.asarray(heat)
    if array.dtype.kind not in "buif":
        raise TypeError(f"heat must be numbers, got {array.dtype}")
    if array.ndim != 3:
        raise ValueError(f"heat must have shape (H, W, C), got {tuple(array.shape)}")
    maps = np.ascontiguousarray(array.transpose(2, 0, 1), np.float32)
    taps = kernel_taps(KERNEL_SIZE, KERNEL_SIGMAS)
    answer: npt.NDArray[np.float32] = ops.gaussian_smooth(maps, taps=taps, border="constant")
    return answer
