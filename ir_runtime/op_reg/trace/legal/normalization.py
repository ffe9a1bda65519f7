"""Variances, and the normalisations that use them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ir_runtime.op_reg.trace.legal.summation import wider
from ir_runtime.op_reg.trace.legal.table import rewrite

__all__: list[str] = []

Dims = list[int] | int | None


@rewrite("var.correction")
def _var(
    x: Tensor, dim: Dims = None, *, correction: float | None = None, keepdim: bool = False
) -> Tensor:
    if x.is_complex():
        return NotImplemented
    return _moments(x, dim, 1 if correction is None else correction, keepdim=keepdim)[0].to(x.dtype)


@rewrite("var.dim")
def _var_dim(x: Tensor, dim: Dims, unbiased: bool = True, keepdim: bool = False) -> Tensor:  # noqa: FBT001, FBT002
    return torch.var(x, dim, correction=int(unbiased), keepdim=keepdim)


@rewrite("var_mean.correction")
def _var_mean(
    x: Tensor, dim: Dims = None, *, correction: float | None = None, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    if x.is_complex():
        return NotImplemented
    variance, mean = _moments(x, dim, 1 if correction is None else correction, keepdim=keepdim)
    return variance.to(x.dtype), mean.to(x.dtype)


def _moments(x: Tensor, dim: Dims, correction: float, *, keepdim: bool) -> tuple[Tensor, Tensor]:
    """Return variance and mean, in a wider dtype than that of `x`."""
    dims = [dim] if isinstance(dim, int) else list(dim or range(x.ndim))
    wide = x.to(wider(x.dtype))
    mean = torch.mean(wide, dims, keepdim=True)
    apart = wide - mean
    total = torch.sum(apart * apart, dims, keepdim=True)
    count = math.prod(x.shape[d] for d in dims)
    if isinstance(count, torch.SymInt):
        number = torch.full((), count, dtype=torch.int64, device=x.device).to(wide.dtype)
        variance = total / torch.clamp(number - correction, min=0)
    else:
        variance = total / float(max(count - correction, 0))
    if keepdim:
        return variance, mean
    return _without(variance, dims), _without(mean, dims)


def _without(x: Tensor, dims: Sequence[int]) -> Tensor:
    for dim in sorted({d % max(x.ndim, 1) for d in dims}, reverse=True):
        x = x.select(dim, 0) if x.ndim else x
    return x


@rewrite("native_layer_norm.default")
def _layer_norm(
    x: Tensor, shape: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    dims = list(range(x.ndim - len(shape), x.ndim))
    normal, mean, inverse = _normal(x, dims, eps)
    return _scaled(normal, weight, bias).to(x.dtype), mean.to(x.dtype), inverse.to(x.dtype)


@rewrite("native_group_norm.default")
def _group_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    n: int,
    c: int,
    hxw: int,
    group: int,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    del n, c, hxw  # these sizes are in the shape of `x`, too
    grouped = x.reshape([x.shape[0], group, -1])
    normal, mean, inverse = _normal(grouped, [2], eps)
    shape = [1, -1] + [1] * (x.ndim - 2)
    weight, bias = (None if t is None else t.reshape(shape) for t in (weight, bias))
    result = _scaled(normal.reshape(x.shape), weight, bias).to(x.dtype)
    return result, _without(mean, [2]).to(x.dtype), _without(inverse, [2]).to(x.dtype)


def _normal(x: Tensor, dims: list[int], eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return `x` with mean 0 and variance 1, the mean, and 1 / standard deviation."""
    variance, mean = _moments(x, dims, 0, keepdim=True)
    inverse = 1 / torch.sqrt(variance + eps)
    kind = torch.promote_types(x.dtype, torch.float32)
    return (x.to(kind) - mean.to(kind)) * inverse.to(kind), mean, inverse


def _scaled(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    if weight is not None:
        x = x * weight.to(x.dtype)
    return x if bias is None else x + bias.to(x.dtype)
