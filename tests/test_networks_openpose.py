"""OpenPose's hand, face and BODY_25 networks without their weights: layers, order, sizes, keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from heatpose.networks.openpose_body25 import OpenPoseBody25
from heatpose.networks.openpose_hand_face import OpenPoseFace, OpenPoseHand
from heatpose.networks.openpose_vgg19 import OpenPoseVGG19

Maps = tuple[Tensor, ...]
ALL = (OpenPoseHand, OpenPoseFace, OpenPoseBody25)
CHANNELS = {OpenPoseHand: (22,), OpenPoseFace: (71,), OpenPoseBody25: (26, 52)}


def on_meta(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.device("meta"):
        return make().eval()


def lively(make: Callable[[], nn.Module]) -> nn.Module:
    """A network whose last layers still feel the first ones and every slope of a PReLU."""
    network = on_meta(make).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                taps = min(module.kernel_size[0] ** 2, 6)  # no more lie on maps of 2 x 3 cells
                spread = (6 / (module.in_channels * taps)) ** 0.5
                module.weight.uniform_(-spread, spread, generator=generator)
                module.bias.uniform_(-0.1, 0.1, generator=generator)
            elif isinstance(module, nn.PReLU):
                module.weight.uniform_(0, 0.5, generator=generator)
    return network


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape))) - 0.5


@torch.inference_mode()
def run(network: nn.Module, x: Tensor) -> Maps:
    maps = network(x)
    return (maps,) if isinstance(maps, Tensor) else maps


# --- Tensors


@pytest.mark.parametrize(
    ("network", "tensors", "parameters"),
    [
        (OpenPoseHand, 104, 36_832_324),
        (OpenPoseFace, 104, 38_425_706),
        (OpenPoseBody25, 327, 26_166_084),
    ],
)
def test_networks_have_as_many_tensors_as_published(
    network: type[nn.Module], tensors: int, parameters: int
) -> None:
    state = on_meta(network).state_dict()
    assert len(state) == tensors
    assert sum(tensor.numel() for tensor in state.values()) == parameters


@pytest.mark.parametrize(
    ("network", "shapes"),
    [
        (
            OpenPoseHand,
            {
                "conv4_4.weight": (512, 512, 3, 3),
                "conv5_3_CPM.weight": (128, 512, 3, 3),
                "conv6_1_CPM.weight": (512, 128, 1, 1),
                "conv6_2_CPM.bias": (22,),
                "Mconv1_stage2.weight": (128, 150, 7, 7),
                "Mconv6_stage4.weight": (128, 128, 1, 1),
                "Mconv7_stage6.weight": (22, 128, 1, 1),
            },
        ),
        (
            OpenPoseFace,
            {
                "conv6_2_CPM.weight": (71, 512, 1, 1),
                "Mconv1_stage6.weight": (128, 199, 7, 7),
                "Mconv7_stage2.bias": (71,),
            },
        ),
        (
            OpenPoseBody25,
            {
                "conv4_2.weight": (512, 512, 3, 3),
                "prelu4_2.weight": (512,),
                "prelu4_4_CPM.weight": (128,),
                "Mconv1_stage0_L2_0.weight": (96, 128, 3, 3),
                "Mconv5_stage0_L2_0.weight": (96, 288, 3, 3),
                "Mprelu6_stage0_L2.weight": (256,),
                "Mconv1_stage3_L2_0.weight": (128, 180, 3, 3),
                "Mconv7_stage3_L2.weight": (52, 512, 1, 1),
                "Mconv1_stage0_L1_0.weight": (96, 180, 3, 3),
                "Mconv1_stage1_L1_0.weight": (128, 206, 3, 3),
                "Mprelu5_stage1_L1_2.weight": (128,),
                "Mconv6_stage1_L1.weight": (512, 384, 1, 1),
                "Mconv7_stage1_L1.bias": (26,),
            },
        ),
    ],
)
def test_tensors_have_the_published_shapes(
    network: type[nn.Module], shapes: dict[str, tuple[int, ...]]
) -> None:
    state = on_meta(network).state_dict()
    assert {key: tuple(state[key].shape) for key in shapes} == shapes


# --- Layers in order, against the same networks written out from their tensors


def conv(state: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    weight = state[f"{name}.weight"]
    return functional.conv2d(x, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)


def vgg_to_conv4_1(state: Mapping[str, Tensor], x: Tensor) -> Tensor:
    for group, count in enumerate((2, 2, 4), start=1):
        for i in range(1, count + 1):
            x = conv(state, f"conv{group}_{i}", x).clamp(min=0)
        x = functional.max_pool2d(x, 2, 2)
    return conv(state, "conv4_1", x).clamp(min=0)


def one_branch_maps(state: Mapping[str, Tensor], x: Tensor) -> Tensor:
    x = vgg_to_conv4_1(state, x)
    for name in ("conv4_2", "conv4_3", "conv4_4", "conv5_1", "conv5_2", "conv5_3_CPM"):
        x = conv(state, name, x).clamp(min=0)
    maps = conv(state, "conv6_2_CPM", conv(state, "conv6_1_CPM", x).clamp(min=0))
    for stage in range(2, 7):
        y = torch.cat([maps, x], 1)
        for i in range(1, 7):
            y = conv(state, f"Mconv{i}_stage{stage}", y).clamp(min=0)
        maps = conv(state, f"Mconv7_stage{stage}", y)
    return maps


def body25_maps(state: Mapping[str, Tensor], x: Tensor) -> Maps:
    def conv_prelu(name: str, x: Tensor) -> Tensor:
        x = conv(state, name, x)
        slope = state[f"{name.replace('conv', 'prelu')}.weight"].view(1, -1, 1, 1)
        return torch.where(x >= 0, x, slope * x)

    def stage(name: str, *inputs: Tensor) -> Tensor:
        x = torch.cat(inputs, 1)
        for i in range(1, 6):
            first = conv_prelu(f"Mconv{i}_{name}_0", x)
            second = conv_prelu(f"Mconv{i}_{name}_1", first)
            third = conv_prelu(f"Mconv{i}_{name}_2", second)
            x = torch.cat([first, second, third], 1)
        return conv(state, f"Mconv7_{name}", conv_prelu(f"Mconv6_{name}", x))

    features = vgg_to_conv4_1(state, x)
    for name in ("conv4_2", "conv4_3_CPM", "conv4_4_CPM"):
        features = conv_prelu(name, features)
    pafs = stage("stage0_L2", features)
    for i in (1, 2, 3):
        pafs = stage(f"stage{i}_L2", features, pafs)
    heatmaps = stage("stage0_L1", features, pafs)
    return stage("stage1_L1", features, heatmaps, pafs), pafs


@pytest.mark.parametrize(
    ("network", "written_out"),
    [
        (OpenPoseHand, lambda state, x: (one_branch_maps(state, x),)),
        (OpenPoseFace, lambda state, x: (one_branch_maps(state, x),)),
        (OpenPoseBody25, body25_maps),
    ],
)
def test_layers_run_in_the_published_order(
    network: type[nn.Module], written_out: Callable[[Mapping[str, Tensor], Tensor], Maps]
) -> None:
    module = lively(network)
    x = noise(2, 3, 16, 24)
    got = run(module, x)
    for maps, want, channels in zip(
        got, written_out(module.state_dict(), x), CHANNELS[network], strict=True
    ):
        assert maps.shape == (2, channels, 2, 3)
        assert maps.min() < 0 < maps.max()
        assert (maps[0] - maps[1]).abs().max() > 0.01  # the image still matters
        torch.testing.assert_close(maps, want)


# --- Sizes and types


@pytest.mark.parametrize("network", ALL)
@pytest.mark.parametrize("size", [(8, 8), (9, 23), (368, 368), (367, 656)], ids=str)
def test_maps_are_an_eighth_of_the_image(network: type[nn.Module], size: tuple[int, int]) -> None:
    stride = network.input_spec.stride
    for count in (0, 1, 3):
        maps = run(on_meta(network), torch.empty(count, 3, *size, device="meta"))
        cells = (size[0] // stride, size[1] // stride)
        assert [part.shape for part in maps] == [(count, c, *cells) for c in CHANNELS[network]]
        assert all(part.is_contiguous() for part in maps)


@pytest.mark.parametrize("network", ALL)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_stays_half(network: type[nn.Module], dtype: torch.dtype) -> None:
    maps = run(on_meta(network).to(dtype), torch.empty(1, 3, 16, 16, device="meta", dtype=dtype))
    assert {part.dtype for part in maps} == {dtype}


@pytest.mark.parametrize("network", ALL)
def test_every_weight_gets_a_gradient(network: type[nn.Module]) -> None:
    module = on_meta(network).train()
    maps = module(torch.empty(2, 3, 16, 16, device="meta"))
    loss = sum(part.square().sum() for part in (maps if isinstance(maps, tuple) else (maps,)))
    assert isinstance(loss, Tensor)
    loss.backward()
    assert [name for name, weight in module.named_parameters() if weight.grad is None] == []


# --- Keys


@pytest.mark.parametrize(
    ("network", "theirs", "ours"),
    [
        (OpenPoseHand, "conv1_1.weight", "conv1_1.weight"),
        (OpenPoseHand, "model1_0.conv5_3_CPM.bias", "conv5_3_CPM.bias"),
        (OpenPoseHand, "model1_1.conv6_2_CPM.weight", "conv6_2_CPM.weight"),
        (OpenPoseHand, "model6.Mconv7_stage6.weight", "Mconv7_stage6.weight"),
        (OpenPoseFace, "Mconv1_stage2.bias", "Mconv1_stage2.bias"),
        (OpenPoseBody25, "Mprelu6_stage0_L1.weight", "Mprelu6_stage0_L1.weight"),
        (OpenPoseBody25, "model0.prelu4_3_CPM.weight", "prelu4_3_CPM.weight"),
        (
            OpenPoseBody25,
            "models.Mconv1_stage0_L2.2.Mprelu1_stage0_L2_2.weight",
            "Mprelu1_stage0_L2_2.weight",
        ),
        (
            OpenPoseBody25,
            "models.Mconv6_7_stage1_L1.1.Mconv7_stage1_L1.bias",
            "Mconv7_stage1_L1.bias",
        ),
    ],
)
def test_block_prefixes_of_the_copies_are_dropped(
    network: type[OpenPoseHand] | type[OpenPoseBody25], theirs: str, ours: str
) -> None:
    assert list(network.normalise_keys({theirs: torch.zeros(1)})) == [ours]
    assert ours in on_meta(network).state_dict()


@pytest.mark.parametrize("network", ALL)
def test_unknown_keys_stay_as_they_are(network: type[OpenPoseHand] | type[OpenPoseBody25]) -> None:
    strangers = ["backbone.conv1.weight", "model0_3.x.weight", "models.x.weight", "conv1_1"]
    state = {name: torch.zeros(1) for name in strangers}
    assert list(network.normalise_keys(state)) == strangers


@pytest.mark.parametrize("prefix", ["", "model0."])
def test_every_network_recognises_its_own_checkpoints_alone(prefix: str) -> None:
    networks = (*ALL, OpenPoseVGG19)
    for owner in networks:
        state = {prefix + key: value for key, value in on_meta(owner).state_dict().items()}
        assert [network for network in networks if network.recognises(state)] == [owner]


def test_a_stranger_is_not_recognised() -> None:
    for state in ({}, {"Mconv7_stage6.weight": torch.tensor(22.0)}, {"prelu4_2.weight": noise(1)}):
        assert not any(network.recognises(state) for network in ALL)
