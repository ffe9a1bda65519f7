"""exp and the functions made of it: exp_down, expm1, sigmoid, gate, gate_by_two, tanh.

Errors in docstrings are the largest ones found, in units of the last place; 0.5 is the least
possible. The coefficients come from `python -m benchmarks.fit_polynomials`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ir_runtime.rows.vector_code import Vector, polynomial

__all__ = ["EXP2", "exp", "exp_down", "expm1", "gate", "gate_by_two", "sigmoid", "tanh"]

LOG2_E = 1.4426950408889634
LN2_HIGH = 0.6931471824645996  # 21 bits after the point: x - n LN2_HIGH is exact
LN2_LOW = -1.904654299957768e-09
ROUND = 12582912.0  # 1.5 * 2^23: adding it rounds to an integer, and leaves that in the low bits
BIAS = 127  # of exponents; added to ROUND, it makes the low bits the exponent of a power of two
EXPONENT_0 = 0x4B400000  # the bits of ROUND
LOWEST, HIGHEST = -104.0, 89.0  # beyond them e^x is 0 or infinite

# e^r = e0 + e1 r + ..., minimax on |r| <= ln(2) / 2, weighted: relative error 2^-28 for |r| < 0.25
# and 2^-30 beyond 0.28, where rounding errors are largest.
EXP = (
    1.0,
    1.0,
    0.49999985098838806,
    0.16666468977928162,
    0.041669510304927826,
    0.008373390883207321,
    0.0013782629976049066,
)
# 2^r = 1 + e1 r + ... + e6 r^6, minimax on |r| <= 1/2: relative error 3e-9.
EXP2 = (
    1.0,
    0.6931471824645996,
    0.24022647738456726,
    0.05550359934568405,
    0.009618505835533142,
    0.001339081209152937,
    0.000153264933032915,
)
# e^r = 1 + r + r^2 (e0 + e1 r + ...), minimax on |r| <= ln(2) / 2: relative error of e^r - 1 2^-31.
EXPM1 = (
    0.5,
    0.1666666716337204,
    0.04166648909449577,
    0.008333208039402962,
    0.0013932674191892147,
    0.00019944264204241335,
)
# tanh(x) = x + x^3 (t0 + t1 x^2 + ...), minimax on |x| <= 0.73: relative error 2^-29.6.
TANH = (
    -0.33333319425582886,
    0.13332819938659668,
    -0.05390452593564987,
    0.021499812602996826,
    -0.00774428341537714,
    0.0017954721115529537,
)
TANH_NEAR = 0.72
TANH_EXACT = 8.6643  # up to here e^2x < 2^25, and sums with 2 are exact
TANH_ONE = 9.0109  # from here on tanh(x) rounds to 1


def _reduce(x: Vector, offset: Vector | float) -> tuple[Vector, Vector, Vector]:
    """Split x = n ln(2) + r; return n + offset, n, and r. The offset is ROUND plus an integer."""
    rounded = x.rounded_sum(offset, LOG2_E)
    n = rounded - offset
    return rounded, n, n.fma(-LN2_LOW, n.fma(-LN2_HIGH, x))


def power_of_two(rounded: Vector) -> Vector:
    """Return 2^n of an integer n + BIAS with ROUND added."""
    return (rounded.bits() << 23).bitcast("f32")


def _exp_reduced(r: Vector) -> Vector:
    """Return e^r for |r| <= ln(2) / 2; error 0.28 beside that of the last sum."""
    total = r + 1.0
    rest = r - (total - 1.0)  # what the sum lost
    return total + (r * r).fma(polynomial(r, EXP[2:]), rest)


def exp(x: Vector) -> Vector:
    """Return e^x; error 0.78. A vector with results below 2^-125 or above 2^126 takes a branch."""
    rounded, _, r = _reduce(x, ROUND + BIAS)
    usual = _exp_reduced(r) * power_of_two(rounded)
    # Powers from 2^-125 to 2^126 are usual; NaN and infinities of x are rare.
    rare = (rounded.bits() - (EXPONENT_0 + 2)).above_unsigned(251)
    return x.code.rarely(rare, usual, lambda: _exp_anywhere(x))


def _exp_anywhere(x: Vector) -> Vector:
    x = x.at_least(LOWEST).at_most(HIGHEST)
    # 2^n in two factors, since n goes from -150 to 128: the second one depends on the sign only.
    falls = x < 0.0
    offset = falls.select(x.like(ROUND + BIAS + 64), x.like(ROUND + BIAS - 1))
    rounded, _, r = _reduce(x, offset)
    return _exp_reduced(r) * power_of_two(rounded) * falls.select(x.like(2.0**-64), x.like(2.0))


def exp_down(x: Vector) -> Vector:
    """Return e^x for x <= 0, without a branch, for sums; error 0.87."""
    rounded, _, r = _reduce(x.at_least(LOWEST), ROUND + BIAS + 64)
    return polynomial(r, EXP) * (power_of_two(rounded) * 2.0**-64)


def _one_plus_exp_of_minus(x: Vector) -> Vector:
    """Return 1 + e^-x, where the sum hides what is below 2^-25; infinite below about -88.7."""
    rounded, _, r = _reduce((-x).at_least(-88.0).at_most(HIGHEST), ROUND + BIAS)
    exp_reduced = polynomial(r, EXP)  # positive: infinite times it stays infinite
    return exp_reduced.fma(power_of_two(rounded), 1.0)


def sigmoid(x: Vector) -> Vector:
    """Return 1 / (1 + e^-x); error 2.42 for x >= -87, where torch has as much. 0 below -89."""
    return 1.0 / _one_plus_exp_of_minus(x)


def gate(a: Vector, b: Vector) -> Vector:
    """Return a sigmoid(b), with one division; NaN if both are -inf, as the product."""
    return a / _one_plus_exp_of_minus(b)


def gate_by_two(a: Vector, b: Vector, power: Sequence[float] = EXP2) -> Vector:
    """Return a / (1 + 2^-b); NaN if both are -inf, as the product with the power's inverse.

    Args:
        a: the factor.
        b: the exponent.
        power: coefficients of a polynomial for 2^r, |r| <= 1/2.
    """
    w = (-b).at_least(-127.0).at_most(128.0)
    rounded = w.rounded_sum(ROUND + BIAS)
    r = w - (rounded - (ROUND + BIAS))
    return a / polynomial(r, power).fma(power_of_two(rounded), 1.0)


def expm1(x: Vector) -> Vector:
    """Return e^x - 1; error 0.72."""
    clamped = x.at_least(-20.0).at_most(HIGHEST)
    rounded, n, r = _reduce(clamped, ROUND + BIAS - 1)  # half of the power: 2^128 is infinite
    r_rest = n.fma(-LN2_LOW, n.fma(-LN2_HIGH, clamped) - r)
    half = power_of_two(rounded)
    # (2^n - 1) + 2^n r as a sum and its rest, then 2^n r^2 / 2 and the other terms; all halved.
    base = half - 0.5
    product = half * r
    total = base + product
    back = total - base
    rest = (base - (total - back)) + (product - back) + ((half - base) - 0.5)
    terms = (r * r * r).fma(polynomial(r, EXPM1[1:]), r_rest)
    terms = (product * 0.5).fma(r, half.fma(terms, rest))
    result = (terms + total) * 2.0
    return (abs(x) < 2.0**-25).select(x, result)


def tanh(x: Vector) -> Vector:
    """Return the tanh of x: a polynomial near 0, else (e^2x - 1) / (e^2x + 1); error 0.73."""
    size = abs(x)
    square = size * size
    near = size.fma(square * polynomial(square, TANH), size)
    # |x| = n ln(2) / 2 + r, and e^2|x| = 2^n (1 + 2 t).
    small = size.at_most(TANH_EXACT)
    rounded = small.rounded_sum(ROUND + BIAS + 1, 2.0 * LOG2_E)
    n = rounded - (ROUND + BIAS + 1)
    r = n.fma(-0.5 * LN2_LOW, n.fma(-0.5 * LN2_HIGH, small))
    t = (r * r).fma(polynomial(r, [c * 2.0 ** (i + 1) for i, c in enumerate(EXP[2:])]), r)
    twice_power = power_of_two(rounded)
    base = twice_power.fma(0.5, 1.0)
    sum_ = twice_power.fma(t, base)
    lost = twice_power.fma(t, base - sum_)  # by rounding the sum
    above = sum_ - 2.0
    far = above / sum_
    missing = 1.0 - far  # 2 / sum_
    left = missing.fma(lost, (-far).fma(sum_, above))  # of the division, and of the sum
    far = (missing * 0.5).fma(left, far)
    far = (size > TANH_ONE).select(1.0, far)
    return (size < TANH_NEAR).select(near, far).copysign(x)
