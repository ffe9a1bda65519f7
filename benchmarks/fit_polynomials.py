"""Fit the polynomials of the vector functions: `python -m benchmarks.fit_polynomials` prints them.

A fit minimises the largest weighted error by least squares on Chebyshev points, whose weights grow
where the error is large (Lawson's algorithm). Coefficients are rounded to float32 one by one, from
the first, and the others are fitted again each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mpmath as mp
import numpy as np

__all__ = ["fit"]

POINTS, ROUNDS = 600, 400
HALF_LN2 = float(mp.log(2) / 2) * 1.0005
OF_EXP = float(mp.log(2) / 2) * 1.0002
QUARTER_PI = float(mp.pi / 4) * 1.0005

Function = Callable[[mp.mpf], mp.mpf]


def fit(
    wanted: Function,
    weight: Function,
    low: float,
    high: float,
    degree: int,
    *,
    fixed: Sequence[float] = (),
) -> tuple[list[float], float]:
    """Return float32 coefficients from the constant one on, and the largest weighted error.

    Args:
        wanted: the function to approximate.
        weight: what the error at a point is multiplied with.
        low: where the interval begins.
        high: where it ends.
        degree: of the polynomial.
        fixed: the first coefficients, if they are given.
    """
    points = np.cos(np.pi * (np.arange(POINTS) + 0.5) / POINTS) * (high - low) / 2
    points += (high + low) / 2
    with mp.workprec(120):
        target = np.array([float(wanted(mp.mpf(float(t)))) for t in points])
        scale = np.array([float(weight(mp.mpf(float(t)))) for t in points])
    powers = np.stack([points**i for i in range(degree + 1)], axis=1)
    found = [float(np.float32(c)) for c in fixed]
    while len(found) <= degree:
        rest = target - powers[:, : len(found)] @ np.array(found)
        found.append(float(np.float32(_minimax(powers[:, len(found) :], rest, scale)[0])))
    return found, float(np.abs(scale * (powers @ np.array(found) - target)).max())


def _minimax(powers: np.ndarray, target: np.ndarray, scale: np.ndarray) -> np.ndarray:
    importance = np.full(len(target), 1 / len(target))
    best, least = np.zeros(powers.shape[1]), np.inf
    for _ in range(ROUNDS):
        weights = np.sqrt(importance) * scale
        matrix = powers * weights[:, None]
        norms = np.linalg.norm(matrix, axis=0)
        coefficients = np.linalg.lstsq(matrix / norms, target * weights, rcond=None)[0] / norms
        error = np.abs(scale * (powers @ coefficients - target))
        if error.max() < least:
            best, least = coefficients, error.max()
        importance *= error + 1e-300
        importance /= importance.sum()
    return best


def _of_square(function: Function) -> Function:
    return lambda z: function(mp.sqrt(z))


def _log2_erfc(x: mp.mpf) -> mp.mpf:
    return mp.log(mp.erfc(x), 2)


def _waves() -> dict[str, tuple[list[float], float]]:
    return {
        "sin": fit(
            _of_square(lambda x: (mp.sin(x) / x - 1) / x**2),
            lambda z: z,
            1e-6,
            QUARTER_PI**2,
            2,
        ),
        "cos": fit(
            _of_square(lambda x: (mp.cos(x) - 1 + x**2 / 2) / x**4),
            lambda z: z**2,
            1e-6,
            QUARTER_PI**2,
            2,
        ),
    }


def fits() -> dict[str, tuple[list[float], float]]:
    """Return the polynomials by name, as they stand in `ir_runtime.rows.functions`."""

    def exp_tail(r: mp.mpf) -> mp.mpf:
        return (mp.expm1(r) - r) / r**2

    def exp_weight(r: mp.mpf) -> mp.mpf:
        return r**2 / mp.exp(r) * (6 if abs(r) > 0.28 else 1)

    erf_1 = float(2 / mp.sqrt(mp.pi) - 1)
    tanh = _of_square(lambda x: (mp.tanh(x) / x - 1) / x**2)
    tanh_weight = _of_square(lambda x: x**3 / mp.tanh(x))
    return {
        "exp from r^2 on": fit(exp_tail, exp_weight, -OF_EXP, OF_EXP, 4),
        "expm1": fit(exp_tail, abs, -HALF_LN2, HALF_LN2, 5),
        "tanh": fit(tanh, tanh_weight, 1e-9, 0.73**2, 5),
        "log": fit(
            lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3,
            lambda f: abs(f**3 / mp.log1p(f)),
            0.5**0.5 - 1,
            2**0.5 - 1,
            8,
        ),
        "erf near 0": fit(
            _of_square(lambda x: mp.erf(x) / x - 1),
            _of_square(lambda x: x / mp.erf(x)),
            1e-9,
            0.88**2,
            6,
            fixed=(erf_1,),
        ),
        "erf far from 0": fit(
            lambda y: (_log2_erfc(1 + y) - _log2_erfc(mp.mpf(1))) / y,
            lambda y: mp.erfc(1 + y) * abs(y),
            -0.14,
            3.0,
            5,
        ),
        "2^r": fit(lambda r: (mp.power(2, r) - 1) / r, abs, -0.5, 0.5, 5),
        "exp from r^2 on, short": fit(exp_tail, lambda r: r**2 / mp.exp(r), -OF_EXP, OF_EXP, 2),
        "2^r, short": fit(
            lambda r: (mp.power(2, r) - 1) / r, lambda r: abs(r) / mp.power(2, r), -0.5, 0.5, 3
        ),
        **_waves(),
    }


if __name__ == "__main__":
    for name, (coefficients, error) in fits().items():
        print(f"{name}: error 2^{np.log2(error):.1f}", *coefficients, sep="\n    ")
