"""controlnet_aux's OpenPose detector: photo in, poses or their drawing out."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from heatpose.adapters.controlnet_aux import util
from heatpose.adapters.controlnet_aux.body import Body
from heatpose.adapters.controlnet_aux.face import Face
from heatpose.adapters.controlnet_aux.hand import Hand
from heatpose.adapters.controlnet_aux.results import (
    BodyResult,
    FaceResult,
    HandResult,
    Keypoint,
    PoseResult,
)
from heatpose.media import check_image

# ruff: noqa: N803

Image = npt.NDArray[np.uint8]


def draw_poses(
    poses: Sequence[PoseResult],
    H: int,
    W: int,
    draw_body: bool = True,
    draw_hand: bool = True,
    draw_face: bool = True,
) -> Image:
    """Draw poses on black, uint8 [H, W, 3] RGB; their keypoints are shares of width and height."""
    canvas = np.zeros((H, W, 3), np.uint8)
    for pose in poses:
        if draw_body:
            util.draw_bodypose(canvas, pose.body.keypoints)
        if draw_hand:
            util.draw_handpose(canvas, pose.left_hand)
            util.draw_handpose(canvas, pose.right_hand)
        if draw_face:
            util.draw_facepose(canvas, pose.face)
    return canvas


class OpenposeDetector:
    """Poses of a photo, and their drawing as ControlNet is used to.

    Args:
        body_estimation: :class:`Body`.
        hand_estimation: :class:`Hand`, needed for hands.
        face_estimation: :class:`Face`, needed for faces.
    """

    def __init__(
        self,
        body_estimation: Any,
        hand_estimation: Any | None = None,
        face_estimation: Any | None = None,
    ) -> None:
        self.body_estimation = body_estimation
        self.hand_estimation = hand_estimation
        self.face_estimation = face_estimation

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_or_path: str | os.PathLike[str],
        filename: str | None = None,
        hand_filename: str | None = None,
        face_filename: str | None = None,
        cache_dir: str | None = None,
        local_files_only: bool = False,
    ) -> OpenposeDetector:
        """Load the three networks.

        Args:
            pretrained_model_or_path: A folder, or a repository from which ``huggingface_hub``, if
                it is installed, fetches the files. Their licence is not free for every use.
            filename: Of the body network; ``body_pose_model.pth``.
            hand_filename: Of the hand network; ``hand_pose_model.pth``.
            face_filename: Of the face network; ``facenet.pth``.
            cache_dir: Where ``huggingface_hub`` keeps files.
            local_files_only: Fetch nothing.

        Raises:
            FileNotFoundError: a file is missing.
            ModuleNotFoundError: no such folder, and no ``huggingface_hub``.
            ValueError: other weights.
        """
        source = os.fspath(pretrained_model_or_path)
        # The first of these repositories has its files in a folder, and the face elsewhere.
        inside = "annotator/ckpts/" if source == "lllyasviel/ControlNet" else ""
        faces = "lllyasviel/Annotators" if inside else source
        names = (
            (source, filename or f"{inside}body_pose_model.pth"),
            (source, hand_filename or f"{inside}hand_pose_model.pth"),
            (faces, face_filename or "facenet.pth"),
        )
        if Path(source).is_dir():
            files = [Path(folder) / name for folder, name in names]
        else:
            hub = importlib.import_module("huggingface_hub")
            files = [
                hub.hf_hub_download(
                    repository, name, cache_dir=cache_dir, local_files_only=local_files_only
                )
                for repository, name in names
            ]
        return cls(Body(files[0]), Hand(files[1]), Face(files[2]))

    def to(self, device: Any) -> OpenposeDetector:
        """Move the networks to a device."""
        for part in (self.body_estimation, self.hand_estimation, self.face_estimation):
            if part is not None:
                part.to(device)
        return self

    def detect_hands(
        self, body: BodyResult, oriImg: Image
    ) -> tuple[HandResult | None, HandResult | None]:
        """The left and right hand of a person in pixels of a BGR photo, as shares of its size."""
        found: dict[bool, HandResult] = {}
        for x, y, width, is_left in util.handDetect(body, oriImg):
            peaks = self._needed("hand")(oriImg[y : y + width, x : x + width])
            found[is_left] = _shares(peaks, (x, y), oriImg)
        return found.get(True), found.get(False)

    def detect_face(self, body: BodyResult, oriImg: Image) -> FaceResult | None:
        """The face of a person in pixels of a BGR photo, as shares of its size."""
        square = util.faceDetect(body, oriImg)
        if square is None:
            return None
        x, y, width = square
        face = self._needed("face")
        heatmaps = face(oriImg[y : y + width, x : x + width])
        peaks = face.compute_peaks_from_heatmaps(heatmaps)
        return _shares(peaks, (x, y), oriImg) if peaks.ndim == 2 else None

    def _needed(self, what: str) -> Any:
        estimation = getattr(self, f"{what}_estimation")
        if estimation is None:
            raise ValueError(f"{what}_estimation must be given to look for a {what}")
        return estimation

    def detect_poses(
        self, oriImg: Image, include_hand: bool = False, include_face: bool = False
    ) -> list[PoseResult]:
        """The poses of everyone in a photo, uint8 [H, W, 3] RGB, as shares of its size.

        Keypoints of hands and faces that are missing are at (-1 / W, -1 / H).

        Raises:
            TypeError: not a uint8 array.
            ValueError: another shape, or no network for what is looked for.
        """
        check_image(oriImg, name="oriImg")
        photo = np.ascontiguousarray(oriImg[:, :, ::-1])
        height, width = (float(side) for side in photo.shape[:2])
        poses = []
        for body in Body.format_body_result(*self.body_estimation(photo)):
            left, right = self.detect_hands(body, photo) if include_hand else (None, None)
            face = self.detect_face(body, photo) if include_face else None
            keypoints = [
                None if one is None else Keypoint(one.x / width, one.y / height)
                for one in body.keypoints
            ]
            poses.append(PoseResult(body._replace(keypoints=keypoints), left, right, face))
        return poses

    def __call__(
        self,
        input_image: Any,
        detect_resolution: int = 512,
        image_resolution: int = 512,
        include_body: bool = True,
        include_hand: bool = False,
        include_face: bool = False,
        hand_and_face: bool | None = None,
        output_type: str = "pil",
        **kwargs: Any,
    ) -> Any:
        """The drawing of a photo's poses on black.

        Args:
            input_image: A PIL image or uint8 [H, W], [H, W, 1], [H, W, 3] RGB or [H, W, 4] RGBA.
            detect_resolution: The photo's shorter side, in pixels, in which poses are looked for;
                both sides are rounded to multiples of 64.
            image_resolution: The drawing's shorter side.
            include_body: Whether bodies are drawn.
            include_hand: Whether hands are looked for and drawn.
            include_face: Whether faces are looked for and drawn.
            hand_and_face: Old name for both.
            output_type: "pil", or anything else for uint8 [H, W, 3] RGB.
            **kwargs: ``return_pil``, an old name for the output type; others are ignored.

        Raises:
            TypeError: not a uint8 picture.
            ValueError: another shape, or no network for what is looked for.
        """
        if hand_and_face is not None:
            warnings.warn(
                "hand_and_face is deprecated: use include_hand and include_face",
                DeprecationWarning,
                stacklevel=2,
            )
            include_hand = include_face = hand_and_face
        if "return_pil" in kwargs:
            warnings.warn(
                "return_pil is deprecated: use output_type", DeprecationWarning, stacklevel=2
            )
            output_type = "pil" if kwargs["return_pil"] else "np"
        elif isinstance(output_type, bool):
            warnings.warn("output_type must be 'pil' or 'np', got a bool", stacklevel=2)
            output_type = "pil" if output_type else "np"
        if not isinstance(input_image, np.ndarray):
            input_image = np.array(input_image, np.uint8)
        photo = _resized(_three_channels(input_image), detect_resolution)
        poses = self.detect_poses(photo, include_hand, include_face)
        height, width = photo.shape[:2]
        drawn = draw_poses(poses, height, width, include_body, include_hand, include_face)
        height, width = _size(photo, image_resolution)
        drawing = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_LINEAR)
        if output_type != "pil":
            return drawing
        from PIL import Image as pictures  # noqa: N813

        return pictures.fromarray(drawing)


def _shares(peaks: npt.NDArray[Any], corner: tuple[int, int], photo: Image) -> list[Keypoint]:
    """Places in a crop as shares of the photo's size, -1 pixel where they are 0."""
    places = peaks.astype(np.float32)
    size = np.array(photo.shape[1::-1], np.float32)
    shares = np.where(places < 1e-6, np.float32(-1), places + np.array(corner, np.float32)) / size
    return [Keypoint(x, y) for x, y in shares]


def _three_channels(picture: Image) -> Image:
    """RGB of a grey, RGB or RGBA picture, which is laid on white."""
    if picture.dtype != np.uint8:
        raise TypeError(f"input_image must be uint8, got {picture.dtype}")
    shape = picture.shape
    if picture.ndim == 2:
        picture = picture[:, :, None]
    if picture.ndim != 3 or picture.shape[2] not in (1, 3, 4) or 0 in shape:
        raise ValueError(f"input_image must be [H, W], [H, W, 1], [H, W, 3] or RGBA, got {shape}")
    if picture.shape[2] == 4:
        alpha = picture[:, :, 3:].astype(np.float32) / 255
        laid = picture[:, :, :3] * alpha + 255 * (1 - alpha)
        return laid.clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))


def _size(picture: Image, resolution: int) -> tuple[int, int]:
    """(height, width) with the shorter side near the resolution, in multiples of 64."""
    factor = float(resolution) / min(picture.shape[:2])
    height, width = (max(round(side * factor / 64), 1) * 64 for side in picture.shape[:2])
    return height, width


def _resized(picture: Image, resolution: int) -> Image:
    height, width = _size(picture, resolution)
    grows = resolution > min(picture.shape[:2])
    way = cv2.INTER_LANCZOS4 if grows else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.uint8)
