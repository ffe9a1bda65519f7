"""The reading of a host function's arithmetic as values of the program."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.host_program.expression import ARITY, width_of
from ir_runtime.launch.host_program.program_builder import ProgramBuilder

__all__ = ["PURE_DIALECTS", "read_constant", "read_operation"]

PURE_DIALECTS = ("arith.", "math.")
"""Dialects of operations without effects: an unknown operation is harmless if it is unused."""

_PREDICATES = ("eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge")
_FLOAT_FORMATS = {"f16": "<e", "f32": "<f", "f64": "<d"}


def read_operation(builder: ProgramBuilder, op: Any, operands: Sequence[int]) -> int | None:
    """Return the value of an operation on numbers, None if it is unknown.

    Args:
        builder: the program.
        op: an operation with one result, of `arith` or `util`.
        operands: positions of its operands.
    """
    name = op.name.split(".", 1)[1]
    if op.name == "arith.cmpi":
        name = f"cmpi.{_PREDICATES[op.attributes['predicate'].value]}"
    if name not in ARITY:
        return None
    return builder.value(name, str(op.results[0].type), *operands)


def read_constant(builder: ProgramBuilder, attribute: Any) -> int:
    """Return the value of a constant.

    Raises:
        UnreadableProgramError: it is not a number.
    """
    kind = str(getattr(attribute, "type", "without type"))
    if width_of(kind) is None:
        raise UnreadableProgramError(f"a constant of type {kind}")
    number = attribute.value
    if isinstance(number, float):
        return builder.constant(kind, _float_bits(number, kind))
    return builder.constant(kind, int(number))


def _float_bits(number: float, kind: str) -> int:
    if math.isnan(number):  # the binding does not give its bits
        raise UnreadableProgramError("a constant that is NaN")
    if kind == "bf16":
        return int.from_bytes(struct.pack("<f", number), "little") >> 16
    return int.from_bytes(struct.pack(_FLOAT_FORMATS[kind], number), "little")
