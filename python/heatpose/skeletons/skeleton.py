"""What a skeleton is: the frozen record every family below is an instance of."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

Color = tuple[int, int, int]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Skeleton:
    """Keypoints of a body, a hand or a whole person, and how a network lays them out.

    Keypoint ``k`` is heatmap channel ``k``; a background channel, when there is one, comes last.

    Attributes:
        name: Short name, the key in ``heatpose.skeletons.BY_NAME``.
        keypoints: Names of the K keypoints, ``left_``/``right_`` seen by the person.
        limbs: (a, b) keypoint indices. The order is the order of association.
        paf_channels: (x, y) channels of each limb inside the PAF stack, in the order of ``limbs``;
            empty for skeletons of top-down networks, which have no PAFs.
        non_starting_limbs: Indices of limbs that join people but never start one. They close a loop
            of the limb graph, so that drawings leave them out.
        has_background: Whether the heatmaps hold one more channel, the background.
        flip: Permutation of the keypoints when the photo is mirrored: keypoint ``k`` of the
            mirrored person is ``flip[k]`` of the original. Default: swaps ``left_x``, ``right_x``.
        oks_sigmas: Standard deviation of the annotators per keypoint, in units of the square root
            of the person's area (COCO's sigma: the similarity OKS uses twice this value).
            Empty where nobody has measured them.
        keypoint_colors: RGB 0..255 per keypoint. Default: evenly spaced hues.
        limb_colors: RGB 0..255 per limb. Default: the colour of the limb's second keypoint.
        parts: Named runs of keypoints such as a face: (name, (first keypoint, one past the last)).
            Drawings know ``face`` and the names that end with ``hand``: their lines are fine.
    """

    name: str
    keypoints: tuple[str, ...]
    limbs: tuple[Pair, ...]
    paf_channels: tuple[Pair, ...] = ()
    non_starting_limbs: tuple[int, ...] = ()
    has_background: bool = False
    flip: tuple[int, ...] = ()
    oks_sigmas: tuple[float, ...] = ()
    keypoint_colors: tuple[Color, ...] = ()
    limb_colors: tuple[Color, ...] = ()
    parts: tuple[tuple[str, Pair], ...] = ()

    def __post_init__(self) -> None:
        """Fill the defaults and check that the fields fit together.

        Raises:
            ValueError: naming the field that does not fit, and why.
        """
        for field in ("keypoints", "non_starting_limbs", "oks_sigmas"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        for field in ("limbs", "paf_channels", "keypoint_colors", "limb_colors"):
            object.__setattr__(self, field, tuple(tuple(row) for row in getattr(self, field)))
        self._check_names()
        self._check_limbs()
        object.__setattr__(self, "flip", tuple(self.flip) or flip_by_name(self.keypoints))
        self._check_flip()
        self._check_parts()
        if self.oks_sigmas:
            self._check_length("oks_sigmas", len(self.oks_sigmas), self.num_keypoints)
            if not all(0 < sigma < 1 for sigma in self.oks_sigmas):
                raise ValueError(f"{self.name}: oks_sigmas must lie between 0 and 1")
        self._check_colors()

    @property
    def num_keypoints(self) -> int:
        """K, without the background."""
        return len(self.keypoints)

    def part(self, name: str) -> slice:
        """The keypoints of a part, as a slice; ValueError for an unknown one."""
        for part, (first, end) in self.parts:
            if part == name:
                return slice(first, end)
        known = ", ".join(part for part, _ in self.parts) or "none"
        raise ValueError(f"{self.name} has no part {name!r}; its parts: {known}")

    @property
    def num_heatmaps(self) -> int:
        """Channels of the heatmap stack: K, and one more for a background."""
        return self.num_keypoints + int(self.has_background)

    @property
    def num_pafs(self) -> int:
        """Channels of the PAF stack: two per limb, 0 for top-down skeletons."""
        return 2 * len(self.paf_channels)

    def index(self, keypoint: str) -> int:
        """Index of a keypoint by name; ValueError for an unknown one."""
        try:
            return self.keypoints.index(keypoint)
        except ValueError:
            raise ValueError(f"{self.name} has no keypoint {keypoint!r}") from None

    def _check_names(self) -> None:
        if not self.keypoints:
            raise ValueError(f"{self.name}: keypoints must hold at least one name")
        if len(set(self.keypoints)) != len(self.keypoints):
            raise ValueError(f"{self.name}: keypoints must be different names")

    def _check_limbs(self) -> None:
        for limb in self.limbs:
            if len(limb) != 2 or limb[0] == limb[1]:
                raise ValueError(f"{self.name}: limbs must be pairs of two keypoints, got {limb}")
            if not all(0 <= k < self.num_keypoints for k in limb):
                raise ValueError(
                    f"{self.name}: limbs must hold keypoints 0..{self.num_keypoints - 1}: {limb}"
                )
        if len({frozenset(limb) for limb in self.limbs}) != len(self.limbs):
            raise ValueError(f"{self.name}: limbs must not repeat a pair")
        if self.paf_channels:
            self._check_length("paf_channels", len(self.paf_channels), len(self.limbs))
            channels = sorted(channel for pair in self.paf_channels for channel in pair)
            if channels != list(range(2 * len(self.limbs))):
                raise ValueError(
                    f"{self.name}: paf_channels must use each of 0..{2 * len(self.limbs) - 1} once"
                )
        if not set(self.non_starting_limbs) <= set(range(len(self.limbs))):
            raise ValueError(
                f"{self.name}: non_starting_limbs must be indices of limbs, "
                f"got {self.non_starting_limbs}"
            )

    def _check_flip(self) -> None:
        self._check_length("flip", len(self.flip), self.num_keypoints)
        if sorted(self.flip) != list(range(self.num_keypoints)):
            raise ValueError(f"{self.name}: flip must be a permutation of the keypoints")
        if any(self.flip[self.flip[k]] != k for k in range(self.num_keypoints)):
            raise ValueError(f"{self.name}: flip must be its own inverse")

    def _check_parts(self) -> None:
        if len({name for name, _ in self.parts}) != len(self.parts):
            raise ValueError(f"{self.name}: parts must have different names")
        for name, (first, end) in self.parts:
            if not 0 <= first < end <= self.num_keypoints:
                raise ValueError(
                    f"{self.name}: part {name} must lie within the {self.num_keypoints} keypoints, "
                    f"got {first} to {end}"
                )

    def _check_colors(self) -> None:
        colors = self.keypoint_colors or evenly_spaced_hues(self.num_keypoints)
        object.__setattr__(self, "keypoint_colors", colors)
        self._check_length("keypoint_colors", len(colors), self.num_keypoints)
        limb_colors = self.limb_colors or tuple(colors[b] for _, b in self.limbs)
        object.__setattr__(self, "limb_colors", limb_colors)
        self._check_length("limb_colors", len(self.limb_colors), len(self.limbs))
        for color in (*self.keypoint_colors, *self.limb_colors):
            if len(color) != 3 or not all(0 <= value <= 255 for value in color):
                raise ValueError(f"{self.name}: colours must be RGB 0..255, got {color}")

    def _check_length(self, field: str, got: int, needed: int) -> None:
        if got != needed:
            raise ValueError(f"{self.name}: {field} must hold {needed} entries, got {got}")


def flip_by_name(keypoints: Sequence[str]) -> tuple[int, ...]:
    """The permutation that swaps ``left_x`` with ``right_x`` and leaves all others in place."""
    index = {name: k for k, name in enumerate(keypoints)}

    def mirrored(name: str) -> str:
        for side, other in (("left_", "right_"), ("right_", "left_")):
            if name.startswith(side):
                return other + name.removeprefix(side)
        return name

    return tuple(index.get(mirrored(name), k) for k, name in enumerate(keypoints))


def evenly_spaced_hues(count: int) -> tuple[Color, ...]:
    """``count`` bright RGB colours around the colour circle."""
    return tuple(hue(k / max(count, 1)) for k in range(count))


def hue(turn: float, *, saturation: float = 0.72, value: float = 1.0) -> Color:
    """One RGB colour; ``turn`` is the hue as a fraction of the colour circle."""
    red, green, blue = colorsys.hsv_to_rgb(turn % 1.0, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)
