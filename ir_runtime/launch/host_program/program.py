"""The host program: IREE's host function as plain data, for any shapes.

Memory is identified by slots, numbered in this order: operand tensors, result memories, transients
(scratch buffers), constants, loaded buffers. Sizes, offsets and grids are positions in `values`.
"""

from __future__ import annotations

import base64
from typing import Any

from ir_runtime.frozen import frozen
from ir_runtime.launch.host_program.expression import Value

__all__ = [
    "FORMAT",
    "ConditionCheck",
    "HostProgram",
    "LengthCheck",
    "NumberResult",
    "PassedResult",
    "ProgramCopy",
    "ProgramDispatch",
    "ProgramFill",
    "ShapeCheck",
    "Span",
    "TensorResult",
]

FORMAT = 1
"""Version of the stored form; other versions are refused."""


@frozen
class Span:
    """A span of memory; `offset` and `length` are positions of values, in bytes."""

    slot: int
    offset: int
    length: int


@frozen
class ProgramDispatch:
    """A run of `functions[executable][function]`; the other numbers are positions of values."""

    executable: int
    function: int
    workgroups: tuple[int, int, int]
    constants: tuple[int, ...]
    bindings: tuple[Span, ...]


@frozen
class ProgramFill:
    """Write the bytes of a value over and over; the value's type is an integer of whole bytes."""

    target: Span
    pattern: int


@frozen
class ProgramCopy:
    """Copy bytes; both spans have the same length."""

    source: Span
    target: Span


ProgramStep = ProgramDispatch | ProgramFill | ProgramCopy


@frozen
class ShapeCheck:
    """An operand must have this shape and MLIR element type, such as `f32`."""

    operand: int
    label: str
    shape: tuple[int, ...]
    element_type: str


@frozen
class LengthCheck:
    """An operand, or the memory of a result, must have at least this many bytes."""

    slot: int
    label: str
    length: int


@frozen
class ConditionCheck:
    """A value must not be 0; the message is the one in the program's assertion."""

    condition: int
    message: str


Check = ShapeCheck | LengthCheck | ConditionCheck


@frozen
class TensorResult:
    """A result in memory; usually a result memory, but it may be an operand's or a constant's."""

    span: Span
    shape: tuple[int, ...]
    element_type: str


@frozen
class PassedResult:
    """A result that is an unchanged operand."""

    operand: int


@frozen
class NumberResult:
    """A result that is a value."""

    value: int


Result = TensorResult | PassedResult | NumberResult


@frozen
class HostProgram:
    """All facts that a call needs, for any shapes.

    Attributes:
        arguments: of the entry function, in order: `tensor`, `destination`, or the type of a
            number, such as `i64`.
        executables: names of the binaries.
        functions: of each executable, the exported functions that are run.
        values: the values computed from shapes and numbers.
        checks: the conditions on a call, in order.
        results: the results of the function, in order.
        result_sizes: bytes of each result memory. With destinations, these are the memories:
            result `i` is at the start of the `i`-th. Without, the caller allocates them, and one
            may hold several results.
        transients: bytes of each transient.
        constants: contents of each constant.
        steps: dispatches, fills and copies, in order.
        loaded: buffers that the initializers of the module make, by their number in what the
            module's getter returns (`global_getter.py`).
    """

    arguments: tuple[str, ...]
    executables: tuple[str, ...]
    functions: tuple[tuple[str, ...], ...]
    values: tuple[Value, ...]
    checks: tuple[Check, ...]
    results: tuple[Result, ...]
    result_sizes: tuple[int, ...]
    transients: tuple[int, ...]
    constants: tuple[bytes, ...]
    steps: tuple[ProgramStep, ...]
    loaded: tuple[int, ...] = ()

    @property
    def operands(self) -> int:
        """The number of operand tensors."""
        return self.arguments.count("tensor")

    @property
    def destinations(self) -> int:
        """The number of argument tensors that the program writes its results into."""
        return self.arguments.count("destination")

    @property
    def numbers(self) -> tuple[str, ...]:
        """Types of the arguments that are numbers, in order."""
        return tuple(a for a in self.arguments if a not in ("tensor", "destination"))

    @property
    def slots(self) -> int:
        """The number of memories."""
        written = len(self.result_sizes) + len(self.transients)
        return self.operands + written + len(self.constants) + len(self.loaded)

    @property
    def is_packed(self) -> bool:
        """Whether several results are in one memory that the program allocates."""
        slots = [result.span.slot for result in self.results if isinstance(result, TensorResult)]
        return len(set(slots)) < len(slots)

    def to_json(self) -> dict[str, Any]:
        """Return the program as JSON values."""
        stored = {
            "format": FORMAT,
            "arguments": list(self.arguments),
            "executables": list(self.executables),
            "functions": [list(names) for names in self.functions],
            "values": [[value.op, value.type, *value.operands] for value in self.values],
            "checks": [_check_json(check) for check in self.checks],
            "results": [_result_json(result) for result in self.results],
            "result_sizes": list(self.result_sizes),
            "transients": list(self.transients),
            "constants": [base64.b64encode(data).decode() for data in self.constants],
            "steps": [_step_json(step) for step in self.steps],
        }
        return stored | {"loaded": list(self.loaded)} if self.loaded else stored


def _span_json(span: Span) -> list[int]:
    return [span.slot, span.offset, span.length]


def _check_json(check: Check) -> dict[str, Any]:
    if isinstance(check, ShapeCheck):
        return {
            "kind": "shape",
            "operand": check.operand,
            "label": check.label,
            "shape": list(check.shape),
            "element_type": check.element_type,
        }
    if isinstance(check, LengthCheck):
        return {
            "kind": "length",
            "slot": check.slot,
            "label": check.label,
            "length": check.length,
        }
    return {"kind": "condition", "condition": check.condition, "message": check.message}


def _result_json(result: Result) -> dict[str, Any]:
    if isinstance(result, TensorResult):
        return {
            "kind": "tensor",
            "span": _span_json(result.span),
            "shape": list(result.shape),
            "element_type": result.element_type,
        }
    if isinstance(result, PassedResult):
        return {"kind": "passed", "operand": result.operand}
    return {"kind": "number", "value": result.value}


def _step_json(step: ProgramStep) -> dict[str, Any]:
    if isinstance(step, ProgramDispatch):
        return {
            "kind": "dispatch",
            "executable": step.executable,
            "function": step.function,
            "workgroups": list(step.workgroups),
            "constants": list(step.constants),
            "bindings": [_span_json(span) for span in step.bindings],
        }
    if isinstance(step, ProgramFill):
        return {"kind": "fill", "target": _span_json(step.target), "pattern": step.pattern}
    return {
        "kind": "copy",
        "source": _span_json(step.source),
        "target": _span_json(step.target),
    }
