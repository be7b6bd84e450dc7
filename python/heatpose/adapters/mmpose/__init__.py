"""In place of mmpose 1.x's heatmap codecs ``MSRAHeatmap`` and ``UDPHeatmap`` and their functions.

Same names, arguments and answers. mmpose's heads copy the maps to the host and decode crop by crop;
a codec of this module says ``support_batch_decoding`` and takes the whole batch where it lies.
:func:`register` puts them into an installed mmpose; nothing here imports it.

Missing keypoints are (-1, -1) in cells, as there.

Source: Xiao et al., 2018 (arXiv:1804.06208); Zhang et al., 2020 (arXiv:1910.06278); Huang et al.,
2020 (arXiv:1911.07524).
"""

from heatpose.adapters.mmpose.codecs import MSRAHeatmap, UDPHeatmap, register
from heatpose.adapters.mmpose.functions import (
    batch_heatmap_nms,
    gaussian_blur,
    get_heatmap_maximum,
    refine_keypoints,
    refine_keypoints_dark,
    refine_keypoints_dark_udp,
)

__all__ = [
    "MSRAHeatmap",
    "UDPHeatmap",
    "batch_heatmap_nms",
    "gaussian_blur",
    "get_heatmap_maximum",
    "refine_keypoints",
    "refine_keypoints_dark",
    "refine_keypoints_dark_udp",
    "register",
]
