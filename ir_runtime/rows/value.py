"""The values of a row kernel: a graph of some forty operations, without torch's operators.

A value is one of four kinds:

- lanes: it differs along the row; inside a loop it is a vector of 32 numbers;
- group: one number for each group of columns, computed between the loops over a group, in float64;
- row: one number for each row, computed between the loops in float64;
- constant: a number that is compiled in.

Lanes are those of a row, or of a group: such a value has the width of one group, and its inputs are
read at columns that grow from group to group.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from ir_runtime.dtypes import dtype_info

__all__ = [
    "COMPARISONS",
    "EXTREMES",
    "LOGIC",
    "REDUCTIONS",
    "SHORT_FORM",
    "Gather",
    "Graph",
    "Input",
    "NoRuleError",
    "Result",
    "Value",
    "topological",
]

COMPARISONS = {"gt": "ogt", "ge": "oge", "lt": "olt", "le": "ole", "eq": "oeq", "ne": "une"}
"""MLIR's predicate of each comparison."""

LOGIC = ("and", "or", "not")
EXTREMES = ("most", "least", "most_number")
REDUCTIONS = ("sum", *EXTREMES)
"""`most_number` passes over NaN."""

SHORT_FORM = "_short"
"""What the name of a function's shorter form ends with."""


class NoRuleError(Exception):
    """Tells why the arguments of an operator have no rule; the trace adds operator and line."""


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """One value. `Values` makes them, equal ones once.

    Attributes:
        op: the operation: `input`, `constant`, `spread`, `round_to`, a reduction, arithmetic, or
            `interleave`, whose operands have the even and the odd columns.
        args: its operands.
        kind: `lanes`, `group`, `row` or `constant`.
        width: columns of lanes, within a group if it has groups; 1 for other kinds.
        is_bool: whether it is a truth value.
        number: of a constant.
        source: of an input, the number of the input.
        at: of an input, its first column.
        dtype: of `round_to`.
        groups: how many groups a row has; 0 if the value is one of the whole row.
        stride: of an input, the distance of its columns: 1 or 2.
        step: of an input, the distance of its groups; 0 if all groups read the same columns.
        gather: of an input, the number of the gather that chooses its row; -1 if it is the row.
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
    groups: int = 0
    stride: int = 1
    step: int = 0
    gather: int = -1

    def __repr__(self) -> str:
        return f"{self.op}<{self.kind}>"


@dataclass(frozen=True, slots=True)
class Input:
    """An input tensor of the kernel.

    Attributes:
        argument: its number among the tensors of the function.
        dtype: its dtype.
        width: columns of a row.
        role: `rows`, if each row has its own; `shared`, if all rows share one; `broadcast`, if
            some rows share one; `table`, if rows are chosen by an index; `index`, if it chooses
            them; `unused`.
        inner: the last sizes of the function's tensor, after those of the rows.
        along: of `broadcast`, for each dimension of the rows whether it has it, too.
    """

    argument: int
    dtype: torch.dtype
    width: int
    role: str
    inner: tuple[int, ...]
    along: tuple[bool, ...] = ()

    @property
    def each_row(self) -> bool:
        """Whether each row has its own."""
        return self.role == "rows"

    @property
    def has_rows(self) -> bool:
        """Whether its memory is rows."""
        return self.role in ("rows", "broadcast", "table")

    @property
    def is_bound(self) -> bool:
        """Whether the kernel reads it; checked indices are operands of their own."""
        return self.has_rows or self.role == "shared"


@dataclass(frozen=True, slots=True)
class Gather:
    """Rows of a table that an index chooses.

    Attributes:
        index: the number of the input that has one index for each row.
        table: the number of the input whose rows are chosen.
        wraps: whether negative indices count from the end.
    """

    index: int
    table: int
    wraps: bool


@dataclass(frozen=True, slots=True)
class Result:
    """A result: parts beside each other in its last dimension.

    Attributes:
        parts: the parts, each of which fills its width.
        dtype: the dtype.
        width: the last size of the kernel's result.
        shape: the shape of the function's result.
        inner: the last sizes of the function's result, after those of the rows.
    """

    parts: tuple[Value, ...]
    dtype: torch.dtype
    width: int
    shape: tuple[int, ...]
    inner: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """A traced function.

    Attributes:
        inputs: the tensors that it reads.
        results: its results.
        gathers: which rows of tables it reads.
    """

    inputs: tuple[Input, ...]
    results: tuple[Result, ...]
    gathers: tuple[Gather, ...] = ()

    @property
    def leader(self) -> Input:
        """The input whose first sizes are those of the rows."""
        with_rows = (i for i in self.inputs if i.role in ("rows", "index"))
        return min(with_rows, key=lambda i: i.role != "rows")

    @property
    def segments(self) -> tuple[int, ...]:
        """How many dimensions of the rows are beside each other in all broadcast inputs.

        Empty if there are none: all dimensions are one then.
        """
        patterns = list(zip(*(i.along for i in self.inputs if i.along), strict=True))
        return tuple(len(list(same)) for _, same in itertools.groupby(patterns))

    def along(self, source: Input) -> tuple[bool, ...]:
        """Return for each segment whether a broadcast input has its dimensions."""
        starts = itertools.accumulate(self.segments[:-1], initial=0)
        return tuple(source.along[start] for start in starts)

    def values(self) -> list[Value]:
        """Return all values, operands before those who use them."""
        return topological(part for result in self.results for part in result.parts)

    def has_short_nan(self, value: Value) -> bool:
        """Tell whether the low 16 bits of a value's NaNs are clear, since no others come in."""
        sources = {v.source for v in topological([value]) if v.op == "input"}
        others = (torch.float32, torch.float16)
        return not any(self.inputs[n].dtype in others for n in sources)

    def rounding(self, value: Value) -> str:
        """Return the vector function of a `round_to`."""
        assert value.dtype is not None
        is_short = value.dtype == torch.bfloat16 and self.has_short_nan(value)
        return f"round_{dtype_info(value.dtype).mlir}{'_short_nan' if is_short else ''}"

    def text(self) -> str:
        """Return text that is equal for graphs with the same kernel."""
        names: dict[Value, str] = {}
        lines = [repr(i) for i in (*self.inputs, *self.gathers)]
        for value in self.values():
            names[value] = f"%{len(names)}"
            operands = ", ".join(names[a] for a in value.args)
            facts = (value.kind, value.width, value.number.hex(), value.source, value.at)
            facts += (value.groups, value.stride, value.step, value.gather)
            lines.append(f"{names[value]} = {value.op}({operands}) {facts} {value.dtype}")
        for result in self.results:
            parts = ", ".join(names[part] for part in result.parts)
            lines.append(f"{parts}: {result.dtype} {result.inner}")
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
