"""Rules of reductions along the last dimension."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ir_runtime.rows.make_values import JOINS
from ir_runtime.rows.normal_form.result_like import reduction
from ir_runtime.rows.normal_form.table import Dropped, rule
from ir_runtime.rows.row_tensor import RowTensor, TraceState
from ir_runtime.rows.value import Value

__all__ = ["mean_of", "most_number_of", "sum_of"]


def reduced(t: TraceState, op: str, x: RowTensor | Sequence[Value], width: int) -> Value:
    """Reduce the parts of a row of some width."""
    parts = x.parts if isinstance(x, RowTensor) else x
    if len(parts) == 1 and parts[0].kind != "lanes":
        if op != "sum" or width == 1:
            return t.values.number_of(parts[0])
        return t.values.make("multiply", parts[0], t.values.constant(width))
    found = [t.values.reduce(op, part) for part in parts]
    return functools.reduce(lambda a, b: t.values.make(JOINS[op], a, b), found)


def sum_of(t: TraceState, x: Value, width: int) -> Value:
    """Return the sum of each row."""
    return reduced(t, "sum", (x,), width)


def most_number_of(t: TraceState, x: Value, width: int) -> Value:
    """Return the largest number of each row, and NaN only if there is none.

    It is for functions whose result is NaN anyway, by a sum over the row.
    """
    return reduced(t, "most_number", (x,), width)


def mean_of(t: TraceState, x: Value, width: int) -> Value:
    """Return the mean of each row."""
    return t.values.make("divide", sum_of(t, x, width), t.values.constant(width))


def _variance(t: TraceState, x: RowTensor, correction: Any) -> tuple[Value, Value]:
    """Return the variance and the mean."""
    width = x.shape[-1]
    correction = 1 if correction is None else correction
    constant, make = t.values.constant, t.values.make
    mean = make("divide", reduced(t, "sum", x, width), constant(width))
    squares = []
    for part in x.parts:
        off = make("subtract", t.values.number_of(part), mean)
        squares.append(make("multiply", off, off))
    total = reduced(t, "sum", squares, width)
    return make("divide", total, constant(max(width - correction, 0))), mean


def _mean(t: TraceState, x: RowTensor, _: Any) -> Value:
    total = reduced(t, "sum", x, x.shape[-1])
    return t.values.make("divide", total, t.values.constant(x.shape[-1]))


def _reducing(op: str) -> Callable[..., Value]:
    return lambda t, x, _: reduced(t, op, x, x.shape[-1])


def _register(
    name: str,
    compute: Callable[[TraceState, RowTensor, Any], Value | tuple[Value, ...]],
    *,
    like: Callable[..., Any] = reduction,
    kind: str = "arithmetic",
) -> None:
    """Register the rule of an operator that `compute` gives the numbers of a row for."""

    def build(
        t: TraceState,
        _: Any,
        x: RowTensor,
        dims: Any = None,
        keepdim: bool = False,
        *,
        correction: Any = 1,
        dtype: Any = None,
    ) -> Any:
        del dims, dtype  # `like` looks at them

        def shaped(value: Value) -> Any:
            return value if keepdim else Dropped(value)

        found = compute(t, x, correction)
        return shaped(found) if isinstance(found, Value) else [shaped(v) for v in found]

    rule(name, like=like, kind=kind)(build)


def _two(*args: Any, **options: Any) -> tuple[Any, Any]:
    return reduction(*args, **options), reduction(*args, **options)


_register("sum", _reducing("sum"))
_register("mean", _mean)
_register("amax", _reducing("most"), kind="choice")
_register("amin", _reducing("least"), kind="choice")
_register("var", lambda t, x, correction: _variance(t, x, correction)[0])
_register("var_mean", _variance, like=_two)
_register("std", lambda t, x, c: t.values.make("sqrt", _variance(t, x, c)[0]))
