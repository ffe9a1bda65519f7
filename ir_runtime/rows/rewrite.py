"""Shorter and more exact forms of what functions are written as."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable

import torch

from ir_runtime.rows.bounds import highest, lowest
from ir_runtime.rows.make_values import Values
from ir_runtime.rows.short_form import shortened
from ir_runtime.rows.value import Graph, Value, topological

__all__ = ["rewrite"]

Uses = Counter[Value]
_STEPS = ("round", "floor", "ceil", "trunc", "to_int8")
"""Operations that turn a small error into a large one."""


def rewrite(graph: Graph, values: Values, *, rounds: bool = True) -> Graph:
    """Return the graph with the forms of this file.

    Args:
        graph: as it was traced.
        values: makes new values.
        rounds: whether values are rounded to bfloat16 where the function rounds them.
    """
    for step in (*(() if rounds else (_unrounded,)), _by_function, _by_division):
        graph = _rebuilt(graph, values, step)
    return shortened(graph, values)


Step = Callable[[Values, Value, tuple[Value, ...], Uses, "set[Value]"], Value | None]
"""Takes an old value, its new operands, uses of old values, and the old values that a step of
`_STEPS` depends on; returns another form, or None."""


def _rebuilt(graph: Graph, values: Values, step: Step) -> Graph:
    old = graph.values()
    uses = Counter(a for v in old for a in v.args)
    uses.update(part for r in graph.results for part in r.parts)
    stepped = set(topological(v for v in old if v.op in _STEPS))
    new: dict[Value, Value] = {}
    for v in old:
        args = tuple(new[a] for a in v.args)
        found = step(values, v, args, uses, stepped)
        if found is None:
            found = v if args == v.args else values.again(v, args)
        new[v] = found
    results = tuple(
        dataclasses.replace(r, parts=tuple(new[part] for part in r.parts)) for r in graph.results
    )
    return dataclasses.replace(graph, results=results)


def _unrounded(
    values: Values, v: Value, args: tuple[Value, ...], uses: Uses, stepped: set[Value]
) -> Value | None:
    """Compute on with a value before it is rounded; a result is rounded when it is stored."""
    del values, uses
    rounds = v.op == "round_to" and v.dtype == torch.bfloat16 and v not in stepped
    return args[0] if rounds else None


def _by_function(
    values: Values, v: Value, args: tuple[Value, ...], uses: Uses, stepped: set[Value]
) -> Value | None:
    """Choose the function of the library that computes a pattern in fewer steps."""
    del stepped
    if v.kind != "lanes":
        return None
    if v.op == "exp" and args[0].op == "subtract":
        x, most = args[0].args
        if most.op in ("most", "most_number") and most.args[0] is x:
            return values.make("exp_down", args[0])
    if v.op in ("multiply", "add"):
        pattern = _gate if v.op == "multiply" else _one_and
        for old, (a, b) in ((v.args[1], args), (v.args[0], args[::-1])):
            if uses[old] == 1:  # a function that others use is computed anyway
                found = pattern(values, a, b)
                if found is not None:
                    return found
    return None


def _gate(values: Values, a: Value, b: Value) -> Value | None:
    """Write a * sigmoid(b) as a / (1 + exp(-b)), which rounds once less.

    If b is a sum with a constant factor, the factor makes the exponent one of 2, which is reduced
    in one step. A plain product would lose digits by it where it is large, and a sum whose terms
    cancel where they are.
    """
    if b.op != "sigmoid":
        return None
    has_sum = any(v.op == "add" for v in topological([b.args[0]]))
    scaled = _scaled(values, b.args[0], math.log2(math.e)) if has_sum else None
    return (
        values.make("gate", a, b.args[0])
        if scaled is None
        else values.make("gate_by_two", a, scaled)
    )


def _scaled(values: Values, v: Value, factor: float) -> Value | None:
    """Return a value times a factor, if its constants take the factor; else None."""
    if v.kind == "constant":
        return values.constant(v.number * factor)
    if v.kind != "lanes" or v.op not in ("multiply", "add"):
        return None
    if v.op == "add":
        if any(lowest(x) < 0 for x in v.args):
            return None  # terms that cancel would show the rounding of their new constants
        a, b = (_scaled(values, x, factor) for x in v.args)
        return None if a is None or b is None else values.make("add", a, b)
    for x, other in (v.args, v.args[::-1]):
        if x.kind == "constant":
            factor *= x.number
            return _scaled(values, other, factor) or values.make(
                "multiply", other, values.constant(factor)
            )
    for x, other in (v.args, v.args[::-1]):
        scaled = _scaled(values, x, factor)
        if scaled is not None:
            return values.make("multiply", scaled, other)
    return None


def _one_and(values: Values, a: Value, b: Value) -> Value | None:
    """Write 1 + tanh(u) as 2 sigmoid(2 u), and 1 + erf(u) as 2 Phi(u sqrt(2)): nothing cancels."""
    if a is not values.constant(1.0) or b.op not in ("tanh", "erf"):
        return None
    name, factor = ("sigmoid", 2.0) if b.op == "tanh" else ("normal_cdf", math.sqrt(2.0))
    inner = values.make("multiply", b.args[0], values.constant(factor))
    if name == "normal_cdf":
        inner = _times_sqrt2(values, b.args[0]) or inner
    return values.make("multiply", values.make(name, inner), values.constant(2.0))


def _times_sqrt2(values: Values, u: Value) -> Value | None:
    """Return v for v sqrt(1/2), or for v / sqrt(2)."""
    if u.op not in ("multiply", "divide"):
        return None
    factor = values.constant(math.sqrt(0.5) if u.op == "multiply" else math.sqrt(2.0))
    places = (1, 0) if u.op == "multiply" else (1,)
    return next((u.args[1 - n] for n in places if u.args[n] is factor), None)


def _by_division(
    values: Values, v: Value, args: tuple[Value, ...], uses: Uses, stepped: set[Value]
) -> Value | None:
    """Divide by a row's number as a product with its inverse, if the error stays small."""
    del uses
    if v.op != "divide" or v.kind != "lanes":
        return None
    x, by = args
    if (
        by.kind == "constant"
        and math.frexp(abs(by.number))[0] == 0.5
        and 1e-30 < abs(by.number) < 1e30
    ):
        return values.make("multiply", x, values.constant(1.0 / by.number))
    if by.kind not in ("row", "group") or v in stepped:
        return None
    if lowest(by) < 2.0**-126:
        return None
    if highest(by) <= 2.0**126:
        return values.make("multiply", x, values.make("divide", values.constant(1.0), by))
    return _by_large(values, x, by)


def _by_large(values: Values, x: Value, by: Value) -> Value:
    """Divide by what may be so large that its inverse has no normal float32: in two steps."""
    make, constant, one = values.make, values.constant, values.constant(1.0)
    is_large = make("gt", by, constant(2.0**100))
    small = make("select", is_large, constant(2.0**-64), one)
    inverse = make("divide", make("select", is_large, constant(2.0**64), one), by)
    return make("multiply", make("multiply", x, small), inverse)
