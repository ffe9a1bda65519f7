"""erf, by a polynomial near 0, and 1 - 2^p(x) with a polynomial p elsewhere."""

from __future__ import annotations

from ir_runtime.rows.functions.exponential import BIAS, ROUND, power_of_two
from ir_runtime.rows.vector_code import Vector, polynomial

__all__ = ["erf"]

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
NEAR_MOST = 0.875
FAR_MOST = 4.0  # erf is 1 from here on


def erf(x: Vector) -> Vector:
    """Return the error function; error 0.8."""
    size = abs(x)
    near = size.fma(polynomial(size * size, NEAR), size)
    y = size.at_most(FAR_MOST) - 1.0
    slope = polynomial(y, FAR)
    start, start_rest = START
    rounded = y.fma(slope, start) + (ROUND + BIAS)
    # The exponent minus its integer part, rounded where it is small.
    r = y.fma(slope, start - (rounded - (ROUND + BIAS))) + start_rest
    power = power_of_two(rounded)
    far = (-power).fma(r * polynomial(r, EXP2), 1.0 - power)
    return (size < NEAR_MOST).select(near, far).copysign(x)
