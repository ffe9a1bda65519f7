"""The plan of a row kernel: the loops over the row, and what one loop keeps for a later one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import torch

from ir_runtime.rows.value import REDUCTIONS, Graph, Result, Value, topological

__all__ = ["LANES", "Pass", "Plan", "Store", "make_plan", "unrounded"]

LANES = 32
"""Numbers that a loop processes at a time."""

BLOCK_COLUMNS = 1024
"""Columns up to which a row is not divided."""

STACK_BYTES = 24576
"""Most bytes of a row that are kept on the stack; IREE refuses more than 32 KiB."""

EXPENSIVE = 10
"""Cost from which a value is kept for a later loop."""

COST = {
    "constant": 0,
    "spread": 0,
    "round_to": 6,
    "divide": 4,
    "sqrt": 6,
    "rsqrt": 10,
    "exp": 14,
    "exp_down": 11,
    "exp_down_short": 9,
    "expm1": 20,
    "log": 20,
    "log1p": 28,
    "tanh": 22,
    "erf": 22,
    "normal_cdf": 24,
    "sigmoid": 18,
    "sigmoid_short": 15,
    "gate": 18,
    "gate_short": 15,
    "gate_by_two": 14,
    "gate_by_two_short": 12,
    "softplus": 30,
    "sin": 25,
    "cos": 25,
}
"""Instructions of an operation; 1 for those that are not here."""


@dataclass(frozen=True, slots=True)
class Store:
    """What a loop writes.

    Attributes:
        result: the number of the result.
        at: its first column.
        step: the distance of groups in the result; 0 if the row has no groups.
        value: what is written.
    """

    result: int
    at: int
    step: int
    value: Value

    @property
    def width(self) -> int:
        """The columns of the loop: half of the written ones if they are pairs."""
        return self.value.width // 2 if self.value.op == "interleave" else self.value.width

    def roots(self) -> list[Value]:
        """Return the values that are computed, before their last rounding."""
        pair = self.value.op == "interleave"
        return [unrounded(v) for v in (self.value.args if pair else (self.value,))]


@dataclass(eq=False)
class Pass:
    """A loop over the row, or over a group of its columns.

    Attributes:
        width: its columns.
        groups: how many groups a row has, each of which has this loop; 0 for the whole row.
        reductions: sums, largest and smallest numbers that it ends with.
        stores: what it writes.
    """

    width: int
    groups: int = 0
    reductions: list[Value] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)

    def roots(self) -> list[Value]:
        """Return the values that it computes for others."""
        return [r.args[0] for r in self.reductions] + [v for s in self.stores for v in s.roots()]


@dataclass(frozen=True)
class Plan:
    """What a kernel computes, in order.

    Attributes:
        graph: the function.
        passes: the loops, those of the whole row first.
        kept: where the values are kept that a later pass needs: number of a result, or -1 for
            the stack.
        by_columns: whether a workgroup takes some columns of a row, not the whole row.
        stack: the number of the stack memory of each value that is kept there.
        uses: how often each value is an operand or a part of a result.
        order: `_split` if lanes hold even places first, as two bf16 come apart; else empty.
        streamed: whether results are written past the cache; their memory begins a cache line.
    """

    graph: Graph
    passes: tuple[Pass, ...]
    kept: dict[Value, int]
    stack: dict[Value, int]
    uses: Counter[Value]
    by_columns: bool
    order: str
    streamed: bool = False


Key = tuple[int, int, int]
"""Groups, level and width of a pass; passes are run in this order."""


def make_plan(graph: Graph) -> Plan:
    """Divide a function into passes."""
    level = _levels(graph)
    passes: dict[Key, Pass] = {}

    def pass_of(key: Key) -> Pass:
        return passes.setdefault(key, Pass(key[2], key[0]))

    for v in graph.values():
        if v.op in REDUCTIONS:
            term = v.args[0]
            pass_of((term.groups, level[v], term.width)).reductions.append(v)
    last = max((key[1] for key in passes), default=0) + 1
    for number, result in enumerate(graph.results):
        if result.width == 1:
            continue
        for store in _stores(number, result):
            groups = store.value.groups
            key = _latest(passes, level, store) or (groups, last, store.width)
            pass_of(key).stores.append(store)
    ordered = tuple(passes[key] for key in sorted(passes))
    halves = any(i.dtype == torch.bfloat16 and i.has_rows and i.width > 1 for i in graph.inputs)
    order = "_split" if halves else ""
    numbers = any(r.width == 1 for r in graph.results)
    single = len(ordered) == 1 and not ordered[0].reductions and not numbers
    long = single and ordered[0].width > BLOCK_COLUMNS
    by_columns = long and not ordered[0].groups and not graph.segments
    kept = _choose_kept(graph, ordered, order)
    on_stack = [v for v, place in kept.items() if place < 0]
    stack = {v: number for number, v in enumerate(on_stack)}
    uses = Counter(a for v in graph.values() for a in v.args)
    uses.update(part for r in graph.results for part in r.parts)
    return Plan(graph, ordered, kept, stack, uses, by_columns, order)


def _stores(number: int, result: Result) -> list[Store]:
    stores, column = [], 0
    for part in result.parts:
        step = result.width // part.groups if part.groups else 0
        stores.append(Store(number, column, step, part))
        column += part.width
    return stores


def unrounded(value: Value) -> Value:
    """Return a result before its last rounding, which its store does."""
    return value.args[0] if value.op in ("round_to", "to_int8") else value


def _levels(graph: Graph) -> dict[Value, int]:
    """Return for each value the number of reductions that lie one behind the other before it."""
    level: dict[Value, int] = {}
    for v in graph.values():
        level[v] = max((level[a] for a in v.args), default=0) + (v.op in REDUCTIONS)
    return level


def _latest(passes: dict[Key, Pass], level: dict[Value, int], store: Store) -> Key | None:
    """Return the last pass that computes a value anyway.

    What it reads may be the memory that it writes, so no later pass should read it.
    """
    for key in sorted(passes, reverse=True):
        fits = key[0] == store.value.groups and key[2] == store.width
        if fits and key[1] > level[store.value]:
            computed = lanes_of(passes[key].roots())
            if all(root in computed for root in store.roots()):
                return key
    return None


def lanes_of(
    roots: Iterable[Value], stop: Callable[[Value], bool] = lambda _: False
) -> dict[Value, None]:
    """Return the lane values that a pass computes; values of `stop` are there already."""
    seen: dict[Value, None] = {}
    todo = list(roots)
    while todo:
        v = todo.pop()
        if v.kind == "lanes" and v not in seen:
            seen[v] = None
            if not stop(v):
                todo.extend(v.args)
    return seen


def cost_of(value: Value) -> int:
    """Return the instructions that a vector of a value takes."""
    return sum(COST.get(v.op, 1) for v in topological([value]) if v.kind == "lanes")


def _choose_kept(graph: Graph, passes: Sequence[Pass], order: str) -> dict[Value, int]:
    kept: dict[Value, int] = {}
    stack = 0
    for number, later in enumerate(passes):
        earlier = lanes_of(root for p in passes[:number] for root in p.roots())
        todo = later.roots()
        while todo:
            v = todo.pop()
            if v.kind != "lanes" or v in kept:
                continue
            if v not in earlier or v.is_bool or cost_of(v) < EXPENSIVE:
                todo.extend(v.args)
                continue
            free = _free_result(graph, passes, kept, v) if not order else None
            if free is not None:
                kept[v] = free
            elif stack + 4 * (v.width + LANES) <= STACK_BYTES:
                kept[v] = -1
                stack += 4 * (v.width + LANES)
            else:
                todo.extend(v.args)
    return kept


def _free_result(
    graph: Graph, passes: Sequence[Pass], kept: dict[Value, int], v: Value
) -> int | None:
    """Return a float32 result whose row can hold a value until its own value is stored.

    The last pass that needs the value stores this result, so nothing reads it afterwards.
    """
    users = [n for n, p in enumerate(passes) if v in lanes_of(p.roots())]
    stored = {s.result: n for n, p in enumerate(passes) for s in p.stores}
    for number, result in enumerate(graph.results):
        fits = _is_plain(result) and result.width == v.width and number not in kept.values()
        fits = fits and not v.groups
        if fits and stored[number] == users[-1]:
            return number
    return None


def _is_plain(result: Result) -> bool:
    plain = result.dtype == torch.float32 and len(result.parts) == 1 and result.width > 1
    return plain and result.parts[0].op != "interleave" and not result.parts[0].groups
