"""In place of ``lib/core/inference.py`` of DarkPose.

Same names, arguments and answers; the heatmaps may be tensors on a CUDA device as well, so that
they need not be copied to the host. Missing keypoints are (0, 0) in cells, as there.

Source: Zhang et al., 2020 (arXiv:1910.06278).
"""

from __future__ import annotations

from typing import Any

from heatpose.adapters._top_down import (
    Float32,
    as_maps,
    blur_of,
    final_predictions,
    modulate_in_place,
    setting_of,
    taylor_step,
)
from heatpose.adapters.simple_baselines import get_max_preds
from heatpose.ops import Array

__all__ = ["gaussian_blur", "get_final_preds", "get_max_preds", "taylor"]


def taylor(hm: Any, coord: Any) -> Any:
    """Take DARK's step on one map of logarithms.

    Args:
        hm: [H, W], the logarithm of a blurred map.
        coord: float [2], (x, y) of its maximum; the step is added to it. Nothing happens within
            two cells of the border, where the Hessian is singular or the step not finite.

    Returns:
        ``coord``.
    """
    return taylor_step(hm, coord)


def gaussian_blur(hm: Any, kernel: int) -> Any:
    """Blur maps in a frame of zeros, scaled back to their maxima.

    Args:
        hm: Real numbers [N, K, H, W], a NumPy array that is written to. Computed in float32.
        kernel: Odd, OpenCV's size of the blur.

    Returns:
        ``hm``. As there, a map whose blurred maximum is 0 becomes NaN.

    Raises:
        TypeError: no NumPy array of real numbers.
        ValueError: another rank, maps without cells, or an even kernel.
    """
    return modulate_in_place(hm, kernel, 4)


def get_final_preds(config: Any, hm: Array, center: Array, scale: Array) -> tuple[Float32, Float32]:
    """Decode crops with DARK and go to the photo.

    ``hm`` is left as it was; there it is blurred in place.

    Args:
        config: Its ``TEST.BLUR_KERNEL`` is the odd size of the blur. Any object will do.
        hm: As for :func:`get_max_preds`.
        center: [N, 2], (x, y) of the crops' centres in the photo's pixels.
        scale: [N, 2] (or [N]), sizes of the crops in units of 200 pixels. Of the two only the
            width is looked at, as there: crops have the aspect of the maps.

    Returns:
        preds: float32 [N, K, 2], (x, y) in the photo's pixels.
        maxvals: float32 [N, K, 1], the maxima before the blur.

    Raises:
        TypeError: an array is of another type, or config has no such setting.
        ValueError: a shape or the kernel is wrong, a number is not finite, or a scale not above 0.
    """
    maps = as_maps("hm", hm)
    blur = blur_of("config.TEST.BLUR_KERNEL", setting_of(config, "BLUR_KERNEL"))
    return final_predictions(maps, center, scale, "darkpose", method="dark", **blur)
