"""The tf-pose adapter against a slow transcription of its rules, on crowds, and its own rules."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from adapter_crowds import crowds
from adapter_table import Crowds
from heatpose import demo
from heatpose.adapters import tf_pose
from heatpose.adapters.tf_pose import PafProcess, pafprocess
from heatpose.skeletons import COCO18

F = np.float32


def loops(
    peaks: np.ndarray, heat: np.ndarray, paf: np.ndarray, zero_is_absent: bool
) -> tuple[list[tuple[int, int, float]], list[tuple[list[int], float]]]:
    """Peaks and people, one number at a time, in the C++ code's float and double."""
    found: list[tuple[int, int, np.float32]] = []
    parts: list[list[int]] = []
    for part in range(18):
        parts.append([])
        for y, x in np.argwhere(peaks[:, :, part] > F(0.05)):
            parts[-1].append(len(found))
            found.append((int(x), int(y), heat[y, x, part]))
    people: list[dict[str, object]] = []
    for limb, ((a, b), channels) in enumerate(zip(COCO18.limbs, COCO18.paf_channels, strict=True)):
        pairs = []
        for i in parts[a]:
            for j in parts[b]:
                score = pair_score(found[i], found[j], paf, channels)
                if score is not None:
                    pairs.append((i, j, score))
        pairs.sort(key=lambda pair: -pair[2])
        used: set[int] = set()
        for i, j, score in pairs:
            if i in used or j in used:
                continue
            used |= {i, j}
            join(people, limb, a, b, i, j, score, found, zero_is_absent)
    kept = []
    for person in people:
        each = person["score"] / F(person["parts"])
        if person["parts"] >= 4 and not each < F(0.3):
            kept.append((person["ids"], float(each)))
    return [(x, y, float(score)) for x, y, score in found], kept


def pair_score(one, other, paf, channels):  # type: ignore[no-untyped-def]
    dx, dy = F(other[0] - one[0]), F(other[1] - one[1])
    norm = np.sqrt(dx * dx + dy * dy)
    if norm == 0:
        return None
    count, total = 0, F(0)
    for k in range(10):
        x = int(float(F(one[0]) + F(k) * (dx / F(10))) + 0.5)
        y = int(float(F(one[1]) + F(k) * (dy / F(10))) + 0.5)
        dot = dx / norm * paf[y, x, channels[0]] + dy / norm * paf[y, x, channels[1]]
        total += dot
        count += dot > F(0.05)
    score = F(float(total / F(10)) + min(0.0, 0.5 * paf.shape[0] / float(norm) - 1.0))
    return score if count > 6 and score > 0 else None


def join(people, limb, a, b, i, j, score, found, zero_is_absent):  # type: ignore[no-untyped-def]
    match = [p for p in people if p["ids"][a] == i or p["ids"][b] == j]
    if not match:
        if limb < 17:
            ids = [-1] * 18
            ids[a], ids[b] = i, j
            people.append({"ids": ids, "score": found[i][2] + found[j][2] + score, "parts": 2})
        return
    first = match[0]
    if len(match) == 2:
        least = 1 if zero_is_absent else 0
        both = zip(first["ids"], match[1]["ids"], strict=True)
        if not any(p >= least and q >= least for p, q in both):
            for k in range(18):
                first["ids"][k] += match[1]["ids"][k] + 1
            first["score"] = first["score"] + match[1]["score"] + score
            first["parts"] += match[1]["parts"]
            people[:] = [p for p in people if p is not match[1]]
            return
    if len(match) > 2 or (len(match) == 1 and first["ids"][b] == j):
        return
    first["ids"][b] = j
    first["parts"] += 1
    first["score"] = first["score"] + (found[j][2] + score)


def answer(
    process: PafProcess,
) -> tuple[list[tuple[int, int, float]], list[tuple[list[int], float]]]:
    peaks = [
        (process.get_part_x(cid), process.get_part_y(cid), process.get_part_score(cid))
        for cid in range(len(process))
    ]
    people = [
        ([process.get_part_cid(human, part) for part in range(18)], process.get_score(human))
        for human in range(process.get_num_humans())
    ]
    return peaks, people


def scene(
    people: int, seed: int = 0, noise: float = 0.02, cells: tuple[int, int] = (46, 60)
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Peaks, heatmaps and fields, enlarged twice."""
    heatmaps, pafs, _ = demo.planted_crowd(people, cells=cells, seed=seed, noise=noise)
    heat, paf = (m.repeat(2, 1).repeat(2, 2).transpose(1, 2, 0) for m in (heatmaps, pafs))
    return tf_pose.find_peaks(heat), heat, paf


@pytest.mark.parametrize("zero_is_absent", [False, True])
@pytest.mark.parametrize(("people", "noise"), [(0, 0.02), (1, 0.02), (4, 0.1), (12, 0.2)])
def test_every_bit_is_that_of_the_loops(people: int, noise: float, zero_is_absent: bool) -> None:
    for seed in range(2):
        maps = scene(people, seed, noise)
        process = PafProcess(zero_is_absent=zero_is_absent)
        assert process.process_paf(*maps) == 0
        assert answer(process) == loops(*maps, zero_is_absent)


def test_crowds_are_grouped_as_by_the_program() -> None:
    """Its own rule for peak 0 included; where that decides, heatpose has another answer."""
    row = Crowds("tf_pose", "the C++ code's arithmetic, in NumPy")
    for _, heatmaps, pafs in crowds():
        heat, paf = (m.repeat(4, 1).repeat(4, 2).transpose(1, 2, 0) for m in (heatmaps, pafs))
        maps = tf_pose.find_peaks(heat), heat, paf
        found = {}
        for flag in (False, True):
            process = PafProcess(zero_is_absent=flag)
            process.process_paf(*maps)
            found[flag] = answer(process)
        wanted = loops(*maps, True)
        reason = "by peak 0, absent there: zero_is_absent=True agrees"
        row.add(len(wanted[1]), found[False] == wanted, reason if found[True] == wanted else "")
    row.check()


def test_a_dense_crowd_takes_the_quick_way_to_the_same_answer() -> None:
    rng = np.random.default_rng(0)
    peaks = np.where(rng.random((40, 50, 19)) < 0.006, F(0.5), F(0))
    heat = rng.random((40, 50, 19), F)
    paf = rng.normal(0.2, 0.4, (40, 50, 38)).astype(F)
    process = PafProcess()
    process.process_paf(peaks, heat, paf)
    peaks_found, people = answer(process)
    assert (peaks_found, people) == loops(peaks, heat, paf, False)
    assert len(people) > 3


def test_peak_zero_is_a_peak_unless_asked_otherwise() -> None:
    """Two people with a nose each, of which the first is peak 0, and one's ear near the other."""
    peaks, heat, paf = (np.zeros((60, 60, n), F) for n in (19, 19, 38))
    places = {0: [(30, 5), (50, 5)], 1: [(30, 15)], 2: [(40, 15)], 14: [(48, 3)], 16: [(45, 4)]}
    for part, spots in places.items():
        for x, y in spots:
            peaks[y, x, part] = heat[y, x, part] = 0.9
    draw(paf, 1, 2, (30, 15), (40, 15))
    draw(paf, 1, 0, (30, 15), (30, 5))
    draw(paf, 0, 14, (50, 5), (48, 3))
    draw(paf, 14, 16, (48, 3), (45, 4))
    draw(paf, 2, 16, (40, 15), (45, 4))
    ids = {}
    for zero_is_absent in (False, True):
        process = PafProcess(zero_is_absent=zero_is_absent)
        process.process_paf(peaks, heat, paf)
        assert answer(process) == loops(peaks, heat, paf, zero_is_absent)
        [(person, _)] = answer(process)[1]
        ids[zero_is_absent] = [person[part] for part in places]
    assert ids[False] == [0, 2, 3, -1, 5]
    assert ids[True] == [2, 2, 3, 4, 5], "the neck's id as the nose's: 0 + 1 + 1"


def draw(paf: np.ndarray, a: int, b: int, one: tuple[int, int], other: tuple[int, int]) -> None:
    channels = COCO18.paf_channels[COCO18.limbs.index((a, b))]
    step = np.subtract(other, one) / np.hypot(*np.subtract(other, one))
    for share in np.linspace(0, 1, 100):
        x, y = np.rint(np.array(one) + share * np.subtract(other, one)).astype(int)
        paf[y, x, list(channels)] = step


def test_module_functions_and_wrapper_agree() -> None:
    maps = scene(3)
    assert pafprocess.process_paf(*maps) == 0
    humans = tf_pose.PoseEstimator.estimate_paf(*maps)
    assert len(humans) == pafprocess.get_num_humans() == 3
    height, width = maps[1].shape[:2]
    for index, human in enumerate(humans):
        assert human.score == pafprocess.get_score(index)
        for part in range(18):
            cid = pafprocess.get_part_cid(index, part)
            assert (cid >= 0) == (part in human.body_parts)
            if cid >= 0:
                found = human.body_parts[part]
                assert found.x == pafprocess.get_part_x(cid) / width
                assert found.y == pafprocess.get_part_y(cid) / height
                assert found.score == pafprocess.get_part_score(cid)
                assert found.uidx == f"{index}-{part}"
                name = COCO18.keypoints[part].replace("right_", "r").replace("left_", "l")
                assert found.get_part_name().name.lower() == name


def test_people_straight_from_the_output_are_the_same() -> None:
    torch = pytest.importorskip("torch")
    heatmaps, pafs, _ = demo.planted_crowd(6, seed=3)
    output = np.concatenate([heatmaps, pafs]).transpose(1, 2, 0)
    maps = output.repeat(4, axis=0).repeat(4, axis=1)
    heat, paf = maps[:, :, :19], maps[:, :, 19:]
    want = tf_pose.PoseEstimator.estimate_paf(tf_pose.find_peaks(heat), heat, paf)
    assert len(want) == 6
    for got in (
        tf_pose.estimate(output),
        tf_pose.estimate(output[None], np.int64(4)),
        tf_pose.estimate(torch.from_numpy(output.copy())),
    ):
        for mine, theirs in zip(got, want, strict=True):
            assert mine.score == pytest.approx(theirs.score, abs=1e-6)
            assert mine.body_parts.keys() == theirs.body_parts.keys()
            for part, place in theirs.body_parts.items():
                assert (mine.body_parts[part].x, mine.body_parts[part].y) == (place.x, place.y)


def test_more_peaks_than_room_are_all_found() -> None:
    rng = np.random.default_rng(0)
    heat = rng.random((70, 70, 19), F)
    maps = np.zeros((70, 70, 38), F)
    peaks = tf_pose.find_peaks(heat)
    assert np.count_nonzero(peaks[:, :, 0]) < 300 < np.count_nonzero(tf_pose.find_peaks(noisy(rng)))
    assert tf_pose.PoseEstimator.estimate_paf(peaks, heat, maps) == []


def noisy(rng: np.random.Generator) -> np.ndarray:
    """One channel of 25 x 25 pixels a blob, so that the smoothing leaves more peaks than 256."""
    maps = np.zeros((640, 640, 1), F)
    maps[16::32, 16::32] = 1 + rng.random((20, 20, 1), F)
    return maps


def test_a_peak_map_has_maxima_and_zeros_only() -> None:
    heat = scene(2)[1]
    peaks, smoothed = tf_pose.find_peaks(heat), tf_pose.smooth(heat)
    framed = np.pad(smoothed, [(1, 1), (1, 1), (0, 0)], constant_values=-np.inf)
    best = np.lib.stride_tricks.sliding_window_view(framed, (3, 3, 1)).max(axis=(3, 4, 5))
    np.testing.assert_array_equal(peaks, np.where((smoothed == best) & (smoothed > 0), smoothed, 0))


def test_threads_do_not_share_people() -> None:
    scenes = [scene(people, seed=people) for people in (1, 2, 4, 5)]
    counts: dict[int, set[int]] = {}

    def work(index: int) -> None:
        counts[index] = {len(tf_pose.PoseEstimator.estimate_paf(*scenes[index])) for _ in range(20)}

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(scenes))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert counts == {
        i: {len(tf_pose.PoseEstimator.estimate_paf(*maps))} for i, maps in enumerate(scenes)
    }


def test_not_a_number_is_no_pair_and_no_peak() -> None:
    peaks, heat, paf = scene(3)
    peaks[0, 0, 0] = np.nan
    process = PafProcess()
    process.process_paf(peaks, heat, np.full_like(paf, np.nan))
    assert process.get_num_humans() == 0
    assert len(process) == np.count_nonzero(peaks[:, :, :18] > 0.05)


def test_a_new_call_forgets_the_last() -> None:
    process = PafProcess()
    assert process.get_num_humans() == 0
    process.process_paf(*scene(2))
    assert process.get_num_humans() == 2
    process.process_paf(*(np.zeros((8, 8, n)) for n in (19, 19, 38)))
    assert (process.get_num_humans(), len(process)) == (0, 0)
    for getter in (process.get_score, process.get_part_x, process.get_part_y):
        with pytest.raises(IndexError, match="must be at least 0 and below 0, got 0"):
            getter(0)


def test_what_numpy_reads_is_taken() -> None:
    maps = scene(2)
    want, got = PafProcess(), PafProcess()
    want.process_paf(*maps)
    got.process_paf(*(np.asfortranarray(m.astype(np.float64)) for m in maps))
    assert answer(got) == answer(want)


ZEROS = {"peaks": np.zeros((8, 9, 19)), "heat": np.zeros((8, 9, 19)), "paf": np.zeros((8, 9, 38))}
BAD = {
    "text": (TypeError, "peaks must be numbers", {"peaks": np.full((8, 9, 19), "a")}),
    "rank": (ValueError, r"heat must have shape \(H, W, 18 or more\)", {"heat": np.zeros((8, 9))}),
    "channels": (ValueError, r"paf must have shape \(H, W, 38 or more\), got \(8, 9, 37\)",
                 {"paf": np.zeros((8, 9, 37))}),
    "heat of another size": (ValueError, r"heat must be \(8, 9\) pixels like peaks, got \(9, 8\)",
                             {"heat": np.zeros((9, 8, 19))}),
    "paf of another size": (ValueError, r"paf must be \(8, 9\) pixels like peaks, got \(4, 9\)",
                            {"paf": np.zeros((4, 9, 38))}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_maps_lose_nothing(case: str) -> None:
    error, message, changes = BAD[case]
    process = PafProcess()
    process.process_paf(*scene(1))
    with pytest.raises(error, match=message):
        process.process_paf(**{**ZEROS, **changes})
    assert process.get_num_humans() == 1


def test_bad_settings() -> None:
    with pytest.raises(TypeError, match="zero_is_absent must be True or False"):
        PafProcess(zero_is_absent=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"output must have shape \(h, w, 57\), got \(57, 4, 4\)"):
        tf_pose.estimate(np.zeros((57, 4, 4), F))
    with pytest.raises(ValueError, match="upsample_size must be between 1"):
        tf_pose.estimate(np.zeros((4, 4, 57), F), 0)
    with pytest.raises(ValueError, match="nsig must be above 0"):
        tf_pose.gauss_kernel(25, 0)
    with pytest.raises(ValueError, match=r"heat must have shape \(H, W, C\)"):
        tf_pose.smooth(np.zeros((4, 4)))
    with pytest.raises(ValueError, match="pairs must be empty"):
        tf_pose.Human([1])


def test_the_kernel_sums_to_one_in_every_channel() -> None:
    kernel = tf_pose.gauss_kernel(25, 3, 19)
    assert kernel.shape == (25, 25, 19, 1)
    np.testing.assert_allclose(kernel.sum(axis=(0, 1)), 1, atol=1e-6)
    spread = (kernel[:, :, 0, 0].sum(0) * np.arange(-12, 13) ** 2).sum() ** 0.5
    assert spread == pytest.approx(5.19, abs=0.01)
