"""Is the C launcher there?  It is built with the package where a C compiler is; all works without.

Whoever wants it asks `why_absent()` first, and imports `ir_runtime.launch.native._launcher` then.
"""

from __future__ import annotations

import functools

__all__ = ["why_absent"]


@functools.cache
def why_absent() -> str | None:
    """Say why compiled executables cannot be launched directly here; None if they can."""
    try:
        from ir_runtime.launch.native import _launcher
    except ModuleNotFoundError:
        return _why_not_built()
    except ImportError as error:
        return str(error)
    del _launcher
    return None


def _why_not_built() -> str:
    import platform
    import sys

    machine = platform.machine()
    if sys.platform != "linux" or machine not in {"x86_64", "aarch64"}:
        return f"it runs on Linux on x86-64 and aarch64 (this is {sys.platform} on {machine})"
    return "it was not built: no C compiler or no Python.h when the package was installed"
