"""The stored form of a host program; each number in the JSON is checked before it is used."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ir_runtime.frozen import frozen
from ir_runtime.launch.host_program.expression import ARITY, CASTS, Value, width_of
from ir_runtime.launch.host_program.program import (
    FORMAT,
    Check,
    ConditionCheck,
    HostProgram,
    LengthCheck,
    NumberResult,
    PassedResult,
    ProgramCopy,
    ProgramDispatch,
    ProgramFill,
    ProgramStep,
    Result,
    ShapeCheck,
    Span,
    TensorResult,
)

__all__ = ["check_program", "load_program"]

_FLOATS = ("f16", "bf16", "f32", "f64")
_MAX_PARAMETERS = 64  # most constants, and most bindings, of an IREE executable's function
_T = TypeVar("_T")


def load_program(stored: Mapping[str, Any]) -> HostProgram:
    """Rebuild a program from the output of `HostProgram.to_json`.

    Raises:
        ValueError: it is not a program, or refers to a part that it lacks; the message says where.
    """
    fields = _object(stored, "program")
    if fields.get("format") != FORMAT:
        raise ValueError(f"program: format is {fields.get('format')!r}, must be {FORMAT}")
    program = HostProgram(
        arguments=_each(fields, "arguments", _text),
        executables=_each(fields, "executables", _text),
        functions=_each(fields, "functions", lambda v, where: _list_of(v, where, _text)),
        values=_each(fields, "values", _value),
        checks=_each(fields, "checks", _check),
        results=_each(fields, "results", _result),
        result_sizes=_each(fields, "result_sizes", _natural),
        transients=_each(fields, "transients", _natural),
        constants=_each(fields, "constants", _bytes),
        steps=_each(fields, "steps", _step),
        loaded=_each({"loaded": [], **fields}, "loaded", _natural),
    )
    check_program(program)
    return program


def check_program(program: HostProgram) -> None:
    """Check that all numbers in a program refer to existing parts of the right type.

    Raises:
        ValueError: one does not; the message says where.
    """
    _Checker(program).check()


@frozen
class _Checker:
    program: HostProgram

    def check(self) -> None:
        program = self.program
        for i, kind in enumerate(program.arguments):
            if kind not in ("tensor", "destination") and width_of(kind) is None:
                raise ValueError(f"arguments[{i}] is {kind!r}, must be a tensor or a number")
        _same_length("functions", program.functions, "executables", program.executables)
        if program.destinations not in (0, len(program.result_sizes)):
            raise ValueError("result_sizes: must have an entry for each destination")
        for i, value in enumerate(program.values):
            self._check_value(i, value)
        for name in ("result_sizes", "transients"):
            for i, size in enumerate(getattr(program, name)):
                self._index(size, f"{name}[{i}]")
        for i, check in enumerate(program.checks):
            self._check_check(check, f"checks[{i}]")
        for i, result in enumerate(program.results):
            self._check_result(result, f"results[{i}]")
        for i, step in enumerate(program.steps):
            self._check_step(step, f"steps[{i}]")

    def _check_value(self, position: int, value: Value) -> None:
        where = f"values[{position}]"
        width = width_of(value.type)
        if width is None:
            raise ValueError(f"{where}: type {value.type!r} is not one of a number")
        operands = value.operands
        if value.op in ("constant", "number"):
            limit = 1 << width if value.op == "constant" else len(self.program.numbers)
            _require(len(operands) == 1 and operands[0] < limit, where, "operand out of range")
            if value.op == "number":
                given = self.program.numbers[operands[0]]
                _require(value.type == given, where, f"type is not {given} as the argument's")
        elif value.op == "dim":
            fits = len(operands) == 2 and operands[0] < self.program.operands
            _require(fits and value.type == "index", where, "not a dimension of an operand")
        else:
            _require(ARITY.get(value.op) == len(operands), where, "unknown operation or arity")
            _require(all(o < position for o in operands), where, "refers to a later value")
            types = [self.program.values[o].type for o in operands]
            _require(_fits(value, types), where, f"{value.op} does not take {', '.join(types)}")

    def _check_check(self, check: Check, where: str) -> None:
        if isinstance(check, ShapeCheck):
            _below(check.operand, self.program.operands, f"{where}: operand")
            for dim in check.shape:
                self._index(dim, f"{where}: shape")
        elif isinstance(check, LengthCheck):
            _below(check.slot, self.program.operands + len(self.program.result_sizes), where)
            self._index(check.length, f"{where}: length")
        else:
            self._typed(check.condition, where, lambda kind: kind not in _FLOATS)

    def _check_result(self, result: Result, where: str) -> None:
        if isinstance(result, PassedResult):
            _below(result.operand, self.program.operands, where)
        elif isinstance(result, NumberResult):
            _below(result.value, len(self.program.values), where)
        else:
            self._check_span(result.span, where)
            for dim in result.shape:
                self._index(dim, f"{where}: shape")

    def _check_step(self, step: ProgramStep, where: str) -> None:
        if isinstance(step, ProgramDispatch):
            _below(step.executable, len(self.program.executables), f"{where}: executable")
            functions = self.program.functions[step.executable]
            _below(step.function, len(functions), f"{where}: function")
            for count in step.workgroups:
                self._index(count, f"{where}: workgroups")
            for constant in step.constants:
                self._typed(constant, f"{where}: constants", "i32".__eq__)
            for span in step.bindings:
                self._check_span(span, where)
            few = max(len(step.constants), len(step.bindings)) <= _MAX_PARAMETERS
            _require(few, where, f"more than {_MAX_PARAMETERS} constants or bindings")
        elif isinstance(step, ProgramFill):
            self._check_span(step.target, where)
            self._typed(step.pattern, f"{where}: pattern", ("i8", "i16", "i32").__contains__)
        else:
            self._check_span(step.source, where)
            self._check_span(step.target, where)

    def _check_span(self, span: Span, where: str) -> None:
        _below(span.slot, self.program.slots, f"{where}: slot")
        self._index(span.offset, f"{where}: offset")
        self._index(span.length, f"{where}: length")

    def _index(self, position: int, where: str) -> None:
        self._typed(position, where, "index".__eq__)

    def _typed(self, position: int, where: str, accepts: Callable[[str], bool]) -> None:
        _below(position, len(self.program.values), where)
        kind = self.program.values[position].type
        _require(accepts(kind), where, f"value {position} is {kind}")


def _fits(value: Value, types: list[str]) -> bool:
    """Tell whether an operation takes operands of these types and yields its result type."""
    op, kind = value.op, value.type
    if op == "select":
        return types == ["i1", kind, kind]
    if op == "bitcast":
        return width_of(types[0]) == width_of(kind)
    if op in ("truncf", "extf"):
        return [*types, kind] == (["f64", "f32"] if op == "truncf" else ["f32", "f64"])
    if any(t in _FLOATS for t in (*types, kind)):
        return False
    if op in CASTS:
        return True
    return types[0] == types[1] and kind == ("i1" if op.startswith("cmpi.") else types[0])


def _require(holds: bool, where: str, problem: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise ValueError(f"{where}: {problem}")


def _below(number: int, limit: int, where: str) -> None:
    _require(number < limit, where, f"{number} is out of range, must be below {limit}")


def _same_length(name: str, one: tuple[Any, ...], other: str, two: tuple[Any, ...]) -> None:
    _require(len(one) == len(two), name, f"{len(one)} entries, must be {len(two)} as {other}")


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where}: must be an object")
    return value


def _field(value: Any, name: str, where: str) -> Any:
    fields = _object(value, where)
    if name not in fields:
        raise ValueError(f"{where}: has no {name}")
    return fields[name]


def _list_of(value: Any, where: str, read: Callable[[Any, str], _T]) -> tuple[_T, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{where}: must be a list")
    return tuple(read(entry, f"{where}[{i}]") for i, entry in enumerate(value))


def _each(fields: Any, name: str, read: Callable[[Any, str], _T]) -> tuple[_T, ...]:
    return _list_of(_field(fields, name, "program"), name, read)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{where}: must be a string")
    return value


def _natural(value: Any, where: str) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{where}: must be a number, 0 or more")
    return value


def _naturals(value: Any, where: str) -> tuple[int, ...]:
    return _list_of(value, where, _natural)


def _bytes(value: Any, where: str) -> bytes:
    try:
        return base64.b64decode(_text(value, where), validate=True)
    except binascii.Error as error:
        raise ValueError(f"{where}: {error}") from error


def _value(value: Any, where: str) -> Value:
    if not isinstance(value, list | tuple) or len(value) < 2:
        raise ValueError(f"{where}: must be a list of operation, type and operands")
    op, kind, *operands = value
    return Value(_text(op, where), _text(kind, where), _naturals(operands, where))


def _span(value: Any, where: str) -> Span:
    numbers = _naturals(value, where)
    _require(len(numbers) == 3, where, "must be slot, offset and length")
    return Span(*numbers)


def _check(value: Any, where: str) -> Check:
    kind = _field(value, "kind", where)
    if kind == "shape":
        return ShapeCheck(
            _natural(_field(value, "operand", where), where),
            _text(_field(value, "label", where), where),
            _naturals(_field(value, "shape", where), where),
            _text(_field(value, "element_type", where), where),
        )
    if kind == "length":
        return LengthCheck(
            _natural(_field(value, "slot", where), where),
            _text(_field(value, "label", where), where),
            _natural(_field(value, "length", where), where),
        )
    _require(kind == "condition", where, f"kind {kind!r} is unknown")
    return ConditionCheck(
        _natural(_field(value, "condition", where), where),
        _text(_field(value, "message", where), where),
    )


def _result(value: Any, where: str) -> Result:
    kind = _field(value, "kind", where)
    if kind == "tensor":
        return TensorResult(
            _span(_field(value, "span", where), where),
            _naturals(_field(value, "shape", where), where),
            _text(_field(value, "element_type", where), where),
        )
    if kind == "passed":
        return PassedResult(_natural(_field(value, "operand", where), where))
    _require(kind == "number", where, f"kind {kind!r} is unknown")
    return NumberResult(_natural(_field(value, "value", where), where))


def _step(value: Any, where: str) -> ProgramStep:
    kind = _field(value, "kind", where)
    if kind == "dispatch":
        grid = _naturals(_field(value, "workgroups", where), where)
        _require(len(grid) == 3, where, "workgroups must be three")
        return ProgramDispatch(
            _natural(_field(value, "executable", where), where),
            _natural(_field(value, "function", where), where),
            (grid[0], grid[1], grid[2]),
            _naturals(_field(value, "constants", where), where),
            _list_of(_field(value, "bindings", where), where, _span),
        )
    target = _span(_field(value, "target", where), where)
    if kind == "fill":
        return ProgramFill(target, _natural(_field(value, "pattern", where), where))
    _require(kind == "copy", where, f"kind {kind!r} is unknown")
    return ProgramCopy(_span(_field(value, "source", where), where), target)
