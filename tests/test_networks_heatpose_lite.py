from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from heatpose.networks import HeatposeLite, network_for  # noqa: E402
from heatpose.skeletons import COCO18  # noqa: E402


@pytest.fixture(scope="module")
def network() -> HeatposeLite:
    torch.manual_seed(0)
    return HeatposeLite().eval()


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (64, 72), (33, 65)], ids=str)
def test_maps_cover_the_image_rounded_up(network: HeatposeLite, size: tuple[int, int]) -> None:
    cells = tuple(-(-length // 8) for length in size)
    with torch.inference_mode():
        heatmaps, pafs = network(torch.rand(2, 3, *size) - 0.5)
    assert heatmaps.shape == (2, COCO18.num_heatmaps, *cells)
    assert pafs.shape == (2, COCO18.num_pafs, *cells)
    assert heatmaps.is_contiguous() and pafs.is_contiguous()


def test_the_last_stage_is_the_answer(network: HeatposeLite) -> None:
    images = torch.rand(1, 3, 64, 64) - 0.5
    with torch.inference_mode():
        stages = network.stages(images)
        heatmaps, pafs = network(images)
    assert len(stages) == 2
    torch.testing.assert_close(stages[-1], (heatmaps, pafs), rtol=0, atol=0)


def test_no_image_depends_on_the_rest_of_its_batch(network: HeatposeLite) -> None:
    images = torch.rand(3, 3, 64, 64) - 0.5
    with torch.inference_mode():
        together, alone = network(images)[0][1:2], network(images[1:2])[0]
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_a_new_network_answers_background(network: HeatposeLite) -> None:
    with torch.inference_mode():
        heatmaps, pafs = network(torch.zeros(1, 3, 64, 64))
    assert (heatmaps[:, -1] - 1).abs().max() < 0.3
    assert heatmaps[:, :-1].abs().max() < 0.3 and pafs.abs().max() < 0.3


def test_every_parameter_learns() -> None:
    network = HeatposeLite().train()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    images = torch.rand(2, 3, 64, 64) - 0.5
    for _ in range(2):  # the first step opens the blocks, which start closed
        optimiser.zero_grad()
        sum((maps**2).sum() for stage in network.stages(images) for maps in stage).backward()
        optimiser.step()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


def test_fits_into_four_megabytes_of_float16(network: HeatposeLite) -> None:
    assert 2 * sum(tensor.numel() for tensor in network.state_dict().values()) < 3.9e6


def test_is_found_by_its_tensors(network: HeatposeLite) -> None:
    assert isinstance(network_for(network.state_dict(), task="body"), HeatposeLite)
    strangers = {key.replace("level32", "x"): value for key, value in network.state_dict().items()}
    assert not HeatposeLite.recognises(strangers)
    assert HeatposeLite.normalise_keys(strangers) == strangers
