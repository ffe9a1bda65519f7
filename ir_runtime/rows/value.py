"""The values of a row kernel: a graph of some forty operations, without torch's operators.

A value is one of three kinds:

- lanes: it differs along the row; inside a loop it is a vector of 32 numbers;
- row: one number for each row, computed between the loops in float64;
- constant: a number that is compiled in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

__all__ = [
    "COMPARISONS",
    "LOGIC",
    "REDUCTIONS",
    "Graph",
    "Input",
    "Result",
    "Value",
    "Values",
    "topological",
]

COMPARISONS = {"gt": "ogt", "ge": "oge", "lt": "olt", "le": "ole", "eq": "oeq", "ne": "une"}
"""MLIR's predicate of each comparison."""

LOGIC = ("and", "or", "not")
REDUCTIONS = ("sum", "most", "least")
_COMMUTATIVE = ("add", "multiply")


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """One value. Values are made by `Values.make`, which makes equal ones once.

    Attributes:
        op: the operation: `input`, `constant`, `spread`, `round_to`, a reduction, or arithmetic.
        args: its operands.
        kind: `lanes`, `row` or `constant`.
        width: columns of lanes; 1 for other kinds.
        is_bool: whether it is a truth value.
        number: of a constant.
        source: of an input, the number of the input.
        at: of an input, its first column.
        dtype: of `round_to`.
    """

    op: str
    args: tuple[Value, ...] = ()
    kind: str = "lanes"
    width: int = 1
    is_bool: bool = False
    number: float = 0.0
    source: int = -1
    at: int = 0
    dtype: torch.dtype | None = None

    def __repr__(self) -> str:
        return f"{self.op}<{self.kind}>"


@dataclass(frozen=True, slots=True)
class Input:
    """An input tensor of the kernel.

    Attributes:
        argument: its number among the tensors of the function.
        dtype: its dtype.
        width: its last size; 1 for a tensor without dimensions.
        each_row: whether each row has its own; else all rows share one.
    """

    argument: int
    dtype: torch.dtype
    width: int
    each_row: bool


@dataclass(frozen=True, slots=True)
class Result:
    """A result: parts beside each other in its last dimension.

    Attributes:
        parts: the parts, each of which fills its width.
        dtype: the dtype.
        width: the last size of the kernel's result.
        shape: the shape of the function's result.
        drops: whether the function's result lacks the last dimension, which is 1 here.
    """

    parts: tuple[Value, ...]
    dtype: torch.dtype
    width: int
    shape: tuple[int, ...]
    drops: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """A traced function.

    Attributes:
        inputs: the tensors that it reads.
        results: its results.
    """

    inputs: tuple[Input, ...]
    results: tuple[Result, ...]

    def values(self) -> list[Value]:
        """Return all values, operands before those who use them."""
        return topological(part for result in self.results for part in result.parts)

    def text(self) -> str:
        """Return text that is equal for graphs with the same kernel."""
        names: dict[Value, str] = {}
        lines = [repr(i) for i in self.inputs]
        for value in self.values():
            names[value] = f"%{len(names)}"
            operands = ", ".join(names[a] for a in value.args)
            facts = (value.kind, value.width, value.number.hex(), value.source, value.at)
            lines.append(f"{names[value]} = {value.op}({operands}) {facts} {value.dtype}")
        for result in self.results:
            parts = ", ".join(names[part] for part in result.parts)
            lines.append(f"{parts}: {result.dtype} {result.width}")
        return "\n".join(lines)


def topological(results: Iterable[Value]) -> list[Value]:
    """Return the values that some results are made of, operands first."""
    seen: dict[Value, None] = {}
    stack = [(value, False) for value in reversed(list(results))]
    while stack:
        value, ready = stack.pop()
        if ready:
            seen.setdefault(value)
        elif value not in seen:
            stack.append((value, True))
            stack.extend((a, False) for a in reversed(value.args))
    return list(seen)


class Values:
    """Makes values: equal ones once, arithmetic on constants at once, slices at the inputs."""

    def __init__(self) -> None:
        self._known: dict[Any, Value] = {}

    def constant(self, number: float, *, is_bool: bool = False) -> Value:
        """Return a constant."""
        number = float(number)
        key = ("constant", number.hex(), is_bool)
        return self._keep(key, Value("constant", (), "constant", number=number, is_bool=is_bool))

    def input(self, source: int, width: int, at: int = 0) -> Value:
        """Return `width` columns of an input, from column `at`."""
        kind = "row" if width == 1 else "lanes"
        key = ("input", source, width, at)
        return self._keep(key, Value("input", (), kind, width, source=source, at=at))

    def spread(self, value: Value, width: int) -> Value:
        """Return lanes that are all equal to a row's number or a constant."""
        if value.kind == "lanes" or width == 1:
            return value
        spread = Value("spread", (value,), "lanes", width, value.is_bool)
        return self._keep(("spread", value, width), spread)

    def round_to(self, value: Value, dtype: torch.dtype) -> Value:
        """Return a value, rounded to the numbers of a dtype."""
        if value.dtype == dtype and value.op == "round_to":
            return value
        if value.kind == "constant":
            return self.constant(torch.tensor(value.number, dtype=dtype).item())
        rounded = Value("round_to", (value,), value.kind, value.width, dtype=dtype)
        return self._keep(("round_to", value, dtype), rounded)

    def reduce(self, op: str, value: Value) -> Value:
        """Return the sum, the most or the least of the numbers of a row."""
        value = self.number_of(value)
        assert value.kind == "lanes"
        return self._keep((op, value), Value(op, (value,), "row"))

    def make(self, op: str, *args: Value) -> Value:
        """Return an operation on values of one width, rows and constants."""
        if op not in LOGIC and op != "select":
            args = tuple(self.number_of(a) for a in args)
        elif op == "select":
            args = (args[0], *(self.number_of(a) for a in args[1:]))
        if all(a.kind != "lanes" or a.op == "spread" for a in args) and any(
            a.op == "spread" for a in args
        ):
            width = max(a.width for a in args)
            return self.spread(
                self.make(op, *(a.args[0] if a.op == "spread" else a for a in args)), width
            )
        if all(a.kind == "constant" for a in args):
            folded = _folded(op, [a.number for a in args])
            if folded is not None:
                return self.constant(folded)
        kind = "lanes" if any(a.kind == "lanes" for a in args) else "row"
        width = max(a.width for a in args)
        is_bool = op in COMPARISONS or op in LOGIC
        key = (op, args)
        if op in _COMMUTATIVE and (op, args[::-1]) in self._known:
            key = (op, args[::-1])
        return self._keep(key, Value(op, args, kind, width, is_bool))

    def number_of(self, value: Value) -> Value:
        """Return a value for arithmetic: truth values become 0 and 1."""
        if not value.is_bool:
            return value
        return self.make("select", value, self.constant(1.0), self.constant(0.0))

    def part(self, value: Value, at: int, width: int) -> Value:
        """Return `width` columns of lanes, from column `at`: the inputs are read there."""
        made: dict[Value, Value] = {}
        for v in topological([value]):
            if v.kind != "lanes":
                made[v] = v
            elif v.op == "input":
                made[v] = self.input(v.source, width, v.at + at)
            else:
                made[v] = self.again(v, [made[a] for a in v.args], width)
        return made[value]

    def again(self, value: Value, args: Sequence[Value], width: int = 0) -> Value:
        """Return the operation of `value` on other operands."""
        if value.op in ("input", "constant"):
            return value
        if value.op == "spread":
            return self.spread(args[0], width or value.width)
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
