"""Arrays to write to, and decoders that queue their work."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import heatpose as hp
from heatpose import demo, ops
from heatpose.ops._outputs import to_host
from heatpose.ops._spaces import HostSpace, empty_block

CANVAS = (184, 240)


def scene(people: int = 2) -> tuple[Any, Any]:
    """Heatmaps and PAFs."""
    return demo.planted_crowd(people, cells=(46, 60), canvas=CANVAS, seed=3)[:2]


def same(one: Any, other: Any) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def peaks_like(peaks: ops.Peaks) -> ops.Peaks:
    return ops.Peaks(*(np.full_like(field, 77 % 2) for field in peaks))


@pytest.mark.parametrize("refine", ["none", "taylor"])
def test_peaks_are_written_where_asked(refine: str) -> None:
    heatmaps = scene()[0][:18]
    expected = ops.peaks_from_cells(heatmaps, CANVAS, refine=refine)
    out = peaks_like(expected)
    given = ops.peaks_from_cells(heatmaps, CANVAS, refine=refine, out=out)
    assert given is out
    same(out, expected)


def test_found_peaks_are_written_where_asked() -> None:
    maps = ops.resize_average(scene()[0], CANVAS)
    expected = ops.find_peaks(maps)
    out = peaks_like(expected)
    assert ops.find_peaks(maps, out=out) is out
    same(out, expected)


def test_people_are_written_where_asked() -> None:
    heatmaps, pafs = scene()
    skeleton = hp.skeletons.COCO18
    peaks = ops.peaks_from_cells(heatmaps[:18], CANVAS)
    arguments = (peaks, pafs, skeleton.limbs, skeleton.paf_channels, CANVAS)
    expected = ops.associate(*arguments)
    out = ops.Association(*(np.ones_like(field) for field in expected))
    assert ops.associate(*arguments, out=out) is out
    same(out, expected)


def test_hands_are_written_where_asked() -> None:
    maps = scene()[0]
    expected = ops.decode_hand_maps(maps, CANVAS)
    out = ops.HandKeypoints(*(np.ones_like(field) for field in expected))
    assert ops.decode_hand_maps(maps, CANVAS, out=out) is out
    same(out, expected)


def bad_outs() -> dict[str, tuple[Any, type[Exception], str]]:
    good = ops.find_peaks(np.zeros((2, 8, 8), np.float32), max_peaks=4)
    block = np.zeros(64, np.int32)
    overlapping = good._replace(xy=block[:16].reshape(2, 4, 2), counts=block[:2])
    return {
        "a tuple": (tuple(good), TypeError, "out must be Peaks, got tuple"),
        "another type": (
            good._replace(scores=good.scores.astype(np.float64)),
            TypeError,
            "out.scores must be float32, got float64",
        ),
        "another shape": (
            good._replace(counts=np.zeros(3, np.int32)),
            ValueError,
            r"out.counts must have shape \(2,\), got \(3,\)",
        ),
        "not to be written": (
            good._replace(scores=np.broadcast_to(np.float32(0), (2, 4))),
            ValueError,
            "out.scores must be C-contiguous and writable",
        ),
        "of the other byte order": (
            good._replace(scores=good.scores.astype(">f4")),
            ValueError,
            "out.scores must be an aligned, native-endian array that can be written in place",
        ),
        "not contiguous": (
            good._replace(scores=np.zeros((4, 2), np.float32).T),
            ValueError,
            "out.scores must be C-contiguous",
        ),
        "an array is missing": (
            good._replace(counts=None),
            TypeError,
            "out.counts must be a NumPy array or a torch tensor, got NoneType",
        ),
        "overlapping": (overlapping, ValueError, "out.counts must not overlap out.xy"),
    }


@pytest.mark.parametrize("case", bad_outs())
def test_bad_out(case: str) -> None:
    out, error, message = bad_outs()[case]
    with pytest.raises(error, match=message):
        ops.find_peaks(np.zeros((2, 8, 8), np.float32), max_peaks=4, out=out)


def test_a_block_is_one_piece_of_memory() -> None:
    layout = (((3, 5, 2), "int32"), ((3, 5), "float32"), ((), "bool"), ((0, 4), "int32"))
    arrays = empty_block(HostSpace(), layout)
    assert [(a.shape, a.dtype.name) for a in arrays] == list(layout)
    assert all(a.base is not None for a in arrays)
    spans = sorted((a.ctypes.data, a.ctypes.data + a.nbytes) for a in arrays if a.nbytes)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    assert [a is b for a, b in zip(to_host(arrays), arrays, strict=True)] == [True] * 4


def test_a_queued_decoding_has_the_answer_of_the_call() -> None:
    heatmaps, pafs = scene()
    decoder = hp.BodyDecoder(hp.skeletons.COCO18)
    expected = decoder(heatmaps, pafs, CANVAS)
    queued = decoder.queue(heatmaps, pafs, CANVAS)
    for _ in range(2):
        people = queued.result()
        assert len(people) == len(expected) == 2
        np.testing.assert_array_equal(people.keypoints, expected.keypoints)
        np.testing.assert_array_equal(people.person_scores, expected.person_scores)


def test_queued_crops_have_the_answer_of_the_call() -> None:
    rng = np.random.default_rng(0)
    heatmaps = rng.random((2, 21, 16, 16), dtype=np.float32)
    heatmaps[0, 3] = 0
    decoder = hp.KeypointDecoder(hp.skeletons.HAND21)
    expected = decoder.crops(heatmaps)
    queued = decoder.queue(heatmaps)
    for _ in range(2):
        same(queued.result(), expected)
    assert np.isfinite(queued.arrays[0]).all()  # as the op left them


def test_warnings_of_a_queued_decoding_come_with_its_result() -> None:
    heatmaps, pafs = scene(people=3)
    decoder = hp.BodyDecoder(hp.skeletons.COCO18, max_people=1)
    queued = decoder.queue(heatmaps, pafs, CANVAS)
    with pytest.warns(RuntimeWarning, match="more than max_people=1"):
        assert len(queued.result()) == 1


def test_warnings_name_the_line_that_asked() -> None:
    heatmaps, pafs = scene(people=3)
    decoder = hp.BodyDecoder(hp.skeletons.COCO18, max_people=1)
    empty = [np.full_like(maps, np.nan) for maps in (heatmaps, pafs)]
    for maps in ((heatmaps, pafs), empty):
        queued = decoder.queue(*maps, CANVAS)
        for ask in (lambda: decoder(*maps, CANVAS), queued.result):  # noqa: B023
            with pytest.warns(RuntimeWarning) as told:
                ask()
            assert [warning.filename for warning in told] == [__file__]


def test_queued_hands_have_the_answer_of_the_call() -> None:
    heatmaps = np.stack([scene()[0], np.zeros_like(scene()[0])])
    skeleton = hp.skeletons.COCO18
    decoder = hp.HandMapDecoder(skeleton)
    expected = decoder(heatmaps, CANVAS)
    queued = decoder.queue(heatmaps, CANVAS)
    for _ in range(2):
        hands = queued.result()
        assert [len(hand) for hand in hands] == [1, 0]
        for hand, other in zip(hands, expected, strict=True):
            np.testing.assert_array_equal(hand.keypoints, other.keypoints)
