"""OKS by hand, non-maximum suppression, and scores of people found in boxes."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation_scenes import AT, TRIANGLE, people_at
from heatpose.evaluation import oks, oks_nms, rescore
from heatpose.results import People
from heatpose.skeletons import HAND21, Skeleton

ALL = [[True] * 3]


def test_oks_is_one_where_the_points_coincide_and_falls_as_a_gaussian() -> None:
    moved = AT + np.array([[20, 0], [0, 10], [0, 0]])
    got = oks([AT, moved], [AT], ALL, [10000], sigmas=TRIANGLE.oks_sigmas)
    # 20^2 / (2 * 10000 * 0.2^2) = 0.5, and so is 10^2 / (2 * 10000 * 0.1^2).
    np.testing.assert_allclose(got, [[1], [(2 * np.exp(-0.5) + 1) / 3]], rtol=1e-12)


def test_oks_counts_labelled_keypoints_alone_and_a_missing_one_as_0() -> None:
    lost = AT.copy()
    lost[0] = np.nan
    far = AT.copy()
    far[2] = 1e5
    labelled = [[True, True, False]]
    truth = AT.copy()
    truth[2] = np.nan
    got = oks([lost, far], [truth], labelled, [10000], sigmas=TRIANGLE.oks_sigmas)
    np.testing.assert_allclose(got, [[0.5], [1]], rtol=1e-12)


def test_people_without_labels_are_near_whoever_lies_around_their_box() -> None:
    box = [[100.0, 100.0, 200.0, 200.0]]
    # The box grows by its own size: 0..300. The last keypoint is 20 px outside.
    points = [[[0.0, 0.0], [300.0, 300.0], [150.0, 310.0]]]
    nothing = [[False] * 3]
    got = oks(points, [AT], nothing, [10000], sigmas=TRIANGLE.oks_sigmas, boxes=box)
    np.testing.assert_allclose(got, [[(2 + np.exp(-0.5)) / 3]], rtol=1e-12)
    assert oks(points, [AT], nothing, [10000], sigmas=TRIANGLE.oks_sigmas)[0, 0] == 0


def test_nobody_is_similar_to_nobody() -> None:
    empty = np.empty((0, 3, 2))
    assert oks(empty, [AT], ALL, [1], sigmas=TRIANGLE.oks_sigmas).shape == (0, 1)
    none = oks([AT], empty, np.empty((0, 3)), [], sigmas=TRIANGLE.oks_sigmas)
    assert none.shape == (1, 0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"predicted": np.zeros((1, 2, 2))}, r"predicted must be \[people, 3, 2\]"),
        ({"labelled": [[True] * 2]}, r"labelled must be \[1, 3\]"),
        ({"areas": [1, 2]}, r"areas must be \[1\]"),
        ({"areas": [-1]}, "areas must be 0 or more"),
        ({"areas": [np.nan]}, "areas must be 0 or more"),
    ],
)
def test_oks_refuses(changed: dict[str, object], message: str) -> None:
    given = {"predicted": [AT], "truth": [AT], "labelled": ALL, "areas": [1.0]}
    with pytest.raises(ValueError, match=message):
        oks(**(given | changed), sigmas=TRIANGLE.oks_sigmas)  # type: ignore[arg-type]


def naive_nms(people: People, areas: list[float], threshold: float) -> list[int]:
    """The published loop, a pair at a time."""
    order, keep = list(range(len(people))), []
    while order:
        best = order.pop(0)
        keep.append(best)
        rest = []
        for other in order:
            total = 0.0
            for k, sigma in enumerate(TRIANGLE.oks_sigmas):
                dx, dy = (people.keypoints[best, k] - people.keypoints[other, k]).astype(float)
                area = (areas[best] + areas[other]) / 2
                total += np.exp(-(dx * dx + dy * dy) / (2 * sigma) ** 2 / area / 2)
            if total / 3 <= threshold:
                rest.append(other)
        order = rest
    return keep


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.9])
def test_nms_leaves_what_the_published_loop_leaves(threshold: float) -> None:
    random = np.random.default_rng(5)
    people = people_at(AT + random.normal(0, 8, (30, 3, 2)))
    areas = random.uniform(5000, 15000, 30)
    kept = oks_nms(people, areas, threshold=threshold)
    wanted = naive_nms(people, areas.tolist(), threshold)
    assert 0 < len(wanted) < 30
    np.testing.assert_array_equal(kept.keypoints, people.keypoints[wanted])


def test_nms_compares_keypoints_that_either_has() -> None:
    half, other = AT.copy(), AT.copy()
    half[2] = np.nan
    other[:2] = np.nan
    people = people_at([AT, half, half, other])
    # Two of three agree with the first; the third is as the second; the last shares one.
    assert len(oks_nms(people, [1e4] * 4, threshold=0.9)) == 3
    assert len(oks_nms(people, [1e4] * 4, threshold=0.6)) == 2
    assert len(oks_nms(people, [1e4] * 4, threshold=0.3)) == 1
    assert len(oks_nms(People.empty(TRIANGLE, (3, 4)), [])) == 0


def test_nms_needs_sigmas_and_areas() -> None:
    bare = Skeleton(name="bare", keypoints=("a", "b", "c"), limbs=())
    with pytest.raises(ValueError, match="bare has no oks_sigmas"):
        oks_nms(people_at([AT], skeleton=bare), [1.0])
    assert len(oks_nms(people_at([AT, AT], skeleton=bare), [1.0, 1.0], sigmas=(0.1,) * 3)) == 1
    with pytest.raises(ValueError, match="sigmas must be 3 numbers, got 2"):
        oks_nms(people_at([AT]), [1.0], sigmas=(0.1, 0.1))
    with pytest.raises(ValueError, match=r"areas must be \[1\], got \[2\]"):
        oks_nms(people_at([AT]), [1.0, 2.0])


def test_new_scores_are_the_box_s_times_the_mean_of_the_good_keypoints_s() -> None:
    keypoints = np.float32([AT, AT + 5, AT + 9])
    scores = np.float32([[0.8, 0.4, 0.1], [0.9, 0.9, 0.9], [0.2, 0.2, 0.2]])
    people = People(keypoints, scores, np.float32([3, 2, 1]), TRIANGLE, (300, 400))
    new = rescore(people, [0.9, 1.0, 0.8])
    np.testing.assert_allclose(new.person_scores, [0.9, 0.9 * 0.6, 0], rtol=1e-6)
    np.testing.assert_array_equal(new.keypoints, keypoints[[1, 0, 2]])
    np.testing.assert_array_equal(new.scores, scores[[1, 0, 2]])
    lower = rescore(people, [0.9, 1.0, 0.8], threshold=0.05)
    np.testing.assert_allclose(lower.person_scores[1], 0.9 * 1.3 / 3, rtol=1e-6)
    with pytest.raises(ValueError, match=r"box_scores must be \[3\]"):
        rescore(people, [1.0])
    with pytest.raises(ValueError, match="box_scores must be finite"):
        rescore(people, [1.0, np.inf, 1.0])
    assert len(rescore(People.empty(HAND21, (3, 4)), [])) == 0
