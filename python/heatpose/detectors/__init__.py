"""Where to look: detectors take a photo and give boxes of people, hands or faces.

Importing this loads neither ONNX Runtime nor PyTorch.
"""

from __future__ import annotations

from heatpose.detectors.body_boxes import HandBoxes, PersonBoxes, hand_boxes, person_boxes
from heatpose.detectors.box_files import boxes_of, read_boxes
from heatpose.detectors.detector import Detector
from heatpose.detectors.face_boxes import FaceBoxes, face_boxes
from heatpose.detectors.given import GivenBoxes, as_boxes
from heatpose.detectors.rtmdet import RtmdetDetector
from heatpose.detectors.whole_image import WholeImage
from heatpose.detectors.yolox import YoloxDetector

__all__ = [
    "Detector",
    "FaceBoxes",
    "GivenBoxes",
    "HandBoxes",
    "PersonBoxes",
    "RtmdetDetector",
    "WholeImage",
    "YoloxDetector",
    "as_boxes",
    "boxes_of",
    "face_boxes",
    "hand_boxes",
    "person_boxes",
    "read_boxes",
]
