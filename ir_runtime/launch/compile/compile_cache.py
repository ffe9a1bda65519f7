"""The compile cache: outputs of the compiler by content, that is MLIR, flags and compiler version.

If an op's code changed but its MLIR did not, the compiled kernel is taken from here. It is read
last, after the artifacts of the store and of its base stores.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from filelock import FileLock

from ir_runtime.errors import UntrustedStoreError
from ir_runtime.fork_lock import cached_property
from ir_runtime.frozen import frozen
from ir_runtime.launch.artifact.entry_files import CorruptEntryError, read_entry, write_entry
from ir_runtime.launch.artifact.key import compiler_version, digest_of
from ir_runtime.launch.artifact.leftover import ABANDONED_S, discard, remove_leftovers
from ir_runtime.launch.artifact.trust import check_trusted, make_private
from ir_runtime.launch.compile import compiler_process as worker

__all__ = ["CompileCache", "Compiled"]

_log = logging.getLogger("ir_runtime.compile_cache")
_FORMAT = "v1"
_VMFB_FILE, _STREAM_FILE, _HOST_FILE = "kernel.vmfb", "stream.mlirbc", "host.mlir"
_REWRITE_FILE = "separate_tensor.py"
_UNUSED_S = 30 * 24 * 3600
_reported: set[str] = set()
"""The warnings about unusable caches that were logged; each is logged once."""


@frozen
class Compiled:
    """The output of the compiler for a program.

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
    """Outputs of the compiler in a directory that processes share.

    An entry that was not used for 30 days is removed. The cache is optional: where an entry is
    damaged or cannot be read, the program is compiled. If others can change it, it is not used.

    Args:
        root: the directory; made when first written to, for this user alone.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()
        self._home = self.root / _FORMAT

    @cached_property
    def is_trusted(self) -> bool:
        """Whether nobody else can change it; logs one warning if somebody can."""
        try:
            for path in (self.root, self._home):
                check_trusted(path, f"compile cache {self.root}", "IR_RUNTIME_COMPILE_CACHE")
        except UntrustedStoreError as refusal:
            if str(refusal) not in _reported:
                _reported.add(str(refusal))
                _log.warning("%s", refusal)
            return False
        return True

    def path_of(self, source: bytes, flags: Sequence[str]) -> Path:
        """Return the directory of the entry for a program and flags, which may not exist."""
        version = compiler_version() or "none"
        return self._home / digest_of(_translator_digest(), version, *flags, source)[:40]

    def load(self, path: Path) -> Compiled | None:
        """Return a verified entry, None if it is missing, damaged or unreadable."""
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
            discard(path)
            return None
        except OSError:
            return None
        with contextlib.suppress(OSError):  # another trusted user's entry cannot be touched
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
        """Keep all others from compiling the same program at the same time."""
        lock = FileLock(self._home / ".locks" / path.name, mode=0o600)
        with contextlib.suppress(OSError, NotImplementedError):
            make_private(self._home / ".locks")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def used_since(self, time_s: float) -> int:
        """Return how many entries were written or read since a time, by the file times."""
        return sum(_modified_s(path) >= time_s for path in self._entries())

    def _entries(self) -> list[Path]:
        try:
            return [path for path in self._home.iterdir() if not path.name.startswith(".")]
        except OSError:
            return []

    def _prune(self) -> None:
        stamp, now = self._home / ".pruned", time.time()
        if stamp.exists() and now - stamp.stat().st_mtime < ABANDONED_S:
            return
        stamp.touch(mode=0o600)
        remove_leftovers(self._home)
        for path in self._entries():
            if now - _modified_s(path) > _UNUSED_S:
                discard(path)


def _modified_s(path: Path) -> float:
    """Return the time of the last change; infinity if another process has removed the file."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


@functools.cache
def _translator_digest() -> str:
    """Digest the code that calls the compiler: its phases and rewrites change the output, too."""
    caller = Path(worker.__file__)
    return digest_of(*(caller.with_name(f).read_bytes() for f in (caller.name, _REWRITE_FILE)))
