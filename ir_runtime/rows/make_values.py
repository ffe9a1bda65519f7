"""`Values`: makes the values of a row kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from ir_runtime.rows.value import COMPARISONS, LOGIC, REDUCTIONS, NoRuleError, Value, topological

__all__ = ["JOINS", "Values"]

_COMMUTATIVE = ("add", "multiply")
_KINDS = ("constant", "row", "group", "lanes")
JOINS = {"sum": "add", "most": "max", "least": "min", "most_number": "max"}
"""The operation that joins two numbers of a reduction."""


class Values:
    """Makes values: equal ones once, arithmetic on constants at once, slices at the inputs."""

    def __init__(self) -> None:
        self._known: dict[Any, Value] = {}

    def constant(self, number: float, *, is_bool: bool = False) -> Value:
        """Return a constant."""
        number = float(number)
        key = ("constant", number.hex(), is_bool)
        return self._keep(key, Value("constant", (), "constant", number=number, is_bool=is_bool))

    def input(
        self,
        source: int,
        width: int,
        at: int = 0,
        *,
        stride: int = 1,
        step: int = 0,
        groups: int = 0,
        gather: int = -1,
    ) -> Value:
        """Return `width` columns of an input, from column `at`; see `Value`."""
        if width == 1:
            stride, groups = 1, groups if step else 0
        kind = "lanes" if width > 1 else "group" if groups else "row"
        made = Value(
            "input",
            (),
            kind,
            width,
            source=source,
            at=at,
            groups=groups,
            stride=stride,
            step=step,
            gather=gather,
        )
        return self._keep(("input", source, width, at, stride, step, groups, gather), made)

    def spread(self, value: Value, width: int, groups: int = 0) -> Value:
        """Return lanes that are all equal to the number of a row or a group, or to a constant."""
        if value.kind == "lanes" or width == 1:
            return value
        groups = value.groups or groups
        spread = Value("spread", (value,), "lanes", width, value.is_bool, groups=groups)
        return self._keep(("spread", value, width, groups), spread)

    def interleave(self, even: Value, odd: Value) -> Value:
        """Return lanes whose columns are those of two values by turns."""
        width = 2 * max(even.width, odd.width)
        groups = max(even.groups, odd.groups)
        made = Value("interleave", (even, odd), "lanes", width, even.is_bool, groups=groups)
        return self._keep(("interleave", even, odd), made)

    def round_to(self, value: Value, dtype: torch.dtype) -> Value:
        """Return a value, rounded to the numbers of a dtype."""
        if value.dtype == dtype and value.op == "round_to":
            return value
        if value.kind == "constant":
            return self.constant(torch.tensor(value.number, dtype=dtype).item())
        if value.op == "interleave":
            even, odd = (self.round_to(a, dtype) for a in value.args)
            return self.interleave(even, odd)
        rounded = Value(
            "round_to", (value,), value.kind, value.width, dtype=dtype, groups=value.groups
        )
        return self._keep(("round_to", value, dtype), rounded)

    def reduce(self, op: str, value: Value) -> Value:
        """Return the sum, the most or the least of the numbers of a row, or of each group."""
        value = self.number_of(value)
        if value.op == "interleave":
            return self.make(JOINS[op], *(self.reduce(op, a) for a in value.args))
        if value.kind != "lanes":
            return value
        kind = "group" if value.groups else "row"
        return self._keep((op, value), Value(op, (value,), kind, groups=value.groups))

    def make(self, op: str, *args: Value) -> Value:
        """Return an operation on values of one width, rows and constants."""
        if op not in LOGIC and op != "select":
            args = tuple(self.number_of(a) for a in args)
        elif op == "select":
            args = (args[0], *(self.number_of(a) for a in args[1:]))
        if any(a.op == "interleave" for a in args):
            even, odd = (self.make(op, *self.every_second(args, first)) for first in (0, 1))
            return self.interleave(even, odd)
        groups = max(a.groups for a in args)
        if all(a.kind != "lanes" or a.op == "spread" for a in args) and any(
            a.op == "spread" for a in args
        ):
            width = max(a.width for a in args)
            return self.spread(
                self.make(op, *(a.args[0] if a.op == "spread" else a for a in args)),
                width,
                groups,
            )
        if all(a.kind == "constant" for a in args):
            folded = _folded(op, [a.number for a in args])
            if folded is not None:
                return self.constant(folded)
        kind = max((a.kind for a in args), key=_KINDS.index)
        kind = "row" if kind == "constant" else kind
        width = max(a.width for a in args)
        is_bool = op in COMPARISONS or op in LOGIC
        key = (op, args)
        if op in _COMMUTATIVE and (op, args[::-1]) in self._known:
            key = (op, args[::-1])
        return self._keep(key, Value(op, args, kind, width, is_bool, groups=groups))

    def number_of(self, value: Value) -> Value:
        """Return a value for arithmetic: truth values become 0 and 1."""
        if not value.is_bool:
            return value
        return self.make("select", value, self.constant(1.0), self.constant(0.0))

    def part(self, value: Value, at: int, width: int) -> Value:
        """Return `width` columns of lanes, from column `at`: the inputs are read there."""
        if value.op == "interleave":
            return self._part_of_pair(value.args, at, width)

        def read(v: Value) -> Value:
            return self._read_at(v, width=width, at=v.at + at * v.stride)

        return self._by_inputs(value, read, width, value.groups)

    def _part_of_pair(self, pair: Sequence[Value], at: int, width: int) -> Value:
        def part(value: Value, first: int, count: int) -> Value:
            lanes = value.kind == "lanes" and value.width != count
            return self.part(value, first, count) if lanes else value

        first, second = reversed(pair) if at % 2 else pair
        half = (width + 1) // 2
        a = part(first, at // 2, half)
        if width == 1:
            return a
        if width % 2:
            raise NoRuleError("it takes an odd number of interleaved columns")
        return self.interleave(a, part(second, (at + 1) // 2, half))

    def every_second(self, values: Sequence[Value], first: int) -> list[Value]:
        """Return every second column of lanes, from column 0 or 1; other kinds as they are."""
        return [self._half(v, first) if v.kind == "lanes" else v for v in values]

    def _half(self, value: Value, first: int) -> Value:
        if value.op == "interleave":
            return value.args[first]
        if value.width % 2:
            raise NoRuleError(f"it takes every second of {value.width} columns")
        width = value.width // 2

        def read(v: Value) -> Value:
            if v.stride != 1 or v.at % 2:  # a vector of pairs begins at an even column
                raise NoRuleError("it takes every second column from an odd one, or twice")
            return self._read_at(v, width=width, at=v.at + first, stride=2)

        return self._by_inputs(value, read, width, value.groups)

    def in_groups(self, value: Value, groups: int, width: int, *, is_shared: bool) -> Value:
        """Return lanes as those of each group.

        Args:
            value: lanes of a row.
            groups: how many groups a row has.
            width: columns of a group.
            is_shared: whether all groups have these lanes; else each has its part of them.
        """
        if value.kind != "lanes" or value.groups:
            return value
        if value.op == "interleave":
            if width % 2:
                raise NoRuleError("it divides interleaved pairs")
            even, odd = (
                self.in_groups(a, groups, width // 2, is_shared=is_shared) for a in value.args
            )
            return self.interleave(even, odd)

        def read(v: Value) -> Value:
            step = 0 if is_shared else width * v.stride
            return self._read_at(v, width=width, groups=groups, step=step)

        return self._by_inputs(value, read, width, groups)

    def _read_at(self, v: Value, **changes: int) -> Value:
        facts = {"width": v.width, "at": v.at, "stride": v.stride, "step": v.step}
        facts |= {"groups": v.groups, "gather": v.gather}
        return self.input(v.source, **(facts | changes))

    def _by_inputs(
        self, value: Value, read: Callable[[Value], Value], width: int, groups: int
    ) -> Value:
        """Return lanes made of inputs that are read elsewhere."""
        made: dict[Value, Value] = {}
        for v in topological([value]):
            if v.kind != "lanes":
                made[v] = v
            elif v.op == "input":
                made[v] = read(v)
            elif v.op == "spread":  # of its number, which other lanes spread again
                made[v] = v.args[0]
            else:
                made[v] = self.again(v, [made[a] for a in v.args])
        return self.spread(made[value], width, groups)

    def again(self, value: Value, args: Sequence[Value]) -> Value:
        """Return the operation of `value` on other operands."""
        if value.op in ("input", "constant"):
            return value
        if value.op == "spread":
            return self.spread(args[0], value.width, value.groups)
        if value.op == "interleave":
            even, odd = args
            return self.interleave(even, odd)
        if value.op == "round_to":
            assert value.dtype is not None
            return self.round_to(args[0], value.dtype)
        if value.op in REDUCTIONS:
            return self.reduce(value.op, args[0])
        return self.make(value.op, *args)

    def _keep(self, key: Any, value: Value) -> Value:
        return self._known.setdefault(key, value)


def _folded(op: str, numbers: Sequence[float]) -> float | None:
    """Return the result of exact arithmetic on constants, None if it is left to the kernel."""
    if op == "neg":
        return -numbers[0]
    if op == "abs":
        return abs(numbers[0])
    if op not in ("add", "subtract", "multiply"):
        return None
    a, b = numbers
    return a + b if op == "add" else a - b if op == "subtract" else a * b
