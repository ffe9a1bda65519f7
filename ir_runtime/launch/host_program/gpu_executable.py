"""The reader of GPU executables: IREE's FlatBuffers of the formats CUDA (`CDA1`) and HIP (`HIP1`).

They hold what the host function does not say: block sizes, dynamic shared memory, and the code, PTX
or an HSACO file. Imports the standard library only, as a compile worker may load it by its path.

The tables are those of runtime/src/iree/schemas/cuda_executable_def.fbs and its like for HIP in
iree-org/iree (Apache License v2.0 with LLVM Exceptions): exports at field 0, modules at field 1.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["GPU_FORMATS", "GpuCode", "GpuExport", "read_gpu_executable"]

GPU_FORMATS = {"cuda-nvptx-fb": b"CDA1", "rocm-hsaco-fb": b"HIP1"}
"""The identifier in the first bytes of each executable format."""

_HEADER = 64  # identifier, version, size of the FlatBuffer; the rest is padding
_MOST = 1 << 16  # exports, modules or bindings; the format itself sets no limit
_ELF = b"\x7fELF"
_MOST_BLOCK = 1024  # threads of a block, on every GPU that is served


@dataclass(frozen=True)
class GpuExport:
    """A kernel of an executable.

    Attributes:
        name: of the function in the code.
        block: threads of a block, `(x, y, z)`.
        shared_bytes: dynamic shared memory.
        constants: how many 32-bit numbers it takes after its bindings.
        bindings: how many pointers it takes.
    """

    name: str
    block: tuple[int, int, int]
    shared_bytes: int
    constants: int
    bindings: int


@dataclass(frozen=True)
class GpuCode:
    """An executable: its kernels, and the code that has them all.

    Attributes:
        exports: the kernels, in their order.
        image: PTX text without a terminating zero, or an HSACO file.
    """

    exports: tuple[GpuExport, ...]
    image: bytes


def read_gpu_executable(data: bytes, kind: str) -> GpuCode:
    """Read an executable.

    Args:
        data: the bytes in the compiler's text.
        kind: its format, one of `GPU_FORMATS`.

    Raises:
        ValueError: the bytes are truncated, of another format or version, or of an executable
            with several modules.
    """
    identifier = GPU_FORMATS[kind]
    if len(data) < _HEADER or data[:4] != identifier:
        raise ValueError(f"its code does not begin with {identifier.decode()}")
    version, size = struct.unpack_from("<IQ", data, 4)
    if version != 0:
        raise ValueError(f"its code is of version {version}, not 0")
    if size > len(data) - _HEADER:
        raise ValueError(f"its code has {len(data) - _HEADER} bytes of {size}")
    buffer = _Buffer(data[_HEADER : _HEADER + size])
    try:
        return _read(buffer, identifier)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"its code is damaged: {error}") from error


def _read(buffer: _Buffer, identifier: bytes) -> GpuCode:
    if buffer.data[4:8] not in (identifier, bytes(4)):
        raise ValueError(f"its FlatBuffer is not of type {identifier.decode()}")
    root = buffer.u32(0)
    modules = [buffer.bytes_at(buffer.need(at, 0)) for at in buffer.vector(buffer.need(root, 1))]
    if len(modules) != 1:
        raise ValueError(f"its code has {len(modules)} modules, not 1")
    exports = tuple(_export(buffer, at) for at in buffer.vector(buffer.need(root, 0)))
    if len({export.name for export in exports}) < len(exports):
        raise ValueError("two of its kernels have one name")
    image = modules[0].rstrip(b"\0") if identifier == b"CDA1" else modules[0]
    _check_image(identifier, image)
    return GpuCode(exports, image)


def _check_image(identifier: bytes, image: bytes) -> None:
    if identifier == b"HIP1" and not image.startswith(_ELF):
        raise ValueError("its code is no HSACO file")
    if identifier == b"CDA1" and (b"\0" in image or b".version" not in image):
        raise ValueError("its code is no PTX")


def _export(buffer: _Buffer, at: int) -> GpuExport:
    ordinal = buffer.find(at, 0)
    if ordinal is not None and buffer.u32(ordinal) != 0:
        raise ValueError("a kernel is in a module that is not there")
    name = buffer.bytes_at(buffer.need(at, 1)).decode()
    block = struct.unpack_from("<III", buffer.data, buffer.need(at, 2))
    threads = block[0] * block[1] * block[2]
    if not name or not 0 < threads <= _MOST_BLOCK:
        raise ValueError(f"kernel {name!r} has blocks of {threads} threads")
    shared, constants = (buffer.find(at, field) for field in (3, 4))
    bindings = buffer.find(at, 5)
    return GpuExport(
        name,
        block,
        0 if shared is None else buffer.u32(shared),
        0 if constants is None else buffer.u32(constants),
        0 if bindings is None else buffer.length(bindings),
    )


class _Buffer:
    """A FlatBuffer; whatever points out of it raises `struct.error` or `IndexError`."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def u32(self, at: int) -> int:
        return self._number("<I", at)

    def _number(self, form: str, at: int) -> int:
        if at < 0:
            raise IndexError(f"a reference to byte {at}")
        return int(struct.unpack_from(form, self.data, at)[0])

    def find(self, table: int, field: int) -> int | None:
        """Return where a field of a table is; None if the table has the default."""
        names = table - self._number("<i", table)
        entry = 4 + 2 * field
        if entry + 2 > self._number("<H", names):
            return None
        offset = self._number("<H", names + entry)
        return table + offset if offset else None

    def need(self, table: int, field: int) -> int:
        found = self.find(table, field)
        if found is None:
            raise ValueError(f"field {field} of a table is missing")
        return found

    def length(self, at: int) -> int:
        """Return the number of items of the vector that a field refers to."""
        count = self.u32(at + self.u32(at))
        if count > _MOST:
            raise ValueError(f"a list of {count} items")
        return count

    def vector(self, at: int) -> Sequence[int]:
        """Return where the tables are of the vector that a field refers to."""
        first = at + self.u32(at) + 4
        places = range(first, first + 4 * self.length(at), 4)
        return [place + self.u32(place) for place in places]

    def bytes_at(self, at: int) -> bytes:
        """Return the string or byte vector that a field refers to."""
        start = at + self.u32(at)
        size = self.u32(start)
        if start + 4 + size > len(self.data):
            raise IndexError(f"a string of {size} bytes")
        return self.data[start + 4 : start + 4 + size]
