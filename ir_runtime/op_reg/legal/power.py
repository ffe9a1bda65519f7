"""Powers of floats: the compiler's own are coarse, and lose infinities and NaN."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ir_runtime.op_reg.legal.table import plain, promoted, rewrite, scalar_like

__all__: list[str] = []

_MOST_FACTORS = 64
_FEW_FACTORS = 4
_FLOATS = (torch.float32, torch.float64)


@rewrite("pow.Tensor_Scalar")
def _to_a_number(x: Tensor, exponent: float) -> Tensor:
    """Compute whole powers by products, in f64 where there are many."""
    if x.dtype not in _FLOATS or exponent == 0.5:
        return NotImplemented
    if exponent != int(exponent) or abs(exponent) > _MOST_FACTORS:
        return torch.pow(x, scalar_like(x, float(exponent)))
    if 0 <= exponent <= (_FEW_FACTORS if x.dtype == torch.float32 else _MOST_FACTORS):
        return NotImplemented
    power = torch.pow(x.to(torch.float64), abs(float(exponent)))
    return (power if exponent > 0 else 1 / power).to(x.dtype)


@rewrite("pow.Scalar")
def _of_a_number(x: float, exponent: Tensor) -> Tensor:
    kind = torch.result_type(x, exponent)
    if kind not in _FLOATS:
        return NotImplemented
    if x == 1:
        return torch.ones_like(exponent, dtype=kind)
    if 0 < x < math.inf:
        return torch.exp(exponent.to(torch.float64) * math.log(x)).to(kind)
    base = scalar_like(exponent.to(kind), x)  # a constant alone, which the compiler would fold
    return torch.pow(torch.where(_is_nan(exponent), exponent, base), exponent)


@rewrite("pow.Tensor_Tensor")
def _of_tensors(x: Tensor, exponent: Tensor) -> Tensor:
    kind = torch.result_type(x, exponent)
    if kind not in _FLOATS:
        return NotImplemented
    x, exponent = promoted(x, exponent)
    size, power = torch.abs(x), exponent
    if kind == torch.float32:
        power = torch.exp(power.to(torch.float64) * torch.log(size.to(torch.float64))).to(kind)
    else:
        power = plain("pow.Tensor_Tensor", size, power)
    one = scalar_like(x, 1)
    power = torch.where((size == 1) & ~_is_nan(exponent), one, power)
    is_whole = torch.floor(exponent) == exponent
    is_odd = is_whole & (torch.floor(exponent / 2) * 2 != exponent)
    negative = torch.where(is_odd, -power, power)
    finite = (x < 0) & (size < float("inf"))
    negative = torch.where(is_whole | ~finite, negative, scalar_like(x, float("nan")))
    is_negative = torch.copysign(one, x) < 0
    power = torch.where(is_negative & ~_is_nan(x), negative, power)
    return torch.where((exponent == 0) | (x == 1), one, power)


def _is_nan(x: Tensor) -> Tensor:
    return x != x
