"""Mean and variance from one reading of the row, as CPUs compute them.

The variance of a row is a sum of squares around the mean, so the row is read for the mean first.
Here the squares are taken around the mean of the row's first vector, which costs nothing, and both
sums are corrected by the difference. No digit is lost if that mean is within a standard deviation
of the row's; where it is not, `PassCode` sums once more in float64.
"""

from __future__ import annotations

import dataclasses
from collections import Counter

from ir_runtime.rows.make_values import Values
from ir_runtime.rows.plan import LANES, Plan, make_plan
from ir_runtime.rows.value import Graph, Value, topological

__all__ = ["shift_of", "shifted_plan"]


def shifted_plan(plan: Plan) -> Plan:
    """Return the plan in which each row with a mean and a variance is read once for both."""
    graph = _shifted(plan.graph)
    return plan if graph is plan.graph else make_plan(graph)


def shift_of(square_sum: Value, sums: list[Value]) -> Value | None:
    """Return the sum of shifted numbers whose squares another sum adds; None if there is none."""
    term = square_sum.args[0]
    if term.op != "multiply" or term.args[0] is not term.args[1]:
        return None
    off = term.args[0]
    if off.op != "subtract" or off.args[1].op != "single":
        return None
    return next((s for s in sums if s.op == "sum" and s.args[0] is off), None)


def _shifted(graph: Graph) -> Graph:
    means = _means_with_variance(graph)
    if not means:
        return graph
    values = Values()
    new: dict[Value, Value] = {}
    sums: dict[Value, tuple[Value, Value]] = {}
    for v in graph.values():
        args = tuple(new[a] for a in v.args)
        if v in means:
            x = new[v.args[0].args[0]]
            center, off = _centred(values, x)
            total, squares = values.reduce("sum", off), values.make("multiply", off, off)
            sums[v] = total, values.reduce("sum", squares)
            new[v] = values.make("add", center, values.make("divide", total, args[1]))
        elif v.op == "sum" and (mean := _mean_of_squares(v)) in sums:
            new[v] = _variance_sum(values, *sums[mean], x=v.args[0])
        else:
            new[v] = v if args == v.args else values.again(v, args)
    results = tuple(
        dataclasses.replace(r, parts=tuple(new[part] for part in r.parts)) for r in graph.results
    )
    return dataclasses.replace(graph, results=results)


def _centred(values: Values, x: Value) -> tuple[Value, Value]:
    """Return the mean of the first vector of a row, in float32, and the row without it."""
    first = values.reduce("sum", values.part(x, 0, LANES))
    mean = values.make("single", values.make("divide", first, values.constant(LANES)))
    return mean, values.make("subtract", x, mean)


def _variance_sum(values: Values, total: Value, squares: Value, *, x: Value) -> Value:
    """Return the sum of squares around the mean; rounding does not bring it below 0."""
    make = values.make
    part = make("divide", make("multiply", total, total), values.constant(x.width))
    return make("max", make("subtract", squares, part), values.constant(0.0))


def _means_with_variance(graph: Graph) -> set[Value]:
    """Return the means of rows that only serve differences, whose squares are added, too."""
    ordered = graph.values()
    users: dict[Value, list[Value]] = {v: [] for v in ordered}
    for v in ordered:
        for a in v.args:
            users[a].append(v)
    shown = Counter(part for r in graph.results for part in r.parts)
    found = {_mean_of_squares(v) for v in ordered if v.op == "sum"}
    return {
        mean
        for mean in found
        if mean is not None
        and not shown[mean]
        and all(u.op == "subtract" and u.args[1] is mean for u in users[mean])
    }


def _mean_of_squares(total: Value) -> Value | None:
    """Return the mean around which a sum of a row adds squares; None if it is another sum."""
    term = total.args[0]
    if total.kind != "row" or term.op != "multiply" or term.args[0] is not term.args[1]:
        return None
    off = term.args[0]
    if off.op != "subtract" or off.width < 4 * LANES:
        return None
    x, mean = off.args
    is_mean = mean.op == "divide" and mean.args[0].op == "sum" and mean.args[0].args[0] is x
    if not is_mean or mean.args[1].number != x.width:
        return None
    return None if any(v.op == "interleave" for v in topological([x])) else mean
