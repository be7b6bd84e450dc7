"""OpenPose's hand, face and BODY_25 networks against the key lists of the published files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from heatpose.networks.openpose_body25 import OpenPoseBody25
from heatpose.networks.openpose_hand_face import OpenPoseFace, OpenPoseHand
from heatpose.weights import load_into


@pytest.mark.parametrize(
    ("network", "layout"),
    [
        (OpenPoseHand, "openpose_hand21_file_body_or_hand_pose_model_pth.tsv"),
        (OpenPoseHand, "openpose_hand21_hzzone_module.tsv"),
        (OpenPoseFace, "openpose_face70_facenet_pth.tsv"),
        (OpenPoseBody25, "openpose_body25_caffe_names.tsv"),
        (OpenPoseBody25, "openpose_body25_beingjoey_module.tsv"),
    ],
)
def test_networks_have_every_published_key(
    shared_data: Path,
    network: type[OpenPoseHand] | type[OpenPoseFace] | type[OpenPoseBody25],
    layout: str,
) -> None:
    path = shared_data.parent / "design" / "models" / "keys" / layout
    if not path.is_file():
        pytest.skip(f"key list not found at {path}")
    published = {}
    for line in path.read_text().splitlines():
        key, shape = line.split("\t")
        published[key] = torch.empty(*map(int, shape.split("x")), device="meta")
    with torch.device("meta"):
        ours = network()
    found = network.normalise_keys(published)
    assert len(found) == len(published)
    assert {key: value.shape for key, value in found.items()} == {
        key: value.shape for key, value in ours.state_dict().items()
    }
    assert network.recognises(published)
    load_into(ours, published)
