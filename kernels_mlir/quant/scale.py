"""What the ops of quantisation share: dtypes, scales, and conditions on them."""

from __future__ import annotations

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.dtypes import format_tensor, short_name

__all__ = [
    "FLOAT8",
    "allow_one_step",
    "broadcast_scale",
    "largest",
    "next_power_of_two",
    "of_dtype",
    "saturated",
    "smallest_scale",
    "with_elements",
]

_LARGEST = {
    torch.float8_e4m3fn: 448.0,
    torch.float8_e4m3fnuz: 224.0,
    torch.float8_e5m2: 57344.0,
}

FLOAT8 = tuple(_LARGEST)
"""The dtypes of quantised numbers."""

_FRACTION, _EXPONENT = 0x7FFFFF, -0x800000  # bits of a float32


def largest(dtype: torch.dtype) -> float:
    """Return the bound of quantised numbers: the largest number of the type.

    For `float8_e4m3fnuz` it is 224 and not 240: the accelerators that have this type lose accuracy
    above it.
    """
    return _LARGEST[dtype]


def smallest_scale(dtype: torch.dtype) -> float:
    """Return the lower bound of dynamic scales; a row of zeros has this scale."""
    return 1.0 / (largest(dtype) * 512.0)


def saturated(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Round to an eight-bit float; what is beyond its bounds becomes a bound, NaN stays NaN."""
    bound = largest(dtype)
    return x.clamp(-bound, bound).to(dtype)


def allow_one_step(op: ir.IrOp) -> None:
    """Let providers of an op differ by one step of its numbers: scales are rounded, too."""
    for dtype in FLOAT8:
        op.override_tolerance(dtype, atol=0.1, rtol=torch.finfo(dtype).eps)


def next_power_of_two(x: Tensor) -> Tensor:
    """Return the least power of two that is not below `x`: float32, at least 2**-126, or NaN."""
    bits = (x.view(torch.int32) + _FRACTION) & _EXPONENT
    return torch.where(x.isnan(), x, bits.view(torch.float32))


def of_dtype(argument: str, *allowed: torch.dtype) -> ir.Constraint:
    """Return the constraint that an argument, itself a dtype, is one of some."""
    return ir.Constraint(
        argument,
        " or ".join(map(short_name, allowed)),
        lambda dtype: dtype in allowed,
        short_name,
        reads=ir.Reads.CALL,
    )


def with_elements(argument: str) -> ir.Constraint:
    """Return the constraint that the rows of a tensor have at least one element."""
    return ir.fits(
        argument,
        "of rank 1 or more, with a last size of at least 1",
        lambda x: x.ndim > 0 and bool(ir.differ(x.shape[-1], 0)),
        expected=lambda _: "have at least 1 dimension, the last one with at least 1 element",
    )


def broadcast_scale() -> ir.Constraint:
    """Return the constraint that `scale` expands to the shape of `x`."""
    return ir.broadcastable(
        "scale", "x", lambda _, x: f"expand to the shape of `x` {format_tensor(x)}"
    )
