"""swigluoai_and_mul: multiply clamped odd elements of each row by a gate of the even ones."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import (
    even_last_size,
    in_rows,
    kernel_from_native,
    rounded,
    row_inputs,
    widened,
)
from kernels_mlir.sharding import shard_by_row

__all__ = ["swigluoai_and_mul"]


@kernel_from_native(row_inputs(2))
@ir.register_op(
    accepts=[
        *in_rows("x"),
        even_last_size("x"),
        ir.number("alpha", "finite", math.isfinite),
        ir.number("limit", "above 0", lambda limit: limit > 0),
    ]
)
def swigluoai_and_mul(x: Tensor, alpha: float = 1.702, limit: float = 7.0) -> Tensor:
    """Multiply the odd elements of each row, clamped, by a gate of the even ones.

    Computes `(u + 1) * g * sigmoid(alpha * g)`, with `g = min(x[..., 0::2], limit)` and
    `u = clamp(x[..., 1::2], -limit, limit)`.

    Args:
        x: `[*, 2 * d]` f32, bf16, f16 or f64; any rank >= 1, any strides.
        alpha: finite. Compiled in.
        limit: above 0. Compiled in.

    Returns:
        `[*, d]`, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: another dtype, rows of odd length, or a number that is not as above.

    Numerics:
        Evaluated in float32 (float64 if `x` is) and rounded once to the dtype of `x`.
        Negative infinity in the gate gives NaN.

    Source:
        gpt-oss model card, arXiv:2508.10925; `GptOssExperts` of transformers.

    Example:
        >>> swigluoai_and_mul(torch.tensor([[0.0, 5.0, 1.0, 1.0]]))
        tensor([[0.0000, 1.6916]])
    """
    gate, up = widened(x[..., 0::2]), widened(x[..., 1::2])  # IREE slices no converted bf16
    gate, up = gate.clamp(max=limit), up.clamp(-limit, limit)
    return rounded((up + 1) * gate * torch.sigmoid(alpha * gate), x)


shard_by_row("swigluoai_and_mul")
