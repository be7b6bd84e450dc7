from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

pytest.importorskip("lightning")

from heatpose import training
from heatpose.training import load_options, parse_settings, presets


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_read_and_written_alike(name: str, tmp_path: Path) -> None:
    options = load_options(name)
    file = tmp_path / "options.yaml"
    file.write_text(training.as_yaml(options))
    assert load_options(file) == options


def test_the_presets_are_those_of_the_systems() -> None:
    assert set(presets()) == {
        "heatpose-lite",
        "heatpose-lite-finish",
        "heatpose-lite-larger",
        "hrnet-w48-wholebody",
        "hrnetv2-w18-hand-dark",
        "openpose-aic14",
        "simplebaseline-hand",
    }


def test_the_last_epochs_of_heatpose_lite_are_of_the_same_run() -> None:
    start, end = load_options("heatpose-lite"), load_options("heatpose-lite-finish")
    changed = ("augmentation", "teacher")
    for field in dataclasses.fields(start):
        same = getattr(start, field.name) == getattr(end, field.name)
        assert same != (field.name in changed), field.name
    assert (start.teacher.weight, end.teacher.weight) == (0.5, 1.0)
    assert end.augmentation.of_photos().paste.probability > 0


def test_the_hand_preset_has_the_published_schedule() -> None:
    options = load_options("hrnetv2-w18-hand-dark")
    schedule, optimiser = options.schedule, options.optimiser
    assert (schedule.epochs, schedule.steps, schedule.factor) == (210, (170, 200), 0.1)
    assert (schedule.warmup, schedule.warmup_ratio) == (500, 0.001)
    assert (optimiser.name, optimiser.rate, options.data.batch_size) == ("adam", 5e-4, 32)


def test_the_presets_of_the_other_systems_are_as_published() -> None:
    aic, hand, whole = map(
        load_options, ("openpose-aic14", "simplebaseline-hand", "hrnet-w48-wholebody")
    )
    assert (aic.optimiser.name, aic.optimiser.rate, aic.data.batch_size) == ("adam", 4e-5, 16)
    schedule = aic.schedule
    assert (schedule.kind, schedule.factor, schedule.patience) == ("plateau", 0.1, 10)
    assert (schedule.epochs, aic.trainer.patience, aic.data.size) == (10000, 50, (368, 368))
    assert (hand.schedule.epochs, hand.schedule.steps, hand.data.batch_size) == (100, (50, 70), 64)
    assert (whole.schedule.epochs, whole.schedule.steps) == (210, (170, 200))
    assert (whole.targets.sigma, whole.targets.unbiased) == (3.0, True)
    for one in (hand, whole):
        assert (one.optimiser.name, one.optimiser.rate, one.schedule.warmup) == ("adam", 5e-4, 500)


def test_settings_change_a_preset() -> None:
    texts = ["schedule.epochs=3", "optimiser.rate=5e-4", "data.size=[64, 96]", "trainer.ema=null"]
    options = load_options("heatpose-lite", parse_settings(texts))
    assert (options.schedule.epochs, options.optimiser.rate) == (3, 5e-4)
    assert (options.data.size, options.trainer.ema) == ((64, 96), None)


def test_nested_settings_reach_the_augmentation() -> None:
    settings = {"augmentation.preset": None, "augmentation.photo.place.rotation": {"limit": 7}}
    options = load_options("heatpose-lite", settings)
    assert options.augmentation.of_photos().place.rotation.limit == 7.0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("optimizer.rate=1", "optimizer: no such setting; did you mean optimiser?"),
        ("optimiser.rat=1", "optimiser.rat: no such setting; did you mean optimiser.rate?"),
        ("optimiser.rate=fast", "optimiser.rate: expected a number, got 'fast'"),
        ("schedule.epochs=1.5", "schedule.epochs: expected a whole number, got 1.5"),
        ("schedule.epochs=true", "schedule.epochs: expected a whole number, got True"),
        ("data.size=[1, 2, 3]", r"data.size: expected a list of 2, got \[1, 2, 3\]"),
        ("data.size=64", "data.size: expected a list, got 64"),
        ("data.train=lsp:x", "data.train: expected a list, got 'lsp:x'"),
        ("schedule.kind=linear", "schedule.kind: expected 'steps' or 'cosine' or 'plateau' or"),
        ("schedule.kind=steps", "schedule: kind 'steps' needs steps"),
        ("schedule.epochs=0", "schedule: epochs must be at least 1, got 0"),
        ("data.batch_size=0", "data: batch_size must be at least 1, got 0"),
        ("data.size=[64, 0]", r"data: size must be at least 1, got \(64, 0\)"),
        ("data.workers=-1", "data: workers must be at least 0, got -1"),
        ("targets.sigma=0", "targets: sigma must be above 0, got 0"),
        ("optimiser.rate=-1", "optimiser: rate must be above 0, got -1"),
        ("trainer.ema=1", "trainer: ema must be 0 or more and less than 1, got 1"),
        ("trainer.validation_epochs=0", "trainer: validation_epochs must be at least 1, got 0"),
        ("augmentation.photo={place: {flip: 0}}", "augmentation: photo has settings that preset"),
        ("augmentation.box.place.flip=0", "augmentation: box has settings that preset 'heavy'"),
        ("trainer.devices=[1]", "trainer.devices: expected a whole number or text"),
        ("network.arguments=3", "network.arguments: expected values by name, got 3"),
        ("schedule=3", "schedule: expected settings by name, got 3"),
        ("schedule.epochs.x=3", "schedule.epochs.x: epochs has no settings of its own"),
        ("optimiser.rate=[", "optimiser.rate: .* is not a value"),
    ],
)
def test_wrong_settings_are_named(setting: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_options("heatpose-lite", parse_settings([setting]))


def test_a_setting_needs_a_value() -> None:
    with pytest.raises(ValueError, match=r"expected a setting like schedule.epochs=5, got 'a'"):
        parse_settings(["a"])


def test_an_unknown_preset_is_told_the_nearest() -> None:
    with pytest.raises(FileNotFoundError, match=r"did you mean heatpose-lite\?"):
        load_options("heatpose-light")


@pytest.mark.parametrize("text", ["a: [", "- 1", "3"])
def test_a_file_that_holds_no_sections_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"own\.yaml"):
        load_options(file)


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("")
    assert load_options(file) == training.TrainingOptions()


def test_more_epochs_keep_the_share_of_the_steps() -> None:
    options = training.with_epochs(load_options("hrnetv2-w18-hand-dark"), 21)
    assert (options.schedule.epochs, options.schedule.steps) == (21, (17, 20))


def test_a_preset_of_another_kind_is_refused() -> None:
    options = load_options("heatpose-lite", {"augmentation.preset": "easycv-hand"})
    with pytest.raises(ValueError, match=r"augmentation\.preset must be one of openpose"):
        options.augmentation.of_photos()
