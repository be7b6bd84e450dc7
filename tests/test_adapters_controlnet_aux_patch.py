"""An installed controlnet_aux with heatpose's decoding put in, and the program itself beside."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from adapter_table import Crowds, crowd_count
from heatpose.adapters import controlnet_aux as ours
from heatpose.adapters.controlnet_aux import Body, Face, Hand, OpenposeDetector
from openpose_support import CANVAS, Painted, compare_crowds, hand_maps, load_programs
from original_programs import controlnet_aux_open_pose, original

RNG = np.random.default_rng(5)


def detector() -> OpenposeDetector:
    return OpenposeDetector(Body(Painted(38, 19)), Hand(Painted(22)), Face(Painted(71)))


def assert_same(found: tuple[Any, Any], wanted: tuple[Any, Any]) -> None:
    for got, want in zip(found, wanted, strict=True):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Something of controlnet_aux's names that does nothing."""
    classes: dict[str, Any] = {}
    for name in ("controlnet_aux", "controlnet_aux.open_pose"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    for module, name, method in (
        ("body", "Body", "__call__"),
        ("hand", "Hand", "__call__"),
        ("face", "Face", "compute_peaks_from_heatmaps"),
    ):
        made = ModuleType(module)
        network = Painted(*{"body": (38, 19), "hand": (22,), "face": (71,)}[module])
        classes[name] = type(name, (), {method: lambda self, given: "theirs", "model": network})
        setattr(made, name, classes[name])
        monkeypatch.setitem(sys.modules, f"controlnet_aux.open_pose.{module}", made)
    return classes


def test_a_patch_is_put_on_and_taken_back(installed: dict[str, Any]) -> None:
    photo = RNG.integers(0, 255, (*CANVAS, 3), dtype=np.uint8)
    body, hand, face = (installed[name]() for name in ("Body", "Hand", "Face"))
    maps = np.full((3, 2, 2), 0.5, np.float32)
    with ours.patch():
        ours.patch()  # a second one changes nothing
        assert_same(body(photo), Body(Painted(38, 19))(photo))
        np.testing.assert_array_equal(hand(photo), Hand(Painted(22))(photo))
        assert face.compute_peaks_from_heatmaps(maps).shape == (3, 2)
    assert body(photo) == hand(photo) == face.compute_peaks_from_heatmaps(maps) == "theirs"
    ours.patch()
    assert body(photo) != "theirs"
    ours.unpatch()
    ours.unpatch()
    assert body(photo) == "theirs"


def test_all_is_patched_or_nothing(installed: dict[str, Any]) -> None:
    del installed["Face"].compute_peaks_from_heatmaps
    with pytest.raises(RuntimeError, match=r"Face\.compute_peaks_from_heatmaps is not there"):
        ours.patch()
    assert installed["Body"]()(None) == "theirs"


def test_without_it_there_is_nothing_to_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("controlnet_aux", "controlnet_aux.open_pose.body"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError):
        ours.patch()


@pytest.fixture
def program() -> Iterator[Any]:
    with controlnet_aux_open_pose() as module:
        yield module


def theirs(kind: Any, network: nn.Module) -> Any:
    made = kind.__new__(kind)
    made.model = network
    return made


@original
def test_beside_the_installed_program(program: Any) -> None:
    """The program itself, where it is installed, on photos of noise and planted maps."""

    class Listed(Painted):
        def forward(self, x: torch.Tensor) -> Any:
            return [super().forward(x)]

    for size in (CANVAS, (150, 200), (512, 384)):
        photo = RNG.integers(0, 255, (*size, 3), dtype=np.uint8)
        body = theirs(program.body.Body, Painted(38, 19))
        assert_same(Body(Painted(38, 19))(photo), body(photo))
        whole = program.OpenposeDetector(
            body,
            theirs(program.hand.Hand, Painted(22)),
            theirs(program.face.Face, Listed(71)),
        )
        settings = {"include_hand": True, "include_face": True, "output_type": "np"}
        wanted = whole(photo, **settings)
        np.testing.assert_array_equal(detector()(photo, **settings), wanted)
        with ours.patch():
            np.testing.assert_array_equal(whole(photo, **settings), wanted)


class Answers(nn.Module):
    """A network that gives the maps that it was made with."""

    def __init__(self, *maps: np.ndarray) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.maps = [torch.from_numpy(one)[None] for one in maps]

    def forward(self, x: torch.Tensor) -> Any:
        return tuple(self.maps)


@original
def test_crowds_beside_the_installed_program(program: Any) -> None:
    version = importlib.metadata.version("controlnet_aux")
    row = Crowds("controlnet_aux", f"the installed program, {version}")
    photo = np.zeros((*CANVAS, 3), np.uint8)
    programs = load_programs()
    compare_crowds(
        row,
        lambda heatmaps, pafs: Body(Answers(pafs, heatmaps))(photo),
        programs,
        programs.Program(by_channel=True),
        lambda heatmaps, pafs: theirs(program.body.Body, Answers(pafs, heatmaps))(photo),
        (184, 245),  # the network's rows for a photo of 240, without the padding to 248
    )


@original
def test_hands_beside_the_installed_program(program: Any) -> None:
    """Sets of hand maps in place of crowds."""
    row = Crowds("controlnet_aux", "the installed program, hands")
    for seed in range(crowd_count()):
        crop = np.zeros((90 + seed, 95, 3), np.uint8)

        class Hands(Answers):
            def forward(self, x: torch.Tensor, seed: int = seed) -> Any:
                return torch.from_numpy(hand_maps(x.shape[-1] // 8, seed))[None]

        found, wanted = Hand(Hands())(crop), theirs(program.hand.Hand, Hands())(crop)
        assert found.shape == wanted.shape == (21, 2)
        row.add(1, np.array_equal(found, wanted))
    row.check()
