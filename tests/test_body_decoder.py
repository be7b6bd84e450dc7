"""BodyDecoder: heatmaps and PAFs in, people out, for all kinds of callers."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np
import pytest

import heatpose as hp
from heatpose import skeletons
from heatpose.demo import count_recovered, planted_crowd
from heatpose.ops import AssociateOptions
from heatpose.skeletons import COCO18

CANVAS = (240, 427)


@pytest.fixture(scope="module")
def crowd() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return planted_crowd(4, canvas=CANVAS, seed=1)


def decoder(**settings: Any) -> hp.BodyDecoder:
    return hp.BodyDecoder(COCO18, **{"sigma": 1.5, **settings})


def assert_same(mine: hp.People, theirs: hp.People) -> None:
    assert mine.canvas == theirs.canvas
    for name in ("keypoints", "scores", "person_scores"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))


@pytest.mark.parametrize("people", [0, 1, 5, 20, 50])
def test_a_planted_crowd_comes_back(people: int) -> None:
    heatmaps, pafs, truth = planted_crowd(people)
    found = hp.BodyDecoder(COCO18)(heatmaps, pafs, canvas=(720, 1280))
    recovered, planted = count_recovered(found, truth)
    assert recovered >= 0.9 * planted
    assert abs(len(found) - people) <= 0.1 * people


@pytest.mark.parametrize("canvas", [(1080, 1920), (368, 656), (333, 517), (46, 82)], ids=str)
def test_a_planted_crowd_comes_back_on_any_canvas(canvas: tuple[int, int]) -> None:
    heatmaps, pafs, truth = planted_crowd(3, canvas=canvas)
    found = hp.BodyDecoder(COCO18, sigma=canvas[0] / 240)(heatmaps, pafs, canvas=canvas)
    assert found.canvas == canvas
    recovered, planted = count_recovered(found, truth, near=max(2.0, canvas[0] / 90))
    assert recovered >= 0.9 * planted


def test_several_scales_with_padding() -> None:
    truth = planted_crowd(3, canvas=CANVAS)[2]
    heatmaps, pafs, content = [], [], []
    for box in (184, 368):
        height, width = box, round(box * CANVAS[1] / CANVAS[0])
        cells = (-(-height // 8), -(-width // 8))
        # The photo fills `content`; the crowd is planted on the padded canvas of that scale.
        padded = (cells[0] * 8 * CANVAS[0] / height, cells[1] * 8 * CANVAS[1] / width)
        h, p, _ = planted_crowd(0, cells=cells, canvas=CANVAS, noise=0.0)
        for person in truth:
            h, p = plant(h, p, person, (padded[0], padded[1]))
        heatmaps.append(h)
        pafs.append(p)
        content.append((height, width))
    found = decoder()(heatmaps, pafs, canvas=CANVAS, content=content)
    recovered, planted = count_recovered(found, truth)
    assert recovered >= 0.9 * planted


def plant(
    heatmaps: np.ndarray, pafs: np.ndarray, person: np.ndarray, canvas: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Add one more person [18, 2], given on a canvas that the maps cover."""
    from heatpose import demo

    cells = heatmaps.shape[-2:]
    in_cells = (person[None] + 0.5) * (np.array(cells) / canvas)[::-1] - 0.5
    more_heat = demo._heatmaps(in_cells, cells, 7 / 8)
    more_pafs = demo._pafs(in_cells, cells)
    pafs = np.where(np.abs(more_pafs) > np.abs(pafs), more_pafs, pafs)
    return np.maximum(heatmaps, more_heat).astype(np.float32), pafs.astype(np.float32)


def test_people_are_in_order_of_their_score(crowd: Any) -> None:
    found = decoder(association=AssociateOptions(min_parts=2, min_score=0.1))(
        *crowd[:2], canvas=CANVAS
    )
    assert len(found) >= 4
    assert (np.diff(found.person_scores) <= 0).all()
    assert np.isnan(found.keypoints[~found.visible]).all()
    assert (found.scores[~found.visible] == 0).all()
    assert found.skeleton is COCO18


def test_the_background_channel_is_optional(crowd: Any) -> None:
    heatmaps, pafs, _ = crowd
    assert_same(
        decoder()(heatmaps[:18], pafs, canvas=CANVAS), decoder()(heatmaps, pafs, canvas=CANVAS)
    )


def test_a_batch_is_its_photos(crowd: Any) -> None:
    maps = [crowd[:2], planted_crowd(0, canvas=CANVAS)[:2], planted_crowd(2, canvas=CANVAS)[:2]]
    heatmaps, pafs = (np.stack(field) for field in zip(*maps, strict=True))
    found = decoder()(heatmaps, pafs, canvas=CANVAS)
    assert isinstance(found, list)
    assert len(found) == 3
    assert len(found[1]) == 0
    for mine, (heat, field) in zip(found, maps, strict=True):
        assert_same(mine, decoder()(heat, field, canvas=CANVAS))
    assert decoder()(heatmaps[:0], pafs[:0], canvas=CANVAS) == []


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_torch_tensors(crowd: Any, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    tensors = [torch.from_numpy(m).to(getattr(torch, dtype)).requires_grad_() for m in crowd[:2]]
    found = decoder()(*tensors, canvas=CANVAS)
    want = decoder()(*(t.detach().float().numpy() for t in tensors), canvas=CANVAS)
    assert isinstance(found.keypoints, np.ndarray)
    assert_same(found, want)
    recovered, planted = count_recovered(found, crowd[2])
    assert recovered >= 0.9 * planted


def test_strided_and_read_only_maps(crowd: Any) -> None:
    heatmaps, pafs, _ = crowd
    wide = np.repeat(np.concatenate([heatmaps, pafs])[:, ::-1], 2, axis=-1)[:, ::-1, ::2]
    wide.setflags(write=False)
    assert_same(
        decoder()(wide[:19], wide[19:], canvas=CANVAS), decoder()(heatmaps, pafs, canvas=CANVAS)
    )


def test_one_decoder_serves_many_threads(crowd: Any) -> None:
    shared = decoder()
    want = shared(*crowd[:2], canvas=CANVAS)
    answers: list[hp.People] = []

    def work() -> None:
        for _ in range(5):
            answers.append(shared(*crowd[:2], canvas=CANVAS))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(answers) == 20
    for answer in answers:
        assert_same(answer, want)


def test_too_many_peaks_warn_and_name_the_keypoints(crowd: Any) -> None:
    with pytest.warns(RuntimeWarning, match=r"more than max_peaks=3 .* neck"):
        decoder(max_peaks=3)(*crowd[:2], canvas=CANVAS)


def test_too_many_people_warn_and_the_best_stay(crowd: Any) -> None:
    everyone = decoder()(*crowd[:2], canvas=CANVAS)
    with pytest.warns(RuntimeWarning, match="more than max_people=2 people"):
        found = decoder(max_people=2)(*crowd[:2], canvas=CANVAS)
    assert_same(found, everyone[:2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decoder(max_people=len(everyone))(*crowd[:2], canvas=CANVAS)


def test_the_fields_may_have_weights_of_their_own(crowd: Any) -> None:
    heatmaps, pafs, _ = crowd
    stacks = [heatmaps, heatmaps], [pafs, np.zeros_like(pafs)]
    nobody = decoder()(*stacks, canvas=CANVAS, weights=[1.0, 0.0], paf_weights=[0.0, 1.0])
    assert len(nobody) == 0
    found = decoder()(*stacks, canvas=CANVAS, weights=[0.5, 0.5], paf_weights=[1.0, 0.0])
    assert len(found) == len(decoder()(heatmaps, pafs, canvas=CANVAS))


def test_a_newton_step_brings_places_closer_to_the_truth() -> None:
    heatmaps, pafs, truth = planted_crowd(3, noise=0.0)
    errors = {}
    for refine in ("none", "centroid", "taylor"):
        found = hp.BodyDecoder(COCO18, refine=refine)(heatmaps, pafs, canvas=(720, 1280))
        distances = np.hypot(*np.moveaxis(found.keypoints[:, None] - truth[None], -1, 0))
        nearest = np.where(np.isnan(distances), np.inf, distances).min(axis=1)
        errors[refine] = float(np.median(nearest[np.isfinite(nearest)]))
    print(errors)
    assert errors["taylor"] < errors["none"]
    assert errors["centroid"] < errors["none"] + 0.05


@pytest.mark.parametrize("skeleton", [skeletons.COCO18, skeletons.BODY25, skeletons.AIC14])
def test_every_skeleton_with_fields(skeleton: hp.Skeleton) -> None:
    rng = np.random.default_rng(0)
    heatmaps = rng.random((skeleton.num_heatmaps, 12, 16), np.float32)
    pafs = rng.normal(0, 0.5, (skeleton.num_pafs, 12, 16)).astype(np.float32)
    found = hp.BodyDecoder(skeleton)(heatmaps, pafs, canvas=(96, 128))
    assert found.keypoints.shape[1:] == (skeleton.num_keypoints, 2)


def test_infinite_and_missing_cells_give_finite_people(crowd: Any) -> None:
    heatmaps, pafs, _ = (m.copy() for m in crowd)
    heatmaps[:, ::7, ::9] = np.nan
    pafs[:, ::9, ::7] = np.nan
    found = decoder()(heatmaps, pafs, canvas=CANVAS)
    assert np.isfinite(found.person_scores).all()
    everything_bad = np.full_like(heatmaps, np.nan)
    with pytest.warns(RuntimeWarning, match="heatmaps and pafs hold NaN"):
        assert len(decoder()(everything_bad, pafs, canvas=CANVAS)) == 0


HEAT, PAFS = np.zeros((19, 4, 5), np.float32), np.zeros((38, 4, 5), np.float32)
BAD: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "few heatmaps": (ValueError, r"heatmaps must have 18 or 19 channels for the skeleton .*coco",
                     {"heatmaps": HEAT[:17]}),
    "many heatmaps": (ValueError, "heatmaps must have 18 or 19 channels",
                      {"heatmaps": np.zeros((20, 4, 5), np.float32)}),
    "few fields": (ValueError, "pafs must have 38 channels", {"pafs": PAFS[:37]}),
    "swapped": (ValueError, "heatmaps must have 18 or 19 channels",
                {"heatmaps": PAFS, "pafs": HEAT}),
    "not an array": (TypeError, "heatmaps must be a NumPy array", {"heatmaps": "maps"}),
    "none": (TypeError, "pafs must be a NumPy array", {"pafs": None}),
    "rank": (ValueError, "heatmaps must have 3 or 4 dimensions", {"heatmaps": HEAT[0]}),
    "float64": (TypeError, "maps must be float32", {"heatmaps": HEAT.astype(float)}),
    "second scale": (ValueError, r"heatmaps\[1\] must have 18 or 19 channels",
                     {"heatmaps": [HEAT, HEAT[:4]], "pafs": [PAFS, PAFS]}),
    "no cells": (ValueError, "at least one cell",
                 {"heatmaps": HEAT[:, :0], "pafs": PAFS[:, :0]}),
    "another batch": (ValueError, "same images and cells", {"pafs": PAFS[None]}),
    "two sizes of batch": (ValueError, "same images and cells",
                           {"heatmaps": HEAT[None], "pafs": np.stack([PAFS, PAFS])}),
    "canvas": (ValueError, "canvas must be", {"canvas": (0, 40)}),
    "content": (ValueError, "content must be at most", {"content": (33, 40)}),
    "weights": (ValueError, "one number per scale", {"weights": [0.5, 0.5]}),
    "field weights": (ValueError, "one number per scale", {"paf_weights": [0.5, 0.5]}),
    "stride": (ValueError, "stride must be between 1", {"stride": 0}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    error, message, arguments = BAD[case]
    with pytest.raises(error, match=f"(?i){message}"):
        decoder()(**{"heatmaps": HEAT, "pafs": PAFS, "canvas": (32, 40), **arguments})


def test_bad_skeletons() -> None:
    with pytest.raises(TypeError, match="skeleton must be a heatpose Skeleton, got str"):
        hp.BodyDecoder("coco18")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="has no PAF channels"):
        hp.BodyDecoder(skeletons.COCO17)


def test_maps_of_different_grids_are_refused() -> None:
    heatmaps, pafs, _ = planted_crowd(2)
    decoder = hp.BodyDecoder(COCO18)
    with pytest.raises(ValueError, match="same images and cells"):
        decoder(heatmaps, pafs[:, :20], (720, 1280))
    with pytest.raises(ValueError, match="same images and cells"):
        decoder(np.stack([heatmaps] * 2), np.stack([pafs] * 3), (720, 1280))
    with pytest.raises(ValueError, match="same scales, got 2 and 1"):
        decoder([heatmaps] * 2, [pafs], (720, 1280))


def test_channels_last_are_refused_with_a_hint() -> None:
    heatmaps = planted_crowd(2)[0]
    with pytest.raises(ValueError, match=r"channels come first: heatmaps.transpose\(2, 0, 1\)"):
        hp.BodyDecoder(COCO18).find_peaks(heatmaps.transpose(1, 2, 0), (720, 1280))


@pytest.mark.parametrize("name", ["heatmaps", "pafs"])
def test_nobody_in_bad_maps_is_told(name: str) -> None:
    maps = dict(zip(("heatmaps", "pafs"), planted_crowd(2)[:2], strict=True))
    maps[name] = np.full_like(maps[name], np.nan)
    with pytest.warns(RuntimeWarning, match=f"{name} hold NaN or infinity"):
        assert len(hp.BodyDecoder(COCO18)(**maps, canvas=(720, 1280))) == 0
