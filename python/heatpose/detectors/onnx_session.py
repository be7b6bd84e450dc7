"""Models of ONNX Runtime: found, opened, and asked for the shapes of what goes in and out."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ModelSource = str | os.PathLike[str] | bytes
Provider = str | tuple[str, dict[str, Any]]


def open_session(
    model: ModelSource,
    *,
    architecture: str,
    providers: Sequence[Provider] | None,
    threads: int | None,
) -> tuple[Any, str]:
    """Open a model.

    Args:
        model: The file, its content, or a name of the registry.
        architecture: What a model of the registry must be: ``"yolox"`` or ``"rtmdet"``.
        providers: Execution providers of ONNX Runtime, the first that can run an operator runs it.
            ``None`` is the CPU.
        threads: Threads of one run, ``None`` lets ONNX Runtime choose.

    Returns:
        The ``onnxruntime.InferenceSession``, and what error messages call the model.

    Raises:
        ImportError: onnxruntime is missing.
        TypeError: model is no path, name or bytes; threads is not a whole number.
        ValueError: not a model that ONNX Runtime can open, a name that the registry does not know
            or knows as something else, a provider that this ONNX Runtime lacks, or threads below 1.
        FileNotFoundError: no such file.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("detectors need ONNX Runtime: pip install 'heatpose[detect]'") from error
    source = _find(model, architecture)
    name = "the model" if isinstance(source, bytes) else str(source)
    chosen = _checked_providers(providers, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # what goes wrong is raised; no warnings on the terminal
    if threads is not None:
        options.intra_op_num_threads = _checked_threads(threads)
    try:
        session = onnxruntime.InferenceSession(
            source if isinstance(source, bytes) else str(source), options, providers=chosen
        )
    except Exception as error:  # ONNX Runtime's exceptions share no class of their own
        reason = str(error).strip() or type(error).__name__
        raise ValueError(f"{name} is not an ONNX model that can be opened: {reason}") from error
    return session, name


def shapes(values: Sequence[Any]) -> str:
    """What inputs or outputs of a session are, for error messages."""
    described = [
        f"{value.name} {value.type.removeprefix('tensor(').removesuffix(')')} "
        f"[{', '.join('?' if size is None else str(size) for size in value.shape)}]"
        for value in values
    ]
    return ", ".join(described) or "none"


def fits(shape: Sequence[Any], wanted: Sequence[int | None]) -> bool:
    """Whether a declared shape can be the wanted one; None or a name stands for any size.

    An empty shape is one that the model does not declare.
    """
    if not shape:
        return True
    return len(shape) == len(wanted) and all(
        size == want or want is None or not isinstance(size, int)
        for size, want in zip(shape, wanted, strict=True)
    )


def _find(model: ModelSource, architecture: str) -> Path | bytes:
    """The file or the bytes that ``model`` means."""
    if isinstance(model, bytes):
        return model
    if not isinstance(model, (str, os.PathLike)):
        raise TypeError(
            "model must be a path, a name of the registry or the bytes of an ONNX file, "
            f"got {type(model).__name__}"
        )
    path = Path(model)
    if path.is_file():
        return path
    if isinstance(model, str) and path.name == model and path.suffix != ".onnx" and model:
        return _fetch(model, architecture)
    reason = "is a folder, not a model" if path.is_dir() else "does not exist"
    raise FileNotFoundError(f"model: {path} {reason}")


def _fetch(name: str, architecture: str) -> Path:
    """The file of a model of the registry, downloaded if it is not there."""
    # Late: a file of one's own needs neither the registry nor PyTorch, which comes with it.
    weights = importlib.import_module("heatpose.weights")
    found = weights.find_model(name).architecture
    if found != architecture:
        raise ValueError(f"model {name!r} is of architecture {found!r}, not {architecture!r}")
    return Path(weights.fetch(name))


def _checked_providers(
    providers: Sequence[Provider] | None, available: Sequence[str]
) -> list[Provider]:
    if providers is None:
        return ["CPUExecutionProvider"]
    if isinstance(providers, str):
        raise TypeError(f"providers must be a list of names, got {providers!r}")
    names = [one if isinstance(one, str) else one[0] for one in providers]
    # ONNX Runtime would warn and run on the CPU.
    missing = [name for name in names if name not in available]
    if missing or not names:
        raise ValueError(
            f"providers must be of {', '.join(available)}, got {', '.join(missing) or 'none'}"
        )
    return list(providers)


def _checked_threads(threads: int) -> int:
    if isinstance(threads, bool) or not hasattr(threads, "__index__"):
        raise TypeError(f"threads must be a whole number, got {threads!r}")
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
    return int(threads)
