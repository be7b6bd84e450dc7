"""Real maps decoded as the programs we replace decode them: their recordings, to the last peak.

`openpose_python` is the classic Python decoder, `tfpose` the TensorFlow program with its C++
grouping. Integers (peaks, pairs, people) must be equal, scores within 1e-4, probes within 1e-5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import heatpose as hp
from heatpose import media, ops
from heatpose.ops import AssociateOptions, Association, Peaks
from heatpose.reference.resize_average import axis_matrix
from heatpose.skeletons import COCO18

# Where the default rules (one peak per plateau edge, a peak in one person only) answer otherwise
# than the recordings. None of the recorded maps has a plateau or a conflict.
DEFAULT_DIFFERENCES: dict[str, list[str]] = {}

# pafprocess takes peak id 0 for absent when it asks whether two people share a part. People of the
# recordings for whom that decides: none.
ID_ZERO_DIFFERENCES: dict[str, list[str]] = {}


@dataclass(frozen=True)
class Case:
    """Maps of one photo and a recorded decoding of them."""

    name: str
    maps: list[np.ndarray]  # float16 [57, h, w] per scale
    canvas: tuple[int, int]
    golden: dict[str, Any]
    content: list[tuple[int, int]] | None = None
    weights: list[float] | None = None  # of the heatmaps; the fields always have the mean

    @property
    def heatmaps(self) -> list[np.ndarray]:
        return [m[:19] for m in self.maps]

    @property
    def pafs(self) -> list[np.ndarray]:
        return [m[19:] for m in self.maps]


@lru_cache(maxsize=1)
def single_scale(body: Path) -> list[tuple[str, np.ndarray, tuple[int, int], dict[str, Any]]]:
    cases = []
    for path in sorted((body / "golden").glob("*.json")):
        recorded = json.loads(path.read_text())
        if "inputs" not in recorded:
            continue
        photo = next(p for p in (body / "photos").iterdir() if p.stem == path.stem)
        height, width = media.read_image(photo).shape[:2]
        for size, entry in recorded["inputs"].items():
            with np.load(body / "maps" / Path(entry["map_file"]).name) as file:
                cases.append((f"{path.stem} {size}", file["output"], (height, width), entry))
    return cases


@lru_cache(maxsize=1)
def openpose_cases(body: Path) -> list[Case]:
    cases = [
        Case(name, [maps], canvas, entry["openpose_python"])
        for name, maps, canvas, entry in single_scale(body)
    ]
    for path in sorted((body / "golden").glob("multiscale__*.json")):
        recorded = json.loads(path.read_text())
        photo = path.stem.removeprefix("multiscale__")
        with np.load(body / "multiscale" / f"{photo}.npz") as file:
            count = len(file["scale_search"])
            maps = [file[f"raw_{i}"] for i in range(count)]
            content = [tuple(int(n) for n in file[f"resized_hw_{i}"]) for i in range(count)]
            canvas = tuple(int(n) for n in file["photo_hw"])
        common = {"maps": maps, "canvas": canvas, "content": content}
        cases.append(Case(f"{photo} mean", golden=recorded["mean"], **common))
        # `average += average + heatmap / n` doubles what is there at every scale.
        doubled = [2.0 ** (count - 1 - i) / count for i in range(count)]
        cases.append(
            Case(f"{photo} as written", golden=recorded["as_written"], weights=doubled, **common)
        )
    return cases


@pytest.fixture(scope="module")
def body(shared_data: Path) -> Path:
    return shared_data / "body"


@pytest.fixture(scope="module")
def cases(body: Path) -> list[Case]:
    found = openpose_cases(body)
    assert len(found) >= 32
    return found


def halves(decoder: hp.BodyDecoder, case: Case) -> tuple[Peaks, Association]:
    peaks = decoder.find_peaks(
        case.heatmaps, case.canvas, content=case.content, weights=case.weights
    )
    return peaks, decoder.associate(peaks, case.pafs, case.canvas, content=case.content)


def decode(decoder: hp.BodyDecoder, case: Case) -> hp.People:
    mean = [1 / len(case.maps)] * len(case.maps)
    people: hp.People = decoder(
        case.heatmaps,
        case.pafs,
        canvas=case.canvas,
        content=case.content,
        weights=case.weights,
        paf_weights=mean,
    )
    return people


def differences(case: Case, peaks: Peaks, groups: Association) -> Iterator[str]:
    """Every way in which a decoding is not the recorded one."""
    golden = case.golden
    offsets = np.concatenate([[0], np.cumsum(peaks.counts)])
    for k, wanted in enumerate(golden["peaks_per_part"]):
        places = [tuple(p) for p in peaks.xy[k, : peaks.counts[k]].tolist()]
        if places != [(p[0], p[1]) for p in wanted]:
            yield f"peaks of {COCO18.keypoints[k]}: {places} for {wanted}"
        elif not close(peaks.scores[k, : peaks.counts[k]], [p[2] for p in wanted]):
            yield f"scores of {COCO18.keypoints[k]}"
    for limb, wanted in enumerate(golden["connections_per_limb"]):
        pairs = groups.pairs[limb, : groups.pair_counts[limb]].tolist()
        if pairs != [[int(c[3]), int(c[4])] for c in wanted]:
            yield f"pairs of limb {limb}: {pairs} for {wanted}"
        elif not close(groups.pair_scores[limb, : len(pairs)], [c[2] for c in wanted]):
            yield f"scores of limb {limb}"
    yield from people_differences(golden["subset"], groups, offsets)


def people_differences(
    subset: Sequence[Sequence[float]], groups: Association, offsets: np.ndarray
) -> Iterator[str]:
    count = int(groups.counts)
    found = groups.people[:count]
    rows = np.where(found < 0, -1, found + offsets[:-1]).tolist()
    wanted = [[int(i) for i in row[:18]] for row in subset]
    if rows != wanted:
        yield f"people: {rows} for {wanted}"
        return
    if not close(groups.scores[:count], [row[18] for row in subset]):
        yield "scores of people"
    if groups.parts[:count].tolist() != [int(row[19]) for row in subset]:
        yield "parts of people"


def close(got: np.ndarray, wanted: Sequence[float]) -> bool:
    return bool(np.allclose(got, wanted, rtol=1e-4, atol=1e-9))


def test_classic_options_repeat_the_recordings(cases: list[Case]) -> None:
    decoder = hp.BodyDecoder.classic(COCO18)
    found = {case.name: list(differences(case, *halves(decoder, case))) for case in cases}
    assert not {name: lines for name, lines in found.items() if lines}
    peaks = sum(len(part) for case in cases for part in case.golden["peaks_per_part"])
    people = sum(len(case.golden["subset"]) for case in cases)
    print(f"{len(cases)} decodings, {peaks} peaks, {people} people")


def test_default_options_differ_only_as_listed(cases: list[Case]) -> None:
    decoder = hp.BodyDecoder(COCO18)
    found = {case.name: list(differences(case, *halves(decoder, case))) for case in cases}
    assert {name: lines for name, lines in found.items() if lines} == DEFAULT_DIFFERENCES


def test_people_before_pruning(cases: list[Case]) -> None:
    everyone = AssociateOptions(classic_conflicts=True, min_parts=0, min_score=-1e9)
    decoder = hp.BodyDecoder.classic(COCO18, association=everyone)
    for case in cases:
        peaks, groups = halves(decoder, case)
        offsets = np.concatenate([[0], np.cumsum(peaks.counts)])
        wanted = case.golden["subset_before_pruning"]
        assert list(people_differences(wanted, groups, offsets)) == [], case.name


def test_limbs_without_candidates(cases: list[Case]) -> None:
    decoder = hp.BodyDecoder.classic(COCO18)
    for case in cases:
        peaks, _ = halves(decoder, case)
        ends = peaks.counts[np.array(COCO18.limbs)]
        empty = np.nonzero((ends == 0).any(axis=1))[0].tolist()
        assert empty == case.golden["limbs_without_candidates"], case.name


def test_the_decoder_gives_the_recorded_people_best_first(cases: list[Case]) -> None:
    for case in cases:
        found = decode(hp.BodyDecoder.classic(COCO18), case)
        wanted = sorted(case.golden["people"], key=lambda p: -p["score"])
        assert len(found) == len(wanted), case.name
        for person, recorded in zip(found, wanted, strict=True):
            assert np.isclose(person.score, recorded["score"], rtol=1e-4)
            for place, score, point in zip(
                person.keypoints, person.scores, recorded["keypoints"], strict=True
            ):
                if point is None:
                    assert np.isnan(place).all()
                    assert score == 0
                else:
                    assert place.tolist() == point[:2]
                    assert np.isclose(score, point[2], rtol=1e-4)


def test_the_global_rule_finds_people_on_real_maps(cases: list[Case]) -> None:
    # Another algorithm: no recording, but it must not be far off in number.
    decoder = hp.BodyDecoder(COCO18, association=AssociateOptions.for_global())
    classic = sum(len(case.golden["subset"]) for case in cases)
    found = sum(len(decode(decoder, case)) for case in cases)
    print(f"{found} people with the global rule, {classic} with the classic one")
    assert 0.6 * classic < found < 1.6 * classic


def test_probes_of_the_averaged_and_smoothed_maps(cases: list[Case]) -> None:
    furthest = {"heat": 0.0, "paf": 0.0, "heat_smoothed": 0.0}
    for case in cases:
        geometry = {"canvas": case.canvas, "content": case.content}
        heat = ops.resize_average(case.heatmaps, weights=case.weights, **geometry)
        maps = {
            "heat": heat,
            "paf": ops.resize_average(case.pafs, **geometry),
            "heat_smoothed": ops.gaussian_smooth(heat, 3.0),
        }
        for kind, values in maps.items():
            probes = np.array(case.golden["probes"][kind])
            y, x, channel = probes[:, :3].astype(int).T
            error = np.abs(values[channel, y, x] - probes[:, 3]).max()
            furthest[kind] = max(furthest[kind], float(error))
    print("furthest probes:", furthest)
    assert max(furthest.values()) < 1e-5


def operators(case: Case, scale: int, cells: tuple[int, int]) -> list[np.ndarray]:
    """The reference's dense matrices (rows, columns) of one scale."""
    content = case.content[scale] if case.content else (None, None)
    return [axis_matrix(cells[i], case.canvas[i], content=content[i]) for i in (0, 1)]


def test_sums_of_whole_maps(cases: list[Case]) -> None:
    for case in cases:
        count = len(case.maps)
        stacks = {"heat": (case.heatmaps, case.weights), "paf": (case.pafs, None)}
        for kind, (maps, weights) in stacks.items():
            wanted = case.golden.get(f"{kind}_channel_sums")
            if wanted is None:
                continue
            sums = np.zeros(maps[0].shape[0])
            for i, stack in enumerate(maps):
                rows, columns = operators(case, i, stack.shape[-2:])
                weight = weights[i] if weights else 1 / count
                sums += weight * np.einsum(
                    "y,cyx,x->c", rows.sum(axis=0), stack.astype(float), columns.sum(axis=0)
                )
            pixels = case.canvas[0] * case.canvas[1]
            np.testing.assert_allclose(
                sums[: len(wanted)] / pixels, np.array(wanted) / pixels, atol=1e-6
            )


# ---- tf-pose-estimation ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tfpose_taps(body: Path) -> np.ndarray:
    """The 1-D factor of the program's 25x25 kernel."""
    with np.load(body / "model" / "tfpose_smoothing_kernel.npz") as file:
        kernel = file["kernel"].astype(np.float64)
    taps: np.ndarray = kernel.sum(axis=1) / np.sqrt(kernel.sum())
    np.testing.assert_allclose(np.outer(taps, taps), kernel, atol=1e-9)
    return taps


def tfpose_decoder(taps: np.ndarray) -> hp.BodyDecoder:
    return hp.BodyDecoder(
        COCO18,
        taps=taps.tolist(),
        border="constant",
        interpolation="nearest",
        threshold=0.05,
        connectivity=8,
        ties="all",
        association=AssociateOptions(
            endpoint=False,
            rounding="half_up",
            point_ratio=0.6,
            min_norm=1e-12,
            classic_conflicts=True,
            min_score=0.3,
        ),
    )


def test_tfpose_options_repeat_its_recordings(body: Path, tfpose_taps: np.ndarray) -> None:
    decoder = tfpose_decoder(tfpose_taps)
    found: dict[str, list[str]] = {}
    total = people = 0
    for name, maps, _, entry in single_scale(body):
        golden = entry["tfpose"]
        canvas = tuple(golden["upsampled_hw"])
        assert canvas == (4 * maps.shape[1], 4 * maps.shape[2])
        peaks = decoder.find_peaks(maps[:19], canvas, stride=4)
        groups = decoder.associate(peaks, maps[19:], canvas, stride=4)
        offsets = np.concatenate([[0], np.cumsum(peaks.counts)])
        lines = []
        for k in range(18):
            wanted = [p for p in golden["peaks"] if p[1] == k]
            if peaks.xy[k, : peaks.counts[k]].tolist() != [p[2:4] for p in wanted]:
                lines.append(f"peaks of {COCO18.keypoints[k]}")
            elif not close(peaks.scores[k, : len(wanted)], [p[4] for p in wanted]):
                lines.append(f"scores of {COCO18.keypoints[k]}")
            assert [p[0] for p in wanted] == list(range(offsets[k], offsets[k] + len(wanted)))
        lines += people_differences(golden["subset"], groups, offsets)
        if lines:
            found[name] = lines
        total += len(golden["peaks"])
        people += len(golden["people"])
        assert_same_people(decoder(maps[:19], maps[19:], canvas=canvas, stride=4), golden["people"])
    print(f"{total} peaks, {people} people")
    assert found == ID_ZERO_DIFFERENCES


def assert_same_people(found: hp.People, wanted: list[dict[str, Any]]) -> None:
    """The program divides a person's score by its parts, and places by the size of its maps."""
    ordered = sorted(wanted, key=lambda p: -p["score"] * p["parts"])
    height, width = found.canvas
    for person, recorded in zip(found, ordered, strict=True):
        assert np.isclose(person.score, recorded["score"] * recorded["parts"], rtol=1e-4)
        for place, point in zip(person.keypoints, recorded["keypoints"], strict=True):
            if point is None:
                assert np.isnan(place).all()
            else:
                np.testing.assert_allclose(place / (width, height), point[:2], rtol=1e-6)


def test_id_zero_never_decides_in_the_recordings(body: Path) -> None:
    """Where it could: a first nose peak in a person who meets another with a nose."""
    zero = [
        name
        for name, _, _, entry in single_scale(body)
        if any(row[0] == 0 for row in entry["tfpose"]["subset"])
    ]
    # Peak 0 is in a person of most photos, and still all people are equal without the quirk.
    assert zero


def test_float32_maps_and_tensors_decode_alike(cases: list[Case]) -> None:
    torch = pytest.importorskip("torch")
    decoder = hp.BodyDecoder.classic(COCO18)
    for case in cases[:4]:
        want = decode(decoder, case)
        for kind in (
            [m.astype(np.float32) for m in case.maps],
            [torch.from_numpy(m) for m in case.maps],
        ):
            got = decode(decoder, replace(case, maps=kind))
            np.testing.assert_array_equal(got.keypoints, want.keypoints)
            np.testing.assert_array_equal(got.person_scores, want.person_scores)


def test_all_vector_units_and_threads_give_the_recorded_answer(
    cases: list[Case], vector_unit: str, threads: None
) -> None:
    decoder = hp.BodyDecoder.classic(COCO18)
    for case in cases[::5]:
        assert list(differences(case, *halves(decoder, case))) == [], case.name


def test_bfloat16_maps_lose_digits_not_people(cases: list[Case]) -> None:
    torch = pytest.importorskip("torch")
    decoder = hp.BodyDecoder(COCO18)
    people = found = 0
    for case in cases[:24]:
        maps = [torch.from_numpy(m).to(torch.bfloat16) for m in case.maps]
        people += len(case.golden["subset"])
        found += len(decode(decoder, replace(case, maps=maps)))
    assert abs(found - people) <= 0.1 * people
