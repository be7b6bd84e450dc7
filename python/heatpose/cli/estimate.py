"""What ``heatpose predict`` runs: the estimator of its options, and the boxes that it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

import heatpose as hp
from heatpose.cli.common import describe

if TYPE_CHECKING:
    from heatpose.detectors import Detector
    from heatpose.results import Boxes, Hands, People

    Result: TypeAlias = "People | Hands"

_ESTIMATORS = {
    "body": "BodyEstimator",
    "hand": "HandEstimator",
    "wholebody": "WholeBodyEstimator",
    "face": "FaceEstimator",
}


def make_estimator(
    task: str,
    *,
    model: str,
    weights: Path | None,
    detector: str | None = None,
    hands: bool = False,
    hand_model: str = "auto",
    hand_weights: Path | None = None,
    **options: Any,
) -> Callable[..., Result]:
    """The estimator of the options; None among them means that an option was not given.

    Raises:
        click.UsageError: no weights, or options that do not go together.
        click.ClickException: a library is missing, or the network cannot be made.
    """
    if model == "auto" and weights is None and task != "body":
        raise click.UsageError(
            f"no network for --task {task} ships with heatpose: give --model NAME "
            f"(see `heatpose models list --task {task}`), or --weights FILE"
        )
    if hands and task != "body":
        found = "the hands too" if task == "wholebody" else f"{task}s only"
        raise click.UsageError(f"--hands is for --task body: --task {task} finds {found}")
    if hands and hand_model == "auto" and hand_weights is None:
        raise click.UsageError(
            "--hands needs a network for them: give --hand-model NAME "
            "(see `heatpose models list --task hand`), or --hand-weights FILE"
        )
    if not hands and (hand_model != "auto" or hand_weights is not None):
        raise click.UsageError("--hand-model and --hand-weights are for --hands")
    given = {name: value for name, value in options.items() if value is not None}
    try:
        if detector is not None:
            given["detector"] = _detector(detector, task)
        make: Callable[..., Callable[..., Result]] = getattr(hp, _ESTIMATORS[task])
        estimator = make(model, weights=weights, **given)
        if hands:
            return _with_hands(estimator, hand_model, hand_weights, given["device"])
    except ImportError as error:
        hint = ": pip install 'heatpose[torch]'" if error.name == "torch" else ""
        raise click.ClickException(f"{error}{hint}") from error
    except Exception as error:
        raise click.ClickException(describe(error)) from error
    return estimator


def _with_hands(body: Any, model: str, weights: Path | None, device: str) -> Callable[..., Result]:
    """Everyone's hands: boxes that are given are those of the people."""
    hands = hp.HandEstimator(model, weights=weights, device=device)

    def estimate(image: Any, **boxes: Any) -> Result:
        from heatpose.detectors import hand_boxes

        found: Result = hands(image, boxes=hand_boxes(body(image, **boxes)))
        return found

    return estimate


def _detector(name: str, task: str) -> Detector:
    """A detector by the name of its checkpoint, or by its ONNX file."""
    from heatpose import detectors

    if Path(name).is_file():
        kind = "rtmdet" if task == "hand" else "yolox"
    elif Path(name).suffix == ".onnx":
        raise FileNotFoundError(f"--detector {name}: no such file")
    else:
        from heatpose.weights import find_model

        model = find_model(name)
        kind = model.architecture
        wanted = f"{task}-boxes" if task in ("hand", "face") else "person-boxes"
        if model.task != wanted:
            raise ValueError(f"--detector {name} is for the task {model.task}, not for {wanted}")
    makers: dict[str, Callable[[str], Detector]] = {
        "yolox": detectors.YoloxDetector,
        "rtmdet": detectors.RtmdetDetector,
    }
    return makers[kind](name)


def read_boxes(path: Path | None) -> Mapping[str, Boxes] | None:
    """The boxes of ``--boxes``.

    Raises:
        click.ClickException: the file cannot be read.
    """
    if path is None:
        return None
    from heatpose import detectors

    try:
        return detectors.read_boxes(path)
    except (OSError, ValueError, TypeError) as error:
        raise click.ClickException(describe(error)) from error


def boxes_for(photo: Path, table: Mapping[str, Boxes] | None) -> dict[str, Boxes]:
    """The argument ``boxes`` of a photo, or no argument without a table.

    Raises:
        ValueError: the table does not name the photo.
    """
    if table is None:
        return {}
    from heatpose import detectors

    boxes = detectors.boxes_of(photo, table)
    if boxes is None:
        raise ValueError(f"{photo}: the file of --boxes does not name it")
    return {"boxes": boxes}
