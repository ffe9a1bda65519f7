"""Powers of floats: the compiler's own are inaccurate, and wrong for infinities and NaN."""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from torch import Tensor

from ir_runtime.op_reg.trace.legal.function import polynomial
from ir_runtime.op_reg.trace.legal.table import has_double, plain, promoted, rewrite, scalar_like

__all__: list[str] = []

_MOST_FACTORS = 64
_FEW_FACTORS = 4
_LARGEST_LOG = 750.0
_SPLITTABLE = 1e290
_ARTANH = tuple(2 / i for i in range(25, 1, -2))
"""(log m - 2 s) / s ** 3 as a polynomial of s * s, for s = (m - 1) / (m + 1)."""
_FLOATS = (torch.float32, torch.float64)


@rewrite("pow.Tensor_Scalar")
def _to_a_number(x: Tensor, exponent: float) -> Tensor:
    """Compute whole powers by products, in f64 if there are many factors."""
    if x.dtype not in _FLOATS or exponent == 0.5:
        return NotImplemented
    if exponent != int(exponent) or abs(exponent) > _MOST_FACTORS:
        return torch.pow(x, scalar_like(x, float(exponent)))
    if 0 <= exponent <= (_FEW_FACTORS if x.dtype == torch.float32 else _MOST_FACTORS):
        return NotImplemented
    if x.dtype != torch.float64 and not has_double():
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
        if kind == torch.float64:
            return _exponential(exponent, *_split_logarithm(x))
        if not has_double():
            return NotImplemented
        return torch.exp(exponent.to(torch.float64) * math.log(x)).to(kind)
    # `where` keeps the base from being a constant, which the compiler would fold wrongly.
    base = scalar_like(exponent.to(kind), x)
    return torch.pow(torch.where(_is_nan(exponent), exponent, base), exponent)


@rewrite("pow.Tensor_Tensor")
def _of_tensors(x: Tensor, exponent: Tensor) -> Tensor:
    kind = torch.result_type(x, exponent)
    if kind not in _FLOATS:
        return NotImplemented
    x, exponent = promoted(x, exponent)
    size, power = torch.abs(x), exponent
    if kind == torch.float32 and not has_double():
        power = plain("pow.Tensor_Tensor", size, exponent)
    elif kind == torch.float32:
        power = torch.exp(power.to(torch.float64) * torch.log(size.to(torch.float64))).to(kind)
    else:
        power = _exponential(power, *_logarithm(size))
    one = scalar_like(x, 1)
    # Signs: a negative base with an odd exponent gives a negative result, and a finite one with a
    # fraction as exponent gives NaN. -0.0 counts as negative, so `copysign` is asked.
    power = torch.where((size == 1) & ~_is_nan(exponent), one, power)
    is_whole = torch.floor(exponent) == exponent
    is_odd = is_whole & (torch.floor(exponent / 2) * 2 != exponent)
    negative = torch.where(is_odd, -power, power)
    finite = (x < 0) & (size < float("inf"))
    negative = torch.where(is_whole | ~finite, negative, scalar_like(x, float("nan")))
    is_negative = torch.copysign(one, x) < 0
    power = torch.where(is_negative & ~_is_nan(x), negative, power)
    return torch.where((exponent == 0) | (x == 1), one, power)


# f64: the exponent multiplies the error of the logarithm, so it is kept as a sum of two numbers


def _exponential(exponent: Tensor, log: Tensor | float, rest: Tensor | float) -> Tensor:
    """Return exp(exponent * (log + rest))."""
    high = exponent * log
    upper, lower = _halves(exponent)
    if isinstance(log, Tensor):
        log_upper, log_lower = _halves(log)
    else:
        log_upper, log_lower = log, 0.0  # of few bits
    error = ((upper * log_upper - high) + upper * log_lower + lower * log_upper) + lower * log_lower
    low = error + exponent * rest
    settled = (torch.abs(high) < _LARGEST_LOG) & (torch.abs(low) < 1)
    total = torch.where(settled, high + low, high)
    low, high = low - (total - high), total
    half = torch.exp(high / 2)  # in two steps: only the last product may become infinite
    return torch.where(settled, half * (half + half * low), half * half)


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """Split numbers into two with half of the digits each (Veltkamp's splitting)."""
    small = torch.clamp(x, -_SPLITTABLE, _SPLITTABLE)
    scaled = small * 134217729.0  # 1 << 27, and 1
    upper = scaled - (scaled - small)
    return upper, small - upper


def _logarithm(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the natural logarithm of positive numbers as a sum of two numbers."""
    bits = x.view(torch.int64)
    power = (bits >> 52) - 1023
    mantissa = ((bits & ((1 << 52) - 1)) | (1023 << 52)).view(torch.float64)
    large = mantissa > math.sqrt(2)
    mantissa = torch.where(large, mantissa * 0.5, mantissa)
    count = (power + large.to(torch.int64)).to(torch.float64)
    # log m = 2 artanh s = 2 s + 2 s ** 3 / 3 + ..., s = (m - 1) / (m + 1)
    above, below = mantissa - 1, mantissa + 1
    lost = mantissa - (below - 1)
    s = above / below
    upper, lower = _halves(s)
    below_upper, below_lower = _halves(below)
    product = upper * below_upper
    rest = ((above - product) - upper * below_lower - lower * below_upper) - lower * below_lower
    s_rest = (rest - s * lost) / below
    square = s * s
    series = square * s * polynomial(_ARTANH, square)
    ln2, ln2_rest = _split_logarithm(2.0)
    first = count * ln2  # exact
    high = first + 2 * s
    low = torch.where(
        torch.abs(first) >= torch.abs(2 * s), 2 * s - (high - first), first - (high - 2 * s)
    )
    low = low + (series + 2 * s_rest + count * ln2_rest)
    total = high + low
    usual = (x > 0) & (x < math.inf)
    low = torch.where(usual, low - (total - high), scalar_like(x, 0))
    return torch.where(usual, total, torch.log(x)), low


def _split_logarithm(x: float) -> tuple[float, float]:
    """Return the natural logarithm of a number as a number of 26 bits, and the rest."""
    mantissa, power = math.frexp(x)
    if mantissa < math.sqrt(0.5):
        mantissa, power = mantissa * 2, power - 1
    exact = _exact_logarithm(Fraction(mantissa)) + power * _exact_logarithm(Fraction(2))
    fraction, place = math.frexp(float(exact))
    high = math.ldexp(round(fraction * (1 << 26)), place - 26)
    return high, float(exact - Fraction(high))


def _exact_logarithm(x: Fraction) -> Fraction:
    """Return the natural logarithm of a number with about 110 exact bits."""
    s = (x - 1) / (x + 1)
    scale = 1 << 120
    term, total, square = int(s * scale), 0, s * s
    for i in range(1, 160, 2):
        total += term // i
        term = int(term * square)
    return Fraction(2 * total, scale)


def _is_nan(x: Tensor) -> Tensor:
    return x != x
