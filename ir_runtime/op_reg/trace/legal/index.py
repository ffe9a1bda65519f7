"""Reads by several indices at once, by strides with open sizes, by masks and by coordinates."""

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


@rewrite("index_add.default")
def _index_add(x: Tensor, dim: int, index: Tensor, source: Tensor, **options: Any) -> Tensor:
    """Refuse a source without dimensions: torch's kernel does, its meta function does not."""
    if x.ndim and not source.ndim:
        raise RuntimeError(
            f"index_add: the source has no dimensions, must have those of the tensor, {x.ndim}"
        )
    if not index.ndim:
        return torch.index_add(x, dim, index.reshape(1), source, **options)
    return NotImplemented


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


@rewrite("masked_scatter.default")
def _masked_scatter(x: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Read `source` by index, which is checked: the compiler reads past a source that is short."""
    x, mask = torch.broadcast_tensors(x, mask)
    if not x.numel():
        return x.clone()
    chosen = mask.reshape(-1)
    place = torch.cumsum(chosen.to(torch.int64), 0) - 1
    line, unused = source.reshape(-1), 0
    if not isinstance(line.shape[0], int) or not line.shape[0]:
        # Maybe nothing is chosen, and nothing there: one more element gives an unused place.
        unused = line.shape[0]
        place = place + (place >= unused)
        line = torch.cat([line, line.new_zeros(1)])
    taken = torch.index_select(line, 0, torch.where(chosen, place, unused))
    return torch.where(mask, taken.reshape(x.shape), x)


@rewrite("grid_sampler_2d.default")
def _grid_sampler(x: Tensor, grid: Tensor, mode: int, padding: int, aligned: bool) -> Tensor:  # noqa: FBT001
    """Sample at coordinates that are no numbers, or infinite, as torch's CPU kernel does.

    There such a coordinate makes the result NaN; without zeros around the image it is the first
    pixel's. torch's decomposition multiplies by a weight that it has set to zero.
    """
    bilinear, zeros, border = mode == 0, padding == 0, padding == 1
    if mode not in (0, 1) or (zeros and not bilinear):
        return _sampled(x, grid, mode, padding, aligned)
    finite = ~torch.isnan(grid) if border else torch.isfinite(grid)
    result = _sampled(x, torch.where(finite, grid, -1.0), mode, padding, aligned)
    if not zeros:
        return result
    known = (finite[..., 0] & finite[..., 1]).unsqueeze(1)
    return torch.where(known, result, math.nan)


def _sampled(x: Tensor, grid: Tensor, mode: int, padding: int, aligned: bool) -> Tensor:  # noqa: FBT001
    """Apply torch's decomposition of `grid_sampler_2d`."""
    from torch._decomp import decomposition_table

    decomposed = decomposition_table[torch.ops.aten.grid_sampler_2d.default]
    return decomposed(x, grid, mode, padding, aligned)


def _is_open(*sizes: Any) -> bool:
    return any(isinstance(size, torch.SymInt) for size in sizes)
