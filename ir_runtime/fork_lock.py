"""Forks beside other threads: locks that are free in the child, and work that a fork waits for.

A thread of the parent may hold a lock at the moment of a fork. The child has no such thread, so
nobody would ever release its copy of that lock. Ours are freed in the child. The locks of others,
such as those of modules that are being imported, cannot be: a fork waits for who holds them.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Generator
from weakref import WeakSet

__all__ = ["ForkSafeLock", "fork_safe_lock", "fork_waits"]

ForkSafeLock = threading.RLock  # noqa: TID251 - the one place that makes them

_LONGEST_WAIT_S = 20.0

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


class _Gate:
    """Who does what a fork must wait for, and who forks."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.working: Counter[int] = Counter()  # by thread
        self.forking: int | None = None


_gate = _Gate()


@contextlib.contextmanager
def fork_waits() -> Generator[None]:
    """Hold off forks of other threads for 20 s at most; for work of seconds, not for waiting.

    It is for what imports modules, opens devices or is inside of a library that has locks.
    """
    gate, me = _gate, threading.get_ident()
    with gate.changed:
        gate.changed.wait_for(lambda: me in gate.working or gate.forking in (None, me))
        gate.working[me] += 1
    try:
        yield
    finally:
        gate = _gate  # another one in a child that this thread forked meanwhile
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
