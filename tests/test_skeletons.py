"""Skeletons: the tables that networks, decoders and drawings rely on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from heatpose import skeletons
from heatpose.skeletons import (
    AIC14,
    BODY25,
    BY_NAME,
    COCO17,
    COCO18,
    FACE70,
    HAND21,
    WHOLEBODY133,
    Skeleton,
)

ALL = list(BY_NAME.values())


@pytest.mark.parametrize(
    ("skeleton", "keypoints", "heatmaps", "pafs"),
    [
        (COCO18, 18, 19, 38),
        (BODY25, 25, 26, 52),
        (AIC14, 14, 15, 30),
        (COCO17, 17, 17, 0),
        (HAND21, 21, 21, 0),
        (FACE70, 70, 70, 0),
        (WHOLEBODY133, 133, 133, 0),
    ],
    ids=lambda value: value.name if isinstance(value, Skeleton) else str(value),
)
def test_channel_counts(skeleton: Skeleton, keypoints: int, heatmaps: int, pafs: int) -> None:
    assert skeleton.num_keypoints == keypoints
    assert skeleton.num_heatmaps == heatmaps
    assert skeleton.num_pafs == pafs


@pytest.mark.parametrize("skeleton", ALL, ids=lambda skeleton: skeleton.name)
def test_tables_are_complete(skeleton: Skeleton) -> None:
    assert len(skeleton.oks_sigmas) == len(skeleton.keypoint_colors) == skeleton.num_keypoints
    assert len(skeleton.limb_colors) == len(skeleton.limbs)
    assert {type(value) for pair in skeleton.limbs for value in pair} == {int}
    hash(skeleton)  # decoders cache by skeleton
    assert skeletons.BY_NAME[skeleton.name] is skeleton


@pytest.mark.parametrize("skeleton", ALL, ids=lambda skeleton: skeleton.name)
def test_mirrored_limbs_are_limbs(skeleton: Skeleton) -> None:
    limbs = {frozenset(limb) for limb in skeleton.limbs}
    assert {frozenset(skeleton.flip[k] for k in limb) for limb in limbs} == limbs


@pytest.mark.parametrize("skeleton", [COCO18, BODY25, AIC14], ids=lambda skeleton: skeleton.name)
def test_limbs_that_start_people_form_a_tree(skeleton: Skeleton) -> None:
    """Without the loop-closing limbs, every keypoint is reached in exactly one way."""
    starting = [
        limb for i, limb in enumerate(skeleton.limbs) if i not in skeleton.non_starting_limbs
    ]
    assert len(starting) == skeleton.num_keypoints - 1
    reached = {starting[0][0]}
    for _ in starting:
        reached |= {k for limb in starting if set(limb) & reached for k in limb}
    assert reached == set(range(skeleton.num_keypoints))


def test_coco18_matches_the_published_table(shared_data: Path) -> None:
    channels = json.loads((shared_data / "body/model/channels.json").read_text())
    assert [list(limb) for limb in COCO18.limbs] == channels["limbs_part_pairs"]
    assert [list(xy) for xy in COCO18.paf_channels] == channels["paf_channels_xy_for_each_limb"]
    sides = {"R": "right_", "L": "left_"}
    names = [
        sides[part[0]] + part[1:].lower()
        if part[0] in sides and part[1].isupper()
        else part.lower()
        for part in channels["parts"]
    ]
    assert list(COCO18.keypoints) == names


def test_coco18_loop_closing_limbs_join_shoulder_and_ear() -> None:
    names = [[COCO18.keypoints[k] for k in COCO18.limbs[i]] for i in COCO18.non_starting_limbs]
    assert names == [["right_shoulder", "right_ear"], ["left_shoulder", "left_ear"]]


def test_flip_swaps_left_and_right() -> None:
    assert COCO18.flip[COCO18.index("left_knee")] == COCO18.index("right_knee")
    assert COCO18.flip[COCO18.index("neck")] == COCO18.index("neck")
    assert HAND21.flip == tuple(range(21))
    assert COCO17.flip == (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)


def test_wholebody_flip_mirrors_face_and_hands() -> None:
    flip = WHOLEBODY133.flip
    assert [flip[k] for k in (23, 31, 40, 53, 54, 59, 63, 64, 71, 78, 83, 90)] == [
        39, 31, 49, 53, 58, 68, 70, 69, 77, 82, 87, 88,
    ]  # fmt: skip
    assert [flip[k] for k in range(91, 112)] == list(range(112, 133))
    assert [flip[k] for k in range(17, 23)] == [20, 21, 22, 17, 18, 19]


def test_faces_mirror_alike() -> None:
    assert FACE70.flip[68:] == (69, 68)
    assert FACE70.keypoints[68:] == ("right_pupil", "left_pupil")
    face = WHOLEBODY133.part("face")
    assert FACE70.flip[:68] == tuple(k - face.start for k in WHOLEBODY133.flip[face])
    assert FACE70.keypoints[:68] == WHOLEBODY133.keypoints[face]


def test_contours_of_a_face_run_along_it() -> None:
    """Each iBUG point is on one line, and lines join neighbours or close an eye or a mouth."""
    assert {k for limb in FACE70.limbs for k in limb} == set(range(68))
    steps = {(a, b) for a, b in FACE70.limbs if b != a + 1}
    assert steps == {(41, 36), (47, 42), (59, 48), (67, 60)}
    first = WHOLEBODY133.part("face").start
    assert WHOLEBODY133.limbs[-63:] == tuple((first + a, first + b) for a, b in FACE70.limbs)


def test_parts_are_runs_of_keypoints() -> None:
    ends = [WHOLEBODY133.part(name) for name, _ in WHOLEBODY133.parts]
    assert [(part.start, part.stop) for part in ends] == [
        (0, 17), (17, 23), (23, 91), (91, 112), (112, 133),
    ]  # fmt: skip
    names = WHOLEBODY133.keypoints
    assert {name[:9] for name in names[WHOLEBODY133.part("left_hand")]} == {"left_hand"}
    assert {name[:10] for name in names[WHOLEBODY133.part("right_hand")]} == {"right_hand"}
    assert HAND21.part("hand") == slice(0, 21)
    assert FACE70.part("face") == slice(0, 70)


def test_unknown_parts_are_named() -> None:
    message = "wholebody133 has no part 'tail'; its parts: body, feet, face, left_hand, right_hand"
    with pytest.raises(ValueError, match=message):
        WHOLEBODY133.part("tail")
    with pytest.raises(ValueError, match="coco18 has no part 'face'; its parts: none"):
        COCO18.part("face")


def test_wholebody_sigmas_come_from_their_parts() -> None:
    sigmas = WHOLEBODY133.oks_sigmas
    assert sigmas[:17] == COCO17.oks_sigmas
    assert sigmas[91:112] == sigmas[112:] == HAND21.oks_sigmas
    assert sum(sigmas[23:91]) == pytest.approx(1.137)


def _tiny(**changes: Any) -> Skeleton:
    fields: dict[str, Any] = {
        "name": "tiny",
        "keypoints": ("top", "left_end", "right_end"),
        "limbs": ((0, 1), (0, 2)),
    }
    return Skeleton(**(fields | changes))


def test_defaults_of_a_skeleton_of_ones_own() -> None:
    tiny = _tiny(keypoints=["top", "left_end", "right_end"], limbs=[[0, 1], [0, 2]])
    assert tiny.flip == (0, 2, 1)
    assert tiny.limb_colors == tiny.keypoint_colors[1:]
    assert tiny.oks_sigmas == ()
    assert tiny.num_pafs == 0
    assert dataclasses.replace(tiny, name="other").limbs == tiny.limbs
    hash(tiny)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoints": ()}, "at least one name"),
        ({"keypoints": ("a", "b", "a")}, "different names"),
        ({"limbs": ((0, 3),)}, "keypoints 0..2"),
        ({"limbs": ((1, 1),)}, "two keypoints"),
        ({"limbs": ((0, 1), (1, 0))}, "repeat a pair"),
        ({"paf_channels": ((0, 1),)}, "paf_channels must hold 2 entries, got 1"),
        ({"paf_channels": ((0, 1), (1, 2))}, "each of 0..3 once"),
        ({"non_starting_limbs": (2,)}, "indices of limbs"),
        ({"flip": (0, 1)}, "flip must hold 3 entries"),
        ({"flip": (0, 0, 1)}, "permutation"),
        ({"flip": (1, 2, 0)}, "own inverse"),
        ({"oks_sigmas": (0.1,)}, "oks_sigmas must hold 3 entries"),
        ({"oks_sigmas": (0.1, 0.0, 0.1)}, "between 0 and 1"),
        ({"keypoint_colors": ((0, 0, 0),)}, "keypoint_colors must hold 3 entries"),
        ({"parts": (("end", (0, 1)), ("end", (1, 2)))}, "parts must have different names"),
        ({"parts": (("end", (1, 4)),)}, "part end must lie within the 3 keypoints, got 1 to 4"),
        ({"parts": (("end", (1, 1)),)}, "got 1 to 1"),
        ({"parts": (("end", (-1, 2)),)}, "got -1 to 2"),
        ({"limb_colors": ((0, 0, 256), (0, 0, 0))}, "RGB 0..255"),
    ],
)
def test_fields_that_do_not_fit_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _tiny(**changes)


def test_unknown_keypoint_is_named() -> None:
    with pytest.raises(ValueError, match="coco18 has no keypoint 'tail'"):
        COCO18.index("tail")
