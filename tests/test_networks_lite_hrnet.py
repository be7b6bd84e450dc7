"""Lite-HRNet without its weights: tensors, the rule of its sums, the plain formula, sizes, keys."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from heatpose.networks import CropSpec, LiteHRNet
from heatpose.networks.lite_hrnet_backbone import LiteModule

State = dict[str, Tensor]


def on_meta(keypoints: int = 21) -> LiteHRNet:
    """A network without memory for its weights."""
    with torch.device("meta"):
        return LiteHRNet(keypoints).eval()


def lively(network: nn.Module) -> nn.Module:
    """The network with norms that do something too."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
            for tensor in (module.bias, module.running_mean):
                nn.init.normal_(tensor, std=0.1)
    return network.eval()


@pytest.fixture(scope="module")
def network() -> LiteHRNet:
    torch.manual_seed(0)
    network = lively(LiteHRNet())
    assert isinstance(network, LiteHRNet)
    return network


def noise(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(1))


def shapes(state: State) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in state.items()}


# --- The tensors


def test_has_the_published_size() -> None:
    network = on_meta()
    assert len(network.state_dict()) == 1418
    assert sum(value.numel() for value in network.parameters()) == 1_130_933


def test_has_the_published_tensors() -> None:
    state = shapes(on_meta().state_dict())
    wanted = {
        "backbone.stem.conv1.conv.weight": (32, 3, 3, 3),
        "backbone.stem.branch1.0.conv.weight": (16, 1, 3, 3),
        "backbone.transition0.0.2.weight": (40, 32, 1, 1),
        "backbone.transition2.3.0.2.weight": (320, 160, 1, 1),
        "backbone.stage0.0.layers.0.cross_resolution_weighting.conv1.conv.weight": (7, 60, 1, 1),
        "backbone.stage1.3.layers.1.spatial_weighting.2.conv1.conv.bias": (20,),
        "backbone.stage2.1.fuse_layers.3.0.1.2.weight": (40, 40, 1, 1),
        "backbone.stage2.1.fuse_layers.3.0.2.2.weight": (320, 40, 1, 1),
        "backbone.head_layer.projects.0.pointwise_conv.conv.weight": (160, 320, 1, 1),
        "keypoint_head.final_layer.weight": (21, 40, 1, 1),
    }
    assert {key: state.get(key) for key in wanted} == wanted


def test_every_published_key_and_shape_is_the_networks_in_order(shared_data: Path) -> None:
    keys = shared_data.parent / "design" / "models" / "keys"
    path = keys / "mmpose_litehrnet_w18_hand21.tsv"
    if not path.is_file():
        pytest.skip(f"key list not found at {path}")
    published = {}
    for line in path.read_text().splitlines():
        key, shape = line.split("\t")
        scalar = shape.startswith("scalar")
        published[key] = () if scalar else tuple(int(size) for size in shape.split("x"))
    ours = shapes(on_meta().state_dict())
    assert list(ours.items()) == list(published.items())


# --- The answer


def sums_of_the_authors_program(module: LiteModule, xs: list[Tensor]) -> list[Tensor]:
    """Their loop as they run it: ``+=`` on a tensor that is at first one of the inputs."""
    answers = []
    for i in range(len(xs)):
        y = xs[0] if i == 0 else module.get_submodule(f"fuse_layers.{i}.0")(xs[0])
        for j in range(len(xs)):
            part = xs[j] if i == j else module.get_submodule(f"fuse_layers.{i}.{j}")(xs[j])
            if j > i:
                part = nn.Upsample(scale_factor=2 ** (j - i), mode="nearest")(part)
            y += part
        answers.append(y.relu())
    return answers


@pytest.mark.parametrize("widths", [(4, 8), (8, 12, 16), (8, 12, 16, 20)], ids=str)
def test_sums_are_those_of_the_authors_program(widths: tuple[int, ...]) -> None:
    torch.manual_seed(2)
    module = lively(LiteModule([8 * width for width in widths]))
    assert isinstance(module, LiteModule)
    xs = [noise(2, 8 * width, 16 >> i, 24 >> i) for i, width in enumerate(widths)]
    with torch.inference_mode():
        got = module.fused(xs)
        plain = [
            sum(
                (
                    functional.interpolate(
                        module.get_submodule(f"fuse_layers.{i}.{j}")(x),
                        size=xs[i].shape[-2:],
                        mode="nearest",
                    )
                    for j, x in enumerate(xs)
                ),
                start=torch.zeros(()),
            ).relu()
            for i in range(len(xs))
        ]
        want = sums_of_the_authors_program(module, [x.clone() for x in xs])
    for ours, theirs, of_the_paper in zip(got, want, plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)
        assert (ours - of_the_paper).abs().max() > 0.1


def test_the_two_sums_of_two_numbers() -> None:
    module = LiteModule((8, 8)).eval()
    module.fuse_layers[0][1] = nn.Identity()
    module.fuse_layers[1][0] = nn.AvgPool2d(2, divisor_override=1)
    fine, coarse = torch.full((1, 8, 2, 2), 3.0), torch.full((1, 8, 1, 1), -5.0)
    first, second = module.fused([fine, coarse])
    assert first.unique().tolist() == [1.0]  # 3 + 3 - 5
    assert second.unique().tolist() == [3.0]  # 2 * (four cells of the finished 1) - 5
    assert fine.unique().tolist() == [3.0]


class Plain:
    """The network once more, from the tensors alone."""

    def __init__(self, network: LiteHRNet) -> None:
        self.state = network.state_dict()

    def conv(self, x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        weight = self.state[f"{name}.weight"]
        groups = x.shape[1] // weight.shape[1]
        padding = weight.shape[-1] // 2
        bias = self.state.get(f"{name}.bias")
        return functional.conv2d(x, weight, bias, stride, padding, groups=groups)

    def norm(self, x: Tensor, name: str) -> Tensor:
        mean, var, scale, bias = (
            self.state[f"{name}.{part}"].view(1, -1, 1, 1)
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + 1e-5).sqrt() * scale + bias

    def conv_norm(self, x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        return self.norm(self.conv(x, f"{name}.conv", stride=stride), f"{name}.bn")

    def separable(self, x: Tensor, name: str, *, stride: int) -> Tensor:
        x = self.norm(self.conv(x, f"{name}.0", stride=stride), f"{name}.1")
        return self.norm(self.conv(x, f"{name}.2"), f"{name}.3")

    @staticmethod
    def shuffled(first: Tensor, second: Tensor) -> Tensor:
        x = torch.cat([first, second], 1)
        n, c, h, w = x.shape
        return x.reshape(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)

    @staticmethod
    def larger(x: Tensor, factor: int) -> Tensor:
        return x.repeat_interleave(factor, -1).repeat_interleave(factor, -2)

    def stem(self, x: Tensor) -> Tensor:
        name = "backbone.stem"
        x = self.conv_norm(x, f"{name}.conv1", stride=2).relu()
        first, second = x[:, :16], x[:, 16:]
        first = self.conv_norm(first, f"{name}.branch1.0", stride=2)
        first = self.conv_norm(first, f"{name}.branch1.1").relu()
        second = self.conv_norm(second, f"{name}.expand_conv").relu()
        second = self.conv_norm(second, f"{name}.depthwise_conv", stride=2)
        return self.shuffled(first, self.conv_norm(second, f"{name}.linear_conv").relu())

    def block(self, xs: list[Tensor], name: str) -> list[Tensor]:
        passing = [x[:, : x.shape[1] // 2] for x in xs]
        others = [x[:, x.shape[1] // 2 :] for x in xs]
        last = len(xs) - 1
        seen = [functional.avg_pool2d(x, 2 ** (last - i)) for i, x in enumerate(others)]
        across = f"{name}.cross_resolution_weighting"
        hidden = self.conv_norm(torch.cat(seen, 1), f"{across}.conv1").relu()
        factors = self.conv_norm(hidden, f"{across}.conv2").sigmoid()
        answers, start = [], 0
        for i, x in enumerate(others):
            own = factors[:, start : start + x.shape[1]]
            start += x.shape[1]
            y = x * self.larger(own, 2 ** (last - i))
            y = self.conv_norm(y, f"{name}.depthwise_convs.{i}")
            within = f"{name}.spatial_weighting.{i}"
            factor = y.mean((2, 3), keepdim=True)
            factor = self.conv(factor, f"{within}.conv1.conv").relu()
            factor = self.conv(factor, f"{within}.conv2.conv").sigmoid()
            answers.append(self.shuffled(passing[i], y * factor))
        return answers

    def part(self, x: Tensor, name: str, i: int, j: int) -> Tensor:
        name = f"{name}.fuse_layers.{i}.{j}"
        if j > i:
            return self.larger(self.norm(self.conv(x, f"{name}.0"), f"{name}.1"), 2 ** (j - i))
        for k in range(i - j):
            x = self.separable(x, f"{name}.{k}", stride=2)
            x = x.relu() if k < i - j - 1 else x
        return x

    def module(self, xs: list[Tensor], name: str) -> list[Tensor]:
        for k in (0, 1):
            xs = self.block(xs, f"{name}.layers.{k}")
        count = len(xs)
        first = 2 * xs[0] + sum(self.part(xs[j], name, 0, j) for j in range(1, count))
        sums = [first]
        for i in range(1, count):
            finest = 2 * self.part(first, name, i, 0)
            sums.append(finest + sum(self.part(xs[j], name, i, j) for j in range(1, count)))
        return [y.relu() for y in sums]

    def __call__(self, x: Tensor) -> Tensor:
        xs = [self.stem(x)]
        for stage, modules in enumerate((2, 4, 2)):
            name = f"backbone.transition{stage}"
            new = self.separable(xs[-1], f"{name}.{stage + 1}.0", stride=2).relu()
            if stage == 0:
                xs = [self.separable(xs[0], f"{name}.0", stride=1).relu()]
            xs.append(new)
            for m in range(modules):
                xs = self.module(xs, f"backbone.stage{stage}.{m}")
        y = torch.zeros(())
        for k, x in enumerate(reversed(xs)):
            if k:
                y = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)(y)
            name = f"backbone.head_layer.projects.{k}"
            y = self.conv_norm(x + y, f"{name}.depthwise_conv")
            y = self.conv_norm(y, f"{name}.pointwise_conv").relu()
        return self.conv(y, "keypoint_head.final_layer")


def test_maps_are_those_of_the_plain_formula() -> None:
    torch.manual_seed(3)
    network = lively(LiteHRNet(5)).double()
    assert isinstance(network, LiteHRNet)
    x = noise(2, 3, 64, 96, dtype=torch.float64)
    with torch.inference_mode():
        got, want = network(x), Plain(network)(x)
    assert (want[0] - want[1]).std() > 1e-3
    torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [(256, 256), (64, 96), (63, 97), (33, 4), (1, 1)], ids=str)
def test_maps_are_a_quarter_of_any_crop(network: LiteHRNet, size: tuple[int, int]) -> None:
    with torch.inference_mode():
        maps = network(noise(1, 3, *size))
        again = network(noise(1, 3, *size))
    assert maps.shape == (1, 21, -(-size[0] // 4), -(-size[1] // 4))
    assert maps.dtype == torch.float32
    assert maps.is_contiguous()
    assert torch.isfinite(maps).all()
    assert torch.equal(maps, again)


def test_no_crop_depends_on_the_rest_of_its_batch(network: LiteHRNet) -> None:
    crops = noise(3, 3, 64, 64)
    with torch.inference_mode():
        together = network(crops)
        alone = torch.cat([network(crop[None]) for crop in crops])
        none = network(crops[:0])
    assert (together[0] - together[1]).abs().max() > 1e-3
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    assert none.shape == (0, 21, 16, 16)


def test_every_weight_gets_a_gradient() -> None:
    network = on_meta().train()
    network(torch.empty(2, 3, 64, 64, device="meta")).square().sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []


# --- Spec, arguments and key layouts


def test_crops_are_rgb_by_imagenets_statistics() -> None:
    assert on_meta().crop_spec == CropSpec(256, 256)
    with torch.device("meta"):
        assert LiteHRNet(crop_size=(256, 192)).crop_spec.maps_size == (64, 48)


def test_no_keypoints_are_refused() -> None:
    with pytest.raises(ValueError, match="keypoints: expected at least 1, got 0"):
        LiteHRNet(0)


@pytest.mark.parametrize("head", ["keypoint_head.", "head."])
def test_every_layout_is_recognised_and_brought_to_the_modules(head: str) -> None:
    state = on_meta(4).state_dict()
    theirs = {key.replace("keypoint_head.", head): value for key, value in state.items()}
    assert LiteHRNet.recognises(theirs)
    assert LiteHRNet.normalise_keys(theirs) == state
    with torch.device("meta"):
        again = LiteHRNet.for_state_dict(theirs, crop_size=(128, 96))
    assert shapes(again.state_dict()) == shapes(state)
    assert again.crop_spec == CropSpec(128, 96)


def test_unknown_keys_stay_and_other_networks_are_refused() -> None:
    strangers = {"backbone.stem.x": torch.zeros(1), "heads.x": torch.zeros(1)}
    assert LiteHRNet.normalise_keys(strangers) == strangers
    assert not LiteHRNet.recognises(strangers)
    with pytest.raises(ValueError, match=r"expected the tensors of LiteHRNet.*heads\.x"):
        LiteHRNet.for_state_dict(strangers)


def test_a_last_layer_of_no_convolution_is_refused() -> None:
    state = on_meta().state_dict()
    state["keypoint_head.final_layer.weight"] = torch.zeros(21)
    with pytest.raises(ValueError, match=r"final_layer\.weight .* 4 sizes, got shape \(21,\)"):
        LiteHRNet.for_state_dict(state)
