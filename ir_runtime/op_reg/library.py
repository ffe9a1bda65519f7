"""Which `torch.library` fragments do ops live in?"""

from __future__ import annotations

import itertools
from collections import defaultdict

import torch

__all__ = ["IR_RUNTIME_LIBRARY", "def_library", "fragment", "unique_name"]

_libraries: dict[str, torch.library.Library] = {}
_counters: defaultdict[tuple[str, str], itertools.count[int]] = defaultdict(itertools.count)


def fragment(namespace: str) -> torch.library.Library:
    """Return this package's library fragment of a namespace; other packages may have theirs."""
    if namespace not in _libraries:
        _libraries[namespace] = torch.library.Library(namespace, "FRAGMENT")
    return _libraries[namespace]


def def_library(ns: str) -> torch.library.Library:
    """Return a library for custom ops in a namespace; asking twice is fine."""
    return fragment(ns)


def unique_name(namespace: str, name: str) -> str:
    """Replace `@UNIQUE@` in an op name by a number that this namespace has not used for it."""
    if "@UNIQUE@" not in name:
        return name
    return name.replace("@UNIQUE@", str(next(_counters[namespace, name])))


IR_RUNTIME_LIBRARY = fragment("ir_runtime")
"""Where ops go unless they name a library."""
