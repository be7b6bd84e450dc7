from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

import safetensors.torch  # noqa: E402
from lightning.pytorch import Callback  # noqa: E402

import heatpose as hp  # noqa: E402
from heatpose import training  # noqa: E402
from heatpose.training.two_branch import TwoBranchTraining  # noqa: E402
from training_data import write_people  # noqa: E402

slow = pytest.mark.skipif(
    not os.environ.get("HEATPOSE_SLOW_TESTS"), reason="minutes: set HEATPOSE_SLOW_TESTS=1"
)
pytestmark = [
    # Of Lightning and PyTorch themselves.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec.*"),
    pytest.mark.filterwarnings("ignore:.*lr_scheduler.step.*before.*optimizer.step"),
]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_people(tmp_path_factory.mktemp("people"), 9)


@pytest.fixture(scope="module")
def hands(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_people(tmp_path_factory.mktemp("hands"), 6, hands=True)


def small(data: str, **changes: Any) -> training.TrainingOptions:
    settings = {
        "data.train": [data],
        "data.size": [64, 64],
        "data.batch_size": 2,
        "data.workers": 0,
        "schedule.epochs": 2,
        "schedule.warmup": 2,
        "trainer.accelerator": "cpu",
        "trainer.progress": False,
        "trainer.precision": "32-true",
        "trainer.threads": 1,
        "trainer.pictures": 1,
    }
    settings.update({key.replace("__", "."): value for key, value in changes.items()})
    return training.load_options("heatpose-lite", settings)


def small_hands(data: str, **changes: Any) -> training.TrainingOptions:
    settings: dict[str, Any] = {
        "network__name": "simple-baseline",
        "network__arguments": {"depth": 18, "keypoints": 21, "crop_size": [64, 64]},
        "augmentation__preset": "easycv-hand",
        "targets__sigma": 2.0,
    }
    return small(data, **{**settings, **changes})


class StopAt(Callback):
    """Pulls the plug after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Any, *args: Any) -> None:
        if trainer.global_step == self.step:
            raise RuntimeError("the plug was pulled")


def tensors(path: Path) -> dict[str, Any]:
    return dict(safetensors.torch.load_file(path))


def test_a_body_network_is_trained(people: str, tmp_path: Path) -> None:
    options = small(people, data__validation=[people], schedule__epochs=1)
    result = training.train(options, tmp_path / "run")
    assert {"train/loss", "val/loss", "val/pck", "train/photos_per_second"} <= set(result.scores)
    assert result.checkpoint.name == "best.ckpt"
    network = training.make_network(options.network)
    hp.weights.load_weights(network, result.weights)
    assert isinstance(hp.BodyEstimator(network)(np.zeros((64, 64, 3), np.uint8)), hp.People)
    assert training.load_options(tmp_path / "run" / "options.yaml") == options
    assert list((tmp_path / "run" / "logs").rglob("events*"))


def test_a_hand_network_is_trained(hands: str, tmp_path: Path) -> None:
    options = small_hands(hands, data__validation=[hands], schedule__epochs=1)
    result = training.train(options, tmp_path)
    assert np.isfinite(result.scores["train/loss"]) and 0 <= result.scores["val/pck"] <= 1
    assert hp.weights.load_state_dict(result.weights)["keypoint_head.final_layer.bias"].shape == (
        21,
    )


def test_weights_are_averaged(people: str, tmp_path: Path) -> None:
    plain = training.train(small(people, trainer__ema=None), tmp_path / "plain")
    averaged = training.train(small(people, trainer__ema=0.5), tmp_path / "averaged")
    raw = torch.load(averaged.checkpoint, weights_only=True)["current_model_state"]
    name = "stem.0.conv.weight"
    torch.testing.assert_close(raw[f"network.{name}"], tensors(plain.weights)[name], rtol=0, atol=0)
    assert not torch.equal(tensors(averaged.weights)[name], tensors(plain.weights)[name])


@pytest.mark.parametrize("step", [3, 4, 6])
def test_a_stopped_run_goes_on_bit_by_bit(people: str, tmp_path: Path, step: int) -> None:
    # Four batches an epoch: within the first, at its end, within the second; with a checkpoint
    # every step but the last, so that one is done again.
    changes: dict[str, Any] = {
        "trainer__checkpoint_steps": 1 if step == 4 else 2,
        "trainer__ema": 0.9,
        "data__validation": [people],
        # A worker takes seconds to import PyTorch and Lightning, six times in this test.
        "data__workers": 1 if step == 6 and os.environ.get("HEATPOSE_SLOW_TESTS") else 0,
    }
    options = small(people, **changes)
    whole = training.train(options, tmp_path / "whole")
    with pytest.raises(RuntimeError, match="the plug was pulled"):
        training.train(options, tmp_path / "run", callbacks=[StopAt(step)])
    again = training.train(options, tmp_path / "run", resume=True)
    wanted, got = (
        torch.load(tmp_path / run / "last.ckpt", weights_only=True) for run in ("whole", "run")
    )
    assert wanted["global_step"] == got["global_step"] == 8
    for part in ("state_dict", "current_model_state"):
        for name, tensor in wanted[part].items():
            assert torch.equal(tensor, got[part][name]), (part, name)
    assert again.scores["val/pck"] == whole.scores["val/pck"]


def test_every_epoch_ends_with_a_checkpoint(people: str, tmp_path: Path) -> None:
    options = small(people, data__validation=[people], schedule__epochs=3, trainer__ema=0.9)
    whole = training.train(options, tmp_path / "whole")
    with pytest.raises(RuntimeError, match="the plug was pulled"):
        training.train(options, tmp_path / "run", callbacks=[StopAt(9)])
    stopped = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    assert stopped["global_step"] == 8  # two epochs of four; 500 steps are far away
    (best,) = (one for one in stopped["callbacks"].values() if one.get("monitor") == "val/pck")
    assert best["best_model_score"] is not None and best["current_score"] is not None
    again = training.train(options, tmp_path / "run", resume=True)
    for name, tensor in tensors(whole.weights).items():
        assert torch.equal(tensor, tensors(again.weights)[name]), name
    assert again.scores["val/pck"] == whole.scores["val/pck"]


class Rates(Callback):
    """Keeps the rate of every step."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def on_train_batch_start(self, trainer: Any, *args: Any) -> None:
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])


def test_the_rate_falls_where_the_loss_does_not(
    people: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = TwoBranchTraining._loss

    def stuck(self: TwoBranchTraining, *arguments: Any) -> Any:
        """The loss of the validation stays where it is from the second epoch on."""
        seen = torch.tensor(2.0 if self.current_epoch else 3.0)
        return loss(self, *arguments) if self.training else seen

    monkeypatch.setattr(TwoBranchTraining, "_loss", stuck)
    options = small(
        people,
        data__validation=[people],
        optimiser__rate=1.0e-3,
        schedule__kind="plateau",
        schedule__patience=2,
        schedule__epochs=6,
        schedule__warmup=4,
        schedule__warmup_ratio=0.01,
    )
    rates = Rates()
    training.train(options, tmp_path / "whole", callbacks=[rates])
    risen = [1e-3 * (0.01 + 0.99 * step / 4) for step in range(4)]
    # Better in the first two epochs, then two epochs that are not, and two more.
    wanted = [*risen, *[1e-3] * 12, *[1e-4] * 8]
    np.testing.assert_allclose(rates.rates, wanted, rtol=1e-6)
    with pytest.raises(RuntimeError, match="the plug was pulled"):
        training.train(options, tmp_path / "run", callbacks=[StopAt(15)])
    rest = Rates()
    training.train(options, tmp_path / "run", callbacks=[rest], resume=True)
    assert rest.rates == rates.rates[12:]


@pytest.mark.parametrize(
    "changes", [{"schedule__kind": "plateau"}, {"trainer__patience": 3}], ids=str
)
def test_who_waits_for_a_validation_needs_one(
    people: str, tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"needs data\.validation \(--val KIND:PATH\)"):
        training.train(small(people, **changes), tmp_path)


def test_another_run_is_not_overwritten(people: str, tmp_path: Path) -> None:
    options = small(people, schedule__epochs=1)
    training.train(options, tmp_path, max_steps=1)
    before = (tmp_path / "last.ckpt").read_bytes()
    with pytest.raises(ValueError, match=r"holds the last\.ckpt of another run: resume it"):
        training.train(options, tmp_path)
    assert (tmp_path / "last.ckpt").read_bytes() == before


def test_a_training_starts_from_the_checkpoint_of_another(people: str, tmp_path: Path) -> None:
    first = training.train(small(people, trainer__ema=0.5), tmp_path / "first", max_steps=2)
    start = {"network__weights": str(first.checkpoint)}
    for changes in (start, {**start, "network__partial": True}):
        network = training.make_network(small(people, **changes).network)
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, tensors(first.weights)[name]), name


def test_nothing_to_resume_is_said(people: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing to resume: .*last\.ckpt"):
        training.train(small(people), tmp_path, resume=True)


def test_a_teacher_finds_people_once(people: str, tmp_path: Path) -> None:
    teacher = tmp_path / "teacher.safetensors"
    torch.manual_seed(0)
    training.save_weights(training.make_network(small(people).network).state_dict(), teacher)
    options = small(people, teacher__weights=str(teacher), schedule__epochs=1)
    training.train(options, tmp_path / "run", max_steps=1)
    assert len(list((tmp_path / "run").glob("people-*.npz"))) == 1
    maps = small(people, teacher__weights=str(teacher), teacher__mode="maps", schedule__epochs=1)
    result = training.train(maps, tmp_path / "maps", max_steps=1)
    assert np.isfinite(result.scores["train/loss"])
    names = torch.load(result.checkpoint, weights_only=True)["state_dict"]
    assert all(name.startswith("network.") for name in names)


@pytest.mark.parametrize(("mode", "weight"), [("people", 0.5), ("maps", 0.0)])
def test_a_teacher_counts_only_where_it_was_asked(people: str, mode: str, weight: float) -> None:
    changes = {"data__others_unlabelled": True, "teacher__weights": "x", "teacher__mode": mode}
    options = small(people, data__validation=[people], **changes)
    network = training.make_network(options.network)
    data = training.TrainingData(options, network, training.skeleton_of(network))
    for loader, wanted in ((data.loader(), weight), (data.loader(training=False), 0.0)):
        weights = next(iter(loader)).heatmap_weights
        assert weights.max() == 1 and (weights == wanted).any()
        assert set(weights.unique().tolist()) <= {0.0, wanted, 1.0}


def test_another_teacher_or_photo_is_asked_anew(tmp_path: Path) -> None:
    data, teacher = write_people(tmp_path / "data", 2), tmp_path / "teacher.safetensors"
    options = small(data, teacher__weights=str(teacher))
    network = training.make_network(options.network)

    def asked() -> int:
        made = training.TrainingData(options, network, training.skeleton_of(network))
        made.ask_teacher(tmp_path)
        return len(list(tmp_path.glob("people-*.npz")))

    training.save_weights(network.state_dict(), teacher)
    assert [asked(), asked()] == [1, 1]
    torch.manual_seed(1)  # another network in a file of the same name
    training.save_weights(training.make_network(options.network).state_dict(), teacher)
    assert asked() == 2
    photo = tmp_path / "data" / "0.png"
    photo.write_bytes((tmp_path / "data" / "1.png").read_bytes())
    assert asked() == 3


def test_broken_photos_are_left_out_or_refused(tmp_path: Path) -> None:
    data = write_people(tmp_path / "data", 5)
    (tmp_path / "data" / "1.png").write_bytes(b"no picture")
    (tmp_path / "data" / "2.png").unlink()
    network = training.make_network(small(data).network)
    made = training.TrainingData(small(data), network, training.skeleton_of(network))
    assert len(made.train) == 3 and len(made.train.problems) == 2
    with pytest.raises(ValueError, match=r"\.png"):
        training.TrainingData(
            small(data, data__on_problem="raise"), network, training.skeleton_of(network)
        )


def test_a_photo_that_breaks_while_training_is_replaced(tmp_path: Path) -> None:
    data = write_people(tmp_path / "data", 4)
    network = training.make_network(small(data).network)
    made = training.TrainingData(small(data), network, training.skeleton_of(network))
    (tmp_path / "data" / "1.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"1\.png: photo that cannot be decoded; another photo"):
        shapes = [batch.images.shape for batch in made.loader()]
    assert shapes == [(2, 64, 64, 3)] * 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data__train": []}, "data.train names no dataset"),
        ({"data__train": ["cocoo:a,b"]}, r"did you mean coco:\.\.\.\?"),
        ({"data__train": ["coco:a"]}, "expected coco:FILE.json,FOLDER-OF-PHOTOS"),
        ({"network__name": "openpose"}, "network.name must be one of"),
        ({"network__arguments": {"width": 3}}, "network.arguments: .*width"),
        ({"network__name": "openpose-hand"}, "neither crops nor part affinity fields"),
        ({"trainer__precision": "half"}, "trainer.precision must be one of"),
        ({"data__size": [64, 60]}, r"data.size must be multiples of the stride 8, got \(64, 60\)"),
        ({"augmentation__preset": "easycv-hand"}, "augmentation.preset must be one of openpose"),
        ({"trainer__accelerator": "abacus"}, "trainer: .*abacus"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    people: str, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        training.train(small(people, **changes), tmp_path)


@slow
@pytest.mark.timeout(1800)
def test_a_body_network_learns_eight_photos_by_heart(tmp_path: Path) -> None:
    data = write_people(tmp_path / "data", 8)
    options = small(
        data,
        data__size=[96, 96],
        data__batch_size=8,
        augmentation__preset="ai-challenger",
        schedule__epochs=250,
        trainer__ema=None,
        optimiser__rate=0.003,
    )
    result = training.train(options, tmp_path / "run")
    network = training.make_network(options.network)
    hp.weights.load_weights(network, result.weights)
    dataset = training.TrainingData(options, network, training.skeleton_of(network)).train
    estimate = hp.BodyEstimator(network, box=96)
    right = total = 0
    for sample in dataset:
        found = estimate(sample.path)
        (wanted,) = sample.annotations
        assert wanted.box is not None
        reach = 0.2 * float((wanted.box[2:] - wanted.box[:2]).max())
        assert len(found) >= 1
        away = np.hypot(*(found.keypoints[0] - wanted.keypoints).T)
        right, total = right + int((away < reach / 4).sum()), total + int(wanted.labelled.sum())
    assert right == total


@slow
@pytest.mark.timeout(1800)
def test_a_hand_network_learns_eight_photos_by_heart(tmp_path: Path) -> None:
    data = write_people(tmp_path / "data", 8, hands=True)
    options = small_hands(
        data,
        data__batch_size=8,
        data__validation=[data],
        augmentation__preset=None,
        augmentation__box={"place": {"scale": {}, "rotation": {}, "flip": 0.0}},
        schedule__epochs=150,
        trainer__ema=None,
        optimiser__rate=0.001,
    )
    result = training.train(options, tmp_path / "run")
    assert result.scores["val/pck"] == 1.0
