"""Temporary directories of test runs; those that killed runs left are removed.

Imports nothing of the package: the environment of a run is set after this.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

__all__ = ["temporary_directory"]

_LOCK = ".in-use"
_ABANDONED_S = 3600


def temporary_directory(prefix: str) -> tempfile.TemporaryDirectory[str]:
    """Make a directory that ends with this process, and remove those of processes that were killed.

    A process holds a lock on a file in its directory; forked children share it.
    """
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        _remove_if_abandoned(path)
    directory = tempfile.TemporaryDirectory(prefix=prefix)
    _lock(Path(directory.name))
    return directory


def _lock(directory: Path) -> bool:
    """Lock a directory until this process ends; returns whether nobody else has."""
    descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return False
    return True


def _remove_if_abandoned(path: Path) -> None:
    try:
        found = path.lstat()
        own = found.st_uid == os.geteuid() and path.is_dir() and not path.is_symlink()
        if own and time.time() - found.st_mtime > _ABANDONED_S and _lock(path):
            shutil.rmtree(path, ignore_errors=True)
    except OSError:
        return
