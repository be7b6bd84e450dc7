"""The data of a training, as Lightning asks for it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningDataModule

from heatpose.datasets import KeypointDataset, cache_photos, check_photos
from heatpose.datasets.targets import TargetOptions
from heatpose.estimators import BodyEstimator
from heatpose.networks import CropSpec
from heatpose.skeletons import Skeleton
from heatpose.training.building import make_teacher
from heatpose.training.crop_inputs import CropInputs, collate_crops
from heatpose.training.loader import EpochLoader
from heatpose.training.options import TrainingOptions
from heatpose.training.photo_inputs import PhotoInputs, collate_photos
from heatpose.training.sources import read_sources
from heatpose.training.teacher_people import find_people, with_people


class TrainingData(LightningDataModule):
    """Loaders of training and validation, each process with its share.

    Args:
        options: The training's.
        network: With a ``skeleton`` and an ``input_spec`` or a ``crop_spec``.
        skeleton: Of the maps, where the network does not say.
        progress: Whether bars are shown while photos are checked.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: no training data, or data that cannot be used.

    Attributes:
        train: The dataset of the training, with the problems that it has.
        validation: That of the validation, None without one.
    """

    def __init__(
        self, options: TrainingOptions, network: Any, skeleton: Skeleton, *, progress: bool = False
    ) -> None:
        super().__init__()
        if not options.data.train:
            raise ValueError("data.train names no dataset (--data KIND:PATH)")
        self.options, self.network, self.skeleton = options, network, skeleton
        self._check()
        self._loader: EpochLoader[Any] | None = None
        self._position: dict[str, int] = {}
        self.train = self._read(options.data.train, progress)
        self.validation = None
        if options.data.validation:
            self.validation = self._read(
                options.data.validation, progress, options.data.validation_limit
            )

    def _check(self) -> None:
        """What can be known to be wrong before photos are read and a teacher is asked."""
        augmentation = self.options.augmentation
        if isinstance(getattr(self.network, "crop_spec", None), CropSpec):
            augmentation.of_boxes()
            return
        augmentation.of_photos()
        stride, size = self.network.input_spec.stride, self.options.data.size
        if any(side % stride for side in size):
            raise ValueError(f"data.size must be multiples of the stride {stride}, got {size}")

    def train_dataloader(self) -> EpochLoader[Any]:
        """Shuffled and changed at random; from where a checkpoint stood."""
        self._loader = self._load(self.train, training=True)
        if self._position:
            self._loader.load_state_dict(self._position)
        return self._loader

    def state_dict(self) -> dict[str, int]:
        """Where the training stands, for checkpoints.

        Lightning keeps that of loaders too, but forgets it in a run that goes on after an epoch.
        """
        return {} if self._loader is None else self._loader.state_dict()

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Go on from there, with the next ``train_dataloader``."""
        self._position = state_dict

    @property
    def batches_per_epoch(self) -> int:
        """Training batches of this process."""
        return len(self._load(self.train, training=True))

    def val_dataloader(self) -> Any:
        """In order, as they are; an empty list without validation."""
        return [] if self.validation is None else self._load(self.validation, training=False)

    def loader(self, *, training: bool = True) -> EpochLoader[Any]:
        """A loader for one process without a trainer, as benchmarks want it."""
        dataset = self.train if training else self.validation
        if dataset is None:
            raise ValueError("data.validation names no dataset")
        return self._load(dataset, training=training)

    def _read(
        self, sources: tuple[str, ...], progress: bool, limit: int | None = None
    ) -> KeypointDataset:
        data = self.options.data
        dataset = read_sources(sources, self.skeleton, on_problem=data.on_problem)
        if limit is not None:
            dataset = dataset[:limit]
        settings: dict[str, Any] = {"on_problem": data.on_problem, "progress": progress}
        if data.cache is not None:
            dataset = cache_photos(dataset, data.cache, data.cache_side, **settings)
        elif data.check_photos:
            dataset = check_photos(dataset, **settings)
        if len(dataset) == 0:
            raise ValueError(f"nothing to use is left of {dataset.summary()}")
        return dataset

    def _load(self, dataset: KeypointDataset, *, training: bool) -> EpochLoader[Any]:
        data, trainer = self.options.data, self.trainer
        inputs, collate = self._inputs(dataset, training)
        return EpochLoader(
            inputs,
            data.batch_size if training else data.validation_batch_size,
            collate,
            shuffle=training,
            seed=self.options.trainer.seed,
            # A validation is short, and its workers would wait all the rest of the time.
            workers=data.workers if training else min(data.workers, 1),
            rank=trainer.global_rank if trainer else 0,
            processes=trainer.world_size if trainer else 1,
            pin_memory=trainer is not None and trainer.strategy.root_device.type == "cuda",
        )

    def _inputs(self, dataset: KeypointDataset, training: bool) -> Any:
        options = self.options
        targets, augmentation = options.targets, options.augmentation
        settings: dict[str, Any] = {
            "seed": options.trainer.seed,
            "on_problem": options.data.on_problem,
        }
        spec = getattr(self.network, "crop_spec", None)
        if isinstance(spec, CropSpec):
            boxes = augmentation.of_boxes()
            crops = CropInputs(
                dataset,
                spec,
                targets,
                boxes,
                training=training,
                right_hands_only=getattr(self.network, "right_hands_only", False),
                **settings,
            )
            return crops, collate_crops
        drawn = TargetOptions(
            self.network.input_spec.stride,
            targets.sigma,
            targets.width,
            targets.unbiased,
            targets.floor,
            targets.several,
            targets.caps,
            targets.margin,
        )
        photos = PhotoInputs(
            dataset,
            options.data.size,
            drawn,
            augmentation.of_photos() if training else None,
            elsewhere=_elsewhere(options, training),
            donors=augmentation.donors,
            **settings,
        )
        return photos, collate_photos

    def ask_teacher(self, folder: Path, *, progress: bool = False) -> None:
        """Add the people that the options' teacher finds in the training photos.

        Args:
            folder: Where its answers are kept.
            progress: Whether to show a bar.
        """
        options = self.options.teacher
        teacher = make_teacher(options)
        if teacher is None or options.mode != "people":
            return
        estimate = BodyEstimator(teacher, scales=options.scales)
        if estimate.skeleton.name != self.skeleton.name:
            raise ValueError(
                f"the teacher's skeleton must be {self.skeleton.name}, that of the network, got "
                f"{estimate.skeleton.name}"
            )
        # By its content: many runs call their weights alike.
        content = hashlib.sha256(Path(str(options.weights)).read_bytes()).hexdigest()
        about = f"{content} {options.scales}"
        found = find_people(self.train, estimate, folder, about=about, progress=progress)
        self.train = with_people(
            self.train, found, threshold=options.threshold, agreement=options.agreement
        )


def _elsewhere(options: TrainingOptions, training: bool) -> float:
    """Weight of cells where nobody is annotated."""
    if not options.data.others_unlabelled:
        return 1.0
    # The teacher was asked for the people of the training photos alone.
    asked = training and options.teacher.weights is not None and options.teacher.mode == "people"
    return options.teacher.weight if asked else 0.0
