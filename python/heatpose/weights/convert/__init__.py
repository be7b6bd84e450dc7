"""Weight files of other programs: read safely, and written anew as safetensors.

One file per format; none of them needs the program that the format belongs to. Reading Caffe's and
TensorFlow's needs ``protobuf``, reading Keras' needs ``h5py``: both are in ``heatpose[convert]``.
"""

from __future__ import annotations

from heatpose.weights.convert.checkpoint import read_checkpoint
from heatpose.weights.convert.conversion import convert

__all__ = ["convert", "read_checkpoint"]
