"""fused_add_gemma_rms_norm: add a residual, then norm as gemma_rms_norm does."""

from __future__ import annotations

from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import (
    FLOATING,
    in_rows,
    kernel_from_native,
    rounded,
    same_shape,
    widened,
)
from kernels_mlir.norm.fused_add_rms_norm import add_norm_inputs
from kernels_mlir.norm.rms import multiplied, rms_normed
from kernels_mlir.norm.rms_norm import finite_epsilon, per_feature
from kernels_mlir.sharding import shard_two_by_row

__all__ = ["fused_add_gemma_rms_norm"]


@kernel_from_native(add_norm_inputs)
@ir.register_op(
    allow_inplace=True,
    accepts=[
        *in_rows("x"),
        ir.dtypes("x_residual", *FLOATING),
        same_shape("x_residual", "x"),
        ir.dtypes("weight", *FLOATING),
        per_feature("weight"),
        finite_epsilon(),
    ],
)
def fused_add_gemma_rms_norm(
    x: Tensor, x_residual: Tensor, weight: Tensor, epsilon: float
) -> tuple[Tensor, Tensor]:
    """Add `x_residual` to `x`, norm each row of the sum, and scale it by `1 + weight`.

    Computes `s = x + x_residual` and `s / sqrt(mean(s ** 2) + epsilon) * (1 + weight)`.

    Args:
        x: `[*, n]` f32, bf16, f16 or f64; any rank >= 1, any strides.
        x_residual: shaped like `x`, of a floating-point dtype that may differ.
        weight: `[n]` of a floating-point dtype that may differ from `x`'s.
        epsilon: finite, >= 0. Compiled in.

    Returns:
        The normed sum and the sum, both `[*, n]` of the dtype and device of `x`; contiguous; never
        alias an argument. `maybe_inplace` may write them to `x` and `x_residual`.

    Raises:
        ArgumentError: a dtype, size or value is not as above.

    Numerics:
        Evaluated in float32 (float64 if an activation is) and rounded once to the dtype of `x`.
        The norm is that of the sum before it is rounded.

    Source:
        `GemmaRMSNorm` of transformers; Gemma, arXiv:2403.08295.

    Example:
        >>> x, residual = torch.tensor([[1.0, 4.0]]), torch.tensor([[2.0, 0.0]])
        >>> fused_add_gemma_rms_norm(x, residual, torch.tensor([0.0, 1.0]), 0.0)
        (tensor([[0.8485, 2.2627]]), tensor([[3., 4.]]))
    """
    total = widened(x) + widened(x_residual)
    y = multiplied(rms_normed(total, epsilon), 1 + widened(weight))
    return rounded(y, x), rounded(total, x)


shard_two_by_row("fused_add_gemma_rms_norm", results=2)
