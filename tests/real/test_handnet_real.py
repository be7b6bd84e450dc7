"""The small hand network with its published weights, against recordings of the original."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from heatpose.networks.hand_unet import HandUNet
from heatpose.weights import load_state_dict, load_weights


@pytest.fixture(scope="module")
def handnet(shared_data: Path) -> Path:
    return shared_data / "hand" / "handnet"


@pytest.fixture(scope="module")
def network(handnet: Path) -> HandUNet:
    network = HandUNet().eval()
    load_weights(network, handnet / "handnet.safetensors")
    return network


def test_every_key_and_shape_is_the_published_one(handnet: Path) -> None:
    published = load_state_dict(handnet / "handnet.safetensors")
    assert HandUNet.recognises(published)
    with torch.device("meta"):
        ours = HandUNet().state_dict()
    assert {key: value.shape for key, value in published.items()} == {
        key: value.shape for key, value in ours.items()
    }


def test_one_crop_agrees_in_float32(handnet: Path, network: HandUNet) -> None:
    seen: list[Tensor] = []
    hook = network.conv_out[0].register_forward_hook(lambda _module, _args, out: seen.append(out))
    with np.load(handnet / "reference_f32.npz") as file:
        recorded = dict(file)
    with torch.inference_mode():
        heatmaps = network(torch.from_numpy(recorded["input_normalised"])[None])
    hook.remove()
    of_logits = np.abs(seen[0][0].numpy() - recorded["logits"]).max()
    of_heatmaps = np.abs(heatmaps[0].numpy() - recorded["heatmaps"]).max()
    print(f"max abs: logits {of_logits:.2e}, heatmaps {of_heatmaps:.2e}")
    assert of_logits < 1e-4
    assert of_heatmaps < 1e-5


def test_all_crops_agree_with_their_stored_maps(handnet: Path, network: HandUNet) -> None:
    mirrored = [
        case["input_mirrored"] for case in json.loads((handnet / "cases.json").read_text())["cases"]
    ]
    with np.load(handnet / "inputs_u8.npz") as file:
        images = torch.from_numpy(file["images"]).permute(0, 3, 1, 2).float()
    with np.load(handnet / "heatmaps_f16.npz") as file:
        stored = torch.from_numpy(file["heatmaps"]).float()
    spec = HandUNet.crop_spec
    assert (spec.height, spec.width) == tuple(images.shape[-2:])
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (spec.mean, spec.std))
    with torch.inference_mode():
        heatmaps = network((images / 255 - mean) / std)
    for i, flip in enumerate(mirrored):
        ours = heatmaps[i].flip(-1) if flip else heatmaps[i]
        # The recordings are float16: half a step of it is no difference.
        rounding = ours.abs() * 2**-11 + 2**-25
        beyond = ((ours - stored[i]).abs() - rounding).max().item()
        print(f"case {i}: beyond the rounding of float16 by {beyond:.1e}")
        assert beyond < 1e-5
    assert sum(mirrored) == 3
