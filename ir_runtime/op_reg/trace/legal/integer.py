"""Division, powers and bits of integers, which the compiler computes as C or in floating point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._prims_common import ELEMENTWISE_TYPE_PROMOTION_KIND, elementwise_dtypes

from ir_runtime.op_reg.trace.legal.table import overload, plain, promoted, rewrite, scalar_like

__all__: list[str] = []

Number = int | float | bool
_NARROW = (torch.uint8, torch.int8, torch.int16)
_MOST_FACTORS = 64

WIDENED = (
    "abs.default add.Scalar add.Tensor amax.default amin.default any.default any.dim any.dims "
    "argmax.default argmin.default bitwise_and.Tensor bitwise_left_shift.Tensor "
    "bitwise_not.default bitwise_or.Tensor bitwise_right_shift.Tensor bitwise_xor.Tensor "
    "bmm.default addmm.default clamp.default clamp.Tensor cumsum.default div.Scalar "
    "div.Scalar_mode div.Tensor div.Tensor_mode eq.Scalar eq.Tensor floor_divide.default "
    "fmod.Scalar fmod.Tensor ge.Scalar ge.Tensor gt.Scalar gt.Tensor le.Scalar le.Tensor "
    "logical_not.default lt.Scalar lt.Tensor max.default max.dim maximum.default min.default "
    "min.dim minimum.default mm.default mul.Scalar mul.Tensor ne.Scalar ne.Tensor neg.default "
    "pow.Scalar pow.Tensor_Scalar pow.Tensor_Tensor prod.default prod.dim_int relu.default "
    "remainder.Scalar remainder.Tensor scatter_add.default scatter_reduce.two sign.default "
    "sort.default sort.stable sub.Scalar sub.Tensor sum.dim_IntList topk.default trunc.default"
)
"""Operators that are computed in 32 bits for integers of 8 and 16 bits."""


def _widen(name: str) -> None:
    op = overload(name)

    @rewrite(name)
    def widened(*args: Any, **kwargs: Any) -> Any:
        tensors = [a for a in args if isinstance(a, Tensor)]
        if not any(t.dtype in _NARROW for t in tensors):
            return NotImplemented
        back = _result_dtype(name, tensors)
        wide = [_wide(a) if isinstance(a, Tensor) else a for a in args]
        found = op(*wide, **kwargs)
        several = isinstance(found, tuple | list)
        results = [_back(r, back, name) for r in (found if several else [found])]
        return tuple(results) if several else results[0]


def _wide(x: Tensor) -> Tensor:
    return x.to(torch.int32) if x.dtype in _NARROW else x


def _result_dtype(name: str, tensors: Sequence[Tensor]) -> torch.dtype:
    """Return the dtype of integer results, as torch promotes the dtypes of tensors."""
    if name.startswith("scatter"):  # one of its tensors is the index
        return tensors[0].dtype
    kind = ELEMENTWISE_TYPE_PROMOTION_KIND.DEFAULT
    return elementwise_dtypes(*tensors, type_promotion_kind=kind)[1]


def _back(x: Tensor, kind: torch.dtype, name: str) -> Tensor:
    if name.startswith("any.") and kind == torch.uint8:
        return x.to(kind)  # torch 2.13 returns bool of any other dtype
    return x.to(kind) if x.dtype == torch.int32 else x


for _name in WIDENED.split():
    _widen(_name)


@rewrite("sub.Tensor")
def _sub(x: Tensor | Number, y: Tensor, *, alpha: Number = 1) -> Tensor:
    """Make a number as the first operand a tensor of the result's dtype; importers assume f32."""
    if isinstance(x, Tensor):
        return NotImplemented
    return torch.sub(*promoted(x, y), alpha=alpha)


@rewrite("div.Tensor")
def _true_divide(x: Tensor | Number, y: Tensor) -> Tensor:
    return NotImplemented if isinstance(x, Tensor) else torch.div(*promoted(x, y))


@rewrite("neg.default")
def _neg(x: Tensor) -> Tensor:
    return NotImplemented if _is_real(x) else scalar_like(x, 0) - x


@rewrite("div.Tensor_mode")
def _div(x: Tensor, y: Tensor, *, rounding_mode: str | None) -> Tensor:
    if rounding_mode is None:
        return x / y
    x, y = promoted(x, y)
    kind = x.dtype
    if kind.is_floating_point:
        return torch.trunc(x / y) if rounding_mode == "trunc" else _floor_of_floats(x, y)
    quotient, rest = _divided(x, y)
    if rounding_mode == "trunc":
        return quotient
    return quotient - _leans_away(rest, y).to(kind)


@rewrite("div.Scalar_mode")
def _div_scalar(x: Tensor, y: Number, *, rounding_mode: str | None) -> Tensor:
    return torch.div(x, _constant(x, y), rounding_mode=rounding_mode)


@rewrite("floor_divide.default")
def _floor_divide(x: Tensor, y: Tensor) -> Tensor:
    return torch.div(x, y, rounding_mode="floor")


@rewrite("remainder.Tensor")
def _remainder(x: Tensor, y: Tensor) -> Tensor:
    x, y = promoted(x, y)
    if x.is_floating_point():
        rest = torch.fmod(x, y)
        return torch.where((rest != 0) & ((rest < 0) != (y < 0)), rest + y, rest)
    rest = _divided(x, y)[1]
    return torch.where(_leans_away(rest, y), rest + y, rest)


@rewrite("fmod.Tensor")
def _fmod(x: Tensor, y: Tensor) -> Tensor:
    x, y = promoted(x, y)
    if not x.is_floating_point():
        return _divided(x, y)[1]
    if x.dtype == torch.float64:
        return NotImplemented  # refused
    # The compiler's own fmod is x - trunc(x / y) * y; its remainder of positive numbers is exact.
    size, of = torch.abs(x), torch.abs(y)
    rest = torch.copysign(plain("remainder.Tensor", size, of), x)
    return torch.where((size < math.inf) & (of > 0), rest, scalar_like(x, math.nan))


@rewrite("remainder.Scalar")
def _remainder_scalar(x: Tensor, y: Number) -> Tensor:
    return torch.remainder(x, _constant(x, y))


@rewrite("fmod.Scalar")
def _fmod_scalar(x: Tensor, y: Number) -> Tensor:
    return torch.fmod(x, _constant(x, y))


def _divided(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the quotient, rounded to zero, and the rest; both are 0 for a divisor of 0.

    The processor raises a signal for a divisor of 0, and for the smallest integer divided by -1.
    """
    usual = (y != 0) & (y != -1)
    safe = torch.where(usual, y, scalar_like(y, 1))
    quotient = plain("div.Tensor_mode", x, safe, rounding_mode="trunc")
    negated = torch.where(y == 0, scalar_like(x, 0), scalar_like(x, 0) - x)
    quotient = torch.where(usual, quotient, negated)
    rest = torch.where(usual, x - quotient * y, scalar_like(x, 0))
    return quotient, rest


def _leans_away(rest: Tensor, y: Tensor) -> Tensor:
    return (rest != 0) & ((rest < 0) != (y < 0))


def _floor_of_floats(x: Tensor, y: Tensor) -> Tensor:
    """Divide as Python does: from the exact remainder, not from the rounded quotient."""
    rest = torch.fmod(x, y)
    quotient = (x - rest) / y
    quotient = torch.where(_leans_away(rest, y), quotient - 1, quotient)
    floor = torch.floor(quotient)
    floor = torch.where(quotient - floor > 0.5, floor + 1, floor)
    floor = torch.where(quotient == 0, torch.copysign(scalar_like(x, 0), x / y), floor)
    return torch.where(y == 0, x / y, floor)


def _constant(x: Tensor, y: Number) -> Tensor:
    return torch.full((), y, dtype=torch.result_type(x, y), device=x.device)


@rewrite("scatter_reduce.two")
def _mean_of_scattered(
    x: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Round the mean of integers down; the compiler rounds it towards zero."""
    if reduce != "mean" or _is_real(x):
        return NotImplemented
    total = torch.scatter_reduce(x, dim, index, src, "sum", include_self=include_self)
    own = scalar_like(x, int(include_self)).expand(x.shape)
    count = torch.scatter_add(own, dim, index, torch.ones_like(src))
    return torch.div(total, torch.clamp(count, min=1), rounding_mode="floor")


@rewrite("addmm.default")
def _addmm(x: Tensor, y: Tensor, z: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    if _is_real(x):
        return NotImplemented
    return beta * x + alpha * torch.mm(y, z)


@rewrite("pow.Tensor_Scalar")
def _pow(x: Tensor, exponent: Number) -> Tensor:
    if _is_real(x) or not isinstance(exponent, int) or not 0 <= exponent <= _MOST_FACTORS:
        return NotImplemented
    return _power(x.to(torch.result_type(x, exponent)), exponent)


@rewrite("pow.Tensor_Tensor")
def _pow_of_integers(x: Tensor, exponent: Tensor) -> Tensor:
    kind = torch.result_type(x, exponent)
    if kind.is_floating_point or kind.is_complex:
        return NotImplemented
    x, exponent = promoted(x, exponent)
    result = torch.ones_like(x * exponent)
    for bit in range(6):
        odd = (exponent >> bit) & 1
        result = torch.where(odd != 0, result * x, result)
        x = x * x
    # For exponents from 64 on, and below 0, only bases with the result 1 or 0 are defined.
    small = (exponent >= 0) & (exponent < _MOST_FACTORS)
    one = torch.ones_like(result)
    return torch.where(small, result, torch.where(x == 1, one, torch.zeros_like(result)))


def _power(x: Tensor, exponent: int) -> Tensor:
    if exponent == 0:
        return torch.ones_like(x)
    half = _power(x, exponent // 2)
    squared = half * half if exponent > 1 else x
    return squared * x if exponent > 1 and exponent % 2 else squared


@rewrite("bitwise_and.Scalar")
def _and(x: Tensor, y: int) -> Tensor:
    return torch.bitwise_and(x, _constant(x, y))


@rewrite("bitwise_or.Scalar")
def _or(x: Tensor, y: int) -> Tensor:
    return torch.bitwise_or(x, _constant(x, y))


@rewrite("bitwise_xor.Scalar")
def _xor(x: Tensor, y: int) -> Tensor:
    return torch.bitwise_xor(x, _constant(x, y))


@rewrite("bitwise_left_shift.Tensor_Scalar", "__lshift__.Scalar", "__lshift__.Tensor")
def _left_shift(x: Tensor, by: Tensor | int) -> Tensor:
    return torch.bitwise_left_shift(*promoted(x, by))


@rewrite("bitwise_right_shift.Tensor_Scalar", "__rshift__.Scalar", "__rshift__.Tensor")
def _right_shift(x: Tensor, by: Tensor | int) -> Tensor:
    return torch.bitwise_right_shift(*promoted(x, by))


def _is_real(x: Tensor) -> bool:
    return x.is_floating_point() or x.is_complex()
