"""The record stored beside a VMFB: the host program, and what its dispatches do with operands."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ir_runtime.fork_lock import fork_waits
from ir_runtime.launch.artifact.entry_files import is_file_name
from ir_runtime.launch.artifact.store import Artifact
from ir_runtime.launch.compile.compile_cache import Compiled
from ir_runtime.launch.host_program.dispatch_access import (
    DispatchAccesses,
    load_accesses,
    store_accesses,
)
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError, split_executables
from ir_runtime.launch.host_program.program import HostProgram
from ir_runtime.launch.host_program.program_json import load_program
from ir_runtime.launch.operand.mutation import CHANGED

if TYPE_CHECKING:
    from ir_runtime.launch.host_program.gpu_executable import GpuCode, GpuExport

__all__ = [
    "DEFAULT_ENTRIES",
    "WrittenOperands",
    "changes_operands",
    "program_files",
    "stored_accesses",
    "stored_entry",
    "stored_gpu_exports",
    "stored_host_program",
    "stored_written_operands",
]

_NOT_IN_PTX = re.compile(r"[^A-Za-z0-9_]")

DEFAULT_ENTRIES = ("main$async", "main")
"""The exported functions that run if the caller names none, the first one that there is."""

WrittenOperands = Mapping[str, tuple[int, ...] | None]
"""For each exported function the operand tensors that it overwrites as scratch memory; None means
that it may overwrite any. A function that is missing here overwrites none."""

_MEANT = (b"overwrite.tensor.contents", b"hal.tensor.alias")
"""Operations in a source that change an operand on purpose."""


@fork_waits()
def program_files(compiled: Compiled, source: bytes, entry: str) -> tuple[bytes, dict[str, bytes]]:
    """Return the record as JSON, and the executables that the host program launches.

    Args:
        compiled: the output of the compiler.
        source: the MLIR that was compiled, as text or bytecode.
        entry: the exported function whose host program is read; "" for the default one.
    """
    from ir_runtime.launch.host_program.dispatch_access import find_accesses
    from ir_runtime.launch.host_program.read_program import read_entry
    from ir_runtime.launch.host_program.scratch_operand import find_all_written_operands

    written = {} if changes_operands(source) else find_all_written_operands(compiled.stream)
    record: dict[str, object] = {"written_operands": written}
    executables: dict[str, bytes] = {}
    if compiled.host_text:
        try:
            text, executables = split_executables(compiled.host_text)
            entry = entry or _default_entry(text)
            scratch = written.get(entry, ())
            if scratch is None:
                raise UnreadableProgramError("it may write its operands")
            program, reflection = read_entry(text, entry, written_operands=scratch)
            odd = [name for name in program.executables if not is_file_name(name)]
            if odd:  # a foreign program may have any names; each executable is a file of its own
                raise UnreadableProgramError(f"executable {odd[0]!r} cannot be a file's name")
            executables = {name: executables[name] for name in program.executables}
            codes = _gpu_codes(executables)
            if codes:
                program = _named_as_in_code(program, codes)
                executables = {name: code.image for name, code in codes.items()}
                record["gpu"] = {name: _exports_json(code) for name, code in codes.items()}
            record |= {"entry": entry, "reflection": reflection, "program": program.to_json()}
            needed = program.is_packed or CHANGED in reflection
            accesses = find_accesses(compiled.stream, with_extents=needed)
            record["dispatches"] = store_accesses(accesses)
        except (UnreadableProgramError, ValueError) as refusal:
            record["unreadable"] = str(refusal)
            executables = {}
    return json.dumps(record, indent=1).encode(), executables


def _gpu_codes(executables: Mapping[str, bytes]) -> dict[str, GpuCode]:
    """Read the executables of a GPU; empty for those of a CPU.

    Raises:
        UnreadableProgramError: they are of several kinds, or damaged.
    """
    from ir_runtime.launch.host_program.gpu_executable import GPU_FORMATS, read_gpu_executable

    found: dict[str, GpuCode] = {}
    for name, data in executables.items():
        kind = next((kind for kind, magic in GPU_FORMATS.items() if data.startswith(magic)), None)
        if kind is None:
            continue
        try:
            found[name] = read_gpu_executable(data, kind)
        except ValueError as fault:
            raise UnreadableProgramError(f"executable {name}: {fault}") from fault
    if found and len(found) < len(executables):
        raise UnreadableProgramError("its executables are of several kinds of device")
    return found


def _named_as_in_code(program: HostProgram, codes: Mapping[str, GpuCode]) -> HostProgram:
    """Return a program whose functions have the names of their kernels in the code.

    PTX allows fewer characters than MLIR; IREE writes `_` for the others.

    Raises:
        UnreadableProgramError: there is no such kernel.
    """
    named: list[tuple[str, ...]] = []
    for name, functions in zip(program.executables, program.functions, strict=True):
        known = {export.name for export in codes[name].exports}
        found = [each if each in known else _NOT_IN_PTX.sub("_", each) for each in functions]
        missing = [old for old, new in zip(functions, found, strict=True) if new not in known]
        if missing:
            raise UnreadableProgramError(f"executable {name} has no kernel {missing[0]}")
        named.append(tuple(found))
    return replace(program, functions=tuple(named))


def _exports_json(code: GpuCode) -> list[list[object]]:
    return [
        [each.name, list(each.block), each.shared_bytes, each.constants, each.bindings]
        for each in code.exports
    ]


def stored_gpu_exports(artifact: Artifact) -> dict[str, tuple[GpuExport, ...]]:
    """Return the kernels of each executable of a GPU; empty for an artifact of a CPU.

    Raises:
        ValueError, TypeError, KeyError: the record is of another version of this package.
    """
    from ir_runtime.launch.host_program.gpu_executable import GpuExport

    stored = json.loads(artifact.program).get("gpu", {}) if artifact.program else {}
    return {
        name: tuple(
            GpuExport(str(one), (int(x), int(y), int(z)), int(shared), int(numbers), int(bound))
            for one, (x, y, z), shared, numbers, bound in exports
        )
        for name, exports in stored.items()
    }


def _default_entry(text: bytes) -> str:
    found = (name for name in DEFAULT_ENTRIES if b"@" + name.encode() + b"(" in text)
    return next(found, DEFAULT_ENTRIES[-1])


def stored_entry(artifact: Artifact) -> tuple[str, Mapping[str, str]] | None:
    """Return the function that the host program is of, with its reflection; None without one."""
    record = json.loads(artifact.program) if artifact.program else {}
    return (record["entry"], record["reflection"]) if "entry" in record else None


def changes_operands(source: bytes) -> bool:
    """Tell whether a program may change an operand on purpose, as its source shows."""
    return any(word in source for word in _MEANT)


def stored_written_operands(artifact: Artifact) -> WrittenOperands:
    """Return which operands a stored program writes."""
    if not artifact.program:
        return {}
    stored = json.loads(artifact.program).get("written_operands", {})
    return {name: None if places is None else tuple(places) for name, places in stored.items()}


def stored_accesses(artifact: Artifact) -> DispatchAccesses:
    """Return what is known of the dispatches of a stored program."""
    stored = json.loads(artifact.program) if artifact.program else {}
    return load_accesses(stored.get("dispatches", {}))


def stored_host_program(artifact: Artifact) -> HostProgram | str:
    """Return the host program of an artifact, or why there is none."""
    record = json.loads(artifact.program) if artifact.program else {}
    if "unreadable" in record:
        return f"its host program is not understood: {record['unreadable']}"
    if "program" not in record:
        return "it was compiled without a host program"
    try:
        return load_program(record["program"])
    except ValueError as refusal:  # another version of this package stored it
        return f"its stored host program is not understood: {refusal}"
