"""The settings of a training: plain frozen dataclasses, which YAML presets load into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from heatpose.datasets.augment import (
    BOX_PRESETS,
    PHOTO_PRESETS,
    BoxAugmentation,
    PhotoAugmentation,
)

Pair = tuple[int, int]


def _at_least(options: Any, **least: float) -> None:
    """ValueError for a number of the options that is too small; None is fine."""
    for name, low in least.items():
        value = getattr(options, name)
        numbers = value if isinstance(value, tuple) else (value,)
        if any(number is not None and not number >= low for number in numbers):
            raise ValueError(f"{name} must be at least {low:g}, got {value}")


def _above_0(options: Any, *names: str) -> None:
    """ValueError for a number of the options that is not above 0; None is fine."""
    for name in names:
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be above 0, got {value}")


Preset = TypeVar("Preset", PhotoAugmentation, BoxAugmentation)


@dataclass(frozen=True)
class DataOptions:
    """Which photos, and how they are fed.

    Attributes:
        train: Datasets, each ``KIND:PATH`` as ``heatpose.training.sources`` reads them.
        validation: The same; empty for none.
        size: (height, width) of the network's input in pixels. Only for networks of whole photos:
            top-down ones have their crop's.
        batch_size: Photos or crops in a step, on each device.
        validation_batch_size: The same of a validation.
        workers: Processes that read and change photos; 0 does it in the training's own.
        validation_limit: At most so many photos of the validation data; None for all.
        on_problem: Whether entries that cannot be used are left out and named, or stop the run.
        check_photos: Whether every photo is decoded once before training starts.
        cache: Folder for photos made smaller once; None for none.
        cache_side: Longer side of these in pixels.
        others_unlabelled: Whether people beside the annotated ones may be in the photos (LSP): then
            nothing outside the annotated people's regions is taken for background.
    """

    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    size: Pair = (368, 368)
    batch_size: int = 16
    validation_batch_size: int = 16
    workers: int = 1
    validation_limit: int | None = None
    on_problem: Literal["skip", "raise"] = "skip"
    check_photos: bool = True
    cache: str | None = None
    cache_side: int = 512
    others_unlabelled: bool = False

    def __post_init__(self) -> None:
        _at_least(self, size=1, batch_size=1, validation_batch_size=1, workers=0, cache_side=8)
        _at_least(self, validation_limit=1)


@dataclass(frozen=True)
class NetworkOptions:
    """Which network, and what it starts from.

    Attributes:
        name: A key of ``heatpose.networks.NETWORKS``.
        arguments: Keyword arguments of its class.
        weights: File to start from; None for random weights.
        partial: Whether tensors of ``weights`` that do not fit are left random (a trunk for another
            head) instead of refused.
    """

    name: str = "heatpose-lite"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    weights: str | None = None
    partial: bool = False


@dataclass(frozen=True)
class TargetsOptions:
    """How heatmaps and PAFs are drawn.

    Attributes:
        sigma: Standard deviation of a keypoint's Gaussian, in cells.
        unbiased: Whether the Gaussian sits where the keypoint is; otherwise at its nearest cell,
            and cut at three sigma.
        grid: How crops and maps lie over each other, for top-down networks: see
            ``heatpose.datasets.targets.cells_from_crop``.
        width: Half the width of a limb, in cells.
        floor: Values of heatmaps below it are 0.
        several: "maximum" or "sum" of people.
        caps: Ends of limbs, "round" or "box".
        margin: Where missing keypoints may be: share of the longer side of the person's box.
    """

    sigma: float = 0.875
    unbiased: bool = True
    grid: Literal["centres", "classic", "udp"] = "classic"
    width: float = 1.0
    floor: float = 0.0
    several: Literal["maximum", "sum"] = "maximum"
    caps: Literal["round", "box"] = "round"
    margin: float = 0.25

    def __post_init__(self) -> None:
        _above_0(self, "sigma", "width")
        _at_least(self, floor=0, margin=0)


@dataclass(frozen=True)
class AugmentationOptions:
    """How photos or crops are changed at random.

    Attributes:
        preset: A key of ``heatpose.datasets.augment``'s ``PHOTO_PRESETS`` or ``BOX_PRESETS``,
            whichever the network takes; None for what ``photo`` or ``box`` say.
        photo: For networks of whole photos. The size of the input is that of the data.
        box: For top-down networks. The size of the crop is the network's.
        donors: Photos from which people may be pasted into another, where pasting is on.
    """

    preset: str | None = None
    photo: PhotoAugmentation = field(default_factory=PhotoAugmentation)
    box: BoxAugmentation = field(default_factory=BoxAugmentation)
    donors: int = 3

    def __post_init__(self) -> None:
        _at_least(self, donors=0)
        own = (("photo", self.photo, PhotoAugmentation()), ("box", self.box, BoxAugmentation()))
        changed = [name for name, given, default in own if given != default]
        if self.preset is not None and changed:
            raise ValueError(
                f"{changed[0]} has settings that preset {self.preset!r} would replace: set preset "
                "to null, or leave them out"
            )

    def of_photos(self) -> PhotoAugmentation:
        """The chosen augmentation of photos; ValueError for an unknown preset."""
        return self.photo if self.preset is None else _preset(PHOTO_PRESETS, self.preset)

    def of_boxes(self) -> BoxAugmentation:
        """The chosen augmentation of boxes; ValueError for an unknown preset."""
        return self.box if self.preset is None else _preset(BOX_PRESETS, self.preset)


def _preset(known: Mapping[str, Preset], name: str) -> Preset:
    if name not in known:
        raise ValueError(
            f"augmentation.preset must be one of {', '.join(known)} for this kind of network, "
            f"got {name!r}"
        )
    return known[name]


@dataclass(frozen=True)
class LossOptions:
    """What is minimised. Top-down networks have a plain loss, without these.

    Attributes:
        foreground: Added weight of cells where the target is not zero, times its size; 0 is the
            plain mean squared error.
        pafs: Weight of the PAFs beside the heatmaps.
    """

    foreground: float = 0.0
    pafs: float = 1.0

    def __post_init__(self) -> None:
        _at_least(self, foreground=0, pafs=0)


@dataclass(frozen=True)
class TeacherOptions:
    """A trained network that answers where nobody labelled (two-branch networks only).

    With ``"people"`` it finds the people of every photo once, before the training: who agrees with
    an annotated person completes the keypoints that are missing, and the others are added. With
    ``"maps"`` it runs on the very input that the trained network sees, in every step, and its maps
    are the targets where there are no labels.

    Attributes:
        weights: File of its weights; None for no teacher.
        mode: "people" or "maps".
        weight: Weight of cells without labels, beside 1 of the labelled ones: those of the
            teacher's maps, or those where the teacher found nobody.
        labelled_weight: Of maps: weight of a second loss, towards the teacher where labels are
            known too.
        bfloat16: Of maps: whether it runs in bfloat16, in half the time on processors that know it.
            Networks that norm each image by itself (mobilenet-v2-small) lose their answer by it.
        scales: Of people: the scale search.
        threshold: Of people: score that a keypoint must exceed to count as a label.
        agreement: Of people: greatest mean distance of the keypoints that a found person shares
            with an annotated one, as a share of the longer side of these, to be the same.
    """

    weights: str | None = None
    mode: Literal["people", "maps"] = "people"
    weight: float = 0.5
    labelled_weight: float = 0.0
    bfloat16: bool = False
    scales: tuple[float, ...] = (1.0,)
    threshold: float = 0.3
    agreement: float = 0.1

    def __post_init__(self) -> None:
        _at_least(self, weight=0, labelled_weight=0)


@dataclass(frozen=True)
class OptimiserOptions:
    """How weights move.

    Attributes:
        name: "adam", "adamw" or "sgd" (with momentum 0.9).
        rate: Learning rate after the warm-up.
        weight_decay: Of weights with more than one dimension; biases and norms have none.
        clip: Longest gradient, all weights together; None for no limit.
    """

    name: Literal["adam", "adamw", "sgd"] = "adamw"
    rate: float = 1e-3
    weight_decay: float = 0.0
    clip: float | None = None

    def __post_init__(self) -> None:
        _above_0(self, "rate", "clip")
        _at_least(self, weight_decay=0)


@dataclass(frozen=True)
class ScheduleOptions:
    """How long, and how the learning rate changes.

    Attributes:
        epochs: Passes over the data.
        kind: "steps", "cosine", "plateau" or "constant".
        steps: Of steps: epochs after which the rate is multiplied by ``factor``.
        factor: Of steps and plateau.
        patience: Of plateau: the rate is multiplied by ``factor`` after so many validations in a
            row without a lower ``val/loss``.
        end: Of cosine: the last rate, as a share of the first.
        warmup: Optimiser steps in which the rate rises in a line.
        warmup_ratio: The share of the rate at which it starts to rise.
    """

    epochs: int = 100
    kind: Literal["steps", "cosine", "plateau", "constant"] = "cosine"
    steps: tuple[int, ...] = ()
    factor: float = 0.1
    patience: int = 10
    end: float = 0.01
    warmup: int = 500
    warmup_ratio: float = 0.001

    def __post_init__(self) -> None:
        _at_least(self, epochs=1, steps=0, patience=1, warmup=0, warmup_ratio=0, end=0)
        _above_0(self, "factor")
        if self.kind == "steps" and not self.steps:
            raise ValueError("kind 'steps' needs steps, the epochs after which the rate falls")
        if self.kind == "plateau" and not 0 < self.factor < 1:
            raise ValueError(f"factor of kind 'plateau' must be below 1, got {self.factor}")


@dataclass(frozen=True)
class TrainerOptions:
    """Machine, precision, checkpoints and reports.

    Attributes:
        accelerator: Lightning's: "auto", "cpu", "gpu".
        devices: How many; "auto" for all.
        nodes: Machines; start the same command on each, as Lightning's DDP expects.
        strategy: Lightning's: "auto", "ddp".
        precision: Lightning's: "32-true", "bf16-mixed", "16-mixed".
        threads: CPU threads of a process; None leaves PyTorch's.
        seed: Of everything.
        deterministic: Whether only operations are used that give the same bits every time.
        ema: Decay of the averaged weights that are validated and exported; None for none.
        checkpoint_steps: Steps between checkpoints; one more follows every epoch.
        patience: Validations in a row without a better ``val/pck`` before the run ends; None for
            never.
        validation_epochs: Epochs between validations.
        pictures: Pictures of predictions in TensorBoard, at every validation.
        log_steps: Steps between two points of a curve.
        progress: Whether to show a bar.
    """

    accelerator: str = "auto"
    devices: int | str = 1
    nodes: int = 1
    strategy: str = "auto"
    precision: str = "32-true"
    threads: int | None = None
    seed: int = 0
    deterministic: bool = True
    ema: float | None = None
    checkpoint_steps: int = 500
    patience: int | None = None
    validation_epochs: int = 1
    pictures: int = 4
    log_steps: int = 20
    progress: bool = True

    def __post_init__(self) -> None:
        _at_least(self, nodes=1, threads=1, seed=0, checkpoint_steps=1, patience=1, pictures=0)
        _at_least(self, validation_epochs=1, log_steps=1)
        if self.ema is not None and not 0 <= self.ema < 1:
            raise ValueError(f"ema must be 0 or more and less than 1, got {self.ema}")


@dataclass(frozen=True)
class TrainingOptions:
    """A whole training. See ``heatpose.training.load_options``."""

    data: DataOptions = field(default_factory=DataOptions)
    network: NetworkOptions = field(default_factory=NetworkOptions)
    targets: TargetsOptions = field(default_factory=TargetsOptions)
    augmentation: AugmentationOptions = field(default_factory=AugmentationOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    teacher: TeacherOptions = field(default_factory=TeacherOptions)
    optimiser: OptimiserOptions = field(default_factory=OptimiserOptions)
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)
    trainer: TrainerOptions = field(default_factory=TrainerOptions)

    def check_validation(self) -> None:
        """ValueError where something waits for a validation and there is no data for one."""
        waiting = {
            "schedule.kind=plateau": self.schedule.kind == "plateau",
            "trainer.patience": self.trainer.patience is not None,
        }
        for name, waits in waiting.items():
            if waits and not self.data.validation:
                raise ValueError(f"{name} needs data.validation (--val KIND:PATH)")
