"""Which network an estimator runs, where, in which element type, and with which settings."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from heatpose.decoders import BodyDecoder, HandMapDecoder, KeypointDecoder
from heatpose.estimators.runner import Runner
from heatpose.networks import NETWORKS, CropSpec, InputSpec, Task, network_for, network_named
from heatpose.ops import AssociateOptions
from heatpose.skeletons import AIC14, COCO17, HAND21, WHOLEBODY133, Skeleton
from heatpose.weights import fetch, find_model, load_into, models
from heatpose.weights.convert import read_checkpoint

if TYPE_CHECKING:
    from heatpose.weights import Model

_DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}
_ESTIMATORS = {
    "body": "BodyEstimator",
    "hand": "HandEstimator",
    "wholebody": "WholeBodyEstimator",
    "face": "FaceEstimator",
}
# What a task's estimator runs when nothing is named: the network that comes with the package.
_SHIPPED = {"body": "heatpose-lite"}
_DECODERS = (BodyDecoder, HandMapDecoder, KeypointDecoder)
# What a top-down network's keypoints are, by their number.
_TOP_DOWN = {skeleton.num_keypoints: skeleton for skeleton in (AIC14, COCO17, HAND21, WHOLEBODY133)}


@dataclass(frozen=True)
class Settings:
    """How crops are made, their maps averaged, and their keypoints named.

    Attributes:
        padding: Factor on boxes that hold no margin yet.
        flip_test: Whether the maps of a crop and of its mirror image are averaged.
        udp: Whether crops and cells are mapped as UDP does.
        mirror_left: Whether the network sees left hands mirrored.
        channels: The map of each keypoint of the skeleton, None where they are in its order.
    """

    padding: float
    flip_test: bool
    udp: bool
    mirror_left: bool
    channels: tuple[int, ...] | None = None

    @staticmethod
    def asked(*, padding: float | None = None, **flags: bool | None) -> dict[str, Any]:
        """What a user asked for, checked; what is None is left to the checkpoint.

        Raises:
            TypeError: padding is no number, or a flag no bool.
            ValueError: padding is not above 0 or not finite.
        """
        for name, value in flags.items():
            if value is not None and not isinstance(value, bool):
                raise TypeError(f"{name} must be True, False or None, got {value!r}")
        if padding is not None:
            if isinstance(padding, bool) or not isinstance(padding, (int, float)):
                raise TypeError(f"padding must be a number, got {padding!r}")
            if not (math.isfinite(padding) and padding > 0):
                raise ValueError(f"padding must be greater than 0 and finite, got {padding}")
        given = {"padding": padding, **flags}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Picked:
    """A network with its weights in, and what is known of it.

    Attributes:
        network: The network.
        spec: What it expects of its input.
        task: The estimator's: body, hand, wholebody or face.
        own: Whether the user made it.
        model: The named checkpoint that it is, if it is one.
    """

    network: nn.Module
    spec: InputSpec | CropSpec
    task: Task
    own: bool
    model: Model | None = None

    def skeleton(self, default: Skeleton) -> Skeleton:
        """The skeleton of the network's keypoints, ``default`` where it does not say.

        Raises:
            ValueError: the network has another number of keypoints than the task.
        """
        stated = getattr(self.network, "skeleton", None)
        if isinstance(stated, Skeleton):
            return stated
        count = getattr(self.network, "keypoints", None)
        if count is None and (maps := getattr(self.network, "maps", None)) is not None:
            count = maps - 1  # the last is the background
        if count is None or count == default.num_keypoints:
            return default
        if self.task == "body" and _TOP_DOWN.get(count) in (AIC14, COCO17):
            return _TOP_DOWN[count]
        raise ValueError(
            f"{type(self.network).__name__} gives {count} keypoints, "
            f"{_ESTIMATORS[self.task]} needs the {default.num_keypoints} of {default.name}"
        )

    def settings(self, asked: Mapping[str, Any], **defaults: Any) -> Settings:
        """What was asked for, over the checkpoint's, over what such networks usually have."""
        right_only = bool(getattr(self.network, "right_hands_only", False))
        usual = {
            "padding": getattr(self.spec, "padding", 1.0),
            # The mirror image of a right hand is none to a network that knows only these.
            "flip_test": not right_only,
            "udp": False,
            "mirror_left": right_only,
            "channels": None,
        }
        return Settings(**{**usual, **defaults, **self._published(usual), **asked})

    def decoder_options(self) -> dict[str, Any]:
        """Settings of the decoder that the checkpoint was published with."""
        if isinstance(self.spec, CropSpec):
            return self._published(("method", "kernel"))
        options = self._published(("threshold",))
        if few := self._published(("min_parts",)):
            options["association"] = AssociateOptions(**few)
        return options

    def box(self, spec: InputSpec) -> int:
        """Height of the resized photo at scale 1."""
        return int(self._published(("box",)).get("box", spec.box))

    def _published(self, names: Any) -> dict[str, Any]:
        decoding = {} if self.model is None else self.model.decoding
        return {name: decoding[name] for name in names if name in decoding}

    def refuse(self, kind: str, settings: Mapping[str, Any]) -> None:
        """Make sure that no setting of the other kind of network was given.

        Raises:
            ValueError: one was.
        """
        given = [name for name, value in settings.items() if value is not None]
        if given:
            raise ValueError(
                f"{', '.join(given)}: for {kind} networks only, "
                f"and {type(self.network).__name__} is none"
            )

    def check_decoder(self, decoder: object, kind: type[Any]) -> None:
        """Make sure that a user's decoder is not one of ours for another kind of network.

        Raises:
            TypeError: it is.
        """
        if isinstance(decoder, _DECODERS) and not isinstance(decoder, kind):
            raise TypeError(
                f"decoder must be a {kind.__name__} for {type(self.network).__name__}, got "
                f"{type(decoder).__name__}"
            )


def pick_network(
    model: nn.Module | str,
    weights: str | os.PathLike[str] | None,
    *,
    task: Task,
    spec: type[InputSpec | CropSpec] | None = None,
) -> Picked:
    """The network that a user's ``model`` and ``weights`` mean, with its weights in.

    Args:
        model: As the estimators document it.
        weights: As the estimators document it.
        task: The estimator's: body, hand, wholebody or face.
        spec: The kind of network that it takes; None takes both.

    Raises:
        TypeError: model is neither a name nor a module with a spec.
        ValueError: an unknown name, a network without weights, weights of another network, or a
            checkpoint of another task.
        FileNotFoundError: no such weight file.
    """
    named = None
    if isinstance(model, str):
        network, named = _named_network(model, weights, task)
    elif isinstance(model, nn.Module):
        network = model
    else:
        raise TypeError(f"model must be a name or a torch module, got {type(model).__name__}")
    specs = [getattr(network, name, None) for name in ("input_spec", "crop_spec")]
    kinds = (InputSpec, CropSpec) if spec is None else (spec,)
    found = next((one for one in specs if isinstance(one, kinds)), None)
    if found is None:
        words = {InputSpec: "input_spec of type InputSpec", CropSpec: "crop_spec of type CropSpec"}
        raise TypeError(
            f"model {type(network).__name__} needs an attribute "
            f"{' or '.join(words[kind] for kind in kinds)} (heatpose.networks)"
        )
    of_task = getattr(network, "task", None)
    if of_task not in (None, task):
        raise ValueError(_wrong_task(f"model {type(network).__name__}", of_task, task))
    if weights is not None and not isinstance(model, str):
        _load(network, weights)
    return Picked(network, found, task, not isinstance(model, str), named)


def _named_network(
    name: str, weights: str | os.PathLike[str] | None, task: Task
) -> tuple[nn.Module, Model | None]:
    if weights is None and name in ("default", "auto"):
        name = _SHIPPED.get(task, name)
    if name in models():
        model = find_model(name)
        if model.task != task or model.architecture not in NETWORKS:
            raise ValueError(_wrong_task(f"model {name!r}", model.task, task))
        network = NETWORKS[model.architecture](**model.arguments)
        _load(network, fetch(name, progress=True) if weights is None else weights)
        return network, model
    if name not in (*NETWORKS, "auto", "default"):
        file = ", which is a file: pass it as weights=" if Path(name).is_file() else ""
        raise ValueError(
            f"model must be a checkpoint (heatpose models list), 'auto' or a network "
            f"({', '.join(NETWORKS)}), got {name!r}{file}"
        )
    if weights is None:
        if name in ("default", "auto"):
            raise ValueError(
                f"model {name!r}: no network for the task {task} ships with heatpose; pass the "
                "name of a checkpoint (heatpose models list), weights=FILE with model='auto', or "
                "a torch module"
            )
        raise ValueError(f"model {name!r} needs weights=FILE")
    state_dict = read_checkpoint(weights)
    try:
        if name in NETWORKS:
            network = network_named(name, state_dict)
        else:
            network = network_for(state_dict, task=task)
        load_into(network, state_dict)
    except ValueError as error:
        raise ValueError(f"{weights}: {error}") from None
    return network, None


def _wrong_task(what: str, found: str, task: Task) -> str:
    right = _ESTIMATORS.get(found, "a detector")
    return f"{what} is for the task {found}: it belongs in {right}, not in {_ESTIMATORS[task]}"


def _load(network: nn.Module, weights: str | os.PathLike[str]) -> None:
    try:
        load_into(network, read_checkpoint(weights))
    except ValueError as error:
        prefix = "" if str(weights) in str(error) else f"{weights}: "
        raise ValueError(f"{prefix}{error}") from None


def pick_runner(
    picked: Picked, device: str | torch.device, dtype: str | torch.dtype | None
) -> Runner:
    """The network where, and in the element type that, the user's settings mean.

    Raises:
        ValueError: no such device, it cannot be used here, or an unknown element type.
    """
    place = pick_device(device, picked.network if picked.own else None)
    return Runner(picked.network, place, pick_dtype(dtype, picked.network))


def pick_device(device: str | torch.device, module: nn.Module | None) -> torch.device:
    """The device that a user's setting means; ``module`` is one of the user's own, if any.

    Raises:
        ValueError: no such device, or it cannot be used here.
    """
    if device == "auto":
        parameter = None if module is None else next(module.parameters(), None)
        if parameter is not None:
            return parameter.device
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        picked = torch.device(device)
    except (RuntimeError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device {device!r} is neither 'auto' nor a torch device: {reason}"
        ) from None
    if picked.type == "cuda" and (picked.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device {str(device)!r} cannot be used: PyTorch {torch.__version__} finds "
            f"{torch.cuda.device_count()} CUDA devices"
        )
    return picked


def pick_dtype(dtype: str | torch.dtype | None, network: nn.Module) -> torch.dtype:
    """The element type of the network that a user's setting means.

    Raises:
        ValueError: not one of float32, float16 and bfloat16.
    """
    if dtype is None:
        floats = (p.dtype for p in network.parameters() if p.dtype.is_floating_point)
        return next(floats, torch.float32)
    if isinstance(dtype, torch.dtype):
        dtype = str(dtype).removeprefix("torch.")
    if dtype not in _DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(_DTYPES)}, got {dtype!r}")
    return _DTYPES[dtype]
