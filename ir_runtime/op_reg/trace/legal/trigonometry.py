"""Sine, cosine and tangent in f64; arguments of any size are reduced as exactly as in torch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from ir_runtime.op_reg.trace.legal.function import polynomial
from ir_runtime.op_reg.trace.legal.table import has_double, rewrite, scalar_like

__all__: list[str] = []

_SIN = (-7.578076404643611e-13, 1.6058352153053254e-10, -2.505210477693529e-08,
        2.75573192135539e-06, -0.00019841269841253462, 0.008333333333333321,
        -0.16666666666666666, 1.0)  # fmt: skip
"""sin(x) / x as a polynomial of x * x, for |x| up to a quarter of pi."""
_COS = (4.736296782172725e-14, -1.1470246774898361e-11, 2.087675387820017e-09,
        -2.755731921268442e-07, 2.480158730156317e-05, -0.001388888888888886,
        0.041666666666666664, -0.5, 1.0)  # fmt: skip
"""cos(x) as a polynomial of x * x, for |x| up to a quarter of pi."""
_LARGE = 2.0**20
_PARTS, _PART_BITS = 4, 26
_FRACTION_BITS, _BIAS = 52, 1023
_ZEROS = 64
"""Number of zeros before the digits of 2 / pi in its words."""

Angular = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def _angular(name: str) -> Callable[[Angular], Angular]:
    """Register a function of an angle, its quarter turns, and the rest's sine and cosine."""

    def register(function: Angular) -> Angular:
        def rewritten(x: Tensor) -> Tensor:
            if x.is_complex():
                return NotImplemented
            kind = x.dtype if x.is_floating_point() else torch.get_default_dtype()
            if kind != torch.float64 and not has_double():
                return NotImplemented
            wide = x.to(kind).to(torch.float64)
            found = _by_quadrant(wide, narrow=kind != torch.float64)
            return function(wide, *found).to(kind)

        rewrite(name)(rewritten)
        return function

    return register


@_angular("sin.default")
def _sin(x: Tensor, turn: Tensor, sine: Tensor, cosine: Tensor) -> Tensor:
    found = torch.where((turn & 1) == 0, sine, cosine)
    found = torch.where((turn & 2) == 0, found, -found)
    return torch.where(x == 0, x, found)


@_angular("cos.default")
def _cos(x: Tensor, turn: Tensor, sine: Tensor, cosine: Tensor) -> Tensor:
    del x
    found = torch.where((turn & 1) == 0, cosine, sine)
    return torch.where(((turn + 1) & 2) == 0, found, -found)


@_angular("tan.default")
def _tan(x: Tensor, turn: Tensor, sine: Tensor, cosine: Tensor) -> Tensor:
    found = torch.where((turn & 1) == 0, sine / cosine, -cosine / sine)
    return torch.where(x == 0, x, found)


def _by_quadrant(x: Tensor, *, narrow: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return the quarter turns in an angle, and sine and cosine of the rest."""
    small_turn, small = _reduced_small(x)
    large_turn, large = _reduced_large(x, narrow=narrow)
    is_small = torch.abs(x) < _LARGE
    turn = torch.where(is_small, small_turn, large_turn)
    rest = torch.where(is_small, small, large)
    rest = torch.where(x - x == 0, rest, x - x)  # NaN for infinities and NaN
    square = rest * rest
    return turn, rest * polynomial(_SIN, square), polynomial(_COS, square)


def _reduced_small(x: Tensor) -> tuple[Tensor, Tensor]:
    x = torch.clamp(x, -_LARGE, _LARGE)
    count = torch.round(x * (2 / math.pi))
    rest = x
    for part in _parts_of(_half_pi(), 3, 32, 1):
        rest = rest - count * part
    return count.to(torch.int64) & 3, rest


def _reduced_large(x: Tensor, *, narrow: bool) -> tuple[Tensor, Tensor]:
    """Return the quarter turns and the rest of a large angle (the method of Payne and Hanek).

    The angle is multiplied by the digits of 2 / pi. Digits before those for single quarter turns
    give whole turns only, and are left out.

    Args:
        x: at least `_LARGE`.
        narrow: whether it has only the range and digits of f32.
    """
    bits = torch.abs(x).view(torch.int64)
    fraction = (bits & ((1 << _FRACTION_BITS) - 1)) | (1 << _FRACTION_BITS)
    # The number is `high << power + low << power - 26`.
    power = (bits >> _FRACTION_BITS) - (_BIAS + _FRACTION_BITS - _PART_BITS)
    factors = [(fraction >> _PART_BITS, power)]
    if not narrow:
        factors.append((fraction & ((1 << _PART_BITS) - 1), power - _PART_BITS))
    most = (128 if narrow else _BIAS + 1) - _FRACTION_BITS + _PART_BITS
    zero = scalar_like(x, 0)
    whole, terms, rests = zero, zero, [zero]
    for number, shift in factors:
        factor = number.to(torch.float64)
        digits = _digits_from(shift + (_ZEROS - 2), most + _ZEROS)
        parts = [factor * (d.to(torch.float64) * s) for d, s in zip(digits, _SCALES, strict=True)]
        whole = whole + (parts[0] - 4 * torch.floor(parts[0] * 0.25))
        terms = terms + parts[1]
        rests += parts[2:]
    count = torch.round(whole + terms)
    rest = (whole - count) + terms
    for part in rests:
        rest = rest + part
    rest = rest * (math.pi / 2)
    negative = x < 0
    turn = torch.where(negative, -count, count).to(torch.int64) & 3
    return turn, torch.where(negative, -rest, rest)


_SCALES = [math.ldexp(1.0, -24 - part * _PART_BITS) for part in range(_PARTS)]


def _digits_from(place: Tensor, most: int) -> list[Tensor]:
    """Return 26 bits of 2 / pi from a place on, then the next 26 bits, and so on, as integers."""
    last = most // _PART_BITS
    place = torch.clamp(place, 0, most)
    word = (place * 2521) >> 16  # place // 26, for places below 1,100
    offset = place - word * _PART_BITS
    words = _words(last + _PARTS + 1)
    found = [_chosen(word, words[i : i + last + 1]) for i in range(_PARTS + 1)]
    mask = (1 << _PART_BITS) - 1
    return [
        ((first << offset) | (second >> (_PART_BITS - offset))) & mask
        for first, second in itertools.pairwise(found)
    ]


def _chosen(index: Tensor, values: list[int]) -> Tensor:
    """Return the value at an index, chosen by one bit of the index after the other."""
    found = [scalar_like(index, value) for value in values]
    bit = 0
    while len(found) > 1:
        odd = ((index >> bit) & 1) != 0
        pairs = zip(found[::2], [*found[1::2], found[-1]], strict=False)
        found = [torch.where(odd, second, first) for first, second in pairs]
        bit += 1
    return found[0]


@cache
def _words(count: int) -> list[int]:
    """Return the digits of 2 / pi, after `_ZEROS` zeros, in words of 26 bits."""
    size = count * _PART_BITS
    digits = (1 << 2 * size + 1) // _pi(size) >> _ZEROS
    mask = (1 << _PART_BITS) - 1
    return [(digits >> size - (i + 1) * _PART_BITS) & mask for i in range(count)]


@cache
def _pi(bits: int) -> int:
    """Return pi times 2 to the power of `bits`, from Machin's formula."""
    guard = bits + 32

    def arc_tangent_of_inverse(n: int) -> int:
        term = (1 << guard) // n
        total, k = term, 1
        while term:
            term //= n * n
            total += -(term // (2 * k + 1)) if k % 2 else term // (2 * k + 1)
            k += 1
        return total

    return (16 * arc_tangent_of_inverse(5) - 4 * arc_tangent_of_inverse(239)) >> 32


def _half_pi() -> tuple[int, int]:
    return _pi(200), 201


def _parts_of(number: tuple[int, int], count: int, bits: int, top: int) -> list[float]:
    """Split a fixed-point number (its digits and their place) into floats of few bits."""
    value, point = number
    parts: list[float] = []
    for i in range(count):
        last = i == count - 1
        low = max(point + top - (i + 1) * bits, 0) if not last else max(point - 3 * bits - 20, 0)
        digits = value >> low
        parts.append(math.ldexp(digits, low - point))
        value -= digits << low
    return parts
