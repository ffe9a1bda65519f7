"""The test of whether a gradient is needed, in C where the launcher was built."""

from __future__ import annotations

from collections.abc import Callable

from ir_runtime.launch.direct import native
from ir_runtime.launch.operand.gradient import needs_grad

__all__ = ["quick_needs_grad"]


def quick_needs_grad() -> Callable[..., bool]:
    """Return the C launcher's function that does the same, or `needs_grad` without the launcher."""
    if native.why_absent() is not None:
        return needs_grad
    from ir_runtime.launch.direct.native import _launcher

    return _launcher.needs_grad
