"""Shorter forms of exponentials, for values that only go into results of 16 bits.

Their relative error is 6e-6 at most, a fortieth of what rounding to float16 may add, and less of
what rounding to bfloat16 may add. `rows.short_form` decides where they are used. The coefficients
come from `python -m benchmarks.fit_polynomials`.
"""

from __future__ import annotations

from ir_runtime.rows.functions.exponential import (
    BIAS,
    HIGHEST,
    LOG2_E,
    LOWEST,
    ROUND,
    gate_by_two,
    power_of_two,
)
from ir_runtime.rows.vector_code import Vector, polynomial

__all__ = ["exp_down_short", "gate_by_two_short", "gate_short", "sigmoid_short"]

LN2 = 0.6931471805599453
# e^r = 1 + r + e2 r^2 + e3 r^3 + e4 r^4, minimax on |r| <= ln(2) / 2: relative error 5e-6.
EXP = (1.0, 1.0, 0.5000512003898621, 0.16753548383712769, 0.04127758741378784)
# 2^r = 1 + e1 r + ... + e4 r^4, minimax on |r| <= 1/2: relative error 3e-6.
EXP2 = (1.0, 0.6931241750717163, 0.2402409166097641, 0.0559065118432045, 0.00958317331969738)


def _power(x: Vector, offset: float) -> tuple[Vector, Vector]:
    """Return e^r and n plus the offset, where x = n ln(2) + r."""
    rounded = x.rounded_sum(offset, LOG2_E)
    r = (rounded - offset).fma(-LN2, x)
    return polynomial(r, EXP), rounded


def exp_down_short(x: Vector) -> Vector:
    """Return e^x for x <= 0."""
    exp_reduced, rounded = _power(x.at_least(LOWEST), ROUND + BIAS + 64)
    return exp_reduced * (power_of_two(rounded) * 2.0**-64)


def _one_plus_exp_of_minus(x: Vector) -> Vector:
    exp_reduced, rounded = _power((-x).at_least(-88.0).at_most(HIGHEST), ROUND + BIAS)
    return exp_reduced.fma(power_of_two(rounded), 1.0)


def sigmoid_short(x: Vector) -> Vector:
    """Return 1 / (1 + e^-x); 0 below -89."""
    return 1.0 / _one_plus_exp_of_minus(x)


def gate_short(a: Vector, b: Vector) -> Vector:
    """Return a sigmoid(b); NaN if both are -inf, as the product."""
    return a / _one_plus_exp_of_minus(b)


def gate_by_two_short(a: Vector, b: Vector) -> Vector:
    """Return a / (1 + 2^-b); NaN if both are -inf, as the product with the power's inverse."""
    return gate_by_two(a, b, EXP2)
