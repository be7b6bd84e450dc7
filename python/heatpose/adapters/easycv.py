"""In place of EasyCV's top-down decoding (``easycv/core/evaluation/top_down_eval.py``).

Same names, arguments and answers, which are those of mmpose 0.x, too; the heatmaps may be tensors
on a CUDA device as well, so that they need not be copied to the host. Missing keypoints are
(-1, -1) in cells, as there.

Source: Xiao et al., 2018 (arXiv:1804.06208); Zhang et al., 2020 (arXiv:1910.06278); Huang et al.,
2020 (arXiv:1911.07524).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from heatpose import ops
from heatpose.adapters._offsets import combined_keypoints
from heatpose.adapters._top_down import (
    Float32,
    Floats,
    as_maps,
    blur_of,
    crops_to_photo,
    maxima,
    modulate_in_place,
    modulated,
    on_host,
    refine_in_place,
    taylor_step,
)
from heatpose.ops import Array

__all__ = [
    "decode_heatmap",
    "gaussian_blur",
    "get_max_preds",
    "keypoints_from_heatmaps",
    "post_dark_udp",
    "taylor",
]

_UDP: dict[str, Any] = {"border": "mirror", "rescale": False}


def get_max_preds(heatmaps: Array) -> tuple[Float32, Float32]:
    """Find the maxima of heatmaps; EasyCV's ``_get_max_preds``.

    Args:
        heatmaps: Real numbers [N, K, H, W], computed in float32. NaN is no maximum.

    Returns:
        preds: float32 [N, K, 2], (x, y) in cells, (-1, -1) where the maximum is not above 0.
        maxvals: float32 [N, K, 1].

    Raises:
        TypeError: no array of real numbers.
        ValueError: another rank, or maps without cells.
    """
    return maxima(as_maps("heatmaps", heatmaps), "minus_one")


def taylor(heatmap: Any, coord: Any) -> Any:
    """Take DARK's step on one map of logarithms; EasyCV's ``_taylor``.

    Args:
        heatmap: [H, W], the logarithm of a blurred map.
        coord: float [2], (x, y) of its maximum; the step is added to it. Nothing happens within
            two cells of the border, where the Hessian is singular or the step not finite.

    Returns:
        ``coord``.
    """
    return taylor_step(heatmap, coord)


def gaussian_blur(heatmaps: Any, kernel: int = 11) -> Any:
    """Blur maps in a frame of zeros, scaled back to their maxima; EasyCV's ``_gaussian_blur``.

    Args:
        heatmaps: Real numbers [N, K, H, W], a NumPy array that is written to. Computed in float32.
        kernel: Odd, OpenCV's size of the blur.

    Returns:
        ``heatmaps``. As there, a map whose blurred maximum is 0 becomes NaN.

    Raises:
        TypeError: no NumPy array of real numbers.
        ValueError: another rank, maps without cells, or an even kernel.
    """
    return modulate_in_place(heatmaps, kernel, 4)


def post_dark_udp(coords: Floats, batch_heatmaps: Array, kernel: int = 3) -> Floats:
    """Refine keypoints with DARK-UDP, under OpenCV's blur as it is: mirrored borders, no rescaling.

    ``batch_heatmaps`` are left as they were; there they become logarithms.

    Args:
        coords: float [N, K, 2], (x, y) in cells; written to.
        batch_heatmaps: Real numbers [B, K, H, W], B = N, or 1 for maps that all N share.
        kernel: Odd, OpenCV's size of the blur.

    Returns:
        ``coords``. A keypoint outside its map stays; there it moves by what other maps hold.

    Raises:
        TypeError: an array is of another type.
        ValueError: shapes do not fit each other, maps have no cells, or the kernel is even.
    """
    return refine_in_place(coords, batch_heatmaps, **_UDP, **blur_of("kernel", kernel))


def keypoints_from_heatmaps(
    heatmaps: Array,
    center: Array,
    scale: Array,
    unbiased: bool = False,
    post_process: str | bool | None = "default",
    kernel: int = 11,
    valid_radius_factor: float = 0.0546875,
    use_udp: bool = False,
    target_type: str = "GaussianHeatmap",
) -> tuple[Float32, Float32]:
    """Decode crops and go to the photo.

    Args:
        heatmaps: Real numbers [N, K, H, W] ([N, 3 K, H, W] for "CombinedTarget").
        center: [N, 2], (x, y) of the crops' centres in the photo's pixels.
        scale: [N, 2], (width, height) of the crops in units of 200 pixels.
        unbiased: The old way to say ``post_process="unbiased"``.
        post_process: None: the cell. "default" (or any other word): a quarter of a cell towards the
            larger neighbours. "unbiased": DARK. "megvii": blurred, a quarter and a half of a cell,
            and scores / 255 + 0.5. True and False are the old ways to say "default" and None. Not
            looked at with ``use_udp``.
        kernel: Odd, OpenCV's size of the blur.
        valid_radius_factor: Offsets of "CombinedTarget" are in units of this times H.
        use_udp: DARK-UDP, or what ``target_type`` says, and UDP's way to the photo.
        target_type: "GaussianHeatmap" or "CombinedTarget", in any case.

    Returns:
        preds: float32 [N, K, 2], (x, y) in the photo's pixels.
        maxvals: float32 [N, K, 1], the maxima before DARK's blur.

    Raises:
        TypeError: an array is of another type.
        ValueError: a shape or setting is wrong, settings exclude each other, a number is not
            finite, or a scale is not above 0.
    """
    maps = as_maps("heatmaps", heatmaps)
    rule = _rule(post_process, unbiased, use_udp)
    transform = crops_to_photo(maps, center, scale, "mmpose_udp" if use_udp else "mmpose")
    options: dict[str, Any] = {"transform": transform, "invalid": "minus_one"}
    if use_udp and _combined(target_type):
        radius = valid_radius_factor * maps.shape[-2]
        coords, scores = combined_keypoints("heatmaps", maps, radius, 2 * kernel + 1, kernel)
        return _placed(coords, transform), scores[..., None]
    if rule == "megvii":
        return _megvii(maps, transform, kernel)
    if use_udp:
        options.update(method="dark_udp", **_UDP, **blur_of("kernel", kernel))
    elif rule == "unbiased":
        options.update(method="dark", **blur_of("kernel", kernel))
    else:
        options.update(method="none" if rule is None else "quarter")
    decoded = ops.decode_heatmaps(maps, **options)
    return on_host(decoded.coords), on_host(decoded.scores)[..., None]


def _rule(post_process: Any, unbiased: bool, use_udp: bool) -> str | None:
    """The way of post-processing, from its old and new names."""
    if unbiased and post_process in (False, None, "megvii"):
        raise ValueError(f"unbiased excludes post_process={post_process!r}")
    if use_udp and post_process == "megvii":
        raise ValueError("use_udp excludes post_process='megvii'")
    if post_process not in (None, True, False) and not isinstance(post_process, str):
        raise TypeError(f"post_process must be a word or None, got {post_process!r}")
    rule: str | None = post_process
    if post_process is False:
        rule = None
    elif post_process is True or post_process == "default":
        rule = "unbiased" if unbiased else "default"
    if rule is not post_process and rule != post_process:
        warnings.warn(
            f"post_process={post_process!r} with unbiased={unbiased!r} is the old way to say "
            f"post_process={rule!r}",
            DeprecationWarning,
            stacklevel=3,
        )
    return rule


def _combined(target_type: str) -> bool:
    words = ("gaussianheatmap", "combinedtarget")
    if not isinstance(target_type, str) or target_type.lower() not in words:
        raise ValueError(
            f"target_type must be GaussianHeatmap or CombinedTarget, got {target_type!r}"
        )
    return target_type.lower() == words[1]


def _placed(coords: Float32, transform: Any) -> Float32:
    """Points [N, K, 2] in cells, in the photo."""
    matrices = transform[:, None]
    moved = (matrices[..., :2] * coords[..., None, :]).sum(axis=-1) + matrices[..., 2]
    return np.asarray(moved, np.float32)


def _megvii(maps: Any, transform: Any, kernel: int) -> tuple[Float32, Float32]:
    blurred = modulated(maps, kernel)
    cells = ops.decode_heatmaps(blurred, method="none", invalid="minus_one")
    moved = ops.decode_heatmaps(blurred, method="quarter", invalid="minus_one")
    starts, coords, scores = map(on_host, (cells.coords, *moved))
    inside = ((starts > 1) & (starts < np.array(maps.shape[:-3:-1]) - 1)).all(axis=-1)
    coords[inside] += 0.5
    return _placed(coords, transform), np.asarray(scores / 255.0 + 0.5, np.float32)[..., None]


def decode_heatmap(
    heatmaps: Array, img_metas: Sequence[Mapping[str, Any]], test_cfg: Mapping[str, Any]
) -> dict[str, Any]:
    """Decode a batch of crops as EasyCV's heads do.

    Args:
        heatmaps: As for :func:`keypoints_from_heatmaps`, one crop per entry of ``img_metas``.
        img_metas: Of each crop "center", "scale" and "image_id", and maybe "bbox_score" and
            "bbox_id".
        test_cfg: May have "unbiased_decoding", "post_process", "modulate_kernel",
            "valid_radius_factor", "use_udp" and "target_type"; see
            :func:`keypoints_from_heatmaps`.

    Returns:
        A dictionary: "preds" float32 [N, K, 3], (x, y, score) in the photo; "boxes" float32 [N, 6],
        (centre x, y, scale x, y, area, score); "image_ids", a list; "bbox_ids", a list, or None
        where the first crop has none.

    Raises:
        TypeError: an array is of another type.
        ValueError: a shape or setting is wrong, or img_metas are none.
        KeyError: an entry of img_metas has no centre, scale or id.
    """
    if not isinstance(test_cfg, Mapping):
        raise TypeError(f"test_cfg must be a mapping, got {type(test_cfg).__name__}")
    if not isinstance(img_metas, (list, tuple)):
        raise TypeError(f"img_metas must be a list, got {type(img_metas).__name__}")
    if len(img_metas) == 0:
        raise ValueError("img_metas must hold a crop at least, got none")
    has_ids = "bbox_id" in img_metas[0]
    centers = np.array([np.asarray(m["center"], np.float32) for m in img_metas])
    scales = np.array(
        [np.broadcast_to(np.asarray(m["scale"], np.float32), (2,)) for m in img_metas]
    )
    scores = [np.asarray(m.get("bbox_score", 1.0), np.float64).reshape(()) for m in img_metas]
    preds, maxvals = keypoints_from_heatmaps(
        heatmaps,
        centers,
        scales,
        unbiased=test_cfg.get("unbiased_decoding", False),
        post_process=test_cfg.get("post_process", "default"),
        kernel=test_cfg.get("modulate_kernel", 11),
        valid_radius_factor=test_cfg.get("valid_radius_factor", 0.0546875),
        use_udp=test_cfg.get("use_udp", False),
        target_type=test_cfg.get("target_type", "GaussianHeatmap"),
    )
    boxes = np.zeros((len(img_metas), 6), np.float32)
    boxes[:, :2], boxes[:, 2:4] = centers, scales
    boxes[:, 4] = np.prod(scales * 200.0, axis=1)
    boxes[:, 5] = scores
    return {
        "preds": np.concatenate([preds, maxvals], axis=-1).astype(np.float32),
        "boxes": boxes,
        "image_ids": [m["image_id"] for m in img_metas],
        "bbox_ids": [m["bbox_id"] for m in img_metas] if has_ids else None,
    }
