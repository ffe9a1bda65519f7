"""log, log1p and softplus."""

from __future__ import annotations

import math

from ir_runtime.rows.functions.exponential import LN2_HIGH, LN2_LOW, exp_down
from ir_runtime.rows.vector_code import Vector, polynomial

__all__ = ["log", "log1p", "softplus"]

# log(1 + f) = f - f^2 / 2 + f^3 (c0 + c1 f + ...), minimax on sqrt(1/2) <= 1 + f <= sqrt(2):
# relative error 2^-30.3.
LOG = (
    0.3333331346511841,
    -0.25000008940696716,
    0.2000207155942917,
    -0.16667988896369934,
    0.14220358431339264,
    -0.12406233698129654,
    0.11883548647165298,
    -0.11670097708702087,
    0.06749267876148224,
)
SQRT_HALF_BITS = 0x3F3504F3
TINY = 2.0**-126
TINY_BITS, INFINITY_BITS = 0x00800000, 0x7F800000


def _exponent(x: Vector) -> Vector:
    """Return k of x = 2^k m with m between sqrt(1/2) and sqrt(2); x is positive and normal."""
    return (x.bits() - SQRT_HALF_BITS).shift_signed(23)


def _log_of_parts(k: Vector, f: Vector, rest: Vector | None = None) -> Vector:
    """Return k ln(2) + log(1 + f + rest), with the rounding error of the first sum added later."""
    square = f * f
    series = (f * -0.5).fma(f, square * f * polynomial(f, LOG))
    if rest is not None:
        series = rest.fma(1.0 - f, series)
    high = k.fma(LN2_HIGH, f)
    low = k.fma(LN2_HIGH, -high) + f
    return high + (low + k.fma(LN2_LOW, series))


def _log_normal(x: Vector, scale: Vector | None = None) -> Vector:
    """Return log(x / 2^scale)."""
    k = _exponent(x)
    f = (x.bits() - (k << 23)).bitcast("f32") - 1.0
    exponent = k.convert("f32")
    return _log_of_parts(exponent if scale is None else exponent - scale, f)


def log(x: Vector) -> Vector:
    """Return the logarithm of x; error 0.74. Vectors with not only normal numbers branch."""
    rare = (x.bits() - TINY_BITS).above_unsigned(INFINITY_BITS - TINY_BITS - 1)
    return x.code.rarely(rare, _log_normal(x), lambda: _log_anywhere(x))


def _log_anywhere(x: Vector) -> Vector:
    small = x < TINY
    y = _log_normal(small.select(x * 2.0**25, x), small.select(x.like(25.0), x.like(0.0)))
    usual = (x > 0.0).select((x < math.inf).select(y, x), x)  # infinity and NaN as they are
    below = x.equals(0.0).select(x.like(-math.inf), x.like(math.nan))
    return (x > 0.0).select(usual, x.is_nan().select(x, below))


def _log1p_finite(x: Vector) -> Vector:
    """Return log(1 + x) for finite x > -1."""
    k = _exponent(x + 1.0)
    shifted = k << 23
    # 1 + x = 2^k (1 + f + rest): f + rest is the exact sum of x / 2^k and 1 / 2^k - 1.
    scaled = (x.bits() - shifted).bitcast("f32")
    other = (x.constant(4.0).bits() - shifted).bitcast("f32").fma(0.25, -1.0)
    f = scaled + other
    back = f - scaled
    rest = (scaled - (f - back)) + (other - back)
    return _log_of_parts(k.convert("f32"), f, rest)


def log1p(x: Vector) -> Vector:
    """Return log(1 + x); error 0.75."""
    y = _log1p_finite(x).copysign(x)
    usual = (x < math.inf).select(y, x)
    below = x.equals(-1.0).select(x.like(-math.inf), x.like(math.nan))
    return (x > -1.0).select(usual, x.is_nan().select(x, below))


def softplus(x: Vector) -> Vector:
    """Return log(1 + e^x) = max(x, 0) + log(1 + e^-|x|); error 1.5."""
    return x.at_least(0.0) + _log1p_finite(exp_down(-abs(x)))
