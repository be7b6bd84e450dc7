"""Weights of a smoothing, shared by the ops that smooth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from heatpose.ops._arrays import finite, whole

_MOST = 1025  # taps, of either form: 512 pixels to each side


@lru_cache(maxsize=64)
def gaussian_taps(sigma: float, radius: int) -> tuple[float, ...]:
    """Sampled Gaussian weights [2 * radius + 1], normalised to 1."""
    x = np.arange(-radius, radius + 1, dtype=np.float64)
    weights = np.exp(-0.5 * (x / sigma) ** 2)
    return tuple((weights / weights.sum()).tolist())


def read_taps(
    sigma: float | None,
    *,
    truncate: float = 4.0,
    kernel_size: int | None = None,
    taps: Sequence[float] | None = None,
) -> tuple[float, ...]:
    """Weights of a smoothing: given ones, OpenCV's kernel-size form or SciPy's sigma form.

    Args:
        sigma: Standard deviation in pixels; 0 (or None without ``kernel_size``) for no smoothing.
            None with ``kernel_size`` k: ``0.3 * ((k - 1) * 0.5 - 1) + 0.8``, as OpenCV has it.
        truncate: SciPy's form: radius ``int(truncate * sigma + 0.5)``.
        kernel_size: OpenCV's form: an odd number of taps.
        taps: The weights themselves, an odd number up to 1025; nothing else is looked at.

    Raises:
        ValueError: a setting is out of range.
    """
    if taps is not None:
        try:
            listed = list(taps)
        except TypeError:
            raise TypeError(f"taps must be a sequence of numbers, got {taps!r}") from None
        if len(listed) > _MOST:
            raise ValueError(f"taps must be at most {_MOST} weights, got {len(listed)}")
        given = tuple(finite(f"taps[{i}]", tap) for i, tap in enumerate(listed))
        if len(given) % 2 == 0:
            raise ValueError(f"taps must be an odd number of weights, got {len(given)}")
        return given
    if kernel_size is not None:
        size = whole("kernel_size", kernel_size, low=1, high=_MOST)
        if size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {size}")
        if sigma is None:
            sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
        return gaussian_taps(finite("sigma", sigma, above=0.0), size // 2)
    width = 0.0 if sigma is None else finite("sigma", sigma, low=0.0)
    if width == 0.0:
        return ()
    reach = finite("truncate", truncate, above=0.0) * width
    if not reach < 512.5:
        raise ValueError(f"truncate * sigma must be at most 512 pixels, got {reach:g}")
    return gaussian_taps(width, math.floor(reach + 0.5))
