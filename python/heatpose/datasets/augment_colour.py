"""Changes of a photo's pixels that leave every keypoint where it is.

OpenCV does the work. Measured on one core with a photo of 368 x 368 pixels
(``python -m benchmarks.bench_augment``): 2.2 ms where every change of this module is drawn, 0.2 to
0.6 as usual. The same with kornia 0.9 takes 18 ms (colour 7.1, JPEG 7.0, motion blur 2.5, noise
1.2, blur 0.6) of the 33 that a photo may take where two cores feed 60 a second beside the network.
kornia also draws from torch's global generator, which workers and a resumed run share with all
else; it does not swap left and right keypoints when it mirrors; and its affine warp (2.6 ms) does
what ``ops.warp_crops`` does in 0.3. Of the other libraries with keypoints, albumentations needs
``opencv-python-headless``, which overwrites the OpenCV that heatpose depends on, and torchvision
is tied to one build of torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import cv2
import numpy as np
from numpy.typing import NDArray

from heatpose.datasets.augment_scene import UInt8


@dataclass(frozen=True)
class ColourOptions:
    """How strongly, and how often, pixels change. Zeros leave them alone.

    Attributes:
        brightness: Greatest change of all grey levels, as a share of 255.
        contrast: Greatest relative change about the middle grey.
        saturation: Greatest relative change of the distance to grey.
        hue: Greatest turn of the colours, in degrees.
        balance: Greatest relative change of each of the three channels.
        gamma: Greatest exponent; its inverse is the least.
        grey: Probability of a photo without colour.
        blur: Probability of a Gaussian blur.
        blur_sigma: Greatest standard deviation, in pixels.
        motion: Probability of a motion blur, of any direction.
        motion_length: Greatest length, in pixels.
        noise: Probability of normal noise, each pixel and channel its own.
        noise_sigma: Greatest standard deviation, in grey levels.
        jpeg: Probability of a JPEG of low quality.
        jpeg_quality: Least and greatest quality.
    """

    brightness: float = 0.12
    contrast: float = 0.3
    saturation: float = 0.4
    hue: float = 15.0
    balance: float = 0.08
    gamma: float = 1.3
    grey: float = 0.05
    blur: float = 0.1
    blur_sigma: float = 1.5
    motion: float = 0.05
    motion_length: float = 9.0
    noise: float = 0.15
    noise_sigma: float = 10.0
    jpeg: float = 0.2
    jpeg_quality: tuple[int, int] = (30, 90)


NO_COLOUR = ColourOptions(0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)
"""Nothing, as in the published training of the top-down systems."""


def recolour(photo: UInt8, options: ColourOptions, rng: np.random.Generator) -> UInt8:
    """Change the pixels of a photo at random.

    Args:
        photo: uint8 [H, W, 3] BGR.
        options: The ranges.
        rng: Where random numbers come from.

    Returns:
        uint8 [H, W, 3] BGR, never the memory of ``photo`` changed.
    """
    matrix, power = _colour_matrix(options, rng), _uniform(rng, np.log(options.gamma))
    if not np.array_equal(matrix, np.eye(3, 4)):
        photo = _pixels(cv2.transform(photo, matrix))
    if power:
        levels = np.arange(256) / 255
        photo = _pixels(cv2.LUT(photo, np.rint(255 * levels ** np.exp(power)).astype(np.uint8)))
    if rng.random() < options.blur:
        sigma = rng.uniform(0.3, max(options.blur_sigma, 0.3))
        photo = _pixels(cv2.GaussianBlur(photo, (0, 0), sigma))
    if rng.random() < options.motion:
        photo = _pixels(cv2.filter2D(photo, -1, _streak(options, rng)))
    if rng.random() < options.noise:
        photo = _with_noise(photo, rng.uniform(0, options.noise_sigma), rng)
    if rng.random() < options.jpeg:
        low, high = options.jpeg_quality
        quality = int(rng.integers(low, high + 1))
        encoded = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        photo = _pixels(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    return photo


def _colour_matrix(options: ColourOptions, rng: np.random.Generator) -> NDArray[np.float64]:
    """All linear changes as one [3, 4] map of blue, green, red."""
    brightness = 255 * _uniform(rng, options.brightness)
    contrast = 1 + _uniform(rng, options.contrast)
    saturation = 1 + _uniform(rng, options.saturation)
    turn = np.radians(_uniform(rng, options.hue))
    balance = 1 + rng.uniform(-1, 1, 3) * options.balance
    if rng.random() < options.grey:
        saturation = 0.0
    # Hue turns the colours about the grey axis in YIQ, in which saturation is the distance to it.
    yiq = np.array([[0.114, 0.587, 0.299], [-0.3213, -0.2744, 0.5957], [0.3111, -0.5226, 0.2115]])
    cos, sin = saturation * np.cos(turn), saturation * np.sin(turn)
    turned = np.linalg.inv(yiq) @ np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ yiq
    if saturation == 1 and turn == 0:
        turned = np.eye(3)
    linear = contrast * balance[:, None] * turned
    # About the middle grey.
    offset = np.full((3, 1), 127.5 * (1 - contrast) + brightness)
    return np.concatenate([linear, offset], axis=1)


def _streak(options: ColourOptions, rng: np.random.Generator) -> NDArray[np.float32]:
    """The kernel of a motion blur."""
    length = rng.uniform(2, max(options.motion_length, 2))
    angle = rng.uniform(0, np.pi)
    half = int(np.ceil(length / 2))
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    along, aside = x * np.cos(angle) + y * np.sin(angle), x * np.sin(angle) - y * np.cos(angle)
    kernel = np.clip(length / 2 + 0.5 - np.abs(along), 0, 1) * np.clip(1 - np.abs(aside), 0, 1)
    streak: NDArray[np.float32] = (kernel / kernel.sum()).astype(np.float32)
    return streak


def _with_noise(photo: UInt8, sigma: float, rng: np.random.Generator) -> UInt8:
    """Add normal noise: random bytes through a table, as normal numbers cost 20 times as much."""
    steps = rng.integers(0, 256, photo.shape, np.uint8)
    noise = cv2.LUT(steps, (_quantiles() * sigma).astype(np.float32))
    return _pixels(cv2.add(photo, noise, dtype=cv2.CV_8U))


@cache
def _quantiles() -> NDArray[np.float64]:
    """The middles of 256 equally likely slices of the normal distribution."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((i + 0.5) / 256) for i in range(256)])


def _uniform(rng: np.random.Generator, limit: float) -> float:
    """Between minus and plus ``limit``; a number is drawn even where that is 0."""
    return float(rng.uniform(-1, 1) * limit)


def _pixels(photo: object) -> UInt8:
    return np.asarray(photo, np.uint8)
