"""The adapters for OpenPose's programs on maps of a CUDA device against those on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cuda_support import cpu_backend
from heatpose import demo
from heatpose.adapters import controlnet_aux, openpose, paddlehub, pytorch_openpose
from heatpose.skeletons import COCO18

CANVAS = (368, 480)
DECODERS: dict[str, Callable[..., Any]] = {
    "pytorch_openpose": pytorch_openpose.decode_body,
    "paddlehub": paddlehub.decode_body,
    "controlnet_aux": controlnet_aux.decode_body,
}


def planted(people: int) -> tuple[Any, Any]:
    return demo.planted_crowd(people, cells=(46, 60), canvas=CANVAS, seed=people)[:2]


@pytest.mark.parametrize("people", [0, 4])
@pytest.mark.parametrize("project", DECODERS)
def test_bodies(put: Callable[..., Any], project: str, people: int) -> None:
    maps = [one[None] for one in planted(people)]
    with cpu_backend():
        wanted = DECODERS[project](*maps, CANVAS)
    assert len(wanted[1]) == people
    for got, want in zip(DECODERS[project](*map(put, maps), CANVAS), wanted, strict=True):
        assert isinstance(got, np.ndarray) and got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def test_the_rules_of_openpose(put: Callable[..., Any]) -> None:
    maps = planted(4)
    with cpu_backend():
        wanted = openpose.decode_body(*maps, CANVAS, skeleton=COCO18, part_candidates=True)
    found = openpose.decode_body(*map(put, maps), CANVAS, skeleton=COCO18, part_candidates=True)
    assert len(wanted.poseKeypoints) == 4
    np.testing.assert_allclose(found.poseKeypoints, wanted.poseKeypoints, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(found.poseScores, wanted.poseScores, rtol=1e-5)
    for got, want in zip(found.poseCandidates, wanted.poseCandidates, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("project", [pytorch_openpose, controlnet_aux])
def test_hands(put: Callable[..., Any], project: Any) -> None:
    maps = [np.repeat(planted(2)[0], 2, 0)[:22, :side, :side] for side in (23, 46)]
    with cpu_backend():
        wanted = project.decode_hand(maps, (200, 190))
    found = project.decode_hand([put(one) for one in maps], (200, 190))
    assert wanted.any()
    np.testing.assert_array_equal(found, wanted)
