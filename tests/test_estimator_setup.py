"""From a user's words to a network: named checkpoints, files, tasks, published settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from heatpose.estimators import HandEstimator, WholeBodyEstimator, setup
from heatpose.networks import NETWORKS, CropSpec, HRNet, InputSpec
from heatpose.skeletons import BY_NAME, COCO18, FACE70, HAND21, WHOLEBODY133
from heatpose.weights import DownloadError, LicenceNotAccepted, models

DEFAULTS = {"body": COCO18, "hand": HAND21, "wholebody": WHOLEBODY133, "face": FACE70}
NAMES = [name for name, model in models().items() if model.architecture in NETWORKS]


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Nothing is fetched or loaded; gives the list of what would have been."""
    asked: list[Any] = []
    monkeypatch.setattr(setup, "fetch", lambda name, **options: asked.append(name) or Path(name))
    monkeypatch.setattr(setup, "_load", lambda network, weights: asked.append(weights))
    return asked


@pytest.mark.parametrize("name", NAMES)
def test_every_checkpoint_fits_the_estimator_of_its_task(name: str, no_weights: list[Any]) -> None:
    model = models()[name]
    with torch.device("meta"):
        picked = setup.pick_network(name, None, task=model.task)  # type: ignore[arg-type]
    assert no_weights == [name, Path(name)]
    assert isinstance(picked.spec, (CropSpec, InputSpec))
    assert picked.skeleton(DEFAULTS[model.task]) is BY_NAME[model.skeleton or ""]
    settings = picked.settings({})
    for key in ("padding", "flip_test", "udp", "mirror_left"):
        if key in model.decoding:
            assert getattr(settings, key) == model.decoding[key]
    if isinstance(picked.spec, CropSpec):
        from heatpose.decoders import KeypointDecoder

        KeypointDecoder(picked.skeleton(DEFAULTS[model.task]), **picked.decoder_options())
        channels = settings.channels
        assert channels is None or sorted(channels) == list(range(len(channels)))


def test_what_the_user_asks_for_comes_before_what_was_published(no_weights: list[Any]) -> None:
    name = "hrnetv2-w18-udp-rhd2d"
    with torch.device("meta"):
        picked = setup.pick_network(name, "own.pth", task="hand")
    assert no_weights == ["own.pth"]  # nothing is fetched for a file of one's own
    published = picked.settings({})
    assert published.udp and published.channels is not None
    asked = picked.settings(setup.Settings.asked(udp=False, padding=1.5))
    assert (asked.udp, asked.padding) == (False, 1.5)
    assert picked.decoder_options()["method"] == "dark_udp"


def test_a_checkpoint_of_another_task_says_where_it_belongs(no_weights: list[Any]) -> None:
    message = "for the task wholebody: it belongs in WholeBodyEstimator, not in HandEstimator"
    with pytest.raises(ValueError, match=message):
        HandEstimator("hrnet-w48-dark-coco-wholebody-384x288")
    with pytest.raises(ValueError, match="for the task hand-boxes: it belongs in a detector"):
        HandEstimator("rtmdet-nano-hand-onnx")
    assert no_weights == []


def test_terms_that_were_not_accepted_and_offline_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEATPOSE_CACHE", str(tmp_path))
    monkeypatch.setenv("HEATPOSE_OFFLINE", "1")
    with pytest.raises((LicenceNotAccepted, DownloadError), match="openpose-hand21-pytorch"):
        HandEstimator("openpose-hand21-pytorch")
    with pytest.raises(DownloadError, match="hrnet-w48-dark-coco-wholebody-384x288"):
        WholeBodyEstimator("hrnet-w48-dark-coco-wholebody-384x288")
    assert not any(path.is_file() and path.stat().st_size for path in tmp_path.rglob("*"))


def test_auto_reads_the_sizes_from_the_file_and_keeps_to_the_task(tmp_path: Path) -> None:
    torch.manual_seed(0)
    file = tmp_path / "hrnet.safetensors"
    save_file(HRNet(4, 133).state_dict(), file)
    estimator = WholeBodyEstimator("auto", weights=file, device="cpu")
    assert isinstance(estimator.network, HRNet)
    assert estimator.network.backbone.conv1.weight.shape[0] == 64
    with pytest.raises(ValueError, match=r"hrnet\.safetensors: .*hrnet for wholebody.*for hand"):
        HandEstimator("auto", weights=file, device="cpu")
    with pytest.raises(ValueError, match="look like the weights of hrnet"):
        HandEstimator("hand-unet", weights=file, device="cpu")
