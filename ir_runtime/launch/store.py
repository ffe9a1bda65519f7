"""The places where compiled programs live: memory, or a directory that processes share."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import threading
import uuid
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ir_runtime.counters import add_count
from ir_runtime.errors import StoreError, StoreWriteError
from ir_runtime.launch.entry import KEY_FILE, CorruptEntryError, read_entry, read_key, write_entry
from ir_runtime.launch.key import KernelKey

__all__ = ["Artifact", "DirectoryStore", "MemoryStore", "Store"]

_log = logging.getLogger("ir_runtime.store")
_FORMAT = "v1"
_SOURCE_FILE, _VMFB_FILE = "kernel.mlir", "kernel.vmfb"
_PROGRAM_FILE, _BINARY = "program.json", ".so"


@dataclass(frozen=True)
class Artifact:
    """What the compiler yields for a key.

    Attributes:
        key: identity of the binary.
        source: the MLIR, text or bytecode, that it came from.
        vmfb: the compiled module.
        program: a record as JSON: the operands that the program writes, and the host program or
            why there is none; empty if nothing is known.
        executables: the shared objects that the host program launches, by name.
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
        return files | {f"{name}{_BINARY}": data for name, data in self.executables.items()}

    @classmethod
    def from_files(cls, key: KernelKey, files: Mapping[str, bytes]) -> Artifact:
        """Rebuild an artifact from `files()`; KeyError if the source or VMFB is missing."""
        payload = dict(files)
        source, vmfb = payload.pop(_SOURCE_FILE), payload.pop(_VMFB_FILE)
        program = payload.pop(_PROGRAM_FILE, b"")
        executables = {name.removesuffix(_BINARY): data for name, data in payload.items()}
        return cls(key, source, vmfb, program, executables)


class Store(Protocol):
    """A place for artifacts; all methods may be called from any thread."""

    def load(self, key: KernelKey) -> Artifact | None:
        """Return the verified artifact of `key`, None if there is none."""
        ...

    def save(self, artifact: Artifact) -> None:
        """Add an artifact; readers see it whole or not at all."""
        ...

    def lock(self, key: KernelKey) -> AbstractContextManager[None]:
        """Hold off everybody else who wants to make the artifact of `key`."""
        ...

    def keys(self) -> list[KernelKey]:
        """Return the key of each stored artifact."""
        ...

    def keep_failed_source(self, key: KernelKey, source: bytes) -> str | None:
        """Keep the source of a failed compile; returns where, None if it is not kept."""
        ...


class MemoryStore:
    """Artifacts of this process only."""

    def __init__(self) -> None:
        self._artifacts: dict[str, Artifact] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def load(self, key: KernelKey) -> Artifact | None:
        return self._artifacts.get(key.digest)

    def save(self, artifact: Artifact) -> None:
        self._artifacts[artifact.key.digest] = artifact

    @contextlib.contextmanager
    def lock(self, key: KernelKey) -> Generator[None]:
        with self._guard:
            lock = self._locks.setdefault(key.digest, threading.Lock())
        with lock:
            yield

    def keys(self) -> list[KernelKey]:
        return [artifact.key for artifact in list(self._artifacts.values())]

    def keep_failed_source(self, key: KernelKey, source: bytes) -> str | None:
        del key, source
        return None

    def __repr__(self) -> str:
        return "memory store"


class DirectoryStore:
    """Artifacts in a directory: one sub-directory each, of files that IREE's tools open.

    An artifact is written aside, synced and renamed into place, so a reader sees all of it or
    nothing, whoever dies when. It is verified against the digests beside it before it is used.

    Args:
        root: the directory; made when first written to.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root).expanduser().absolute()
        self._home = self.root / _FORMAT

    def path_of(self, key: KernelKey) -> Path:
        """Return the directory of the artifact of `key`, there or not."""
        return self._home / key.label

    def load(self, key: KernelKey) -> Artifact | None:
        try:
            return self.read(key)
        except CorruptEntryError as problem:
            self._set_aside(self.path_of(key), str(problem))
            return None

    def read(self, key: KernelKey) -> Artifact | None:
        """Return the verified artifact of `key`, None if there is none; writes nothing.

        Raises:
            CorruptEntryError: what is stored is damaged, or of another key.
            StoreError: the directory cannot be read.
        """
        try:
            found = read_entry(self.path_of(key))
        except OSError as error:  # says nothing about the artifact: it is left alone
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
        try:
            write_entry(self.path_of(artifact.key), artifact.key.to_json(), artifact.files())
        except OSError as error:
            raise self._write_error(error) from error

    @contextlib.contextmanager
    def lock(self, key: KernelKey) -> Generator[None]:
        from filelock import FileLock

        locks = self._home / ".locks"
        try:
            locks.mkdir(parents=True, exist_ok=True)
            lock = FileLock(locks / f"{key.label}.lock")
            lock.acquire()
        except (OSError, NotImplementedError) as error:
            raise self._write_error(error) from error
        try:
            yield
        finally:
            lock.release()

    def keys(self) -> list[KernelKey]:
        found = []
        for path in self._artifact_directories():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                found.append(KernelKey.from_json(read_key(path)))
        return found

    def keep_failed_source(self, key: KernelKey, source: bytes) -> str | None:
        path = self._home / "failed" / f"{key.label}.mlir"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source)
        except OSError:
            return None
        return str(path)

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
                record = json.loads((path / _PROGRAM_FILE).read_bytes())
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
        return [p for p in children if not p.name.startswith(".") and (p / KEY_FILE).exists()]

    def _set_aside(self, path: Path, problem: str) -> None:
        add_count("corrupt_artifacts")
        aside = self._home / f".corrupt-{path.name}-{uuid.uuid4().hex[:8]}"
        try:
            path.rename(aside)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._write_error(error, f"{path.name} is corrupt ({problem})") from error
        _log.warning("%s: %s is corrupt (%s); it is compiled again", self, path.name, problem)
        shutil.rmtree(aside, ignore_errors=True)

    def _write_error(
        self, error: Exception, why: str = "a compiled kernel must be kept"
    ) -> StoreWriteError:
        failure = StoreWriteError(
            f"{self}: cannot be written, and {why}",
            facts=[str(error)],
            fix="free or unlock the directory, or name another with IR_RUNTIME_STORE",
        )
        failure.errno = getattr(error, "errno", None)
        return failure
