"""The registered layer classes by name, and the known names that are close to an unknown one."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterable
from typing import Any

from ir_runtime.late_table import LateTable

__all__ = ["close_names", "forget_warnings", "op_registry", "op_registry_oot", "warn_once"]

op_registry: LateTable[type[Any]] = LateTable()
"""Each registered layer class, by its name in enable lists."""

op_registry_oot: dict[str, type[Any]] = {}
"""Each replacement class, by the name of the class that it replaces."""

_logger = logging.getLogger("ir_runtime.layers")
_warned: set[str] = set()


def warn_once(message: str) -> None:
    """Log a warning, the first time in this process."""
    if message not in _warned:
        _warned.add(message)
        _logger.warning("%s", message)


def forget_warnings() -> None:
    """Forget which warnings were logged; each may be logged once more."""
    _warned.clear()


def close_names(name: str, known: Iterable[str]) -> list[str]:
    """Return the facts of a message about an unknown name: the close names, or else all names."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=5, cutoff=0.5)
    if close:
        return [f"close to it: {', '.join(close)}"]
    return [f"known: {', '.join(sorted(names))}"] if names else ["known: none"]
