"""Small videos made with PyAV, and people whose places can be read off their pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from heatpose.results import People
from heatpose.skeletons import COCO17

# Times in 1/90000 s: at first 30 a second, then 10, then uneven.
TIMES = [0, 3000, 6000, 9000, 18000, 27000, 36000, 37001, 40003, 49000, 52000, 55000]
# Of a standing person, in pixels from its middle.
FIGURE = np.float32(
    [
        *[[0, -40], [4, -44], [-4, -44], [8, -42], [-8, -42], [16, -28], [-16, -28], [20, -10]],
        *[[-20, -10], [22, 6], [-22, 6], [9, 6], [-9, 6], [10, 26], [-10, 26], [10, 46], [-10, 46]],
    ]
)


def make_video(
    path: Path,
    times: Sequence[int] = TIMES,
    *,
    size: tuple[int, int] = (48, 64),
    rotation: int = 0,
    sound: str | None = None,
    paint: Callable[[int], Any] | None = None,
    codec: str = "libx264",
    damage: Sequence[int] = (),
) -> Path:
    """A video of frames with a white square that moves; the packets of ``damage`` are noise."""
    import av

    height, width = size
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=30)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        if codec == "mjpeg":
            stream.pix_fmt = "yuvj420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 90000)
        if rotation:
            stream.set_display_rotation(rotation)
        track: Any = container.add_stream(sound, rate=16000, layout="mono") if sound else None
        if track is not None:
            tone = np.sin(np.arange(16000 * 6 // 10) / 8).astype(np.float32)[None]
            wave: Any = av.AudioFrame.from_ndarray(tone, format="flt", layout="mono")
            wave.sample_rate, wave.pts, wave.time_base = 16000, 0, Fraction(1, 16000)
            resampler = av.AudioResampler(format=track.codec_context.format, layout="mono")
            fifo = av.AudioFifo()
            for piece in resampler.resample(wave):
                fifo.write(piece)
            while (piece := fifo.read(1024)) is not None:
                container.mux(track.encode(piece))
            container.mux(track.encode(None))
        packets = []
        for number, time in enumerate(times):
            image = np.zeros((height, width, 3), np.uint8)
            if paint is None:
                image[8:16, 4 + 2 * number : 12 + 2 * number] = 255
            else:
                image[:] = paint(number)
            frame: Any = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = time, Fraction(1, 90000)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        container.mux(packets)
    if damage:
        _damage(path, damage)
    return path


def _damage(path: Path, numbers: Sequence[int]) -> None:
    """Write noise over the insides of some packets."""
    import av

    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        for number, packet in enumerate(container.demux(video=0)):
            if number in numbers:
                begin, end = packet.pos + 4, packet.pos + packet.size
                data[begin:end] = b"\x17" * (end - begin)
    path.write_bytes(data)


def people_at(places: Any, *, size: float = 1.0, canvas: tuple[int, int] = (480, 640)) -> People:
    """COCO-17 people of the planted figure at [P, 2] places."""
    middles = np.asarray(places, np.float32).reshape(-1, 1, 2)
    keypoints = (middles + size * FIGURE).astype(np.float32)
    scores = np.full(keypoints.shape[:2], 0.5, np.float32)
    return People(keypoints, scores, np.ones(len(keypoints), np.float32), COCO17, canvas)


def square_estimator(images: list[Any]) -> list[People]:
    """One person with all keypoints around the middle of what is bright; nobody in the dark."""
    found = []
    for image in images:
        ys, xs = np.nonzero(image[..., 1] > 128)
        places = [[xs.mean(), ys.mean()]] if len(xs) else []
        found.append(people_at(places, size=0.4, canvas=image.shape[:2]))
    return found
