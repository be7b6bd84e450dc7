"""The body estimator on real photos with the real network, against the recorded decodings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from heatpose import media
from heatpose.estimators import BodyEstimator
from heatpose.results import People

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def body(shared_data: Path) -> Path:
    return shared_data / "body"


@pytest.fixture(scope="module")
def weights(body: Path) -> Path:
    return body / "model" / "openpose_mobilenet_v2_small.safetensors"


def read_golden(path: Path) -> dict[str, Any]:
    golden: dict[str, Any] = json.loads(path.read_text())
    return golden


def recorded_points(person: dict[str, Any]) -> Floats:
    """float64 [18, 2] of a recorded person, NaN where missing."""
    return np.array([k[:2] if k else (np.nan, np.nan) for k in person["keypoints"]], np.float64)


def distances_to(people: People, person: dict[str, Any]) -> Floats:
    """Distance in px from each keypoint of a recorded person to ours, inf where we have none.

    Ours is the one of ``people`` with the most keypoints at the same pixels.
    """
    want = recorded_points(person)
    distances = np.linalg.norm(people.keypoints - want, axis=-1)
    nearest: Floats = distances[(distances < 2).sum(axis=1).argmax(), np.isfinite(want[:, 0])]
    return np.where(np.isnan(nearest), np.inf, nearest)


def test_people_are_found_where_the_recordings_have_people(body: Path, weights: Path) -> None:
    estimator = BodyEstimator("mobilenet-v2-small", weights=weights, device="cpu")
    photos = sorted((body / "photos").glob("*.jpg"))
    assert len(photos) == 12
    for path, people in zip(photos, estimator(photos), strict=True):
        inputs = read_golden(body / "golden" / f"{path.stem}.json")["inputs"]
        counts = {size: len(one["openpose_python"]["people"]) for size, one in inputs.items()}
        print(f"{path.stem}: {len(people)} people; recorded at other input sizes: {counts}")
        height, width = people.canvas
        assert people.canvas == media.read_image(path).shape[:2]
        found = people.keypoints[people.visible]
        assert ((found >= 0) & (found <= (width - 1, height - 1))).all()
        if max(counts.values()) == 0:
            assert len(people) == 0
        if min(counts.values()) > 0:
            assert len(people) > 0


def test_a_batch_of_photos_answers_as_one_by_one(body: Path, weights: Path) -> None:
    photos = sorted((body / "photos").glob("*.jpg"))[:6]
    estimator = BodyEstimator("auto", weights=weights, device="cpu", batch_size=6)
    for path, together in zip(photos, estimator(photos), strict=True):
        alone = estimator(path)
        np.testing.assert_array_equal(together.keypoints, alone.keypoints)
        np.testing.assert_allclose(together.scores, alone.scores, rtol=1e-5)
        np.testing.assert_allclose(together.person_scores, alone.person_scores, rtol=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        "COCO_val2014_000000000192",
        "COCO_val2014_000000000415",
        "COCO_val2014_000000000488_padY",
        "ski",
    ],
)
def test_the_scale_search_finds_the_recorded_people(body: Path, weights: Path, name: str) -> None:
    golden = read_golden(body / "golden" / f"multiscale__{name}.json")
    estimator = BodyEstimator(
        "auto", weights=weights, device="cpu", scales=golden["scale_search"], box=368
    )
    people = estimator(body / golden["photo"])
    recorded = golden["mean"]["people"]
    distances = np.concatenate([distances_to(people, person) for person in recorded])
    print(
        f"{name}: {len(people)} people, recorded {len(recorded)}; of {len(distances)} keypoints "
        f"{(distances == 0).mean():.1%} at the same pixel, the farthest {distances.max():.2f} px"
    )
    # The recording decodes float16 maps, and its photos were resized by OpenCV: a pixel may move.
    assert len(people) == len(recorded)
    assert (distances == 0).mean() > 0.9
    assert distances.max() < 2
