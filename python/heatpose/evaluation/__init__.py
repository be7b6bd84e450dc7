"""How good a network is."""

from heatpose.evaluation.coco import evaluate_coco
