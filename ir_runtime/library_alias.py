"""A shared library under another name, for programs that open it by a name that does not exist.

IREE opens `libcuda.so`, a name that only installations with development files have; drivers come as
`libcuda.so.1`. A link in a directory does not help: the dynamic loader reads its search path as a
process starts. But it takes a library that is loaded for any name in its `SONAME`. So a library is
written and loaded that has the missing name and needs the real library; it contains nothing else.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
from pathlib import Path

from ir_runtime.child_process import temporary_directory

__all__ = ["alias_library", "alias_of", "can_open"]

_MACHINES = {"x86_64": 62, "aarch64": 183}
_NEEDED, _HASH, _STRTAB, _SYMTAB, _STRSZ, _SYMENT, _SONAME = 1, 4, 5, 6, 10, 11, 14
_PAGE = 0x1000
_kept: list[ctypes.CDLL] = []
"""The loaded libraries; one stays open as long as the process lives."""


def can_open(name: str) -> bool:
    """Tell whether the dynamic loader finds a library; it is loaded, if so."""
    try:
        _kept.append(ctypes.CDLL(name, mode=os.RTLD_LOCAL | os.RTLD_LAZY))
    except OSError:
        return False
    return True


def alias_library(name: str, real: str) -> bool:
    """Make the dynamic loader take `real` for `name` in this process; returns whether it does.

    Args:
        name: what programs open, as `libcuda.so`.
        real: the name or path of the library that exists.
    """
    if can_open(name):
        return True
    machine = _MACHINES.get(platform.machine())
    if machine is None or not can_open(real):
        return False
    with (
        contextlib.suppress(OSError),
        temporary_directory("ir-runtime-alias-") as directory,
    ):
        path = Path(directory, name)
        path.write_bytes(alias_of(name, real, machine))
        _kept.append(ctypes.CDLL(str(path), mode=os.RTLD_LOCAL | os.RTLD_LAZY))
    return can_open(name)


def alias_of(name: str, real: str, machine: int) -> bytes:
    """Return an ELF library with a name, which needs another library and has no code.

    Args:
        name: its `SONAME`.
        real: the library that it needs.
        machine: the number of the processor in ELF files.
    """
    strings = b"\0" + name.encode() + b"\0" + real.encode() + b"\0"
    strings += b"\0" * (-len(strings) % 8)
    text_at = 64 + 2 * 56
    symbols_at = text_at + len(strings)
    hash_at = symbols_at + 24
    dynamic_at = hash_at + 16
    dynamic = struct.pack(
        "<16Q",
        *(_NEEDED, 2 + len(name)),
        *(_SONAME, 1),
        *(_HASH, hash_at),
        *(_STRTAB, text_at),
        *(_SYMTAB, symbols_at),
        *(_STRSZ, len(strings)),
        *(_SYMENT, 24),
        *(0, 0),
    )
    size = dynamic_at + len(dynamic)
    identity = b"\x7fELF\2\1\1" + bytes(9)
    header = identity + struct.pack(
        "<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0
    )
    # Older loaders write into the dynamic section, so that the segment is writable.
    load = struct.pack("<IIQQQQQQ", 1, 6, 0, 0, 0, size, size, _PAGE)
    place = struct.pack(
        "<IIQQQQQQ", 2, 6, dynamic_at, dynamic_at, dynamic_at, len(dynamic), len(dynamic), 8
    )
    symbols = bytes(24)
    buckets = struct.pack("<4I", 1, 1, 0, 0)
    return header + load + place + strings + symbols + buckets + dynamic
