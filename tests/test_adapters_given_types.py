"""What the adapters are given in other types than they were written for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from heatpose import demo
from heatpose.adapters import darkpose, mmpose, openpose_python, simple_baselines, tf_pose
from heatpose.adapters._arrays import real_numbers

torch = pytest.importorskip("torch")
pytest.importorskip("cv2")

from heatpose.adapters.trt_pose import ParseObjects  # noqa: E402

RNG = np.random.default_rng(8)
CONFIG = SimpleNamespace(TEST=SimpleNamespace(BLUR_KERNEL=3, POST_PROCESS=True))
PLACES = np.full((2, 2), 40.0), np.full((2, 2), 0.5)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "bool", "float64", "float16"])
def test_numbers_of_torch_are_taken_as_those_of_numpy(dtype: str) -> None:
    maps = RNG.integers(0, 2 if dtype == "bool" else 100, (2, 3, 12, 9)).astype(dtype)
    for preds in (
        lambda given: darkpose.get_final_preds(CONFIG, given, *PLACES),
        lambda given: simple_baselines.get_final_preds(CONFIG, given, *PLACES),
        mmpose.get_heatmap_maximum,
    ):
        for got, want in zip(preds(torch.from_numpy(maps)), preds(maps), strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("given", [np.zeros((2, 3, 8, 8), np.complex64), [[[0.0]]], "maps", None])
def test_errors_name_the_argument(given: Any) -> None:
    with pytest.raises(TypeError, match=r"^hm must be"):
        darkpose.get_final_preds(CONFIG, given, *PLACES)
    if isinstance(given, np.ndarray):
        with pytest.raises(TypeError, match=r"^hm must be"):
            darkpose.get_final_preds(CONFIG, torch.from_numpy(given), *PLACES)


def test_tensors_are_left_as_they_are() -> None:
    given = torch.rand(3, 4, requires_grad=True)
    assert real_numbers("maps", given).dtype == np.float32
    kept = RNG.random((3, 4), np.float32)
    assert real_numbers("maps", kept) is kept
    wide = real_numbers("maps", np.array([1e300, 2.0]))
    assert wide.dtype == np.float32 and wide[0] == np.inf


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_tf_pose_takes_a_network_of_other_floats(dtype: Any) -> None:
    heatmaps, pafs, _ = demo.planted_crowd(3, seed=3)
    output = np.concatenate([heatmaps, pafs]).transpose(1, 2, 0).astype(dtype)
    wanted = [human.score for human in tf_pose.estimate(output.astype(np.float32))]
    for given in (output, torch.from_numpy(output)):
        assert [human.score for human in tf_pose.estimate(given)] == wanted


def test_openpose_maps_are_floats() -> None:
    maps = RNG.integers(0, 5, (1, 19, 6, 7))
    for given in (maps, torch.from_numpy(maps)):
        with pytest.raises(TypeError, match="heatmaps must be float"):
            openpose_python.one_photo("heatmaps", given, (19,))
    for given in (maps.astype(np.float64), torch.from_numpy(maps).double()):
        found = openpose_python.one_photo("heatmaps", given, (19,))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, maps[0])


TOPOLOGY = torch.tensor([[0, 1, 0, 1]])
CMAP, PAF = torch.rand(2, 2, 8, 9), torch.rand(2, 2, 8, 9)


@pytest.mark.parametrize("name", ["cmap", "paf"])
def test_parse_objects_wants_tensors(name: str) -> None:
    maps = {"cmap": CMAP, "paf": PAF}
    maps[name] = maps[name].numpy()
    with pytest.raises(TypeError, match=f"{name} must be a torch tensor, got ndarray"):
        ParseObjects(TOPOLOGY)(**maps)


@pytest.mark.parametrize("name", ["cmap_window", "max_num_parts", "max_num_objects"])
@pytest.mark.parametrize(("value", "error"), [("5", TypeError), (2.5, TypeError), (-1, ValueError)])
def test_parse_objects_names_its_settings(name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"^{name} must be"):
        ParseObjects(TOPOLOGY, **{name: value})(CMAP, PAF)


def test_parse_objects_without_room_for_parts() -> None:
    counts, objects, peaks = ParseObjects(TOPOLOGY, max_num_parts=0)(CMAP, PAF)
    assert counts.tolist() == [0, 0] and counts.dtype == torch.int32
    assert objects.shape == (2, 100, 2) and (objects == -1).all()
    assert peaks.shape == (2, 2, 0, 2) and peaks.dtype == torch.float32
    like = ParseObjects(TOPOLOGY, cmap_threshold=2.0)(CMAP, PAF)
    assert torch.equal(like[0], counts) and torch.equal(like[1], objects)
