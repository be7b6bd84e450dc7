"""The codecs ``MSRAHeatmap`` and ``UDPHeatmap``, and how they get into mmpose's registry."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose import ops
from heatpose.adapters._offsets import combined_keypoints
from heatpose.adapters._patching import Replacements
from heatpose.adapters._top_down import Float32, Floats, as_maps, blur_of, on_host
from heatpose.ops import Array

Decoded = tuple[Floats, Float32]


class _Decoding:
    """What both codecs do with the settings that mmpose's have under the same names."""

    input_size: Any
    heatmap_size: Any
    blur_kernel_size: int

    @property
    def support_batch_decoding(self) -> bool:
        """True: a head hands over the whole batch, which is left where it lies."""
        return True

    def decode(self, encoded: Array) -> Decoded:
        """Decode the maps of one crop.

        Args:
            encoded: Real numbers [K, H, W] ([3 K, H, W] for combined UDP); left as they are.

        Returns:
            keypoints: float [1, K, 2], (x, y) in pixels of the network's input.
            scores: float32 [1, K], the maxima.

        Raises:
            TypeError: no array of real numbers.
            ValueError: another rank, or maps without cells.
        """
        keypoints, scores = self._decode(as_maps("encoded", encoded, (3,))[None])
        return keypoints, scores

    def batch_decode(self, batch_encoded: Array) -> tuple[list[Floats], list[Float32]]:
        """Decode the maps of a batch of crops at once.

        Args:
            batch_encoded: Real numbers [B, K, H, W], as the network gives them: float32, float16 or
                bfloat16 tensors, on a CUDA device too. Only the answers are copied to the host.

        Returns:
            For each crop what :meth:`decode` returns: keypoints and scores.

        Raises:
            TypeError: no array of real numbers.
            ValueError: another rank, or maps without cells.
        """
        keypoints, scores = self._decode(as_maps("batch_encoded", batch_encoded))
        return list(keypoints[:, None]), list(scores[:, None])

    def _decode(self, maps: Any) -> Decoded:
        raise NotImplementedError

    def _steps(self, less: int) -> npt.NDArray[np.float64]:
        """Input pixels per cell along x and y, with ``less`` cells fewer."""
        cells, pixels = (np.array(s, np.float64) for s in (self.heatmap_size, self.input_size))
        if cells.shape != (2,) or not (cells > less).all():
            raise ValueError(
                f"heatmap_size must be (W, H), each above {less}, got {self.heatmap_size!r}"
            )
        if pixels.shape != (2,) or not (pixels >= 0).all():
            raise ValueError(f"input_size must be (w, h) in pixels, got {self.input_size!r}")
        steps: npt.NDArray[np.float64] = pixels / (cells - less)
        return steps


class _MSRADecoding(_Decoding):
    unbiased: bool

    def _decode(self, maps: Any) -> Decoded:
        if self.unbiased:
            settings = {"method": "dark", **blur_of("blur_kernel_size", self.blur_kernel_size)}
        else:
            settings = {"method": "quarter", "quarter_border": "per_axis"}
        transform = np.zeros((2, 3))
        transform[0, 0], transform[1, 1] = self._steps(0)
        coords, scores = ops.decode_heatmaps(
            maps, invalid="minus_one", transform=transform, **settings
        )
        return on_host(coords), on_host(scores)


class _UDPDecoding(_Decoding):
    heatmap_type: str
    radius_factor: float

    def _decode(self, maps: Any) -> Decoded:
        if self.heatmap_type == "combined":
            height, width = maps.shape[-2:]
            radius = self.radius_factor * max(width, height)
            coords, scores = combined_keypoints(
                "encoded", maps, radius, 2 * self.blur_kernel_size + 1
            )
        else:
            blur = blur_of("blur_kernel_size", self.blur_kernel_size)
            decoded = ops.decode_heatmaps(maps, method="dark_udp", invalid="minus_one", **blur)
            coords, scores = (on_host(array) for array in decoded)
        return coords * self._steps(1), scores


class _Standalone:
    """What mmpose's base class has for those who look at it."""

    auxiliary_encode_keys: frozenset[str] = frozenset()
    field_mapping_table = {"heatmaps": "heatmaps"}  # noqa: RUF012
    instance_mapping_table: dict[str, str] = {}  # noqa: RUF012
    label_mapping_table = {"keypoint_weights": "keypoint_weights"}  # noqa: RUF012

    def encode(self, keypoints: Any, keypoints_visible: Any = None) -> Any:
        """Refused: targets are mmpose's own, which a codec put there by register() keeps."""
        raise NotImplementedError(
            f"{type(self).__name__} of heatpose decodes only; call heatpose.adapters.mmpose."
            "register(), whose codecs encode as the installed mmpose does"
        )


class MSRAHeatmap(_MSRADecoding, _Standalone):
    """One Gaussian per keypoint: the maximum and a quarter of a cell, or DARK."""

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        sigma: float,
        unbiased: bool = False,
        blur_kernel_size: int = 11,
    ) -> None:
        """Take mmpose's settings.

        Args:
            input_size: (w, h) of the network's input in pixels.
            heatmap_size: (W, H) of the maps in cells.
            sigma: Of the targets; decoding does not look at it.
            unbiased: DARK in place of the quarter.
            blur_kernel_size: Odd, OpenCV's size of DARK's blur.

        Raises:
            ValueError: a size is none.
        """
        self.input_size, self.heatmap_size = input_size, heatmap_size
        self.sigma, self.unbiased, self.blur_kernel_size = sigma, unbiased, blur_kernel_size
        self.scale_factor = self._steps(0).astype(np.float32)


class UDPHeatmap(_UDPDecoding, _Standalone):
    """Unbiased data processing: Gaussians and DARK-UDP, or a class map and two of offsets."""

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        heatmap_type: str = "gaussian",
        sigma: float = 2.0,
        radius_factor: float = 0.0546875,
        blur_kernel_size: int = 11,
    ) -> None:
        """Take mmpose's settings.

        Args:
            input_size: (w, h) of the network's input in pixels.
            heatmap_size: (W, H) of the maps in cells.
            heatmap_type: "gaussian" or "combined".
            sigma: Of the targets; decoding does not look at it.
            radius_factor: Offsets are in units of this times the longer side of the maps.
            blur_kernel_size: Odd, OpenCV's size of DARK's blur; for class maps twice that plus 1.

        Raises:
            ValueError: heatmap_type is neither, or a size is none.
        """
        if heatmap_type not in ("gaussian", "combined"):
            raise ValueError(f"heatmap_type must be gaussian or combined, got {heatmap_type!r}")
        self.input_size, self.heatmap_size = input_size, heatmap_size
        self.heatmap_type, self.sigma = heatmap_type, sigma
        self.radius_factor, self.blur_kernel_size = radius_factor, blur_kernel_size
        self._steps(1)  # checks the sizes
        cells = np.array(heatmap_size, np.float64) - 1
        self.scale_factor = ((np.array(input_size, np.float64) - 1) / cells).astype(np.float32)


_CODECS: dict[str, tuple[type[_Decoding], type]] = {
    "MSRAHeatmap": (_MSRADecoding, MSRAHeatmap),
    "UDPHeatmap": (_UDPDecoding, UDPHeatmap),
}


def register(registry: Any = None) -> Callable[[], None]:
    """Put the codecs into mmpose's registry, so that configurations that name them get these.

    Each one is a subclass of the codec that was registered under the name, with all it had (its
    targets, for training) but the decoding. Heads that were built before keep their codec.

    Args:
        registry: None for ``mmpose.registry.KEYPOINT_CODECS`` of the installed mmpose; otherwise an
            mmengine Registry.

    Returns:
        A function that takes this registration back; with the last one mmpose's codecs return.
        Calling it twice does no harm.

    Raises:
        ImportError: mmpose is not installed, and no registry is given.
    """
    if registry is None:
        importlib.import_module("mmpose.codecs")  # registers its own
        registry = importlib.import_module("mmpose.registry").KEYPOINT_CODECS
    patched = Replacements()
    for name, (_, standalone) in _CODECS.items():
        installed = registry.get(name)
        codec = standalone
        if installed is not None:
            codec = installed if issubclass(installed, _Decoding) else _codec(name, installed)
        patched.put(registry, name, codec, read=_registered, write=_register)
    return patched.undo


@functools.cache
def _codec(name: str, installed: type) -> type:
    """A codec with all that the installed one has but the decoding."""
    text = f"{installed.__doc__ or ''}\n\nDecoded by heatpose."

    def reduce(self: Any) -> tuple[Any, ...]:  # the class itself lies in no module
        return _empty_codec, (name, installed), vars(self)

    # mmengine builds a codec from its class, whose module and name it shows in errors.
    members = {"__doc__": text, "__module__": __name__, "__reduce__": reduce}
    return type(name, (_CODECS[name][0], installed), members)


def _empty_codec(name: str, installed: type) -> Any:
    codec: Any = _codec(name, installed)
    return codec.__new__(codec)


def _registered(registry: Any, name: str) -> Any:
    return registry.module_dict.get(name)


def _register(registry: Any, name: str, codec: Any) -> None:
    if codec is None:
        registry.module_dict.pop(name, None)
    else:
        registry.register_module(name=name, force=True, module=codec)
