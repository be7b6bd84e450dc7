"""Which network an estimator runs, where, and in which element type."""

from __future__ import annotations

import os

import torch
from torch import nn

from heatpose.networks import NETWORKS, InputSpec, network_for
from heatpose.weights import load_into, load_state_dict, load_weights

_DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


def pick_network(model: nn.Module | str, weights: str | os.PathLike[str] | None) -> nn.Module:
    """The network that a user's ``model`` and ``weights`` mean, with its weights in.

    Raises:
        TypeError: model is neither a name nor a module with an ``input_spec``.
        ValueError: an unknown name, a name without weights, or weights of another network.
        FileNotFoundError: no such weight file.
    """
    if isinstance(model, str):
        return _named_network(model, weights)
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a name or a torch module, got {type(model).__name__}")
    spec = getattr(model, "input_spec", None)
    if not isinstance(spec, InputSpec):
        raise TypeError(
            f"model {type(model).__name__} needs an attribute input_spec of type "
            f"heatpose.networks.InputSpec, got {spec!r}"
        )
    if weights is not None:
        load_weights(model, weights)
    return model


def _named_network(name: str, weights: str | os.PathLike[str] | None) -> nn.Module:
    if name not in (*NETWORKS, "auto", "default"):
        raise ValueError(f"model must be one of {', '.join(NETWORKS)} or auto, got {name!r}")
    if weights is None:
        if name == "default":
            raise ValueError(
                "model 'default': no model ships with heatpose yet; "
                "pass weights=FILE with model='auto', or a torch module"
            )
        raise ValueError(f"model {name!r} needs weights=FILE")
    state_dict = load_state_dict(weights)
    network = NETWORKS[name]() if name in NETWORKS else network_for(state_dict)
    load_into(network, state_dict)
    return network


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
