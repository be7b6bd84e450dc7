"""SimpleBaseline without its weights: structure, key layouts, sizes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from heatpose.networks.simple_baseline import SimpleBaseline
from heatpose.weights import load_into

# What is learnt. The trunks: torchvision's published counts less its classifier. The heads: the
# deconvolutions, their norms, and 21 maps.
PARAMETERS = {
    18: 11_689_512 - 513_000 + 4_201_237,
    34: 21_797_672 - 513_000 + 4_201_237,
    50: 25_557_032 - 2_049_000 + 10_492_693,
    101: 44_549_160 - 2_049_000 + 10_492_693,
    152: 60_192_808 - 2_049_000 + 10_492_693,
}


def on_meta(depth: int, keypoints: int = 21) -> SimpleBaseline:
    with torch.device("meta"):
        return SimpleBaseline(depth, keypoints).eval()


@pytest.fixture(scope="module")
def small() -> SimpleBaseline:
    torch.manual_seed(0)
    return SimpleBaseline(18).eval()


def microsoft(key: str) -> str:
    return key.removeprefix("backbone.").removeprefix("keypoint_head.")


def mmpose_v1(key: str) -> str:
    return key.replace("keypoint_head.", "head.")


def torchvision_below_a_name(key: str) -> str:
    return microsoft(key) if "head" in key else f"resnet.{microsoft(key)}"


def torchvision_by_number(key: str) -> str:
    children = ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"]
    if "head" in key:
        return microsoft(key)
    _, child, rest = key.split(".", 2)
    return f"backbone.{children.index(child)}.{rest}"


LAYOUTS = [microsoft, mmpose_v1, torchvision_below_a_name, torchvision_by_number]


@pytest.mark.parametrize("depth", PARAMETERS)
def test_parameter_counts_are_the_published_ones(depth: int) -> None:
    network = on_meta(depth)
    assert sum(weight.numel() for weight in network.parameters()) == PARAMETERS[depth]


@pytest.mark.parametrize(
    ("depth", "tensors", "shapes"),
    [
        (18, 140, {"backbone.layer2.0.downsample.0.weight": (128, 64, 1, 1)}),
        (34, 236, {"backbone.layer3.5.conv2.weight": (256, 256, 3, 3)}),
        (50, 338, {"backbone.layer1.0.downsample.0.weight": (256, 64, 1, 1)}),
        (101, 644, {"backbone.layer3.22.conv3.weight": (1024, 256, 1, 1)}),
        (152, 950, {"backbone.layer2.7.bn3.running_var": (512,)}),
    ],
)
def test_tensors_of_every_depth(
    depth: int, tensors: int, shapes: dict[str, tuple[int, ...]]
) -> None:
    state = on_meta(depth).state_dict()
    features = 512 if depth < 50 else 2048
    shapes = {
        "backbone.conv1.weight": (64, 3, 7, 7),
        "keypoint_head.deconv_layers.0.weight": (features, 256, 4, 4),
        "keypoint_head.deconv_layers.6.weight": (256, 256, 4, 4),
        "keypoint_head.final_layer.weight": (21, 256, 1, 1),
        "keypoint_head.final_layer.bias": (21,),
        **shapes,
    }
    assert len(state) == tensors
    assert {key: tuple(state[key].shape) for key in shapes} == shapes


@pytest.mark.parametrize("depth", PARAMETERS)
@pytest.mark.parametrize(("size", "maps"), [((224, 224), (56, 56)), ((256, 192), (64, 48))])
def test_maps_are_a_quarter_of_the_crop(
    depth: int, size: tuple[int, int], maps: tuple[int, int]
) -> None:
    assert on_meta(depth, 17)(torch.empty(2, 3, *size, device="meta")).shape == (2, 17, *maps)


def test_the_maps_of_the_hand_model_are_56x56() -> None:
    with torch.device("meta"):
        network = SimpleBaseline(18, crop_size=(224, 224)).eval()
    spec = network.crop_spec
    crop = torch.empty(1, 3, spec.height, spec.width, device="meta")
    assert network(crop).shape == (1, 21, *spec.maps_size) == (1, 21, 56, 56)
    assert spec.colour == "rgb"


@pytest.mark.parametrize("size", [(1, 1), (32, 64), (33, 31)], ids=str)
def test_takes_any_size(small: nn.Module, size: tuple[int, int]) -> None:
    with torch.inference_mode():
        heatmaps = small(torch.randn(2, 3, *size))
    assert heatmaps.shape == (2, 21, *(8 * -(-n // 32) for n in size))
    assert torch.isfinite(heatmaps).all()


def test_no_crop_depends_on_the_rest_of_its_batch(small: nn.Module) -> None:
    crops = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        together = small(crops)
        alone = torch.cat([small(crop[None]) for crop in crops])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_the_stride_of_a_bottleneck_is_on_its_3x3_convolution() -> None:
    block = on_meta(50).get_submodule("backbone.layer2.0")
    strides = [block.get_submodule(f"conv{i}").stride for i in (1, 2, 3)]
    assert strides == [(1, 1), (2, 2), (1, 1)]
    assert block.get_submodule("downsample.0").stride == (2, 2)


def test_the_shortcut_is_added_before_the_last_relu() -> None:
    torch.manual_seed(2)
    block = SimpleBaseline(18).eval().get_submodule("backbone.layer1.1")
    nn.init.zeros_(block.get_submodule("bn2").weight)
    x = torch.randn(1, 64, 6, 5)
    torch.testing.assert_close(block(x), x.clamp(min=0))


def test_every_weight_gets_a_gradient() -> None:
    torch.manual_seed(3)
    network = SimpleBaseline(18).train()
    network(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []


# --- Key layouts


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("depth", [18, 50])
def test_known_layouts_become_the_keys_of_the_module(
    layout: Callable[[str], str], depth: int
) -> None:
    state = on_meta(depth).state_dict()
    theirs = {layout(key): tensor for key, tensor in state.items()}
    assert len(theirs) == len(state)
    assert theirs.keys() != state.keys()
    assert SimpleBaseline.recognises(theirs)
    renamed = SimpleBaseline.normalise_keys(theirs)
    assert renamed.keys() == state.keys()
    assert all(renamed[key] is state[key] for key in state)


def test_the_layout_of_the_module_stays(small: SimpleBaseline) -> None:
    state = small.state_dict()
    assert SimpleBaseline.recognises(state)
    assert SimpleBaseline.normalise_keys(state).keys() == state.keys()


def test_a_checkpoint_without_counters_loads(small: SimpleBaseline) -> None:
    old = {
        microsoft(key): tensor
        for key, tensor in small.state_dict().items()
        if "num_batches" not in key
    }
    network = SimpleBaseline(18).eval()
    load_into(network, old)
    x = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(network(x), small(x), rtol=0, atol=0)


def test_the_classifier_of_a_trunk_is_dropped_and_a_trunk_alone_is_no_pose_network() -> None:
    state = on_meta(34).state_dict()
    trunk: dict[str, Tensor] = {
        microsoft(key): tensor for key, tensor in state.items() if key.startswith("backbone.")
    }
    trunk |= {"fc.weight": torch.empty(1000, 512), "fc.bias": torch.empty(1000)}
    assert not SimpleBaseline.recognises(trunk)
    missing = state.keys() - SimpleBaseline.normalise_keys(trunk).keys()
    assert all(key.startswith("keypoint_head.") for key in missing)
    assert SimpleBaseline.normalise_keys(trunk).keys() < state.keys()


def test_other_networks_are_not_recognised_and_their_keys_are_kept() -> None:
    keys = [
        "stage2.0.branches.0.0.conv1.weight",
        "backbone.stem.conv1.conv.weight",
        "Mconv7_stage6_L2.weight",
        "keypoint_head.final_layers.0.weight",
    ]
    state = dict.fromkeys(keys, torch.empty(0))
    assert not SimpleBaseline.recognises(state)
    assert list(SimpleBaseline.normalise_keys(state)) == keys


# --- The network that a checkpoint asks for


@pytest.mark.parametrize("depth", PARAMETERS)
def test_depth_and_keypoints_are_told_by_the_tensors(depth: int) -> None:
    theirs = {microsoft(key): tensor for key, tensor in on_meta(depth, 17).state_dict().items()}
    with torch.device("meta"):
        network = SimpleBaseline.for_state_dict(theirs, crop_size=(256, 192), colour="bgr")
    assert (network.depth, network.keypoints) == (depth, 17)
    assert (network.crop_spec.height, network.crop_spec.width) == (256, 192)
    assert network.crop_spec.colour == "bgr"


def test_a_depth_that_no_resnet_here_has_is_refused() -> None:
    state = on_meta(50).state_dict()
    state["backbone.layer3.6.conv1.weight"] = torch.empty(0)
    with pytest.raises(ValueError, match=r"18, 34, 50, 101, 152.*\(3, 4, 7, 3\) bottlenecks"):
        SimpleBaseline.for_state_dict(state)


@pytest.mark.parametrize(
    "state",
    [{}, {"keypoint_head.final_layer.weight": torch.empty(21)}],
    ids=["no last layer", "a flat last layer"],
)
def test_a_checkpoint_without_the_last_layer_is_refused(state: dict[str, Tensor]) -> None:
    with pytest.raises(ValueError, match="final_layer"):
        SimpleBaseline.for_state_dict(state)


@pytest.mark.parametrize("depth", [0, 17, -50])
def test_other_depths_are_refused(depth: int) -> None:
    with pytest.raises(ValueError, match=rf"depth: expected one of 18, .*152, got {depth}"):
        SimpleBaseline(depth)


def test_no_keypoints_are_refused() -> None:
    with pytest.raises(ValueError, match="keypoints: expected at least 1, got 0"):
        SimpleBaseline(18, 0)


@pytest.mark.parametrize("depth", [18, 50, 101, 152])
@pytest.mark.parametrize(
    ("layout", "keypoints"), [("mmpose_res{}_hand21", 21), ("microsoft_pose_resnet{}_coco17", 17)]
)
def test_every_published_key_and_shape(
    shared_data: Path, layout: str, keypoints: int, depth: int
) -> None:
    path = shared_data.parent / "design" / "models" / "keys" / f"{layout.format(depth)}.tsv"
    if not path.is_file():
        pytest.skip(f"key list not found at {path}")
    published = {}
    for line in path.read_text().splitlines():
        key, shape = line.split("\t")
        sizes = [] if shape == "scalar(int64)" else [int(size) for size in shape.split("x")]
        published[key] = torch.empty(sizes, device="meta")
    ours = {key: value.shape for key, value in on_meta(depth, keypoints).state_dict().items()}
    found = SimpleBaseline.normalise_keys(published)
    assert {key: value.shape for key, value in found.items()} == ours
    if layout.startswith("mmpose"):
        assert {key: value.shape for key, value in published.items()} == ours
