"""``trt_pose.parse_objects``: a network's maps in, people out."""

from __future__ import annotations

import torch

from heatpose import ops
from heatpose.adapters.trt_pose._tensors import read_topology, tensor_of
from heatpose.ops._arrays import whole


class ParseObjects:
    """The whole chain of :mod:`heatpose.adapters.trt_pose.plugins`.

    On a CUDA device nothing waits for it: maps need not be copied to the host first.

    Args:
        topology: Whole numbers [K, 4]: for each limb its field channels (along the rows, along the
            columns) and its two parts. Best on the CPU: one on a device is waited for.
        cmap_threshold: A peak's value is at least this.
        link_threshold: A connection's score exceeds this.
        cmap_window: Side of the square in which a peak is the largest, and by which it is refined.
        line_integral_samples: Points on the way between two peaks.
        max_num_parts: Peaks of a part; of more, the first in raster order stay.
        max_num_objects: People; further ones are left out.
    """

    def __init__(
        self,
        topology: torch.Tensor,
        cmap_threshold: float = 0.1,
        link_threshold: float = 0.1,
        cmap_window: int = 5,
        line_integral_samples: int = 7,
        max_num_parts: int = 100,
        max_num_objects: int = 100,
    ) -> None:
        self.topology = topology
        self.cmap_threshold = cmap_threshold
        self.link_threshold = link_threshold
        self.cmap_window = cmap_window
        self.line_integral_samples = line_integral_samples
        self.max_num_parts = max_num_parts
        self.max_num_objects = max_num_objects

    def __call__(
        self, cmap: torch.Tensor, paf: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Find the people of a batch.

        Args:
            cmap: [N, C, H, W], heatmaps: float32, float16 or bfloat16.
            paf: [N, 2 K, H, W], part affinity fields, on the same device.

        Returns:
            counts: int32 [N], how many people were found.
            objects: int32 [N, max_num_objects, C], which of its part's peaks each one has, or -1.
            normalized_peaks: float32 [N, C, max_num_parts, 2], (y, x) as shares of the map.

        Raises:
            TypeError: an array or setting is of another type.
            ValueError: a shape or setting is wrong.
        """
        limbs, channels = read_topology(self.topology)
        cmap, paf = tensor_of("cmap", cmap, 4), tensor_of("paf", paf, 4)
        window = max(whole("cmap_window", self.cmap_window, low=0), 1)
        parts = whole("max_num_parts", self.max_num_parts, low=0)
        people = whole("max_num_objects", self.max_num_objects, low=0)
        if parts == 0:
            images, channel_count = cmap.shape[:2]
            return (
                cmap.new_zeros(images, dtype=torch.int32),
                cmap.new_full((images, people, channel_count), -1, dtype=torch.int32),
                cmap.new_zeros((images, channel_count, 0, 2), dtype=torch.float32),
            )
        found = ops.grid_people(
            cmap,
            paf,
            limbs,
            channels,
            threshold=self.cmap_threshold,
            window=window,
            samples=self.line_integral_samples,
            link_threshold=self.link_threshold,
            max_peaks=parts,
            max_people=people,
        )
        return found.counts, found.people, found.places.flip(-1)
