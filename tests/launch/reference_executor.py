"""Run a plan by calling an executable's functions from Python, one workgroup after the other.

It shows that a plan is right without the launcher that is fast. The structures are those of IREE's
executable library, version 6: `runtime/src/iree/hal/local/executable_library.h`.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import itertools
from collections.abc import Sequence
from ctypes import (
    POINTER,
    Structure,
    c_char_p,
    c_size_t,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
)
from pathlib import Path

from ir_runtime.launch.direct.plan import Binding, Copy, Dispatch, Fill, Plan, Step
from ir_runtime.launch.host_program.program import HostProgram
from tests.session import temporary_directory

VERSION = 6
PAGE = 4096
GUARD = 64
GUARD_BYTE = 0xA5


# A deleted file's inode may come back, and dlopen would take the new file for the old one.
_directory = temporary_directory("ir-runtime-executables-")


@functools.cache
def load_library(binary: bytes) -> Library:
    return Library(binary)


class Header(Structure):
    _fields_ = (
        ("version", c_uint32),
        ("name", c_char_p),
        ("features", c_uint32),
        ("sanitizer", c_uint32),
    )


class Imports(Structure):
    _fields_ = (("count", c_uint32), ("symbols", POINTER(c_char_p)))


class Attributes(Structure):
    _fields_ = (
        ("flags", c_uint64),
        ("local_memory_pages", c_uint16),
        ("constant_count", c_uint8),
        ("binding_count", c_uint8),
        ("workgroup_size_x", c_uint32),
        ("workgroup_size_y", c_uint32),
        ("workgroup_size_z", c_uint16),
        ("parameter_count", c_uint16),
        ("reserved", c_uint64 * 5),
    )


class Exports(Structure):
    _fields_ = (
        ("count", c_uint32),
        ("functions", POINTER(c_void_p)),
        ("attributes", POINTER(Attributes)),
        ("parameters", c_void_p),
        ("occupancy", c_void_p),
        ("names", POINTER(c_char_p)),
        ("tags", POINTER(c_char_p)),
        ("parameter_names", c_void_p),
        ("source_locations", c_void_p),
        ("stage_locations", c_void_p),
    )


class LibraryTable(Structure):
    _fields_ = (("header", POINTER(Header)), ("imports", Imports), ("exports", Exports))


class Environment(Structure):
    _fields_ = (
        ("constants", POINTER(c_uint32)),
        ("import_thunk", c_void_p),
        ("import_functions", c_void_p),
        ("import_contexts", c_void_p),
        ("processor", c_uint64 * 8),
    )


class DispatchState(Structure):
    _fields_ = (
        ("workgroup_size_x", c_uint32),
        ("workgroup_size_y", c_uint32),
        ("workgroup_size_z", c_uint16),
        ("constant_count", c_uint16),
        ("workgroup_count_x", c_uint32),
        ("workgroup_count_y", c_uint32),
        ("workgroup_count_z", c_uint16),
        ("max_concurrency", c_uint8),
        ("binding_count", c_uint8),
        ("constants", POINTER(c_uint32)),
        ("binding_pointers", POINTER(c_void_p)),
        ("binding_lengths", POINTER(c_size_t)),
    )


class WorkgroupState(Structure):
    _fields_ = (
        ("workgroup_id_x", c_uint32),
        ("workgroup_id_y", c_uint32),
        ("workgroup_id_z", c_uint16),
        ("reserved", c_uint16),
        ("processor_id", c_uint32),
        ("local_memory", c_void_p),
        ("local_memory_size", c_uint32),
    )


KERNEL = ctypes.CFUNCTYPE(
    ctypes.c_int, POINTER(Environment), POINTER(DispatchState), POINTER(WorkgroupState)
)


class Library:
    """A loaded executable."""

    def __init__(self, binary: bytes) -> None:
        self.environment = Environment()
        path = Path(_directory.name) / f"{hashlib.sha256(binary).hexdigest()}.so"
        path.write_bytes(binary)
        query = ctypes.CDLL(str(path)).iree_hal_executable_library_query
        query.restype = POINTER(LibraryTable)
        query.argtypes = [c_uint32, POINTER(Environment)]
        self.table = query(VERSION, self.environment)[0]
        assert self.table.header[0].version == VERSION
        assert self.table.imports.count == 0
        exports = self.table.exports
        self.ordinals = {exports.names[i].decode(): i for i in range(exports.count)}

    def run(self, name: str, step: Dispatch, pointers: Sequence[int]) -> None:
        ordinal = self.ordinals[name]
        attributes = self.table.exports.attributes[ordinal]
        assert attributes.constant_count == len(step.constants)
        assert attributes.binding_count == len(step.bindings)
        lengths = [binding.length for binding in step.bindings]
        state = DispatchState(
            attributes.workgroup_size_x, attributes.workgroup_size_y, attributes.workgroup_size_z,
            len(step.constants), *step.workgroups, 1, len(pointers),
            (c_uint32 * len(step.constants))(*step.constants),
            (c_void_p * len(pointers))(*pointers),
            (c_size_t * len(lengths))(*lengths),
        )  # fmt: skip
        scratch = ctypes.create_string_buffer(attributes.local_memory_pages * PAGE + GUARD)
        aligned = (ctypes.addressof(scratch) + GUARD - 1) // GUARD * GUARD
        function = KERNEL(self.table.exports.functions[ordinal])
        x, y, z = step.workgroups
        for k, j, i in itertools.product(range(z), range(y), range(x)):
            size = attributes.local_memory_pages * PAGE
            group = WorkgroupState(i, j, k, 0, 0, aligned if size else None, size)
            assert function(self.environment, state, group) == 0


class Memory:
    """Bytes at an address that is a multiple of 64, between guards that nothing may write."""

    def __init__(self, size: int, fill: int, data: bytes = b"") -> None:
        self.size = size
        self._buffer = ctypes.create_string_buffer(size + 3 * GUARD)
        ctypes.memset(self._buffer, GUARD_BYTE, len(self._buffer))
        base = ctypes.addressof(self._buffer) + GUARD
        self.address = (base + GUARD - 1) // GUARD * GUARD
        ctypes.memset(self.address, fill, size)
        if data:
            ctypes.memmove(self.address, data, size)

    @property
    def data(self) -> bytes:
        return ctypes.string_at(self.address, self.size)

    def check(self) -> None:
        guard = bytes([GUARD_BYTE]) * GUARD
        assert ctypes.string_at(self.address - GUARD, GUARD) == guard
        assert ctypes.string_at(self.address + self.size, GUARD) == guard


def run_plan(
    program: HostProgram,
    plan: Plan,
    binaries: dict[str, bytes],
    operands: Sequence[bytes],
    *,
    fill: int = 0xFF,
    in_place: dict[int, int] | None = None,
) -> list[bytes]:
    """Run a plan.

    Args:
        program: what the plan is of.
        plan: what to run.
        binaries: of the executables.
        operands: contents of the operand tensors; checked to be left as they are.
        fill: a byte that memory holds before anything is written.
        in_place: result to the operand whose memory it is.

    Returns:
        The contents of the memory of the results.
    """
    libraries = [load_library(binaries[name]) for name in program.executables]
    given = [Memory(len(data), 0, data) for data in operands]
    sizes = plan.minimum_sizes[len(operands) :]
    results = [
        given[in_place[i]] if in_place and i in in_place else Memory(size, fill)
        for i, size in enumerate(sizes)
    ]
    transients = [Memory(size, fill) for size in plan.transients]
    constants = [Memory(len(data), 0, data) for data in program.constants]
    memories = [*given, *results, *transients, *constants]
    for step in plan.steps:
        _run_step(program, step, libraries, memories)
    for memory in memories:
        memory.check()
    written = set() if in_place is None else set(in_place.values())
    for i, (memory, data) in enumerate(zip(given, operands, strict=True)):
        assert i in written or memory.data == data, f"operand {i} was written"
    assert [m.data for m in constants] == list(program.constants)
    return [memory.data for memory in results]


def _run_step(
    program: HostProgram, step: Step, libraries: Sequence[Library], memories: Sequence[Memory]
) -> None:
    def address(span: Binding) -> int:
        memory = memories[span.slot]
        assert span.offset + span.length <= memory.size
        return memory.address + span.offset

    if isinstance(step, Dispatch):
        name = program.functions[step.executable][step.function]
        pointers = [address(span) for span in step.bindings]
        assert all(p % 64 == 0 for p, b in zip(pointers, step.bindings, strict=True) if b.length)
        libraries[step.executable].run(name, step, pointers)
    elif isinstance(step, Fill):
        data = step.pattern * (step.target.length // len(step.pattern))
        ctypes.memmove(address(step.target), data, len(data))
    else:
        assert isinstance(step, Copy)
        ctypes.memmove(address(step.target), address(step.source), step.source.length)
