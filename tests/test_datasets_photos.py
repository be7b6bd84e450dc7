"""Photos without annotations, checked photos, and the cache of smaller ones."""

from __future__ import annotations

import json
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from dataset_files import photo
from heatpose.datasets import (
    Annotation,
    KeypointDataset,
    Sample,
    cache_photos,
    check_photos,
    read_photos,
)
from heatpose.media import read_image
from heatpose.skeletons import COCO17


def sample(path: Path, size: tuple[int, int] | None = None) -> Sample:
    keypoints = np.full((17, 2), np.nan, np.float32)
    keypoints[0], keypoints[1] = [-0.5, -0.5], [119.5, 79.5]
    person = Annotation(
        keypoints,
        (~np.isnan(keypoints[:, 0])).astype(np.uint8),
        np.array([9.5, 19.5, 29.5, 39.5], np.float32),
        100.0,
        extra={"head_size": 10.0},
    )
    return Sample(path, path.name, (person,), size, (np.array([0, 0, 9.5, 9.5], np.float32),))


@pytest.fixture
def three(tmp_path: Path) -> KeypointDataset:
    """Photos of 80 x 120, 80 x 120 and 20 x 30 pixels."""
    sizes = {"a.jpg": (80, 120), "b.png": (80, 120), "c.jpg": (20, 30)}
    paths = [photo(tmp_path / name, *size, seed=n) for n, (name, size) in enumerate(sizes.items())]
    return KeypointDataset("three", COCO17, [sample(path) for path in paths])


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_photos_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.png"):
        photo(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    dataset = read_photos(tmp_path)
    assert [s.path.name for s in dataset] == ["a.png", "b.jpg"]
    assert not any(s.annotations for s in dataset)
    assert len(read_photos([tmp_path / "b.jpg"])) == 1
    with pytest.raises(FileNotFoundError):
        read_photos(tmp_path / "none")


def test_broken_photos_are_named_and_left_out(
    three: KeypointDataset, capfd: pytest.CaptureFixture[str]
) -> None:
    a, b, c = (s.path for s in three)
    damage(a)
    damage(b)
    empty = photo(a.with_name("empty.jpg"))
    empty.write_bytes(b"")
    samples = [
        *three,
        sample(a.with_name("gone.jpg")),
        sample(empty),
        sample(c, (30, 20)),
        sample(c, (20, 30)),
    ]
    dataset = KeypointDataset("bad", COCO17, samples)
    checked = check_photos(dataset, threads=3)
    assert [(s.path, s.size) for s in checked] == [(c, (20, 30)), (c, (20, 30))]
    assert [(Path(p.where).name, p.what) for p in checked.problems] == [
        ("a.jpg", "photo that cannot be decoded"),
        ("b.png", "photo that cannot be decoded"),
        ("gone.jpg", "no such photo"),
        ("empty.jpg", "photo that cannot be decoded"),
        ("c.jpg", "photo of another size than its annotations say"),
    ]
    assert len(dataset) == 7 and not dataset.problems
    with pytest.raises(ValueError, match=r"a\.jpg: photo that cannot be decoded"):
        check_photos(dataset, on_problem="raise")
    with pytest.raises(ValueError, match="threads must be at least 1"):
        check_photos(dataset, threads=0)
    capfd.readouterr()  # what the decoders say of damaged files


def test_the_cache_scales_photos_and_annotations(three: KeypointDataset, tmp_path: Path) -> None:
    cached = cache_photos(three, tmp_path / "cache", 60, on_problem="raise")
    assert [s.size for s in cached] == [(40, 60), (40, 60), (20, 30)]
    assert [read_image(s.path).shape[:2] for s in cached] == [(40, 60), (40, 60), (20, 30)]
    assert cached[2].path == three[2].path  # small enough as it is
    assert [s.scale for s in cached] == [(0.5, 0.5), (0.5, 0.5), (1, 1)]
    one, large = cached[0].annotations[0], three[0].annotations[0]
    # The corners of the photo stay its corners.
    np.testing.assert_allclose(one.keypoints[:2], [[-0.5, -0.5], [59.5, 39.5]])
    assert np.isnan(one.keypoints[2:]).all()
    assert one.box is not None and one.box.tolist() == [4.5, 9.5, 14.5, 19.5]
    assert (one.area, one.extra["head_size"]) == (25, 5)
    assert cached[0].unlabelled[0].tolist() == [-0.25, -0.25, 4.5, 4.5]
    back = (one.keypoints + 0.5) / cached[0].scale - 0.5
    np.testing.assert_allclose(back, large.keypoints, atol=1e-4)
    again = cache_photos(cached, tmp_path / "second", 30)
    assert again[0].scale == (0.25, 0.25)
    # The mean brightness of 2 x 2 pixels; JPEG keeps colours at half the resolution.
    luma = [read_image(s.path) @ np.array([0.114, 0.587, 0.299]) for s in (three[0], cached[0])]
    assert np.abs(luma[0].reshape(40, 2, 60, 2).mean(axis=(1, 3)) - luma[1]).mean() < 3


def test_the_cache_is_made_once(three: KeypointDataset, tmp_path: Path) -> None:
    first = cache_photos(three, tmp_path / "cache", 60)
    with mock.patch("heatpose.datasets.photos.read_image") as read:
        second = cache_photos(three, tmp_path / "cache", 60)
    read.assert_not_called()
    assert [s.path for s in second] == [s.path for s in first]
    assert [s.size for s in second] == [s.size for s in first]
    # A changed photo, another size and a lost file are made anew.
    photo(three[0].path, 80, 120, seed=9).write_bytes(three[0].path.read_bytes() + b"more")
    second[1].path.unlink()
    third = cache_photos(three, tmp_path / "cache", 60)
    assert third[0].path != first[0].path and third[1].path.is_file()
    assert cache_photos(three, tmp_path / "cache", 30)[2].size == (20, 30)


def test_an_interrupted_cache_goes_on(three: KeypointDataset, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    damaged = three[1].path.read_bytes()
    three[1].path.write_bytes(b"no photo")
    with pytest.raises(ValueError, match="cannot be decoded"):
        cache_photos(three, folder, 60, threads=1, on_problem="raise")
    assert len(json.loads((folder / "sizes.json").read_text())) == 1
    three[1].path.write_bytes(damaged)
    with mock.patch("heatpose.datasets.photos.read_image", side_effect=read_image) as read:
        assert len(cache_photos(three, folder, 60, threads=1)) == 3
    assert [call.args[0] for call in read.call_args_list] == [s.path for s in three.samples[1:]]
    (folder / "sizes.json").write_text("{half")
    assert len(cache_photos(three, folder, 60)) == 3


def test_bad_settings_of_the_cache(three: KeypointDataset, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="longest_side must be a whole number"):
        cache_photos(three, tmp_path, 60.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="longest_side must be at least 8"):
        cache_photos(three, tmp_path, 4)
    with pytest.raises(ValueError, match=r"quality must be 1\.\.100"):
        cache_photos(three, tmp_path, 60, quality=0)
