"""HRNet and HRNetV2 without their weights: tensors, the plain formula, sizes, key layouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from heatpose.networks.crop_spec import CropSpec
from heatpose.networks.hrnet import HRNet, HRNetV2
from heatpose.ops import IMAGENET_MEAN, IMAGENET_STD

Network = HRNet | HRNetV2
State = dict[str, Tensor]


def on_meta(make: Callable[[], Network]) -> Network:
    """A network of the published size, without memory for its weights."""
    with torch.device("meta"):
        return make()


def seeded(make: Callable[[], Network]) -> Network:
    """A network whose norms do something too."""
    torch.manual_seed(0)
    network = make().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
            for tensor in (module.bias, module.running_mean):
                nn.init.normal_(tensor, std=0.1)
    return network


def shapes(state: State) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in state.items()}


def hrnet_w32() -> HRNet:
    return HRNet()


def hrnet_w48_wholebody() -> HRNet:
    return HRNet(48, 133, crop_size=(384, 288))


def hrnetv2_w18_hand() -> HRNetV2:
    return HRNetV2()


PUBLISHED = [
    (hrnet_w32, 1754, 28_536_113),
    (hrnet_w48_wholebody, 1754, 63_601_429),
    (hrnetv2_w18_hand, 1839, 9_641_661),
]

# --- The tensors


@pytest.mark.parametrize(("make", "tensors", "parameters"), PUBLISHED)
def test_networks_have_the_published_size(
    make: Callable[[], Network], tensors: int, parameters: int
) -> None:
    network = on_meta(make)
    assert len(network.state_dict()) == tensors
    assert sum(value.numel() for value in network.parameters()) == parameters


def test_hrnet_has_the_published_tensors() -> None:
    state = shapes(on_meta(hrnet_w48_wholebody).state_dict())
    wanted = {
        "backbone.conv1.weight": (64, 3, 3, 3),
        "backbone.layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "backbone.layer1.3.conv1.weight": (64, 256, 1, 1),
        "backbone.transition1.0.0.weight": (48, 256, 3, 3),
        "backbone.transition1.1.0.0.weight": (96, 256, 3, 3),
        "backbone.transition3.3.0.0.weight": (384, 192, 3, 3),
        "backbone.stage3.3.branches.2.3.bn2.running_var": (192,),
        "backbone.stage3.0.fuse_layers.2.0.0.0.weight": (48, 48, 3, 3),
        "backbone.stage3.0.fuse_layers.2.0.1.0.weight": (192, 48, 3, 3),
        "backbone.stage4.2.fuse_layers.0.3.0.weight": (48, 384, 1, 1),
        "keypoint_head.final_layer.weight": (133, 48, 1, 1),
    }
    assert {key: state.get(key) for key in wanted} == wanted
    assert not any(key.startswith("backbone.stage4.2.fuse_layers.1") for key in state)


def test_hrnetv2_has_the_published_tensors() -> None:
    state = shapes(on_meta(hrnetv2_w18_hand).state_dict())
    wanted = {
        "backbone.stage4.2.fuse_layers.3.0.2.0.weight": (144, 18, 3, 3),
        "keypoint_head.final_layer.0.weight": (270, 270, 1, 1),
        "keypoint_head.final_layer.1.running_mean": (270,),
        "keypoint_head.final_layer.3.weight": (21, 270, 1, 1),
    }
    assert {key: state.get(key) for key in wanted} == wanted


@pytest.mark.parametrize(
    ("make", "layout"),
    [
        (hrnet_w32, "mmpose_hrnet_w32_coco17"),
        (hrnet_w32, "darkpose_official_hrnet_w32_coco17"),
        (hrnet_w48_wholebody, "mmpose_hrnet_w48_wholebody133"),
        (hrnetv2_w18_hand, "mmpose_hrnetv2_w18_hand21"),
    ],
)
def test_every_published_key_and_shape_is_the_networks(
    make: Callable[[], Network], layout: str, shared_data: Path
) -> None:
    path = shared_data.parent / "design" / "models" / "keys" / f"{layout}.tsv"
    if not path.is_file():
        pytest.skip(f"key list not found at {path}")
    published: State = {}
    for line in path.read_text().splitlines():
        key, shape = line.split("\t")
        sizes = [] if shape.startswith("scalar") else [int(size) for size in shape.split("x")]
        published[key] = torch.empty(sizes, device="meta")
    network = on_meta(make)
    assert shapes(network.normalise_keys(published)) == shapes(network.state_dict())
    with torch.device("meta"):
        again = type(network).for_state_dict(published)
    assert shapes(again.state_dict()) == shapes(network.state_dict())


# --- The answer


class Plain:
    """The network once more, from the tensors alone: sums over all resolutions by the formula."""

    def __init__(self, network: Network) -> None:
        self.state = network.state_dict()
        self.bilinear = isinstance(network, HRNetV2)

    def conv(self, x: Tensor, conv: str, norm: str, *, stride: int = 1) -> Tensor:
        weight = self.state[f"{conv}.weight"]
        x = functional.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        return self.norm(x, norm)

    def norm(self, x: Tensor, norm: str) -> Tensor:
        mean, var, scale, bias = (
            self.state[f"{norm}.{name}"].view(1, -1, 1, 1)
            for name in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + 1e-5).sqrt() * scale + bias

    def residual(self, x: Tensor, block: str, convolutions: int) -> Tensor:
        y = x
        for k in range(1, convolutions + 1):
            y = self.conv(y, f"{block}.conv{k}", f"{block}.bn{k}")
            y = y.relu() if k < convolutions else y
        if f"{block}.downsample.0.weight" in self.state:
            x = self.conv(x, f"{block}.downsample.0", f"{block}.downsample.1")
        return (x + y).relu()

    def larger(self, x: Tensor, factor: int, *, bilinear: bool) -> Tensor:
        if bilinear:
            return nn.Upsample(scale_factor=factor, mode="bilinear", align_corners=False)(x)
        return x.repeat_interleave(factor, -1).repeat_interleave(factor, -2)

    def module(self, xs: list[Tensor], name: str, outputs: int) -> list[Tensor]:
        for b in range(len(xs)):
            for k in range(4):
                xs[b] = self.residual(xs[b], f"{name}.branches.{b}.{k}", 2)
        answers = []
        for i in range(outputs):
            total = torch.zeros_like(xs[i])
            for j, part in enumerate(xs):
                layer = f"{name}.fuse_layers.{i}.{j}"
                if j > i:
                    part = self.conv(part, f"{layer}.0", f"{layer}.1")
                    part = self.larger(part, 2 ** (j - i), bilinear=self.bilinear)
                for k in range(i - j):
                    part = self.conv(part, f"{layer}.{k}.0", f"{layer}.{k}.1", stride=2)
                    part = part.relu() if k < i - j - 1 else part
                total = total + part
            answers.append(total.relu())
        return answers

    def __call__(self, x: Tensor) -> Tensor:
        for k in (1, 2):
            x = self.conv(x, f"backbone.conv{k}", f"backbone.bn{k}", stride=2).relu()
        for k in range(4):
            x = self.residual(x, f"backbone.layer1.{k}", 3)
        new = "backbone.transition1.0"
        xs = [self.conv(x, f"{new}.0", f"{new}.1").relu()]
        for stage, modules in ((2, 1), (3, 4), (4, 3)):
            new = f"backbone.transition{stage - 1}.{stage - 1}.0"
            source = x if stage == 2 else xs[-1]
            xs = [*xs, self.conv(source, f"{new}.0", f"{new}.1", stride=2).relu()]
            for m in range(modules):
                only_finest = (stage, m) == (4, 2) and not self.bilinear
                name = f"backbone.stage{stage}.{m}"
                xs = self.module(xs, name, 1 if only_finest else stage)
        return self.head(xs)

    def head(self, xs: list[Tensor]) -> Tensor:
        last, x = "keypoint_head.final_layer", xs[0]
        if self.bilinear:
            parts = [self.larger(part, 2**i, bilinear=True) for i, part in enumerate(xs)]
            x = torch.cat(parts, dim=1)
            x = functional.conv2d(x, self.state[f"{last}.0.weight"], self.state[f"{last}.0.bias"])
            x, last = self.norm(x, f"{last}.1").relu(), f"{last}.3"
        return functional.conv2d(x, self.state[f"{last}.weight"], self.state[f"{last}.bias"])


@pytest.mark.parametrize("make", [HRNet, HRNetV2])
def test_maps_are_those_of_the_plain_formula(make: type[Network]) -> None:
    network = seeded(lambda: make(3, 5)).double()
    x = torch.randn(2, 3, 64, 96, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    plain = Plain(network)
    with torch.inference_mode():
        got, want = network(x), plain(x)
    assert want.std() > 0.01
    torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("make", [HRNet, HRNetV2])
@pytest.mark.parametrize("size", [(1, 1), (33, 4), (63, 97), (64, 32)], ids=str)
def test_maps_are_a_quarter_of_any_crop(make: type[Network], size: tuple[int, int]) -> None:
    network = seeded(lambda: make(2, 4))
    with torch.inference_mode():
        maps = network(torch.randn(2, 3, *size))
    assert maps.shape == (2, 4, -(-size[0] // 4), -(-size[1] // 4))
    assert maps.dtype == torch.float32
    assert maps.is_contiguous()
    assert torch.isfinite(maps).all()


@pytest.mark.parametrize("make", [hrnet_w32, hrnet_w48_wholebody, hrnetv2_w18_hand])
def test_published_crops_give_the_spec_s_maps(make: Callable[[], Network]) -> None:
    network = on_meta(make)
    spec = network.crop_spec
    maps = network(torch.empty(1, 3, spec.height, spec.width, device="meta"))
    assert maps.shape == (1, network.keypoints, *spec.maps_size)


def test_no_crop_depends_on_the_rest_of_its_batch() -> None:
    network = seeded(lambda: HRNetV2(2, 4))
    crops = torch.randn(3, 3, 64, 64)
    with torch.inference_mode():
        together = network(crops)
        alone = torch.cat([network(crop[None]) for crop in crops])
        none = network(crops[:0])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    assert none.shape == (0, 4, 16, 16)


@pytest.mark.parametrize("make", [HRNet, HRNetV2])
def test_every_weight_gets_a_gradient(make: type[Network]) -> None:
    network = seeded(lambda: make(2, 4)).train()
    network(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []


# --- Specs and arguments


def test_crops_are_rgb_by_imagenets_statistics() -> None:
    assert HRNet(1).crop_spec == CropSpec(256, 192, IMAGENET_MEAN, IMAGENET_STD, "rgb", 4)
    assert HRNetV2(1).crop_spec == CropSpec(256, 256)
    assert HRNet(1, crop_size=(384, 288)).crop_spec.maps_size == (96, 72)


@pytest.mark.parametrize("make", [HRNet, HRNetV2])
@pytest.mark.parametrize("name", ["width", "keypoints"])
def test_sizes_below_one_are_refused(make: type[Network], name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}.*at least 1, got 0"):
        make(**{name: 0})


# --- Key layouts


def to_version_1(key: str) -> str:
    key = key.replace("keypoint_head.final_layer.3.", "head.final_layer.")
    key = key.replace("keypoint_head.final_layer.0.", "head.conv_layers.0.")
    key = key.replace("keypoint_head.final_layer.1.", "head.conv_layers.1.")
    return key.replace("keypoint_head.", "head.")


def to_official(key: str) -> str:
    return key.removeprefix("backbone.").removeprefix("keypoint_head.")


@pytest.mark.parametrize(
    ("make", "layout"),
    [
        (HRNet, str),
        (HRNet, to_version_1),
        (HRNet, to_official),
        (HRNetV2, str),
        (HRNetV2, to_version_1),
    ],
)
def test_every_layout_is_recognised_and_brought_to_the_modules(
    make: type[Network], layout: Callable[[str], str]
) -> None:
    with torch.device("meta"):
        state = make(2, 4).state_dict()
        theirs = {layout(key): value for key, value in state.items()}
        again = make.for_state_dict(theirs, crop_size=(128, 96))
    assert make.normalise_keys(theirs) == state
    assert [each.recognises(theirs) for each in (HRNet, HRNetV2)] == [
        make is HRNet,
        make is HRNetV2,
    ]
    assert shapes(again.state_dict()) == shapes(state)
    assert again.keypoints == 4
    assert again.crop_spec == CropSpec(128, 96)


@pytest.mark.parametrize("make", [HRNet, HRNetV2])
def test_unknown_keys_stay_and_other_networks_are_refused(make: type[Network]) -> None:
    strangers = {"layer4.0.conv1.weight": torch.zeros(1), "heads.x": torch.zeros(1)}
    assert make.normalise_keys(strangers) == strangers
    assert not make.recognises(strangers)
    with pytest.raises(ValueError, match=rf"expected the tensors of {make.__name__}.*heads\.x"):
        make.for_state_dict(strangers)
