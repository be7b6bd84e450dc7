"""Threads, vector units and CUDA as the native module sees them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from heatpose import native


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_the_widest_vector_unit_is_in_use() -> None:
    units = native.vector_units()
    assert units[0] == "baseline"
    done = run("from heatpose import native; print(native.vector_unit())", HEATPOSE_VECTOR_UNIT="")
    assert done.stdout.strip() == units[-1]


@pytest.mark.parametrize("unit", native.vector_units())
def test_the_environment_names_a_vector_unit(unit: str) -> None:
    done = run("from heatpose import native; print(native.vector_unit())",
               HEATPOSE_VECTOR_UNIT=unit)  # fmt: skip
    assert done.stdout.strip() == unit


def test_an_unknown_vector_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="vector unit must be one of baseline"):
        native.set_vector_unit("mmx")


def test_an_unknown_vector_unit_in_the_environment_is_warned_of() -> None:
    program = "import heatpose.native"
    done = run(program, HEATPOSE_VECTOR_UNIT="mmx")
    units = native.vector_units()
    want = f"HEATPOSE_VECTOR_UNIT is 'mmx', but there is only {', '.join(units)}; {units[-1]} is"
    assert done.returncode == 0 and f"RuntimeWarning: {want} in use" in done.stderr
    for fine in ("", units[0]):
        assert run(program, HEATPOSE_VECTOR_UNIT=fine).stderr == ""


@pytest.mark.parametrize("threads", [0, -1, 1025, 1 << 80])
def test_impossible_thread_counts_are_refused(threads: int) -> None:
    with pytest.raises(ValueError, match="threads must be between 1 and 1024"):
        native.set_num_threads(threads)


@pytest.mark.parametrize("threads", [2.0, True, "2", None])
def test_thread_counts_of_another_type_are_refused(threads: Any) -> None:
    with pytest.raises(TypeError, match="threads must be a whole number"):
        native.set_num_threads(threads)


def test_a_thread_count_may_be_of_any_integer_type() -> None:
    before = native.get_num_threads()
    native.set_num_threads(np.int64(2))
    assert native.get_num_threads() == 2
    native.set_num_threads(before)


def test_cuda_says_why_it_cannot_be_used() -> None:
    status = native.cuda_status()
    assert status.usable == (status.device_count > 0)
    assert status.usable or status.reason


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_still_decodes_and_still_has_threads() -> None:
    done = run("""
import os, threading, time
import numpy as np
from heatpose import native, ops

native.set_num_threads(3)
maps = np.random.default_rng(0).random((60, 200, 200), np.float32)
want = ops.find_peaks(maps).counts.copy()
stop = False

def work():
    while not stop:
        ops.find_peaks(maps)

thread = threading.Thread(target=work)
thread.start()
codes = []
for _ in range(6):
    time.sleep(0.02)
    child = os.fork()
    if child == 0:
        same = bool((ops.find_peaks(maps).counts == want).all())
        running = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 3
        os._exit(0 if same and running == 3 else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop = True
thread.join()
print(codes)
""")
    assert done.stdout.strip() == str([0] * 6), done.stderr


def test_threads_that_cannot_start_are_done_without() -> None:
    pytest.importorskip("resource", reason="limits are set where Python has `resource`")
    done = run("""
import resource
import numpy as np
from heatpose import native, ops

maps = np.random.default_rng(0).random((60, 90, 90), np.float32)
native.set_num_threads(1)
want = ops.find_peaks(maps).counts.copy()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20), resource.RLIM_INFINITY))
native.set_num_threads(1024)
print((ops.find_peaks(maps).counts == want).all())
""") if sys.platform == "linux" else None  # fmt: skip
    assert done is None or done.stdout.strip() == "True", done.stderr
