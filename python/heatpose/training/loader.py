"""Batches in an order that a run can take up again at any step.

The order of an epoch, and every random number of a sample, follow from the seed, the epoch and the
sample's index alone. So a position is two numbers, the epoch and the batches of it that were taken,
whatever the number of workers and whatever they had prepared in advance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from torch.utils.data import DataLoader, Dataset, Sampler

Item = TypeVar("Item")
ItemOut = TypeVar("ItemOut", covariant=True)


class Draw(NamedTuple):
    """Which sample is wanted, and in which epoch, on which its random changes depend."""

    epoch: int
    row: int

    def generator(self, seed: int) -> np.random.Generator:
        """The random numbers of this sample in this epoch."""
        return np.random.default_rng((seed, self.epoch, self.row))


class Drawable(Protocol[ItemOut]):
    """What a loader reads from: samples by number, changed at random by epoch."""

    def __len__(self) -> int: ...

    def __getitem__(self, draw: Draw) -> ItemOut: ...


class EpochLoader(Generic[Item]):
    """Batches of shuffled samples, epoch after epoch.

    Every process of a distributed run gets its own samples and the same number of them. The
    samples that fill no batch are left out of a shuffled epoch (others come last in the next), and
    make a smaller last batch otherwise.

    Args:
        samples: What to read from; it is copied to the workers.
        batch_size: Samples in a batch.
        collate: Makes a batch of a list of samples.
        shuffle: Whether the order changes with every epoch.
        seed: Of the order.
        workers: Processes that read; 0 reads in this one.
        rank: Number of this process among ``processes``.
        processes: Of the distributed run.
        pin_memory: Whether batches lie where a GPU copies them from without a detour.

    Raises:
        ValueError: fewer samples than a shuffled batch of every process needs.
    """

    def __init__(
        self,
        samples: Drawable[Item],
        batch_size: int,
        collate: Callable[[list[Item]], Any],
        *,
        shuffle: bool = False,
        seed: int = 0,
        workers: int = 0,
        rank: int = 0,
        processes: int = 1,
        pin_memory: bool = False,
    ) -> None:
        self._order = _Order(len(samples), batch_size, shuffle, seed, rank, processes)
        if len(self._order) == 0:
            raise ValueError(
                f"{len(samples)} samples are too few for batches of {batch_size} in {processes} "
                f"process{'es' if processes > 1 else ''}"
            )
        dataset: Any = samples
        assert isinstance(dataset, Dataset) or hasattr(dataset, "__getitem__")
        self._loader = DataLoader(
            dataset,
            batch_sampler=self._order,
            collate_fn=collate,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=pin_memory,
            worker_init_fn=_start_worker if workers else None,
            # A fork would take over locks of threads (OpenCV's, TensorBoard's) and not the threads.
            multiprocessing_context="forkserver" if workers else None,
        )

    def __len__(self) -> int:
        """Batches of an epoch in this process."""
        return len(self._order)

    def __iter__(self) -> Iterator[Any]:
        """The rest of the epoch; after its end, the next one."""
        order = self._order
        if order.taken >= len(order):
            order.epoch, order.taken = order.epoch + 1, 0
        for batch in self._loader:
            order.taken += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """The position: what was handed out, not what workers have prepared."""
        return {"epoch": self._order.epoch, "taken": self._order.taken}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from a position, at the next ``iter``."""
        self._order.epoch, self._order.taken = state["epoch"], state["taken"]


class _Order(Sampler[list[Draw]]):
    """Which samples are in which batch, from the position on."""

    def __init__(
        self, count: int, batch_size: int, shuffle: bool, seed: int, rank: int, processes: int
    ) -> None:
        self.count, self.batch_size, self.shuffle, self.seed = count, batch_size, shuffle, seed
        self.rank, self.processes = rank, processes
        self.epoch, self.taken = 0, 0

    def __len__(self) -> int:
        own = self.count // self.processes
        if self.shuffle:
            return own // self.batch_size
        # Every process needs the same number of batches; repeated samples fill the last ones.
        return -(-self.count // (self.processes * self.batch_size))

    def __iter__(self) -> Iterator[list[Draw]]:
        epoch, places = self.epoch, np.arange(self.count)
        if self.shuffle:
            places = np.random.default_rng((self.seed, epoch)).permutation(self.count)
        elif self.processes > 1:
            places = np.resize(places, -(-self.count // self.processes) * self.processes)
        own = places[self.rank :: self.processes]
        for batch in range(self.taken, len(self)):
            some = own[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield [Draw(epoch, int(index)) for index in some]


def _start_worker(_: int) -> None:
    """One thread a worker: there are as many workers as the user wants threads for reading."""
    import cv2

    import heatpose

    cv2.setNumThreads(1)
    heatpose.set_num_threads(1)
