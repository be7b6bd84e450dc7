"""What trt_pose's networks are trained to answer: heatmaps and fields of known people.

Other than the targets of :mod:`heatpose.datasets`, bells have a variance of half the square of
``stdev``, end at a window that need not lie in the middle of them, and limbs fade with the distance
and add up where people overlap.
"""

from __future__ import annotations

from typing import Any

import torch

from heatpose.adapters.trt_pose._tensors import floats, ints, read_topology
from heatpose.ops._arrays import finite, whole

_LENGTH_OFFSET = 1e-5  # of a limb, so that one without length points nowhere


def generate_cmap(
    counts: torch.Tensor,
    peaks: torch.Tensor,
    height: int,
    width: int,
    stdev: float,
    window: int,
) -> torch.Tensor:
    """Draw a bell ``exp(-d^2 / stdev^2)`` around every peak; of several the highest stays.

    Args:
        counts: int32 [N, C].
        peaks: float32 [N, C, M, 2], (y, x) as shares of the map; they may lie outside.
        height: H in cells.
        width: W in cells.
        stdev: In cells. (Half its square is the variance.)
        window: Cells further than half of it, rounded down, stay 0.

    Returns:
        float32 [N, C, H, W].

    Raises:
        TypeError: an array or setting is of another type.
        ValueError: a shape or setting is wrong, or a peak that counts is not finite.
    """
    numbers, places = _peaks(counts, peaks)
    rows, columns = whole("height", height, low=1), whole("width", width, low=1)
    spread = finite("stdev", stdev, above=0)
    reach = whole("window", window, low=0) // 2
    counted = torch.arange(places.shape[2], device=places.device) < numbers[..., None]
    down = _bells(places[..., 0] * rows, rows, spread, reach) * counted[..., None]
    across = _bells(places[..., 1] * columns, columns, spread, reach)
    maps = places.new_zeros((*numbers.shape, rows, columns))
    if places.shape[2]:
        for image in range(len(maps)):  # all of a batch at once would be M maps for each of its own
            every = down[image, :, :, :, None] * across[image, :, :, None, :]
            torch.amax(every, dim=1, out=maps[image])
    return maps


def generate_paf(
    connections: torch.Tensor,
    topology: torch.Tensor,
    counts: torch.Tensor,
    peaks: torch.Tensor,
    height: int,
    width: int,
    stdev: float,
) -> torch.Tensor:
    """Draw the direction of every limb, times ``exp(-d^2 / stdev^2)`` of the distance to it.

    Where people overlap, their vectors are added up.

    Args:
        connections: int32 [N, K, 2, M]: for each peak of the limb's first part that of the second,
            -1 for none; the way back, which comes second, is not read.
        topology: int32 [K, 4].
        counts: int32 [N, C].
        peaks: float32 [N, C, M, 2], (y, x) as shares of the map; they may lie outside.
        height: H in cells.
        width: W in cells.
        stdev: In cells.

    Returns:
        float32 [N, 2 K, H, W].

    Raises:
        TypeError: an array or setting is of another type.
        ValueError: a shape or setting is wrong, or a peak that counts is not finite.
    """
    numbers, places = _peaks(counts, peaks)
    limbs, channels = read_topology(topology)
    partners = ints("connections", connections, 4)
    rows, columns = whole("height", height, low=1), whole("width", width, low=1)
    spread = finite("stdev", stdev, above=0)
    most = places.shape[2]
    if tuple(partners.shape) != (len(places), len(limbs), 2, most):
        raise ValueError(
            f"connections must have shape {(len(places), len(limbs), 2, most)}, "
            f"got {tuple(partners.shape)}"
        )
    if partners.numel() and int(partners.max()) >= most:
        raise ValueError(f"connections must be below {most}, got {int(partners.max())}")
    _check_topology(limbs, places.shape[1], channels)
    size = places.new_tensor([rows, columns])
    cells = torch.stack(
        torch.meshgrid(
            torch.arange(rows, device=places.device) + 0.5,
            torch.arange(columns, device=places.device) + 0.5,
            indexing="ij",
        )
    )
    fields = places.new_zeros((len(places), 2 * len(limbs), rows, columns))
    for image, field in enumerate(fields):
        for limb, ((a, b), (x, y)) in enumerate(
            zip(limbs.tolist(), channels.tolist(), strict=True)
        ):
            partner = partners[image, limb, 0]
            first = torch.arange(most, device=places.device)
            one = first[(first < numbers[image, a]) & (partner >= 0)]
            start = places[image, a, one] * size
            end = places[image, b, partner[one].long()] * size
            field[[y, x]] = _limbs_drawn(start, end, cells, spread)
    return fields


def _bells(centers: torch.Tensor, size: int, stdev: float, reach: int) -> torch.Tensor:
    """The factor of a bell along one axis [..., size], 0 beyond its window."""
    cells = torch.arange(size, device=centers.device)
    bells = torch.exp(-(((centers[..., None] - (cells + 0.5)) / stdev) ** 2))
    # A cell is in where its number, not its middle, is near enough.
    first, end = torch.floor(centers - reach), torch.floor(centers + reach + 1)
    return bells * ((cells >= first[..., None]) & (cells < end[..., None]))


def _limbs_drawn(
    start: torch.Tensor, end: torch.Tensor, cells: torch.Tensor, stdev: float
) -> torch.Tensor:
    """The sum [2, H, W] of limbs from ``start`` to ``end`` [P, 2], (y, x) in cells."""
    way = end - start
    length = way.norm(dim=1) + _LENGTH_OFFSET
    unit = way / length[:, None]
    to = cells - start[:, :, None, None]
    along = to[:, 0] * unit[:, 0, None, None] + to[:, 1] * unit[:, 1, None, None]
    beyond = along.clamp(max=0) + (along - length[:, None, None]).clamp(min=0)
    aside = to[:, 0] * unit[:, 1, None, None] - to[:, 1] * unit[:, 0, None, None]
    near = torch.exp(-(beyond**2 + aside**2) / stdev**2)
    drawn: torch.Tensor = (near[:, None] * unit[:, :, None, None]).sum(dim=0)
    return drawn


def _peaks(counts: Any, peaks: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Counts and peaks, checked; peaks that do not count are 0."""
    numbers, places = ints("counts", counts, 2), floats("peaks", peaks, 4)
    if places.shape[3] != 2:
        raise ValueError(f"peaks must have shape (N, C, M, 2), got {tuple(places.shape)}")
    if numbers.shape != places.shape[:2]:
        raise ValueError(
            f"counts must have shape {tuple(places.shape[:2])}, got {tuple(numbers.shape)}"
        )
    if numbers.device != places.device:
        raise ValueError(f"counts must be on {places.device} like peaks, got {numbers.device}")
    most = places.shape[2]
    if numbers.numel() and not 0 <= int(numbers.min()) <= int(numbers.max()) <= most:
        raise ValueError(
            f"counts must be from 0 to {most}, got {int(numbers.min())} to {int(numbers.max())}"
        )
    counted = torch.arange(most, device=places.device) < numbers[..., None]
    places = torch.where(counted[..., None], places, places.new_zeros(()))
    if not bool(torch.isfinite(places).all()):
        raise ValueError("peaks must be finite where they count")
    return numbers, places


def _check_topology(limbs: Any, parts: int, channels: Any) -> None:
    if limbs.size and not 0 <= limbs.min() <= limbs.max() < parts:
        raise ValueError(f"topology must name parts below {parts}, got {limbs.tolist()}")
    if channels.size and not 0 <= channels.min() <= channels.max() < 2 * len(limbs):
        raise ValueError(
            f"topology must name channels below {2 * len(limbs)}, got {channels.tolist()}"
        )
