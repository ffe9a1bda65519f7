"""Shorter functions for values that only go into results of 16 bits.

Such a result has an error of 2^-9 (bfloat16) or 2^-12 (float16) anyway, relative to its size. A
function may have an error of 2^-17 there, if everything between it and the results keeps relative
errors small: products do, and sums of numbers that are not negative; differences do not.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import torch

from ir_runtime.rows.bounds import lowest
from ir_runtime.rows.make_values import Values
from ir_runtime.rows.value import EXTREMES, SHORT_FORM, Graph, Value

__all__ = ["shortened"]

SHORT = ("exp_down", "gate", "gate_by_two", "sigmoid")
"""Functions with a shorter form, `<name>` and `SHORT_FORM`."""

_KEEP_ERRORS = ("multiply", "divide", "neg", "abs", "spread", "interleave", *EXTREMES)
_NARROW = (torch.bfloat16, torch.float16)


def shortened(graph: Graph, values: Values) -> Graph:
    """Return the graph with shorter functions where no result shows their errors."""
    rough = _rough(graph)
    new: dict[Value, Value] = {}
    for v in graph.values():
        args = tuple(new[a] for a in v.args)
        if v.op in SHORT and v.kind == "lanes" and v in rough:
            new[v] = values.make(v.op + SHORT_FORM, *args)
        else:
            new[v] = v if args == v.args else values.again(v, args)
    results = tuple(
        dataclasses.replace(r, parts=tuple(new[part] for part in r.parts)) for r in graph.results
    )
    return dataclasses.replace(graph, results=results)


def _rough(graph: Graph) -> set[Value]:
    """Return the values whose small relative errors no result shows."""
    users: dict[Value, list[Value]] = defaultdict(list)
    ordered = graph.values()
    for v in ordered:
        for a in v.args:
            users[a].append(v)
    exact = {part for r in graph.results if r.dtype not in _NARROW for part in r.parts}
    rough: set[Value] = set()
    for v in reversed(ordered):  # users first
        if v not in exact and all(u in rough and _keeps_errors(u, v) for u in users[v]):
            rough.add(v)
    return rough


def _keeps_errors(user: Value, operand: Value) -> bool:
    """Tell whether an operation's relative error is about that of this operand, or less."""
    if user.op in ("sum", "add", "max", "min"):
        return all(lowest(a) >= 0 for a in user.args)
    if user.op == "round_to":  # to fewer bits, the error may decide between two numbers
        return user.dtype in _NARROW
    if user.op in ("gate", "gate_by_two"):
        return user.args[1] is not operand
    if user.op == "select":
        return user.args[0] is not operand
    return user.op in _KEEP_ERRORS
