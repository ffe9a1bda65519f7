"""Reads by several indices at once, and by strides, with open sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.op_reg.trace.legal.table import rewrite

__all__: list[str] = []

_MASKS = (torch.bool, torch.uint8)


@rewrite("index.Tensor")
def _index(x: Tensor, indices: Sequence[Tensor | None]) -> Tensor:
    """Read by one index into the joined dimensions: for several, the compiler needs static sizes.

    Each index was checked before torch decomposed the program, so it is not negative.
    """
    taken = [dim for dim, index in enumerate(indices) if index is not None]
    found = [index for index in indices if index is not None]
    if len(found) < 2 or any(index.dtype in _MASKS for index in found):
        return NotImplemented
    if not _is_open(*(size for index in found for size in index.shape)):
        return NotImplemented
    adjacent = taken == list(range(taken[0], taken[-1] + 1))
    first = taken[0] if adjacent else 0
    rest = [dim for dim in range(x.ndim) if dim not in taken]
    # As in torch: the result's joint dimensions replace adjacent indexed ones, else come first.
    moved = x.permute([*rest[:first], *taken, *rest[first:]])
    sizes = [x.shape[dim] for dim in taken]
    place = found[0].to(torch.int64)
    for size, index in zip(sizes[1:], found[1:], strict=True):
        place = place * size + index.to(torch.int64)
    before, after = moved.shape[:first], moved.shape[first + len(taken) :]
    line = moved.reshape([*before, math.prod(sizes), *after])
    chosen = torch.index_select(line, first, place.reshape(-1))
    return chosen.reshape([*before, *place.shape, *after])


@rewrite("as_strided.default")
def _as_strided(
    x: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """Read a contiguous tensor as one dimension; importers support only static sizes."""
    if not _is_open(*x.shape) or not x.is_contiguous():
        return NotImplemented
    place = torch.full([1] * len(size), storage_offset or 0, dtype=torch.int64, device=x.device)
    for dim, (count, step) in enumerate(zip(size, stride, strict=True)):
        line = torch.arange(count, device=x.device) * step
        place = place + line.reshape([-1] + [1] * (len(size) - 1 - dim))
    return torch.index_select(x.reshape(-1), 0, place.reshape(-1)).reshape(size)


def _is_open(*sizes: Any) -> bool:
    return any(isinstance(size, torch.SymInt) for size in sizes)
