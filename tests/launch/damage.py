"""Ways to damage a stored artifact, and what the store says of each."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.launch.artifacts import ARTIFACT


def corrupt_byte(path: Path) -> None:
    data = bytearray((path / "kernel.vmfb").read_bytes())
    data[7] ^= 1
    (path / "kernel.vmfb").write_bytes(data)


def truncate_vmfb(path: Path) -> None:
    (path / "kernel.vmfb").write_bytes(ARTIFACT.vmfb[:-1])


def change_record(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads((path / "key.json").read_text())
    change(record)
    (path / "key.json").write_text(json.dumps(record))


VMFB_DIGEST = "kernel.vmfb does not match its digest"
DAMAGE: dict[str, tuple[Callable[[Path], object], str | None]] = {
    "corrupt vmfb": (corrupt_byte, VMFB_DIGEST),
    "truncated vmfb": (truncate_vmfb, VMFB_DIGEST),
    "empty vmfb": (lambda p: (p / "kernel.vmfb").write_bytes(b""), VMFB_DIGEST),
    "changed source": (
        lambda p: (p / "kernel.mlir").write_bytes(b"module { }"),
        "kernel.mlir does not match its digest",
    ),
    "missing vmfb": (lambda p: (p / "kernel.vmfb").unlink(), "a file is missing"),
    "missing source": (lambda p: (p / "kernel.mlir").unlink(), "a file is missing"),
    "missing record": (lambda p: (p / "key.json").unlink(), "a file is missing"),
    "empty directory": (lambda p: (shutil.rmtree(p), p.mkdir()), "a file is missing"),
    "file in place of the directory": (
        lambda p: (shutil.rmtree(p), p.write_bytes(b"")),
        "its directory is of another kind",
    ),
    "link in place of the directory": (
        lambda p: (p.rename(p.with_name(".moved")), p.symlink_to(".moved")),
        "its directory is of another kind",
    ),
    "loop of links in place of the directory": (
        lambda p: (shutil.rmtree(p), p.symlink_to(p)),
        "its directory is of another kind",
    ),
    "loop of links in place of a file": (
        lambda p: ((p / "kernel.vmfb").unlink(), (p / "kernel.vmfb").symlink_to("kernel.vmfb")),
        None,
    ),
    "link in place of the record": (
        lambda p: ((p / "key.json").rename(p / "k"), (p / "key.json").symlink_to("k")),
        None,
    ),
    "pipe in place of a file": (
        lambda p: ((p / "kernel.vmfb").unlink(), os.mkfifo(p / "kernel.vmfb", 0o600)),
        "kernel.vmfb is of another kind",
    ),
    "pipe in place of the record": (
        lambda p: ((p / "key.json").unlink(), os.mkfifo(p / "key.json", 0o600)),
        "key.json is of another kind",
    ),
    "directory in place of a file": (
        lambda p: ((p / "kernel.vmfb").unlink(), (p / "kernel.vmfb").mkdir()),
        None,
    ),
    "empty record": (lambda p: (p / "key.json").write_bytes(b""), None),
    "garbage record": (lambda p: (p / "key.json").write_bytes(b"\xff\xfe{"), None),
    "deep record": (lambda p: (p / "key.json").write_bytes(b"[" * 100_000), None),
    "record of another type": (lambda p: (p / "key.json").write_text("[1, 2]"), None),
    "record without files": (lambda p: change_record(p, lambda r: r.pop("files")), None),
    "record with other flags": (
        lambda p: change_record(p, lambda r: r["key"].update(flags=None)),
        None,
    ),
    "record of another key": (
        lambda p: change_record(p, lambda r: r["key"].update(entry="x")),
        "its key differs from its name",
    ),
}
