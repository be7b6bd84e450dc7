"""The networks without their weights: structure, the four traps, sizes, batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from heatpose import networks
from heatpose.networks import OpenPoseMobileNetV2Small, OpenPoseVGG19, mobilenet_v2_small
from heatpose.networks.mobilenet_v2_small import from_tensorflow_names


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make().eval()


@pytest.fixture(scope="module")
def mobilenet() -> nn.Module:
    return seeded(OpenPoseMobileNetV2Small)


@pytest.fixture(scope="module")
def vgg() -> nn.Module:
    return seeded(OpenPoseVGG19)


def photo_like(count: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(count * height * width)
    return torch.randint(0, 256, (count, 3, height, width), generator=generator).float()


def tensorflow_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


# --- MobileNetV2-small


def test_mobilenet_has_the_graphs_tensors(mobilenet: nn.Module) -> None:
    state = mobilenet.state_dict()
    learnt = {key: value for key, value in state.items() if "num_batches" not in key}
    assert len(learnt) == 477
    assert sum(value.numel() for value in learnt.values()) == 484_866
    shapes = {
        "stem.conv.weight": (16, 3, 3, 3),
        "blocks.0.depthwise.conv.weight": (16, 1, 3, 3),
        "blocks.1.expand.conv.weight": (48, 8, 1, 1),
        "blocks.12.project.conv.weight": (48, 288, 1, 1),
        "stages.0.pafs.3.pointwise.weight": (256, 64, 1, 1),
        "stages.1.heatmaps.0.depthwise.weight": (121, 1, 3, 3),
        "stages.5.pafs.4.pointwise.weight": (38, 64, 1, 1),
        "stages.5.heatmaps.4.norm.running_var": (19,),
    }
    assert {key: tuple(state[key].shape) for key in shapes} == shapes


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("MobilenetV2/Conv/weights", "stem.conv.weight"),
        ("MobilenetV2/expanded_conv/project/BatchNorm/beta", "blocks.0.project.norm.bias"),
        (
            "MobilenetV2/expanded_conv_6/depthwise/depthwise_weights",
            "blocks.6.depthwise.conv.weight",
        ),
        (
            "Openpose/MConv_Stage1_L1_4_depthwise/depthwise_weights",
            "stages.0.pafs.3.depthwise.weight",
        ),
        (
            "Openpose/MConv_Stage6_L2_5_pointwise/BatchNorm/Const",
            "stages.5.heatmaps.4.norm.weight",
        ),
        (
            "Openpose/MConv_Stage2_L1_1_pointwise/BatchNorm/beta",
            "stages.1.pafs.0.norm.bias",
        ),
    ],
)
def test_tensorflow_names_become_keys_of_the_module(
    theirs: str, ours: str, mobilenet: nn.Module
) -> None:
    assert list(from_tensorflow_names({theirs: torch.zeros(1)})) == [ours]
    assert ours in mobilenet.state_dict()


def test_renaming_adds_the_batch_counters_that_tensorflow_lacks() -> None:
    mean = "Openpose/MConv_Stage1_L1_1_pointwise/BatchNorm/moving_mean"
    renamed = from_tensorflow_names({mean: torch.zeros(64)})
    assert set(renamed) == {
        "stages.0.pafs.0.norm.running_mean",
        "stages.0.pafs.0.norm.num_batches_tracked",
    }


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (9, 16), (16, 9), (17, 31), (45, 70)], ids=str)
def test_mobilenet_takes_any_size(mobilenet: nn.Module, size: tuple[int, int]) -> None:
    with torch.inference_mode():
        heatmaps, pafs = mobilenet(photo_like(2, *size))
    cells = tuple(-(-n // 8) for n in size)
    assert heatmaps.shape == (2, 19, *cells)
    assert pafs.shape == (2, 38, *cells)
    assert heatmaps.is_contiguous()
    assert pafs.is_contiguous()
    assert torch.isfinite(heatmaps).all()
    assert torch.isfinite(pafs).all()


def test_no_image_depends_on_the_rest_of_its_batch(mobilenet: nn.Module) -> None:
    images = photo_like(3, 45, 70)
    images[1] *= 0.1
    with torch.inference_mode():
        together = mobilenet(images)
        alone = [mobilenet(image[None]) for image in images]
    for i, parts in enumerate(alone):
        for whole, part in zip(together, parts, strict=True):
            torch.testing.assert_close(whole[i], part[0], rtol=0, atol=1e-5)


def test_an_empty_batch_gives_empty_maps(mobilenet: nn.Module) -> None:
    with torch.inference_mode():
        heatmaps, pafs = mobilenet(torch.zeros(0, 3, 16, 24))
    assert heatmaps.shape == (0, 19, 2, 3)
    assert pafs.shape == (0, 38, 2, 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 2), (7, 8), (8, 7), (9, 9)], ids=str)
def test_same_padding_is_tensorflows(size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    conv = mobilenet_v2_small._SameConv2d(4, 4, 3, stride=2, groups=4)
    x = torch.randn(2, 4, *size)
    (top, bottom), (left, right) = (tensorflow_padding(n, 3, 2) for n in size)
    padded = functional.pad(x, (left, right, top, bottom))
    want = functional.conv2d(padded, conv.weight, stride=2, groups=4)
    torch.testing.assert_close(conv(x), want)


@pytest.mark.parametrize(("old", "new"), [((12, 9), (23, 18)), ((1, 1), (2, 1)), ((3, 4), (3, 4))])
def test_upsampling_is_the_legacy_rule(old: tuple[int, int], new: tuple[int, int]) -> None:
    x = np.random.default_rng(0).random(old, dtype=np.float32)
    want = np.empty(new, np.float32)
    for i, j in np.ndindex(*new):
        y, top = i * old[0] / new[0], i * old[0] // new[0]
        z, left = j * old[1] / new[1], j * old[1] // new[1]
        bottom, right = min(top + 1, old[0] - 1), min(left + 1, old[1] - 1)
        upper = x[top, left] + (x[top, right] - x[top, left]) * (z - left)
        lower = x[bottom, left] + (x[bottom, right] - x[bottom, left]) * (z - left)
        want[i, j] = upper + (lower - upper) * (y - top)
    got = mobilenet_v2_small._legacy_bilinear(torch.from_numpy(x)[None, None], new)
    np.testing.assert_allclose(got[0, 0].numpy(), want, atol=1e-6)


def test_backbone_layers_norm_each_image_and_end_in_relu6() -> None:
    torch.manual_seed(2)
    layer = mobilenet_v2_small._ConvNorm(6, 6, 3, groups=6)
    nn.init.constant_(layer.norm.weight, 8.0)
    x = torch.randn(3, 6, 10, 14) * torch.tensor([1.0, 20.0, 0.01]).view(3, 1, 1, 1)
    plain = functional.conv2d(x, layer.conv.weight, padding=1, groups=6)
    plain = functional.instance_norm(plain, weight=layer.norm.weight, eps=1e-3)
    got = layer(x)
    torch.testing.assert_close(got, plain.clamp(0, 6), rtol=1e-4, atol=1e-4)
    assert got.max() == 6


@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_the_folded_expansion_equals_the_plain_order(offset: float) -> None:
    torch.manual_seed(3)
    layer = mobilenet_v2_small._Expand(8, 48)
    nn.init.normal_(layer.norm.weight)
    nn.init.normal_(layer.norm.bias)
    x = torch.randn(2, 8, 33, 21) * torch.linspace(0.01, 5, 8).view(1, 8, 1, 1) + offset
    plain = functional.conv2d(x.double(), layer.conv.weight.double())
    plain = functional.instance_norm(
        plain, weight=layer.norm.weight.double(), bias=layer.norm.bias.double(), eps=1e-3
    )
    torch.testing.assert_close(layer(x), plain.clamp(0, 6).float(), rtol=0, atol=2e-4)


def test_a_flat_image_gives_finite_maps(mobilenet: nn.Module) -> None:
    with torch.inference_mode():
        maps = mobilenet(torch.full((1, 3, 40, 40), 255.0))
    assert all(torch.isfinite(part).all() for part in maps)


def test_every_weight_of_mobilenet_gets_a_gradient() -> None:
    network = seeded(OpenPoseMobileNetV2Small).train()
    heatmaps, pafs = network(photo_like(2, 48, 64))
    (heatmaps.square().sum() + pafs.square().sum()).backward()
    without = [name for name, weight in network.named_parameters() if weight.grad is None]
    assert without == []


# --- VGG-19


def test_vgg_has_the_published_tensors(vgg: nn.Module) -> None:
    state = vgg.state_dict()
    assert len(state) == 184
    assert sum(value.numel() for value in state.values()) == 52_311_446
    shapes = {
        "conv1_1.weight": (64, 3, 3, 3),
        "conv4_4_CPM.weight": (128, 256, 3, 3),
        "conv5_5_CPM_L1.bias": (38,),
        "conv5_5_CPM_L2.weight": (19, 512, 1, 1),
        "Mconv1_stage2_L1.weight": (128, 185, 7, 7),
        "Mconv6_stage4_L2.weight": (128, 128, 1, 1),
        "Mconv7_stage6_L1.weight": (38, 128, 1, 1),
        "Mconv7_stage6_L2.bias": (19,),
    }
    assert {key: tuple(state[key].shape) for key in shapes} == shapes


@pytest.mark.parametrize("size", [(8, 8), (16, 40), (23, 33)], ids=str)
def test_vgg_maps_are_an_eighth_of_the_image(vgg: nn.Module, size: tuple[int, int]) -> None:
    with torch.inference_mode():
        heatmaps, pafs = vgg(photo_like(1, *size) / 256 - 0.5)
    assert heatmaps.shape == (1, 19, size[0] // 8, size[1] // 8)
    assert pafs.shape == (1, 38, size[0] // 8, size[1] // 8)


def test_stages_see_fields_then_heatmaps_then_features() -> None:
    network = seeded(OpenPoseVGG19)
    seen: list[Tensor] = []
    outputs: dict[str, Tensor] = {}
    for name in ("conv5_5_CPM_L1", "conv5_5_CPM_L2"):
        network.get_submodule(name).register_forward_hook(
            lambda _module, _args, out, name=name: outputs.update({name: out})
        )
    for name in ("Mconv1_stage2_L1", "Mconv1_stage2_L2"):
        network.get_submodule(name).register_forward_pre_hook(
            lambda _module, args: seen.append(args[0])
        )
    image = photo_like(1, 16, 16) / 256 - 0.5
    with torch.inference_mode():
        network(image)
        features = network.features(image)
    first = torch.cat([outputs["conv5_5_CPM_L1"], outputs["conv5_5_CPM_L2"], features], dim=1)
    for stage_input in seen:
        torch.testing.assert_close(stage_input, first)
    assert len(seen) == 2


def test_the_relu_of_the_copies_is_an_option(vgg: nn.Module) -> None:
    copies = OpenPoseVGG19(relu_heatmaps=True).eval()
    copies.load_state_dict(vgg.state_dict())
    image = photo_like(1, 24, 32) / 256 - 0.5
    with torch.inference_mode():
        heatmaps, pafs = vgg(image)
        clipped, same_pafs = copies(image)
    assert heatmaps.min() < 0
    torch.testing.assert_close(clipped, heatmaps.clamp(min=0))
    torch.testing.assert_close(same_pafs, pafs)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("conv1_1.weight", "conv1_1.weight"),
        ("model0.conv4_4_CPM.bias", "conv4_4_CPM.bias"),
        ("model1_2.conv5_5_CPM_L2.weight", "conv5_5_CPM_L2.weight"),
        ("model6_1.Mconv7_stage6_L1.weight", "Mconv7_stage6_L1.weight"),
    ],
)
def test_block_prefixes_of_the_copies_are_dropped(theirs: str, ours: str) -> None:
    assert list(OpenPoseVGG19.normalise_keys({theirs: torch.zeros(1)})) == [ours]


# --- Which network a checkpoint belongs to


def test_network_for_tells_the_architecture_by_its_keys(
    mobilenet: nn.Module, vgg: nn.Module
) -> None:
    of_tensorflow = {
        "MobilenetV2/Conv/weights": torch.zeros(1),
        "Openpose/MConv_Stage6_L2_5_pointwise/weights": torch.zeros(1),
    }
    of_a_copy = {f"model0.{key}": value for key, value in vgg.state_dict().items()}
    assert isinstance(networks.network_for(mobilenet.state_dict()), OpenPoseMobileNetV2Small)
    assert isinstance(networks.network_for(of_tensorflow), OpenPoseMobileNetV2Small)
    assert isinstance(networks.network_for(vgg.state_dict()), OpenPoseVGG19)
    assert isinstance(networks.network_for(of_a_copy), OpenPoseVGG19)


def test_network_for_names_what_it_found_instead() -> None:
    with pytest.raises(ValueError, match=r"no known network.*mobilenet-v2-small.*layer1\.0"):
        networks.network_for({"layer1.0.weight": torch.zeros(1)})
