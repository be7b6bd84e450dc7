"""Maps of a teacher, made once for every photo."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import Tensor, nn  # noqa: E402

from dataset_files import photo  # noqa: E402
from heatpose import BodyEstimator  # noqa: E402
from heatpose.datasets import label_with_teacher, read_maps, read_photos  # noqa: E402
from heatpose.networks import InputSpec  # noqa: E402


class Grey(nn.Module):
    """Heatmap 0 is the mean grey of each cell, times a weight; everything else is 0."""

    input_spec = InputSpec(stride=8, box=32)

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.runs = 0

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        self.runs += 1
        cells = nn.functional.avg_pool2d(images.mean(1, keepdim=True), 8)
        maps = torch.zeros(len(images), 57, *cells.shape[2:])
        maps[:, :1] = cells * self.weight
        return maps[:, :19], maps[:, 19:]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two sizes, and a copy of the first photo."""
    folder = tmp_path / "photos"
    first = photo(folder / "a.png", 64, 96, seed=1)
    photo(folder / "b.png", 40, 60, seed=2)
    (folder / "c.png").write_bytes(first.read_bytes())
    return folder


def test_maps_are_the_networks(photos: Path, tmp_path: Path) -> None:
    network = Grey()
    dataset = read_photos(photos)
    labels = label_with_teacher(dataset, network, tmp_path / "maps", on_problem="raise")
    assert (len(labels), labels.made, len(list(labels.folder.glob("*.npz")))) == (3, 2, 2)
    assert labels.files[dataset[0].path] == labels.files[dataset[2].path]
    maps = labels.read(dataset[0].path)
    assert maps.heatmaps.dtype == np.float16 and maps.heatmaps.shape == (19, 4, 6)
    assert maps.pafs.shape == (38, 4, 6)
    assert (maps.canvas, maps.content, maps.stride) == ((64, 96), (32, 48), 8)
    assert maps.factor == 0.5
    estimator = BodyEstimator(network)
    from heatpose import ops
    from heatpose.media import read_image

    tensor, _ = ops.prepare_image(read_image(dataset[0].path), scale=0.5)
    with torch.inference_mode():
        heatmaps, _ = estimator.network(torch.from_numpy(tensor))
    np.testing.assert_array_equal(maps.heatmaps, heatmaps[0].numpy().astype(np.float16))
    # The centre of the first cell: 4 input pixels, 8 photo pixels from the corner.
    corner = np.array([[7.5, 7.5], [-0.5, -0.5]], np.float32)
    np.testing.assert_allclose(maps.to_cells(corner), [[0, 0], [-0.5, -0.5]])


def test_a_second_run_runs_nothing(photos: Path, tmp_path: Path) -> None:
    label_with_teacher(read_photos(photos), Grey(), tmp_path / "maps")
    again = Grey()
    labels = label_with_teacher(read_photos(photos), again, tmp_path / "maps")
    assert (again.runs, labels.made, len(labels)) == (0, 0, 3)
    # Neither does a photo that moved.
    (photos / "b.png").rename(photos / "z.png")
    labels = label_with_teacher(read_photos(photos), again, tmp_path / "maps")
    assert again.runs == 0 and photos / "z.png" in labels and photos / "b.png" not in labels


def test_teachers_and_sizes_are_kept_apart(photos: Path, tmp_path: Path) -> None:
    dataset = read_photos(photos)
    teachers = [Grey(), Grey(2.0), BodyEstimator(Grey(), box=64), BodyEstimator(Grey(), scales=[2])]
    folders = [
        label_with_teacher(dataset, teacher, tmp_path / "maps").folder for teacher in teachers
    ]
    assert len(set(folders[:3])) == 3 and folders[3] == folders[2]
    about = json.loads((folders[2] / "teacher.json").read_text())
    assert (about["network"], about["height"], about["skeleton"]) == ("Grey", 64, "coco18")


def test_bad_photos_and_maps_are_named(
    photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dataset = read_photos(photos)
    (photos / "a.png").unlink()
    (photos / "b.png").write_bytes((photos / "b.png").read_bytes()[:300])
    labels = label_with_teacher(dataset, Grey(), tmp_path / "maps")
    capfd.readouterr()
    assert [Path(path).name for path in labels.files] == ["c.png"]
    assert [(Path(p.where).name, p.what) for p in labels.problems] == [
        ("a.png", "no such photo"),
        ("b.png", "photo that cannot be decoded"),
    ]
    assert "maps of 1 photos (1 new" in labels.summary()
    with pytest.raises(ValueError, match=r"a\.png: no such photo"):
        label_with_teacher(dataset, Grey(), tmp_path / "maps", on_problem="raise")
    nothing = label_with_teacher(read_photos(photos / "c.png"), Grey(float("nan")), tmp_path / "m")
    assert [p.what for p in nothing.problems] == [
        "photo of which the teacher makes no finite numbers"
    ]
    assert not list(nothing.folder.glob("*.npz"))
    file = labels.files[photos / "c.png"]
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(ValueError, match="does not hold the maps of a teacher"):
        read_maps(file)


def test_teachers_need_fields(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        label_with_teacher(read_photos(photos), Grey(), tmp_path, batch_size=0)
    with pytest.raises(TypeError):
        label_with_teacher(read_photos(photos), nn.Identity(), tmp_path)
