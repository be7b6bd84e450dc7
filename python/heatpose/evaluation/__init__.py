"""How good a network is: AP and AR by OKS, and PCK, AUC, EPE, NME by distance."""

from __future__ import annotations

from heatpose.evaluation.coco import evaluate_coco
from heatpose.evaluation.coco_report import CocoReport, OksScores
from heatpose.evaluation.distances import (
    HEAD,
    TORSO,
    Pck,
    auc,
    epe,
    longer_sides,
    missing_share,
    nme,
    pck,
    reference_sizes,
)
from heatpose.evaluation.keypoint_report import KeypointReport
from heatpose.evaluation.keypoints import (
    KeypointTruth,
    evaluate_keypoints,
    match_people,
    true_keypoints,
)
from heatpose.evaluation.oks import oks, oks_nms, rescore

__all__ = [
    "HEAD",
    "TORSO",
    "CocoReport",
    "KeypointReport",
    "KeypointTruth",
    "OksScores",
    "Pck",
    "auc",
    "epe",
    "evaluate_coco",
    "evaluate_keypoints",
    "longer_sides",
    "match_people",
    "missing_share",
    "nme",
    "oks",
    "oks_nms",
    "pck",
    "reference_sizes",
    "rescore",
    "true_keypoints",
]
