"""Maps to people by the rules of the C++ OpenPose."""

from __future__ import annotations

from typing import Any

import numpy as np

from heatpose import ops
from heatpose.adapters.openpose.datum import Datum
from heatpose.adapters.openpose_python import content_of, per_scale, photo_size
from heatpose.ops import AssociateOptions, Peaks
from heatpose.ops._arrays import size_pair
from heatpose.ops._outputs import to_host
from heatpose.skeletons import BODY25, Skeleton

MAX_PEAKS = 127
# Before the filter. A person begins with two peaks, and no peak is in two people.
_MOST_PEOPLE = MAX_PEAKS * BODY25.num_keypoints // 2
_MIN_PARTS, _MIN_SCORE = 3, 0.4
_FEET = slice(19, 25)


def decode_body(
    heatmaps: Any,
    pafs: Any,
    size: Any,
    *,
    pads: Any = None,
    stride: int = 8,
    skeleton: Skeleton = BODY25,
    maximize_positives: bool = False,
    part_candidates: bool = False,
    keypoint_scale: int = 0,
    output_size: Any = None,
) -> Datum:
    """All that OpenPose does between its body network and ``poseKeypoints``.

    Maps are enlarged to the network's input of the first scale and averaged there; there peaks are
    looked for (strict maxima of eight neighbours, no smoothing, the centroid of 7 x 7 pixels),
    joined (all pairs of all limbs in one list) and filtered (3 parts and 0.4 for each, without
    counting the feet of BODY_25; where nobody is left, with them). Places are then scaled to the
    photo.

    Args:
        heatmaps: [1, K or K + 1, h, w] or without the 1; or a list, one per scale, the largest
            first. Arrays or tensors on any device.
        pafs: [1, 2 L, h, w], or a list.
        size: The photo, or its (height, width) in pixels.
        pads: (up, left, down, right) pixels of padding of each network input. None: no padding.
        stride: Input pixels per cell.
        skeleton: BODY25 or COCO18.
        maximize_positives: The flag of that name: peaks from 0.02 (not 0.05), pairs with 0.75 (not
            0.95) of their points, and feet count.
        part_candidates: Whether ``poseCandidates`` are given.
        keypoint_scale: The flag of that name, 0 to 4; see :func:`scale_keypoints`. The network's
            input is that of the first scale, without padding.
        output_size: (height, width) of the output, for 2.

    Returns:
        Datum, people in the order in which they were found, at most 127. ``poseScores`` are the
        sums of their peak and pair scores over the number of parts and limbs of the skeleton.

    Raises:
        TypeError: an array is of another type.
        ValueError: shapes do not fit.

    Source: Cao et al., 2019, arXiv:1812.08008, and the constants of OpenPose 1.7.
    """
    count = skeleton.num_keypoints
    heat = per_scale("heatmaps", heatmaps, (count + 1, count))
    fields = per_scale("pafs", pafs, (skeleton.num_pafs,))
    content = content_of(heat, pads, stride)
    canvas, photo = content[0], size_pair("size", photo_size("size", size))
    geometry: Any = {"content": content, "stride": stride, "interpolation": "cubic"}
    threshold = 0.02 if maximize_positives else 0.05
    found = ops.peaks_from_cells(
        [maps[:count] for maps in heat],
        canvas,
        sigma=0,
        threshold=threshold,
        connectivity=8,
        ties="none",
        max_peaks=MAX_PEAKS,
        refine="centroid",
        **geometry,
    )
    # The program puts the middle of a pixel of the photo at 0.5.
    scale = np.array([photo[1] / canvas[1], photo[0] / canvas[0]], np.float32)
    shift = 0.5 / scale
    if not isinstance(found.xy, np.ndarray):
        shift = found.xy.new_tensor(shift.tolist())
    peaks = Peaks(found.xy + shift, *found[1:])
    groups = ops.associate(
        peaks,
        fields,
        skeleton.limbs,
        skeleton.paf_channels,
        canvas,
        max_people=_MOST_PEOPLE,
        options=AssociateOptions.for_global(
            point_ratio=0.75 if maximize_positives else 0.95,
            near_score=threshold + 1e-6,
            min_parts=0,
            min_score=-1e9,
        ),
        **geometry,
    )
    xy, scores, counts, *_ = to_host(tuple(peaks))
    people, totals, parts, number, *_ = to_host(tuple(groups))
    index, totals, parts = (array[: int(number)] for array in (people, totals, parts))
    feet_count = maximize_positives or skeleton.name != BODY25.name
    kept = _kept(index, totals, parts, feet_count)
    if not kept.any() and not feet_count:
        kept = _kept(index, totals, parts, True)
    index, totals = index[kept][:MAX_PEAKS], totals[kept][:MAX_PEAKS]
    points = np.concatenate([xy * scale, scores[..., None]], axis=-1).astype(np.float32)
    rows = np.where((index >= 0)[..., None], points[np.arange(count), index], np.float32(0))
    datum = Datum(
        rows,
        (totals / (count + len(skeleton.limbs))).astype(np.float32),
        poseCandidates=[points[k, : counts[k]] for k in range(count)] if part_candidates else [],
    )
    return datum.scaled(keypoint_scale, size=photo, net_size=canvas, output_size=output_size)


def _kept(index: Any, totals: Any, parts: Any, feet_count: bool) -> Any:
    counted = parts if feet_count else parts - (index[:, _FEET] >= 0).sum(axis=1)
    return (counted >= _MIN_PARTS) & (totals >= _MIN_SCORE * np.maximum(counted, 1))
