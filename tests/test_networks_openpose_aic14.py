"""The AI Challenger's two-branch network without weights: layers, order, sizes, keys."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from heatpose.networks.openpose_aic14 import OpenPoseAIC14
from heatpose.networks.openpose_vgg19 import OpenPoseVGG19


def on_meta() -> OpenPoseAIC14:
    with torch.device("meta"):
        return OpenPoseAIC14().eval()


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return on_meta().state_dict()


def test_has_the_tensors_of_the_keras_model(state: dict[str, Tensor]) -> None:
    assert len(state) == 184
    # The COCO-18 network has 12 maps more, at the end of all six stages, and at the start of both
    # branches of five.
    fewer = 12 * (512 + 1) + 5 * 12 * (128 + 1) + 5 * 2 * 12 * 128 * 49
    assert sum(value.numel() for value in state.values()) == 52_311_446 - fewer
    shapes = {
        "conv4_4_CPM.weight": (128, 256, 3, 3),
        "Mconv1_stage1_L1.weight": (128, 128, 3, 3),
        "Mconv4_stage1_L2.weight": (512, 128, 1, 1),
        "Mconv5_stage1_L1.weight": (30, 512, 1, 1),
        "Mconv5_stage1_L2.bias": (15,),
        "Mconv1_stage2_L1.weight": (128, 173, 7, 7),
        "Mconv7_stage6_L1.weight": (30, 128, 1, 1),
        "Mconv7_stage6_L2.weight": (15, 128, 1, 1),
    }
    assert {key: tuple(state[key].shape) for key in shapes} == shapes


@pytest.mark.parametrize("size", [(368, 368), (8, 8), (23, 33)], ids=str)
def test_maps_are_an_eighth_of_the_image(size: tuple[int, int]) -> None:
    heatmaps, pafs = on_meta()(torch.empty(2, 3, *size, device="meta"))
    assert heatmaps.shape == (2, 15, size[0] // 8, size[1] // 8)
    assert pafs.shape == (2, 30, size[0] // 8, size[1] // 8)


def test_stages_see_fields_then_heatmaps_then_features_and_have_no_relu_at_their_end() -> None:
    torch.manual_seed(0)
    network = OpenPoseAIC14().eval()
    seen: list[Tensor] = []
    outputs: dict[str, Tensor] = {}
    for name in ("Mconv5_stage1_L1", "Mconv5_stage1_L2", "Mconv7_stage6_L1", "Mconv7_stage6_L2"):
        network.get_submodule(name).register_forward_hook(
            lambda _module, _args, out, name=name: outputs.update({name: out})
        )
    for name in ("Mconv1_stage2_L1", "Mconv1_stage2_L2"):
        network.get_submodule(name).register_forward_pre_hook(
            lambda _module, args: seen.append(args[0])
        )
    image = torch.rand(1, 3, 16, 24) - 0.5
    with torch.inference_mode():
        heatmaps, pafs = network(image)
        features = network.features(image)
    first = torch.cat([outputs["Mconv5_stage1_L1"], outputs["Mconv5_stage1_L2"], features], dim=1)
    assert len(seen) == 2
    for stage_input in seen:
        torch.testing.assert_close(stage_input, first)
    assert heatmaps is outputs["Mconv7_stage6_L2"]
    assert pafs is outputs["Mconv7_stage6_L1"]
    assert first[:, :45].min() < 0


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("conv1_1.weight", "conv1_1.weight"),
        ("conv4_3_CPM/kernel:0", "conv4_3_CPM.weight"),
        ("Mconv5_stage1_L2/Mconv5_stage1_L2_3/bias:0", "Mconv5_stage1_L2.bias"),
        ("Mconv7_stage6_L1/Mconv7_stage6_L1/kernel", "Mconv7_stage6_L1.weight"),
    ],
)
def test_keras_names_become_keys_of_the_module(
    theirs: str, ours: str, state: dict[str, Tensor]
) -> None:
    assert list(OpenPoseAIC14.normalise_keys({theirs: torch.zeros(1)})) == [ours]
    assert ours in state


def test_is_told_from_the_coco_network_by_its_first_stage(state: dict[str, Tensor]) -> None:
    with torch.device("meta"):
        coco = OpenPoseVGG19().state_dict()
    assert OpenPoseAIC14.recognises(state)
    assert not OpenPoseAIC14.recognises(coco)


def test_its_checkpoints_are_told_from_those_of_coco(state: dict[str, Tensor]) -> None:
    assert OpenPoseAIC14.recognises(state)
    assert not OpenPoseVGG19.recognises(state)
    with torch.device("meta"):
        coco = OpenPoseVGG19().state_dict()
    assert OpenPoseVGG19.recognises(coco)
    assert not OpenPoseAIC14.recognises(coco)
