"""Forks in a process with threads: locks that are free in the child, work that a fork waits for.

A thread of the parent may hold a lock at the moment of a fork. The child does not have this thread,
so its copy of the lock would never be released. Our own locks are freed in the child. Other locks,
such as those of modules that are being imported, cannot be freed: a fork waits for their holders.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections import Counter
from collections.abc import Callable, Generator
from typing import Any, TypeVar
from weakref import WeakSet

# It has hooks for forks, too. While one of them runs, other threads wait in its code, even in its
# import; and our hook waits for those threads. The hooks that were registered last run first, so it
# must be imported before ours are registered.
import filelock  # noqa: F401  # pyright: ignore[reportUnusedImport]

__all__ = ["ForkSafeLock", "cached_property", "fork_safe_lock", "fork_waits"]

ForkSafeLock = threading.RLock  # noqa: TID251 - the one place that makes them

T = TypeVar("T")

_LONGEST_WAIT_S = 20.0

_locks: WeakSet[ForkSafeLock] = WeakSet()


def fork_safe_lock() -> ForkSafeLock:
    """Return a reentrant lock; it is free in a forked child, unless the forking thread holds it.

    The guarded data may be half changed in the child, if another thread was changing it.
    """
    lock = ForkSafeLock()
    _locks.add(lock)
    return lock


def cached_property(
    compute: Callable[[Any], T],
) -> functools.cached_property[T]:  # noqa: TID251 - the one place that makes them
    """Return a `functools.cached_property` whose lock is free in a forked child.

    Until Python 3.12, one lock for all instances is held while a value is computed.
    """
    made = functools.cached_property(compute)  # noqa: TID251
    if hasattr(made, "lock"):
        made.lock = fork_safe_lock()
    return made


def _free_locks() -> None:
    for lock in tuple(_locks):
        if not lock._is_owned():  # pyright: ignore[reportAttributeAccessIssue]
            lock._at_fork_reinit()  # pyright: ignore[reportAttributeAccessIssue]


class _Gate:
    """The threads that a fork must wait for, and the thread that forks."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.working: Counter[int] = Counter()  # depth of `fork_waits` by thread
        self.forking: int | None = None


_gate = _Gate()


@contextlib.contextmanager
def fork_waits() -> Generator[None]:
    """Delay forks of other threads, by 20 s at most; for work of seconds, not for waiting.

    Use it for code that imports modules, opens devices or calls a library with locks.
    """
    gate, me = _gate, threading.get_ident()
    with gate.changed:
        gate.changed.wait_for(lambda: me in gate.working or gate.forking in (None, me))
        gate.working[me] += 1
    try:
        yield
    finally:
        gate = _gate  # a new gate, if this is a child that the thread forked inside the block
        with gate.changed:
            gate.working[me] -= 1
            if not gate.working[me]:
                del gate.working[me]
                gate.changed.notify_all()


def _before_fork() -> None:
    gate, me = _gate, threading.get_ident()
    with gate.changed:
        gate.changed.wait_for(
            lambda: gate.forking is None and not gate.working.keys() - {me},
            timeout=_LONGEST_WAIT_S,
        )
        gate.forking = me


def _after_fork() -> None:
    with _gate.changed:
        _gate.forking = None
        _gate.changed.notify_all()


def _after_fork_in_child() -> None:
    global _gate
    me, old = threading.get_ident(), _gate
    _gate = _Gate()
    if old.working[me]:
        _gate.working[me] = old.working[me]
    _free_locks()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork,
        after_in_child=_after_fork_in_child,
    )
