"""The decoders on a CUDA device against the CPU, batches of mixed counts, overflows, real maps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import heatpose as hp
from cuda_support import cpu_backend
from heatpose import demo

torch = pytest.importorskip("torch")

CANVAS = (368, 480)


def batch(counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    planted = [
        demo.planted_crowd(count, cells=(46, 60), canvas=CANVAS, seed=i)
        for i, count in enumerate(counts)
    ]
    return np.stack([p[0] for p in planted]), np.stack([p[1] for p in planted])


def assert_same_people(got: hp.People, want: hp.People) -> None:
    np.testing.assert_array_equal(got.keypoints, want.keypoints)
    np.testing.assert_allclose(got.scores, want.scores, atol=1e-5)
    np.testing.assert_allclose(got.person_scores, want.person_scores, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_batch_of_mixed_counts(put: Callable[..., Any], dtype: str) -> None:
    heatmaps, pafs = batch([3, 0, 8, 1])
    heatmaps, pafs = (maps.astype(dtype) for maps in (heatmaps, pafs))
    decoder = hp.BodyDecoder(hp.skeletons.COCO18)
    with cpu_backend():
        want = decoder(heatmaps, pafs, CANVAS)
    got = decoder(put(heatmaps), put(pafs), CANVAS)
    assert [len(people) for people in got] == [3, 0, 8, 1]
    for mine, theirs in zip(got, want, strict=True):
        assert_same_people(mine, theirs)


@pytest.mark.parametrize("matching", ["limbs", "global"])
def test_more_people_than_are_kept(put: Callable[..., Any], matching: str) -> None:
    heatmaps, pafs = batch([6, 2])
    association = (
        hp.ops.AssociateOptions() if matching == "limbs" else hp.ops.AssociateOptions.for_global()
    )
    decoder = hp.BodyDecoder(
        hp.skeletons.COCO18, max_people=3, max_peaks=5, association=association
    )
    with cpu_backend(), pytest.warns(RuntimeWarning):
        want = decoder(heatmaps, pafs, CANVAS)
    with pytest.warns(RuntimeWarning) as told:
        got = decoder(put(heatmaps), put(pafs), CANVAS)
    assert {"more than max_peaks=5", "more than max_people=3"} == {
        str(warning.message).partition(" p")[0].partition(" people")[0] for warning in told
    } or len(told) == 2
    for mine, theirs in zip(got, want, strict=True):
        assert_same_people(mine, theirs)


def test_maps_that_hold_nan_are_told_of(put: Callable[..., Any]) -> None:
    heatmaps, pafs = (np.full_like(maps[0], np.nan) for maps in batch([1]))
    with pytest.warns(RuntimeWarning, match="heatmaps and pafs hold NaN"):
        assert len(hp.BodyDecoder(hp.skeletons.COCO18)(put(heatmaps), put(pafs), CANVAS)) == 0


def test_heatmaps_and_pafs_in_one_tensor(put: Callable[..., Any]) -> None:
    """As networks give them: slices of one output, channels last, with the background."""
    heatmaps, pafs = batch([2, 4])
    output = put(np.concatenate([heatmaps, pafs], axis=1)).to(memory_format=torch.channels_last)
    decoder = hp.BodyDecoder(hp.skeletons.COCO18)
    with cpu_backend():
        want = decoder(heatmaps, pafs, CANVAS)
    got = decoder(output[:, :19], output[:, 19:], CANVAS)
    for mine, theirs in zip(got, want, strict=True):
        assert_same_people(mine, theirs)


def test_crops_and_hands(put: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    heatmaps = rng.random((4, 21, 32, 24), dtype=np.float32)
    decoder = hp.KeypointDecoder(hp.skeletons.HAND21)
    with cpu_backend():
        want = decoder.crops(heatmaps, centers=np.ones((4, 2)), scales=np.ones((4, 2)))
        hand = hp.HandMapDecoder()(heatmaps[0], (120, 90))
    got = decoder.crops(put(heatmaps), centers=np.ones((4, 2)), scales=np.ones((4, 2)))
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-4)
    assert_same_people(hp.HandMapDecoder()(put(heatmaps[0]), (120, 90)), hand)


def real_maps(shared_data: Path) -> list[tuple[str, np.ndarray, tuple[int, int]]]:
    cases = []
    for path in sorted((shared_data / "body/golden").glob("*.json")):
        recorded = json.loads(path.read_text())
        if "inputs" not in recorded:
            continue
        photo = next(p for p in (shared_data / "body/photos").iterdir() if p.stem == path.stem)
        canvas = hp.media.read_image(photo).shape[:2]
        for entry in recorded["inputs"].values():
            file = shared_data / "body/maps" / Path(entry["map_file"]).name
            with np.load(file) as stored:
                cases.append((file.stem, stored["output"], canvas))
    return cases


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("matching", ["limbs", "global"])
def test_real_maps_decode_alike(
    shared_data: Path, put: Callable[..., Any], matching: str, dtype: str
) -> None:
    """Peaks, pairs and people identical to the CPU's on real maps."""
    association = (
        hp.ops.AssociateOptions() if matching == "limbs" else hp.ops.AssociateOptions.for_global()
    )
    decoder = hp.BodyDecoder(hp.skeletons.COCO18, association=association)
    cases = real_maps(shared_data)
    assert cases
    for name, maps, canvas in cases:
        maps = maps.astype(dtype)
        with cpu_backend():
            want = decoder.queue(maps[:19], maps[19:], canvas).arrays
        tensor = put(maps)
        got = decoder.queue(tensor[:19], tensor[19:], canvas).arrays
        for mine, theirs in zip(got, want, strict=True):
            a, b = mine.cpu().numpy(), np.asarray(theirs)
            if a.dtype.kind == "f":
                np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-5, err_msg=name)
            else:
                np.testing.assert_array_equal(a, b, err_msg=name)
