"""Rules of operators that read the rows of a table that an index chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ir_runtime.rows.normal_form.result_like import empty
from ir_runtime.rows.normal_form.table import Formed, rule
from ir_runtime.rows.row_tensor import NoRuleError, RowTensor, TraceState
from ir_runtime.rows.value import Gather

__all__: list[str] = []


def _like(table: RowTensor, index: Any) -> Any:
    if table.ndim != 2:
        raise NoRuleError(f"its table has {table.ndim} dimensions, must have 2")
    if not isinstance(index, RowTensor) or index.form != "index":
        raise NoRuleError("its index is no argument that has one integer for each row")
    return empty((*index.shape, table.shape[1]), table.dtype)


def _gathered(t: TraceState, table: RowTensor, index: Any, *, wraps: bool) -> Formed:
    numbers = {id(a): number for number, a in enumerate(t.arguments)}
    if id(table) not in numbers:
        raise NoRuleError("its table is no argument")
    gather = Gather(numbers[id(index)], numbers[id(table)], wraps)
    if gather not in t.gathers:
        t.gathers.append(gather)
    found = t.gathers.index(gather)
    return Formed(t.values.input(gather.table, table.shape[1], gather=found), "rows")


def _embedding_like(table: RowTensor, index: Any, *_: Any) -> Any:
    return _like(table, index)


@rule("embedding", like=_embedding_like, kind="gather")
def _embedding(t: TraceState, _: Any, table: RowTensor, index: Any, *__: Any) -> Formed:
    return _gathered(t, table, index, wraps=False)


def _index_like(table: RowTensor, indices: Sequence[Any]) -> Any:
    first, *others = indices
    if first is None or any(o is not None for o in others):
        raise NoRuleError("it chooses along other dimensions than the first")
    return _like(table, first)


@rule("index", like=_index_like, kind="gather")
def _index(t: TraceState, _: Any, table: RowTensor, indices: Sequence[Any]) -> Formed:
    return _gathered(t, table, indices[0], wraps=True)


def _index_select_like(table: RowTensor, dim: int, index: Any) -> Any:
    if dim not in (0, -table.ndim):
        raise NoRuleError(f"it chooses along dimension {dim}, must be the first one")
    return _like(table, index)


@rule("index_select", like=_index_select_like, kind="gather")
def _index_select(t: TraceState, _: Any, table: RowTensor, dim: int, index: Any) -> Formed:
    del dim
    return _gathered(t, table, index, wraps=False)
