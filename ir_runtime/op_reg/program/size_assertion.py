"""Assertions in a program that check its sizes at run time, as `select` concluded about them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ir_runtime.errors import GenerateError
from ir_runtime.op_reg.generate.torch_type import parse_torch_tensor_type
from ir_runtime.op_reg.program.symbolic_size import NO_MAX, SizeRead, SizeTable

if TYPE_CHECKING:
    from iree.compiler.ir import Value

__all__ = [
    "NoCodeError",
    "SizeEmitter",
    "assert_input_sizes",
    "assert_sizes",
    "format_condition",
]

_COMPARISONS = {
    "Equality": ("eq", "=="),
    "Unequality": ("ne", "!="),
    "StrictLessThan": ("slt", "<"),
    "LessThan": ("sle", "<="),
    "StrictGreaterThan": ("sgt", ">"),
    "GreaterThan": ("sge", ">="),
}
_QUOTIENTS = ("FloorDiv", "CleanDiv")
_REMAINDERS = ("Mod", "PythonMod")
_EXTREMES = {"Max": "maxsi", "Min": "minsi"}


def assert_sizes(table: SizeTable, conditions: Sequence[Any], what: str, *, origin: str) -> None:
    """Emit an assertion for each condition at the current insertion point.

    Args:
        table: knows where the program finds the symbols of the conditions.
        conditions: sympy relations.
        what: start of the assertion's message.
        origin: the code that relies on the conditions, for messages.

    Raises:
        GenerateError: a condition cannot be computed in the program.
    """
    from iree.compiler.ir import Operation, StringAttr

    for condition in conditions:
        shown = format_condition(table, condition)
        try:
            holds = SizeEmitter(table).relation(condition)
        except NoCodeError as error:
            raise GenerateError(
                f"{what}: {origin} concludes from an example that {shown}, "
                "which the program cannot check, must hold for all sizes or be checkable",
                facts=[str(error)],
                fix="make the dimension static in the export",
            ) from None
        message = StringAttr.get(f"{what}: must have {shown}")
        Operation.create("cf.assert", operands=[holds], attributes={"msg": message})


def assert_input_sizes(table: SizeTable, what: str) -> None:
    """Emit, at the current insertion point, assertions about the sizes of the program's inputs.

    Sizes with the same symbol must agree, and each symbol must be in its range in the program.
    """
    from iree.compiler.dialects import arith
    from iree.compiler.ir import Operation, StringAttr

    emitter = SizeEmitter(table)

    def check(predicate: str, left: Value, right: Value, text: str) -> None:
        holds = arith.cmpi(getattr(arith.CmpIPredicate, predicate), left, right)
        message = StringAttr.get(f"{what}: {text}")
        Operation.create("cf.assert", operands=[holds], attributes={"msg": message})

    # One place of each symbol defines it; all other places are compared with the definition. If
    # the definition is `factor * symbol + offset`, the division must have no remainder.
    for expression, read in table.reads():
        own = next((found for s in expression.free_symbols if (found := table.read_of(s))), None)
        if own is not None and own[0] == read:
            if own[1] != 1:
                text = f"{_shifted(read.label, -own[2])} must be a multiple of {own[1]}"
                check("eq", _read(read), emitter.number(expression), text)
        else:
            text = f"{read.label} must be {_named(table, expression)}"
            check("eq", _read(read), emitter.number(expression), text)
    for symbol, size in table.open_sizes():
        shown, factor, offset = _place_of(table, symbol)
        if size.least > 0:
            text = f"{shown} must be at least {size.least * factor + offset}"
            check("sge", emitter.number(symbol), _index(size.least), text)
        if size.most < NO_MAX:
            text = f"{shown} must be at most {size.most * factor + offset}"
            check("sle", emitter.number(symbol), _index(size.most), text)


def _place_of(table: SizeTable, symbol: Any) -> tuple[str, int, int]:
    """Return the label, factor and offset of a symbol's place, `factor * symbol + offset`."""
    found = table.read_of(symbol)
    if found is None or found[1] < 0:
        return str(symbol), 1, 0
    return found[0].label, found[1], found[2]


def _shifted(label: str, offset: int) -> str:
    return f"{label} {'+' if offset > 0 else '-'} {abs(offset)}" if offset else label


def _named(table: SizeTable, expression: Any) -> Any:
    """Return an expression with each symbol replaced by its place, such as `x.shape[0]`."""
    import sympy

    labels: dict[Any, Any] = {}
    for symbol in expression.free_symbols:
        label, factor, offset = _place_of(table, symbol)
        labels[symbol] = (sympy.Symbol(label) - offset) / factor
    return expression.xreplace(labels)


def format_condition(table: SizeTable, condition: Any) -> str:
    """Return the text of a condition for a message, with places instead of symbols."""
    named = _named(table, condition)
    sign = _COMPARISONS.get(type(named).__name__)
    return f"{named.args[0]} {sign[1]} {named.args[1]}" if sign else str(named)


class NoCodeError(Exception):
    """A sympy expression cannot be computed by this file's code."""


class SizeEmitter:
    """Emits index arithmetic at the current insertion point."""

    def __init__(self, table: SizeTable) -> None:
        self._table = table

    def relation(self, condition: Any) -> Value:
        from iree.compiler.dialects import arith

        kind = type(condition).__name__
        if kind in ("And", "Or"):
            combine = arith.andi if kind == "And" else arith.ori
            return functools.reduce(combine, [self.relation(part) for part in condition.args])
        sign = _COMPARISONS.get(type(condition).__name__)
        if sign is None:
            raise NoCodeError(f"no code for {kind}")
        left, right = (self.number(side) for side in condition.args)
        predicate = getattr(arith.CmpIPredicate, sign[0])
        return arith.cmpi(predicate, left, right)

    def number(self, expression: Any) -> Value:
        from iree.compiler.dialects import arith

        kind = type(expression).__name__
        if expression.is_Integer:
            return _index(int(expression))
        if expression.is_Symbol:
            return self._symbol(expression)
        # sympy flattens these into one node with any number of arguments.
        if expression.is_Add or expression.is_Mul or kind in _EXTREMES:
            combine = (
                arith.addi
                if expression.is_Add
                else arith.muli
                if expression.is_Mul
                else getattr(arith, _EXTREMES[kind])
            )
            total, *rest = [self.number(argument) for argument in expression.args]
            for value in rest:
                total = combine(total, value)
            return total
        if kind in _QUOTIENTS or kind in _REMAINDERS:
            left, right = (self.number(argument) for argument in expression.args)
            # Python's remainder has the sign of the divisor, unlike `arith.remsi`.
            quotient = arith.floordivsi(left, right)
            if kind in _QUOTIENTS:
                return quotient
            return arith.subi(left, arith.muli(quotient, right))
        if expression.is_Pow and expression.exp.is_Integer and expression.exp > 1:
            base = total = self.number(expression.base)
            for _ in range(int(expression.exp) - 1):
                total = arith.muli(total, base)
            return total
        raise NoCodeError(f"no code for {kind} in {expression}")

    def _symbol(self, symbol: Any) -> Value:
        from iree.compiler.dialects import arith

        found = self._table.read_of(symbol)
        if found is None:
            raise NoCodeError(f"no operand has the size {symbol}")
        read, factor, offset = found
        size = _read(read)
        if offset:
            size = arith.subi(size, _index(offset))
        return arith.divsi(size, _index(factor)) if factor != 1 else size


def _read(read: SizeRead) -> Value:
    from iree.compiler.dialects import arith, tensor
    from iree.compiler.ir import IndexType, Operation, Type

    if read.dim is None:
        i64 = Type.parse("i64")
        number = Operation.create("torch_c.to_i64", results=[i64], operands=[read.value]).result
        return arith.index_cast(IndexType.get(), number)
    kind = parse_torch_tensor_type(str(read.value.type))
    if kind is None:  # a builtin tensor
        return tensor.dim(read.value, _index(read.dim))
    builtin = Type.parse(kind.builtin_asm)
    value = Operation.create(
        "torch_c.to_builtin_tensor", results=[builtin], operands=[read.value]
    ).result
    return tensor.dim(value, _index(read.dim))


def _index(number: int) -> Value:
    from iree.compiler.dialects import arith
    from iree.compiler.ir import IndexType, IntegerAttr

    index = IndexType.get()
    return arith.ConstantOp(index, IntegerAttr.get(index, number)).result
