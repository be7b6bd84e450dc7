"""In place of ``lib/core/inference.py`` of Simple Baselines (human-pose-estimation.pytorch).

Same names, arguments and answers; the heatmaps may be tensors on a CUDA device as well, so that
they need not be copied to the host. Missing keypoints are (0, 0) in cells, as there.

Source: Xiao et al., 2018 (arXiv:1804.06208); HRNet's repositories have copies of the same file.
"""

from __future__ import annotations

from typing import Any

from heatpose.adapters._top_down import Float32, as_maps, final_predictions, maxima, setting_of
from heatpose.ops import Array

__all__ = ["get_final_preds", "get_max_preds"]


def get_max_preds(batch_heatmaps: Array) -> tuple[Float32, Float32]:
    """Find the maxima of heatmaps.

    Args:
        batch_heatmaps: Real numbers [N, K, h, w], computed in float32. NaN is no maximum.

    Returns:
        preds: float32 [N, K, 2], (x, y) in cells, (0, 0) where the maximum is not above 0.
        maxvals: float32 [N, K, 1].

    Raises:
        TypeError: no array of real numbers.
        ValueError: another rank, or maps without cells.
    """
    return maxima(as_maps("batch_heatmaps", batch_heatmaps), "zero")


def get_final_preds(
    config: Any, batch_heatmaps: Array, center: Array, scale: Array
) -> tuple[Float32, Float32]:
    """Decode crops, a quarter of a cell towards the larger neighbours, and go to the photo.

    Args:
        config: Its ``TEST.POST_PROCESS`` says whether to take the quarter. Any object will do.
        batch_heatmaps: As for :func:`get_max_preds`.
        center: [N, 2], (x, y) of the crops' centres in the photo's pixels.
        scale: [N, 2] (or [N]), sizes of the crops in units of 200 pixels. Of the two only the
            width is looked at, as there: crops have the aspect of the maps.

    Returns:
        preds: float32 [N, K, 2], (x, y) in the photo's pixels.
        maxvals: float32 [N, K, 1].

    Raises:
        TypeError: an array is of another type, or config has no such setting.
        ValueError: a shape is wrong, a number is not finite, or a scale is not above 0.
    """
    maps = as_maps("batch_heatmaps", batch_heatmaps)
    method = "quarter" if setting_of(config, "POST_PROCESS") else "none"
    return final_predictions(maps, center, scale, "microsoft", method=method)
