"""Network and decoder in one CUDA graph: photo in, people out, one launch from the host.

Run: python docs/cuda_graph.py [PHOTO WEIGHTS]

Without arguments a network with random weights runs on noise, which shows the speed and finds
nobody. Needs a CUDA device, and heatpose built with CUDA (`heatpose info` says both).
"""

from __future__ import annotations

import sys
import time
from typing import Any

import torch

import heatpose as hp
from heatpose import ops
from heatpose.networks import OpenPoseMobileNetV2Small
from heatpose.weights import load_weights


class GraphedBody:
    """A body network and its decoder, captured for photos of one size.

    Args:
        network: Maps [1, 3, h, w] to (heatmaps, pafs); on a CUDA device.
        canvas: (H, W) of the photos.
        height: Of the network's input; the photo keeps its aspect.
    """

    def __init__(self, network: Any, canvas: tuple[int, int], height: int = 368) -> None:
        self.device = next(network.parameters()).device
        self.photo = torch.zeros((*canvas, 3), dtype=torch.uint8, device=self.device)
        self.network, self.spec = network, network.input_spec
        self.decoder = hp.BodyDecoder(hp.skeletons.COCO18)
        self.scale = height / canvas[0]
        # What is captured must have run before: heatpose brings its tables to the device, cuDNN
        # picks its kernels.
        stream = torch.cuda.Stream(self.device)
        with torch.cuda.stream(stream):
            for _ in range(3):
                self._work()
        torch.cuda.synchronize(self.device)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.queued = self._work()

    @torch.inference_mode()
    def _work(self) -> Any:
        """Prepare, network and decoder, queued on the current stream."""
        pixels, content = ops.prepare_image(
            self.photo,
            scale=self.scale,
            stride=self.spec.stride,
            pad_value=self.spec.pad_value,
            norm_scale=self.spec.norm_scale,
            norm_offset=self.spec.norm_offset,
            swap_rgb=self.spec.colour == "rgb",
            dtype=str(next(self.network.parameters()).dtype).removeprefix("torch."),
        )
        heatmaps, pafs = self.network(pixels)
        return self.decoder.queue(
            heatmaps[0],
            pafs[0],
            canvas=tuple(self.photo.shape[:2]),
            content=content,
            stride=self.spec.stride,
        )

    def __call__(self, photo: Any) -> hp.People:
        """People of a photo: a uint8 tensor [H, W, 3] of the captured size, on any device."""
        self.photo.copy_(photo, non_blocking=True)
        self.graph.replay()
        people: hp.People = self.queued.result()
        return people


def main(arguments: list[str]) -> int:
    """Run on the arguments of the command line."""
    status = hp.cuda_status()
    if not (status.usable and torch.cuda.is_available()):
        print(f"no CUDA device: {status.reason or 'PyTorch finds none'}", file=sys.stderr)
        return 1
    network = OpenPoseMobileNetV2Small()
    if arguments:
        photo = torch.from_numpy(hp.media.read_image(arguments[0]))
        load_weights(network, arguments[1])
    else:
        photo = torch.randint(0, 256, (720, 1280, 3), dtype=torch.uint8)
    body = GraphedBody(network.cuda().half().eval(), (photo.shape[0], photo.shape[1]))
    people = body(photo)
    start, runs = time.perf_counter(), 200
    for _ in range(runs):
        people = body(photo)
    print(f"{people}, {runs / (time.perf_counter() - start):.0f} photos/s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
