"""Which results of a row kernel may be written over the input that they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ir_runtime.rows.emit.loops import may_overflow
from ir_runtime.rows.plan import Pass, Plan, lanes_of
from ir_runtime.rows.value import Input, Value

__all__ = ["overwritten"]

Region = tuple[int, int, int]
"""First column, columns, and the distance of groups."""


def overwritten(plan: Plan) -> list[tuple[int, int]]:
    """Return pairs of an input and a result, by number, that may be the same memory.

    Rows belong to one workgroup each, and a loop computes all its vectors before it writes one. So
    what counts is whether a loop reads columns that an earlier loop wrote, or other columns than
    those that it writes in the same step.
    """
    return [
        (source.argument, number)
        for source in plan.graph.inputs
        for number, result in enumerate(plan.graph.results)
        if source.role == "rows"
        and (source.dtype, source.width) == (result.dtype, result.width)
        and result.width > 1
        and _may_be_one(plan, source, number)
    ]


def _may_be_one(plan: Plan, source: Input, result: int) -> bool:
    leaves = [v for v in plan.graph.values() if v.op == "input" and v.source == source.argument]
    if any(v.kind != "lanes" or v.gather >= 0 for v in leaves):
        return False  # a number of the row may be read at any time
    written: list[Region] = []
    for number, each in enumerate(plan.passes):
        earlier = lanes_of(r for p in plan.passes[:number] for r in p.roots())
        now = _stored(plan, each, result, earlier)
        read = [_region(v) for v in _read(plan, each.roots(), source, earlier)]
        if any(_meet(r, w) for r in read for w in written):
            return False
        if any(_meet(r, w) and r != w for r in read for w in now):
            return False
        again = [r.args[0] for r in each.reductions if may_overflow(r)]
        if now and _read(plan, again, source, {}):
            return False  # the loop in float64 reads what the first one wrote over
        written += now
    return True


def _read(
    plan: Plan, roots: Sequence[Value], source: Input, earlier: Iterable[Value]
) -> list[Value]:
    """Return the columns of an input that a pass reads."""
    ready = set(plan.kept) & set(earlier)
    found = lanes_of(roots, ready.__contains__)
    return [v for v in found if v.op == "input" and v.source == source.argument]


def _stored(plan: Plan, each: Pass, result: int, earlier: Iterable[Value]) -> list[Region]:
    """Return the columns of a result that a pass writes, with what it keeps there."""
    stores = [s for s in each.stores if s.result == result]
    found = [(s.at, s.value.width, s.step) for s in stores]
    new = set(lanes_of(each.roots())) - set(earlier)
    kept = [v for v in new if plan.kept.get(v) == result]
    return found + [(0, v.width, 0) for v in kept]


def _region(v: Value) -> Region:
    """Return the columns that an input's vectors are read from."""
    return v.at - v.at % v.stride, v.width * v.stride, v.step


def _meet(a: Region, b: Region) -> bool:
    """Tell whether two regions have a column in common, or groups that are not side by side."""
    return a[2] != b[2] or (a[0] < b[0] + b[1] and b[0] < a[0] + a[1])
