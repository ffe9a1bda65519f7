"""mul_and_silu: multiply one half of each row by the SiLU of the other half."""

from __future__ import annotations

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

__all__ = ["mul_and_silu"]


@kernel_from_native(row_inputs(2))
@ir.register_op(accepts=[*in_rows("x"), even_last_size("x")])
def mul_and_silu(x: Tensor) -> Tensor:
    """Multiply the first half of each row by the SiLU of its second half.

    Computes `x[..., :d] * silu(x[..., d:])` with `silu(v) = v * sigmoid(v)`: `silu_and_mul` with
    the halves exchanged.

    Args:
        x: `[*, 2 * d]` f32, bf16, f16 or f64; any rank >= 1, any strides.

    Returns:
        `[*, d]`, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: another dtype, rows of odd length.

    Numerics:
        Evaluated in float32 (float64 if `x` is) and rounded once to the dtype of `x`.
        Negative infinity in the gate gives NaN.

    Source:
        GLU Variants Improve Transformer, arXiv:2002.05202 (SwiGLU).

    Example:
        >>> mul_and_silu(torch.tensor([[5.0, 2.0, 0.0, 1.0]]))
        tensor([[0.0000, 1.4621]])
    """
    up, gate = widened(x).chunk(2, dim=-1)
    return rounded(up * (gate * torch.sigmoid(gate)), x)


shard_by_row("mul_and_silu")
