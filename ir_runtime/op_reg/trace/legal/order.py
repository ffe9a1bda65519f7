"""Operators that compare: they propagate NaN as torch does, and the first of equal values wins."""

from __future__ import annotations

import torch
from torch import Tensor

from ir_runtime.op_reg.trace.legal.table import plain, promoted, rewrite, scalar_like

__all__: list[str] = []

Number = int | float | bool


@rewrite("eq.Tensor")
def _equal(x: Tensor, y: Tensor) -> Tensor:
    """The compiler folds `x == x` to true, though NaN is not equal to itself."""
    x, y = promoted(x, y)
    return torch.logical_not(torch.ne(x, y)) if x.is_floating_point() else NotImplemented


@rewrite("maximum.default")
def _maximum(x: Tensor, y: Tensor) -> Tensor:
    x, y = promoted(x, y)
    return x | y if x.dtype == torch.bool else torch.where(_is_nan(x) | (x > y), x, y)


@rewrite("minimum.default")
def _minimum(x: Tensor, y: Tensor) -> Tensor:
    x, y = promoted(x, y)
    return x & y if x.dtype == torch.bool else torch.where(_is_nan(x) | (x < y), x, y)


@rewrite("fmax.default")
def _fmax(x: Tensor, y: Tensor) -> Tensor:
    x, y = promoted(x, y)
    return torch.where(_is_nan(y) | (x >= y), x, y)


@rewrite("fmin.default")
def _fmin(x: Tensor, y: Tensor) -> Tensor:
    x, y = promoted(x, y)
    return torch.where(_is_nan(y) | (x <= y), x, y)


@rewrite("clamp.default")
def _clamp(x: Tensor, low: Number | None = None, high: Number | None = None) -> Tensor:
    for bound in (low, high):
        if bound is not None:
            x = x.to(torch.result_type(x, bound))
    if low is not None:
        x = torch.where(x < low, scalar_like(x, low), x)
    if high is not None:
        x = torch.where(x > high, scalar_like(x, high), x)
    return x


@rewrite("clamp.Tensor")
def _clamp_tensor(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    if low is not None:
        x = torch.maximum(x, low)
    return x if high is None else torch.minimum(x, high)


@rewrite("relu.default")
def _relu(x: Tensor) -> Tensor:
    return torch.where(x < 0, scalar_like(x, 0), x)


@rewrite("hardtanh.default")
def _hardtanh(x: Tensor, low: Number = -1, high: Number = 1) -> Tensor:
    return torch.clamp(x, low, high)


@rewrite("argmax.default")
def _argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:  # noqa: FBT001, FBT002
    return _first_of(x, dim, torch.amax, keepdim=keepdim)


@rewrite("argmin.default")
def _argmin(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:  # noqa: FBT001, FBT002
    return _first_of(x, dim, torch.amin, keepdim=keepdim)


def _first_of(x: Tensor, dim: int | None, best: object, *, keepdim: bool) -> Tensor:
    """Return the first place of the best value; NaN is better than any number."""
    if not x.is_floating_point():
        return NotImplemented
    if dim is None:
        found = _first_of(x.reshape(-1), 0, best, keepdim=False)
        return found.reshape([1] * x.ndim) if keepdim else found
    if x.ndim == 0:
        return torch.zeros((), dtype=torch.int64, device=x.device)
    chosen = (x == best(x, dim, keepdim=True)) | _is_nan(x)  # pyright: ignore[reportCallIssue]
    size = x.shape[dim]
    place = torch.arange(size, device=x.device).view([-1] + [1] * (x.ndim - 1 - dim % x.ndim))
    return torch.amin(torch.where(chosen, place, size), dim, keepdim)


@rewrite("max.dim")
def _max_dim(x: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:  # noqa: FBT001, FBT002
    return torch.amax(x, dim, keepdim), torch.argmax(_countable(x), dim, keepdim)


@rewrite("min.dim")
def _min_dim(x: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:  # noqa: FBT001, FBT002
    return torch.amin(x, dim, keepdim), torch.argmin(_countable(x), dim, keepdim)


@rewrite("max.default")
def _max(x: Tensor) -> Tensor:
    return torch.amax(x)


@rewrite("min.default")
def _min(x: Tensor) -> Tensor:
    return torch.amin(x)


@rewrite("amax.default")
def _amax(x: Tensor, dim: object = (), keepdim: bool = False) -> Tensor:  # noqa: FBT001, FBT002
    return _of_bool(torch.amax, x, dim, keepdim=keepdim)


@rewrite("amin.default")
def _amin(x: Tensor, dim: object = (), keepdim: bool = False) -> Tensor:  # noqa: FBT001, FBT002
    return _of_bool(torch.amin, x, dim, keepdim=keepdim)


def _of_bool(reduce: object, x: Tensor, dim: object, *, keepdim: bool) -> Tensor:
    if x.dtype != torch.bool:
        return NotImplemented
    return reduce(x.to(torch.int32), dim, keepdim).to(torch.bool)  # pyright: ignore[reportCallIssue]


@rewrite("sign.default")
def _sign(x: Tensor) -> Tensor:
    if not x.is_floating_point():
        return NotImplemented
    negative = torch.where(x < 0, scalar_like(x, -1), scalar_like(x, 0))
    return torch.where(x > 0, scalar_like(x, 1), negative)


@rewrite("trunc.default")
def _trunc(x: Tensor) -> Tensor:
    if not x.is_floating_point():
        return x.clone()
    return torch.where(x < 0, torch.ceil(x), torch.floor(x))


def _is_nan(x: Tensor) -> Tensor:
    return x != x


def _countable(x: Tensor) -> Tensor:
    return x.to(torch.int32) if x.dtype == torch.bool else x


@rewrite("sort.default")
def _sort(x: Tensor, dim: int = -1, descending: bool = False) -> tuple[Tensor, Tensor]:  # noqa: FBT001, FBT002
    return _sorted(x, dim, descending=descending)


@rewrite("sort.stable")
def _sort_stable(
    x: Tensor,
    *,
    stable: bool | None = None,
    dim: int = -1,
    descending: bool = False,
) -> tuple[Tensor, Tensor]:
    del stable  # the compiler's sort is stable
    return torch.sort(x, dim, descending)


def _sorted(x: Tensor, dim: int, *, descending: bool) -> tuple[Tensor, Tensor]:
    """Sort floats through integers with the same order; NaN is the largest."""
    if not x.is_floating_point():
        if x.dtype in (torch.bool, torch.uint8, torch.int8, torch.int16):
            return NotImplemented  # first widened
        return _both_used(*plain("sort.default", x, dim, descending))
    return _in_order(x, *torch.sort(_ordinal(x), dim, descending), dim)


@rewrite("kthvalue.default")
def _kthvalue(x: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:  # noqa: FBT001, FBT002
    if x.ndim == 0:
        return x.clone(), torch.zeros((), dtype=torch.int64, device=x.device)
    values, order = torch.sort(x, dim)
    if keepdim:
        return values.narrow(dim, k - 1, 1), order.narrow(dim, k - 1, 1)
    return values.select(dim, k - 1), order.select(dim, k - 1)


@rewrite("topk.default")
def _topk(
    x: Tensor,
    k: int,
    dim: int = -1,
    largest: bool = True,  # noqa: FBT001, FBT002
    sorted: bool = True,  # noqa: A002, FBT001, FBT002
) -> tuple[Tensor, Tensor]:
    if not x.is_floating_point():
        return NotImplemented
    return _in_order(x, *torch.topk(_ordinal(x), k, dim, largest, sorted), dim)


def _in_order(x: Tensor, ordinals: Tensor, order: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return the elements in the sorted order; NaN comes from the ordinals."""
    found = torch.gather(x, dim, order) if x.ndim else x
    is_nan = ordinals == torch.iinfo(ordinals.dtype).max
    return torch.where(is_nan, scalar_like(x, float("nan")), found), order


def _both_used(values: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
    """Make the places depend on the values, by a condition that is never true.

    The compiler puts an unused result of a sort on the stack, which is impossible for a dynamic
    size.
    """
    never = (order < 0) & (values == 0)
    return values, torch.where(never, scalar_like(order, 0), order)


def _ordinal(x: Tensor) -> Tensor:
    """Return integers with the order of the floats: both zeros are equal, NaN is above infinity."""
    wide = x if x.dtype in (torch.float32, torch.float64) else x.to(torch.float32)
    kind, largest = (
        (torch.int32, 0x7FFFFFFF) if wide.dtype == torch.float32 else (torch.int64, (1 << 63) - 1)
    )
    bits = (wide + 0.0).view(kind)
    order = torch.where(bits < 0, (bits & largest) * -1, bits)
    return torch.where(_is_nan(wide), scalar_like(order, largest), order)
