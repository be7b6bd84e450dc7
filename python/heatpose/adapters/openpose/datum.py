"""The keypoint arrays of OpenPose's ``op::Datum``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from heatpose.adapters.openpose.scales import scale_keypoints
from heatpose.formats.rows import people_of_rows
from heatpose.results import Hands, People
from heatpose.skeletons import Skeleton

Float32 = npt.NDArray[np.float32]

FACE_POINTS, HAND_POINTS = 70, 21
# The names are those of op::Datum.
# ruff: noqa: N815


def _empty(*shape: int) -> Float32:
    return np.zeros(shape, np.float32)


@dataclass(eq=False)
class Datum:
    """What OpenPose knows of the people of one picture.

    A keypoint is (x, y, score) in pixels, three zeros where it is missing; people in rows. Faces
    and hands have a row for every person, or no row at all.

    Attributes:
        poseKeypoints: float32 [P, K, 3].
        poseScores: float32 [P].
        faceKeypoints: float32 [P or 0, 70, 3].
        handKeypoints: float32 [P or 0, 21, 3] of left hands, and of right ones.
        poseIds: int64 [P], -1 where not known.
        poseCandidates: For each of the K parts float32 [n, 3], all peaks before they were put
            together; empty where they were not asked for.

    Raises:
        ValueError: shapes that do not fit together.
    """

    poseKeypoints: Float32
    poseScores: Float32 = field(default_factory=lambda: _empty(0))
    faceKeypoints: Float32 = field(default_factory=lambda: _empty(0, FACE_POINTS, 3))
    handKeypoints: tuple[Float32, Float32] = field(
        default_factory=lambda: (_empty(0, HAND_POINTS, 3), _empty(0, HAND_POINTS, 3))
    )
    poseIds: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    poseCandidates: list[Float32] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.poseKeypoints = np.asarray(self.poseKeypoints, np.float32)
        people = len(self.poseKeypoints)
        for name, given, counts in (
            ("poseKeypoints", self.poseKeypoints, (people,)),
            ("faceKeypoints", self.faceKeypoints, (0, people)),
            ("handKeypoints[0]", self.handKeypoints[0], (0, people)),
            ("handKeypoints[1]", self.handKeypoints[1], (0, people)),
        ):
            if given.ndim != 3 or given.shape[2] != 3 or len(given) not in counts:
                raise ValueError(f"{name} must be [{people}, K, 3], got {given.shape}")
        if not len(self.poseScores):
            found = np.maximum((self.poseKeypoints[..., 2] > 0).sum(axis=1), 1)
            self.poseScores = (self.poseKeypoints[..., 2].sum(axis=1) / found).astype(np.float32)
        if not len(self.poseIds):
            self.poseIds = np.full(people, -1, np.int64)
        for name, scores in (("poseScores", self.poseScores), ("poseIds", self.poseIds)):
            if scores.shape != (people,):
                raise ValueError(f"{name} must have shape ({people},), got {scores.shape}")

    @classmethod
    def from_results(cls, people: People, hands: Hands | None = None) -> Datum:
        """The arrays of people, and of the hands that were found for them.

        Args:
            people: Of any skeleton; COCO18 and BODY25 have OpenPose's keypoints.
            hands: With ``persons`` in the rows of ``people``. Of several of one side of a person
                the best stays; hands of nobody, and of unknown side, are left out.
        """
        count = len(people)
        sides = (_empty(0, HAND_POINTS, 3), _empty(0, HAND_POINTS, 3))
        if hands is not None:
            sides = (_empty(count, HAND_POINTS, 3), _empty(count, HAND_POINTS, 3))
            rows = _rows(hands.keypoints, hands.scores)
            for k in np.argsort(hands.hand_scores, kind="stable"):  # the best is written last
                side, person = hands.sides[k], int(hands.persons[k])
                if side is not None and person >= 0 and hands.hand_scores[k] > 0:
                    sides[("left", "right").index(side)][person] = rows[k]
        return cls(
            _rows(people.keypoints, people.scores), people.person_scores.copy(), handKeypoints=sides
        )

    def scaled(
        self,
        keypoint_scale: int,
        *,
        size: tuple[int, int] | None = None,
        net_size: tuple[int, int] | None = None,
        output_size: tuple[int, int] | None = None,
    ) -> Datum:
        """The same people in the coordinates of ``--keypoint_scale``.

        Args:
            keypoint_scale: 0 to 4; see :func:`heatpose.adapters.openpose.scale_keypoints`, as for
                the sizes. These arrays are in pixels of the picture.
            size: (height, width) of the picture, for all but 0.
            net_size: (height, width) of the network's input, for 1.
            output_size: (height, width) of the output, for 2.

        Raises:
            TypeError: a setting is of another type.
            ValueError: another scale, or no size for it.
        """

        def scaled(points: Float32) -> Float32:
            return scale_keypoints(
                points, keypoint_scale, size=size, net_size=net_size, output_size=output_size
            )

        left, right = self.handKeypoints
        return replace(
            self,
            poseKeypoints=scaled(self.poseKeypoints),
            faceKeypoints=scaled(self.faceKeypoints),
            handKeypoints=(scaled(left), scaled(right)),
            poseCandidates=[scaled(peaks) for peaks in self.poseCandidates],
        )

    def people(self, skeleton: Skeleton, canvas: tuple[int, int]) -> People:
        """The bodies as heatpose's results, best first.

        Args:
            skeleton: COCO18 or BODY25, whose K the arrays have.
            canvas: (height, width) of the picture.

        Raises:
            ValueError: another number of keypoints.
        """
        if self.poseKeypoints.shape[1] != skeleton.num_keypoints:
            raise ValueError(
                f"{skeleton.name} has {skeleton.num_keypoints} keypoints, "
                f"poseKeypoints {self.poseKeypoints.shape[1]}"
            )
        points = self.poseKeypoints.copy()
        points[points[..., 2] <= 0] = np.nan
        return people_of_rows(points, self.poseScores, skeleton, canvas)


def _rows(keypoints: Float32, scores: Float32) -> Float32:
    rows = np.concatenate([np.nan_to_num(keypoints), scores[..., None]], axis=-1)
    return rows.astype(np.float32)
