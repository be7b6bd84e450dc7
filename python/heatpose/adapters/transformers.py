"""In place of the post-processing of ViTPose in Hugging Face's transformers.

Same names, arguments and answers; the heatmaps are decoded where they lie, on a CUDA device too.
:func:`patch` puts it into an installed transformers, and back; nothing here imports it.

The library smooths with a Gaussian of sigma 0.8 whatever the kernel, so that its "kernel 11" is not
the one that the models were tested with. That is kept, for the answers to stay;
``smoothing="dark"`` is the blur of the paper.

Source: transformers 5 (``VitPoseImageProcessor``); Huang et al., 2020 (arXiv:1911.07524).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose import ops
from heatpose.adapters._patching import Replacements
from heatpose.adapters._top_down import (
    Float32,
    Floats,
    as_maps,
    blur_of,
    crops_to_photo,
    maxima,
    on_host,
    refine_in_place,
)
from heatpose.ops import Array

__all__ = [
    "SMOOTHINGS",
    "get_keypoint_predictions",
    "keypoints_from_heatmaps",
    "patch",
    "post_dark_unbiased_data_processing",
    "post_process_pose_estimation",
]

SMOOTHINGS = ("library", "dark")
SIZE = {"height": 256, "width": 192}
"""The input of the published models in pixels, which gives boxes their aspect."""


def get_keypoint_predictions(heatmaps: Array) -> tuple[Float32, Float32]:
    """Find the maxima of heatmaps.

    Args:
        heatmaps: Real numbers [B, K, h, w], computed in float32. NaN is no maximum.

    Returns:
        coords: float32 [B, K, 2], (x, y) in cells, (-1, -1) where the maximum is not above 0.
        scores: float32 [B, K, 1].

    Raises:
        TypeError: no array of real numbers.
        ValueError: another rank, or maps without cells.
    """
    return maxima(as_maps("heatmaps", heatmaps), "minus_one")


def post_dark_unbiased_data_processing(
    coords: Floats, batch_heatmaps: Array, kernel: int = 3, *, smoothing: str = "library"
) -> Floats:
    """Refine keypoints with DARK-UDP.

    Args:
        coords: float [N, K, 2], (x, y) in cells; written to.
        batch_heatmaps: Real numbers [B, K, h, w], B = N, or 1 for maps that all N share.
        kernel: Cells under the blur, above 0; odd for "dark".
        smoothing: "library": sigma 0.8 whatever the kernel, mirrored borders, no rescaling.
            "dark": sigma by the kernel, zeros outside, rescaled to the maximum.

    Returns:
        ``coords``. A keypoint outside its map stays; there it moves by what other maps hold.

    Raises:
        TypeError: an array is of another type.
        ValueError: shapes do not fit each other, maps have no cells, or a setting is wrong.
    """
    return refine_in_place(coords, batch_heatmaps, **_blur(kernel, smoothing))


def keypoints_from_heatmaps(
    heatmaps: Array, center: Array, scale: Array, kernel: int = 11, *, smoothing: str = "library"
) -> tuple[Float32, Float32]:
    """Decode crops and go to the photo.

    Args:
        heatmaps: As for :func:`get_keypoint_predictions`.
        center: [B, 2], (x, y) of the crops' centres in the photo's pixels.
        scale: [B, 2], (width, height) of the crops in units of 200 pixels.
        kernel: As for :func:`post_dark_unbiased_data_processing`.
        smoothing: As for :func:`post_dark_unbiased_data_processing`.

    Returns:
        preds: float32 [B, K, 2], (x, y) in the photo's pixels.
        scores: float32 [B, K, 1].

    Raises:
        TypeError: an array is of another type.
        ValueError: a shape or setting is wrong, or a scale is not above 0.
    """
    maps = as_maps("heatmaps", heatmaps)
    transform = crops_to_photo(maps, center, scale, "mmpose_udp")
    decoded = ops.decode_heatmaps(
        maps,
        method="dark_udp",
        invalid="minus_one",
        transform=transform,
        **_blur(kernel, smoothing),
    )
    return on_host(decoded.coords), on_host(decoded.scores)[..., None]


def post_process_pose_estimation(
    outputs: Any,
    boxes: Sequence[Any] | npt.NDArray[Any],
    kernel_size: int = 11,
    threshold: float | None = None,
    target_sizes: Any = None,
    *,
    size: Mapping[str, int] = SIZE,
    smoothing: str = "library",
) -> list[list[dict[str, Any]]]:
    """Turn a model's heatmaps into keypoints in the photos.

    Args:
        outputs: Its ``heatmaps`` are a tensor [B, K, h, w] on any device.
        boxes: For each photo its boxes (x, y, width, height) in pixels; B in all.
        kernel_size: As ``kernel`` of :func:`post_dark_unbiased_data_processing`.
        threshold: Only keypoints with a higher score. None: all.
        target_sizes: [B, 2], factors for boxes given as fractions. The library documents (height,
            width), and multiplies x by the first; so does this.
        size: Its "height" and "width" are the input of the model in pixels.
        smoothing: As for :func:`post_dark_unbiased_data_processing`.

    Returns:
        For each photo, for each of its boxes, a dictionary of tensors on the CPU: "keypoints"
        float32 [K, 2], "scores" float32 [K], "labels" int64 [K], and "bbox" float32 [4], which is
        made of centre and scale like the library's: (cx, cy, cx + sx - 1, cy + sy - 1).

    Raises:
        TypeError: an array is of another type.
        ValueError: numbers of boxes, sizes and heatmaps differ, or a setting is wrong.
    """
    decode = functools.partial(keypoints_from_heatmaps, smoothing=smoothing)
    return _people(outputs, boxes, kernel_size, threshold, target_sizes, size, decode)


def _people(
    outputs: Any,
    boxes: Any,
    kernel_size: int,
    threshold: float | None,
    target_sizes: Any,
    size: Mapping[str, int],
    decode: Callable[..., tuple[Any, Any]],
) -> list[list[dict[str, Any]]]:
    """:func:`post_process_pose_estimation` with another :func:`keypoints_from_heatmaps`."""
    import torch

    if not hasattr(outputs, "heatmaps"):
        raise TypeError(f"outputs must have heatmaps, got {type(outputs).__name__}")
    maps = as_maps("outputs.heatmaps", outputs.heatmaps)
    count, keypoints = maps.shape[:2]
    centers, scales = _centers_and_scales(boxes, count, target_sizes, size)
    preds, values = decode(maps, centers, scales, kernel=kernel_size)
    corners = np.concatenate([centers, centers + scales - 1], axis=-1)
    poses, scores = torch.from_numpy(preds), torch.from_numpy(values[..., 0])
    bboxes, labels = torch.from_numpy(corners), torch.arange(keypoints)
    people = []
    for pose, score, bbox in zip(poses, scores, bboxes, strict=True):
        kept = labels
        if threshold is not None:
            keep = score > threshold
            pose, score, kept = pose[keep], score[keep], labels[keep]
        people.append({"keypoints": pose, "scores": score, "labels": kept, "bbox": bbox})
    rest = iter(people)
    return [list(itertools.islice(rest, len(photo))) for photo in boxes]


def _centers_and_scales(
    boxes: Any, count: int, target_sizes: Any, size: Mapping[str, int]
) -> tuple[Float32, Float32]:
    """Centres and scales [B, 2] as the library makes them, in float32."""
    flat = [box for photo in boxes for box in photo]
    if len(flat) != count:
        raise ValueError(f"boxes must be as many as the heatmaps ({count}), got {len(flat)}")
    try:
        corners = np.array([np.asarray(box, np.float64)[:4] for box in flat]).reshape(count, 4)
    except (TypeError, ValueError):
        raise ValueError("boxes must hold 4 numbers each: x, y, width, height") from None
    if target_sizes is not None:
        if len(target_sizes) != count:
            raise ValueError(
                f"target_sizes must be as many as the heatmaps ({count}), got {len(target_sizes)}"
            )
        factors = np.array([[float(pair[0]), float(pair[1])] for pair in target_sizes])
        corners = corners * np.tile(factors.reshape(count, 2), 2)
    sides, aspect = corners[:, 2:], size["width"] / size["height"]
    centers = (corners[:, :2] + sides * 0.5).astype(np.float32)
    width = np.maximum(sides[:, 0], sides[:, 1] * aspect)
    height = np.maximum(sides[:, 1], sides[:, 0] / aspect)
    scales = np.stack([width, height], axis=-1) / 200.0
    return centers, scales.astype(np.float32) * np.float32(1.25)


def _blur(kernel: int, smoothing: str) -> dict[str, Any]:
    """What decode_heatmaps calls a smoothing."""
    if smoothing not in SMOOTHINGS:
        raise ValueError(f"smoothing must be one of {', '.join(SMOOTHINGS)}, got {smoothing!r}")
    if smoothing == "dark":
        return blur_of("kernel", kernel)
    if isinstance(kernel, bool) or not isinstance(kernel, (int, np.integer)):
        raise TypeError(f"kernel must be a whole number, got {kernel!r}")
    if kernel < 1:
        raise ValueError(f"kernel must be above 0, got {kernel}")
    return {"taps": _library_taps((int(kernel) - 1) // 2), "border": "reflect", "rescale": False}


@functools.lru_cache(maxsize=16)
def _library_taps(radius: int) -> tuple[float, ...]:
    """The Gaussian of sigma 0.8; beyond 32 cells its weights are 0 in double precision."""
    reach = np.arange(-min(radius, 32), min(radius, 32) + 1)
    return tuple(np.exp(-0.5 * (reach / 0.8) ** 2).tolist())


# --- In place of the methods of an installed transformers.

_MODULES = ("image_processing_vitpose", "image_processing_pil_vitpose")
_CLASSES = ("VitPoseImageProcessor", "VitPoseImageProcessorPil", "VitPoseImageProcessorFast")


def patch(
    smoothing: str = "library", *, modules: Sequence[Any] | None = None
) -> Callable[[], None]:
    """Let the image processors of the installed transformers decode with heatpose.

    It replaces the functions of this module's names, and the methods
    ``post_process_pose_estimation`` and ``keypoints_from_heatmaps`` of the processors' classes.

    Args:
        smoothing: As for :func:`post_dark_unbiased_data_processing`.
        modules: None for those of ``transformers.models.vitpose``; others take their place.

    Returns:
        A function that takes this patch back; with the last one the library's code returns.
        Calling it twice does no harm.

    Raises:
        ImportError: transformers is not installed, or has no ViTPose that can be imported.
        ValueError: smoothing is unknown, or the modules hold nothing to replace.
    """
    _blur(1, smoothing)
    found = _installed_modules() if modules is None else list(modules)
    functions: dict[str, Any] = {
        "get_keypoint_predictions": get_keypoint_predictions,
        "post_dark_unbiased_data_processing": functools.partial(
            post_dark_unbiased_data_processing, smoothing=smoothing
        ),
    }
    methods: dict[str, Any] = _methods(smoothing)
    owners = [(module, functions) for module in found]
    for module in found:
        owners += [(getattr(module, c), methods) for c in _CLASSES if hasattr(module, c)]
    patched = Replacements()
    for owner, replacements in owners:
        for name, replacement in replacements.items():
            if name in vars(owner):
                patched.put(owner, name, replacement)
    if not patched:
        raise ValueError("modules must hold ViTPose's image processing, got nothing to replace")
    return patched.undo


def _installed_modules() -> list[Any]:
    import importlib

    importlib.import_module("transformers")
    found = []
    for name in _MODULES:  # one of them needs torchvision, the other one is younger
        try:
            found.append(importlib.import_module(f"transformers.models.vitpose.{name}"))
        except ImportError as error:
            missing = error
    if not found:
        raise ImportError("transformers has no ViTPose that can be imported") from missing
    return found


def _methods(smoothing: str) -> dict[str, Callable[..., Any]]:
    """Two functions of this module as methods of an image processor."""

    @functools.wraps(keypoints_from_heatmaps)
    def keypoints(self: Any, *args: Any, **settings: Any) -> Any:
        return keypoints_from_heatmaps(*args, smoothing=smoothing, **settings)

    @functools.wraps(post_process_pose_estimation)
    def post_process(
        self: Any,
        outputs: Any,
        boxes: Any,
        kernel_size: int = 11,
        threshold: float | None = None,
        target_sizes: Any = None,
    ) -> Any:
        decode: Any = getattr(self, "keypoints_from_heatmaps", None)
        if decode is None:
            decode = functools.partial(keypoints, self)
        elif getattr(decode, "__wrapped__", None) is not keypoints_from_heatmaps:
            # A subclass has its own, which takes what the library gives it.
            decode = _of_arrays(decode)
        size = {"height": self.size["height"], "width": self.size["width"]}
        return _people(outputs, boxes, kernel_size, threshold, target_sizes, size, decode)

    return {"keypoints_from_heatmaps": keypoints, "post_process_pose_estimation": post_process}


def _of_arrays(decode: Callable[..., Any]) -> Callable[..., Any]:
    return lambda maps, *args, **settings: decode(on_host(maps), *args, **settings)
