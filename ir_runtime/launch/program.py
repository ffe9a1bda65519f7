"""Can a compiled program be launched without IREE's VM?  Its host function is read into data.

The text is that of IREE's HAL phase, made without memoization and indirect command buffers. What
is not understood is a reason not to read the program, never a guess.
"""

from __future__ import annotations

import re
from typing import Any

from ir_runtime.launch.executable_text import UnreadableProgramError, split_executables
from ir_runtime.launch.host_function import FunctionReader
from ir_runtime.launch.host_program import HostProgram
from ir_runtime.launch.program_builder import ProgramBuilder
from ir_runtime.launch.program_constant import ConstantReader
from ir_runtime.launch.stored_program import check_program

__all__ = ["UnreadableProgramError", "read_program"]

_OUTPUT = re.compile(r"iree\.abi\.output = (\d+)")
_MODULE_OPS = frozenset(
    ("hal.executable", "util.func", "util.global", "util.initializer", "builtin.module")
)
_CLOSING = {"<": ">", "(": ")", "{": "}", "[": "]"}


def read_program(hal_text: bytes | str, entry: str) -> HostProgram:
    """Read the host function of a compiled program.

    Args:
        hal_text: the program in IREE's HAL phase; its binaries may have been taken out.
        entry: the exported function.

    Returns:
        The program, as data.

    Raises:
        UnreadableProgramError: it does something that is not understood; says what.
    """
    from iree.compiler import ir

    text = hal_text.encode() if isinstance(hal_text, str) else hal_text
    if b'data = dense<"0x' in text:
        text, _ = split_executables(text)
    context = ir.Context()
    context.enable_multithreading(False)  # noqa: FBT003 - the binding takes it so
    try:
        module = ir.Module.parse(text, context)
    except ir.MLIRError as error:
        first = next(iter(error.error_diagnostics), None)
        reason = "not MLIR" if first is None else first.message.split("\n")[0]
        raise UnreadableProgramError(f"the text does not parse: {reason}") from error
    program = _read_entry(module, text, entry)
    check_program(program)
    return program


def _read_entry(module: Any, text: bytes, entry: str) -> HostProgram:
    functions: dict[str, Any] = {}
    variants: dict[str, str] = {}
    devices = 0
    for op in module.body.operations:
        name = op.operation.name
        if name not in _MODULE_OPS:
            raise UnreadableProgramError(f"{name} in the module is not understood")
        if name == "util.func":
            functions[_symbol(op)] = op.operation
        elif name == "hal.executable":
            variants[_symbol(op)] = _variant_of(op)
        elif name == "util.global" and str(op.attributes["type"]) == "!hal.device":
            devices += 1
    if devices > 1:
        raise UnreadableProgramError(f"the program runs on {devices} devices")
    if entry not in functions:
        raise UnreadableProgramError(f"no function {entry}")
    function = functions[entry]
    builder = ProgramBuilder(variants)
    reader = FunctionReader(builder, functions, ConstantReader(module, text))
    reader.read_entry(function, _destinations_of(function))
    return builder.build()


def _symbol(op: Any) -> str:
    return op.attributes["sym_name"].value


def _variant_of(executable: Any) -> str:
    """Return the name of the one binary of an executable."""
    binaries = [
        op for op in executable.regions[0].blocks[0] if op.operation.name != "hal.executable_end"
    ]
    if [op.operation.name for op in binaries] != ["hal.executable.binary"]:
        raise UnreadableProgramError(f"executable {_symbol(executable)} has not just one binary")
    kind = binaries[0].attributes["format"].value
    if not kind.startswith("embedded-elf-"):
        raise UnreadableProgramError(f"executable {_symbol(executable)} has format {kind}")
    return _symbol(binaries[0])


def _destinations_of(function: Any) -> dict[int, int]:
    """Return which result each argument is to receive, of those that receive one."""
    kinds = [str(argument.type) for argument in function.regions[0].blocks[0].arguments]
    attributes = function.attributes
    stated = None
    if "iree.reflection" in attributes and "iree.abi.declaration" in attributes["iree.reflection"]:
        stated = attributes["iree.reflection"]["iree.abi.declaration"].value
    if stated is None:
        if "!hal.buffer" in kinds:
            raise UnreadableProgramError("nothing says what the entry's buffer arguments are for")
        return {}
    declared = _declared_arguments(stated)
    if len(declared) != len([kind for kind in kinds if kind != "!hal.fence"]):
        raise UnreadableProgramError("the entry's declaration has another number of arguments")
    found = {i: _OUTPUT.search(text) for i, text in enumerate(declared)}
    outputs = {i: int(match[1]) for i, match in found.items() if match}
    for i, kind in enumerate(kinds):
        if kind == "!hal.buffer" and i not in outputs:
            raise UnreadableProgramError(f"argument {i} of the entry is a buffer without shape")
    if len(set(outputs.values())) != len(outputs):
        raise UnreadableProgramError("two arguments of the entry receive one result")
    return outputs


def _declared_arguments(declaration: str) -> list[str]:
    """Split the arguments of `sync func @main(%a: tensor<?x8xf32>, ...) -> (...)`."""
    start = declaration.find("(")
    open_brackets: list[str] = []
    parts = [""]
    quoted = False
    for at, character in enumerate(declaration[start + 1 :], start + 1):
        if character == '"':
            quoted = not quoted
        elif quoted:
            pass
        elif character in _CLOSING:
            open_brackets.append(_CLOSING[character])
        elif open_brackets and character == open_brackets[-1] and declaration[at - 1] != "-":
            open_brackets.pop()
        elif not open_brackets and character == ")":
            return [part for part in parts if part.strip()]
        elif not open_brackets and character == ",":
            parts.append("")
            continue
        parts[-1] += character
    raise UnreadableProgramError("the entry's declaration is not understood")
