"""The files of tuned tables: beside the store's artifacts, replaced whole, changed under a lock."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Callable, Generator
from pathlib import Path

from filelock import FileLock

from ir_runtime.errors import StoreError
from ir_runtime.ir.log import logger
from ir_runtime.ir.tuning.table import Table, TableIdentity
from ir_runtime.launch.artifact.entry_files import read_own_file, write_own_file
from ir_runtime.launch.artifact.leftover import discard
from ir_runtime.launch.artifact.trust import check_trusted, make_private

__all__ = [
    "DIRECTORY",
    "Signature",
    "change_table",
    "read_table",
    "signature_of",
    "table_files",
    "write_whole",
]

DIRECTORY = "tuned"
"""The directory of a store where its tables are."""

_MOST_BYTES = 64 << 20

Signature = tuple[int, int, int] | None
"""Facts that change when a file is replaced; None if there is no file."""


def signature_of(path: Path) -> Signature:
    """Return the signature of a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def table_files(root: Path) -> list[Path]:
    """Return the files of all tables of a store, sorted."""
    try:
        return sorted(p for p in (root / DIRECTORY).iterdir() if p.suffix == ".json")
    except OSError:
        return []


def read_table(path: Path, *, own: bool = True) -> Table | None:
    """Read a table; None if there is no file.

    Args:
        path: the file.
        own: whether only files are read that nobody else can change, as those of a store.

    Raises:
        StoreError: the file is no table, or cannot be read. It is left alone.
    """
    try:
        data = read_own_file(path, most=_MOST_BYTES) if own else _read_any(path)
        return Table.from_bytes(data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(
            f"tuned table {path}: cannot be read, must be a file that `ir-runtime tune` wrote",
            facts=[str(error)],
            fix="remove it, and measure again with `ir-runtime tune`",
        ) from error


def _read_any(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES + 1)


def change_table(root: Path, identity: TableIdentity, change: Callable[[Table], Table]) -> Table:
    """Change a table of a store while no other process does; the file is replaced whole.

    A file that is no table is put aside, so that nothing of it is lost.

    Args:
        root: the store's directory; made if it does not exist.
        identity: of the table, which begins empty.
        change: returns the new table.

    Returns:
        The new table.

    Raises:
        StoreError: the file cannot be written.
        UntrustedStoreError: somebody else could change the store.
    """
    directory = root / DIRECTORY
    path = directory / identity.file_name
    check_trusted(directory, f"tuned tables of {root}", "IR_RUNTIME_STORE")
    try:
        make_private(directory)
        with _locked(path):
            table = change(_present(path, identity))
            write_whole(path, table.to_bytes())
    except OSError as error:
        raise StoreError(
            f"tuned table {path}: cannot be written",
            facts=[str(error)],
            fix="free or unlock the directory, or name another with IR_RUNTIME_STORE",
        ) from error
    return table


def _present(path: Path, identity: TableIdentity) -> Table:
    try:
        table = read_table(path)
    except StoreError as error:
        aside = path.with_name(f"{path.name}.corrupt-{uuid.uuid4().hex[:8]}")
        path.rename(aside)
        logger.warning("%s\n  it is kept as %s", error, aside)
        table = None
    return Table(identity) if table is None or table.identity != identity else table


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file; readers see the old one or the new one, also after a loss of power.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    staging = path.with_name(f".staging-{uuid.uuid4().hex}")
    try:
        write_own_file(staging, data, sync=True)
        staging.replace(path)
    except OSError:
        discard(staging)
        raise


@contextlib.contextmanager
def _locked(path: Path) -> Generator[None]:
    lock = FileLock(path.with_name(f".{path.name}.lock"), mode=0o600)
    try:
        lock.acquire()
    except NotImplementedError as error:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP)) from error
    try:
        yield
    finally:
        lock.release()
