"""The values of a host program: sizes, offsets and grids, computed from shapes and numbers.

A program's values form a list; each refers only to earlier ones. They are kept as bits: unsigned
numbers below 2**width, so every operation wraps as on the machine.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence

from ir_runtime.frozen import frozen

__all__ = ["ARITY", "CASTS", "Value", "compute_values", "signed", "width_of"]

_INTEGER = re.compile(r"i([1-9][0-9]?)")
_FLOAT_WIDTHS = {"f16": 16, "bf16": 16, "f32": 32, "f64": 64}
_MAX_WIDTH = 64


@frozen
class Value:
    """One value of a program.

    Attributes:
        op: `constant`, `dim`, `number`, or an operation of `ARITY`.
        type: `index`, `i1` to `i64`, `f32`, `f64`, ...; a float is kept as its bits.
        operands: for an operation the positions of earlier values; for `constant` the bits; for
            `dim` the operand tensor and the dimension; for `number` which number of the call.
    """

    op: str
    type: str
    operands: tuple[int, ...]


def width_of(kind: str) -> int | None:
    """Return the width in bits of a type, None if values cannot have it."""
    if kind == "index":
        return 64
    match = _INTEGER.fullmatch(kind)
    width = int(match[1]) if match else _FLOAT_WIDTHS.get(kind)
    return width if width is not None and width <= _MAX_WIDTH else None


def signed(bits: int, width: int) -> int:
    """Return the number that bits stand for in two's complement."""
    return bits - (1 << width) if bits >> (width - 1) else bits


def _div_signed(a: int, b: int, width: int) -> int | None:
    a, b = signed(a, width), signed(b, width)
    if b == 0:
        return None
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _rem_signed(a: int, b: int, width: int) -> int | None:
    quotient = _div_signed(a, b, width)
    return None if quotient is None else signed(a, width) - quotient * signed(b, width)


def _floor_div_signed(a: int, b: int, width: int) -> int | None:
    return signed(a, width) // signed(b, width) if b else None


def _ceil_div_signed(a: int, b: int, width: int) -> int | None:
    return -(-signed(a, width) // signed(b, width)) if b else None


def _align(a: int, b: int) -> int | None:
    return (a + b - 1) & ~(b - 1) if b and not b & (b - 1) else None


def _order(choose: Callable[[int, int], int]) -> Callable[[int, int, int], int]:
    return lambda a, b, width: choose(signed(a, width), signed(b, width))


_BINARY: dict[str, Callable[[int, int, int], int | None]] = {
    "addi": lambda a, b, _: a + b,
    "subi": lambda a, b, _: a - b,
    "muli": lambda a, b, _: a * b,
    "divui": lambda a, b, _: a // b if b else None,
    "remui": lambda a, b, _: a % b if b else None,
    "ceildivui": lambda a, b, _: -(-a // b) if b else None,
    "divsi": _div_signed,
    "remsi": _rem_signed,
    "floordivsi": _floor_div_signed,
    "ceildivsi": _ceil_div_signed,
    "andi": lambda a, b, _: a & b,
    "ori": lambda a, b, _: a | b,
    "xori": lambda a, b, _: a ^ b,
    "shli": lambda a, b, width: a << b if b < width else None,
    "shrui": lambda a, b, width: a >> b if b < width else None,
    "shrsi": lambda a, b, width: signed(a, width) >> b if b < width else None,
    "minui": lambda a, b, _: min(a, b),
    "maxui": lambda a, b, _: max(a, b),
    "minsi": _order(min),
    "maxsi": _order(max),
    "align": lambda a, b, _: _align(a, b),
}

_COMPARISONS: dict[str, Callable[[int, int, int], bool]] = {
    "cmpi.eq": lambda a, b, _: a == b,
    "cmpi.ne": lambda a, b, _: a != b,
    "cmpi.slt": lambda a, b, width: signed(a, width) < signed(b, width),
    "cmpi.sle": lambda a, b, width: signed(a, width) <= signed(b, width),
    "cmpi.sgt": lambda a, b, width: signed(a, width) > signed(b, width),
    "cmpi.sge": lambda a, b, width: signed(a, width) >= signed(b, width),
    "cmpi.ult": lambda a, b, _: a < b,
    "cmpi.ule": lambda a, b, _: a <= b,
    "cmpi.ugt": lambda a, b, _: a > b,
    "cmpi.uge": lambda a, b, _: a >= b,
}


def _narrow_float(bits: int, _: int) -> int:
    value = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    try:
        return int.from_bytes(struct.pack("<f", value), "little")
    except OverflowError:  # rounds to infinity
        return 0x7F800000 | (bits >> 63) << 31


def _widen_float(bits: int, _: int) -> int:
    value = struct.unpack("<f", bits.to_bytes(4, "little"))[0]
    return int.from_bytes(struct.pack("<d", value), "little")


CASTS: dict[str, Callable[[int, int], int]] = {
    "index_cast": signed,
    "extsi": signed,
    "index_castui": lambda bits, _: bits,
    "extui": lambda bits, _: bits,
    "trunci": lambda bits, _: bits,
    "bitcast": lambda bits, _: bits,
    "truncf": _narrow_float,
    "extf": _widen_float,
}
"""Operations from one type to another; they take the bits and the width of the old type."""

ARITY = {
    **dict.fromkeys(CASTS, 1),
    **dict.fromkeys(_BINARY, 2),
    **dict.fromkeys(_COMPARISONS, 2),
    "select": 3,
}
"""The number of earlier values that each operation takes."""


def compute_values(
    values: Sequence[Value], shapes: Sequence[Sequence[int]], numbers: Sequence[int]
) -> list[int | None]:
    """Compute all values of a program; an undefined value, such as n / 0, is None.

    Args:
        values: the values of a checked program.
        shapes: of the operand tensors; a dimension that a tensor does not have is undefined.
        numbers: the bits of the numbers of the call.
    """
    known: list[int | None] = []
    for value in values:
        width = width_of(value.type) or 0
        bits = _compute(value, values, known, shapes, numbers)
        known.append(None if bits is None else bits & ((1 << width) - 1))
    return known


def _compute(
    value: Value,
    values: Sequence[Value],
    known: Sequence[int | None],
    shapes: Sequence[Sequence[int]],
    numbers: Sequence[int],
) -> int | None:
    op, operands = value.op, value.operands
    if op == "constant":
        return operands[0]
    if op == "dim":
        shape = shapes[operands[0]]
        return shape[operands[1]] if operands[1] < len(shape) else None
    if op == "number":
        return numbers[operands[0]]
    # `select` comes before the test for None: its other branch may be undefined, as in
    # `n == 0 ? 0 : m / n`.
    if op == "select":
        chosen = known[operands[0]]
        return None if chosen is None else known[operands[1 if chosen else 2]]
    first = known[operands[0]]
    width = width_of(values[operands[0]].type) or 0
    if first is None:
        return None
    if op in CASTS:
        return CASTS[op](first, width)
    second = known[operands[1]]
    if second is None:
        return None
    return (
        _BINARY[op](first, second, width)
        if op in _BINARY
        else _COMPARISONS[op](first, second, width)
    )
