"""A planted crowd: heatmaps and PAFs of people who are known, without a photo or a network.

What a perfect network would answer for stick people in everyday poses, with as much noise as
wanted. The demo, the tests and the benchmarks decode it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from heatpose.results import People
from heatpose.skeletons import COCO18

FloatArray = NDArray[np.float32]
_Points = NDArray[np.float64]

# Sigma of the planted Gaussians in pixels of the network's input, as OpenPose trains them.
HEATMAP_SIGMA = 7.0
# Half-width of a planted field in cells.
PAF_WIDTH = 1.0

# A standing person seen from the front: (x, y) in body heights, y downwards from the crown,
# the person's right on the left of the picture.
_SHOULDER, _HIP = (-0.105, 0.19), (-0.065, 0.52)
_NOSE, _EYE, _EAR = 0.085, (-0.022, 0.065), (-0.05, 0.075)
_UPPER_ARM, _FOREARM, _THIGH, _SHIN = 0.17, 0.155, 0.235, 0.23

# Angles from straight down, in degrees, outwards positive: upper arm, forearm, thigh, shin.
_ARMS = ((12, 8), (20, 35), (35, -60), (50, 150), (95, 95), (110, 165), (150, 170), (-15, -70))
_LEGS = ((4, 3), (10, 8), (22, 16), (12, -12), (30, -5), (-6, -2))

# Pixels of the canvas within which a keypoint counts as got back: half a cell.
NEAR = 8.0

_MISSING_CHANCE = 0.03
_HIDDEN_EAR_CHANCE = 0.25


def planted_crowd(
    people: int,
    *,
    cells: tuple[int, int] = (46, 82),
    canvas: tuple[int, int] = (720, 1280),
    stride: int = 8,
    seed: int = 0,
    noise: float = 0.02,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Plant people on a canvas and give the maps that a network would.

    The people stand on a jittered grid, the larger the fewer they are, in varied poses, here and
    there without an ear, a forearm or a leg. The maps cover the whole canvas. The people depend on
    ``people``, ``canvas`` and ``seed`` alone: other ``cells`` give the same crowd at another scale.

    Args:
        people: How many, 0 or more.
        cells: (h, w), size of the maps.
        canvas: (H, W), size of the photo in pixels that the keypoints refer to.
        stride: Network-input pixels per cell; the Gaussians have a sigma of 7 of these pixels.
        seed: Of the crowd and of the noise.
        noise: Standard deviation of the Gaussian noise added to every cell.

    Returns:
        heatmaps: float32 [19, h, w] in the channels of COCO-18, the background last. Gaussians of
            height 1, the largest person where people overlap.
        pafs: float32 [38, h, w]. Unit vectors within one cell of a limb, the mean where limbs of
            several people overlap.
        keypoints: float32 [P, 18, 2], the truth in pixels of the canvas, NaN where missing.

    Raises:
        ValueError: a size below 1, a negative count or negative noise.
    """
    if people < 0:
        raise ValueError(f"people must be 0 or more, got {people}")
    if min(*cells, *canvas, stride) < 1:
        raise ValueError(f"cells, canvas and stride must be 1 or more: {cells}, {canvas}, {stride}")
    if not noise >= 0:
        raise ValueError(f"noise must be 0 or more, got {noise}")
    crowd_seed, noise_seed = np.random.SeedSequence(seed).spawn(2)
    keypoints = _plant(people, canvas, np.random.default_rng(crowd_seed))
    in_cells = (keypoints + 0.5) * (np.array(cells) / canvas)[::-1] - 0.5
    heatmaps = _heatmaps(in_cells, cells, HEATMAP_SIGMA / stride)
    pafs = _pafs(in_cells, cells)
    rng = np.random.default_rng(noise_seed)
    for maps in (heatmaps, pafs):
        maps += noise * rng.standard_normal(maps.shape)
    return heatmaps.astype(np.float32), pafs.astype(np.float32), keypoints.astype(np.float32)


def count_recovered(people: People, truth: FloatArray, *, near: float = NEAR) -> tuple[int, int]:
    """Compare people with the planted ones.

    Args:
        people: What a decoder found.
        truth: float32 [P, 18, 2], the keypoints that ``planted_crowd`` gave.
        near: Pixels of the canvas within which a keypoint counts.

    Returns:
        The planted keypoints found near their place, all of one person in one person; and the
        number of planted keypoints.
    """
    recovered = 0
    for planted in truth:
        distances = np.hypot(*np.moveaxis(people.keypoints - planted, -1, 0))
        recovered += int((distances <= near).sum(axis=-1).max(initial=0))
    return recovered, int((~np.isnan(truth[..., 0])).sum())


def background(canvas: tuple[int, int]) -> NDArray[np.uint8]:
    """A plain dark gradient to draw on, uint8 [H, W, 3] BGR."""
    height, width = canvas
    down, across = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None, :]
    blend = (0.7 * down + 0.3 * across)[..., None]
    top, bottom = np.array([64, 42, 30]), np.array([30, 20, 16])
    # Half a level of noise hides the steps between so few grey levels.
    dither = np.random.default_rng(0).uniform(-0.5, 0.5, (height, width, 1))
    gradient: NDArray[np.uint8] = np.rint((1 - blend) * top + blend * bottom + dither).astype(
        np.uint8
    )
    return gradient


def _plant(people: int, canvas: tuple[int, int], rng: np.random.Generator) -> _Points:
    """[P, 18, 2] keypoints in pixels of the canvas."""
    if not people:
        return np.empty((0, COCO18.num_keypoints, 2))
    height, width = canvas
    rows, columns = _grid(people, canvas)
    slot = np.array([width / columns, height / rows])
    planted = []
    for index in range(people):
        pose = _pose(rng)
        low, high = pose.min(axis=0), pose.max(axis=0)
        # As large as the slot holds; arms that reach far out may enter the neighbour's by a tenth.
        size = min(0.86 * slot[1], 1.1 * slot[0] / (high - low)[0]) * rng.uniform(0.8, 1.0)
        row, column = divmod(index, columns)
        in_row = columns if row < rows - 1 else people - columns * (rows - 1)
        center = np.array([(column + 0.5) * width / in_row, (row + 0.5) * slot[1]])
        room = np.maximum(slot - size * (high - low), 0)
        center += rng.uniform(-0.5, 0.5, 2) * np.minimum(room, 0.25 * slot)
        person = center + size * (pose - (low + high) / 2)
        person = np.clip(person, 0, np.array([width, height]) - 1.0)
        person[_missing(rng)] = np.nan
        planted.append(person)
    return np.stack(planted)


def _grid(people: int, canvas: tuple[int, int]) -> tuple[int, int]:
    """(rows, columns) that leave the most room for a person, about half as wide as high."""
    height, width = canvas

    def room(rows: int) -> float:
        return min(height / rows, width / math.ceil(people / rows) / 0.5)

    rows = max(range(1, people + 1), key=room)
    columns = math.ceil(people / rows)
    return math.ceil(people / columns), columns


def _missing(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which keypoints of a person are not seen.

    With a keypoint goes all that hangs on it, so that the rest of the person stays connected.
    """
    missing = rng.random(COCO18.num_keypoints) < _MISSING_CHANCE
    if rng.random() < _HIDDEN_EAR_CHANCE:
        missing[COCO18.index(rng.choice(["left_ear", "right_ear"]))] = True
    missing[COCO18.index("neck")] = False
    for index, (a, b) in enumerate(COCO18.limbs):
        if index not in COCO18.non_starting_limbs:  # the others run from the neck outwards
            missing[b] |= missing[a]
    return missing


def _pose(rng: np.random.Generator) -> _Points:
    """[18, 2] keypoints of one person, height 1."""
    points = {"neck": np.array([0.0, _SHOULDER[1] - 0.005])}
    turn = rng.uniform(-0.02, 0.02)  # of the head: the face moves more than the ears
    points["nose"] = np.array([1.3 * turn, _NOSE + rng.uniform(-0.01, 0.015)])
    for side, sign in (("right_", 1.0), ("left_", -1.0)):
        mirror = np.array([sign, 1.0])
        points[side + "eye"] = mirror * _EYE + [turn, 0]
        points[side + "ear"] = mirror * _EAR + [0.4 * turn, 0]
        points[side + "shoulder"] = mirror * _SHOULDER + [0, rng.uniform(-0.01, 0.01)]
        points[side + "hip"] = mirror * _HIP
        chains = (
            (_ARMS, ("shoulder", "elbow", "wrist"), (_UPPER_ARM, _FOREARM), 14),
            (_LEGS, ("hip", "knee", "ankle"), (_THIGH, _SHIN), 5),
        )
        for poses, names, lengths, spread in chains:
            angles = np.radians(rng.choice(poses) + rng.normal(0, spread, 2))
            for start, end, length, angle in zip(
                names[:-1], names[1:], lengths, angles, strict=True
            ):
                step = length * np.array([-math.sin(angle), math.cos(angle)])
                points[side + end] = points[side + start] + mirror * step
    pose = np.array([points[name] for name in COCO18.keypoints])
    lean = rng.normal(0, math.radians(5))
    turned = np.array([[math.cos(lean), -math.sin(lean)], [math.sin(lean), math.cos(lean)]])
    result: _Points = pose @ turned.T + rng.normal(0, 0.003, pose.shape)
    return result


def _heatmaps(keypoints: _Points, cells: tuple[int, int], sigma: float) -> _Points:
    """[19, h, w] Gaussians at keypoints [P, 18, 2] in cells."""
    height, width = cells
    reach_x = np.exp(-0.5 * ((np.arange(width) - keypoints[..., :1]) / sigma) ** 2)
    reach_y = np.exp(-0.5 * ((np.arange(height) - keypoints[..., 1:]) / sigma) ** 2)
    heatmaps = np.zeros((COCO18.num_heatmaps, height, width))
    for person_x, person_y in zip(np.nan_to_num(reach_x), np.nan_to_num(reach_y), strict=True):
        gaussians = person_y[:, :, None] * person_x[:, None, :]
        np.maximum(heatmaps[:-1], gaussians, out=heatmaps[:-1])
    heatmaps[-1] = 1 - heatmaps[:-1].max(axis=0)
    return heatmaps


def _pafs(keypoints: _Points, cells: tuple[int, int]) -> _Points:
    """[38, h, w] fields along the limbs of keypoints [P, 18, 2] in cells."""
    height, width = cells
    y, x = np.mgrid[:height, :width]
    pafs = np.zeros((COCO18.num_pafs, height, width))
    for (a, b), channels in zip(COCO18.limbs, COCO18.paf_channels, strict=True):
        count = np.zeros((height, width))
        for start, end in zip(keypoints[:, a], keypoints[:, b], strict=True):
            length = float(np.hypot(*(end - start)))
            if not length > 0:  # also where a keypoint is missing: NaN
                continue
            unit = (end - start) / length
            dx, dy = x - start[0], y - start[1]
            along, across = dx * unit[0] + dy * unit[1], dx * unit[1] - dy * unit[0]
            # Half a cell beyond the ends, so that a limb shorter than a cell has a field too.
            inside = (along >= -0.5) & (along <= length + 0.5) & (np.abs(across) <= PAF_WIDTH)
            pafs[list(channels)] += inside * unit[:, None, None]
            count += inside
        pafs[list(channels)] /= np.maximum(count, 1)
    return pafs
