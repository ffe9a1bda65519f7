"""Bounds that the values of a row kernel keep, whatever its inputs are."""

from __future__ import annotations

import math
from collections.abc import Callable

from ir_runtime.rows.value import EXTREMES, SHORT_FORM, Value, topological

__all__ = ["highest", "lowest"]


def lowest(v: Value) -> float:
    """Return a bound that a value does not go below; minus infinity if none is known."""
    return _bound(v, _lowest)


def highest(v: Value) -> float:
    """Return a bound that a value does not exceed; infinity if none is known."""
    return _bound(v, _highest)


def _bound(v: Value, rule: Callable[[Value, list[float]], float]) -> float:
    """Apply a rule to all that a value is made of, once to each: an operand may have many uses."""
    known: dict[Value, float] = {}
    for each in topological([v]):
        known[each] = rule(each, [known[a] for a in each.args])
    return known[v]


def _lowest(v: Value, args: list[float]) -> float:
    if v.op == "constant":
        return v.number
    if _function(v) in _POSITIVE or (v.op == "multiply" and v.args[0] is v.args[1]):
        return 0.0
    if v.op == "sum":  # one of the exponentials is exp(0)
        return 0.5 if _function(v.args[0]) == "exp_down" else min(args[0], 0.0)
    return _BOUNDS[v.op](*args) if v.op in _BOUNDS else -math.inf


def _highest(v: Value, args: list[float]) -> float:
    if v.op == "constant":
        return v.number
    if _function(v) in _AT_MOST_ONE:
        return 1.0
    if v.op == "sum":
        return max(args[0], 0.0) * v.args[0].width
    if v.op == "min":
        return min(args)
    if v.op in (*EXTREMES, "spread", "add", "max"):
        return sum(args) if v.op == "add" else max(args)
    return math.inf


def _function(v: Value) -> str:
    """Return the function that a value is computed by, whichever form of it is chosen."""
    return v.op.removesuffix(SHORT_FORM)


_AT_MOST_ONE = ("exp_down", "sigmoid", "tanh", "erf", "normal_cdf", "sin", "cos")
_POSITIVE = ("exp", "exp_down", "sigmoid", "softplus", "normal_cdf", "abs")


def _bound_of_product(a: float, b: float) -> float:
    return a * b if a >= 0 and b >= 0 else -math.inf


_BOUNDS: dict[str, Callable[..., float]] = {
    **{name: lambda a: a for name in EXTREMES},
    "spread": lambda a: a,
    "sqrt": lambda a: math.sqrt(max(a, 0.0)),
    "max": max,
    "min": min,
    "add": lambda a, b: a + b,
    "multiply": _bound_of_product,
    "divide": lambda a, b: 0.0 if a >= 0 and b >= 0 else -math.inf,
}
"""The bound of an operation from those of its operands."""
