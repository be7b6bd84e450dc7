"""Patches of installed programs: one over another, taken back in any order, sent to workers."""

from __future__ import annotations

import copy
import importlib
import itertools
import pickle
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from heatpose.adapters import controlnet_aux, mmpose, transformers
from heatpose.adapters._patching import Replacements


class Registry:
    """What register() needs of mmengine's."""

    def __init__(self, **modules: type) -> None:
        self.module_dict: dict[str, type] = dict(modules)

    def get(self, name: str) -> type | None:
        return self.module_dict.get(name)

    def register_module(self, *, name: str, force: bool, module: Any) -> None:
        assert force or name not in self.module_dict
        self.module_dict[name] = module


class Encoding:
    """A codec as mmpose has them."""

    def __init__(self, input_size: Any, heatmap_size: Any, sigma: float = 2.0) -> None:
        self.input_size, self.heatmap_size, self.sigma = input_size, heatmap_size, sigma
        self.unbiased, self.heatmap_type = False, "gaussian"
        self.blur_kernel_size, self.radius_factor = 11, 0.05

    def encode(self, keypoints: Any) -> Any:
        return "encoded", keypoints


NAMES = ("MSRAHeatmap", "UDPHeatmap")


def registry() -> Registry:
    return Registry(**dict.fromkeys(NAMES, Encoding))


def test_a_second_registration_keeps_the_targets() -> None:
    codecs = registry()
    first, second = mmpose.register(codecs), mmpose.register(codecs)
    for name in NAMES:
        codec: Any = codecs.get(name)
        assert codec((192, 256), (48, 64)).encode("given") == ("encoded", "given")
        assert issubclass(codec, Encoding)
    second()
    for name in NAMES:
        assert codecs.get(name) is not Encoding
    first()
    assert list(codecs.module_dict.values()) == [Encoding, Encoding]


@pytest.mark.parametrize("name", NAMES)
def test_a_registered_codec_goes_to_another_process(name: str) -> None:
    codecs = registry()
    undo = mmpose.register(codecs)
    codec = codecs.get(name)((192, 256), (48, 64), 3.0)  # type: ignore[misc]
    undo()
    maps = np.random.default_rng(0).random((5, 64, 48), np.float32)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(codec, protocol))
        assert type(again) is type(codec) and vars(again) == vars(codec)
        for got, want in zip(again.decode(maps), codec.decode(maps), strict=True):
            np.testing.assert_array_equal(got, want)
        assert again.encode(1) == ("encoded", 1)
    assert vars(copy.deepcopy(codec)) == vars(codec)


def processors() -> list[ModuleType]:
    """Two modules that both show one class, as image_processing_vitpose_fast does."""

    class VitPoseImageProcessor:
        def post_process_pose_estimation(self, outputs: Any, boxes: Any) -> str:
            return "old"

    modules = [ModuleType("one"), ModuleType("other")]
    for module in modules:
        module.VitPoseImageProcessor = VitPoseImageProcessor  # type: ignore[attr-defined]
    modules[0].get_keypoint_predictions = "old"  # type: ignore[attr-defined]
    return modules


Undo = Callable[[], None]


def patch_transformers() -> tuple[Callable[[], Any], Callable[[], Undo]]:
    modules = processors()
    owner: Any = modules[0].VitPoseImageProcessor

    def state() -> Any:
        return vars(owner)["post_process_pose_estimation"], vars(modules[0])

    def look() -> Any:
        method, names = state()
        return method, names["get_keypoint_predictions"]

    return look, lambda: transformers.patch(modules=modules)


def patch_mmpose() -> tuple[Callable[[], Any], Callable[[], Undo]]:
    codecs = registry()
    return lambda: tuple(codecs.module_dict.items()), lambda: mmpose.register(codecs)


WAYS = {"transformers": patch_transformers, "mmpose": patch_mmpose}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_patches_are_taken_back_in_any_order(way: Any, order: tuple[int, ...]) -> None:
    look, patch = way()
    before = look()
    undo = [patch() for _ in range(3)]
    for which in order:
        assert all(now is not old for now, old in zip(look(), before, strict=True))
        undo[which]()
    assert look() == before


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_old_patch_does_not_end_a_new_one(way: Any) -> None:
    look, patch = way()
    before = look()
    old = patch()
    old()
    new = patch()
    in_force = look()
    old()
    assert look() == in_force != before
    new()
    assert look() == before


def test_the_last_patch_counts() -> None:
    class Owner:
        value = "old"

    patches = {name: Replacements() for name in "abc"}
    for name, patch in patches.items():
        patch.put(Owner, "value", name)
    patches["b"].undo()
    assert Owner.value == "c"
    patches["c"].undo()
    assert Owner.value == "a"
    assert patches["a"] and not patches["b"]
    Owner.value = "somebody else's"
    patches["a"].undo()
    assert Owner.value == "somebody else's"


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Classes of controlnet_aux's names."""
    classes: dict[str, Any] = {}
    for name in ("controlnet_aux", "controlnet_aux.open_pose"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    for module, name, method in (
        ("body", "Body", "__call__"),
        ("hand", "Hand", "__call__"),
        ("face", "Face", "compute_peaks_from_heatmaps"),
    ):
        made = ModuleType(module)
        classes[name] = type(name, (), {method: lambda self, given: "theirs"})
        setattr(made, name, classes[name])
        monkeypatch.setitem(sys.modules, f"controlnet_aux.open_pose.{module}", made)
    return classes


def test_an_inner_patch_ends_nothing(program: dict[str, Any]) -> None:
    face = program["Face"]()
    maps = np.full((3, 2, 2), 0.5, np.float32)
    with controlnet_aux.patch():
        with controlnet_aux.patch():
            pass
        assert len(face.compute_peaks_from_heatmaps(maps)) == 3
    assert face.compute_peaks_from_heatmaps(maps) == "theirs"


def test_an_ended_patch_does_not_end_a_later_one(program: dict[str, Any]) -> None:
    face = program["Face"]()
    maps = np.full((3, 2, 2), 0.5, np.float32)
    with controlnet_aux.patch():
        controlnet_aux.unpatch()
        controlnet_aux.patch()
    assert len(face.compute_peaks_from_heatmaps(maps)) == 3
    controlnet_aux.unpatch()
    assert face.compute_peaks_from_heatmaps(maps) == "theirs"


def test_what_others_put_there_stays(program: dict[str, Any]) -> None:
    controlnet_aux.patch()
    program["Body"].__call__ = lambda self, given: "others'"
    controlnet_aux.unpatch()
    assert program["Body"]()(None) == "others'"
    assert program["Hand"]()(None) == "theirs"


def test_patched_processors_call_what_a_subclass_overrides() -> None:
    torch = importlib.import_module("torch")
    (module, _) = processors()
    base: Any = module.VitPoseImageProcessor
    base.keypoints_from_heatmaps = lambda *args, **settings: "old"
    undo = transformers.patch(modules=[module])
    seen = []

    class Own(base):  # type: ignore[misc]
        size = {"height": 256, "width": 192}  # noqa: RUF012

        def keypoints_from_heatmaps(
            self, heatmaps: Any, center: Any, scale: Any, kernel: int = 11
        ) -> Any:
            seen.append((type(heatmaps), kernel))
            preds, scores = super().keypoints_from_heatmaps(heatmaps, center, scale, kernel)
            return preds + np.float32(1000), scores

    class Plain(base):  # type: ignore[misc]
        size = Own.size

    class Outputs:
        heatmaps = torch.rand(1, 5, 64, 48)

    boxes = [[[10.0, 20.0, 30.0, 90.0]]]
    answers = [
        kind().post_process_pose_estimation(Outputs, boxes, kernel_size=9) for kind in (Plain, Own)
    ]
    undo()
    plain, own = (answer[0][0]["keypoints"] for answer in answers)
    torch.testing.assert_close(own, plain + 1000)
    assert seen == [(np.ndarray, 9)]
