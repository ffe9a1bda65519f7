"""The stores of compiled programs: in memory, or in a directory that processes share."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager
from dataclasses import field
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock

from ir_runtime.counters import add_count
from ir_runtime.errors import StoreError
from ir_runtime.fork_lock import ForkSafeLock, fork_safe_lock
from ir_runtime.frozen import frozen
from ir_runtime.launch.artifact.entry_files import (
    KEY_FILE,
    CorruptEntryError,
    read_entry,
    read_key,
    read_own_file,
    write_entry,
    write_own_file,
)
from ir_runtime.launch.artifact.key import KernelKey
from ir_runtime.launch.artifact.leftover import ABANDONED_S, discard, remove_leftovers, trim
from ir_runtime.launch.artifact.trust import check_trusted, make_private

__all__ = ["Artifact", "DirectoryStore", "MemoryStore", "Store"]

_log = logging.getLogger("ir_runtime.store")
_FORMAT = "v1"
_SOURCE_FILE, _VMFB_FILE = "kernel.mlir", "kernel.vmfb"
_PROGRAM_FILE = "program.json"
_ELF, _MACHINE, _AMD_GPU = b"\x7fELF", slice(18, 20), (224).to_bytes(2, "little")
_SUFFIXES = (".so", ".ptx", ".hsaco")
_MOST_FAILED, _MOST_FAILED_BYTES = 64, 64 << 20
_MOST_SPARE = 256
_PROGRAM_MAX = 1 << 30


@frozen
class Artifact:
    """The output of the compiler for a key.

    Attributes:
        key: identity of the binary.
        source: the MLIR that was compiled, text or bytecode.
        vmfb: the compiled module.
        program: a record as JSON: the operands that the program writes, and the host program or
            the reason why there is none; empty if nothing is known.
        executables: what the host program launches, by name: shared objects of a CPU, PTX or
            HSACO files of a GPU.
    """

    key: KernelKey
    source: bytes
    vmfb: bytes
    program: bytes = b""
    executables: Mapping[str, bytes] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        """Return the payload by file name."""
        files = {_SOURCE_FILE: self.source, _VMFB_FILE: self.vmfb}
        if self.program:
            files[_PROGRAM_FILE] = self.program
        return files | {f"{n}{_suffix_of(data)}": data for n, data in self.executables.items()}

    @classmethod
    def from_files(cls, key: KernelKey, files: Mapping[str, bytes]) -> Artifact:
        """Rebuild an artifact from `files()`; KeyError if the source or VMFB is missing."""
        payload = dict(files)
        source, vmfb = payload.pop(_SOURCE_FILE), payload.pop(_VMFB_FILE)
        program = payload.pop(_PROGRAM_FILE, b"")
        executables = {_without_suffix(name): data for name, data in payload.items()}
        return cls(key, source, vmfb, program, executables)


def _suffix_of(data: bytes) -> str:
    """Return the end of the file name of an executable, by which tools know it."""
    if not data.startswith(_ELF):
        return ".ptx"
    return ".hsaco" if data[_MACHINE] == _AMD_GPU else ".so"


def _without_suffix(name: str) -> str:
    suffix = next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), "")
    return name.removesuffix(suffix)


class Store(Protocol):
    """A place for artifacts; all methods may be called from any thread."""

    def load(self, key: KernelKey) -> Artifact | None:
        """Return the verified artifact of `key`, None if there is none."""
        ...

    def save(self, artifact: Artifact) -> None:
        """Add an artifact; readers see it whole or not at all."""
        ...

    def lock(self, key: KernelKey) -> AbstractContextManager[None]:
        """Keep all others from making the artifact of `key` at the same time."""
        ...

    def keys(self) -> list[KernelKey]:
        """Return the key of each stored artifact."""
        ...

    def keep_failed_source(self, key: KernelKey, source: bytes) -> str | None:
        """Keep the source of a failed compile; returns its path, None if it is not kept."""
        ...


class MemoryStore:
    """Artifacts in the memory of this process.

    Args:
        most: how many of the latest artifacts are kept; None for all.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._artifacts: OrderedDict[str, Artifact] = OrderedDict()
        self._locks: dict[str, ForkSafeLock] = {}
        self._guard = fork_safe_lock()

    def load(self, key: KernelKey) -> Artifact | None:
        return self._artifacts.get(key.digest)

    def save(self, artifact: Artifact) -> None:
        with self._guard:
            self._artifacts[artifact.key.digest] = artifact
            if self._most is not None and len(self._artifacts) > self._most:
                dropped, _ = self._artifacts.popitem(last=False)
                self._locks.pop(dropped, None)

    @contextlib.contextmanager
    def lock(self, key: KernelKey) -> Generator[None]:
        with self._guard:
            lock = self._locks.setdefault(key.digest, fork_safe_lock())
        with lock:
            yield

    def keys(self) -> list[KernelKey]:
        return [artifact.key for artifact in list(self._artifacts.values())]

    def keep_failed_source(self, key: KernelKey, source: bytes) -> str | None:
        del key, source
        return None

    def __repr__(self) -> str:
        return "memory store"


_spares: dict[Path, MemoryStore] = {}
"""By directory, the artifacts that this process made and could not write there."""


class DirectoryStore:
    """Artifacts in a directory: one sub-directory each, of files that IREE's tools open.

    An artifact is written to a temporary directory, synced and renamed into place, so a reader
    sees all of it or nothing, even if a process dies. It is verified against the digests beside it
    before it is used. An artifact that cannot be written is kept in memory, with one warning.

    Args:
        root: the directory; made when first written to, for this user alone.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root).expanduser().absolute()
        self._home = self.root / _FORMAT
        self._trusted = False
        self._cleaned_s = -float(ABANDONED_S)

    def path_of(self, key: KernelKey) -> Path:
        """Return the directory of the artifact of `key`, which may not exist."""
        return self._home / key.label

    def load(self, key: KernelKey) -> Artifact | None:
        """Return the verified artifact of `key`, None if there is none; removes a damaged one.

        Raises:
            StoreError: the directory cannot be read.
            UntrustedStoreError: somebody else could change it.
        """
        artifact = None
        try:
            artifact = self.read(key)
        except CorruptEntryError as problem:
            self._set_aside(key, str(problem))
        spare = _spares.get(self.root)
        return spare.load(key) if artifact is None and spare is not None else artifact

    def read(self, key: KernelKey) -> Artifact | None:
        """Return the verified artifact of `key`, None if there is none; writes nothing.

        Raises:
            CorruptEntryError: the stored artifact is damaged, or of another key.
            StoreError: the directory cannot be read.
            UntrustedStoreError: somebody else could change it.
        """
        self._check_trusted()
        return self._read_at(self.path_of(key), key)

    def _read_at(self, path: Path, key: KernelKey) -> Artifact | None:
        try:
            found = read_entry(path)
        except OSError as error:  # the artifact itself may be intact: it is left alone
            raise StoreError(f"{self}: cannot be read", facts=[str(error)]) from error
        if found is None:
            return None
        try:
            stored = KernelKey.from_json(found[0])
            artifact = Artifact.from_files(stored, found[1])
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptEntryError(str(error)) from error
        if stored != key:
            raise CorruptEntryError("its key differs from its name")
        return artifact

    def save(self, artifact: Artifact) -> None:
        """Add an artifact; keeps it in memory if it cannot be written.

        Raises:
            UntrustedStoreError: somebody else could change the directory.
        """
        self._check_trusted()
        try:
            write_entry(self.path_of(artifact.key), artifact.key.to_json(), artifact.files())
        except OSError as error:
            self._warn_unwritable(error).save(artifact)
            return
        if time.monotonic() - self._cleaned_s >= ABANDONED_S:
            self._cleaned_s = time.monotonic()
            remove_leftovers(self._home)

    @contextlib.contextmanager
    def lock(self, key: KernelKey) -> Generator[None]:
        """Keep all other threads and processes out; only threads where files cannot be locked.

        Raises:
            UntrustedStoreError: somebody else could change the directory.
        """
        self._check_trusted()
        with self._file_lock(key) or self._spare().lock(key):
            yield

    def _file_lock(self, key: KernelKey) -> AbstractContextManager[Any] | None:
        locks = self._home / ".locks"
        path = locks / f"{key.label}.lock"
        try:
            _heal(locks, stat.S_ISDIR)
            make_private(locks)
            locks.chmod(0o700)
            _heal(path, stat.S_ISREG)
            lock = FileLock(path, mode=0o600)
            lock.acquire()
        except (OSError, NotImplementedError) as error:
            _log.debug("%s: no lock for %s: %s", self, key.label, error)
            return None
        return contextlib.closing(_Held(lock))

    def keys(self) -> list[KernelKey]:
        found = []
        for path in self._artifact_directories():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                found.append(KernelKey.from_json(read_key(path)))
        return found

    def keep_failed_source(self, key: KernelKey, source: bytes) -> str | None:
        """Keep a source among the latest 64 of failed compiles."""
        path = self._home / "failed" / f"{key.label}.mlir"
        try:
            self._check_trusted()
            make_private(path.parent)
            discard(path)
            write_own_file(path, source)
        except (OSError, StoreError):
            return None
        trim(path.parent, most=_MOST_FAILED, most_bytes=_MOST_FAILED_BYTES)
        return str(path)

    def try_write(self) -> None:
        """Write a file where artifacts would go, and remove it.

        Raises:
            OSError: nothing can be written.
            UntrustedStoreError: somebody else could change the directory.
        """
        self._check_trusted()
        place = next(path for path in (self._home, *self._home.parents) if path.exists())
        probe = place / f".staging-{uuid.uuid4().hex}"
        try:
            write_own_file(probe, b"x" * 65536, sync=True)
        finally:
            discard(probe)

    def size(self) -> tuple[int, int]:
        """Return the number of artifacts and the bytes they take."""
        count = size_bytes = 0
        for path in self._artifact_directories():
            count += 1
            with contextlib.suppress(OSError):
                size_bytes += sum(file.stat().st_size for file in path.iterdir())
        return count, size_bytes

    def executors(self) -> tuple[int, dict[str, int]]:
        """Count the kernels whose host program is understood, and the others by reason."""
        direct, reasons = 0, dict[str, int]()
        for path in self._artifact_directories():
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
                record = json.loads(read_own_file(path / _PROGRAM_FILE, most=_PROGRAM_MAX))
                if "unreadable" in record:
                    reason = str(record["unreadable"])
                    reasons[reason] = reasons.get(reason, 0) + 1
                elif "program" in record:
                    direct += 1
        return direct, reasons

    def __repr__(self) -> str:
        return f"store {self.root}"

    def _artifact_directories(self) -> list[Path]:
        try:
            children = sorted(self._home.iterdir())
        except OSError:
            return []
        return [p for p in children if not p.name.startswith(".") and os.path.lexists(p / KEY_FILE)]

    def _set_aside(self, key: KernelKey, problem: str) -> None:
        add_count("corrupt_artifacts")
        path = self.path_of(key)
        aside = self._home / f".corrupt-{path.name}-{uuid.uuid4().hex[:8]}"
        try:
            path.rename(aside)
        except FileNotFoundError:
            return
        except OSError as error:
            self._warn_unwritable(error, f"{path.name} is corrupt ({problem})")
            return
        with contextlib.suppress(CorruptEntryError, StoreError, OSError):
            if self._read_at(aside, key) is not None:  # another process has just rebuilt it
                aside.rename(path)
                return
        _log.warning("%s: %s is corrupt (%s); it is compiled again", self, path.name, problem)
        discard(aside)

    def _check_trusted(self) -> None:
        if not self._trusted:
            for path in (self.root, self._home):
                check_trusted(path, repr(self), "IR_RUNTIME_STORE")
            self._trusted = True

    def _spare(self) -> MemoryStore:
        return _spares.setdefault(self.root, MemoryStore(_MOST_SPARE))

    def _warn_unwritable(self, error: OSError, why: str = "") -> MemoryStore:
        spare = self._spare()
        if self.root not in _reported:
            _reported.add(self.root)
            _log.warning(
                "%s: cannot be written%s, new kernels are kept in this process alone\n"
                "    %s\n"
                "  fix: free or unlock the directory, or name another with IR_RUNTIME_STORE",
                self,
                f", and {why}" if why else "",
                error,
            )
        return spare


_reported: set[Path] = set()
"""Directories for which a failed write was logged already."""


class _Held:
    def __init__(self, lock: Any) -> None:
        self.close = lock.release


def _heal(path: Path, is_kind: Callable[[int], bool]) -> None:
    """Remove anything of the wrong kind from the place of a directory or file of the store."""
    with contextlib.suppress(FileNotFoundError):
        if not is_kind(path.lstat().st_mode):
            discard(path)
