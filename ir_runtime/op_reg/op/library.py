"""The `torch.library` fragments that ops are defined in."""

from __future__ import annotations

import ctypes
import functools
import itertools
import weakref
from collections import defaultdict
from typing import Any

import torch

__all__ = [
    "IR_RUNTIME_LIBRARY",
    "def_library",
    "forward_op",
    "fragment",
    "lasting_fragment",
    "unique_name",
]

_libraries: dict[str, torch.library.Library] = {}
_counters: defaultdict[tuple[str, str], itertools.count[int]] = defaultdict(itertools.count)


def fragment(namespace: str) -> torch.library.Library:
    """Return this package's library fragment of a namespace; others may have their own."""
    if namespace not in _libraries:
        _libraries[namespace] = torch.library.Library(namespace, "FRAGMENT")
    return _libraries[namespace]


@functools.cache
def lasting_fragment(namespace: str) -> torch.library.Library:
    """Return a fragment with definitions that are never removed, not even at exit.

    torch 2.13 aborts when it removes the third overload of an op, as it would do at exit.
    """
    library = torch.library.Library(namespace, "FRAGMENT")
    # Neither torch's finalizer at exit nor the garbage collector may destroy the library.
    for finalizer in list(weakref.finalize._registry):  # pyright: ignore[reportAttributeAccessIssue]
        kept = finalizer.peek()
        if kept is not None and kept[0] is library:
            finalizer.atexit = False
    for kept in (library, library.m):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
    return library


def def_library(ns: str) -> torch.library.Library:
    """Return this package's library for custom ops in a namespace."""
    return fragment(ns)


def unique_name(namespace: str, name: str) -> str:
    """Replace `@UNIQUE@` in an op name by a number that is unused in this namespace."""
    if "@UNIQUE@" not in name:
        return name
    return name.replace("@UNIQUE@", str(next(_counters[namespace, name])))


def forward_op(packet: Any, library: torch.library.Library) -> None:
    """Make an op callable from another namespace; traced graphs contain the original op.

    Args:
        packet: the op, from `CustomOp.register`.
        library: the fragment of the other namespace.
    """
    overload = packet.default
    schema = str(overload._schema)
    library.define(schema[schema.index("::") + 2 :], tags=tuple(overload.tags))
    name = overload._schema.name.partition("::")[2]
    library.impl(name, overload, "CompositeImplicitAutograd")


IR_RUNTIME_LIBRARY = fragment("ir_runtime")
"""The library of ops that are registered without `library=`."""
