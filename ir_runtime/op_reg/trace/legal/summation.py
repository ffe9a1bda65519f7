"""Sums of floats, and functions that use sums, added in a wider dtype and rounded once.

The compiler adds one number after the other: for 800,000 numbers in f32, its sum was 370 units in
the last place off; torch adds in pairs, and was 0.8 off. On CPUs, f64 takes about as long. GPUs
have no f64, or slow f64, and many lanes: there f32 is added in f32.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from ir_runtime.op_reg.trace.legal.table import has_double, overload, rewrite

__all__ = ["wider"]

_WIDER = {
    torch.float32: torch.float64,
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
}
_HALVES = (torch.float16, torch.bfloat16)
_SUMS = (
    "sum.default sum.dim_IntList mean.default mean.dim cumsum.default prod.default prod.dim_int "
    "cumprod.default logcumsumexp.default linalg_vector_norm.default"
)
"""Operators of one tensor; the results have its dtype, unless `dtype` is given."""
_SCATTERED = "scatter_add.default scatter_reduce.two index_add.default"
"""Operators that add to places of a tensor; torch, too, adds 16-bit floats in f32."""
_POOLS = (
    "avg_pool1d.default avg_pool2d.default avg_pool3d.default _adaptive_avg_pool2d.default "
    "_adaptive_avg_pool3d.default adaptive_avg_pool1d.default"
)


def wider(kind: torch.dtype) -> torch.dtype:
    """Return the dtype in which numbers of a dtype are added."""
    wide = _WIDER.get(kind, kind)
    return kind if wide is torch.float64 and not has_double() else wide


def _add_in_wider(name: str) -> None:
    op = overload(name)

    @rewrite(name)
    def added(x: Tensor, *args: Any, dtype: torch.dtype | None = None, **options: Any) -> Any:
        kind = dtype or x.dtype
        empty = any(type(size) is int and size == 0 for size in x.shape)
        if wider(kind) == kind or empty or x.is_complex():
            return NotImplemented
        return op(x.to(kind).to(wider(kind)), *args, **options).to(kind)


def _add_halves_in_float(name: str) -> None:
    op = overload(name)

    @rewrite(name)
    def added(x: Tensor, *args: Any, **options: Any) -> Any:
        if x.dtype not in _HALVES or not _have_dtype(x.dtype, args):
            return NotImplemented
        wide = [_floats(a) if isinstance(a, Tensor) else a for a in args]
        return op(_floats(x), *wide, **options).to(x.dtype)


def _have_dtype(kind: torch.dtype, values: Iterable[Any]) -> bool:
    """Tell whether all tensors but indices have a dtype; torch refuses others when it runs."""
    indices = (torch.int32, torch.int64)
    found = {v.dtype for v in values if isinstance(v, Tensor)}
    return found <= {kind, *indices}


def _floats(x: Tensor) -> Tensor:
    return x.to(torch.float32) if x.is_floating_point() else x


for _name in _SUMS.split():
    _add_in_wider(_name)
for _name in (*_SCATTERED.split(), *_POOLS.split()):
    _add_halves_in_float(_name)


@rewrite("index_put.default")
def _index_put(x: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:  # noqa: FBT001, FBT002
    if not accumulate or x.dtype not in _HALVES or values.dtype != x.dtype:
        return NotImplemented
    return torch.index_put(_floats(x), indices, _floats(values), accumulate=True).to(x.dtype)


@rewrite("_softmax.default")
def _softmax(x: Tensor, dim: int, half_to_float: bool) -> Tensor:  # noqa: FBT001
    if half_to_float or wider(x.dtype) == x.dtype:
        return NotImplemented
    powers = torch.exp(_centred(x, dim))
    return (powers / torch.sum(powers, [dim], keepdim=True)).to(x.dtype)


@rewrite("_log_softmax.default")
def _log_softmax(x: Tensor, dim: int, half_to_float: bool) -> Tensor:  # noqa: FBT001
    if half_to_float or wider(x.dtype) == x.dtype:
        return NotImplemented
    centred = _centred(x, dim)
    total = torch.sum(torch.exp(centred), [dim], keepdim=True)
    return (centred - torch.log(total)).to(x.dtype)


def _centred(x: Tensor, dim: int) -> Tensor:
    wide = _floats(x)
    return wide if x.ndim == 0 else wide - torch.amax(wide, [dim], keepdim=True)
