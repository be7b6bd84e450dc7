"""``TfPoseEstimator``: a picture in, people out, without TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from heatpose.adapters.tf_pose.common import CocoColors, CocoPairsRender, CocoPart
from heatpose.adapters.tf_pose.estimator import Human, PoseEstimator, estimate
from heatpose.adapters.tf_pose.networks import load_graph
from heatpose.adapters.tf_pose.peaks import find_peaks
from heatpose.ops._arrays import finite, whole
from heatpose.skeletons import COCO18

if TYPE_CHECKING:
    import torch
    from torch import nn

Float32 = npt.NDArray[np.float32]

_HEATMAPS, _PAFS = COCO18.num_heatmaps, COCO18.num_pafs
_STRIDE = 8
_RADIUS, _LINE = 3, 3


class TfPoseEstimator:
    """Runs a network on pictures and groups what it finds into people.

    Args:
        graph_path: A weight file of a body network that
            :func:`heatpose.weights.convert.read_checkpoint` reads, as the program's frozen graphs;
            or a network, a torch module that maps [1, 3, H, W] to 19 heatmaps and 38 fields, or to
            all 57. It gets grey levels of 0..255, unless it has an ``input_spec``.
        target_size: (width, height) of what the network sees.
        tf_config: Not looked at: there is no TensorFlow session.
        trt_bool: Not looked at: there is no TensorRT.
        device: "auto" leaves a module where it is, and takes a CUDA device for a file if there is
            one; or a torch device.

    Attributes:
        target_size: As given.

    Raises:
        TypeError: an argument is of another type.
        FileNotFoundError: no such file.
        ValueError: other weights, or a size below 8.
    """

    def __init__(
        self,
        graph_path: str | os.PathLike[str] | nn.Module,
        target_size: Sequence[int] = (320, 240),
        tf_config: Any = None,
        trt_bool: bool = False,
        *,
        device: str | torch.device = "auto",
    ) -> None:
        self.target_size = _size(target_size)
        network = load_graph(graph_path)

        from heatpose.estimators.runner import Runner
        from heatpose.estimators.setup import pick_device, pick_dtype
        from heatpose.networks import InputSpec

        own = network if network is graph_path else None
        self._runner = Runner(network, pick_device(device, own), pick_dtype(None, network))
        spec = getattr(network, "input_spec", None)
        raw = InputSpec(norm_scale=1.0, norm_offset=0.0)
        self._spec: InputSpec = spec if isinstance(spec, InputSpec) else raw
        self._maps: Any = None
        self._map_size = (0, 0)

    def inference(
        self,
        npimg: npt.NDArray[Any],
        resize_to_default: bool = True,
        upsample_size: float = 1.0,
    ) -> list[Human]:
        """Find the people of a picture.

        Args:
            npimg: [H, W, 3] BGR, uint8 or floats of 0..255.
            resize_to_default: Resize it to ``target_size``, whatever its shape. False: the network
                sees it as it is.
            upsample_size: How much larger than an eighth of the network's input the maps are that
                people are looked for in. Whole numbers take a shorter way.

        Returns:
            People in the order in which they were found, places as shares of width and height.

        Raises:
            TypeError: an argument is of another type.
            ValueError: no picture, a factor that leaves no maps, or a network with other outputs.
        """
        picture = _picture(npimg)
        factor = finite("upsample_size", upsample_size, above=0)
        if resize_to_default and picture.shape[1::-1] != self.target_size:
            import cv2

            picture = cv2.resize(picture, self.target_size, interpolation=cv2.INTER_CUBIC)
        height, width = (int(side / _STRIDE * factor) for side in picture.shape[:2])
        if height < 1 or width < 1:
            raise ValueError(
                f"upsample_size {upsample_size} leaves maps of {height} x {width} cells"
            )
        heat, pafs = self._run(picture)
        self._maps, self._map_size = (heat, pafs), (height, width)
        rows, columns = (int(side) for side in heat.shape[1:])
        if (height % rows, width % columns) == (0, 0) and height // rows == width // columns:
            return estimate(_together(heat, pafs), height // rows)
        heat_mat, paf_mat = self._enlarged(0), self._enlarged(1)
        return PoseEstimator.estimate_paf(find_peaks(heat_mat), heat_mat, paf_mat)

    @property
    def heatMat(self) -> Float32 | None:  # noqa: N802
        """The enlarged heatmaps of the last picture, float32 [H, W, 19]; None before the first."""
        return None if self._maps is None else self._enlarged(0)

    @property
    def pafMat(self) -> Float32 | None:  # noqa: N802
        """The enlarged fields of the last picture, float32 [H, W, 38]; None before the first."""
        return None if self._maps is None else self._enlarged(1)

    @staticmethod
    def draw_humans(
        npimg: npt.NDArray[np.uint8], humans: Sequence[Human], imgcopy: bool = False
    ) -> npt.NDArray[np.uint8]:
        """Draw people into a picture: parts as rings, limbs as lines.

        Args:
            npimg: uint8 [H, W, 3].
            humans: People.
            imgcopy: Draw on a copy.

        Returns:
            The picture.

        Raises:
            TypeError: not a uint8 array.
            ValueError: another shape.
        """
        import cv2

        from heatpose.media import check_image

        check_image(npimg, name="npimg")
        picture = npimg.copy() if imgcopy else npimg
        height, width = picture.shape[:2]
        for human in humans:
            centers = {
                part: (int(one.x * width + 0.5), int(one.y * height + 0.5))
                for part, one in human.body_parts.items()
                if part < CocoPart.Background.value
            }
            for part in sorted(centers):
                cv2.circle(picture, centers[part], _RADIUS, CocoColors[part], _LINE)
            for (a, b), color in zip(CocoPairsRender, CocoColors, strict=False):
                if a in centers and b in centers:
                    cv2.line(picture, centers[a], centers[b], color, _LINE)
        return picture

    def _run(self, picture: npt.NDArray[Any]) -> tuple[Any, Any]:
        """Heatmaps [19, h, w] and fields [38, h, w] of a picture, where they are decoded."""
        import torch

        spec = self._spec
        ordered = picture[:, :, ::-1] if spec.colour == "rgb" else picture
        grey = ordered.astype(np.float32) * np.float32(spec.norm_scale) + np.float32(
            spec.norm_offset
        )
        batch = torch.from_numpy(np.ascontiguousarray(grey.transpose(2, 0, 1))[None])
        with torch.inference_mode():
            outputs = self._runner.network(self._runner.to_network(batch))
            several = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
            by_channels = {int(maps.shape[1]): maps[0] for maps in several}
            if _HEATMAPS + _PAFS in by_channels:
                both = by_channels[_HEATMAPS + _PAFS]
                by_channels = {_HEATMAPS: both[:_HEATMAPS], _PAFS: both[_HEATMAPS:]}
            if not {_HEATMAPS, _PAFS} <= set(by_channels):
                raise ValueError(
                    f"the network must give maps of {_HEATMAPS} and {_PAFS} channels, or "
                    f"{_HEATMAPS + _PAFS}, got {[tuple(maps.shape) for maps in several]}"
                )
            to_decoder = self._runner.to_decoder
            return to_decoder(by_channels[_HEATMAPS]), to_decoder(by_channels[_PAFS])

    def _enlarged(self, which: int) -> Float32:
        maps = self._maps[which]
        host = maps if isinstance(maps, np.ndarray) else maps.float().cpu().numpy()
        return _by_area(host, self._map_size)


def _size(target_size: Any) -> tuple[int, int]:
    try:
        sides = tuple(target_size)
    except TypeError:
        raise TypeError(f"target_size must be (width, height), got {target_size!r}") from None
    if len(sides) != 2:
        raise ValueError(f"target_size must be (width, height), got {target_size!r}")
    width, height = (whole("target_size's sides", side, low=_STRIDE) for side in sides)
    return width, height


def _picture(npimg: Any) -> npt.NDArray[Any]:
    if not isinstance(npimg, np.ndarray) or (npimg.dtype != np.uint8 and npimg.dtype.kind != "f"):
        given = getattr(npimg, "dtype", type(npimg).__name__)
        raise TypeError(f"npimg must be an array of uint8 or floats, got {given}")
    if npimg.ndim != 3 or npimg.shape[2] != 3 or npimg.size == 0:
        raise ValueError(f"npimg must be [H, W, 3] with pixels, got {list(npimg.shape)}")
    if npimg.dtype == np.uint8:
        return npimg
    if not np.isfinite(npimg).all():
        raise ValueError("npimg must be finite")
    return npimg.astype(np.float32)


def _together(heat: Any, pafs: Any) -> Any:
    """The network's output [h, w, 57]."""
    if isinstance(heat, np.ndarray):
        return np.concatenate([heat, pafs]).transpose(1, 2, 0)
    import torch

    return torch.cat([heat, pafs]).permute(1, 2, 0)


def _by_area(maps: Float32, size: tuple[int, int]) -> Float32:
    """Maps [C, h, w] at another size [H, W, C]: each pixel the mean of what it covers.

    TensorFlow's ``resize_area``, which for whole factors repeats pixels.
    """
    if any(new % old for new, old in zip(size, maps.shape[1:], strict=True)):
        down, across = (_shares(old, new) for old, new in zip(maps.shape[1:], size, strict=True))
        large = down @ maps @ across.T
    else:
        large = maps.repeat(size[0] // maps.shape[1], axis=1)
        large = large.repeat(size[1] // maps.shape[2], axis=2)
    return np.ascontiguousarray(large.transpose(1, 2, 0), np.float32)


def _shares(old: int, new: int) -> Float32:
    """How much of each new pixel each old one is, [new, old]."""
    edges = np.arange(new + 1) * (old / new)
    cells = np.arange(old)
    low = np.maximum(edges[:-1, None], cells)
    high = np.minimum(edges[1:, None], cells + 1)
    shares = np.maximum(high - low, 0)
    answer: Float32 = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return answer
