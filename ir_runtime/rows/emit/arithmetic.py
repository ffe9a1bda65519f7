"""The MLIR of operations that are the same for lanes and for a row's number."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ir_runtime.rows.emit.block import F64, LANE, MASK, Say, number
from ir_runtime.rows.plan import LANES
from ir_runtime.rows.value import COMPARISONS, LOGIC, Value

__all__ = [
    "LANE_TYPE",
    "LIBRARY",
    "ROW_TYPE",
    "WIDE_TYPE",
    "Type",
    "extreme_of",
    "most_of_sizes",
    "operation",
]

LIBRARY = (
    *("exp", "exp_down", "expm1", "log", "log1p", "tanh", "erf"),
    *("sigmoid", "softplus", "sin", "cos", "rsqrt", "gate", "gate_by_two", "normal_cdf"),
    *("exp_down_short", "sigmoid_short", "gate_short", "gate_by_two_short"),
)
"""Operations that are functions of the vector library."""

_UNARY = {
    "neg": "arith.negf",
    "sqrt": "math.sqrt",
    "abs": "math.absf",
    "floor": "math.floor",
    "ceil": "math.ceil",
    "trunc": "math.trunc",
}
_BINARY = {
    "add": "arith.addf",
    "subtract": "arith.subf",
    "multiply": "arith.mulf",
    "divide": "arith.divf",
    "and": "arith.andi",
    "or": "arith.ori",
}


@dataclass(frozen=True, slots=True)
class Type:
    """The types that an operation works on.

    Attributes:
        real: of numbers.
        mask: of truth values.
        bits: of a float of `real`: 32 or 64.
        lanes: elements of the vectors; 0 if they are no vectors.
    """

    real: str
    mask: str
    bits: int
    lanes: int

    @property
    def is_vector(self) -> bool:
        """Whether they are vectors."""
        return self.lanes > 0

    def integer(self, bits: int) -> str:
        """Return the type of integers."""
        return f"vector<{self.lanes}xi{bits}>" if self.is_vector else f"i{bits}"

    def constant(self, say: Say, value: float) -> str:
        """Return a constant number."""
        text = number(value, self.bits)
        return say(f"arith.constant {f'dense<{text}>' if self.is_vector else text}", self.real)


LANE_TYPE = Type(LANE, MASK, 32, LANES)
WIDE_TYPE = Type(F64, MASK, 64, LANES)
ROW_TYPE = Type("f64", "i1", 64, 0)


def operation(say: Say, kind: Type, v: Value, a: list[str]) -> str:
    """Add the operation of a value that needs neither memory nor the vector library."""
    op = v.op
    if op in _CLAMPS:
        bounds = [arg.op == "constant" and not math.isnan(arg.number) for arg in v.args]
        if any(bounds):
            x, bound = a if bounds[1] else reversed(a)
            return _clamp(say, kind, x, bound, _CLAMPS[op])
    if op in COMPARISONS:
        return say(f"arith.cmpf {COMPARISONS[op]}, {a[0]}, {a[1]}", kind.real)
    if op in _UNARY:
        return say(f"{_UNARY[op]} {a[0]}", kind.real)
    if op in _BINARY:
        return say(f"{_BINARY[op]} {a[0]}, {a[1]}", kind.mask if op in LOGIC else kind.real)
    if op == "not":
        yes = say(f"arith.constant {'dense<true>' if kind.is_vector else 'true'}", kind.mask)
        return say(f"arith.xori {a[0]}, {yes}", kind.mask)
    return _LONGER[op](say, kind, *a)


def _select(say: Say, kind: Type, mask: str, a: str, b: str) -> str:
    types = f"{kind.mask}, {kind.real}" if kind.is_vector else kind.real
    return say(f"arith.select {mask}, {a}, {b}", types)


def _to_int8(say: Say, kind: Type, x: str) -> str:
    wide = say(f"arith.fptosi {x}", f"{kind.real} to {kind.integer(32)}")
    low = say(f"arith.trunci {wide}", f"{kind.integer(32)} to {kind.integer(8)}")
    return say(f"arith.sitofp {low}", f"{kind.integer(8)} to {kind.real}")


def extreme(say: Say, kind: Type, a: str, b: str, order: str) -> str:
    """Return the one of two numbers that comes first in an order, NaN if one of them is."""
    better = _select(say, kind, say(f"arith.cmpf {order}, {a}, {b}", kind.real), a, b)
    # `better` is `b` where one is NaN: right if that is `b`.
    return _select(say, kind, say(f"arith.cmpf uno, {a}, {a}", kind.real), a, better)


_CLAMPS = {"max": "olt", "min": "ogt"}


def _clamp(say: Say, kind: Type, x: str, bound: str, beyond: str) -> str:
    """Return a number, but a bound that is no NaN where it is beyond that; one instruction."""
    is_beyond = say(f"arith.cmpf {beyond}, {x}, {bound}", kind.real)
    return _select(say, kind, is_beyond, bound, x)


def _max(say: Say, kind: Type, a: str, b: str) -> str:
    return extreme(say, kind, a, b, "ogt")


def _min(say: Say, kind: Type, a: str, b: str) -> str:
    return extreme(say, kind, a, b, "olt")


def _round(say: Say, kind: Type, x: str) -> str:
    """Round half to even; `math.roundeven` becomes some forty integer operations."""
    limit = kind.constant(say, 2.0**23 if kind.bits == 32 else 2.0**52)
    size = say(f"math.absf {x}", kind.real)
    raised = say(f"arith.addf {size}, {limit}", kind.real)
    whole = say(f"arith.subf {raised}, {limit}", kind.real)
    signed = say(f"math.copysign {whole}, {x}", kind.real)
    is_small = say(f"arith.cmpf olt, {size}, {limit}", kind.real)
    return _select(say, kind, is_small, signed, x)


def extreme_of(say: Say, reduction: str, x: str, so_far: str, kind: Type = LANE_TYPE) -> str:
    """Return the more extreme of a number and those so far; NaN stays, or is passed over."""
    if reduction == "most_number":
        is_more = say(f"arith.cmpf ogt, {x}, {so_far}", kind.real)
        return _select(say, kind, is_more, x, so_far)
    return extreme(say, kind, x, so_far, "ogt" if reduction == "most" else "olt")


def most_of_sizes(say: Say, size: str, so_far: str) -> str:
    """Return the larger of two lanes without signs; as integers, where NaN is above infinity."""
    bits = LANE_TYPE.integer(32)
    a, b = (say(f"arith.bitcast {x}", f"{LANE} to {bits}") for x in (size, so_far))
    return say(f"arith.bitcast {say(f'arith.maxsi {a}, {b}', bits)}", f"{bits} to {LANE}")


_LONGER: dict[str, Callable[..., str]] = {
    "select": _select,
    "max": _max,
    "min": _min,
    "round": _round,
    "to_int8": _to_int8,
}
