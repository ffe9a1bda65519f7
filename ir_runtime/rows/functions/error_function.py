"""erf, by a polynomial near 0, and 1 - 2^p(x) with a polynomial p elsewhere; and normal_cdf."""

from __future__ import annotations

from ir_runtime.rows.functions import exponential
from ir_runtime.rows.functions.exponential import BIAS, ROUND, power_of_two
from ir_runtime.rows.vector_code import Vector, polynomial

__all__ = ["erf", "normal_cdf"]

# erf(x) = x + x (c0 + c1 x^2 + ...), minimax on |x| <= 0.88: relative error 2^-30.
NEAR = (
    0.12837916612625122,
    -0.3761262893676758,
    0.11283622682094574,
    -0.02685536816716194,
    0.00519096665084362,
    -0.0008026947034522891,
    7.871142588555813e-05,
)
# erf(x) = 1 - 2^(START + y (c0 + c1 y + ...)) with y = x - 1, minimax on 0.86 <= x <= 4: absolute
# error 2^-28.3. START is in two parts, of which the first has few bits.
START = (-2.66845703125, 4.0334467485081404e-05)
FAR = (
    -3.807225465774536,
    -1.216345191001892,
    -0.05995092913508415,
    0.014408676885068417,
    -0.002739174757152796,
    0.0002951964852400124,
)
# 2^r = 1 + r (c0 + c1 r + ...), minimax on |r| <= 1/2: relative error 2^-28.3.
EXP2 = (
    0.6931471824645996,
    0.24022650718688965,
    0.05550359562039375,
    0.009618062525987625,
    0.0013390984386205673,
    0.0001546288258396089,
)
# Phi(-a) = 2^(l0 + l1 a + ...), minimax on 0 <= a <= 9, weighted by Phi(-a): absolute error 1e-9.
# The polynomial falls beyond, so large a need no care.
LOG2_TAIL = (
    -1.0,
    -1.151104211807251,
    -0.45922234654426575,
    -0.052429746836423874,
    0.006917521357536316,
    3.536031363182701e-05,
    -0.0003022895834874362,
    8.444293780485168e-05,
    -1.2489248547353782e-05,
    1.0001310783991357e-06,
    -3.3514552910673956e-08,
)
NEAR_MOST = 0.875
FAR_MOST = 4.0  # erf is 1 from here on


def erf(x: Vector) -> Vector:
    """Return the error function; error 0.8."""
    size = abs(x)
    near = size.fma(polynomial(size * size, NEAR), size)
    y = size.at_most(FAR_MOST) - 1.0
    slope = polynomial(y, FAR)
    start, start_rest = START
    rounded = y.fma(slope, start).rounded_sum(ROUND + BIAS)
    # The exponent minus its integer part, rounded where it is small.
    r = y.fma(slope, start - (rounded - (ROUND + BIAS))) + start_rest
    power = power_of_two(rounded)
    far = (-power).fma(r * polynomial(r, EXP2), 1.0 - power)
    return (size < NEAR_MOST).select(near, far).copysign(x)


def normal_cdf(x: Vector) -> Vector:
    """Return the normal distribution function, Phi(x) = (1 + erf(x / sqrt(2))) / 2.

    The polynomial's absolute error is 1e-9; relative to Phi(x) it is 3e-5 at -4, 3e-3 at -6 and 0.1
    at -9, where nothing is left of `1 + erf` in float32.
    """
    # 2^-1 goes into the exponent: in the sum it would cost small powers their last digits. At -126
    # the power is exactly 0.
    size = abs(x)
    log = (polynomial(size, LOG2_TAIL[1:]) * size).at_least(-126.0)
    rounded = log.rounded_sum(ROUND - 1.0)
    r = log - (rounded - (ROUND - 1.0))
    # The power goes into the exponent of the polynomial in r, as that is between 0.7 and 1.42.
    tail = (polynomial(r, exponential.EXP2).bits() + (rounded.bits() << 23)).bitcast("f32")
    return (x < 0.0).select(tail, 1.0 - tail)
