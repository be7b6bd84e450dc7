"""The adapters of top-down projects: what all of them take, and what they refuse, and how."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from heatpose.adapters import darkpose, easycv, mmpose, simple_baselines, transformers  # noqa: E402

RNG = np.random.default_rng(8)
MAPS = RNG.uniform(0, 1, (2, 3, 16, 12)).astype(np.float32)
CENTER, SCALE = np.full((2, 2), 50.0), np.ones((2, 2))
CONFIG = SimpleNamespace(TEST=SimpleNamespace(BLUR_KERNEL=11, POST_PROCESS=True))


def codec(kind: str) -> Any:
    if kind == "msra":
        return mmpose.MSRAHeatmap((48, 64), (12, 16), 2, unbiased=True)
    return mmpose.UDPHeatmap((48, 64), (12, 16), kind)


CALLS: dict[str, Any] = {
    "darkpose.get_max_preds": darkpose.get_max_preds,
    "darkpose.get_final_preds": lambda m: darkpose.get_final_preds(CONFIG, m, CENTER, SCALE),
    "simple_baselines.get_max_preds": simple_baselines.get_max_preds,
    "simple_baselines.get_final_preds": lambda m: simple_baselines.get_final_preds(
        CONFIG, m, CENTER, SCALE
    ),
    "easycv.get_max_preds": easycv.get_max_preds,
    "easycv default": lambda m: easycv.keypoints_from_heatmaps(m, CENTER, SCALE),
    "easycv dark": lambda m: easycv.keypoints_from_heatmaps(
        m, CENTER, SCALE, post_process="unbiased"
    ),
    "easycv udp": lambda m: easycv.keypoints_from_heatmaps(m, CENTER, SCALE, use_udp=True),
    "mmpose.get_heatmap_maximum": mmpose.get_heatmap_maximum,
    "mmpose msra": lambda m: codec("msra").batch_decode(m),
    "mmpose udp": lambda m: codec("gaussian").batch_decode(m),
    "mmpose combined": lambda m: codec("combined").batch_decode(m),
    "transformers.get_keypoint_predictions": transformers.get_keypoint_predictions,
    "transformers.keypoints_from_heatmaps": lambda m: transformers.keypoints_from_heatmaps(
        m, CENTER, SCALE
    ),
    "transformers.post_process": lambda m: transformers.post_process_pose_estimation(
        SimpleNamespace(heatmaps=m), [[[0, 0, 10, 10]] * max(len(m), 1)]
    ),
}


def numbers(answer: Any) -> list[Any]:
    if isinstance(answer, dict):
        return [one for key in ("keypoints", "scores") for one in numbers(answer[key])]
    if isinstance(answer, (list, tuple)):
        return [number for one in answer for number in numbers(one)]
    return np.asarray(answer, np.float64).ravel().tolist()


@pytest.mark.parametrize("name", CALLS)
def test_arrays_and_tensors_of_any_real_type(name: str) -> None:
    wanted = numbers(CALLS[name](MAPS))
    assert np.isfinite(wanted).all()
    for maps in (MAPS.astype(np.float64), torch.from_numpy(MAPS), torch.from_numpy(MAPS).double(),
                 torch.from_numpy(MAPS).requires_grad_(), np.asfortranarray(MAPS)):  # fmt: skip
        np.testing.assert_allclose(numbers(CALLS[name](maps)), wanted, rtol=1e-6, atol=1e-6)
    whole = (MAPS * 9).astype(np.int64)
    np.testing.assert_allclose(
        numbers(CALLS[name](whole)), numbers(CALLS[name](whole.astype(np.float32)))
    )


@pytest.mark.parametrize("name", CALLS)
def test_nan_infinity_and_nothing_above_0_give_numbers(name: str) -> None:
    for maps in (MAPS * np.nan, MAPS * 0, -MAPS):
        answer = numbers(CALLS[name](maps))
        assert not np.isnan(answer).any()


@pytest.mark.parametrize("name", CALLS)
def test_no_crops(name: str) -> None:
    if name == "transformers.post_process":
        nobody = SimpleNamespace(heatmaps=MAPS[:0])
        assert transformers.post_process_pose_estimation(nobody, [[]]) == [[]]
        assert transformers.post_process_pose_estimation(nobody, []) == []
    else:
        assert numbers(CALLS[name](MAPS[:0])) == []


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "maps",
    [None, [], "maps", MAPS.tolist(), MAPS[0, 0], MAPS[None], MAPS[:, :, :0],
     MAPS.astype(complex), MAPS.astype(object), MAPS.astype("U")],
    ids=["None", "[]", "str", "list", "2d", "5d", "no cells", "complex", "object", "text"],
)  # fmt: skip
def test_what_are_no_maps(name: str, maps: Any) -> None:
    if maps is None and name == "transformers.post_process":
        maps = ""  # whose boxes can be counted
    with pytest.raises((TypeError, ValueError), match=r"heatmaps|encoded|hm|maps"):
        CALLS[name](maps)


FINAL: dict[str, Any] = {
    "darkpose": lambda c, s: darkpose.get_final_preds(CONFIG, MAPS, c, s),
    "simple_baselines": lambda c, s: simple_baselines.get_final_preds(CONFIG, MAPS, c, s),
    "easycv": lambda c, s: easycv.keypoints_from_heatmaps(MAPS, c, s),
    "transformers": lambda c, s: transformers.keypoints_from_heatmaps(MAPS, c, s),
}


@pytest.mark.parametrize("name", FINAL)
def test_what_are_no_places_or_sizes(name: str) -> None:
    for bad in ([], None, "x", CENTER[:1], CENTER * np.nan, np.ones((2, 3))):
        with pytest.raises((TypeError, ValueError), match="center"):
            FINAL[name](bad, SCALE)
        with pytest.raises((TypeError, ValueError), match="scale"):
            FINAL[name](CENTER, bad)


@pytest.mark.parametrize("config", [None, {}, SimpleNamespace(), SimpleNamespace(TEST=3)])
def test_configurations_without_what_is_read(config: Any) -> None:
    with pytest.raises(TypeError, match=r"config must have TEST\.BLUR_KERNEL"):
        darkpose.get_final_preds(config, MAPS, CENTER, SCALE)
    with pytest.raises(TypeError, match=r"config must have TEST\.POST_PROCESS"):
        simple_baselines.get_final_preds(config, MAPS, CENTER, SCALE)


@pytest.mark.parametrize("taylor", [darkpose.taylor, easycv.taylor])
def test_steps_on_what_is_no_map(taylor: Any) -> None:
    coord = np.array([4.0, 5.0])
    assert taylor(np.full((9, 9), np.nan), coord).tolist() == [4, 5]
    for maps in ([], None, np.zeros(9), np.zeros((0, 9)), np.zeros((3, 9, 9))):
        with pytest.raises((TypeError, ValueError), match="map"):
            taylor(maps, coord)
    for place in (np.array([4.0]), np.zeros((2, 2)), None, np.array([np.nan, 4.0])):
        with pytest.raises((TypeError, ValueError), match="coord"):
            taylor(np.zeros((9, 9)), place)


def test_answers_of_heads() -> None:
    meta = {"center": [1, 1], "scale": [1, 1], "image_id": 0}
    for settings in (None, 3, []):
        with pytest.raises(TypeError, match="test_cfg must be"):
            easycv.decode_heatmap(MAPS, [meta] * 2, settings)
    for metas in (None, 3, "metas"):
        with pytest.raises(TypeError, match="img_metas must be"):
            easycv.decode_heatmap(MAPS, metas, {})
    with pytest.raises(ValueError, match="img_metas must hold"):
        easycv.decode_heatmap(MAPS, [], {})
    with pytest.raises(KeyError, match="center"):
        easycv.decode_heatmap(MAPS, [{}, {}], {})


def test_outputs_without_maps() -> None:
    for outputs in (None, {}, SimpleNamespace()):
        with pytest.raises(TypeError, match="outputs must have heatmaps"):
            transformers.post_process_pose_estimation(outputs, [[]])
    for boxes in ([], [[]], [[[1, 2, 3, 4]]], [[[1, 2, 3]] * 2], [[[np.nan] * 4] * 2], None, 3):
        with pytest.raises((TypeError, ValueError)):
            transformers.post_process_pose_estimation(SimpleNamespace(heatmaps=MAPS), boxes)


@pytest.mark.parametrize(
    "refine",
    [
        mmpose.refine_keypoints,
        lambda k, m: mmpose.refine_keypoints_dark(k, m, 11),
        lambda k, m: mmpose.refine_keypoints_dark_udp(k, m, 11),
    ],
)
def test_refining_nothing(refine: Any) -> None:
    assert refine(np.zeros((0, 3, 2), np.float32), MAPS[0]).shape == (0, 3, 2)
    for places in ([], None, np.zeros((3, 2)), np.zeros((1, 4, 2)), np.zeros((1, 3, 2), int)):
        with pytest.raises((TypeError, ValueError), match="keypoints"):
            refine(places, MAPS[0])
    lost = np.full((1, 3, 2), np.nan, np.float32)
    assert np.isnan(refine(lost, MAPS[0])).all()
