"""What networks are fed with: crops, photos, and what becomes of photos that break meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from torch import nn  # noqa: E402

from heatpose.datasets import Annotation, KeypointDataset, Sample  # noqa: E402
from heatpose.datasets.augment import BoxAugmentation, BoxPlaces, Spread  # noqa: E402
from heatpose.estimators import BodyEstimator  # noqa: E402
from heatpose.networks import CropSpec  # noqa: E402
from heatpose.results import Boxes  # noqa: E402
from heatpose.skeletons import COCO17, HAND21  # noqa: E402
from heatpose.training.crop_inputs import CropInput, CropInputs  # noqa: E402
from heatpose.training.loader import Draw  # noqa: E402
from heatpose.training.options import TargetsOptions  # noqa: E402

PLAIN = BoxAugmentation(BoxPlaces(scale=Spread(), rotation=Spread(), flip=0.0))


def hand(x: float, y: float, side: float) -> Annotation:
    """21 keypoints that fill a square box."""
    points = np.stack([np.arange(21) % 5 / 4, np.arange(21) // 5 / 4], axis=1) * side + (x, y)
    box = np.array([x, y, x + side, y + side], np.float32)
    return Annotation(points.astype(np.float32), np.full(21, 2, np.uint8), box)


def photo(path: Path, annotations: list[Annotation]) -> Sample:
    rng = np.random.default_rng(len(path.name))
    cv2.imwrite(str(path), rng.integers(0, 256, (96, 96, 3), np.uint8))
    return Sample(path, path.name, tuple(annotations), (96, 96))


def crops(dataset: KeypointDataset, on_problem: str = "skip") -> CropInputs:
    spec = CropSpec(32, 32, stride=4)
    return CropInputs(
        dataset, spec, TargetsOptions(sigma=1.0), PLAIN, training=False, on_problem=on_problem
    )


def same(a: CropInput, b: CropInput) -> bool:
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))


@pytest.fixture
def hands(tmp_path: Path) -> KeypointDataset:
    """Two hands, one elsewhere in another photo, and a photo of nobody."""
    crowd = Annotation(np.full((21, 2), 5, np.float32), np.full(21, 2, np.uint8), None, crowd=True)
    samples = [
        photo(tmp_path / "two.png", [hand(4, 4, 20), hand(40, 4, 30)]),
        photo(tmp_path / "crowd.png", [crowd]),
        photo(tmp_path / "other.png", [hand(60, 60, 24)]),
    ]
    return KeypointDataset("hands", HAND21, samples)


def test_every_hand_is_a_crop_and_crowds_are_none(hands: KeypointDataset) -> None:
    inputs = crops(hands)
    assert len(inputs) == 3
    for row in range(3):
        one = inputs[Draw(0, row)]
        # The box with a quarter more is the crop: keypoints begin at a tenth of it, in 8 cells.
        np.testing.assert_allclose(one.cells.min(axis=0), [0.8, 0.8], atol=1e-5)
        np.testing.assert_allclose(one.cells[4], [7.2, 0.8], atol=1e-5)
        assert one.weights.all()


@pytest.mark.parametrize("row", [0, 1])
def test_a_hand_of_a_broken_photo_gives_way_to_another_with_its_own_box(
    hands: KeypointDataset, row: int
) -> None:
    inputs = crops(hands)
    other = inputs[Draw(0, 2)]
    hands[0].path.write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"two\.png: photo that cannot be decoded; another photo"):
        assert same(inputs[Draw(0, row)], other)
    with pytest.raises(ValueError, match=r"two\.png: photo that cannot be decoded"):
        crops(hands, "raise")[Draw(0, row)]


def test_no_readable_photo_at_all_is_an_error(hands: KeypointDataset) -> None:
    inputs = crops(hands)
    for sample in hands:
        sample.path.unlink()
    with (
        pytest.warns(UserWarning, match="no such photo"),
        pytest.raises(ValueError, match="no such photo"),
    ):
        inputs[Draw(0, 0)]


class Answers(nn.Module):
    """A top-down network that knows the answer."""

    crop_spec = CropSpec(256, 192)
    keypoints = 17
    task = "body"

    def __init__(self, heatmaps: np.ndarray) -> None:
        super().__init__()
        self.heatmaps = nn.Parameter(torch.from_numpy(heatmaps)[None], requires_grad=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert len(images) == 1
        return self.heatmaps


@pytest.mark.parametrize(("grid", "method"), [("classic", "dark"), ("udp", "dark_udp")])
def test_who_answers_with_the_targets_finds_the_keypoints(
    tmp_path: Path, grid: Any, method: str
) -> None:
    points = np.random.default_rng(0).uniform((46, 20), (66, 52), (17, 2)).astype(np.float32)
    box = np.array([36, 6, 76, 66], np.float32)
    sample = photo(tmp_path / "a.png", [Annotation(points, np.full(17, 2, np.uint8), box)])
    inputs = CropInputs(
        KeypointDataset("one", COCO17, [sample]),
        Answers.crop_spec,
        TargetsOptions(sigma=2.0, grid=grid),
        PLAIN,
        training=False,
    )
    network = Answers(inputs[Draw(0, 0)].heatmaps)
    estimate = BodyEstimator(network, flip_test=False, udp=grid == "udp", method=method, kernel=11)
    found = estimate(sample.path, boxes=Boxes(box[None])).keypoints[0]
    # A cell is 1.2 pixels of the photo: half a cell would be 0.6.
    np.testing.assert_allclose(found, points, atol=0.02)
