"""Which results of a GPU kernel may be written over the input that they are made of."""

from __future__ import annotations

from ir_runtime.rows.emit.overwrite import overwritten as overwritten_in_order
from ir_runtime.rows.plan import Plan, lanes_of
from ir_runtime.rows.value import Input

__all__ = ["overwritten"]


def overwritten(plan: Plan) -> list[tuple[int, int]]:
    """Return pairs of an input and a result, by number, that may be the same memory.

    Threads run at different times: a thread may write before another one reads. So besides the
    rules of kernels that run in order, each vector of the input must be read by the thread that
    writes there: all loops divide the row among threads in the same way, and each reads all the
    columns that it writes.
    """
    return [
        (argument, result)
        for argument, result in overwritten_in_order(plan)
        if _is_own(plan, next(i for i in plan.graph.inputs if i.argument == argument), result)
    ]


def _is_own(plan: Plan, source: Input, result: int) -> bool:
    """Tell whether all columns are read at the places of threads that write them."""
    written = {
        (p.groups, s.at, s.width, s.step, 2 if s.value.op == "interleave" else 1)
        for p in plan.passes
        for s in p.stores
        if s.result == result
    }
    read = {
        (p.groups, v.at - v.at % v.stride, v.width, v.step, v.stride)
        for p in plan.passes
        for v in lanes_of(p.roots())
        if v.op == "input" and v.source == source.argument
    }
    # Clamped reads go beyond a thread's own columns only where it writes nothing.
    return bool(read) and read <= written and _are_joined(plan, source, result)


def _are_joined(plan: Plan, source: Input, result: int) -> bool:
    """Tell whether the stores that need several regions of an input are of one loop."""
    users = {
        number
        for number, p in enumerate(plan.passes)
        if any(v.op == "input" and v.source == source.argument for v in lanes_of(p.roots()))
    }
    writers = {n for n, p in enumerate(plan.passes) if any(s.result == result for s in p.stores)}
    groups = {plan.passes[n].groups for n in users | writers}
    return len(groups) == 1
