"""The compiled module and what it can use on this machine: threads, vector units, CUDA."""

from __future__ import annotations

import functools
import operator
import os
import warnings
from dataclasses import dataclass
from typing import Any

try:
    from heatpose import _core
except ImportError as error:  # pragma: no cover - only without a build
    raise ImportError(
        "heatpose's native module is missing: build it with `pip install .` from the repository "
        "(needs a C++17 compiler), or install a wheel"
    ) from error

core: Any = _core


@dataclass(frozen=True, kw_only=True)
class CudaStatus:
    """Whether CUDA can be used, and if not, why.

    Attributes:
        compiled: The CUDA backend is in this build.
        runtime_version: Version of the CUDA runtime linked in, e.g. 13000; 0 when not compiled.
        driver_version: Version of CUDA that the driver offers; 0 without a driver.
        device_count: Devices that can be used.
        reason: Why none can be used; empty when one can.
    """

    compiled: bool
    runtime_version: int
    driver_version: int
    device_count: int
    reason: str

    @property
    def usable(self) -> bool:
        """Whether at least one device can be used."""
        return self.compiled and self.device_count > 0


def cuda_status() -> CudaStatus:
    """Say whether this build can use a CUDA device here, and why not."""
    return CudaStatus(**core.cuda_status())


@functools.cache
def cuda_compiled() -> bool:
    """Whether this build has the CUDA backend; unlike :func:`cuda_status`, asks no driver twice."""
    return cuda_status().compiled


def get_num_threads() -> int:
    """Threads that one op may use, the caller's own included (default: all cores)."""
    return int(core.num_threads())


def set_num_threads(threads: int) -> None:
    """Set how many threads one op may use, the caller's own included.

    The answer of an op never depends on it.

    Raises:
        TypeError: threads is no whole number.
        ValueError: threads is not between 1 and 1024.
    """
    try:
        if isinstance(threads, bool):
            raise TypeError
        number = operator.index(threads)
    except TypeError:
        raise TypeError(f"threads must be a whole number, got {threads!r}") from None
    if not 1 <= number <= 1024:
        raise ValueError(f"threads must be between 1 and 1024, got {number}")
    core.set_num_threads(number)


def vector_units() -> list[str]:
    """Vector units that this build has code for and this processor runs, narrowest first."""
    return list(core.vector_units())


def vector_unit() -> str:
    """The vector unit in use: the widest, unless HEATPOSE_VECTOR_UNIT or a call said otherwise."""
    return str(core.vector_unit())


def set_vector_unit(name: str) -> None:
    """Use another vector unit, e.g. ``"baseline"``, for all threads.

    Raises:
        ValueError: name is not in :func:`vector_units`.
    """
    core.set_vector_unit(name)


def _check_environment() -> None:
    """Warn of a HEATPOSE_VECTOR_UNIT that the native module passed over."""
    asked = os.environ.get("HEATPOSE_VECTOR_UNIT")
    if asked and asked not in vector_units():
        warnings.warn(
            f"HEATPOSE_VECTOR_UNIT is {asked!r}, but there is only {', '.join(vector_units())}; "
            f"{vector_unit()} is in use",
            RuntimeWarning,
            stacklevel=2,
        )


_check_environment()
