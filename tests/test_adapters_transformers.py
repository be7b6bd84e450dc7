"""The adapter of transformers: against SciPy on whole maps, the dictionaries, and patch()."""

from __future__ import annotations

import importlib.metadata
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from adapter_crops import (
    blurred_by_opencv,
    bumps,
    compare_crops,
    dark_udp_by,
    maxima_by_numpy,
)
from adapter_table import Crowds
from heatpose.adapters import transformers as adapter

torch = pytest.importorskip("torch")
from original_programs import original  # noqa: E402

ndimage = pytest.importorskip("scipy.ndimage")

BOXES = [[[10.0, 20.0, 30.0, 90.0]], [[0.0, 0.0, 300.0, 90.0], [40.0, 50.0, 75.0, 100.0]]]


def library_blur(kernel: int) -> Any:
    radius = (kernel - 1) // 2
    return lambda heatmap: ndimage.gaussian_filter(heatmap, 0.8, radius=radius)


def outputs(maps: np.ndarray) -> SimpleNamespace:
    return SimpleNamespace(heatmaps=torch.from_numpy(maps))


@pytest.mark.parametrize("kernel", [1, 3, 10, 11, 17, 101])
@pytest.mark.parametrize("noise", [0.0, 0.02, 0.2])
def test_refining_as_the_library_does(kernel: int, noise: float) -> None:
    maps = bumps((4, 5, 20, 16), noise=noise)
    coords, scores = adapter.get_keypoint_predictions(maps)
    np.testing.assert_array_equal(coords, maxima_by_numpy(maps, -1))
    assert adapter.post_dark_unbiased_data_processing(coords, maps, kernel) is coords
    want = dark_udp_by(library_blur(kernel), maps)
    np.testing.assert_allclose(coords, want, rtol=1e-3, atol=1e-3)
    assert scores.shape == (4, 5, 1)


def refined(maps: np.ndarray) -> np.ndarray:
    coords, _ = adapter.get_keypoint_predictions(maps)
    return adapter.post_dark_unbiased_data_processing(coords, maps, 11)


def test_crowds_of_crops() -> None:
    compare_crops(
        Crowds("transformers", "the library's steps, with SciPy"),
        refined,
        lambda maps, dtype: dark_udp_by(library_blur(11), maps),
        1e-3,
    )


def test_refining_with_the_blur_of_the_paper() -> None:
    maps = bumps((4, 5, 20, 16))
    coords, _ = adapter.get_keypoint_predictions(maps)
    adapter.post_dark_unbiased_data_processing(coords, maps, 11, smoothing="dark")
    want = dark_udp_by(lambda one: blurred_by_opencv(one, 11), maps)
    np.testing.assert_allclose(coords, want, rtol=1e-3, atol=1e-3)


def test_people_that_share_maps() -> None:
    maps = bumps((1, 5, 20, 16))
    coords = np.random.default_rng(0).integers(0, 16, (3, 5, 2)).astype(np.float32)
    got = adapter.post_dark_unbiased_data_processing(coords.copy(), maps, 11)
    want = adapter.post_dark_unbiased_data_processing(coords, maps.repeat(3, axis=0), 11)
    np.testing.assert_array_equal(got, want)


def test_places_in_large_batches_are_exact() -> None:
    # The library's index of a cell is a float32, which is even from 2^24 on.
    maps = np.broadcast_to(bumps((1, 1, 96, 72)), (2500, 1, 96, 72))
    assert maps.size > 1 << 24
    coords, _ = adapter.get_keypoint_predictions(maps)
    got = adapter.post_dark_unbiased_data_processing(coords, maps, 11)
    np.testing.assert_array_equal(got, got[:1].repeat(len(got), axis=0))


def test_the_dictionaries() -> None:
    maps = bumps((3, 5, 64, 48))
    people = adapter.post_process_pose_estimation(outputs(maps), BOXES)
    assert [len(photo) for photo in people] == [1, 2]
    cells = dark_udp_by(library_blur(11), maps)
    for i, person in enumerate([*people[0], *people[1]]):
        x, y, w, h = [*BOXES[0], *BOXES[1]][i]
        w, h = 1.25 * max(w, 0.75 * h), 1.25 * max(h, w / 0.75)
        center = np.array([x, y]) + np.array([*BOXES[0], *BOXES[1]][i][2:]) / 2
        want = center + (cells[i] / [47, 63] - 0.5) * [w, h]
        np.testing.assert_allclose(person["keypoints"], want, atol=1e-2)
        np.testing.assert_array_equal(person["scores"], maps[i].max(axis=(-2, -1)))
        assert person["labels"].tolist() == [0, 1, 2, 3, 4]
        bbox = [*center, center[0] + w / 200 - 1, center[1] + h / 200 - 1]
        np.testing.assert_allclose(person["bbox"], bbox, rtol=1e-6)
        assert list(person) == ["keypoints", "scores", "labels", "bbox"]
        assert all(value.device.type == "cpu" for value in person.values())


def test_a_threshold_keeps_better_keypoints() -> None:
    maps = bumps((3, 5, 64, 48))
    everyone = adapter.post_process_pose_estimation(outputs(maps), BOXES)
    limit = float(everyone[0][0]["scores"].median())
    person = adapter.post_process_pose_estimation(outputs(maps), BOXES, threshold=limit)[0][0]
    keep = everyone[0][0]["scores"] > limit
    for key in ("keypoints", "scores"):
        assert torch.equal(person[key], everyone[0][0][key][keep])
    assert person["labels"].tolist() == keep.nonzero()[:, 0].tolist()


def test_target_sizes_multiply_boxes_as_the_library_does() -> None:
    maps = bumps((3, 5, 64, 48))
    fractions = np.array([BOXES[0][0], *BOXES[1]]) / [200, 100, 200, 100]
    want = adapter.post_process_pose_estimation(outputs(maps), BOXES)
    for sizes in ([(200, 100)] * 3, torch.tensor([[200, 100]] * 3)):
        got = adapter.post_process_pose_estimation(
            outputs(maps), [fractions[:1], fractions[1:]], target_sizes=sizes
        )
        for a, b in zip(got[0] + got[1], want[0] + want[1], strict=True):
            torch.testing.assert_close(a["keypoints"], b["keypoints"], rtol=0, atol=1e-3)


def test_one_keypoint_keeps_its_dimension() -> None:
    person = adapter.post_process_pose_estimation(outputs(bumps((1, 1, 64, 48))), BOXES[:1])[0][0]
    assert person["scores"].shape == (1,) and person["keypoints"].shape == (1, 2)


def test_no_people() -> None:
    maps = np.zeros((0, 5, 64, 48), np.float32)
    assert adapter.post_process_pose_estimation(outputs(maps), [[], []]) == [[], []]


class Processor:
    """Stands for an image processor of transformers."""

    size = {"height": 256, "width": 192}  # noqa: RUF012

    def keypoints_from_heatmaps(self, heatmaps: Any, center: Any, scale: Any) -> str:
        return "old"

    def post_process_pose_estimation(self, outputs: Any, boxes: Any) -> str:
        return "old"


def test_patch_and_undo() -> None:
    module = ModuleType("image_processing_vitpose")
    vars(module).update(
        VitPoseImageProcessor=Processor,
        post_dark_unbiased_data_processing="old",
        get_keypoint_predictions="old",
        other="other",
    )
    before = dict(vars(module)), dict(vars(Processor))
    maps = bumps((3, 5, 64, 48))
    for smoothing in adapter.SMOOTHINGS:
        undo = adapter.patch(smoothing, modules=[module])
        want = adapter.post_process_pose_estimation(outputs(maps), BOXES, smoothing=smoothing)
        got: Any = Processor().post_process_pose_estimation(outputs(maps), boxes=BOXES)
        assert torch.equal(got[1][1]["keypoints"], want[1][1]["keypoints"])
        Processor.size = {"height": 128, "width": 192}
        wide: Any = Processor().post_process_pose_estimation(outputs(maps), BOXES)
        Processor.size = before[1]["size"]
        assert not torch.equal(wide[0][0]["keypoints"], want[0][0]["keypoints"])
        coords = adapter.get_keypoint_predictions(maps)[0]
        refine: Any = module.post_dark_unbiased_data_processing
        np.testing.assert_array_equal(
            refine(coords.copy(), maps, 11),
            adapter.post_dark_unbiased_data_processing(coords, maps, 11, smoothing=smoothing),
        )
        undo()
        undo()
        assert (dict(vars(module)), dict(vars(Processor))) == before
        assert Processor().post_process_pose_estimation(None, None) == "old"


@pytest.fixture
def installed() -> Any:
    """The image processor of the installed transformers."""
    try:
        from transformers.models.vitpose import image_processing_pil_vitpose as module
    except ImportError as error:
        pytest.skip(f"needs transformers 5: {error}")
    return module


@original
def test_patching_an_installed_transformers(installed: Any) -> None:
    processor = installed.VitPoseImageProcessorPil()
    maps = bumps((3, 17, 64, 48))
    want = processor.post_process_pose_estimation(outputs(maps), BOXES)
    undo = adapter.patch()
    got = processor.post_process_pose_estimation(outputs(maps), BOXES)
    undo()
    for a, b in zip(got[0] + got[1], want[0] + want[1], strict=True):
        torch.testing.assert_close(a["keypoints"], b["keypoints"], rtol=0, atol=1e-3)
        for key in ("scores", "labels", "bbox"):
            assert torch.equal(a[key], b[key])


@original
def test_crowds_of_crops_beside_the_installed_library(installed: Any) -> None:
    def theirs(maps: np.ndarray, dtype: Any) -> np.ndarray:
        coords, _ = installed.get_keypoint_predictions(maps)
        if dtype is np.float64:  # the library's steps have the type of its maps
            return dark_udp_by(library_blur(11), maps)
        refine = installed.post_dark_unbiased_data_processing
        return np.asarray(refine(coords, maps.copy(), kernel=11), np.float64)

    name = f"the installed library, {importlib.metadata.version('transformers')}"
    compare_crops(Crowds("transformers", name), refined, theirs, 1e-3, nowhere=None)
    compare_crops(
        Crowds("transformers", f"{name}: some maps without a positive value"),
        refined,
        theirs,
        1e-3,
        nowhere="by (-1, -1), which the library moves by another map's values",
    )


def test_patch_without_a_target_is_an_error() -> None:
    with pytest.raises(ValueError, match="got nothing to replace"):
        adapter.patch(modules=[ModuleType("empty")])
    with pytest.raises(ValueError, match="smoothing must be one of library, dark"):
        adapter.patch("none")


def call(maps: Any = None, boxes: Any = BOXES, **settings: Any) -> Any:
    maps = np.zeros((3, 5, 64, 48), np.float32) if maps is None else maps
    return adapter.post_process_pose_estimation(outputs(maps), boxes, **settings)


BAD = {
    "few boxes": (ValueError, r"boxes must be as many as the heatmaps \(3\), got 1",
                  {"boxes": BOXES[:1]}),
    "short boxes": (ValueError, "boxes must hold 4 numbers", {"boxes": [[[1, 2]] * 3]}),
    "sizes": (ValueError, r"target_sizes must be as many as the heatmaps \(3\), got 1",
              {"target_sizes": [(1, 2)]}),
    "kernel": (ValueError, "kernel must be above 0", {"kernel_size": 0}),
    "float kernel": (TypeError, "kernel must be a whole number", {"kernel_size": 11.0}),
    "even kernel": (ValueError, "kernel must be odd", {"kernel_size": 10, "smoothing": "dark"}),
    "flat box": (ValueError, "scales must be greater than 0", {"boxes": [[[1, 2, 0, 0]] * 3]}),
    "rank": (ValueError, "must have 4 dimensions", {"maps": np.zeros((3, 5, 64), np.float32)}),
}  # fmt: skip


@pytest.mark.parametrize(("error", "message", "settings"), BAD.values(), ids=BAD)
def test_bad_input(error: type[Exception], message: str, settings: dict[str, Any]) -> None:
    with pytest.raises(error, match=message):
        call(**settings)


def test_maps_and_people_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="batch_heatmaps must be 1 or as many as coords"):
        adapter.post_dark_unbiased_data_processing(np.zeros((3, 5, 2)), bumps((2, 5, 9, 9)))
    with pytest.raises(TypeError, match="coords must be a NumPy array of floats"):
        adapter.post_dark_unbiased_data_processing([[[0]]], bumps((2, 5, 9, 9)))  # type: ignore[arg-type]
