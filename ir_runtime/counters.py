"""Process-wide counts of expensive events, such as compiles and copies."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import fields

from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.frozen import frozen

__all__ = [
    "Counts",
    "add_count",
    "add_pending_count",
    "count_since",
    "current_counts",
    "read_count_from",
]


@frozen
class Counts:
    """A snapshot of the process-wide counts, or the difference of two.

    Attributes:
        compiles: programs that were in no store, and were compiled for this process.
        cached_compiles: those compiles whose result came from the compile cache.
        store_hits: artifacts read from a store instead of compiled.
        weaker_hits: those of them that were compiled for weaker features than were looked for
            first, since none was stored for these.
        selects: runs of an op's `select` for a real call (not for meta tensors).
        launches: runs of a `Launchable`; calls of ops are not counted, they are too short.
        copies: tensors copied because a device could not use them in place, or because an argument
            that an op changes could not be changed where it lies.
        packs: weights reordered for the kernel that reads them.
        corrupt_artifacts: stored artifacts that failed verification and were moved aside.
        index_faults: checks with an index out of range on a GPU; the index was clamped.
    """

    compiles: int = 0
    cached_compiles: int = 0
    store_hits: int = 0
    weaker_hits: int = 0
    selects: int = 0
    launches: int = 0
    copies: int = 0
    packs: int = 0
    corrupt_artifacts: int = 0
    index_faults: int = 0

    def __sub__(self, other: Counts) -> Counts:
        return Counts(
            **{f.name: getattr(self, f.name) - getattr(other, f.name) for f in fields(self)}
        )


_lock = fork_safe_lock()
_pending: deque[tuple[str, Callable[[], int]]] = deque()
_MOST_PENDING = 256
_sources: list[tuple[str, Callable[[], int]]] = []
_values: dict[str, int] = {f.name: 0 for f in fields(Counts)}


def add_count(name: str, amount: int = 1) -> None:
    """Add to the count `name`, a field of `Counts`."""
    with _lock:
        _values[name] += amount


def add_pending_count(name: str, amount: Callable[[], int]) -> None:
    """Add the result of a function to the count `name`; it is called when counts are read.

    So a call does not wait for a device. If many functions are pending, the oldest are called.
    """
    _pending.append((name, amount))
    while len(_pending) > _MOST_PENDING:
        _read_pending()


def read_count_from(name: str, take: Callable[[], int]) -> None:
    """Add to the count `name` whatever a function returns each time that counts are read."""
    _sources.append((name, take))


def _read_pending() -> None:
    with suppress(IndexError):  # another thread took the last one
        name, amount = _pending.popleft()
        if found := amount():
            add_count(name, found)


def current_counts() -> Counts:
    """Return a snapshot of all counts."""
    for _ in range(len(_pending)):
        _read_pending()
    for name, take in _sources:
        add_count(name, take())
    with _lock:
        return Counts(**_values)


@contextmanager
def count_since() -> Generator[list[Counts]]:
    """Measure a `with` block: after the block, the yielded list has its `Counts`."""
    before, result = current_counts(), []
    try:
        yield result
    finally:
        result.append(current_counts() - before)
