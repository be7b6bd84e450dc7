"""The list of known checkpoints: facts in their types, and fit for the code that uses them."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections import Counter
from importlib import resources
from typing import Any

import pytest

from heatpose import skeletons
from heatpose.networks import HandUNet
from heatpose.weights import TASKS, Licence, Model, find_model, models
from heatpose.weights.registry import _FILES

MODELS = models()
NAMES = list(MODELS)
DETECTORS = ("yolox", "rtmdet")
OPTIONAL = {"member", "archive_bytes", "archive_sha256", "note", "shipped"}
# The keys of `decoding` and what may stand there.
DECODING: dict[str, Any] = {
    "method": lambda value: value in ("quarter", "dark", "dark_udp"),
    "kernel": lambda value: type(value) is int and value % 2 == 1,
    "udp": lambda value: type(value) is bool,
    "padding": lambda value: type(value) is float and 0.5 < value < 2,
    "flip_test": lambda value: type(value) is bool,
    "mirror_left": lambda value: type(value) is bool,
    "channels": lambda value: sorted(value) == list(range(len(value))),
    "box": lambda value: type(value) is int and 8 <= value <= 1024,
    "threshold": lambda value: type(value) is float and 0 < value < 1,
    "min_parts": lambda value: type(value) is int and 0 < value < 18,
}


def is_text(value: object) -> bool:
    return isinstance(value, str) and value == value.strip() and bool(value)


def is_hex(value: object, *lengths: int) -> bool:
    return (
        isinstance(value, str) and len(value) in lengths and bool(re.fullmatch("[0-9a-f]+", value))
    )


def is_size(value: object) -> bool:
    return value is None or (type(value) is int and value > 0)


def is_https(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"https://[\w.-]+/[^\s?#]+", value))


def test_every_file_of_the_data_is_read() -> None:
    folder = resources.files("heatpose.weights") / "known_models"
    found = {file.name for file in folder.iterdir()}
    assert found == {f"{name}.json" for name in (*_FILES, "licences")}
    entries = [
        entry for name in _FILES for entry in json.loads((folder / f"{name}.json").read_text())
    ]
    assert len(entries) == len(MODELS)  # no name twice
    required = {field.name for field in dataclasses.fields(Model)} - OPTIONAL
    for entry in entries:
        assert required <= set(entry) <= required | OPTIONAL


@pytest.mark.parametrize("name", NAMES)
def test_facts_have_their_types(name: str) -> None:
    model = MODELS[name]
    assert re.fullmatch(r"[a-z0-9_-]+", name) and model.name == name
    assert model.task in TASKS
    assert re.fullmatch(r"[\w.-]+\.(pth|pt|pb|caffemodel|onnx|safetensors)", model.file)
    assert bool(model.urls) != model.shipped
    assert all(map(is_https, model.urls)) and len(set(model.urls)) == len(model.urls)
    assert is_size(model.bytes) and is_size(model.archive_bytes)
    # One of the two, so that no file is taken that cannot be checked.
    assert (model.sha256 is None) != (model.sha256_prefix is None)
    assert is_hex(model.digest, 8, 64) and (model.sha256 is None or is_hex(model.sha256, 64))
    assert model.archive_sha256 is None or is_hex(model.archive_sha256, 64)
    assert model.input == "any" or re.fullmatch(r"\d+x\d+", model.input)
    assert is_text(model.normalisation)
    assert all(is_text(source) for source in model.sources)
    assert all(is_text(key) and 0 < value < 100 for key, value in model.metrics.items())
    assert model.note == model.note.strip()
    for key, value in model.decoding.items():
        assert DECODING[key](value), key


def test_names_and_files_are_unique() -> None:
    for attribute in ("name", "file", "digest"):
        counts = Counter(getattr(model, attribute).lower() for model in MODELS.values())
        assert counts.most_common(1)[0][1] == 1, attribute


@pytest.mark.parametrize("name", NAMES)
def test_a_prefix_of_a_hash_stands_in_the_name_of_the_file(name: str) -> None:
    prefix = MODELS[name].sha256_prefix
    if prefix:
        assert all(f"-{prefix}_" in url for url in (*MODELS[name].urls, MODELS[name].file))


@pytest.mark.parametrize("name", NAMES)
def test_archives_are_zips_and_have_a_member(name: str) -> None:
    model = MODELS[name]
    zipped = [url.endswith(".zip") for url in model.urls]
    assert zipped == [model.member is not None] * len(zipped)
    if model.member is None:
        assert model.archive_bytes is model.archive_sha256 is None
        assert model.download_file == model.file
    else:
        assert not model.member.startswith("/") and ".." not in model.member
        assert all(url.endswith(f"/{model.download_file}") for url in model.urls)


def test_licences_say_in_words_what_one_may_do() -> None:
    licences = {model.licence for model in MODELS.values()}
    assert {licence.kind for licence in licences} == {"commercial", "non-commercial", "unclear"}
    for licence in licences:
        assert isinstance(licence, Licence)
        assert is_text(licence.name) and len(licence.note) > 60 and licence.note.endswith(".")
        assert is_https(licence.url)
        assert licence.commercial in (True, False, None)


def test_openpose_is_not_for_commercial_use() -> None:
    family = [model for name, model in MODELS.items() if name.startswith("openpose")]
    assert len(family) >= 6
    assert all(model.licence.commercial is False for model in family)


@pytest.mark.parametrize("name", NAMES)
def test_the_skeleton_has_the_keypoints_of_the_network(name: str) -> None:
    model = MODELS[name]
    if model.skeleton is None:
        assert model.task in ("face", "person-boxes", "hand-boxes")
        return
    skeleton = skeletons.BY_NAME[model.skeleton]
    assert model.arguments.get("keypoints", len(skeleton.keypoints)) == len(skeleton.keypoints)
    channels = model.decoding.get("channels")
    assert channels is None or len(channels) == len(skeleton.keypoints)


@pytest.mark.parametrize("name", NAMES)
def test_the_network_takes_the_arguments(name: str) -> None:
    model = MODELS[name]
    if model.architecture in DETECTORS:
        height, width = model.arguments["size"]
        assert set(model.arguments) == {"size"} and model.input == f"{height}x{width}"
        return
    torch = pytest.importorskip("torch")
    from heatpose.networks import NETWORKS

    with torch.device("meta"):
        network = NETWORKS[model.architecture](**model.arguments)
    assert getattr(network, "task", model.task) == model.task
    crop = getattr(network, "crop_spec", None)
    if model.arguments:
        assert model.input == f"{crop.height}x{crop.width}"
        assert crop.colour == model.normalisation[:3].lower()


def test_top_down_networks_say_how_they_are_decoded() -> None:
    for model in MODELS.values():
        if "crop_size" in model.arguments:
            found = set(model.decoding)
            assert {"method", "udp", "padding", "flip_test", "mirror_left"} <= found, model.name
            assert model.decoding["udp"] == (model.decoding["method"] == "dark_udp")
            assert ("kernel" in found) == model.decoding["method"].startswith("dark")


def test_facts_that_are_easily_lost() -> None:
    assert find_model("hrnet-w48-dark-coco-wholebody-384x288").decoding["kernel"] == 17
    assert find_model("hrnetv2-w18-dark-coco-wholebody-hand").decoding["kernel"] == 11
    # 0.8 is of a whole photo: of the box of a hand it would cut the fingers off.
    freihand = find_model("res50-freihand").decoding["padding"]
    assert freihand == pytest.approx(0.8 * HandUNet.crop_spec.padding)
    assert all(model.decoding.get("padding", 1.25) >= 1.25 for model in MODELS.values())
    mirrored = {name for name, model in MODELS.items() if model.decoding.get("mirror_left")}
    assert mirrored == {"openpose-hand21-pytorch", "res50-freihand"}
    # RHD numbers the joints of a finger from its tip.
    reordered = {name for name, model in MODELS.items() if "channels" in model.decoding}
    assert reordered == {name for name in NAMES if name.endswith("rhd2d")}
    channels = find_model("res50-rhd2d").decoding["channels"]
    assert channels[:6] == [0, 4, 3, 2, 1, 8]


def test_callers_cannot_change_the_list() -> None:
    with pytest.raises(TypeError):
        models()["mine"] = find_model("res50-freihand")  # type: ignore[index]
    find_model("res50-freihand").decoding["padding"] = 9  # type: ignore[index]
    assert find_model("res50-freihand").decoding["padding"] == 1.76


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("res50-freehand", "did you mean res50-freihand"),
        ("openpose", "openpose-coco18-pytorch"),
        ("RTMDet", "rtmdet-nano-hand-onnx"),
        ("hrnet_w48_coco", "hrnet-w48-coco"),
        ("qqqq", "heatpose models list shows all"),
        ("", "heatpose models list shows all"),
    ],
)
def test_a_wrong_name_is_answered_with_near_ones(wrong: str, near: str) -> None:
    with pytest.raises(ValueError, match="no checkpoint is called") as caught:
        find_model(wrong)
    assert repr(wrong) in str(caught.value)
    assert near in str(caught.value)


def test_the_list_needs_neither_torch_nor_the_libraries_of_downloads() -> None:
    code = (
        "import sys, heatpose.weights as weights\n"
        "assert len(weights.models()) > 30\n"
        "print([name for name in ('torch', 'cv2', 'requests', 'pooch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_torch_the_rest_works_and_the_message_says_what_to_install() -> None:
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from heatpose import weights\n"
        "weights.find_model('res50-freihand')\n"
        "try:\n"
        "    weights.load_weights\n"
        "except ImportError as error:\n"
        "    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("needs torch: pip install 'heatpose[torch]'")
