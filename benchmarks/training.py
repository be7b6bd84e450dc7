"""Training: photos a second of the data's way alone and with the network, without and with workers.

Photos are read, changed at random and drawn as in a training; the first batches, in which workers
start and memory is taken, are not counted. Rates are of one training process with one thread, its
workers beside it; the teacher, if any, is asked before.

Run: python -m benchmarks.training KIND:PATH [--preset heatpose-lite] [--batches 20] [--set K=V ...]
"""

from __future__ import annotations

import argparse
import itertools
import logging
import tempfile
import time
import warnings
from typing import Any

import cv2
import torch
from lightning.pytorch import Callback

import heatpose
from benchmarks.report import machine
from heatpose import training

WORKERS = (0, 1, 2)
SKIPPED = 3  # batches


class Clock(Callback):
    """When each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        self.ends.append(time.perf_counter())


def alone(options: training.TrainingOptions, batches: int) -> float:
    """Photos a second of the loader, as fast as it goes."""
    network = training.make_network(options.network)
    data = training.TrainingData(options, network, training.skeleton_of(network))
    ends = []
    for _ in itertools.islice(_endless(data.loader()), SKIPPED + batches):
        ends.append(time.perf_counter())
    return _rate(ends, options)


def together(options: training.TrainingOptions, batches: int) -> float:
    """Photos a second of a training."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        training.train(options, folder, callbacks=[clock], max_steps=SKIPPED + batches)
    return _rate(clock.ends, options)


def _endless(loader: Any) -> Any:
    while True:
        yield from loader


def _rate(ends: list[float], options: training.TrainingOptions) -> float:
    counted = ends[SKIPPED - 1 :]
    return (len(counted) - 1) * options.data.batch_size / (counted[-1] - counted[0])


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", metavar="KIND:PATH")
    parser.add_argument("--preset", default="heatpose-lite")
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="K=V")
    given = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    # One thread each; not one core for all of them, as the other benchmarks have it.
    heatpose.set_num_threads(1)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print(f"{given.preset}, {machine().removesuffix('; medians')}\n")
    print("| workers | data alone, photos/s | with the network, photos/s |")
    print("|---|---|---|")
    for workers in WORKERS:
        options = training.load_options(
            given.preset,
            {
                "data.train": [given.data],
                "data.workers": workers,
                "data.check_photos": False,
                "trainer.threads": 1,
                "trainer.progress": False,
                "trainer.patience": None,
                **training.parse_settings(given.settings),
            },
        )
        rates = alone(options, given.batches), together(options, given.batches)
        print(f"| {workers} | {rates[0]:.1f} | {rates[1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
