"""The C launcher, an optional extension: without it, all kernels run in IREE's VM.

It is built with the package if a C compiler is installed. Call `why_absent()` before you import
`native._launcher`.

It runs in the main interpreter only: a sub-interpreter that imports it gets an ImportError. A
free-threaded Python turns the GIL on when it is imported, because what an op remembers of its calls
is not locked. Kernels run without the GIL either way.
"""

from __future__ import annotations

import functools
import importlib
import platform
import sys
from pathlib import Path
from typing import Any

from ir_runtime.counters import read_count_from
from ir_runtime.device.machine import this_machine
from ir_runtime.device.machine_choice import parallel_bytes

__all__ = ["build_failure", "why_absent"]

_UNSET_BYTES = 64 << 10
"""The first value in the launcher, from `module.c`."""
_EXTENSION = f"{__name__}._launcher"
_FAILURE = Path(__file__).with_name("build_failure.txt")  # `setup.py` writes it


@functools.cache
def why_absent() -> str | None:
    """Return why the C launcher cannot be used here; None if it can."""
    try:
        launcher = importlib.import_module(_EXTENSION)
    except ModuleNotFoundError as error:
        return _why_not_built() if error.name == _EXTENSION else str(error)
    except ImportError as error:
        return str(error)
    _set_threshold(launcher)
    read_count_from("copies", launcher.take_copies)
    return None


def _set_threshold(launcher: Any) -> None:
    """Let launches use threads from the size on that is right here, unless it was set before."""
    before = launcher.set_parallel_bytes(parallel_bytes(this_machine()).size)
    if before != _UNSET_BYTES:
        launcher.set_parallel_bytes(before)


def _why_not_built() -> str:
    machine = platform.machine()
    if sys.platform != "linux" or machine not in {"x86_64", "aarch64"}:
        return f"it runs on Linux on x86-64 and aarch64 (this is {sys.platform} on {machine})"
    if build_failure():
        return "it was not built: the C compiler failed when the package was installed"
    return "it was not built when the package was installed"


def build_failure() -> str:
    """Return what the C compiler said as it failed to build the launcher; "" if nothing."""
    try:
        return _FAILURE.read_text(errors="replace").strip()
    except OSError:
        return ""
