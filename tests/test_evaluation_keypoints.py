"""PCK, AUC, EPE and NME of small scenes that can be counted by hand."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation_scenes import AT, TRIANGLE, crowd_of, people_at, sample
from heatpose.datasets.samples import Annotation, Sample
from heatpose.evaluation import (
    HEAD,
    TORSO,
    auc,
    epe,
    evaluate_keypoints,
    longer_sides,
    match_people,
    missing_share,
    nme,
    pck,
    reference_sizes,
    true_keypoints,
)
from heatpose.skeletons import AIC14, COCO17, COCO18, HAND21

NAN = np.nan
# Two people of two keypoints; the errors are 3, 10 and 4 pixels, one keypoint is not labelled.
TRUTH = np.array([[[0.0, 0], [50, 50]], [[100, 100], [NAN, NAN]]])
KNOWN = np.array([[True, True], [True, False]])
FOUND = TRUTH + np.array([[[3.0, 0], [6, 8]], [[0, 4], [0, 0]]])


def test_pck_is_a_mean_of_keypoints_and_strict() -> None:
    got = pck(FOUND, TRUTH, KNOWN, [20, 20], 0.2)  # nearer than 4 pixels
    np.testing.assert_array_equal(got.per_keypoint, [0.5, 0])
    np.testing.assert_array_equal(got.counts, [2, 1])
    assert got.mean == 0.25
    assert got.pooled == pytest.approx(1 / 3)
    assert pck(FOUND, TRUTH, KNOWN, 20, 0.21).per_keypoint.tolist() == [1, 0]


def test_errors_are_means_of_what_was_found() -> None:
    assert epe(FOUND, TRUTH, KNOWN) == pytest.approx(17 / 3)
    assert nme(FOUND, TRUTH, KNOWN, [10, 40]) == pytest.approx((0.3 + 1 + 0.1) / 3)
    lost = FOUND.copy()
    lost[0, 1] = NAN
    assert epe(lost, TRUTH, KNOWN) == pytest.approx(3.5)
    assert missing_share(lost, KNOWN) == pytest.approx(1 / 3)
    assert pck(lost, TRUTH, KNOWN, 1000).per_keypoint.tolist() == [1, 0]
    assert auc(lost, TRUTH, KNOWN) < auc(FOUND, TRUTH, KNOWN)


def test_auc_is_the_mean_of_pck_over_the_thresholds() -> None:
    # Thresholds 0, 2.5, 5, 7.5 pixels: the first keypoint is right in the last two, the second
    # in none.
    assert auc(FOUND, TRUTH, KNOWN, size=10, steps=4) == pytest.approx(0.25)
    assert auc(TRUTH, TRUTH, KNOWN, size=10, steps=4) == pytest.approx(0.75)


def test_people_without_a_size_are_left_out() -> None:
    got = pck(FOUND, TRUTH, KNOWN, [NAN, 20], 0.25)
    np.testing.assert_array_equal(got.per_keypoint, [1, NAN])
    assert (got.mean, got.counts.tolist()) == (1, [1, 0])
    nobody = pck(FOUND, TRUTH, KNOWN, [0, NAN])
    assert np.isnan(nobody.mean) and np.isnan(nobody.pooled)
    assert np.isnan(epe(FOUND, TRUTH, np.zeros_like(KNOWN)))
    assert np.isnan(auc(FOUND, TRUTH, np.zeros_like(KNOWN)))
    assert np.isnan(missing_share(FOUND, np.zeros_like(KNOWN)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"predicted": FOUND[:1]}, r"predicted must be as truth, \[2, 2, 2\], got \[1, 2, 2\]"),
        ({"predicted": np.full_like(FOUND, np.inf)}, "predicted must be finite"),
        ({"truth": TRUTH[0]}, r"truth must be \[N, K, 2\]"),
        ({"labelled": KNOWN[0]}, r"labelled must be \[2, 2\]"),
        ({"labelled": ~KNOWN}, "truth must be finite wherever it is labelled"),
        ({"sizes": [1.0]}, r"sizes must be one number or \[2\], got \[1\]"),
    ],
)
def test_distances_refuse(changed: dict[str, Any], message: str) -> None:
    given_: dict[str, Any] = {"predicted": FOUND, "truth": TRUTH, "labelled": KNOWN, "sizes": 1.0}
    with pytest.raises(ValueError, match=message):
        pck(**(given_ | changed))


def test_more_refusals() -> None:
    with pytest.raises(ValueError, match="size and steps must be above 0"):
        auc(FOUND, TRUTH, KNOWN, size=0)
    with pytest.raises(ValueError, match=r"labelled must be \[2, 2\]"):
        missing_share(FOUND, KNOWN[0])
    with pytest.raises(ValueError, match=r"boxes must be \[N, 4\]"):
        longer_sides([1, 2, 3, 4])
    with pytest.raises(ValueError, match="truth must have the 17 keypoints of coco17, got 2"):
        reference_sizes(TRUTH, KNOWN, COCO17)


def test_torsos_and_heads_are_measured_between_keypoints() -> None:
    points = np.zeros((4, 14, 2))
    points[:, AIC14.index("right_hip")] = (30, 40)
    points[:, AIC14.index("left_hip")] = (0, 20)
    known = np.ones((4, 14), bool)
    known[1, AIC14.index("right_hip")] = False
    known[2, [AIC14.index("right_hip"), AIC14.index("left_hip")]] = False
    points[3, AIC14.index("head_top")] = (0, -7)
    np.testing.assert_array_equal(reference_sizes(points, known, AIC14, TORSO), [50, 20, NAN, 50])
    np.testing.assert_array_equal(reference_sizes(points, known, AIC14, HEAD), [0, 0, 0, 7])
    with pytest.raises(ValueError, match="coco18 has no keypoint 'head_top'"):
        reference_sizes(np.zeros((1, 18, 2)), np.ones((1, 18)), COCO18, HEAD)
    np.testing.assert_array_equal(longer_sides([[0, 0, 3, 4], [1, 1, 9, 2]]), [4, 8])


def test_the_torso_judges_bodies() -> None:
    points = np.random.default_rng(0).uniform(0, 200, (14, 2))
    points[AIC14.index("left_shoulder")], points[AIC14.index("right_hip")] = (50, 50), (50, 150)
    moved = points.copy()
    moved[:7] += (0, 19.9)
    moved[7:] += (0, 20.1)
    report = evaluate_keypoints(moved[None], [sample(1, points)], AIC14, size="torso")
    assert report.pck[2].per_keypoint.tolist() == [1] * 7 + [0] * 7
    assert (report.pck[2].threshold, report.pck[2].mean) == (0.2, 0.5)
    heads = evaluate_keypoints(moved[None], [sample(1, points)], AIC14, size="head")
    head = np.linalg.norm(points[AIC14.index("head_top")] - points[AIC14.index("neck")])
    assert heads.nme == pytest.approx(report.epe / head)


def test_annotations_become_arrays() -> None:
    half = AT.copy()
    half[1] = NAN
    crowd = Annotation(np.float32(AT), np.uint8([2, 2, 2]), np.float32([0, 0, 1, 1]), crowd=True)
    empty = Annotation(np.full((3, 2), NAN, np.float32), np.zeros(3, np.uint8))
    head = Annotation(np.float32(AT), np.uint8([1, 2, 0]), extra={"head_size": 12.5})
    photos = [
        sample("a", AT, half, size=(150, 120)),
        Sample(Path("b"), "b", (crowd, empty, head)),
        sample("c"),
    ]
    truth = true_keypoints(photos, TRIANGLE)
    assert (truth.image_ids, truth.images, len(truth)) == (("a", "a", "b"), ("a", "b", "c"), 3)
    assert truth.labelled.tolist() == [[True] * 3, [True, False, True], [True, True, False]]
    np.testing.assert_array_equal(
        truth.boxes, [[50, 100, 119, 149], [100, 100, 119, 149], [NAN] * 4]
    )
    np.testing.assert_array_equal(truth.head_sizes, [NAN, NAN, 12.5])
    report = evaluate_keypoints(truth.keypoints, truth, TRIANGLE, size="head")
    assert (report.images, report.people, report.judged) == (3, 3, 1)


def test_each_annotated_person_is_compared_with_the_nearest() -> None:
    truth = crowd_of(2, 3)
    guesses = np.concatenate([truth[::-1] + 2, truth[:1] + 1, truth[:1] + 5000])
    picks = match_people(guesses, truth, np.ones((3, 3), bool), [100.0] * 3)
    assert picks.tolist() == [3, 1, 0]
    picks = match_people(guesses[1:2], truth, np.ones((3, 3), bool), [100.0] * 3)
    assert picks.tolist() == [-1, 0, -1]
    none = match_people(np.empty((0, 3, 2)), truth, np.ones((3, 3), bool), [100.0] * 3)
    assert none.tolist() == [-1, -1, -1]
    assert match_people(guesses, truth[:0], np.ones((0, 3), bool), []).tolist() == []


def test_found_people_are_taken_from_their_photos() -> None:
    truth = crowd_of(4, 4)
    photos = [sample(1, truth[0], truth[1]), sample(2, truth[2]), sample(3, truth[3]), sample(4)]
    half = truth[2].copy()
    half[0] = NAN
    found = {
        2: people_at([truth[2] + 900, half]),
        1: people_at([truth[1] + 3, truth[0]]),
        4: people_at([truth[0]]),
    }
    report = evaluate_keypoints(found, photos, TRIANGLE)
    # Nobody in photo 3, and one keypoint in photo 2.
    assert report.missing == pytest.approx(4 / 12)
    np.testing.assert_allclose(report.pck[2].per_keypoint, [0.5, 0.75, 0.75])
    assert report.epe == pytest.approx(3 * np.hypot(3, 3) / 8, rel=1e-5)
    assert (report.images, report.people, report.judged) == (4, 4, 4)


def test_larger_skeletons_are_cut_down() -> None:
    points = np.random.default_rng(1).uniform(0, 300, (1, 18, 2)).astype(np.float32)
    picks = [COCO18.index(name) for name in COCO17.keypoints]
    found = {1: people_at(points, skeleton=COCO18)}
    assert evaluate_keypoints(found, [sample(1, points[0, picks])], COCO17).pck[0].mean == 1
    with pytest.raises(ValueError, match="of coco18, which lacks 1 keypoints of aic14: head_top"):
        evaluate_keypoints(found, [sample(1, np.zeros((14, 2)))], AIC14)


def test_errors_say_what_does_not_fit() -> None:
    photos = [sample(1, AT)]
    with pytest.raises(ValueError, match="size must be one of box, torso, head, got 'foot'"):
        evaluate_keypoints([AT], photos, TRIANGLE, size="foot")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="predictions are empty"):
        evaluate_keypoints({}, photos, TRIANGLE)
    with pytest.raises(ValueError, match=r"1 images that are not annotated: 2; .* know 1"):
        evaluate_keypoints({2: people_at([AT])}, photos, TRIANGLE)
    with pytest.raises(ValueError, match="predicted must be as truth"):
        evaluate_keypoints([AT, AT], photos, TRIANGLE)
    with pytest.raises(ValueError, match="has 3 keypoints, hand21 has 21"):
        evaluate_keypoints([AT], photos, HAND21)


def test_reports_print_and_are_json(tmp_path: Path) -> None:
    half = AT.copy()
    half[1] = NAN
    report = evaluate_keypoints([AT + 3], [sample(1, half)], TRIANGLE, thresholds=(0.02, 0.2))
    text = str(report).splitlines()
    assert text[0] == "triangle, 1 photos, 1 annotated, 1 with a size (box)"
    assert text[3].split() == ["top", "1", "0.0000", "1.0000"]
    assert text[4].split() == ["left_foot", "0", "-", "-"]
    assert text[6].split() == ["mean", "of", "keypoints", "2", "0.0000", "1.0000"]
    assert text[8].endswith("EPE 4.24 px   NME 0.0424   not found 0.0000")
    report.save_json(tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text())
    assert read == report.to_dict()
    assert read["PCK@0.2"] == 1
    assert read["keypoints"]["PCK@0.2"]["left_foot"] is None
    assert set(report.numbers()) <= set(read)


def test_perfect_predictions_are_perfect_and_more_noise_is_worse_on_average() -> None:
    truth = crowd_of(9, 40)
    known = np.random.default_rng(1).random((40, 3)) < 0.8
    noise = np.random.default_rng(2).normal(0, 1, truth.shape)
    rows = []
    for sigma in (0, 3, 10, 30, 100):
        found = truth + sigma * noise
        rows.append(
            (
                pck(found, truth, known, 100, 0.2).mean,
                auc(found, truth, known),
                -epe(found, truth, known),
                -nme(found, truth, known, 100),
            )
        )
    assert rows[0] == pytest.approx((1, 0.95, 0, 0))
    assert all(
        better >= worse for a, b in pairwise(rows) for better, worse in zip(a, b, strict=True)
    )
    assert all(first > last for first, last in zip(rows[0], rows[-1], strict=True))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_people_does_not_matter(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.uniform(0, 200, (7, 3, 2))
    found = truth + random.normal(0, 15, truth.shape)
    found[random.random((7, 3)) < 0.1] = NAN
    known = random.random((7, 3)) < 0.8
    sizes = random.uniform(50, 150, 7)
    order = random.permutation(7)
    for way in (
        lambda f, t, k, s: pck(f, t, k, s).mean,
        lambda f, t, k, s: pck(f, t, k, s).pooled,
        nme,
        lambda f, t, k, s: auc(f, t, k),
    ):
        got = way(found[order], truth[order], known[order], sizes[order])
        assert got == pytest.approx(way(found, truth, known, sizes), nan_ok=True)


def test_distances_do_not_change_what_they_are_given() -> None:
    found, truth, known = FOUND.copy(), TRUTH.copy(), KNOWN.copy()
    pck(found, truth, known, 10)
    np.testing.assert_array_equal(found, FOUND)
    np.testing.assert_array_equal(truth, TRUTH)
