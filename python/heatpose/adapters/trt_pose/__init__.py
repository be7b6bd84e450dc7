"""trt_pose's parser: ``trt_pose.plugins`` and ``ParseObjects``, on the CPU and on CUDA devices.

``import trt_pose.plugins`` becomes ``from heatpose.adapters.trt_pose import plugins``, and
``from trt_pose.parse_objects import ParseObjects`` becomes
``from heatpose.adapters.trt_pose import ParseObjects``; likewise ``DrawObjects`` and, of
``trt_pose.coco``, what reads a category. Needs PyTorch, and nothing to compile.
"""

from heatpose.adapters.trt_pose import plugins
from heatpose.adapters.trt_pose.draw_objects import (
    DrawObjects,
    coco_category_to_parts,
    coco_category_to_topology,
)
from heatpose.adapters.trt_pose.parse_objects import ParseObjects

__all__ = [
    "DrawObjects",
    "ParseObjects",
    "coco_category_to_parts",
    "coco_category_to_topology",
    "plugins",
]
