"""Numbers of calls: their ranges, and their conversion for IREE's VM, which has only four types."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import ArgumentError, UnsupportedTypeError
from ir_runtime.frozen import frozen

__all__ = ["NumberRange", "decode_number", "encode_number", "plain_number"]

# Float types that are passed as their bits, in an i32.
_AS_BITS = {
    row.mlir: dtype
    for dtype, row in DTYPES.items()
    if dtype.is_floating_point and dtype.itemsize < 4
}
_INTEGER = re.compile(r"(?:[su]?i(?=\d)|index)(\d*)")
_SAME_SIZE = {1: torch.int8, 2: torch.int16}
_LARGEST_F32 = torch.finfo(torch.float32).max


@frozen
class NumberRange:
    """A number of a call, and the values that it may have.

    Attributes:
        index: which one among the numbers of the call.
        lowest: its least value.
        highest: its greatest value.
    """

    index: int
    lowest: int
    highest: int


def plain_number(value: Any) -> float | None:
    """Return a number as an int, bool or float; None if `value` is no number.

    Args:
        value: may be a NumPy scalar or a 0-d tensor, too.
    """
    scalar = isinstance(value, np.generic) or (isinstance(value, Tensor) and value.dim() == 0)
    number = value.item() if scalar else value
    return number if isinstance(number, int | float) else None


def encode_number(value: float, kind: str, label: str) -> float:
    """Return a number as the VM takes it: an int for its int registers, else a float.

    The kind matters: the VM does not convert, so an int for a float parameter would arrive as 0.0.

    Args:
        value: an int, a bool or a float.
        kind: the MLIR type of the parameter.
        label: the argument, for messages.

    Raises:
        ArgumentError: the number does not fit.
        UnsupportedTypeError: no number can be passed as `kind`.
    """
    if kind in ("f32", "f64"):
        return _float_in_range(value, kind, label)
    if kind in _AS_BITS:
        dtype = _AS_BITS[kind]
        rounded = torch.tensor(_float_in_range(value, "f64", label)).to(dtype)
        if math.isfinite(value) and not rounded.float().isfinite():
            raise ArgumentError(f"{label} is {value}, must be in the range of {kind}")
        return int(rounded.view(_SAME_SIZE[dtype.itemsize]).item())
    size = _size_of_int(kind)
    if size is None:
        raise UnsupportedTypeError(f"{label} is {value}, and no number can be passed as {kind}")
    low = 0 if kind.startswith("u") else -(1 << size - 1)
    end = 1 << (size - 1 if kind.startswith("s") else size)
    if isinstance(value, float) or not low <= value < end:
        raise ArgumentError(f"{label} is {value}, must be an int of {size} bits")
    return _wrapped(int(value), kind, size)


def decode_number(value: float, kind: str) -> float:
    """Return the Python number for a result of the VM of MLIR type `kind`."""
    if kind in _AS_BITS:
        dtype = _AS_BITS[kind]
        size = dtype.itemsize
        bits = torch.tensor(_wrapped(int(value), "i", 8 * size), dtype=_SAME_SIZE[size])
        return bits.view(dtype).item()
    size = _size_of_int(kind)
    if size is None:
        return value
    number = _wrapped(int(value), kind, size)
    return bool(number) if kind == "i1" else number


def _float_in_range(value: float, kind: str, label: str) -> float:
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    too_large = abs(result) > _LARGEST_F32 if kind == "f32" else math.isinf(result)
    if too_large and not (isinstance(value, float) and math.isinf(value)):
        raise ArgumentError(f"{label} is {value}, must be in the range of {kind}")
    return result


def _size_of_int(kind: str) -> int | None:
    found = _INTEGER.fullmatch(kind)
    return int(found[1] or 64) if found else None


def _wrapped(value: int, kind: str, size: int) -> int:
    """Interpret the low `size` bits of an int as a number of `kind`."""
    value &= (1 << size) - 1
    negative = value >= 1 << (size - 1) and kind != "i1" and not kind.startswith("u")
    return value - (1 << size) if negative else value
