"""A store with read-only base stores below it, such as a user's store above a system store."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager

from ir_runtime.counters import add_count
from ir_runtime.errors import StoreError
from ir_runtime.launch.artifact.entry_files import CorruptEntryError
from ir_runtime.launch.artifact.key import KernelKey
from ir_runtime.launch.artifact.store import Artifact, DirectoryStore

__all__ = ["StoreChain"]

_log = logging.getLogger("ir_runtime.store")


class StoreChain:
    """Stores that are asked in order; only the first one is ever written.

    Artifacts of a base store are verified like those of the first store, and used without a copy.
    A damaged artifact is skipped, and so is a base store that cannot be read or that others can
    change: the next store is asked. If none has it, it is compiled and saved in the first store.

    Args:
        first: the store that new artifacts go to.
        bases: read-only stores, the first one asked first.
    """

    def __init__(self, first: DirectoryStore, bases: Sequence[DirectoryStore]) -> None:
        self.first = first
        self.bases = tuple(bases)
        self._reported: set[str] = set()

    def load(self, key: KernelKey) -> Artifact | None:
        artifact = self.first.load(key)
        for base in self.bases:
            if artifact is not None:
                break
            artifact = self._read(base, key)
        return artifact

    def save(self, artifact: Artifact) -> None:
        self.first.save(artifact)

    def lock(self, key: KernelKey) -> AbstractContextManager[None]:
        return self.first.lock(key)

    def keys(self) -> list[KernelKey]:
        found = dict.fromkeys(self.first.keys())
        for base in self.bases:
            found |= dict.fromkeys(base.keys())
        return list(found)

    def keep_failed_source(self, key: KernelKey, source: bytes) -> str | None:
        return self.first.keep_failed_source(key, source)

    def __repr__(self) -> str:
        below = ", ".join(str(base.root) for base in self.bases)
        return f"{self.first!r} above {below}"

    def _read(self, base: DirectoryStore, key: KernelKey) -> Artifact | None:
        try:
            return base.read(key)
        except CorruptEntryError as problem:
            report, corrupt = f"{base}: {key.label} is corrupt ({problem})", 1
        except StoreError as error:
            report, corrupt = str(error), 0
        if report not in self._reported:  # each load tries again: it may be repaired by then
            self._reported.add(report)
            add_count("corrupt_artifacts", corrupt)
            headline, newline, rest = report.partition("\n")
            _log.warning("%s; it is passed over%s%s", headline, newline, rest)
        return None
