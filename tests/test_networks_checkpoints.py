"""The table of networks, and which of them a checkpoint belongs to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from heatpose import skeletons
from heatpose.networks import (
    NETWORKS,
    CropSpec,
    HRNet,
    InputSpec,
    SimpleBaseline,
    network_for,
    network_name,
)
from heatpose.weights import load_into

TASKS = {
    "mobilenet-v2-small": "body",
    "vgg19": "body",
    "body25": "body",
    "aic14": "body",
    "openpose-hand": "hand",
    "openpose-face": "face",
    "hrnet": "body",
    "hrnetv2": "hand",
    "lite-hrnet": "hand",
    "simple-baseline": "hand",
    "hand-unet": "hand",
    "heatpose-lite": "body",
}
every_network = pytest.mark.parametrize("name", TASKS)


def on_meta(make: Callable[[], nn.Module]) -> nn.Module:
    """A network without memory for its weights."""
    with torch.device("meta"):
        return make()


def state_of(name: str) -> dict[str, Tensor]:
    return on_meta(NETWORKS[name]).state_dict()


def test_the_names_are_those_of_the_tasks() -> None:
    assert set(NETWORKS) == set(TASKS)


@every_network
def test_every_network_says_what_an_estimator_needs(name: str) -> None:
    network = on_meta(NETWORKS[name])
    assert network.task == TASKS[name]
    assert network.right_hands_only == (name in ("openpose-hand", "hand-unet"))
    specs = [getattr(network, spec, None) for spec in ("input_spec", "crop_spec")]
    assert sum(isinstance(spec, (InputSpec, CropSpec)) for spec in specs) == 1


@pytest.mark.parametrize(
    ("name", "skeleton"),
    [
        ("mobilenet-v2-small", skeletons.COCO18),
        ("vgg19", skeletons.COCO18),
        ("body25", skeletons.BODY25),
        ("aic14", skeletons.AIC14),
    ],
)
def test_maps_of_whole_pictures_are_those_of_the_skeleton(
    name: str, skeleton: skeletons.Skeleton
) -> None:
    assert NETWORKS[name].skeleton is skeleton
    image = torch.empty(1, 3, 16, 16, device="meta")
    heatmaps, pafs = on_meta(NETWORKS[name])(image)
    assert heatmaps.shape[1] == len(skeleton.keypoints) + 1
    assert pafs.shape[1] == 2 * len(skeleton.limbs)


def test_what_is_known_of_some_weights_is_set_on_their_network_alone() -> None:
    known, other = HRNet(1, 21), HRNet(1, 21)
    known.right_hands_only = True
    assert (known.right_hands_only, other.right_hands_only) == (True, False)


@every_network
def test_every_network_runs_on_the_cpu_twice_alike(name: str) -> None:
    torch.manual_seed(0)
    network = NETWORKS[name]().eval()
    x = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        once, again = network(x), network(x)
    parts = (once,) if isinstance(once, Tensor) else once
    parts_again = (again,) if isinstance(again, Tensor) else again
    for maps, same in zip(parts, parts_again, strict=True):
        assert torch.isfinite(maps).all()
        assert maps.std() > 0
        assert torch.equal(maps, same)


# --- Whose a checkpoint is


@every_network
def test_a_checkpoint_is_of_its_network_alone(name: str) -> None:
    state = state_of(name)
    assert [each for each, network in NETWORKS.items() if network.recognises(state)] == [name]
    assert network_name(state) == name
    with torch.device("meta"):
        network = network_for(state)
    assert type(network) is NETWORKS[name]
    assert not network.state_dict().keys() ^ state.keys()


OTHER_LAYOUTS: dict[str, Callable[[str], str]] = {
    "vgg19": lambda key: f"model0.{key}",
    "openpose-hand": lambda key: f"model1_0.{key}",
    "body25": lambda key: f"model0.{key}",
    "hrnet": lambda key: key.removeprefix("backbone.").removeprefix("keypoint_head."),
    "hrnetv2": lambda key: key.replace("keypoint_head.", "head."),
    "lite-hrnet": lambda key: key.replace("keypoint_head.", "head."),
    "simple-baseline": lambda key: key.removeprefix("backbone.").removeprefix("keypoint_head."),
}


@pytest.mark.parametrize("name", OTHER_LAYOUTS)
def test_other_layouts_are_told_too(name: str) -> None:
    theirs = {OTHER_LAYOUTS[name](key): tensor for key, tensor in state_of(name).items()}
    assert network_name(theirs) == name


@pytest.mark.parametrize(
    ("make", "keypoints", "task", "other"),
    [
        (SimpleBaseline, 14, "body", "hand"),
        (SimpleBaseline, 17, "body", "wholebody"),
        (SimpleBaseline, 21, "hand", "face"),
        (HRNet, 133, "wholebody", "body"),
    ],
)
def test_the_task_is_told_by_the_number_of_keypoints(
    make: type[HRNet] | type[SimpleBaseline], keypoints: int, task: str, other: str
) -> None:
    state = on_meta(lambda: make(18, keypoints)).state_dict()
    with torch.device("meta"):
        network = network_for(state, task=task, crop_size=(128, 96))
        assert network.task == task
        assert network.keypoints == keypoints
        assert network.crop_spec.maps_size == (32, 24)
        with pytest.raises(ValueError, match=rf"for {task}, expected one for {other}"):
            network_for(state, task=other)


def test_a_number_of_keypoints_of_no_task_is_said() -> None:
    state = HRNet(2, 5).state_dict()
    assert network_for(state).task is None
    with pytest.raises(ValueError, match=r"hrnet for 5 keypoints of no known task, .* for body"):
        network_for(state, task="body")


def test_the_network_of_a_checkpoint_takes_its_weights() -> None:
    torch.manual_seed(0)
    state = HRNet(3, 21).state_dict()
    network = network_for(state)
    load_into(network, state)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_arguments_reach_the_network() -> None:
    with torch.device("meta"):
        assert network_for(state_of("vgg19"), relu_heatmaps=True).relu_heatmaps
        bgr = network_for(state_of("simple-baseline"), crop_size=[224, 224], colour="bgr")
    assert bgr.crop_spec == CropSpec(224, 224, colour="bgr")


def test_wrong_arguments_are_refused() -> None:
    with torch.device("meta"):
        with pytest.raises(TypeError, match="unexpected keyword argument 'crop_size'"):
            network_for(state_of("body25"), crop_size=(256, 256))
        with pytest.raises(ValueError, match=r"task must be one of body, hand, .* got 'foot'"):
            network_for(state_of("body25"), task="foot")


def test_a_stranger_is_of_no_network() -> None:
    for state in ({}, {"layer1.0.weight": torch.zeros(1)}):
        assert network_name(state) is None
        with pytest.raises(ValueError, match=r"no known network.*hand-unet"):
            network_for(state)


@pytest.mark.parametrize("name", ["hrnet", "hrnetv2", "lite-hrnet", "simple-baseline"])
def test_sizes_that_are_only_claimed_take_no_memory(name: str) -> None:
    """A view of one number can have any shape; the network of that size would fill the memory."""
    state_dict = {
        key: torch.zeros(1).expand(10**9, *tensor.shape[1:])
        if "final_layer" in key and tensor.ndim == 4
        else tensor
        for key, tensor in state_of(name).items()
    }
    with pytest.raises(ValueError, match=f"a {name} with .* parameters, which is beyond"):
        network_for(state_dict)
