"""What the compiler made of each program, kept by content: its text, flags and compiler version.

A kernel whose op changed, but whose MLIR did not, is taken from here. A store asks it last, after
its own artifacts and those of its base stores.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import shutil
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ir_runtime.launch import worker
from ir_runtime.launch.entry import CorruptEntryError, read_entry, write_entry
from ir_runtime.launch.key import compiler_version, digest_of

__all__ = ["CompileCache", "Compiled"]

_log = logging.getLogger("ir_runtime.compile_cache")
_FORMAT = "v1"
_VMFB_FILE, _STREAM_FILE, _HOST_FILE = "kernel.vmfb", "stream.mlirbc", "host.mlir"
_UNUSED_S = 30 * 24 * 3600
_PRUNE_EVERY_S = 24 * 3600


@dataclass(frozen=True)
class Compiled:
    """What the compiler made of a program.

    Attributes:
        vmfb: the module for IREE's VM.
        stream: the module after the stream phase, as bytecode.
        host_text: the module after the HAL phase, executables included; empty unless `HOST_FLAGS`
            were among the flags.
    """

    vmfb: bytes
    stream: bytes
    host_text: bytes


class CompileCache:
    """Results of the compiler in a directory that processes share.

    An entry that was not used for 30 days is removed. The cache is only ever an aid: what is
    damaged, or cannot be read or written, is compiled.

    Args:
        root: the directory; made when first written to.
    """

    def __init__(self, root: Path) -> None:
        self._home = root.expanduser().absolute() / _FORMAT

    def path_of(self, source: bytes, flags: Sequence[str]) -> Path:
        """Return the directory of the entry for a program and flags, there or not."""
        version = compiler_version() or "none"
        return self._home / digest_of(_translator_digest(), version, *flags, source)[:40]

    def load(self, path: Path) -> Compiled | None:
        """Return a verified entry, None if there is none that can be read."""
        try:
            found = read_entry(path)
            if found is None:
                return None
            key, files = found
            if key["entry"] != path.name:
                raise CorruptEntryError("it is the entry of another program")
            compiled = Compiled(files[_VMFB_FILE], files[_STREAM_FILE], files[_HOST_FILE])
        except (CorruptEntryError, KeyError, TypeError) as problem:
            _log.warning("%s is corrupt (%s); it is compiled again", path, problem)
            shutil.rmtree(path, ignore_errors=True)
            return None
        except OSError:
            return None
        with contextlib.suppress(OSError):  # one that others own serves all the same
            os.utime(path)
        return compiled

    def save(self, path: Path, name: str, compiled: Compiled) -> None:
        """Add an entry."""
        files = {
            _VMFB_FILE: compiled.vmfb,
            _STREAM_FILE: compiled.stream,
            _HOST_FILE: compiled.host_text,
        }
        key = {"name": name, "compiler": compiler_version(), "entry": path.name}
        with contextlib.suppress(OSError):
            write_entry(path, key, files, sync=False)
            self._prune()

    @contextlib.contextmanager
    def lock(self, path: Path) -> Generator[None]:
        """Hold off everybody else who wants to compile the same program."""
        from filelock import FileLock

        lock = FileLock(self._home / ".locks" / path.name)
        with contextlib.suppress(OSError, NotImplementedError):
            (self._home / ".locks").mkdir(parents=True, exist_ok=True)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def used_since(self, time_s: float) -> int:
        """Return how many entries were written or read since a time, by the clock of the files."""
        return sum(_modified_s(path) >= time_s for path in self._entries())

    def _entries(self) -> list[Path]:
        try:
            return [path for path in self._home.iterdir() if not path.name.startswith(".")]
        except OSError:
            return []

    def _prune(self) -> None:
        stamp, now = self._home / ".pruned", time.time()
        if stamp.exists() and now - stamp.stat().st_mtime < _PRUNE_EVERY_S:
            return
        stamp.touch()
        leftovers = (*self._home.glob(".staging-*"), *self._home.glob(".locks/*"))
        for path in (*self._entries(), *leftovers):
            if now - _modified_s(path) > _UNUSED_S:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def _modified_s(path: Path) -> float:
    """Return when a file changed last; for one that another process has removed, the future."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


@functools.cache
def _translator_digest() -> str:
    """Digest the program that calls the compiler: which phases it runs decides the results."""
    return digest_of(Path(worker.__file__).read_bytes())
