"""Differences from a mean, as GPUs compute them: in float32, where a large mean loses digits."""

from __future__ import annotations

import dataclasses

import torch

from ir_runtime.rows.make_values import Values
from ir_runtime.rows.plan import Plan, make_plan
from ir_runtime.rows.value import Graph, Value

__all__ = ["gpu_plan"]


def gpu_plan(graph: Graph) -> Plan:
    """Return the plan of a function for GPUs.

    The mean of a row is rounded to float32, so all differences from it are off by one number. It is
    their own mean, which is subtracted, too. Rows of narrow floats have no digits that it matters
    to.
    """
    wide = any(i.has_rows and i.dtype == torch.float32 for i in graph.inputs)
    return make_plan(_centred(graph) if wide else graph)


def _centred(graph: Graph) -> Graph:
    values = Values()
    new: dict[Value, Value] = {}
    for v in graph.values():
        args = tuple(new[a] for a in v.args)
        found = v if args == v.args else values.again(v, args)
        if _is_from_mean(v):
            rest = values.make("divide", values.reduce("sum", found), v.args[1].args[1])
            found = values.make("subtract", found, rest)
        new[v] = found
    results = tuple(
        dataclasses.replace(r, parts=tuple(new[part] for part in r.parts)) for r in graph.results
    )
    return dataclasses.replace(graph, results=results)


def _is_from_mean(v: Value) -> bool:
    """Tell whether a value is the difference of numbers and their mean."""
    if v.op != "subtract" or v.kind != "lanes":
        return False
    x, mean = v.args
    if mean.op != "divide" or mean.args[0].op != "sum":
        return False
    return mean.args[0].args[0] is x and mean.args[1].number == x.width
