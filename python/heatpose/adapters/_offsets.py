"""UDP's combined maps: per keypoint a class map and two of offsets towards the keypoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose import ops
from heatpose.adapters._top_down import Float32, odd_kernel, on_host, opencv_taps


def combined_keypoints(
    name: str, maps: Any, radius: float, class_kernel: int, offset_kernel: int = 0
) -> tuple[Float32, Float32]:
    """Decode combined maps: the maximum of the blurred class map, and the offsets there.

    The blur is OpenCV's (mirrored borders, no rescaling). The class maps are blurred whole: which
    cell is the highest cannot be told otherwise. Offsets are read, and blurred, at that cell alone.

    Args:
        name: Name of the argument, for errors.
        maps: [N, 3 K, H, W], for each keypoint class, x offset and y offset.
        radius: Cells per unit of the offsets.
        class_kernel: Odd size of the class maps' blur.
        offset_kernel: Odd size of the offsets' blur; 0 for none.

    Returns:
        coords: float32 [N, K, 2], (x, y) in cells. Where the maximum is not above 0, (-1, -1).
        scores: float32 [N, K], the maxima of the blurred class maps.

    Raises:
        ValueError: the number of maps is no multiple of 3, or a kernel is even.
    """
    channels = maps.shape[1]
    if channels % 3:
        raise ValueError(f"{name} must hold 3 maps per keypoint, got {channels} maps")
    taps = opencv_taps(odd_kernel("kernel", class_kernel))
    classes = ops.gaussian_smooth(maps[:, ::3], taps=taps, border="mirror")
    decoded = ops.decode_heatmaps(classes, method="none", invalid="minus_one")
    coords, scores = on_host(decoded.coords), on_host(decoded.scores)
    found = coords[..., 0] >= 0
    offsets = _offsets_at(maps, coords.astype(np.int64), odd_kernel("kernel", offset_kernel or 1))
    coords[found] += offsets[found] * np.float32(radius)
    return coords, scores


def _offsets_at(maps: Any, cells: npt.NDArray[np.int64], kernel: int) -> Float32:
    """The offset maps at one cell per keypoint [N, K, 2], under OpenCV's blur of this size."""
    height, width = maps.shape[-2:]
    reach = np.arange(-(kernel // 2), kernel // 2 + 1)
    columns = _mirrored(cells[..., 0, None] + reach, width)
    rows = _mirrored(cells[..., 1, None] + reach, height)
    images = np.arange(cells.shape[0])[:, None, None, None]
    channels = 3 * np.arange(cells.shape[1])[:, None, None]
    weights = np.outer(*[np.array(opencv_taps(kernel))] * 2)
    offsets = np.empty(cells.shape, np.float32)
    for axis in (0, 1):
        index = (images, channels + 1 + axis, rows[..., :, None], columns[..., None, :])
        window = on_host(maps[_where_it_lies(maps, np.broadcast_arrays(*index))])
        offsets[..., axis] = (window * weights).sum(axis=(-2, -1))
    return offsets


def _mirrored(index: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Indices folded back into [0, count), the border itself not repeated."""
    if count == 1:
        return np.zeros_like(index)
    folded = index % (2 * count - 2)
    return np.minimum(folded, 2 * count - 2 - folded)


def _where_it_lies(maps: Any, index: Any) -> tuple[Any, ...]:
    if isinstance(maps, np.ndarray):
        return tuple(index)
    import torch

    return tuple(torch.from_numpy(np.ascontiguousarray(i)).to(maps.device) for i in index)
