"""Operators that move elements, which the compiler lacks or computes wrongly."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from ir_runtime.op_reg.trace.legal.table import plain, rewrite, scalar_like

__all__: list[str] = []


@rewrite("squeeze.dims")
def _squeeze(x: Tensor, dims: Sequence[int]) -> Tensor:
    if not isinstance(x.numel(), torch.SymInt) and x.numel() == 0:
        return scalar_like(x, 0).expand(plain("squeeze.dims", x, dims).shape)
    for dim in sorted({d % max(x.ndim, 1) for d in dims}, reverse=True):
        if x.ndim and x.shape[dim] == 1:
            x = x.select(dim, 0)
    return x


@rewrite("unbind.int")
def _unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    return tuple(x.select(dim, i) for i in range(int(x.shape[dim])))


@rewrite("split_with_sizes.default")
def _split(x: Tensor, sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    starts = itertools.accumulate(sizes, initial=0)
    return tuple(x.narrow(dim, start, size) for start, size in zip(starts, sizes, strict=False))


@rewrite("roll.default")
def _roll(x: Tensor, shifts: Sequence[int], dims: Sequence[int] = ()) -> Tensor:
    if not dims:
        return torch.roll(x.reshape(-1), shifts, [0]).reshape(x.shape)
    for shift, dim in zip(shifts, dims, strict=True):
        size = x.shape[dim]
        if size == 0:
            return x.clone()
        if isinstance(size, torch.SymInt):
            place = torch.remainder(torch.arange(size, device=x.device) - shift, size)
            x = torch.index_select(x, dim, place)
            continue
        by = shift % size
        x = torch.cat([x.narrow(dim, size - by, by), x.narrow(dim, 0, size - by)], dim)
    return x.clone()


@rewrite("empty_permuted.default", "empty_strided.default")
def _empty(
    size: Sequence[int],
    layout_of: Sequence[int],
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | None = None,
    **options: object,
) -> Tensor:
    """Make a tensor with any contents; a program chooses the layout of its tensors."""
    del layout_of, options
    return torch.full(list(size), 0, dtype=dtype or torch.get_default_dtype(), device=device)


@rewrite("view.dtype")
def _view_of_bytes(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Convert between bools and bytes: the compiler packs bools into bits."""
    if torch.bool not in (x.dtype, dtype) or x.dtype == dtype:
        return NotImplemented
    if x.dtype == torch.bool:
        found = x.to(torch.uint8)
        return found if dtype == torch.uint8 else found.view(dtype)
    found = x if x.dtype == torch.uint8 else x.view(torch.uint8)
    return found != 0


@rewrite("view.default")
def _view_of_nothing(x: Tensor, size: Sequence[int]) -> Tensor:
    """Replace views of empty tensors by new tensors: the compiler fails on some of these views."""
    if isinstance(x.numel(), torch.SymInt) or x.numel() > 0:
        return NotImplemented
    return scalar_like(x, 0).expand(plain("view.default", x, size).shape)
