"""sin and cos, for all of float32."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

from ir_runtime.rows.functions.exponential import ROUND
from ir_runtime.rows.vector_code import Vector, polynomial

__all__ = ["cos", "sin"]

TWO_BY_PI = 0.6366197723675814
# pi / 2 in three parts; integer multiples of the first one are subtracted exactly.
HALF_PI = (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15)
MOST = 131072.0  # above it 2 / pi times x is computed in integers
MOST_BITS = 0x48000000
# The bits of 2 / pi after the point, 32 in a word, behind a word of zeros.
TWO_BY_PI_WORDS = (
    *(0, 0xA2F9836E, 0x4E441529, 0xFC2757D1),
    *(0xF534DDC0, 0xDB629599, 0x3C439041, 0xFE5163AB),
)
UNIT = (3.4061216748705226e-19, -9.478396428567739e-27)  # pi / 2^63, in two parts

# sin(r) = r + r^3 (s0 + s1 r^2 + ...), minimax on |r| <= pi / 4: relative error 2^-28.
SIN = (-0.16666655242443085, 0.008332191035151482, -0.00019518598855938762)
# cos(r) = 1 - r^2 / 2 + r^4 (c0 + c1 r^2 + ...), minimax on |r| <= pi / 4: absolute error 2^-33.
COS = (0.04166664555668831, -0.00138873013202101, 2.443066841806285e-05)


class Reduced(NamedTuple):
    """A positive x = n pi / 2 + r + rest.

    Attributes:
        n: an integer of which the two low bits are right.
        r: at most pi / 4 in size.
        rest: below the last place of `r`.
    """

    n: Vector
    r: Vector
    rest: Vector


def _reduce(x: Vector) -> Reduced:
    """Subtract multiples of pi / 2 from 0 <= x <= MOST."""
    first, second, third = HALF_PI
    rounded = x.fma(TWO_BY_PI, ROUND)
    n = rounded - ROUND
    start = n.fma(-first, x)
    minus = n.fma(-second, 0.0)  # no product: GPUs would join it with the sum
    minus_rest = n.fma(-second, -minus)
    # The sum of `start` and `minus` with its rounding error; either may be the larger one.
    r = start + minus
    back = r - start
    rest = (start - (r - back)) + (minus - back)
    return Reduced(rounded.bits(), r, n.fma(-third, rest + minus_rest))


def _reduce_large(x: Vector) -> Reduced:
    """Subtract multiples of pi / 2 from x >= MOST.

    x = m 2^e with an integer m of 24 bits. Bits of 2 / pi that count multiples of 4 do not matter,
    so 96 bits of it suffice, from one whose place depends on e.
    """
    bits = x.bits()
    place = (bits >> 23) - (150 - 30)
    index, shift = place >> 5, place & 31
    words = [x.constant(word, "i32") for word in TWO_BY_PI_WORDS]
    chosen = words[:4]
    for i in range(1, len(words) - 3):
        here = index.equals(i)
        chosen = [here.select(words[i + j], word) for j, word in enumerate(chosen)]
    high, middle, low = (
        ((a << shift) | ((b >> 1) >> (31 - shift))).extend("i64") for a, b in pairwise(chosen)
    )
    m = ((bits & 0x7FFFFF) | 0x800000).extend("i64")
    second = m * middle + (m * low >> 32)
    product = ((m * high + (second >> 32)) << 32) | (second & 0xFFFFFFFF)
    # The two high bits of the product are n, rounded down.
    n = (product + (1 << 61)) >> 62
    exact, (unit, unit_rest) = product - (n << 62), UNIT
    high = exact.convert("f32")
    low = (exact - high.integer("i64")).convert("f32")
    r = high.fma(unit, 0.0)  # no product, as above
    rest = low.fma(unit, high.fma(unit_rest, high.fma(unit, -r)))
    return Reduced(n.truncate("i32"), r, rest)


def _sine(x: Reduced, quarters: int) -> Vector:
    """Return sin(x + quarters pi / 2)."""
    square = x.r * x.r
    high = square.fma(-0.5, 1.0)
    sine = x.r + x.rest.fma(high, (square * x.r) * polynomial(square, SIN))
    low = square.fma(-0.5, 1.0 - high)
    low = (square * square).fma(polynomial(square, COS), low)
    cosine = high + (-x.r).fma(x.rest, low)
    n = x.n + quarters
    y = (n & 1).equals(0).select(sine, cosine)
    return (y.bits() ^ ((n & 2) << 30)).bitcast("f32")


def _sine_anywhere(x: Vector, quarters: int) -> Vector:
    """Return sin(x + quarters pi / 2) for x >= 0, infinite or NaN."""
    usual = _reduce(x)
    large = x.bits() > MOST_BITS

    def rare() -> Vector:
        pairs = zip(_reduce_large(x), usual, strict=True)
        y = _sine(Reduced(*(large.select(a, b) for a, b in pairs)), quarters)
        return (x < math.inf).select(y, math.nan)

    return x.code.rarely(large, _sine(usual, quarters), rare)


def sin(x: Vector) -> Vector:
    """Return the sine; error 0.8. A vector with numbers above 2^17 takes a branch."""
    y = _sine_anywhere(abs(x), 0)
    return (y.bits() ^ (x.bits() & 0x80000000)).bitcast("f32")


def cos(x: Vector) -> Vector:
    """Return the cosine; error 0.8. A vector with numbers above 2^17 takes a branch."""
    return _sine_anywhere(abs(x), 1)
