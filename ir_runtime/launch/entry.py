"""One entry of a store: named files in a directory of their own, with a digest of each.

An entry is written aside and renamed into place, so that a reader sees all of it or nothing. It is
verified against the digests in its key file before any of it is used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["KEY_FILE", "CorruptEntryError", "read_entry", "read_key", "write_entry"]

KEY_FILE = "key.json"
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_NOT_AN_ENTRY = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class CorruptEntryError(Exception):
    """What is in the directory is not a whole entry; the message says why."""


def read_entry(path: Path) -> tuple[Any, dict[str, bytes]] | None:
    """Read and verify the entry in a directory.

    Returns:
        Its key as JSON and its files by name; None if there is no such directory.

    Raises:
        CorruptEntryError: a file is missing, or does not match its digest.
        OSError: it cannot be read, which says nothing about the entry.
    """
    problem = ""
    for _ in range(2):  # again if another process replaced it while we read
        try:
            return _read(path)
        except (FileNotFoundError, NotADirectoryError):
            if not path.exists():
                return None
            problem = "a file is missing"
        except (*_NOT_AN_ENTRY, IsADirectoryError) as error:
            problem = str(error)
    raise CorruptEntryError(problem)


def read_key(path: Path) -> Any:
    """Return the key of the entry in a directory as JSON; None if there is none to be read."""
    with contextlib.suppress(OSError, *_NOT_AN_ENTRY):
        return json.loads((path / KEY_FILE).read_bytes())["key"]
    return None


def write_entry(path: Path, key: Any, files: Mapping[str, bytes], *, sync: bool = True) -> None:
    """Write an entry, if no other process was first.

    Args:
        path: its directory; missing parents are made.
        key: what identifies it, as JSON values.
        files: its payload by file name.
        sync: whether it must survive a loss of power. A torn entry is detected all the same.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    staging = path.parent / f".staging-{uuid.uuid4().hex}"
    record = {"key": key, "files": {name: _payload_record(data) for name, data in files.items()}}
    text = json.dumps(record, indent=1, sort_keys=True).encode()
    try:
        staging.mkdir(parents=True)
        for name, data in {**files, KEY_FILE: text}.items():
            _write(staging / name, data, sync=sync)
        if sync:
            _sync_directory(staging)
        _publish(staging, path)
        if sync:
            _sync_directory(path.parent)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _read(path: Path) -> tuple[Any, dict[str, bytes]]:
    record = json.loads((path / KEY_FILE).read_bytes())
    files: dict[str, bytes] = {}
    for name, expected in record["files"].items():
        if not _FILE_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a file of an artifact")
        files[name] = (path / name).read_bytes()
        if _payload_record(files[name]) != expected:
            raise ValueError(f"{name} does not match its digest")
    return record["key"], files


def _payload_record(data: bytes) -> dict[str, Any]:
    return {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _publish(staging: Path, final: Path) -> None:
    try:
        staging.rename(final)
    except OSError:
        if not (final / KEY_FILE).exists():
            raise
        shutil.rmtree(staging, ignore_errors=True)  # another process was first


def _write(path: Path, data: bytes, *, sync: bool) -> None:
    with path.open("wb") as file:
        file.write(data)
        if sync:
            file.flush()
            os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems cannot sync a directory
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
