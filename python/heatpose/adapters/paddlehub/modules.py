"""The OpenPose modules of PaddleHub as classes: photo in, dictionary out."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from heatpose import media
from heatpose.adapters.openpose_python import CandidateDecoder, Int64, decode_hand, photo_size
from heatpose.adapters.paddlehub import processor
from heatpose.adapters.paddlehub._arguments import parse_arguments, run
from heatpose.adapters.paddlehub.decode import NORM
from heatpose.adapters.paddlehub.hand_pose_localization import HandPoseLocalization, needed

if TYPE_CHECKING:
    import torch
    from torch import nn

    Model = str | os.PathLike[str] | nn.Module

_SCALES = (0.5, 1.0, 1.5, 2.0)
_NORM_SCALE = 1 / 255


def Module(name: str, load_checkpoint: Model | None = None, **settings: Any) -> Any:  # noqa: N802
    """The module of a name, as ``hub.Module(name=...)`` gives it.

    Args:
        name: "openpose_body_estimation", "openpose_hands_estimation" or "hand_pose_localization".
        load_checkpoint: Its weights, see :class:`BodyPoseModel`.
        **settings: Of :class:`BodyPoseModel`, :class:`HandPoseModel` or
            :class:`HandPoseLocalization`.

    Raises:
        ValueError: another name.
    """
    known: dict[str, type[BodyPoseModel | HandPoseModel | HandPoseLocalization]] = {
        kind.name: kind for kind in (BodyPoseModel, HandPoseModel, HandPoseLocalization)
    }
    if name not in known:
        raise ValueError(f"name must be {' or '.join(known)}, got {name!r}")
    return known[name](load_checkpoint, **settings)


class _Module:
    """What the modules that can be run from a command line share."""

    name: ClassVar[str]
    outputs: ClassVar[dict[str, int]]
    """Names and channels of the network's outputs, in the order in which the module has them."""
    model: nn.Module

    def save_inference_model(self, save_dir: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write the network to a folder, which is made; nothing where it cannot be done.

        Args:
            save_dir: The folder. Files of an earlier call are replaced.

        Returns:
            ``<name>.onnx``, from ``image`` [N, 3, H, W] to the module's outputs, for other
            programs; and ``<name>.safetensors``, which ``load_checkpoint`` takes.

        Raises:
            FileExistsError: the folder's name is that of a file.
            ImportError: onnxruntime, which checks what is written, is missing.
            ValueError: a network of the user's that cannot be exported.
        """
        from heatpose.adapters.paddlehub.saving import save_network

        return save_network(self.model, save_dir, self.name, self.outputs)

    def run_cmd(self, argvs: Sequence[str]) -> dict[str, Any]:
        """``predict`` with the options of a command line.

        Args:
            argvs: ``--input_path``, ``--output_dir``, ``--save_dir``, ``--visualization`` and, of
                hands, ``--scale``.

        Raises:
            SystemExit: wrong options; what is wrong is printed.
        """
        scales = self.name == HandPoseModel.name
        return run(self, parse_arguments(self.name, argvs, scales=scales))


class BodyPoseModel(_Module):
    """In place of ``openpose_body_estimation``.

    Args:
        load_checkpoint: ``openpose_body.pdparams`` of the module, or any weight file of that
            network that :func:`heatpose.weights.convert.read_checkpoint` reads; or a network, a
            torch module that maps [1, 3, H, W] to PAFs and heatmaps.
        classic: See :func:`decode_body`.
        device: As of :class:`heatpose.adapters.pytorch_openpose.Body`.

    Raises:
        TypeError: neither a path nor a module.
        FileNotFoundError: no such file.
        ValueError: none, or other weights.
    """

    name = "openpose_body_estimation"
    outputs: ClassVar = {"pafs": 38, "heatmaps": 19}

    def __init__(
        self,
        load_checkpoint: Model | None = None,
        *,
        classic: bool = True,
        device: str | torch.device = "auto",
    ) -> None:
        from heatpose.adapters.openpose_networks import MapSearch, body_network

        self.model = body_network(needed("openpose_body.pdparams", load_checkpoint))
        self._search = MapSearch(self.model, scales=(0.5,), norm_scale=_NORM_SCALE, device=device)
        self._decoder = CandidateDecoder(classic=classic, **NORM)
        self.draw_pose = processor.DrawPose()

    def predict(
        self,
        img: str | npt.NDArray[np.uint8],
        save_path: str = "openpose_body",
        visualization: bool = True,
    ) -> dict[str, Any]:
        """Find everyone in a photo.

        Args:
            img: A file, or uint8 [H, W, 3] BGR.
            save_path: Folder for the drawing, made where it is missing.
            visualization: Save the drawing there, as ``<time>.png``.

        Returns:
            ``candidate`` float64 [P, 4], ``subset`` float64 [n, 20] and ``data``, the drawing.

        Raises:
            FileNotFoundError: no such photo.
            ValueError: not a photo.
        """
        photo = _photo(img)
        (heatmaps, pafs), content = self._search(photo, outputs=(19, 38))
        candidate, subset = self._decoder(heatmaps, pafs, photo_size("img", photo), content=content)
        canvas = self.draw_pose(photo, candidate, subset)
        if visualization:
            _save(save_path, canvas)
        return {"candidate": candidate, "subset": subset, "data": canvas}

    def serving_method(self, images: Sequence[str], **kwargs: Any) -> dict[str, Any]:
        """``predict`` for the first of some photos in base64, with an answer for JSON.

        ``candidate`` and ``subset`` are lists of numbers, where the module sends them as JPEG.
        """
        found = self.predict(_first_photo(images), **kwargs)
        return {
            "candidate": found["candidate"].tolist(),
            "subset": found["subset"].tolist(),
            "data": processor.cv2_to_base64(found["data"]),
        }


class HandPoseModel(_Module):
    """In place of ``openpose_hands_estimation``.

    Args:
        load_checkpoint: ``openpose_hand.pdparams`` of the module, or any weight file of that
            network; or a network, a torch module that maps [1, 3, H, W] to 22 heatmaps.
        body_model: A :class:`BodyPoseModel`, or what makes one.
        as_written: Shift a keypoint from its crop to the photo only on the axes on which it is not
            0, as the module does. False: every keypoint that was found is shifted.
        device: As of :class:`heatpose.adapters.pytorch_openpose.Body`.

    Raises:
        TypeError: neither a path nor a module.
        FileNotFoundError: no such file.
        ValueError: none, or other weights.
    """

    name = "openpose_hands_estimation"
    outputs: ClassVar = {"heatmaps": 22}

    def __init__(
        self,
        load_checkpoint: Model | None = None,
        *,
        body_model: BodyPoseModel | Model | None = None,
        as_written: bool = False,
        device: str | torch.device = "auto",
    ) -> None:
        from heatpose.adapters.openpose_networks import hand_network

        self.model = hand_network(needed("openpose_hand.pdparams", load_checkpoint))
        if isinstance(body_model, BodyPoseModel):
            self.body_model = body_model
        else:
            self.body_model = BodyPoseModel(body_model, device=device)
        self.as_written = as_written
        self._device = device
        self.hand_detect = processor.HandDetect()
        self.draw_hand = processor.DrawHandPose()

    def hand_estimation(
        self, handimg: npt.NDArray[np.uint8], scale_search: Sequence[float] = _SCALES
    ) -> Int64:
        """int64 [21, 2], the keypoints of the hand in a crop; (0, 0) where missing."""
        from heatpose.adapters.openpose_networks import MapSearch

        search = MapSearch(
            self.model, scales=scale_search, norm_scale=_NORM_SCALE, device=self._device
        )
        (heatmaps,), content = search(handimg, outputs=(22,))
        return decode_hand(heatmaps, photo_size("handimg", handimg), content=content)

    def predict(
        self,
        img: str | npt.NDArray[np.uint8],
        save_path: str = "openpose_hand",
        scale: Sequence[float] = _SCALES,
        visualization: bool = True,
    ) -> dict[str, Any]:
        """Find the hands of everyone in a photo.

        Unlike the module it saves no picture of the bodies beside.

        Args:
            img: A file, or uint8 [H, W, 3] BGR.
            save_path: Folder for the drawing, made where it is missing.
            scale: Scales of the search, each times 368 pixels of height.
            visualization: Save the drawing there, as ``<time>.png``.

        Returns:
            ``all_hand_peaks``, a list of int64 [21, 2] in pixels of the photo with (0, 0) for
            missing keypoints, and ``data``, the drawing, which has the size of the photo.

        Raises:
            FileNotFoundError: no such photo.
            ValueError: not a photo.
        """
        photo = _photo(img)
        people = self.body_model.predict(photo, visualization=False)
        hands = []
        for x, y, width, _ in self.hand_detect(people["candidate"], people["subset"], photo):
            crop = np.ascontiguousarray(photo[y : y + width, x : x + width])
            places = self.hand_estimation(crop, scale)
            found = places != 0 if self.as_written else places.any(axis=1, keepdims=True)
            hands.append(np.where(found, places + np.array([x, y]), 0))
        canvas = self.draw_hand(people["data"], hands)
        if visualization:
            _save(save_path, canvas)
        return {"all_hand_peaks": hands, "data": canvas}

    def serving_method(self, images: Sequence[str], **kwargs: Any) -> dict[str, Any]:
        """``predict`` for the first of some photos in base64, with an answer for JSON."""
        found = self.predict(_first_photo(images), **kwargs)
        return {
            "all_hand_peaks": [hand.tolist() for hand in found["all_hand_peaks"]],
            "data": processor.cv2_to_base64(found["data"]),
        }


def _photo(img: str | npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    if isinstance(img, (str, os.PathLike)):
        return media.read_image(img)
    media.check_image(img, name="img")
    return img


def _first_photo(images: Sequence[str]) -> npt.NDArray[np.uint8]:
    if len(images) == 0:
        raise ValueError("images must hold a photo in base64, got none")
    return processor.base64_to_cv2(images[0])


def _save(folder: str, picture: npt.NDArray[np.uint8]) -> None:
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    media.write_image(path / f"{time.time()}.png", picture)
