"""Functions of one number, computed in f64 and rounded once: the compiler's own are inaccurate.

The compiler computes `exp`, `log` and `sqrt` in f64 well. The other functions are computed from
these, and from polynomials that were fitted to the functions over the ranges given here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.op_reg.trace.legal.table import has_double, overload, rewrite, scalar_like

__all__ = ["in_double", "polynomial"]

_ATAN = (0.05026639766768861, -0.0660506828020597, 0.0768987841078313, -0.09090852894573218,
         0.11111110344966295, -0.14285714279835426, 0.19999999999977372, -0.333333333333333,
         1.0)  # fmt: skip
"""atan(t) / t as a polynomial of t * t, for |t| < 0.199."""
_ERF = (5.957176147748911e-11, -1.1372848856791674e-09, 1.4659775274047436e-08,
        -1.6350312701054695e-07, 1.6461000484121368e-06, -1.4925595266831182e-05,
        0.0001205533111164271, -0.000854832698083379, 0.0052239776248180145,
        -0.026866170645076792, 0.11283791670954879, -0.3761263890318375,
        1.1283791670955126)  # fmt: skip
"""erf(x) / x as a polynomial of x * x, for |x| < 1."""
_ERFC = (-9.209594170149348e-11, -4.677809882738423e-10, 2.4030359050747253e-09,
         2.2995004119804537e-09, -1.3479539317137913e-08, -1.4858479893502151e-08,
         4.9851020637077495e-08, 1.0283695258833681e-07, -1.4948967107536695e-07,
         -6.170227631081057e-07, 3.61934843372962e-07, 3.472530205379918e-06,
         -7.337432054140283e-07, -2.01006130117636e-05, 4.950147217832596e-06,
         0.0001250993703772768, -0.00010515992928804105, -0.0007798322769299556,
         0.0018886903749434011, 0.0025293918168071954, -0.023770514919733,
         0.06830802734391907, -0.11927366341527194, 0.12964515870276272,
         -0.04756229435345121, -0.1356211061245812, 1.2530080582697296)  # fmt: skip
"""exp(x * x) * erfc(x) * (1 + 2 * x) as a polynomial of (x - 3) / (x + 3), for x > 0.5."""

Function = Callable[..., Tensor]


def in_double(*names: str) -> Callable[[Function], Function]:
    """Register a function of an f64 tensor as the rewrite of operators; a decorator."""

    def register(function: Function) -> Function:
        def rewritten(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            if x.is_complex():
                return NotImplemented
            kind = x.dtype if x.is_floating_point() else torch.get_default_dtype()
            if kind != torch.float64 and not has_double():
                return NotImplemented
            return function(x.to(kind).to(torch.float64), *args, **kwargs).to(kind)

        rewrite(*names)(rewritten)
        return function

    return register


def _in_float(name: str) -> None:
    """Rewrite an operator of 16-bit floats: compute it in f32, and round once."""
    op = overload(name)

    @rewrite(name)
    def rewritten(*args: Any, **kwargs: Any) -> Any:
        tensors = [a for a in args if isinstance(a, Tensor)]
        kinds = {t.dtype for t in tensors if t.is_floating_point()}
        if not kinds or not kinds <= {torch.float16, torch.bfloat16}:
            return NotImplemented
        kind = next(iter(kinds)) if len(kinds) == 1 else torch.float32
        wide = [a.to(torch.float32) if isinstance(a, Tensor) else a for a in args]
        found = op(*wide, **kwargs)
        if isinstance(found, tuple):
            return tuple(f.to(kind) if f.is_floating_point() else f for f in found)
        return found.to(kind)


@rewrite("pow.Tensor_Scalar")
def _root_of_halves(x: Tensor, exponent: float) -> Tensor:
    """Compute f16 powers of 0.5 as powers: torch does, and the result for -inf is inf, not NaN."""
    if x.dtype != torch.float16 or exponent != 0.5:
        return NotImplemented
    wide = x.to(torch.float32)
    return torch.pow(wide, scalar_like(wide, exponent)).to(x.dtype)


for _name in [
    "sigmoid.default",
    "pow.Tensor_Scalar",
    "pow.Scalar",
    "pow.Tensor_Tensor",
    "elu.default",
    "leaky_relu.default",
]:
    _in_float(_name)


def _of_integers(name: str) -> None:
    """Convert integers to floats first: the compiler treats all integers as signed."""
    op = overload(name)

    @rewrite(name)
    def rewritten(x: Tensor) -> Tensor:
        if x.is_floating_point() or x.is_complex():
            return NotImplemented
        return op(x.to(torch.get_default_dtype()))


for _name in [
    "exp.default",
    "log.default",
    "reciprocal.default",
    "rsqrt.default",
    "sigmoid.default",
    "sqrt.default",
]:
    _of_integers(_name)


@rewrite("sigmoid.default")
def _sigmoid(x: Tensor) -> Tensor:
    return NotImplemented if x.is_complex() else 1 / (1 + torch.exp(-x))


@rewrite("silu.default")
def _silu(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x)) if x.dtype == torch.float32 else NotImplemented


@rewrite("elu.default")
def _elu(x: Tensor, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Tensor:
    """Use expm1 below 0: the compiler's exp(x) - 1 is inaccurate near 0."""
    if x.dtype not in (torch.float32, torch.float64):
        return NotImplemented
    below = torch.expm1(x * float(input_scale)) * (float(alpha) * scale)
    return torch.where(x > 0, x * float(scale), below)


@rewrite("logit.default")
def _logit_within(x: Tensor, eps: float | None = None) -> Tensor:
    return NotImplemented if eps is None else torch.logit(torch.clamp(x, eps, 1 - eps))


@in_double("logit.default")
def _logit(x: Tensor, eps: float | None = None) -> Tensor:
    del eps  # None
    return torch.log(x / (1 - x))


@in_double("expm1.default")
def _expm1(x: Tensor) -> Tensor:
    u = torch.exp(x)
    near = torch.where(u == 1, x, (u - 1) * x / torch.log(u))
    return torch.where(torch.abs(x) < 0.5, near, u - 1)


@in_double("log1p.default")
def _log1p(x: Tensor) -> Tensor:
    u = 1 + x
    near = torch.where(u == 1, x, torch.log(u) * x / (u - 1))
    return torch.where(torch.abs(x) < 0.5, near, torch.log(u))


@in_double("log2.default")
def _log2(x: Tensor) -> Tensor:
    return torch.log(x) * (1 / math.log(2))


@in_double("log10.default")
def _log10(x: Tensor) -> Tensor:
    return torch.log(x) * (1 / math.log(10))


@in_double("exp2.default")
def _exp2(x: Tensor) -> Tensor:
    return torch.exp(x * math.log(2))


@in_double("sinh.default")
def _sinh(x: Tensor) -> Tensor:
    size = torch.abs(x)
    less = torch.expm1(size)
    near = (less + less / (less + 1)) / 2
    half = torch.exp(size / 2)
    return _odd(x, torch.where(size < 20, near, half / 2 * half))


@in_double("cosh.default")
def _cosh(x: Tensor) -> Tensor:
    half = torch.exp(torch.abs(x) / 2)
    grown = half * half
    return torch.where(torch.abs(x) < 20, grown / 2 + 0.5 / grown, half / 2 * half)


@in_double("tanh.default")
def _tanh(x: Tensor) -> Tensor:
    size = torch.abs(x)
    less = torch.expm1(-2 * size)
    return _odd(x, -less / (less + 2))


@in_double("asinh.default")
def _asinh(x: Tensor) -> Tensor:
    size = torch.abs(x)
    square = size * size
    near = torch.log1p(size + square / (1 + torch.sqrt(1 + square)))
    return _odd(x, torch.where(size < 1e8, near, torch.log(size) + math.log(2)))


@in_double("acosh.default")
def _acosh(x: Tensor) -> Tensor:
    more = x - 1
    near = torch.log1p(more + torch.sqrt(2 * more + more * more))
    found = torch.where(x < 1e8, near, torch.log(x) + math.log(2))
    return torch.where(x < 1, scalar_like(x, math.nan), found)


@in_double("atanh.default")
def _atanh(x: Tensor) -> Tensor:
    size = torch.abs(x)
    return _odd(x, 0.5 * torch.log1p(2 * size / (1 - size)))


@in_double("atan.default")
def _atan(x: Tensor) -> Tensor:
    size = torch.abs(x)
    swapped = size > 1
    found = _atan_of_small(torch.where(swapped, 1 / size, size))
    return _odd(x, torch.where(swapped, math.pi / 2 - found, found))


def _atan_of_small(x: Tensor) -> Tensor:
    """Return the arc tangent of 0 to 1, by halving the angle twice."""
    x = x / (1 + torch.sqrt(1 + x * x))
    x = x / (1 + torch.sqrt(1 + x * x))
    return 4 * x * polynomial(_ATAN, x * x)


@in_double("asin.default")
def _asin(x: Tensor) -> Tensor:
    size = torch.abs(x)
    return _odd(x, 2 * torch.atan(size / (1 + torch.sqrt((1 - size) * (1 + size)))))


@in_double("acos.default")
def _acos(x: Tensor) -> Tensor:
    return 2 * torch.atan(torch.sqrt((1 - x) / (1 + x)))


@rewrite("atan2.default")
def _atan2(y: Tensor, x: Tensor) -> Tensor:
    kind = torch.result_type(x, y)
    kind = kind if kind.is_floating_point else torch.get_default_dtype()
    if kind != torch.float64 and not has_double():
        return NotImplemented
    y, x = y.to(kind).to(torch.float64), x.to(kind).to(torch.float64)
    tall, wide = torch.abs(y), torch.abs(x)
    swapped = tall > wide
    less, more = torch.minimum(tall, wide), torch.maximum(tall, wide)
    ratio = torch.where(less == more, scalar_like(x, 1), less / more)  # inf / inf, too
    ratio = torch.where(more == 0, scalar_like(x, 0), ratio)
    angle = _atan_of_small(torch.where((x != x) | (y != y), x + y, ratio))
    angle = torch.where(ratio < 1e-10, ratio, angle)  # half of a tiny ratio may be subnormal
    angle = torch.where(swapped, math.pi / 2 - angle, angle)
    angle = torch.where(torch.signbit(x), math.pi - angle, angle)
    return torch.copysign(angle, y).to(kind)


@in_double("erf.default", "special_erf.default")
def _erf(x: Tensor) -> Tensor:
    size = torch.abs(x)
    near = size * polynomial(_ERF, size * size)
    return torch.copysign(torch.where(size < 1, near, 1 - _erfc_of_large(size)), x)


@in_double("erfc.default", "special_erfc.default")
def _erfc(x: Tensor) -> Tensor:
    size = torch.abs(x)
    near = 1 - size * polynomial(_ERF, size * size)
    found = torch.where(size < 0.5, near, _erfc_of_large(size))
    return torch.where(x < 0, 2 - found, found)


def _erfc_of_large(x: Tensor) -> Tensor:
    x = torch.clamp(x, max=30.0)  # erfc is 0 from there on; avoids inf / inf below
    # The square is split into two parts: its rounding error would grow with x.
    coarse = torch.round(x * 1048576) / 1048576
    scale = torch.exp(-coarse * coarse) * torch.exp(-(x - coarse) * (x + coarse))
    return scale * polynomial(_ERFC, (x - 3) / (x + 3)) / (1 + 2 * x)


@in_double("gelu.default")
def _gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
        return x / (1 + torch.exp(-2 * inner))
    return 0.5 * x * torch.erfc(x * -math.sqrt(0.5))


@rewrite("copysign.Tensor")
def _copysign(x: Tensor, sign: Tensor) -> Tensor:
    kind = torch.result_type(x, sign)
    kind = kind if kind.is_floating_point else torch.get_default_dtype()
    size = torch.abs(x.to(kind))
    return torch.where(torch.signbit(sign), -size, size)


@rewrite("signbit.default")
def _signbit(x: Tensor) -> Tensor:
    widths = {8: torch.int64, 4: torch.int32, 2: torch.int16}
    return x.view(widths[x.element_size()]) < 0 if x.is_floating_point() else x < 0


def _odd(x: Tensor, found: Tensor) -> Tensor:
    """Return the result for `|x|` with the sign of `x`; for a tiny `x`, return `x` itself."""
    return torch.where(torch.abs(x) < 1e-10, x, torch.copysign(found, x))


def polynomial(factors: Sequence[float], x: Tensor) -> Tensor:
    """Evaluate a polynomial, the factor of the highest power first."""
    result = scalar_like(x, factors[0])
    for factor in factors[1:]:
        result = result * x + factor
    return result
