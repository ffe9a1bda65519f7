"""One entry of a store: named files in a directory of their own, with a digest of each.

An entry is written to a temporary directory and renamed into place, so a reader sees all of it or
nothing. Before any of it is used, two things are verified: its files match the digests in its key
file, and nobody else could have changed them.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import stat
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ir_runtime.launch.artifact.trust import make_private, why_changeable

__all__ = [
    "KEY_FILE",
    "CorruptEntryError",
    "is_file_name",
    "read_entry",
    "read_key",
    "read_own_file",
    "write_entry",
    "write_own_file",
]

KEY_FILE = "key.json"
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.$-]*")
_NOT_AN_ENTRY = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
_RECORD_MAX = 16 << 20
_DAMAGE = frozenset(
    (errno.ELOOP, errno.EISDIR, errno.ENOTDIR, errno.ENXIO, errno.ENODEV, errno.EACCES, errno.EPERM)
)
"""Errors that mean a damaged entry; others, such as too many open files, do not."""


class CorruptEntryError(Exception):
    """The directory does not hold a complete, unchanged entry; the message says why."""


def read_entry(path: Path) -> tuple[Any, dict[str, bytes]] | None:
    """Read and verify the entry in a directory.

    Returns:
        Its key as JSON and its files by name; None if there is no such directory.

    Raises:
        CorruptEntryError: a file is missing, is no plain file, does not match its digest, or could
            have been changed by others.
        OSError: it cannot be read for a reason outside of the entry; the entry may be intact.
    """
    problem = ""
    for _ in range(2):  # again if another process replaced it while we read
        try:
            found = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            _check_own("its directory", found, is_kind=stat.S_ISDIR(found.st_mode))
            return _read(path)
        except FileNotFoundError:
            problem = "a file is missing"
        except _NOT_AN_ENTRY as error:
            problem = str(error)
        except OSError as error:
            if error.errno not in _DAMAGE:
                raise
            problem = error.strerror
    raise CorruptEntryError(problem)


def is_file_name(name: str) -> bool:
    """Tell whether a file of an entry may have this name."""
    return _FILE_NAME.fullmatch(name) is not None


def read_key(path: Path) -> Any:
    """Return the key of the entry in a directory as JSON; None if it cannot be read."""
    with contextlib.suppress(OSError, *_NOT_AN_ENTRY):
        return json.loads(read_own_file(path / KEY_FILE))["key"]
    return None


def read_own_file(path: Path, *, most: int = _RECORD_MAX) -> bytes:
    """Read a plain file that nobody else can change; links and pipes are refused.

    Raises:
        ValueError: it is not such a file.
        OSError: it cannot be read.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        _check_own(path.name, found, is_kind=stat.S_ISREG(found.st_mode))
        return file.read(most + 1)


def write_entry(path: Path, key: Any, files: Mapping[str, bytes], *, sync: bool = True) -> None:
    """Write an entry; if another process wrote it first, theirs stays.

    Args:
        path: its directory; missing parents are made, for this user alone.
        key: the key of the entry, as JSON values.
        files: its payload by file name.
        sync: whether it must survive a loss of power. Without, a truncated entry is still detected.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    staging = path.parent / f".staging-{uuid.uuid4().hex}"
    record = {"key": key, "files": {name: _payload_record(data) for name, data in files.items()}}
    text = json.dumps(record, indent=1, sort_keys=True).encode()
    try:
        make_private(path.parent)
        staging.mkdir(mode=0o700)
        for name, data in {**files, KEY_FILE: text}.items():
            write_own_file(staging / name, data, sync=sync)
        if sync:
            _sync_directory(staging)
        _publish(staging, path)
        if sync:
            _sync_directory(path.parent)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def write_own_file(path: Path, data: bytes, *, sync: bool = False) -> None:
    """Write a new file that nobody else can read or change.

    Raises:
        OSError: it exists, or cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(data)
        if sync:
            file.flush()
            os.fsync(file.fileno())


def _read(path: Path) -> tuple[Any, dict[str, bytes]]:
    record = json.loads(read_own_file(path / KEY_FILE))
    files: dict[str, bytes] = {}
    for name, expected in record["files"].items():
        if not is_file_name(name):
            raise ValueError(f"{name!r} is no name of a file of an artifact")
        files[name] = read_own_file(path / name, most=int(expected["size_bytes"]))
        if _payload_record(files[name]) != expected:
            raise ValueError(f"{name} does not match its digest")
    return record["key"], files


def _check_own(name: str, found: os.stat_result, *, is_kind: bool) -> None:
    if not is_kind:
        raise ValueError(f"{name} is of another kind")
    changeable = why_changeable(found)
    if changeable is not None:
        raise ValueError(f"others can change {name}: it {changeable}")


def _payload_record(data: bytes) -> dict[str, Any]:
    return {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _publish(staging: Path, final: Path) -> None:
    try:
        staging.rename(final)
    except OSError:
        if not (final / KEY_FILE).exists():
            raise
        shutil.rmtree(staging, ignore_errors=True)  # another process was first


def _sync_directory(path: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems cannot sync a directory
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
