"""Small records beside the artifacts of a store: facts that are derived once, and can be again.

A record is a file. One that is damaged, or that others could change, counts as absent, and one that
cannot be written is not kept; neither is an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import uuid
from pathlib import Path

from ir_runtime.errors import StoreError
from ir_runtime.launch.artifact.entry_files import read_own_file, write_own_file
from ir_runtime.launch.artifact.leftover import discard, trim
from ir_runtime.launch.artifact.trust import check_trusted, make_private
from ir_runtime.settings import current_settings

__all__ = ["drop_record", "load_record", "save_record"]

_MOST, _MOST_BYTES = 4096, 16 << 20
_BYTES = 1 << 16
_DIGEST = hashlib.sha256().digest_size

_EACH = 256
"""After how many records that a process has saved the oldest ones are removed."""
_saved = itertools.count()


def load_record(kind: str, name: str) -> bytes | None:
    """Return a record of the first store, or of a base store, that has it; else None.

    Args:
        kind: of the records; names their directory.
        name: of the record: the digest of all that it depends on.
    """
    settings = current_settings()
    for root in (settings.store, *settings.base_stores):
        path = _directory(root, kind) / name
        try:
            check_trusted(path.parent, f"store {root}", "IR_RUNTIME_STORE")
            data = read_own_file(path, most=_BYTES)
        except (OSError, ValueError, StoreError):
            continue
        if data[:_DIGEST] == _checksum(name, data[_DIGEST:]):
            return data[_DIGEST:]
    return None


def save_record(kind: str, name: str, data: bytes) -> None:
    """Keep a record in the first store, in place of an older one; some 4096 of the newest stay.

    Args:
        kind: as for `load_record`.
        name: as for `load_record`.
        data: at most 64 KiB.
    """
    root = current_settings().store
    directory = _directory(root, kind)
    staging = directory / f".staging-{uuid.uuid4().hex}"
    with contextlib.suppress(OSError, StoreError):
        check_trusted(directory, f"store {root}", "IR_RUNTIME_STORE")
        make_private(directory)
        try:
            write_own_file(staging, _checksum(name, data) + data)
            staging.replace(directory / name)
        except OSError:
            discard(staging)
            raise
        if next(_saved) % _EACH == 0:
            trim(directory, most=_MOST, most_bytes=_MOST_BYTES)


def drop_record(kind: str, name: str) -> None:
    """Remove a record from the first store."""
    discard(_directory(current_settings().store, kind) / name)


def _directory(root: Path, kind: str) -> Path:
    return root / "v1" / f".{kind}"


def _checksum(name: str, data: bytes) -> bytes:
    return hashlib.sha256(name.encode() + data).digest()
