"""Locks that are free in a forked child.

A thread of the parent may hold a lock at the moment of a fork. The child has no such thread, so
nobody would ever release its copy of that lock.
"""

from __future__ import annotations

import os
import threading
from weakref import WeakSet

__all__ = ["ForkSafeLock", "fork_safe_lock"]

ForkSafeLock = threading.RLock  # noqa: TID251 - the one place that makes them

_locks: WeakSet[ForkSafeLock] = WeakSet()


def fork_safe_lock() -> ForkSafeLock:
    """Return a reentrant lock; a forked child has it free, unless the thread that forked holds it.

    What the lock guards may be half changed in the child, if another thread was changing it.
    """
    lock = ForkSafeLock()
    _locks.add(lock)
    return lock


def _free_locks() -> None:
    for lock in tuple(_locks):
        if not lock._is_owned():  # pyright: ignore[reportAttributeAccessIssue]
            lock._at_fork_reinit()  # pyright: ignore[reportAttributeAccessIssue]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_locks)
