"""Which layers are there, by name?  What a name that is not there may have been meant for."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterable
from typing import Any

__all__ = ["close_names", "forget_warnings", "op_registry", "op_registry_oot", "warn_once"]

op_registry: dict[str, type[Any]] = {}
"""Each registered layer class by the name that enable lists have for it."""

op_registry_oot: dict[str, type[Any]] = {}
"""Each class that is made instead of another one, by the name of that class."""

_logger = logging.getLogger("ir_runtime.layers")
_warned: set[str] = set()


def warn_once(message: str) -> None:
    """Log a warning, the first time in this process."""
    if message not in _warned:
        _warned.add(message)
        _logger.warning("%s", message)


def forget_warnings() -> None:
    """Let each warning come once more."""
    _warned.clear()


def close_names(name: str, known: Iterable[str]) -> list[str]:
    """Return the facts of a message about an unknown name: the close ones, or else all."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=5, cutoff=0.5)
    if close:
        return [f"close to it: {', '.join(close)}"]
    return [f"known: {', '.join(sorted(names))}"] if names else ["known: none"]
