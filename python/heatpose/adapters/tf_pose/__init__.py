"""tf-pose-estimation's decoder: ``pafprocess``, ``PoseEstimator`` and the peaks before them.

=============================================  ================================
tf-pose-estimation                             ``heatpose.adapters.tf_pose``
=============================================  ================================
``from tf_pose.pafprocess import pafprocess``  :mod:`.pafprocess`
``from tf_pose.estimator import ...``          :class:`TfPoseEstimator`, :class:`PoseEstimator`,
                                               :class:`Human`
``from tf_pose import common, networks``       :mod:`.common`, :mod:`.networks`
the graph's ``Smoother`` and 3x3 maximum       :func:`smooth`, :func:`find_peaks`
all of it, from the network's output           :func:`estimate`
=============================================  ================================

Needs neither TensorFlow nor SWIG.
"""

from heatpose.adapters.tf_pose import common, networks, pafprocess
from heatpose.adapters.tf_pose.common import CocoPart
from heatpose.adapters.tf_pose.estimator import (
    BodyPart,
    Human,
    PoseEstimator,
    estimate,
)
from heatpose.adapters.tf_pose.pafprocess import PafProcess
from heatpose.adapters.tf_pose.peaks import find_peaks, gauss_kernel, smooth
from heatpose.adapters.tf_pose.tf_estimator import TfPoseEstimator

__all__ = [
    "BodyPart",
    "CocoPart",
    "Human",
    "PafProcess",
    "PoseEstimator",
    "TfPoseEstimator",
    "common",
    "estimate",
    "find_peaks",
    "gauss_kernel",
    "networks",
    "pafprocess",
    "smooth",
]
