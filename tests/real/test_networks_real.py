"""The networks against recordings of the programs they were published with."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from heatpose.networks import (
    HandUNet,
    OpenPoseMobileNetV2Small,
    OpenPoseVGG19,
    Task,
    mobilenet_v2_small,
    network_for,
    network_name,
)
from heatpose.weights import load_into, load_state_dict, load_weights

Float32 = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def body(shared_data: Path) -> Path:
    return shared_data / "body"


@pytest.fixture(scope="module")
def mobilenet(body: Path) -> OpenPoseMobileNetV2Small:
    network = OpenPoseMobileNetV2Small().eval()
    load_weights(network, body / "model" / "openpose_mobilenet_v2_small.safetensors")
    return network


def as_input(image: npt.NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float()


@torch.inference_mode()
def run(network: nn.Module, image: npt.NDArray[np.uint8]) -> Float32:
    heatmaps, pafs = network(as_input(image))
    output: Float32 = torch.cat([heatmaps, pafs], dim=1)[0].numpy()
    return output


def test_three_photos_agree_with_the_graph_in_float32(
    body: Path, mobilenet: OpenPoseMobileNetV2Small
) -> None:
    references = sorted((body / "maps").glob("*_fp32ref.npz"))
    assert len(references) == 3
    for path in references:
        with np.load(path) as recorded:
            difference = np.abs(
                run(mobilenet, recorded["input_bgr_uint8_hwc"]) - recorded["output"]
            )
        print(f"{path.stem}: max abs {difference.max():.2e}, mean abs {difference.mean():.2e}")
        assert difference.max() < 1e-4
        assert difference.mean() < 1e-6


def test_activations_inside_the_network_agree(
    body: Path, mobilenet: OpenPoseMobileNetV2Small
) -> None:
    seen: dict[str, Tensor] = {}
    layers = {
        "MobilenetV2|expanded_conv_2|add": "blocks.2",
        "MobilenetV2|expanded_conv_5|add": "blocks.5",
        "MobilenetV2|expanded_conv_12|add": "blocks.12",
        "Openpose|MConv_Stage1_L1_5_pointwise|BatchNorm|FusedBatchNorm": "stages.0.pafs",
        "Openpose|MConv_Stage1_L2_5_pointwise|BatchNorm|FusedBatchNorm": "stages.0.heatmaps",
    }
    hooks = [
        mobilenet.get_submodule(ours).register_forward_hook(
            lambda _module, _args, out, theirs=theirs: seen.update({theirs: out})
        )
        for theirs, ours in layers.items()
    ]
    with np.load(body / "maps" / "p1__432x368_fp32ref.npz") as file:
        recorded = dict(file)
    run(mobilenet, recorded["input_bgr_uint8_hwc"])
    for hook in hooks:
        hook.remove()
    coarse = seen["MobilenetV2|expanded_conv_12|add"]
    seen["base|layer_14|output|upsample"] = mobilenet_v2_small._legacy_bilinear(coarse, (46, 54))

    assert len(seen) == 6
    for name, activation in seen.items():
        # Activations reach 70. The recording is up to 1.5e-3 from a float64 run of this network,
        # whose float32 run is within 1.5e-4 of it: the tolerance is for the rounding of TensorFlow.
        difference = np.abs(activation[0].numpy() - recorded[name]).max()
        largest = np.abs(recorded[name]).max()
        print(f"{name}: max abs {difference:.2e} of {largest:.1f}")
        assert difference < 1e-4 * max(largest, 1), name


def test_all_stored_maps_agree(body: Path, mobilenet: OpenPoseMobileNetV2Small) -> None:
    maps = [path for path in sorted((body / "maps").glob("*.npz")) if "fp32ref" not in path.stem]
    assert len(maps) == 24
    worst_mean = worst_max = 0.0
    for path in maps:
        name, size = path.stem.rsplit("__", 1)
        width, height = map(int, size.split("x"))
        photo = cv2.imread(str(body / "photos" / f"{name}.jpg"))
        photo = cv2.resize(photo, (width, height), interpolation=cv2.INTER_CUBIC)
        with np.load(path) as recorded:
            stored = recorded["output"].astype(np.float32)
        output = run(mobilenet, photo)
        # The recordings are float16: what rounding alone can explain is no difference.
        rounding = np.abs(stored - output.astype(np.float16).astype(np.float32))
        difference = np.abs(stored - output)
        print(
            f"{path.stem}: mean abs {rounding.mean():.1e} (float16 rounding aside), "
            f"max abs {difference.max():.1e}"
        )
        worst_mean = max(worst_mean, float(rounding.mean()))
        worst_max = max(worst_max, float(difference.max()))
    print(f"all {len(maps)} maps: mean abs {worst_mean:.1e}, max abs {worst_max:.1e}")
    assert worst_mean < 1e-5
    assert worst_max < 5e-3


@pytest.mark.parametrize(
    "layout",
    [
        "openpose_coco18_file_body_or_hand_pose_model_pth.tsv",
        "openpose_coco18_hzzone_module.tsv",
    ],
)
def test_vgg_has_every_published_key(shared_data: Path, layout: str) -> None:
    path = shared_data.parent / "design" / "models" / "keys" / layout
    if not path.is_file():
        pytest.skip(f"key list not found at {path}")
    published = {}
    for line in path.read_text().splitlines():
        key, shape = line.split("\t")
        published[key] = torch.empty(*map(int, shape.split("x")), device="meta")
    with torch.device("meta"):
        ours = OpenPoseVGG19().state_dict()
    found = OpenPoseVGG19.normalise_keys(published)
    assert {key: value.shape for key, value in found.items()} == {
        key: value.shape for key, value in ours.items()
    }


def test_every_tensor_of_the_weight_file_is_used(body: Path) -> None:
    path = body / "model" / "openpose_mobilenet_v2_small.safetensors"
    renamed = OpenPoseMobileNetV2Small.normalise_keys(load_state_dict(path))
    assert set(renamed) == set(OpenPoseMobileNetV2Small().state_dict())


@pytest.mark.parametrize(
    ("file", "name", "task"),
    [
        ("body/model/openpose_mobilenet_v2_small.safetensors", "mobilenet-v2-small", "body"),
        ("hand/handnet/handnet.safetensors", "hand-unet", "hand"),
    ],
)
def test_the_weight_files_are_told_apart(
    shared_data: Path, file: str, name: str, task: Task
) -> None:
    state = load_state_dict(shared_data / file)
    assert network_name(state) == name
    network = network_for(state, task=task)
    load_into(network, state)
    other = OpenPoseMobileNetV2Small() if name == "hand-unet" else HandUNet()
    with pytest.raises(ValueError, match=f"these look like the weights of {name}"):
        load_into(other, state)


KEY_LISTS = {
    "darkpose_official_hrnet_w32_coco17": ("hrnet", "body"),
    "mmpose_hrnet_w48_wholebody133": ("hrnet", "wholebody"),
    "mmpose_hrnetv2_w18_hand21": ("hrnetv2", "hand"),
    "mmpose_litehrnet_w18_hand21": ("lite-hrnet", "hand"),
    "mmpose_res50_hand21": ("simple-baseline", "hand"),
    "microsoft_pose_resnet50_coco17": ("simple-baseline", "body"),
    "openpose_body25_beingjoey_module": ("body25", "body"),
    "openpose_body25_caffe_names": ("body25", "body"),
    "openpose_coco18_hzzone_module": ("vgg19", "body"),
    "openpose_hand21_hzzone_module": ("openpose-hand", "hand"),
    "openpose_face70_facenet_pth": ("openpose-face", "face"),
}


@pytest.mark.parametrize("layout", KEY_LISTS)
def test_published_layouts_are_told_apart(shared_data: Path, layout: str) -> None:
    path = shared_data.parent / "design" / "models" / "keys" / f"{layout}.tsv"
    if not path.is_file():
        pytest.skip(f"key list not found at {path}")
    published = {}
    for line in path.read_text().splitlines():
        key, shape = line.split("\t")[:2]
        sizes = [] if shape.startswith("scalar") else [int(size) for size in shape.split("x")]
        published[key] = torch.empty(sizes, device="meta")
    name, task = KEY_LISTS[layout]
    assert network_name(published) == name
    with torch.device("meta"):
        network = network_for(published)
    assert network.task == task
    found = network.normalise_keys(published)
    ours = network.state_dict()
    assert {key: found[key].shape for key in ours} == {key: ours[key].shape for key in ours}
