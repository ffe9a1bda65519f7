"""`vector_functions`: the MLIR text of the functions that row kernels call on vectors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ir_runtime.rows.functions import (
    conversion,
    error_function,
    exponential,
    logarithm,
    reciprocal,
    short_exponential,
    trigonometric,
)
from ir_runtime.rows.vector_code import Vector, VectorCode

__all__ = ["VECTOR_FUNCTIONS", "VectorFunction", "vector_functions"]


@dataclass(frozen=True)
class VectorFunction:
    """A function of vectors of equal size.

    Attributes:
        define: from operands to the result; adds its lines to the operands' code.
        operands: the element type of each operand.
        result: the element type of the result.
    """

    define: Callable[..., Vector]
    operands: tuple[str, ...] = ("f32",)
    result: str = "f32"


_FUNCTIONS = {
    "cos": VectorFunction(trigonometric.cos),
    "erf": VectorFunction(error_function.erf),
    "exp": VectorFunction(exponential.exp),
    "exp_down": VectorFunction(exponential.exp_down),
    "exp_down_short": VectorFunction(short_exponential.exp_down_short),
    "expm1": VectorFunction(exponential.expm1),
    "gate": VectorFunction(exponential.gate, ("f32", "f32")),
    "gate_short": VectorFunction(short_exponential.gate_short, ("f32", "f32")),
    "gate_by_two": VectorFunction(exponential.gate_by_two, ("f32", "f32")),
    "gate_by_two_short": VectorFunction(short_exponential.gate_by_two_short, ("f32", "f32")),
    "log": VectorFunction(logarithm.log),
    "log1p": VectorFunction(logarithm.log1p),
    "normal_cdf": VectorFunction(error_function.normal_cdf),
    "rsqrt": VectorFunction(reciprocal.rsqrt),
    "sigmoid": VectorFunction(exponential.sigmoid),
    "sigmoid_short": VectorFunction(short_exponential.sigmoid_short),
    "sin": VectorFunction(trigonometric.sin),
    "softplus": VectorFunction(logarithm.softplus),
    "tanh": VectorFunction(exponential.tanh),
}


def _conversions() -> dict[str, VectorFunction]:
    found: dict[str, VectorFunction] = {}
    for kind in ("f32", *conversion.FORMATS):
        for order in ("", "_split"):
            in_split_order = bool(order)
            if kind == "f32" and not in_split_order:
                continue
            widen = conversion.widen(kind, in_split_order=in_split_order)
            narrow = conversion.narrow(kind, in_split_order=in_split_order)
            found[f"widen_{kind}{order}"] = VectorFunction(widen, operands=(kind,))
            found[f"narrow_{kind}{order}"] = VectorFunction(narrow, result=kind)
    for order in ("", "_split"):
        plain = conversion.narrow("bf16", in_split_order=bool(order), short_nan=True)
        found[f"narrow_bf16_short_nan{order}"] = VectorFunction(plain, result="bf16")
    found["round_bf16_short_nan"] = VectorFunction(conversion.round_to("bf16", short_nan=True))
    for kind in conversion.FORMATS:
        found[f"round_{kind}"] = VectorFunction(conversion.round_to(kind))
    return found


VECTOR_FUNCTIONS: Mapping[str, VectorFunction] = {**_FUNCTIONS, **_conversions()}
"""By name: mathematical functions; `widen_<kind>` and `narrow_<kind>` between float32 and a narrow
type, with `_split` for lanes in split order, and `_short_nan` if the low bits of NaNs are clear;
`round_<kind>`, to the numbers of a narrow type."""


def vector_functions(names: Iterable[str], lanes: int = 32) -> str:
    """Return `func.func private @row_<name>` for each name, once, in alphabetic order.

    Args:
        names: among `VECTOR_FUNCTIONS`.
        lanes: elements of each vector.
    """
    return "\n".join(_text(name, lanes) for name in sorted(set(names)))


@functools.cache
def _text(name: str, lanes: int) -> str:
    function = VECTOR_FUNCTIONS[name]
    code = VectorCode(lanes)
    operands = [Vector(code, f"%x{i}", kind) for i, kind in enumerate(function.operands)]
    result = function.define(*operands)
    assert result.kind == function.result, f"{name} gives {result.kind}"
    return code.function(f"row_{name}", operands, result)
