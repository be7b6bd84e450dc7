"""tf-pose-estimation's decoder: ``pafprocess``, ``PoseEstimator`` and the peaks before them.

=============================================  ================================
tf-pose-estimation                             ``heatpose.adapters.tf_pose``
=============================================  ================================
``from tf_pose.pafprocess import pafprocess``  :mod:`.pafprocess`
``from tf_pose.estimator import ...``          :class:`PoseEstimator`, :class:`Human`
the graph's ``Smoother`` and 3x3 maximum       :func:`smooth`, :func:`find_peaks`
all of it, from the network's output           :func:`estimate`
=============================================  ================================

Needs neither TensorFlow nor SWIG.
"""

from heatpose.adapters.tf_pose import pafprocess
from heatpose.adapters.tf_pose.estimator import (
    BodyPart,
    CocoPart,
    Human,
    PoseEstimator,
    estimate,
)
from heatpose.adapters.tf_pose.pafprocess import PafProcess
from heatpose.adapters.tf_pose.peaks import find_peaks, gauss_kernel, smooth

__all__ = [
    "BodyPart",
    "CocoPart",
    "Human",
    "PafProcess",
    "PoseEstimator",
    "estimate",
    "find_peaks",
    "gauss_kernel",
    "pafprocess",
    "smooth",
]
