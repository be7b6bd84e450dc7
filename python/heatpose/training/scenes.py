"""Photos of a dataset with their people, read while a training runs."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from heatpose.datasets import KeypointDataset
from heatpose.datasets.augment import Scene, scene_of
from heatpose.datasets.photos import read_sample
from heatpose.datasets.problems import UnusableError


class SceneReader:
    """Scenes by number.

    A photo that was there when the training started and cannot be read any more is named in a
    warning, and the next one that can takes its place: a training of days does not end over it.

    Args:
        dataset: The photos.
        on_problem: "skip" for that, "raise" to stop the training.
    """

    def __init__(self, dataset: KeypointDataset, on_problem: str = "skip") -> None:
        self.dataset = dataset
        self.on_problem = on_problem

    def __len__(self) -> int:
        return len(self.dataset)

    def __call__(self, index: int) -> Scene:
        """The scene of a sample, or of the next one that can be read.

        Raises:
            ValueError: its photo cannot be read and that is to stop the training, or no photo can.
        """
        count = len(self.dataset)
        return self.first((index + step) % count for step in range(count))[1]

    def first(self, indices: Iterable[int]) -> tuple[int, Scene]:
        """The first of several samples whose photo can be read: its place among them, its scene.

        Raises:
            ValueError: a photo cannot be read and that is to stop the training, or no photo can.
        """
        problem, tried = "", set()
        for place, index in enumerate(indices):
            if index in tried:
                continue
            tried.add(index)
            sample = self.dataset[index]
            try:
                photo = read_sample(sample)
            except UnusableError as error:
                problem = f"{sample.path}: {error}"
                if self.on_problem == "raise":
                    break
                warnings.warn(f"{problem}; another photo takes its place", stacklevel=2)
                continue
            return place, scene_of(photo, sample, self.dataset.skeleton.num_keypoints)
        raise ValueError(problem or "the dataset is empty")
