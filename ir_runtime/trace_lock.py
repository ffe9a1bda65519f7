"""One thread traces at a time: the tracers of torch change state that all threads share.

Two traces at once damage each other, and those that come later. Dynamo holds a lock while it
compiles, Inductor and the passes in it included; what traces elsewhere holds the same lock.

A kernel is traced under locks of ours, and a compile of Dynamo may need a kernel. So a thread never
waits for such a lock while it holds torch's: it gives that one back meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import Any

__all__ = ["hold", "pause_trace", "trace_alone"]

_MODULE = "torch._dynamo.convert_frame"


@contextlib.contextmanager
def trace_alone() -> Generator[None]:
    """Keep other threads from tracing and compiling; reentrant."""
    from torch._dynamo.convert_frame import compile_lock

    with compile_lock:
        yield


@contextlib.contextmanager
def pause_trace() -> Generator[None]:
    """Let other threads trace while this one, which may be tracing, only waits for something."""
    lock: Any = getattr(sys.modules.get(_MODULE), "compile_lock", None)
    if lock is None or not lock._is_owned():
        yield
        return
    depth = lock._release_save()
    try:
        yield
    finally:
        lock._acquire_restore(depth)


@contextlib.contextmanager
def hold(lock: AbstractContextManager[Any]) -> Generator[None]:
    """Hold a lock whose holders may trace; other threads may trace while this one waits for it."""
    with contextlib.ExitStack() as held:
        with pause_trace():
            held.enter_context(lock)
        yield


def _free_lock() -> None:
    """Free the lock in a forked child, unless the forking thread holds it: its holder is gone."""
    lock: Any = getattr(sys.modules.get(_MODULE), "compile_lock", None)
    if lock is not None and not lock._is_owned():
        lock._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_lock)
