"""From boxes to crops and from cells back to the photo, through the warp itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from heatpose import ops
from heatpose.estimators.crops import antialiasing_weights, cut_crops, place_crops
from heatpose.networks import CropSpec

PLAIN = CropSpec(64, 48, mean=(0.0, 0.0, 0.0), std=(1 / 255, 1 / 255, 1 / 255))
ANTIALIASED = replace(PLAIN, width=64, stride=1, antialias=True, pixel_areas=True)
HEIGHT, WIDTH = 180, 240

BOXES = {
    "inside": (60, 40, 100, 120),
    "wide": (40, 80, 200, 100),
    "partly outside": (-30, -20, 50, 90),
    "over the far corner": (200, 150, 300, 260),
    "around the photo": (-100, -100, 400, 400),
    "one pixel": (100, 90, 101, 91),
}


def places_of(box: Any, spec: CropSpec = PLAIN, **settings: Any) -> Any:
    options = {"padding": 1.25, "udp": False, "mirrored": np.zeros(1, bool)} | settings
    return place_crops(np.array([box], np.float32), spec, spec.maps_size, **options)


def ramps() -> npt.NDArray[np.uint8]:
    """A photo that says at every pixel where it is: blue is x, green is y."""
    photo = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    photo[..., 0] = np.arange(WIDTH)
    photo[..., 1] = np.arange(HEIGHT)[:, None]
    return photo


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("udp", [False, True])
@pytest.mark.parametrize("name", BOXES)
def test_a_crop_shows_what_lies_where_its_matrix_says(name: str, udp: bool, mirrored: bool) -> None:
    places = places_of(BOXES[name], udp=udp, mirrored=np.array([mirrored]))
    spec = replace(PLAIN, colour="bgr")
    crop = torch.empty(1, 3, spec.height, spec.width)
    cut_crops(ramps(), places, slice(0, 1), spec, crop)
    ys, xs = np.mgrid[: spec.height, : spec.width]
    x, y = np.einsum("ij,jhw->ihw", places.photo_from_crop[0], np.stack([xs, ys, np.ones_like(xs)]))
    inside = (x >= 0) & (x <= WIDTH - 1) & (y >= 0) & (y <= HEIGHT - 1)
    assert inside.any()
    # Bilinear between the pixels of a ramp is the ramp: what is seen is the place itself.
    np.testing.assert_allclose(crop[0, 0].numpy()[inside], x[inside], atol=1e-3)
    np.testing.assert_allclose(crop[0, 1].numpy()[inside], y[inside], atol=1e-3)
    outside = (x < -1) | (x > WIDTH) | (y < -1) | (y > HEIGHT)
    assert not crop[0, :2].numpy()[:, outside].any()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("udp", [False, True])
@pytest.mark.parametrize("name", BOXES)
def test_there_and_back_is_the_identity(name: str, udp: bool, mirrored: bool) -> None:
    """A point of the photo, found at its cell of the crop's map, comes back to its pixel."""
    places = places_of(BOXES[name], udp=udp, mirrored=np.array([mirrored]))
    x1, y1, x2, y2 = places.boxes[0]
    points = np.random.default_rng(0).uniform((x1, y1), (x2, y2), (50, 2))
    crop = np.linalg.solve(
        places.photo_from_crop[0, :, :2], (points - places.photo_from_crop[0, :, 2]).T
    ).T
    # Where the network is trained to put the maximum: classic targets are a quarter of the crop's
    # pixels, UDP's spread so that the last cell is the last pixel.
    per_cell = np.array([(48 - udp) / (12 - udp), (64 - udp) / (16 - udp)])
    cells = crop / per_cell
    back = cells @ places.photo_from_cells[0, :, :2].T + places.photo_from_cells[0, :, 2]
    np.testing.assert_allclose(back, points, atol=1e-3)


@pytest.mark.parametrize("udp", [False, True])
@settings(max_examples=100, deadline=None)
@given(
    center=st.tuples(st.floats(-500, 2000), st.floats(-500, 2000)),
    extent=st.tuples(st.floats(1, 3000), st.floats(1, 3000)),
    rotation=st.floats(-180, 180),
)
def test_turned_boxes_come_back_too(
    udp: bool, center: tuple[float, float], extent: tuple[float, float], rotation: float
) -> None:
    width = max(extent[0], extent[1] * 0.75)  # the aspect ratio of the crop
    maps = ops.crop_matrices(
        [center], [(width, width / 0.75)], (64, 48), rotation=rotation, pixel_std=1.0, udp=udp
    )
    crop = np.random.default_rng(1).uniform((0, 0), (47, 63), (20, 2))
    cells = crop * ((np.array([12, 16]) - udp) / (np.array([48, 64]) - udp))
    photo = crop @ maps.photo_from_crop[0, :, :2].T + maps.photo_from_crop[0, :, 2]
    back = cells @ maps.photo_from_cells[0, :, :2].T + maps.photo_from_cells[0, :, 2]
    np.testing.assert_allclose(back, photo, atol=1e-3)


def test_boxes_are_widened_to_the_crop_and_then_padded() -> None:
    tall, wide = (10, 20, 30, 100), (10, 20, 90, 40)
    np.testing.assert_allclose(places_of(tall, padding=1.0).boxes[0], (-10, 20, 50, 100))
    np.testing.assert_allclose(
        places_of(wide, padding=1.0).boxes[0], (10, 30 - 160 / 3, 90, 30 + 160 / 3)
    )
    np.testing.assert_allclose(places_of(tall, padding=1.5).boxes[0], (-25, 0, 65, 120))


def test_a_mirrored_crop_is_the_mirror_image_and_maps_back() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    crops = torch.empty(2, 3, 64, 48)
    for row, mirrored in enumerate((False, True)):
        places = places_of(BOXES["inside"], mirrored=np.array([mirrored]))
        cut_crops(photo, places, slice(0, 1), PLAIN, crops[row : row + 1])
    np.testing.assert_allclose(crops[1].flip(-1).numpy(), crops[0].numpy(), atol=0.02)
    # Cell c of the mirrored map is pixel 4 c of the mirrored crop: pixel 47 - 4 c of the other.
    mirror, plain = places, places_of(BOXES["inside"])
    cells = np.array([[0.0, 0.0, 1.0], [5.5, 3.25, 1.0]])
    crop = np.array([[47.0, 0.0, 1.0], [47 - 22.0, 13.0, 1.0]])
    np.testing.assert_allclose(
        cells @ mirror.photo_from_cells[0].T, crop @ plain.photo_from_crop[0].T, atol=1e-9
    )


# --- Anti-aliased crops


def shrink_literally(row: list[int], resized: int) -> list[float]:
    """The triangle filter, pixel by pixel."""
    scale = len(row) / resized
    reach = max(scale, 1.0)
    answer = []
    for i in range(resized):
        center = (i + 0.5) * scale
        total = weight_sum = 0.0
        for j, value in enumerate(row):
            weight = max(0.0, 1 - abs(j + 0.5 - center) / reach)
            total += weight * value
            weight_sum += weight
        answer.append(total / weight_sum)
    return answer


@pytest.mark.parametrize(("size", "resized"), [(224, 128), (7, 128), (128, 128), (1, 5), (9, 1)])
def test_antialiasing_weights_are_a_triangle_as_wide_as_a_pixel(size: int, resized: int) -> None:
    row = np.random.default_rng(0).integers(0, 256, size).tolist()
    got = antialiasing_weights(size, resized) @ np.array(row, np.float64)
    np.testing.assert_allclose(got, shrink_literally(row, resized), atol=1e-3)


def test_antialiased_crops_see_every_pixel() -> None:
    """A chessboard of pixels shrinks to grey; plain bilinear crops would be black or white."""
    photo = np.zeros((256, 256, 3), np.uint8)
    photo[::2, ::2] = photo[1::2, 1::2] = 255
    crop = torch.empty(1, 3, 64, 64)
    places = places_of((0, 0, 256, 256), ANTIALIASED, padding=1.0)
    cut_crops(photo, places, slice(0, 1), ANTIALIASED, crop)
    np.testing.assert_allclose(crop.numpy(), 127.5, atol=1.5)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("name", BOXES)
def test_antialiased_crops_are_cut_at_whole_pixels_and_black_outside(
    name: str, mirrored: bool
) -> None:
    photo = np.full((HEIGHT, WIDTH, 3), (50, 100, 200), np.uint8)
    places = places_of(BOXES[name], ANTIALIASED, padding=1.1, mirrored=np.array([mirrored]))
    x1, y1, x2, y2 = places.boxes[0]
    assert np.array_equal(places.boxes[0], places.boxes[0].round())
    crop = torch.empty(1, 3, 64, 64)
    cut_crops(photo, places, slice(0, 1), ANTIALIASED, crop)
    xs, ys = np.meshgrid(*([(np.arange(64) + 0.5) / 64] * 2))
    x = x1 + (x2 - x1) * ((1 - xs) if mirrored else xs)
    y = y1 + (y2 - y1) * ys
    soft = 2 * max((x2 - x1) / 64, 1.0)  # an edge is as soft as a pixel of the crop
    inside = (x > soft) & (x < WIDTH - soft) & (y > soft) & (y < HEIGHT - soft)
    outside = (x < -soft) | (x > WIDTH + soft) | (y < -soft) | (y > HEIGHT + soft)
    np.testing.assert_allclose(crop[0, 0].numpy()[inside], 200, atol=0.01)  # red comes first
    np.testing.assert_allclose(crop[0, 2].numpy()[inside], 50, atol=0.01)
    assert not crop[0].numpy()[:, outside].any()


class LargestTensor(TorchDispatchMode):
    """Remembers how many numbers the largest tensor has that is made."""

    largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answer = func(*args, **(kwargs or {}))
        if isinstance(answer, Tensor):
            self.largest = max(self.largest, answer.numel())
        return answer


@pytest.mark.parametrize("mirrored", [False, True])
def test_what_leaves_the_photo_takes_no_memory(mirrored: bool) -> None:
    """As if the photo were larger and black there, to the bit, but without the pixels."""
    small = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    large = np.zeros((600, 600, 3), np.uint8)
    large[200:260, 100:180] = small
    crops = torch.empty(2, 3, 64, 64)
    mode = LargestTensor()
    with mode:
        for row, photo, corner in ((0, small, 0), (1, large, np.array([100, 200]))):
            box = (*(np.array([-90, -150]) + corner), *(np.array([300, 200]) + corner))
            places = places_of(box, ANTIALIASED, padding=1.0, mirrored=np.array([mirrored]))
            cut_crops(photo, places, slice(0, 1), ANTIALIASED, crops[row : row + 1])
            assert row or mode.largest <= 64 * 400
    assert torch.equal(crops[0], crops[1])
    assert mode.largest > 3 * 300**2


def test_cells_of_pixel_areas_lie_in_the_middle_of_their_share_of_the_box() -> None:
    places = places_of((10, 20, 138, 148), ANTIALIASED, padding=1.0)
    for cell, share in ((0.0, 1.0), (31.5, 64.0), (63.0, 127.0)):
        x, y = places.photo_from_cells[0] @ (cell, cell, 1)
        # Pixel i covers i - 0.5 to i + 0.5.
        np.testing.assert_allclose((x, y), (10 + share - 0.5, 20 + share - 0.5))


def test_a_box_beyond_all_photos_is_refused_before_it_is_copied() -> None:
    with pytest.raises(ValueError, match=r"boxes must cover at most 268435456 pixels.*9e\+06"):
        places_of((0, 0, 9e6, 9e6), ANTIALIASED, padding=1.0)
