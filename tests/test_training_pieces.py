from __future__ import annotations

import math
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from torch import nn  # noqa: E402

from heatpose.datasets import Annotation, KeypointDataset, Sample  # noqa: E402
from heatpose.networks import CropSpec, InputSpec, OpenPoseAIC14  # noqa: E402
from heatpose.skeletons import COCO18, HAND21  # noqa: E402
from heatpose.training.distillation import (  # noqa: E402
    WeightedTargets,
    distilled_targets,
    foreground_weights,
)
from heatpose.training.inputs import network_input, stages_of  # noqa: E402
from heatpose.training.loader import Draw, EpochLoader  # noqa: E402
from heatpose.training.losses import keypoint_loss, two_branch_loss  # noqa: E402
from heatpose.training.options import OptimiserOptions, ScheduleOptions  # noqa: E402
from heatpose.training.reports import Throughput  # noqa: E402
from heatpose.training.schedule import make_optimiser, rate_factor  # noqa: E402
from heatpose.training.scores import found_keypoints  # noqa: E402
from heatpose.training.teacher_people import with_people  # noqa: E402


class Numbers:
    """Samples that are their own draws."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, draw: Draw) -> tuple[int, int, float]:
        return draw.epoch, draw.row, float(draw.generator(3).random())


def batches(loader: Any) -> list[Any]:
    return list(loader)


def test_an_epoch_has_every_sample_once_in_another_order() -> None:
    loader = EpochLoader(Numbers(12), 4, list, shuffle=True)
    first, second = ([one for batch in loader for one in batch] for _ in range(2))
    assert (
        sorted(row for _, row, _ in first) == sorted(row for _, row, _ in second) == list(range(12))
    )
    assert [row for _, row, _ in first] != [row for _, row, _ in second]
    assert {epoch for epoch, _, _ in first} == {0} and {epoch for epoch, _, _ in second} == {1}
    assert {value for _, _, value in first}.isdisjoint(value for _, _, value in second)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_position_is_taken_up_again(workers: int) -> None:
    whole = EpochLoader(Numbers(20), 4, list, shuffle=True)
    wanted = [*batches(whole), *batches(whole)]
    loader = EpochLoader(Numbers(20), 4, list, shuffle=True, workers=workers)
    taken = iter(loader)
    got = [next(taken), next(taken), next(taken)]
    state = loader.state_dict()
    again = EpochLoader(Numbers(20), 4, list, shuffle=True, workers=workers)
    again.load_state_dict(state)
    got += batches(again)
    assert again.state_dict() == {"epoch": 0, "taken": 5}
    assert got + batches(again) == wanted


def test_processes_share_the_samples() -> None:
    parts = [
        EpochLoader(Numbers(13), 2, list, shuffle=True, rank=rank, processes=3) for rank in range(3)
    ]
    rows = [[row for batch in part for _, row, _ in batch] for part in parts]
    assert [len(part) for part in rows] == [4, 4, 4]
    assert len({row for part in rows for row in part}) == 12


def test_a_validation_sees_everything_in_order() -> None:
    loader = EpochLoader(Numbers(5), 2, list)
    assert [[row for _, row, _ in batch] for batch in loader] == [[0, 1], [2, 3], [4]]


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="3 samples are too few for batches of 4 in 1 process"):
        EpochLoader(Numbers(3), 4, list, shuffle=True)


def test_the_loss_of_two_branches_is_the_masked_sum() -> None:
    rng = torch.manual_seed(0)
    heatmaps, pafs = torch.rand(2, 3, 4, 5, generator=rng), torch.rand(2, 4, 4, 5, generator=rng)
    weights = (torch.rand(2, 3, 4, 5) > 0.5).float(), (torch.rand(2, 4, 4, 5) > 0.5).float()
    stages = [(torch.rand_like(heatmaps), torch.rand_like(pafs)) for _ in range(2)]
    wanted = sum(
        (((h - heatmaps) ** 2 * weights[0]).sum() + 2 * ((p - pafs) ** 2 * weights[1]).sum())
        for h, p in stages
    ) / (2 * 4 * 5)
    got = two_branch_loss(stages, heatmaps, pafs, *weights, pafs_factor=2.0)
    torch.testing.assert_close(got, wanted)


def test_the_loss_does_not_see_masked_cells() -> None:
    target, found = torch.zeros(1, 1, 2, 2), torch.tensor([[[[9.0, 0.0], [0.0, 0.0]]]])
    weights = torch.tensor([[[[0.0, 1.0], [1.0, 1.0]]]])
    assert two_branch_loss([(found, found)], target, target, weights, weights) == 0


def test_keypoints_without_labels_cost_nothing() -> None:
    found, target = torch.ones(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    assert keypoint_loss(found, target, torch.tensor([[1.0, 0.0]])) == 0.5


def maps(value: float, channels: int) -> torch.Tensor:
    return torch.full((1, channels, 2, 2), value)


def test_a_teacher_answers_where_nobody_labelled() -> None:
    known = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    labels = WeightedTargets(maps(0.2, 3), maps(0.4, 2), known.expand(1, 3, 2, 2), maps(0.0, 2))
    targets = distilled_targets(labels, (maps(0.6, 3), maps(-0.5, 2)), weight=0.5)
    torch.testing.assert_close(targets.heatmaps[0, 0], torch.tensor([[0.2, 0.6], [0.2, 0.6]]))
    torch.testing.assert_close(targets.heatmaps[0, 2], torch.tensor([[0.8, 0.4], [0.8, 0.4]]))
    torch.testing.assert_close(targets.heatmap_weights[0, 0], torch.tensor([[1, 0.5], [1, 0.5]]))
    torch.testing.assert_close(targets.pafs, maps(-0.5, 2))


def test_one_target_serves_labels_and_teacher() -> None:
    labels = WeightedTargets(maps(0.2, 3), maps(0.0, 2), maps(1.0, 3), maps(1.0, 2))
    found = torch.linspace(0, 1, 4).view(1, 1, 2, 2).expand(1, 2, 2, 2).requires_grad_()
    teacher = maps(0.8, 3), maps(0.0, 2)
    mixed = distilled_targets(labels, teacher, weight=0.0, labelled_weight=0.5)
    one = ((found - mixed.heatmaps[:, :2]) ** 2 * mixed.heatmap_weights[:, :2]).sum()
    two = ((found - 0.2) ** 2 + 0.5 * (found - 0.8) ** 2).sum()
    gradients = [torch.autograd.grad(loss, found)[0] for loss in (one, two)]
    torch.testing.assert_close(*gradients)


def test_cells_where_something_is_weigh_more() -> None:
    targets = WeightedTargets(maps(0.0, 3), maps(0.0, 2), maps(1.0, 3), maps(1.0, 2))
    targets.heatmaps[0, 0, 0, 0], targets.heatmaps[0, 2] = 1.0, 1.0
    targets.pafs[0, 1, 1, 1] = -0.5
    weighted = foreground_weights(targets, 4.0)
    assert weighted.heatmap_weights[0, :, 0, 0].tolist() == [5, 1, 1]
    assert weighted.paf_weights[0, :, 1, 1].tolist() == [3, 3]
    assert foreground_weights(targets, 0.0) is targets


def test_the_rate_rises_and_falls() -> None:
    steps = ScheduleOptions(10, "steps", (4, 8), 0.1, warmup=5, warmup_ratio=0.001)
    rates = [rate_factor(step, steps, steps_per_epoch=10) for step in range(100)]
    assert rates[0] == 0.001 and rates[5] == 1 and rates[39] == 1
    np.testing.assert_allclose([rates[40], rates[80]], [0.1, 0.01])
    cosine = ScheduleOptions(10, "cosine", end=0.01, warmup=5)
    rates = [rate_factor(step, cosine, steps_per_epoch=10) for step in range(100)]
    assert (
        rates[5] == 1 and math.isclose(rates[99], 0.01) and rates == sorted(rates[:6]) + rates[6:]
    )
    assert rate_factor(99, ScheduleOptions(kind="constant", warmup=0), steps_per_epoch=1) == 1


def test_norms_and_biases_do_not_decay() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    for name in ("adam", "adamw", "sgd"):
        optimiser = make_optimiser(network, OptimiserOptions(name, weight_decay=0.1))
        decays = {
            p.ndim: group["weight_decay"]
            for group in optimiser.param_groups
            for p in group["params"]
        }
        assert decays == {4: 0.1, 1: 0.0}


def test_images_are_made_as_the_estimators_make_them() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    image[..., 0] = 255  # blue
    batch = torch.from_numpy(image[None])
    assert network_input(batch, InputSpec())[0, :, 0, 0].tolist() == [255 / 256 - 0.5, -0.5, -0.5]
    spec = CropSpec(8, 8, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    assert network_input(batch, spec)[0, :, 0, 0].tolist() == [-1, -1, 1]


def test_every_stage_is_trained() -> None:
    network = OpenPoseAIC14().eval()
    images = torch.rand(1, 3, 16, 16)
    with torch.inference_mode():
        stages, answer = stages_of(network, images), network(images)
    assert len(stages) == 6
    torch.testing.assert_close(stages[-1], answer, rtol=0, atol=0)
    assert stages_of(lambda x: (x, x), images)[0][0] is images  # type: ignore[arg-type]


def test_scores_count_maxima_near_the_keypoints() -> None:
    heatmaps = np.zeros((18, 10, 10), np.float32)
    person = np.full((1, 18, 2), np.nan, np.float32)
    for k, (x, y) in {2: (20, 20), 11: (60, 60), 5: (60, 20)}.items():
        person[0, k] = x, y
        heatmaps[k, y // 8, x // 8] = 1
    assert found_keypoints(heatmaps, person, COCO18, stride=8) == (3, 3)
    heatmaps[11] = 0
    heatmaps[11, 2, 2] = 1
    assert found_keypoints(heatmaps, person, COCO18, stride=8) == (2, 3)
    assert found_keypoints(heatmaps, person + 200, COCO18, stride=8) == (0, 0)
    hand = np.array([[[5.0, 5.0], [2.0, 8.0]]])
    peaks = np.zeros((21, 10, 10), np.float32)
    peaks[0, 5, 5] = peaks[1, 0, 9] = 1
    hand = np.concatenate([hand, np.full((1, 19, 2), np.nan)], axis=1)
    assert found_keypoints(peaks, hand, HAND21, stride=1, shift=0, whole=True) == (1, 2)


def person(offset: float, labelled: int = 14) -> Annotation:
    points = np.stack([np.arange(18.0) * 5 + offset, np.arange(18.0) * 7], axis=1)
    known = np.arange(18) < labelled
    keypoints = np.where(known[:, None], points, np.nan).astype(np.float32)
    return Annotation(keypoints, np.where(known, 2, 0).astype(np.uint8))


def found(annotation: Annotation, score: float = 0.9) -> np.ndarray:
    return np.concatenate([annotation.keypoints, np.full((18, 1), score)], axis=1).astype(
        np.float32
    )


def test_a_teacher_completes_people_and_adds_others(tmp_path: Any) -> None:
    dataset = KeypointDataset("d", COCO18, [Sample(tmp_path / "a.jpg", 0, (person(0, 12),))])
    answers = np.stack(
        [
            found(person(3, 18)),  # the annotated one, with a face
            found(person(500, 18)),  # another one
            found(person(40, 18)),  # on the annotated one, elsewhere
            found(person(900, 18), 0.1),  # unsure
        ]
    )
    made = with_people(dataset, [answers], threshold=0.3, agreement=0.1)[0].annotations
    assert len(made) == 2
    np.testing.assert_array_equal(made[0].keypoints[:12], person(0).keypoints[:12])
    np.testing.assert_array_equal(made[0].keypoints[12:], person(3, 18).keypoints[12:])
    np.testing.assert_array_equal(made[1].keypoints, person(500, 18).keypoints)
    assert made[1].labelled.all() and len(dataset[0].annotations) == 1


def test_an_epoch_that_goes_on_is_timed_from_there() -> None:
    throughput, logged = Throughput(), dict[str, float]()

    class Module:
        def log(self, name: str, value: float, **_: Any) -> None:
            logged[name] = value

    trainer: Any = SimpleNamespace(world_size=2)
    module: Any = Module()
    throughput.on_train_start(trainer, module)  # and no start of an epoch
    for number in range(2):
        throughput.on_train_batch_start(trainer, module, None, number)
        time.sleep(0.01)
        batch = SimpleNamespace(images=[0] * 4)
        throughput.on_train_batch_end(trainer, module, None, batch, number)
    throughput.on_train_epoch_end(trainer, module)
    assert 1 < logged["train/photos_per_second"] <= 2 * 2 * 4 / 0.02
    assert 0 <= logged["train/waiting"] < 1
