"""A graph of TensorFlow with the published numbers, converted, against TensorFlow's own maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

from convert_files import mobilenet_graph
from heatpose.networks import OpenPoseMobileNetV2Small
from heatpose.weights import load_weights
from heatpose.weights.convert import convert, read_checkpoint


def test_the_converted_graph_gives_tensorflows_maps(shared_data: Path, tmp_path: Path) -> None:
    body = shared_data / "body"
    weights = load_file(body / "model" / "openpose_mobilenet_v2_small.safetensors")
    assert len(weights) == 477
    graph, target = tmp_path / "graph_opt.pb", tmp_path / "network.safetensors"
    graph.write_bytes(mobilenet_graph(weights))
    assert ": mobilenet-v2-small, " in convert(graph, target)

    network = OpenPoseMobileNetV2Small().eval()
    load_weights(network, target)
    with np.load(body / "maps" / "p1__432x368_fp32ref.npz") as recorded:
        image, want = recorded["input_bgr_uint8_hwc"], recorded["output"]
    with torch.inference_mode():
        heatmaps, pafs = network(torch.from_numpy(image).permute(2, 0, 1)[None].float())
    difference = np.abs(torch.cat([heatmaps, pafs], dim=1)[0].numpy() - want)
    print(f"max abs {difference.max():.2e}, mean abs {difference.mean():.2e}")
    assert difference.max() < 1e-4
    assert difference.mean() < 1e-6


def test_the_graphs_constants_are_those_of_the_published_list(
    shared_data: Path, tmp_path: Path
) -> None:
    listed = shared_data.parent / "design" / "models" / "keys"
    lines = (listed / "tfpose_mobilenet_v2_small_graph_consts.tsv").read_text().splitlines()
    theirs = dict(line.split("\t") for line in lines)
    weights = load_file(shared_data / "body" / "model" / "openpose_mobilenet_v2_small.safetensors")
    (tmp_path / "graph.pb").write_bytes(mobilenet_graph(weights))
    found = {}
    for name, tensor in read_checkpoint(tmp_path / "graph.pb").items():
        if name.endswith("depthwise_weights"):
            tensor = tensor.permute(2, 3, 0, 1)
        elif name.endswith("weights"):
            tensor = tensor.permute(2, 3, 1, 0)
        found[name] = "x".join(map(str, tensor.shape))
    ones = {name: shape for name, shape in found.items() if name.endswith("/Const")}
    assert len(ones) == 60
    assert {name: found[name] for name in found.keys() - ones.keys()} == theirs
