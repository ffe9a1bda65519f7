"""Is the C launcher there?  It is built with the package where a C compiler is; all works without.

Whoever wants it asks `why_absent()` first, and imports `native._launcher` then.
"""

from __future__ import annotations

import functools
import importlib
import platform
import sys

__all__ = ["why_absent"]

_EXTENSION = f"{__name__}._launcher"


@functools.cache
def why_absent() -> str | None:
    """Say why compiled executables cannot be launched directly here; None if they can."""
    try:
        importlib.import_module(_EXTENSION)
    except ModuleNotFoundError as error:
        return _why_not_built() if error.name == _EXTENSION else str(error)
    except ImportError as error:
        return str(error)
    return None


def _why_not_built() -> str:
    machine = platform.machine()
    if sys.platform != "linux" or machine not in {"x86_64", "aarch64"}:
        return f"it runs on Linux on x86-64 and aarch64 (this is {sys.platform} on {machine})"
    return "it was not built: no C compiler or no Python.h when the package was installed"
