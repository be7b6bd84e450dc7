"""The small hand network without its weights: structure, sizes, what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from heatpose.networks import CropSpec, hand_unet
from heatpose.networks.hand_unet import HandUNet


@pytest.fixture(scope="module")
def network() -> HandUNet:
    torch.manual_seed(0)
    return HandUNet().eval()


def test_has_the_published_tensors(network: HandUNet) -> None:
    state = network.state_dict()
    assert len(state) == 85
    assert sum(weight.numel() for weight in network.parameters()) == 491_206
    shapes = {
        "conv_down1.double_conv.0.running_mean": (3,),
        "conv_bottleneck.double_conv.1.weight": (128, 64, 3, 3),
        "conv_up1.double_conv.0.weight": (192,),
        "conv_up3.double_conv.4.weight": (16, 16, 3, 3),
        "conv_out.0.weight": (21, 16, 3, 3),
    }
    assert {key: tuple(state[key].shape) for key in shapes} == shapes


@pytest.mark.parametrize("size", [(8, 8), (16, 40), (128, 128)], ids=str)
def test_maps_have_the_size_of_the_crop(network: HandUNet, size: tuple[int, int]) -> None:
    with torch.inference_mode():
        heatmaps = network(torch.randn(2, 3, *size))
    assert heatmaps.shape == (2, 21, *size)
    assert 0 <= heatmaps.min() <= heatmaps.max() <= 1


def test_the_spec_says_what_comes_out(network: HandUNet) -> None:
    spec = HandUNet.crop_spec
    with torch.inference_mode():
        heatmaps = network(torch.zeros(1, 3, spec.height, spec.width))
    assert heatmaps.shape[-2:] == spec.maps_size == (128, 128)


def test_crops_are_made_and_read_edge_to_edge() -> None:
    assert (HandUNet.crop_spec.antialias, HandUNet.crop_spec.pixel_areas) == (True, True)
    assert (CropSpec(256, 192).antialias, CropSpec(256, 192).pixel_areas) == (False, False)


@pytest.mark.parametrize("size", [(8, 12), (127, 128), (1, 1)], ids=str)
def test_sizes_that_do_not_halve_are_refused(network: HandUNet, size: tuple[int, int]) -> None:
    message = f"x: expected height and width .* multiples of 8, got {size[0]} x {size[1]}"
    with pytest.raises(ValueError, match=message):
        network(torch.zeros(1, 3, *size))


def test_no_crop_depends_on_the_rest_of_its_batch(network: HandUNet) -> None:
    crops = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        together = network(crops)
        alone = torch.cat([network(crop[None]) for crop in crops])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


def test_upsampled_channels_come_first_and_their_cells_keep_their_centres() -> None:
    coarse = torch.tensor([[[[0.0, 4.0]]]])
    fine = torch.full((1, 2, 2, 4), 7.0)
    joined = hand_unet._beside(coarse, fine)
    assert joined.shape == (1, 3, 2, 4)
    assert joined[0, 0].tolist() == [[0.0, 1.0, 3.0, 4.0]] * 2
    assert (joined[0, 1:] == 7).all()


def test_a_block_norms_before_it_convolves() -> None:
    torch.manual_seed(2)
    block = hand_unet._DoubleConv(2, 4).eval()
    for norm in (block.double_conv[0], block.double_conv[3]):
        nn.init.normal_(norm.running_mean)
        nn.init.normal_(norm.bias)
    x = torch.randn(1, 2, 5, 6)
    y = x
    for norm, conv in ((0, 1), (3, 4)):
        state = {
            key.removeprefix(f"{norm}."): value
            for key, value in block.double_conv.state_dict().items()
            if key.startswith(f"{norm}.")
        }
        y = functional.batch_norm(
            y, state["running_mean"], state["running_var"], state["weight"], state["bias"]
        )
        y = functional.conv2d(y, block.double_conv[conv].weight, padding=1).clamp(min=0)
    torch.testing.assert_close(block(x), y)


def test_recognises_its_keys_only(network: HandUNet) -> None:
    state = network.state_dict()
    assert HandUNet.recognises(state)
    assert HandUNet.normalise_keys(state).keys() == state.keys()
    strangers = dict.fromkeys(["conv_out.0.weight", "conv1.weight"], torch.zeros(1))
    assert not HandUNet.recognises(strangers)


def test_every_weight_gets_a_gradient() -> None:
    torch.manual_seed(3)
    network = HandUNet().train()
    network(torch.randn(2, 3, 16, 16)).sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []


def test_no_keypoints_are_refused() -> None:
    with pytest.raises(ValueError, match="keypoints: expected at least 1, got 0"):
        HandUNet(0)
