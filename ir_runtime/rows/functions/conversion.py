"""Conversions between float32 and narrower types, right for all bit patterns.

Lane i holds element i, except in "split" order: there the first half of the lanes holds the
elements at even positions, and the second half those at odd positions. bf16 are split because a
shift and a mask separate two that share 32 bits; other types follow where they meet bf16.

Integer operations round, since the compiler takes `extf` of `truncf` for its operand.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from ir_runtime.rows.vector_code import Vector

__all__ = ["FORMATS", "Format", "narrow", "round_to", "split", "unsplit", "widen"]

F32_FRACTION, F32_BIAS = 23, 127
F32_INFINITY = 0x7F800000
MAGNITUDE = 0x7FFFFFFF


@dataclass(frozen=True)
class Format:
    """A type of narrow floats.

    Attributes:
        kind: the element type in MLIR.
        fraction: bits of the fraction.
        bias: of the exponent.
        largest: the bits of the largest finite number.
        overflow: the bits that torch gives larger numbers: the largest one, infinity or NaN.
        nan: the bits of NaN.
        signed_zero: whether there is a negative zero; if not, its bits are NaN.
    """

    kind: str
    fraction: int
    bias: int
    largest: int
    overflow: int
    nan: int
    signed_zero: bool = True

    @property
    def bits(self) -> int:
        """The size of a number."""
        return 16 if "16" in self.kind else 8

    @property
    def sign(self) -> int:
        """The bit of the sign."""
        return 1 << (self.bits - 1)

    @property
    def least_normal(self) -> float:
        """The smallest normal number; those below are multiples of `step`."""
        return 2.0 ** (1 - self.bias)

    @property
    def largest_bits(self) -> int:
        """The bits of the largest number in float32."""
        exponents = (F32_BIAS - self.bias) << F32_FRACTION
        return (self.largest << (F32_FRACTION - self.fraction)) + exponents

    @property
    def largest_number(self) -> float:
        """The largest number."""
        return struct.unpack("<f", struct.pack("<I", self.largest_bits))[0]

    @property
    def step(self) -> float:
        """The smallest number above 0."""
        return self.least_normal * 2.0**-self.fraction


FORMATS = {
    format_.kind: format_
    for format_ in (
        Format("bf16", 7, 127, 0x7F7F, 0x7F80, 0x7FC0),
        Format("f16", 10, 15, 0x7BFF, 0x7C00, 0x7E00),
        Format("f8E4M3FN", 3, 7, 0x7E, 0x7E, 0x7F),
        Format("f8E4M3FNUZ", 3, 8, 0x7F, 0x80, 0x80, signed_zero=False),
        Format("f8E5M2", 2, 15, 0x7B, 0x7C, 0x7F),
    )
}


def split(x: Vector) -> Vector:
    """Bring lanes into split order."""
    return x.shuffle(x, [*range(0, x.lanes, 2), *range(1, x.lanes, 2)])


def unsplit(x: Vector) -> Vector:
    """Bring lanes from split order into that of the elements."""
    half = x.lanes // 2
    return x.shuffle(x, [place for i in range(half) for place in (i, i + half)])


def widen(kind: str, *, in_split_order: bool = False) -> Callable[[Vector], Vector]:
    """Return the function from a narrow type to float32; exact."""
    if kind == "bf16":
        return _widen_bf16_split if in_split_order else _widen_bf16
    plain = {"f32": lambda x: x, "f16": lambda x: x.convert("f32"), "f8E5M2": _widen_f8e5m2}.get(
        kind, lambda x: _widen_f8e4m3(FORMATS[kind], x)
    )
    return (lambda x: split(plain(x))) if in_split_order else plain


def narrow(
    kind: str, *, in_split_order: bool = False, short_nan: bool = False
) -> Callable[[Vector], Vector]:
    """Return the function from float32 to a narrow type; to nearest, ties to even.

    Args:
        kind: the narrow type.
        in_split_order: whether the operand is.
        short_nan: whether the low 16 bits of each NaN are clear. Those of bf16 are, and those that
            arithmetic makes of numbers; then bf16 need no look at NaN.
    """
    if kind == "bf16":
        narrow_bf16 = _narrow_bf16_split if in_split_order else _narrow_bf16
        return lambda x: narrow_bf16(_round_bf16(x, short_nan=short_nan))
    if kind.startswith("f8"):
        narrow_f8 = _narrow_f8_split if in_split_order else _narrow_f8
        return lambda x: narrow_f8(FORMATS[kind], x)
    plain = {"f32": lambda x: x, "f16": lambda x: x.convert("f16")}[kind]
    return (lambda x: plain(unsplit(x))) if in_split_order else plain


def round_to(kind: str, *, short_nan: bool = False) -> Callable[[Vector], Vector]:
    """Return the function that rounds float32 to the numbers of a narrow type.

    Args:
        kind: the narrow type.
        short_nan: as for `narrow`.
    """
    format_ = FORMATS[kind]
    if kind == "bf16":
        return lambda x: (_round_bf16(x, short_nan=short_nan) & 0xFFFF0000).bitcast("f32")
    return lambda x: _round(format_, x)


def _widen_bf16(x: Vector) -> Vector:
    return (x.bits().extend("i32") << 16).bitcast("f32")


def _widen_bf16_split(x: Vector) -> Vector:
    pairs = x.regroup("i32")
    both = (pairs << 16).shuffle(pairs & 0xFFFF0000, range(x.lanes))
    return both.bitcast("f32")


def _round_bf16(x: Vector, *, short_nan: bool = False) -> Vector:
    """Return bits of which the upper 16 are those of the rounded number; NaN is 0x7FC0."""
    if not short_nan:
        x = x.is_nan().select(x.constant(float("nan")), x)
    bits = x.bits()
    return bits + 0x7FFF + ((bits >> 16) & 1)


def _narrow_bf16(rounded: Vector) -> Vector:
    return (rounded >> 16).truncate("i16").bitcast("bf16")


def _narrow_bf16_split(rounded: Vector) -> Vector:
    half = rounded.lanes // 2
    even = rounded.shuffle(rounded, range(half))
    odd = rounded.shuffle(rounded, range(half, rounded.lanes))
    return ((even >> 16) | (odd & 0xFFFF0000)).regroup("bf16")


def _widen_f8e5m2(x: Vector) -> Vector:
    """Widen by way of f16, which has the same exponents."""
    return (x.bits().extend("i16") << 8).bitcast("f16").convert("f32")


def _widen_f8e4m3(format_: Format, x: Vector) -> Vector:
    code = x.bits().extend("i32")
    size = code & (format_.sign - 1)
    shift = F32_FRACTION - format_.fraction
    normal = ((size << shift) + ((F32_BIAS - format_.bias) << F32_FRACTION)).bitcast("f32")
    small = size.convert("f32") * format_.step
    y = (size < (1 << format_.fraction)).select(small, normal)
    y = (y.bits() | ((code & format_.sign) << 24)).bitcast("f32")
    is_nan = (size if format_.signed_zero else code).equals(format_.nan)
    return is_nan.select(float("nan"), y)


def _f8_codes(format_: Format, x: Vector) -> Vector:
    """Return the codes of numbers, in 32 bits each.

    The codes of a format count steps from 0 on, where a step is the last place of the exponent, and
    of the least normal one below it. A sum with a power of two whose last place is a step rounds.
    """
    bits, size = x.bits(), abs(x)
    shift = F32_FRACTION - format_.fraction
    if format_.overflow == format_.largest:
        size = size.at_most(format_.largest_number)
    # NaN and larger numbers become the number after the largest one; its code is often that of NaN.
    size = size.bits().at_most(format_.largest_bits + (1 << shift)).bitcast("f32")
    least = (F32_BIAS + 1 - format_.bias) << F32_FRACTION
    power = (size.bits() & F32_INFINITY).at_least(least) + (shift << F32_FRACTION)
    steps = (size + power.bitcast("f32")).bits() - power
    code = steps + (power >> shift) - ((least >> shift) + (shift << format_.fraction))
    if format_.nan != format_.largest + 1:
        code = x.is_nan().select(format_.nan, code)
    sign = (bits >> 24) & format_.sign
    if not format_.signed_zero:
        sign = code.equals(0).select(0, sign)
    return code | sign


def _narrow_f8(format_: Format, x: Vector) -> Vector:
    return _f8_codes(format_, x).truncate("i8").bitcast(format_.kind)


def _narrow_f8_split(format_: Format, x: Vector) -> Vector:
    """Bring two codes together in 16 bits before they are packed."""
    codes, half = _f8_codes(format_, x), x.lanes // 2
    even, odd = (codes.shuffle(codes, range(at, at + half)) for at in (0, half))
    return (even | (odd << 8)).truncate("i16").regroup("i8").bitcast(format_.kind)


def _round(format_: Format, x: Vector) -> Vector:
    size = abs(x)
    bits = size.bits()
    shift = F32_FRACTION - format_.fraction
    start = format_.step * 2.0**F32_FRACTION
    small = x.code.counted(size, start, format_.step)
    rounded = bits + ((1 << (shift - 1)) - 1) + ((bits >> shift) & 1)
    normal = (rounded & -(1 << shift)).bitcast("f32")
    y = (size < format_.least_normal).select(small, normal)
    largest = x.constant(format_.largest_bits, "i32").bitcast("f32")
    beyond = {format_.largest: largest, format_.nan: x.constant(float("nan"))}
    y = (y > largest).select(beyond.get(format_.overflow, float("inf")), y)
    y = x.is_nan().select(x, y.copysign(x))
    return y if format_.signed_zero else y + 0.0
