"""Numbers as operands beside tensors, converted to int or float as the tensor's dtype needs.

The compiler folds operators of constants, and reads a number there with the tensor's dtype: it
folded `torch.ones(2) * -1` to 2 to the power of 64, and `torch.ones(2) < 2` to False.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime.op_reg.trace.legal.table import overload, plain, promoted, rewrite, scalar_like

__all__: list[str] = []


def _compare(name: str) -> None:
    op = overload(name)

    @rewrite(name)
    def compared(x: Tensor, y: Any) -> Any:
        if not _is_number(y) or x.is_complex():
            return NotImplemented
        kind = torch.result_type(x, y)
        kind = torch.int32 if kind == torch.bool else kind
        number = _as(y, kind)
        if kind != x.dtype:
            return op(x.to(kind), number)
        return NotImplemented if type(number) is type(y) else plain(name, x, number)


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    _compare(f"{_name}.Scalar")


@rewrite("full.default")
def _full(size: Any, value: Any, *, dtype: torch.dtype | None = None, **options: Any) -> Any:
    """Convert each number except 0 to True; the compiler would read only its lowest bit."""
    if dtype != torch.bool or type(value) not in (int, float):
        return NotImplemented
    return plain("full.default", size, bool(value), dtype=dtype, **options)


@rewrite("add.Tensor")
def _either(x: Tensor, y: Any, *, alpha: Any = 1) -> Any:
    """Add booleans as torch does; the compiler's sum of True and True is False."""
    if torch.result_type(x, y) != torch.bool or not alpha:
        return NotImplemented
    return torch.bitwise_or(*promoted(x, y))


def _calculate(name: str) -> None:
    """Rewrite an operator of two operands, with an optional factor `alpha` of the second one."""
    op = overload(name)

    @rewrite(name)
    def calculated(x: Any, y: Any, **options: Any) -> Any:
        kind = torch.result_type(x, y)
        if kind == torch.bool and _is_number(y):
            return op(x, scalar_like(x, y), **options)
        if not kind.is_floating_point:
            return NotImplemented
        if not any(type(v) in (bool, int) for v in (y, *options.values())):
            return NotImplemented
        options = {key: _as(value, kind) for key, value in options.items()}
        return plain(name, x, _as(y, kind), **options)


for _name in ("add", "sub", "mul", "div"):
    _calculate(f"{_name}.Tensor")


def _is_number(value: object) -> bool:
    return type(value) in (bool, int, float)  # a symbolic size is none of these


def _as(value: Any, kind: torch.dtype) -> Any:
    """Return a number as float or int as a dtype needs; tensors and symbolic sizes unchanged."""
    if not _is_number(value):
        return value
    return float(value) if kind.is_floating_point else int(value)
