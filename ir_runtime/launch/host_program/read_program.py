"""The reading of a compiled program into a host program, which runs without IREE's VM.

The text is IREE's HAL phase, compiled without memoization and indirect command buffers. A program
with any part that is not understood is refused: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ir_runtime.launch.host_program.constant_reader import ConstantReader
from ir_runtime.launch.host_program.entry_declaration import destinations_of
from ir_runtime.launch.host_program.executable_text import (
    UnreadableProgramError,
    is_known_format,
    split_executables,
)
from ir_runtime.launch.host_program.function_reader import FunctionReader
from ir_runtime.launch.host_program.program import HostProgram
from ir_runtime.launch.host_program.program_builder import ProgramBuilder
from ir_runtime.launch.host_program.program_json import check_program
from ir_runtime.launch.host_program.scratch_operand import find_written_operands, parse_module

__all__ = ["UnreadableProgramError", "find_written_operands", "read_entry", "read_program"]

_MODULE_OPS = frozenset(
    ("hal.executable", "util.func", "util.global", "util.initializer", "builtin.module")
)


def read_program(
    hal_text: bytes | str, entry: str, *, written_operands: Sequence[int] = ()
) -> HostProgram:
    """Read the host function of a compiled program, as `read_entry` does."""
    return read_entry(hal_text, entry, written_operands=written_operands)[0]


def read_entry(
    hal_text: bytes | str, entry: str, *, written_operands: Sequence[int] = ()
) -> tuple[HostProgram, dict[str, str]]:
    """Read the host function of a compiled program, and its reflection.

    Args:
        hal_text: the program in IREE's HAL phase, with or without its binaries.
        entry: the exported function.
        written_operands: the operands that the program overwrites, from `find_written_operands`;
            it then works on copies of them. The HAL phase does not show if a dispatch writes one.

    Returns:
        The program, as data, and the reflection of its entry function.

    Raises:
        UnreadableProgramError: a part of it is not understood; the message says which.
    """
    text = hal_text.encode() if isinstance(hal_text, str) else hal_text
    if b'data = dense<"0x' in text:
        text, _ = split_executables(text)
    module = parse_module(text)
    program, function = _read_function(module, text, entry, written_operands)
    check_program(program)
    return program, _reflection_of(function)


def _reflection_of(function: Any) -> dict[str, str]:
    if "iree.reflection" not in function.attributes:
        return {}
    return {item.name: item.attr.value for item in function.attributes["iree.reflection"]}


def _read_function(
    module: Any, text: bytes, entry: str, written_operands: Sequence[int]
) -> tuple[HostProgram, Any]:
    functions: dict[str, Any] = {}
    variants: dict[str, str] = {}
    devices = 0
    for op in module.body.operations:
        name = op.operation.name
        # An unknown operation may have effects when the module is loaded.
        if name not in _MODULE_OPS:
            raise UnreadableProgramError(f"{name} in the module is not understood")
        if name == "util.func":
            functions[_symbol(op)] = op.operation
        elif name == "hal.executable":
            variants[_symbol(op)] = _variant_of(op)
        elif name == "util.global" and str(op.attributes["type"]) == "!hal.device":
            devices += 1
    # The readers take every device value for the one CPU; with two, transfers would be lost.
    if devices > 1:
        raise UnreadableProgramError(f"the program runs on {devices} devices")
    if entry not in functions:
        raise UnreadableProgramError(f"no function {entry}")
    function = functions[entry]
    builder = ProgramBuilder(variants)
    reader = FunctionReader(builder, functions, ConstantReader(module, text))
    reader.read_entry(function, destinations_of(function))
    # After the reading: the copies must come before the first step.
    builder.work_on_copies(written_operands)
    return builder.build(), function


def _symbol(op: Any) -> str:
    return op.attributes["sym_name"].value


def _variant_of(executable: Any) -> str:
    """Return the name of the one binary of an executable."""
    binaries = [
        op for op in executable.regions[0].blocks[0] if op.operation.name != "hal.executable_end"
    ]
    if [op.operation.name for op in binaries] != ["hal.executable.binary"]:
        raise UnreadableProgramError(f"executable {_symbol(executable)} must have one binary")
    kind = binaries[0].attributes["format"].value
    if not is_known_format(kind):
        raise UnreadableProgramError(f"executable {_symbol(executable)} has format {kind}")
    return _symbol(binaries[0])
