"""Rules of operators that make a tensor of one number."""

from __future__ import annotations

from typing import Any

import torch

from ir_runtime.rows.normal_form.table import rule
from ir_runtime.rows.row_tensor import NoRuleError, TraceState
from ir_runtime.rows.value import Value

__all__: list[str] = []


def _constant(t: TraceState, out: Any, number: Any) -> Value:
    if not isinstance(number, int | float):
        raise NoRuleError(f"it is filled with {number!r}")
    if out.dtype == torch.bool:
        return t.values.constant(bool(number), is_bool=True)
    return t.value(float(number), out.dtype)


@rule("full", "full_like", "new_full", kind="move")
def _full(t: TraceState, out: Any, size: Any, *rest: Any, **options: Any) -> Value:
    del size
    number = options["fill_value"] if "fill_value" in options else rest[-1]
    return _constant(t, out, number)


@rule("scalar_tensor", kind="move")
def _scalar(t: TraceState, out: Any, number: Any, **options: Any) -> Value:
    del options
    return _constant(t, out, number)


@rule("zeros", "zeros_like", "new_zeros", kind="move")
def _zeros(t: TraceState, out: Any, *rest: Any, **options: Any) -> Value:
    del rest, options
    return _constant(t, out, 0)


@rule("ones", "ones_like", "new_ones", kind="move")
def _ones(t: TraceState, out: Any, *rest: Any, **options: Any) -> Value:
    del rest, options
    return _constant(t, out, 1)
