"""AP and AR of small scenes that can be counted by hand."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation_scenes import (
    AT,
    BOX,
    TRIANGLE,
    crowd_of,
    document,
    people_at,
    result,
    sample,
    triplets,
)
from heatpose import formats
from heatpose.datasets.samples import KeypointDataset
from heatpose.evaluation import CocoReport, evaluate_coco
from heatpose.results import Hands
from heatpose.skeletons import AIC14, COCO17, COCO18, HAND21, WHOLEBODY133, Skeleton

SEEN = [2, 2, 2]
TWO = document((1, AT, SEEN), (2, AT, SEEN))


def test_perfect_predictions_get_1() -> None:
    report = evaluate_coco([result(1, AT), result(2, AT, 0.5)], TWO, TRIANGLE)
    scores = report.scores
    assert (scores.people, scores.predictions, report.images) == (2, 2, 2)
    large = {"AP", "AP50", "AP75", "AP_L", "AR", "AR50", "AR75", "AR_L"}
    for name, value in report.numbers().items():
        assert value == pytest.approx(1 if name in large else -1), name


def test_an_invented_person_before_a_found_one_halves_the_precision() -> None:
    found = [result(1, AT + 1000, 0.95), result(2, AT, 0.9)]
    scores = evaluate_coco(found, TWO, TRIANGLE).scores
    # One of two is found, as the second guess: precision 1/2 at the recalls 0, 0.01, ..., 0.5.
    assert scores.ar == pytest.approx(0.5)
    assert scores.ap == pytest.approx(51 * 0.5 / 101)


def test_the_similarity_decides_how_many_thresholds_count() -> None:
    # OKS exp(-0.3) = 0.741: right at 0.5, 0.55, ..., 0.7, which are five of the ten.
    shift = np.sqrt(0.3 * 2 * 10000) * 2 * np.array([[0.1, 0], [0.05, 0], [0.05, 0]])
    one = document((1, AT, SEEN), images=1)
    scores = evaluate_coco([result(1, AT + shift)], one, TRIANGLE).scores
    assert (scores.ap50, scores.ap75) == pytest.approx((1, 0))
    assert (scores.ap, scores.ar) == pytest.approx((0.5, 0.5))


def test_photos_without_predictions_count_and_people_without_labels_do_not() -> None:
    truth = document((1, AT, SEEN), (1, AT, [0, 0, 0]), (2, AT, SEEN))
    scores = evaluate_coco([result(1, AT), result(1, AT + 1, 0.3)], truth, TRIANGLE).scores
    assert scores.people == 2
    # The second guess lies on the person without labels: neither right nor wrong.
    assert (scores.ar, scores.ap) == pytest.approx((0.5, 51 / 101))


def test_crowds_do_not_count() -> None:
    truth = document((1, AT, SEEN), (1, AT, SEEN))
    truth["annotations"][1]["iscrowd"] = 1
    scores = evaluate_coco([result(1, AT)], truth, TRIANGLE).scores
    assert (scores.people, scores.ar) == (1, 1)


def test_a_missing_keypoint_is_wrong_even_where_files_would_put_it() -> None:
    corner = AT.copy()
    corner[0] = 0
    lost = corner.copy()
    lost[0] = np.nan
    truth = document((1, corner, SEEN), images=1)
    # OKS 2/3 is right at 0.5, 0.55, 0.6, 0.65.
    assert evaluate_coco({1: people_at([lost])}, truth, TRIANGLE).scores.ap == pytest.approx(0.4)
    assert evaluate_coco([result(1, lost)], truth, TRIANGLE).scores.ap == pytest.approx(0.4)
    written = formats.to_coco(people_at([lost]), image_id=1)
    assert evaluate_coco(written, truth, TRIANGLE).scores.ap == pytest.approx(1)


def test_people_files_lists_and_samples_give_the_same_numbers(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    truth = crowd_of(1, 8)
    whole = document(*((1 + k % 2, points, SEEN) for k, points in enumerate(truth)))
    for entry, points in zip(whole["annotations"], truth, strict=True):
        low, high = points.min(axis=0), points.max(axis=0)
        entry["bbox"] = [*low, *(high - low)]
        entry["area"] = float(np.prod(high - low))
    guesses = np.round(truth + random.normal(0, 4, truth.shape), 3)
    guesses[3, 0] = np.nan
    found = {1: people_at(guesses[::2]), 2: people_at(guesses[1::2])}
    entries = [
        entry for key, people in found.items() for entry in formats.to_coco(people, image_id=key)
    ]
    (tmp_path / "truth.json").write_text(json.dumps(whole))
    (tmp_path / "found.json").write_text(json.dumps(entries))
    samples = [sample(1, *truth[::2]), sample(2, *truth[1::2])]
    dataset = KeypointDataset("triangles", TRIANGLE, samples)
    wanted = evaluate_coco(entries, whole, TRIANGLE)
    assert 0.1 < wanted.scores.ap < 0.95
    for predictions, true in (
        (found, whole),
        (tmp_path / "found.json", tmp_path / "truth.json"),
        (entries, samples),
        (found, dataset),
    ):
        got = evaluate_coco(predictions, true, TRIANGLE)
        assert got.numbers() == pytest.approx(wanted.numbers(), abs=1e-6)


def test_regions_of_samples_forgive_who_is_found_there() -> None:
    photo = sample(1, AT)
    crowd = np.float32([300, 100, 400, 200])
    there = type(photo)(photo.path, 1, photo.annotations, None, (crowd,))
    found = [result(1, AT + np.array([250, 0]), 0.9), result(1, AT, 0.5)]
    assert evaluate_coco(found, [photo], TRIANGLE).scores.ap == pytest.approx(0.5)
    assert evaluate_coco(found, [there], TRIANGLE).scores.ap == pytest.approx(1)


def test_image_ids_choose_the_photos() -> None:
    found = [result(1, AT), result(2, AT + 1000)]
    assert evaluate_coco(found, TWO, TRIANGLE, image_ids=[1]).scores.ap == pytest.approx(1)
    assert evaluate_coco(found, TWO, TRIANGLE, image_ids=[2]).scores.ap == 0
    with pytest.raises(ValueError, match="image_ids has 1 that are not annotated, such as 7"):
        evaluate_coco(found, TWO, TRIANGLE, image_ids=[1, 7])
    with pytest.raises(ValueError, match="image_ids are empty"):
        evaluate_coco(found, TWO, TRIANGLE, image_ids=[])


def test_names_of_photos_may_be_words() -> None:
    truth = {**TWO, "images": [{"id": "a"}, {"id": "b"}]}
    truth["annotations"] = [
        {**entry, "image_id": key} for entry, key in zip(TWO["annotations"], "ab", strict=True)
    ]
    people = people_at([AT])
    assert evaluate_coco({"b": people, "a": people}, truth, TRIANGLE).scores.ap == pytest.approx(1)


def test_areas_come_from_the_annotation_or_from_the_box() -> None:
    truth = document((1, AT, SEEN), images=1)
    truth["annotations"][0]["area"] = 1000.0  # less than 32^2: neither medium nor large
    found = [result(1, AT + 3)]
    small = evaluate_coco(found, truth, TRIANGLE).scores
    boxes = evaluate_coco(found, truth, TRIANGLE, use_area=False).scores
    assert (small.ap_medium, small.ap_large) == (-1, -1)
    assert boxes.ap_medium == boxes.ap > small.ap  # 0.53 of 10,000
    del truth["annotations"][0]["area"]
    with pytest.raises(ValueError, match="annotation 10 of annotations has no area; use_area=Fal"):
        evaluate_coco(found, truth, TRIANGLE)
    assert evaluate_coco(found, truth, TRIANGLE, use_area=False).scores == boxes
    del truth["annotations"][0]["bbox"]
    with pytest.raises(ValueError, match="has no box to take its area from"):
        evaluate_coco(found, truth, TRIANGLE, use_area=False)


def test_people_whom_nobody_matches_count_by_their_own_size() -> None:
    truth = document((1, AT, SEEN), images=1)
    found = [result(1, AT), result(1, AT + 1000, 0.95)]
    assert evaluate_coco(found, truth, TRIANGLE).scores.ap_large == pytest.approx(0.5)
    found[1]["bbox"] = [0, 0, 10, 10]
    scores = evaluate_coco(found, truth, TRIANGLE).scores
    assert (scores.ap, scores.ap_large) == pytest.approx((0.5, 1))


def whole_body(thirds: float = 2, **parts: float) -> dict[str, Any]:
    """An annotation or a result of 133 keypoints in a row, visible or scored by part."""
    counts = {
        "keypoints": 17, "foot_kpts": 6, "face_kpts": 68, "lefthand_kpts": 21, "righthand_kpts": 21,
    }  # fmt: skip
    points = np.stack([np.arange(133.0), np.arange(133.0) ** 1.1], axis=1)
    entry: dict[str, Any] = {"image_id": 1, "category_id": 1}
    for field, count in counts.items():
        flags = [parts.get(field, thirds)] * count
        entry[field] = triplets(points[:count], flags)
        points = points[count:]
    return entry


def test_the_parts_of_a_whole_body_get_numbers_of_their_own() -> None:
    truth = whole_body(lefthand_kpts=0) | {"id": 0, "bbox": BOX, "area": 1e4}
    annotations = {"images": [{"id": 1}], "annotations": [truth]}
    found = whole_body(0.7, foot_kpts=0) | {"score": 0.8}
    found["face_kpts"] = (np.array(found["face_kpts"]) + 1000).tolist()
    report = evaluate_coco([found], annotations, WHOLEBODY133)
    assert list(report.parts) == ["body", "feet", "face", "left_hand", "right_hand", "whole"]
    assert report["body"].ap == report["right_hand"].ap == pytest.approx(1)
    assert report["face"].ap == 0
    assert (report["left_hand"].ap, report["left_hand"].people) == (-1, 0)
    # Feet whose scores are all 0 are not looked at.
    assert (report["feet"].ar, report["feet"].predictions) == (0, 0)
    assert report.scores == report["whole"] and report["whole"].ap < 1
    assert report.numbers()["body/AP"] == report["body"].ap
    together = evaluate_coco([found], annotations, WHOLEBODY133, kind="coco")
    assert list(together.parts) == ["keypoints"]
    assert together.scores.ap == pytest.approx(report["whole"].ap)
    with pytest.raises(ValueError, match="no part 'foot' was judged; there is body, feet"):
        report["foot"]


def test_a_part_may_have_a_score_of_its_own() -> None:
    annotation = whole_body() | {"id": 5, "bbox": BOX, "area": 1e4}
    annotations = {"images": [{"id": 1}], "annotations": [annotation]}
    right, wrong = whole_body(1.0), whole_body(1.0)
    for field in ("keypoints", "face_kpts"):
        wrong[field] = (np.array(wrong[field]) + 1000).tolist()
    found = [right | {"score": 0.9, "face_score": 0.1}, wrong | {"score": 0.5}]
    report = evaluate_coco(found, annotations, WHOLEBODY133)
    assert report["body"].ap == pytest.approx(1)
    assert report["face"].ap == pytest.approx(0.5)


def test_ai_challenger_takes_areas_from_boxes() -> None:
    points = np.random.default_rng(0).uniform(0, 300, (14, 2))
    entry = {"id": 1, "image_id": 1, "bbox": [0, 0, 300, 300]}
    truth = {
        "images": [{"id": 1}],
        "annotations": [entry | {"keypoints": triplets(points, [1] * 14)}],
    }
    report = evaluate_coco([result(1, points)], truth, AIC14)
    assert (report.kind, report.scores.ap) == ("aic", pytest.approx(1))


def test_larger_skeletons_are_cut_down_and_hands_are_people() -> None:
    random = np.random.default_rng(1)
    points = random.uniform(0, 300, (1, 18, 2))
    picks = [COCO18.index(name) for name in COCO17.keypoints]
    truth = {
        "images": [{"id": 1}],
        "annotations": [
            {"id": 1, "image_id": 1, "bbox": [0, 0, 300, 300], "area": 4e4,
             "keypoints": triplets(points[0, picks], [2] * 17)}
        ],
    }  # fmt: skip
    found = {1: people_at(points, skeleton=COCO18)}
    assert evaluate_coco(found, truth, COCO17).scores.ap == pytest.approx(1)
    hand = np.float32(random.uniform(0, 300, (1, 21, 2)))
    hands = Hands(
        hand, np.full((1, 21), 0.5, np.float32), np.float32([0.5]), np.float32([[0, 0, 300, 300]]),
        (None,), np.array([-1]), HAND21, (300, 300),
    )  # fmt: skip
    assert evaluate_coco({1: hands}, [sample(1, hand[0])], HAND21).scores.ap == pytest.approx(1)


def test_nobody_found_is_0_and_no_predictions_at_all_are_an_error() -> None:
    nobody = people_at(np.empty((0, 3, 2)))
    scores = evaluate_coco({1: nobody}, TWO, TRIANGLE).scores
    assert (scores.ap, scores.ar) == (0, 0)
    with pytest.raises(ValueError, match="predictions are empty: no photo was looked at"):
        evaluate_coco({}, TWO, TRIANGLE)
    with pytest.raises(ValueError, match="predictions are empty: no COCO results in them"):
        evaluate_coco([], TWO, TRIANGLE)


BARE = Skeleton(name="bare", keypoints=("a",), limbs=())
TURNED = {**TWO, "categories": [{"id": 1, "keypoints": ["Left foot", "top", "right_foot"]}]}
LONGER = {**TWO, "categories": [{"id": 1, "keypoints": ["a", "b", "c", "d"]}]}
ONE = [result(1, AT)]


@pytest.mark.parametrize(
    ("predictions", "annotations", "skeleton", "message"),
    [
        (ONE, TWO, BARE, "bare has no oks_sigmas"),
        (ONE, TURNED, TRIANGLE, "keypoints of triangle in another order: .*left_foot"),
        (ONE, LONGER, TRIANGLE, "annotations has 4 keypoints, triangle has 3: a, b, c, d"),
        (ONE, {**TWO, "categories": []}, COCO17, "annotation 10 of .* must have 17 keypoints"),
        (ONE, {"images": []}, TRIANGLE, "no list 'annotations'"),
        (ONE, {**TWO, "images": [{"id": 1}]}, TRIANGLE, "annotation 11 .* unknown image 2"),
        (ONE, document((1, AT, SEEN), keypoints=[1e400] * 9), TRIANGLE, "finite keypoints"),
        (ONE, [sample(1, AT), sample(1, AT)], TRIANGLE, "1 comes twice"),
        (ONE, [sample(1, AT[:2])], TRIANGLE, "annotation 0 of image 1 has 2 keypoints"),
        (ONE, KeypointDataset("x", HAND21, []), TRIANGLE, "of hand21, not of triangle"),
        (ONE, [], TRIANGLE, "annotations are empty"),
        ([result(9, AT)], TWO, TRIANGLE, "1 images that are not annotated: 9; .* know 1, 2"),
        ({"1": people_at([AT])}, TWO, TRIANGLE, "not annotated: '1'; the annotations know 1, 2"),
        ([result(1, AT[:2])], TWO, TRIANGLE, "result 0 of predictions must have 3 keypoints"),
        ([result(1, AT, np.nan)], TWO, TRIANGLE, "result 0 .* must have finite scores"),
        ([{"image_id": 1}], TWO, TRIANGLE, "result 0 of predictions has no 'score'"),
        ([{"image_id": 1, "score": 1}], TWO, TRIANGLE, "has no 'keypoints', which triangle needs"),
        ([{**ONE[0], "category_id": 2}], TWO, TRIANGLE, "of category 2, the annotations of 1"),
        ({1: people_at([AT])}, document((1, np.zeros((17, 2)), [2] * 17)) | {"categories": []},
         COCO17, "of triangle, which lacks 17 keypoints of coco17: nose, left_eye"),
    ],
)  # fmt: skip
def test_errors_say_what_does_not_fit(
    predictions: Any, annotations: Any, skeleton: Skeleton, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_coco(predictions, annotations, skeleton)


@pytest.mark.parametrize(
    ("images", "annotations", "message"),
    [
        ([{"file_name": "a.jpg"}], [], "images without an id"),
        ([3], [], r"images\[0\] of annotations must be an object, got 3"),
        ([{"id": 1}], ["x"], r"annotations\[0\] of annotations must be an object, got 'x'"),
        (
            [{"id": 1}],
            [{"id": 7, "image_id": 1, "bbox": [1, 2]}],
            "annotation 7 of .* four numbers",
        ),
    ],
)
def test_bad_entries_of_a_file_are_named(
    images: list[Any], annotations: list[Any], message: str
) -> None:
    for entry in annotations:
        if isinstance(entry, dict):
            entry["keypoints"] = [0] * 9
    with pytest.raises(ValueError, match=message):
        evaluate_coco(ONE, {"images": images, "annotations": annotations}, TRIANGLE)


def test_errors_of_types_kinds_and_files(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="skeleton must be a Skeleton, got str"):
        evaluate_coco(ONE, TWO, "coco17")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="predictions must be people by image id or a list"):
        evaluate_coco(3, TWO, TRIANGLE)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="predictions of image 1 must be People or Hands"):
        evaluate_coco({1: 3}, TWO, TRIANGLE)  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="result 0 of predictions must be a COCO result, got int"):
        evaluate_coco([3], TWO, TRIANGLE)  # type: ignore[list-item]
    with pytest.raises(TypeError, match="annotations must be samples, got int"):
        evaluate_coco(ONE, [3], TRIANGLE)  # type: ignore[list-item]
    with pytest.raises(TypeError, match="annotations must be a file, its document or samples"):
        evaluate_coco(ONE, 3, TRIANGLE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="kind must be one of coco, wholebody, aic, got 'crowd'"):
        evaluate_coco(ONE, TWO, TRIANGLE, kind="crowd")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"kind 'wholebody' needs .* not triangle"):
        evaluate_coco(ONE, TWO, TRIANGLE, kind="wholebody")
    with pytest.raises(FileNotFoundError):
        evaluate_coco(tmp_path / "none.json", TWO, TRIANGLE)
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ValueError, match=r"broken\.json is not JSON"):
        evaluate_coco(ONE, tmp_path / "broken.json", TRIANGLE)
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(ValueError, match=r"list\.json holds no COCO annotations"):
        evaluate_coco(ONE, tmp_path / "list.json", TRIANGLE)


def test_without_the_library_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    with pytest.raises(ImportError, match=r"pip install 'heatpose\[evaluate\]'"):
        evaluate_coco(ONE, TWO, TRIANGLE)


def test_reports_print_and_are_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = evaluate_coco(ONE, TWO, TRIANGLE)
    assert capsys.readouterr().out == ""
    lines = str(report).splitlines()
    assert lines[0] == "OKS, coco, triangle, 2 photos"
    assert lines[1].split() == ["part", *report.numbers(), "people", "found"]
    assert lines[3].split()[:5] == ["keypoints", "0.5050", "0.5050", "0.5050", "-"]
    report.save_json(tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text())
    assert read == report.to_dict()
    assert read["parts"]["keypoints"]["AP"] == report.scores.ap
    assert read["parts"]["keypoints"]["people"] == 2


def noisy(seed: int, sigma: float, people: int = 12) -> CocoReport:
    random = np.random.default_rng(seed)
    truth = crowd_of(seed, people)
    annotations = document(*((1, points, SEEN) for points in truth), images=1)
    guesses = truth + random.normal(0, sigma, truth.shape)
    found = [result(1, points, random.random()) for points in guesses]
    return evaluate_coco(found, annotations, TRIANGLE)


def test_more_noise_is_worse_on_average() -> None:
    means = [
        np.mean([noisy(seed, sigma).scores.ap for seed in range(8)]) for sigma in (0, 3, 8, 20)
    ]
    assert means[0] == pytest.approx(1)
    assert all(better > worse for better, worse in pairwise(means))


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_the_order_of_annotations_and_predictions_does_not_matter(data: st.DataObject) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 1000)))
    truth = crowd_of(7, 6)
    people = [(1 + k % 3, points, SEEN) for k, points in enumerate(truth)]
    guesses = [
        result(image, points + random.normal(0, 6, (3, 2)), score)
        for (image, points, _), score in zip(people, random.permutation(6) / 6, strict=True)
    ]
    wanted = evaluate_coco(guesses, document(*people, images=3), TRIANGLE).numbers()
    moved = data.draw(st.permutations(people))
    shuffled = data.draw(st.permutations(guesses))
    got = evaluate_coco(shuffled, document(*moved, images=3), TRIANGLE).numbers()
    assert got == pytest.approx(wanted, abs=1e-12)
