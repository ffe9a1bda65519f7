"""Conversions to and from eight-bit floats, with the same bits as torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime.frozen import frozen
from ir_runtime.op_reg.trace.legal.table import rewrite, scalar_like

__all__ = ["FORMATS", "Format"]


@frozen
class Format:
    """An eight-bit float.

    Attributes:
        mantissa: number of stored mantissa bits.
        bias: bias of the exponent.
        largest: byte of the largest number.
        nan: byte of a NaN, without the sign.
        over: byte for a value above the largest number.
        infinite: byte of infinity.
        signed_zero: whether there is a negative zero.
    """

    mantissa: int
    bias: int
    largest: int
    nan: int
    over: int
    infinite: int
    signed_zero: bool


FORMATS = {
    torch.float8_e4m3fn: Format(3, 7, 0x7E, 0x7F, 0x7E, 0x7E, signed_zero=True),
    torch.float8_e5m2: Format(2, 15, 0x7B, 0x7F, 0x7C, 0x7C, signed_zero=True),
    torch.float8_e4m3fnuz: Format(3, 8, 0x7F, 0x80, 0x80, 0x80, signed_zero=False),
    torch.float8_e5m2fnuz: Format(2, 16, 0x7F, 0x80, 0x80, 0x80, signed_zero=False),
}


@rewrite("_to_copy.default")
def _to_copy(x: Tensor, *, dtype: torch.dtype | None = None, **options: Any) -> Tensor:
    del options  # layout, device and so on: a program has one of each
    if dtype in FORMATS and x.dtype != dtype:
        return _encode(_as_float(x), FORMATS[dtype]).view(dtype)
    if x.dtype in FORMATS and dtype not in (None, x.dtype):
        return _decode(x).to(dtype)
    return NotImplemented


def _as_float(x: Tensor) -> Tensor:
    return x.to(torch.float32)


def _encode(x: Tensor, kind: Format) -> Tensor:
    """Round to nearest, ties to even, with integers: the compiler's own rounding is wrong."""
    bits = x.view(torch.int32)
    magnitude = bits & 0x7FFFFFFF
    drop = 23 - kind.mantissa
    odd = (magnitude >> drop) & 1
    rounded = magnitude - ((127 - kind.bias) << 23) + ((1 << (drop - 1)) - 1) + odd
    normal = rounded >> drop
    # `anchor` has the smallest subnormal as its last place: the sum is rounded to a multiple of it.
    unit = float(2.0 ** (1 - kind.bias - kind.mantissa))
    anchor = unit * 2.0**23
    subnormal = (torch.abs(x) + anchor).view(torch.int32) - _bits_of(anchor)
    smallest_normal = _bits_of(2.0 ** (1 - kind.bias))
    byte = torch.where(magnitude < smallest_normal, subnormal, normal)
    infinity, full = _bits_of(float("inf")), scalar_like
    byte = torch.where((byte > kind.largest) | (magnitude >= infinity), full(byte, kind.over), byte)
    byte = torch.where(magnitude == infinity, full(byte, kind.infinite), byte)
    sign = (bits >> 24) & 0x80
    byte = torch.where(magnitude > infinity, full(byte, kind.nan), byte)
    if kind.signed_zero:
        return (byte | sign).to(torch.uint8)
    signed = torch.where((byte == 0) | (byte == kind.nan), byte, byte | sign)
    return signed.to(torch.uint8)


def _decode(x: Tensor) -> Tensor:
    kind = FORMATS[x.dtype]
    byte = x.view(torch.uint8).to(torch.int32)
    magnitude, drop = byte & 0x7F, 23 - kind.mantissa
    normal = ((magnitude << drop) + ((127 - kind.bias) << 23)).view(torch.float32)
    subnormal = magnitude.to(torch.float32) * float(2.0 ** (1 - kind.bias - kind.mantissa))
    value = torch.where(magnitude < (1 << kind.mantissa), subnormal, normal)
    value = torch.where((byte & 0x80) != 0, -value, value)
    nan = scalar_like(value, float("nan"))
    if not kind.signed_zero:
        return torch.where(byte == kind.nan, nan, value)
    if kind.infinite == kind.largest:
        return torch.where(magnitude == kind.nan, nan, value)
    infinite = scalar_like(value, float("inf"))
    infinite = torch.where((byte & 0x80) != 0, -infinite, infinite)
    value = torch.where(magnitude == kind.infinite, infinite, value)
    return torch.where(magnitude > kind.infinite, nan, value)


def _bits_of(value: float) -> int:
    import struct

    return struct.unpack("<i", struct.pack("<f", value))[0]
