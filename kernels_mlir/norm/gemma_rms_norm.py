"""gemma_rms_norm: rms_norm with a weight that is stored as its difference from 1."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import (
    FLOATING,
    in_rows,
    kernel_from_native,
    make_rows,
    rounded,
    widened,
)
from kernels_mlir.norm.rms import multiplied, rms_normed
from kernels_mlir.norm.rms_norm import finite_epsilon, per_feature
from kernels_mlir.sharding import shard_by_row

__all__ = ["gemma_rms_norm"]


def gemma_rms_norm_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    epsilon: float = 1e-6,
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`, and a weight."""
    (weight,) = make_rows(1, hidden_size, dtype, device)
    return make_rows(num_tokens, hidden_size, dtype, device), weight, epsilon


@kernel_from_native(gemma_rms_norm_inputs)
@ir.register_op(
    accepts=[
        *in_rows("x"),
        ir.dtypes("weight", *FLOATING),
        per_feature("weight"),
        finite_epsilon(),
    ]
)
def gemma_rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """Divide each row of `x` by its root mean square, and scale it by `1 + weight`.

    Computes `x / sqrt(mean(x ** 2) + epsilon) * (1 + weight)`.

    Args:
        x: `[*, n]` f32, bf16, f16 or f64; any rank >= 1, any strides.
        weight: `[n]` of a floating-point dtype that may differ from `x`'s.
        epsilon: finite, >= 0. Compiled in.

    Returns:
        `[*, n]`, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: a dtype, size or value is not as above.

    Numerics:
        Evaluated in float32 (float64 if `x` is) and rounded once to the dtype of `x`.

    Source:
        `GemmaRMSNorm` of transformers; Gemma, arXiv:2403.08295.

    Example:
        >>> gemma_rms_norm(torch.tensor([[3.0, 4.0]]), torch.tensor([0.0, 1.0]), 0.0)
        tensor([[0.8485, 2.2627]])
    """
    v = rms_normed(widened(x), epsilon)
    return rounded(multiplied(v, 1 + widened(weight)), x)


shard_by_row("gemma_rms_norm")
