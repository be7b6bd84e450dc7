"""The pictures of the site, drawn from what the ops answer on planted data with fixed seeds.

Run: python docs/tools/pictures.py FOLDER [NAME ...]     (the site's hook calls ``draw_all``)
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import heatpose as hp
from heatpose import demo, ops
from heatpose.reference.gaussian_smooth import gaussian_taps
from heatpose.reference.resize_average import axis_matrix

CANVAS, CELLS, SEED = (360, 480), (46, 62), 221
PLACE = {"none": "C1", "quarter": "C4", "dark": "C2", "dark_udp": "C0"}
SKELETON = hp.skeletons.COCO18
LIMB = 2  # right shoulder to right elbow
Array = NDArray[Any]


def crowd(people: int = 4, noise: float = 0.03) -> tuple[Array, Array, Array]:
    """Heatmaps, fields and true keypoints of the people of most pictures."""
    return demo.planted_crowd(people, cells=CELLS, canvas=CANVAS, seed=SEED, noise=noise)


def photo() -> Array:
    """The crowd as it is drawn, standing in for a photo: uint8 [H, W, 3] BGR."""
    heatmaps, pafs, _ = crowd()
    people = hp.BodyDecoder(SKELETON)(heatmaps, pafs, CANVAS)
    picture: Array = people.draw(demo.background(CANVAS), limb_width=6)
    return picture


def bump(size: int, x: float, y: float, sigma: float, height: float = 1.0) -> Array:
    """A Gaussian on a map of ``size`` x ``size`` cells, float32."""
    rows, columns = np.mgrid[:size, :size]
    distance = (columns - x) ** 2 + (rows - y) ** 2
    return (height * np.exp(-0.5 * distance / sigma**2)).astype(np.float32)


def panels(*titles: str, width: float = 3.2, height: float = 2.9) -> tuple[Figure, list[Any]]:
    """A row of axes with titles."""
    figure, axes = plt.subplots(1, len(titles), figsize=(width * len(titles), height))
    row = list(np.atleast_1d(axes))
    for ax, title in zip(row, titles, strict=True):
        ax.set_title(title, fontsize=9)
        ax.tick_params(labelsize=7)
    return figure, row


def show(ax: Any, values: Array, **options: Any) -> Any:
    """A map, cell by cell, without axes."""
    ax.set_axis_off()
    return ax.imshow(values, interpolation="nearest", **{"cmap": "magma", **options})


def rgb(image: Array) -> Array:
    """A BGR picture in matplotlib's order."""
    return image[..., ::-1]


def spaces() -> Figure:
    """Photo, network input and map: three grids for one picture."""
    image = photo()
    inputs, (rows, columns) = ops.prepare_image(image, size=(170, 226), stride=32)
    picture = np.clip((inputs[0] + 0.5).transpose(1, 2, 0), 0, 1)
    figure, (first, second, third) = panels(
        f"canvas: {CANVAS[0]} x {CANVAS[1]} px",
        f"network input: {inputs.shape[2]} x {inputs.shape[3]} px",
        f"map: {inputs.shape[2] // 32} x {inputs.shape[3] // 32} cells (stride 32)",
    )
    for ax, pixels in ((first, rgb(image)), (second, rgb(picture)), (third, rgb(picture))):
        show(ax, pixels)
    second.add_patch(plt.Rectangle((0, 0), columns, rows, fill=False, color="C2", lw=2))
    second.text(6, rows - 8, f"content: {rows} x {columns}", color="C2", fontsize=8)
    third.set_axis_on()
    third.set_xticks(np.arange(0, inputs.shape[3] + 1, 32) - 0.5, labels=[])
    third.set_yticks(np.arange(0, inputs.shape[2] + 1, 32) - 0.5, labels=[])
    third.grid(color="white", lw=0.8)
    return figure


def resize_average() -> Figure:
    """Cells of two scales, and their average at the canvas."""
    channel = SKELETON.index("right_wrist")
    scales = [
        demo.planted_crowd(4, cells=cells, canvas=CANVAS, seed=SEED, noise=0.03)[0][[channel]]
        for cells in ((23, 31), CELLS)
    ]
    average = ops.resize_average(scales, CANVAS)
    figure, axes = panels(
        "scale 0.5: 23 x 31 cells", "scale 1: 46 x 62 cells", "average: 360 x 480"
    )
    for ax, values in zip(axes, (scales[0][0], scales[1][0], average[0]), strict=True):
        show(ax, values, vmin=0, vmax=1)
    return figure


def gaussian_smooth_picture() -> Figure:
    """A noisy map before and after, and a row of both."""
    rng = np.random.default_rng(0)
    noisy = bump(96, 47.3, 48.6, 9.0) + 0.12 * rng.standard_normal((96, 96)).astype(np.float32)
    smooth = ops.gaussian_smooth(noisy, 3.0)
    figure, (first, second, third) = panels("map", "sigma = 3", "row 48 of both")
    show(first, noisy, vmin=0, vmax=1)
    show(second, smooth, vmin=0, vmax=1)
    third.plot(noisy[48], color="0.7", lw=1)
    third.plot(smooth[48], color="C3")
    return figure


def find_peaks() -> Figure:
    """What is a peak and what is not."""
    values = sum(
        bump(48, x, y, 3.0, height)
        for x, y, height in (
            (12.0, 14.0, 1.0),
            (33.5, 12.0, 0.8),
            (14.0, 36.0, 0.3),
            (35, 35, 0.08),
        )
    )
    figure, axes = panels('ties="first"', 'ties="all"', "threshold=0.05")
    settings: tuple[dict[str, Any], ...] = ({}, {"ties": "all"}, {"threshold": 0.05})
    for ax, setting in zip(axes, settings, strict=True):
        peaks = ops.find_peaks(values[None], **setting)
        show(ax, values, vmin=0, vmax=1)
        found = peaks.xy[0, : peaks.counts[0]]
        ax.plot(*found.T, "+", color="cyan", ms=9, mew=1.5)
        if "ties" in setting:  # two peaks lie side by side
            continue
        for (x, y), score in zip(found, peaks.scores[0], strict=False):
            ax.annotate(f"{score:.2f}", (x, y + 6), color="white", fontsize=7, ha="center")
    return figure


def peaks_from_cells() -> Figure:
    """Cells, what of the canvas can hold a peak, and the rows of the operator."""
    heatmaps, _, _ = crowd()
    channel = SKELETON.index("left_wrist")
    cells = heatmaps[[channel]]
    peaks = ops.peaks_from_cells(cells, CANVAS)
    smooth = ops.gaussian_smooth(ops.resize_average(cells, CANVAS), 3.0)[0]
    tiles = smooth.reshape(CANVAS[0] // 8, 8, CANVAS[1] // 8, 8).max(axis=(1, 3))
    figure, (first, second, third) = panels(
        "cells", "8 x 8 tiles with a pixel over 0.1", "weights of the cells in one pixel", width=3.4
    )
    show(first, cells[0], vmin=0, vmax=1)
    show(second, tiles > 0.1, cmap="Greys", vmin=-1, vmax=2, extent=(0, CANVAS[1], CANVAS[0], 0))
    found = peaks.xy[0, : peaks.counts[0]]
    second.plot(*found.T, "+", color="C3", ms=9, mew=1.5)
    row = 243
    plain = axis_matrix(CELLS[1], CANVAS[1])
    smoothed = np.apply_along_axis(np.convolve, 0, plain, gaussian_taps(3.0), mode="same")
    near = np.flatnonzero(np.abs(smoothed[row]) > 1e-4)
    places = np.arange(near[0] - 1, near[-1] + 2)
    third.bar(places - 0.2, plain[row, places], 0.4, label="resized")
    third.bar(places + 0.2, smoothed[row, places], 0.4, label="and smoothed")
    third.set_xlabel("cell", fontsize=7)
    third.legend(fontsize=7)
    return figure


def associate() -> Figure:
    """The field of a limb, all pairs of its peaks, and the pairs taken."""
    heatmaps, pafs, _ = crowd()
    (a, b), (fx, fy) = SKELETON.limbs[LIMB], SKELETON.paf_channels[LIMB]
    peaks = ops.peaks_from_cells(heatmaps[: SKELETON.num_keypoints], CANVAS)
    found = ops.associate(peaks, pafs, SKELETON.limbs, SKELETON.paf_channels, CANVAS)
    people = hp.BodyDecoder(SKELETON)(heatmaps, pafs, CANVAS)
    figure, (first, second, third) = panels(
        "field of right shoulder to elbow", "pairs: taken and not", "people"
    )
    length = np.hypot(pafs[fx], pafs[fy])
    show(first, length, vmin=0, vmax=1.2, cmap="Greys")
    y, x = np.nonzero(length > 0.5)
    first.quiver(x, y, pafs[fx][y, x], pafs[fy][y, x], color="C3", angles="xy", scale=18)
    first.set_xlim(min(x) - 2, min(x) + 24)
    first.set_ylim(min(y) + 16, min(y) - 4)
    show(second, length, vmin=0, vmax=3, cmap="Greys", extent=(0, CANVAS[1], CANVAS[0], 0))
    starts, ends = (peaks.xy[k, : peaks.counts[k]] for k in (a, b))
    taken = {tuple(pair) for pair in found.pairs[LIMB, : found.pair_counts[LIMB]].tolist()}
    for i, start in enumerate(starts):
        for j, end in enumerate(ends):
            style = {"color": "C2", "lw": 2.5} if (i, j) in taken else {"color": "0.7", "lw": 0.8}
            second.plot(*zip(start, end, strict=True), zorder=2 if (i, j) in taken else 1, **style)
    second.plot(*starts.T, "o", color="C0", ms=4)
    second.plot(*ends.T, "s", color="C1", ms=4)
    show(third, rgb(people.draw(demo.background(CANVAS), limb_width=6)))
    return figure


def grid_people() -> Figure:
    """People on the grid of the cells."""
    heatmaps, pafs, _ = crowd()
    keypoints = heatmaps[: SKELETON.num_keypoints]
    limbs = [i for i in range(len(SKELETON.limbs)) if i not in SKELETON.non_starting_limbs]
    pairs = [SKELETON.limbs[i] for i in limbs]
    found = ops.grid_people(
        keypoints, pafs, pairs, [SKELETON.paf_channels[i] for i in limbs], threshold=0.3
    )
    figure, (first, second) = panels("peaks, refined, on the cells", "what hangs together", width=4)
    for ax in (first, second):
        show(ax, keypoints.max(axis=0), vmin=0, vmax=1.3, cmap="Greys")
    size = np.array(CELLS[::-1])
    for k, count in enumerate(found.peak_counts):
        first.plot(*(found.places[k, :count] * size - 0.5).T, "+", color="C3", ms=5)
    for number, person in enumerate(found.people[: found.counts]):
        for a, b in pairs:
            if person[a] >= 0 and person[b] >= 0:
                ends = np.stack([found.places[a, person[a]], found.places[b, person[b]]])
                second.plot(*(ends * size - 0.5).T, color=f"C{number}", lw=2)
    return figure


def decode_heatmaps() -> Figure:
    """One map, and how far from the truth each method ends on a thousand noisy ones."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(20, 43, (1000, 2))
    maps = np.stack([bump(64, x, y, 2.0) for x, y in truth])
    maps += 0.02 * rng.standard_normal(maps.shape).astype(np.float32)
    figure, (first, second) = panels("one map, 12 x 12 of 64 x 64 cells", "error, cells", width=4.2)
    x, y = truth[0]
    left, top = int(x) - 5, int(y) - 5
    extent = (left - 0.5, left + 11.5, top + 11.5, top - 0.5)
    show(first, maps[0, top : top + 12, left : left + 12], vmin=0, vmax=1, extent=extent)
    first.plot(x, y, "o", mfc="none", color="white", ms=13, mew=1.5, label="truth")
    for method, color in PLACE.items():
        coords, _ = ops.decode_heatmaps(maps[None], method=method)
        error = np.hypot(*(coords[0] - truth).T)
        first.plot(*coords[0, 0], "+", color=color, ms=9, mew=2, label=method)
        second.hist(
            error, bins=np.linspace(0, 0.8, 81), histtype="step", color=color,
            label=f"{method}: mean {error.mean():.3f}",
        )  # fmt: skip
    first.legend(fontsize=6, loc="lower left")
    second.legend(fontsize=7)
    return figure


def decode_hand_maps() -> Figure:
    """The heaviest component, not the highest value."""
    values = bump(46, 14, 30, 3.5, 0.55) + bump(46, 34, 12, 1.1, 0.8)
    coords, scores = ops.decode_hand_maps(values[None], (368, 368))
    average = ops.resize_average(values[None], (368, 368))[0]
    smooth = ops.gaussian_smooth(average, 3.0)
    figure, (first, second) = panels("average of the scales", "components over 0.05", width=3.2)
    show(first, average, vmin=0, vmax=0.9)
    first.contour(smooth, levels=[0.05], colors="cyan", linewidths=1)
    show(second, smooth > 0.05, cmap="Greys", vmin=-1, vmax=2)
    for ax in (first, second):
        ax.plot(*coords[0], "+", color="C2", ms=12, mew=2)
    second.annotate(
        f"keypoint, score {scores[0]:.2f}", coords[0] + (0, 85), fontsize=8, ha="center"
    )
    highest = np.unravel_index(average.argmax(), average.shape)[::-1]
    second.annotate(
        "higher, but lighter", highest, (highest[0], highest[1] + 70), fontsize=8, ha="center",
        arrowprops={"arrowstyle": "->"},
    )  # fmt: skip
    return figure


def prepare_image() -> Figure:
    """A photo and the input that is made of it."""
    image = photo()
    inputs, content = ops.prepare_image(image, scale=0.45, stride=32)
    figure, (first, second) = panels(
        f"photo: {CANVAS[0]} x {CANVAS[1]}, uint8",
        f"input: {inputs.shape[2]} x {inputs.shape[3]}, content {content[0]} x {content[1]}",
        width=4,
    )
    show(first, rgb(image))
    show(second, rgb(np.clip(inputs[0].transpose(1, 2, 0) + 0.5, 0, 1)))
    return figure


def warp_crops() -> Figure:
    """Boxes of a photo, one of them turned, and their crops."""
    image, (_, _, truth) = photo(), crowd()
    low, high = np.nanmin(truth, axis=1), np.nanmax(truth, axis=1)
    centers, heights = (low + high) / 2, 1.15 * (high - low)[:, 1]
    scales = np.stack([0.75 * heights, heights], axis=1)[:3]
    turns = np.array([0.0, 0.0, 30.0])
    matrices = ops.crop_matrices(centers[:3], scales, (256, 192), pixel_std=1, rotation=turns)
    crops = ops.warp_crops(image, matrices.photo_from_crop, (256, 192))
    figure, axes = panels("photo", "crop 0", "crop 1", "crop 2, turned by 30°", width=2.6)
    show(axes[0], rgb(image))
    corners = np.array([(0, 0, 1), (191, 0, 1), (191, 255, 1), (0, 255, 1), (0, 0, 1)])
    for number, matrix in enumerate(matrices.photo_from_crop):
        axes[0].plot(*(matrix @ corners.T), color="cyan", lw=1)
        show(axes[number + 1], rgb(crops[number].transpose(1, 2, 0)))
    axes[0].set_xlim(0, CANVAS[1])
    axes[0].set_ylim(CANVAS[0], 0)
    return figure


def average_flipped() -> Figure:
    """Maps of a crop and of its mirror image, and their average."""
    rng = np.random.default_rng(1)
    left, right = bump(48, 13.0, 20.0, 3.0), bump(48, 32.0, 27.0, 3.0)
    noise = 0.15 * rng.standard_normal((4, 48, 48)).astype(np.float32)
    maps = np.stack([left, right]) + noise[:2]
    mirrored = np.stack([right[:, ::-1], left[:, ::-1]]) + noise[2:]
    average = ops.average_flipped(maps[None], mirrored[None], flip=(1, 0))[0]
    figure, axes = panels("crop: left wrist", "mirror image: right wrist", "average: left wrist")
    for ax, values in zip(axes, (maps[0], mirrored[1], average[0]), strict=True):
        show(ax, values, vmin=-0.2, vmax=1)
    return figure


PICTURES: dict[str, Callable[[], Figure]] = {
    "spaces": spaces,
    "resize_average": resize_average,
    "gaussian_smooth": gaussian_smooth_picture,
    "find_peaks": find_peaks,
    "peaks_from_cells": peaks_from_cells,
    "associate": associate,
    "grid_people": grid_people,
    "decode_heatmaps": decode_heatmaps,
    "decode_hand_maps": decode_hand_maps,
    "prepare_image": prepare_image,
    "warp_crops": warp_crops,
    "average_flipped": average_flipped,
}


def draw_all(names: list[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """The pictures by name, as PNG files; the same bytes for the same versions."""
    for name in names or PICTURES:
        figure = PICTURES[name]()
        figure.tight_layout()
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=130, metadata={"Software": None})
        plt.close(figure)
        yield name, file.getvalue()


if __name__ == "__main__":
    for picture, content in draw_all(sys.argv[2:]):
        Path(sys.argv[1], f"{picture}.png").write_bytes(content)
