"""Where do IR ops say what they do?  The logger `ir_runtime.ir`."""

from __future__ import annotations

import logging

__all__ = ["forget_warnings", "logger", "warn_once"]

logger = logging.getLogger("ir_runtime.ir")

_warned: set[str] = set()


def warn_once(key: str, message: str) -> None:
    """Log a warning, the first time in this process."""
    if key not in _warned:
        _warned.add(key)
        logger.warning(message)


def forget_warnings() -> None:
    """Let each warning come once more."""
    _warned.clear()
