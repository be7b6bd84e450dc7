"""``heatpose info``: what heatpose runs on."""

from __future__ import annotations

import importlib
import platform

import click

import heatpose as hp
from heatpose.cli.common import describe

# What pip calls it -> what Python imports.
_LIBRARIES = {"numpy": "numpy", "opencv": "cv2", "torch": "torch"}


@click.command("info")
def info_command() -> None:
    """Say what heatpose runs on: versions, vector units, threads, CUDA and why not."""
    rows = [
        ("heatpose", hp.__version__),
        ("python", f"{platform.python_version()} ({platform.system()} {platform.machine()})"),
    ]
    rows += [(name, _version_of(module)) for name, module in _LIBRARIES.items()]
    rows += _native_rows()
    rows.append(("torch CUDA", _torch_cuda()))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{name:<{width}}  {value}")


def _version_of(module: str) -> str:
    try:
        return str(importlib.import_module(module).__version__)
    except ImportError:
        return "not installed"
    except Exception as error:  # a library that is broken is what info is there to tell
        return f"broken: {describe(error)}"


def _native_rows() -> list[tuple[str, str]]:
    try:
        cuda = hp.cuda_status()
        units = ", ".join(hp.vector_units())
        return [
            ("vector units", f"{units} (in use: {hp.vector_unit()})"),
            ("threads", str(hp.get_num_threads())),
            ("CUDA", f"{cuda.device_count} device(s)" if cuda.usable else f"no: {cuda.reason}"),
        ]
    except ImportError as error:
        return [("native module", str(error))]


def _torch_cuda() -> str:
    try:
        import torch

        if torch.cuda.is_available():
            return f"yes: {torch.cuda.get_device_name()} (CUDA {torch.version.cuda})"
        built = torch.version.cuda
        return f"no: built for CUDA {built}, no device" if built else "no: built without CUDA"
    except Exception as error:
        return f"no: {describe(error)}"
