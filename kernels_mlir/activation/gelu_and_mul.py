"""gelu_and_mul: multiply one half of each row by the GELU of the other half."""

from __future__ import annotations

from torch import Tensor

from ir_runtime import ir
from kernels_mlir.activation.gelu_curve import gelu_curve
from kernels_mlir.library import (
    even_last_size,
    in_rows,
    kernel_from_native,
    rounded,
    row_inputs,
    widened,
)
from kernels_mlir.sharding import shard_by_row

__all__ = ["gelu_and_mul"]


@kernel_from_native(row_inputs(2))
@ir.register_op(
    accepts=[*in_rows("x"), even_last_size("x"), ir.one_of("approximate", "none", "tanh")]
)
def gelu_and_mul(x: Tensor, approximate: str = "none") -> Tensor:
    """Multiply the second half of each row by the GELU of its first half.

    Computes `gelu(x[..., :d], approximate) * x[..., d:]`.

    Args:
        x: `[*, 2 * d]` f32, bf16, f16 or f64; any rank >= 1, any strides.
        approximate: "none" for the normal distribution function, or "tanh". Compiled in.

    Returns:
        `[*, d]`, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: another dtype, rows of odd length, or another word.

    Numerics:
        Evaluated in float32 (float64 if `x` is) and rounded once to the dtype of `x`. With "none",
        errors are relative to the gate where it is far below zero, as in torch.

    Source:
        GLU Variants Improve Transformer, arXiv:2002.05202 (GEGLU).

    Example:
        >>> gelu_and_mul(torch.tensor([[0.0, 1.0, 5.0, 2.0]]))
        tensor([[0.0000, 1.6827]])
    """
    gate, up = widened(x).chunk(2, dim=-1)
    return rounded(gelu_curve(gate, approximate) * up, x)


shard_by_row("gelu_and_mul")
