"""The cleaning of a store: files left by killed processes, and old sources of failed compiles."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterable
from pathlib import Path

__all__ = ["ABANDONED_S", "discard", "remove_leftovers", "trim"]

ABANDONED_S = 3600
"""Seconds; an older temporary file or lock is taken to belong to a process that died."""

_TEMPORARY = (".staging-", ".corrupt-")
_LOCKS = ".locks"


def remove_leftovers(home: Path) -> None:
    """Remove the temporary directories and free locks in `home` that are older than an hour."""
    for path in _children(home):
        if path.name.startswith(_TEMPORARY) and _age_s(path) > ABANDONED_S:
            discard(path)
    for path in _children(home / _LOCKS):
        if _age_s(path) > ABANDONED_S:
            _remove_free_lock(path)


def trim(directory: Path, *, most: int, most_bytes: int) -> None:
    """Keep the newest files of a directory: `most` of them, and about `most_bytes` together."""
    files = sorted(_children(directory), key=_age_s)
    kept_bytes = 0
    for i, path in enumerate(files):
        with contextlib.suppress(OSError):
            kept_bytes += path.lstat().st_size
        if i > 0 and (i >= most or kept_bytes > most_bytes):
            discard(path)


def discard(path: Path) -> None:
    """Remove a file, link or directory, as far as possible; errors are ignored."""
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
            return
        path.chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)


def _remove_free_lock(path: Path) -> None:
    """Remove a lock file that nobody holds; a process that waits for it then makes a new one."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError:  # a link or a directory, so not a lock
        discard(path)
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except OSError:
        pass
    finally:
        os.close(descriptor)


def _children(directory: Path) -> Iterable[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []


def _age_s(path: Path) -> float:
    """Return how long ago a file was last changed; 0 if it is gone."""
    try:
        return time.time() - path.lstat().st_mtime
    except OSError:
        return 0.0
